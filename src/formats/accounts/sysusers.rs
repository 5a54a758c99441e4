//! `sysusers.d`: users and groups that packages ask for, as lines of text.
//!
//! ```text
//! u  NAME  -|UID|UID:GID|UID:GROUP|-:GROUP|/PATH  "GECOS"  HOME  SHELL      a user and its group
//! u! …                                                                     the same, locked for ever
//! g  NAME  -|GID|/PATH                                                     a group
//! m  NAME  GROUP                                                           a user in a group
//! r  -     LOW-HIGH                                                        numbers to allocate from
//! ```

/// What all files together ask for: each user and group once, in the order of the lines.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Request {
    pub users: Vec<Account>,
    pub groups: Vec<Account>,
    /// Groups with their added members, both in the order of the lines.
    pub members: Vec<(String, Vec<String>)>,
    /// Numbers to allocate from, both ends included; empty for 1 to 999.
    pub ranges: Vec<(u32, u32)>,
    /// Lines that could not be used, with the reason.
    pub ignored: Vec<String>,
}

/// A user or a group that is wanted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Account {
    pub name: String,
    pub id: Id,
    pub gecos: String,
    pub home: String,
    pub shell: String,
    pub locked: bool,
}

/// How the number of an account is chosen.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Id {
    #[default]
    Any,
    /// This one, if it is free.
    Fixed(u32),
    /// A user with this number (or any) in a group that must exist.
    InGroup(Option<u32>, GroupRef),
    /// The owner of a path of the tree.
    Path(String),
}

/// A group by number or by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GroupRef {
    Number(u32),
    Name(String),
}

impl Request {
    /// Takes in one file; `origin` names it in what is ignored.
    pub fn read(&mut self, origin: &str, text: &str) {
        for (number, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            if let Err(reason) = self.line(line) {
                self.ignored
                    .push(format!("{origin}:{}: {reason}: {line}", number + 1));
            }
        }
    }

    /// Adds the users and groups that are only spoken of as members; to be called after the last file.
    pub fn complete(&mut self) {
        for (group, members) in self.members.clone() {
            for name in members {
                if !self.users.iter().any(|user| user.name == name) {
                    self.users.push(Account {
                        name,
                        ..Account::default()
                    });
                }
            }
            let known = |accounts: &[Account]| accounts.iter().any(|a| a.name == group);
            if !known(&self.groups) && !known(&self.users) {
                self.groups.push(Account {
                    name: group,
                    ..Account::default()
                });
            }
        }
    }

    fn line(&mut self, line: &str) -> Result<(), &'static str> {
        let mut fields = fields(line)?.into_iter();
        let kind = fields.next().unwrap_or_default();
        let mut field = || match fields.next() {
            Some(text) if text != "-" => expand(&text).map(Some),
            _ => Ok(None),
        };
        let (name, id) = (field()?, field()?);
        let (gecos, home, shell) = (field()?, field()?, field()?);
        if kind == "r" {
            let range = id.as_deref().and_then(range).ok_or("not a range")?;
            self.ranges.push(range);
            return Ok(());
        }
        let name = name
            .filter(|name| is_name(name))
            .ok_or("not a valid name")?;
        match kind.as_str() {
            "u" | "u!" => {
                let account = Account {
                    name,
                    id: parse_id(id.as_deref())?,
                    gecos: gecos.unwrap_or_default(),
                    home: home.unwrap_or_default(),
                    shell: shell.unwrap_or_default(),
                    locked: kind == "u!",
                };
                if account.gecos.contains([':', '\n']) {
                    return Err("the description holds a colon");
                }
                add(&mut self.users, account)
            }
            "g" => {
                let id = parse_id(id.as_deref())?;
                if matches!(id, Id::InGroup(..)) {
                    return Err("a group has one number");
                }
                let account = Account {
                    name,
                    id,
                    ..Account::default()
                };
                add(&mut self.groups, account)
            }
            "m" => {
                let group = id.filter(|name| is_name(name)).ok_or("not a valid group")?;
                self.member(name, group);
                Ok(())
            }
            _ => Err("unknown kind of line"),
        }
    }

    fn member(&mut self, name: String, group: String) {
        let at = self.members.iter().position(|(known, _)| *known == group);
        let at = at.unwrap_or_else(|| {
            self.members.push((group, Vec::new()));
            self.members.len() - 1
        });
        let members = &mut self.members[at].1;
        if !members.contains(&name) {
            members.push(name);
        }
    }
}

fn add(accounts: &mut Vec<Account>, account: Account) -> Result<(), &'static str> {
    match accounts.iter().find(|known| known.name == account.name) {
        None => accounts.push(account),
        Some(known) if *known == account => {}
        Some(_) => return Err("asked for before, in another way"),
    }
    Ok(())
}

fn parse_id(text: Option<&str>) -> Result<Id, &'static str> {
    let Some(text) = text else {
        return Ok(Id::Any);
    };
    if text.starts_with('/') {
        return Ok(Id::Path(text.to_owned()));
    }
    let number = |text: &str| text.parse::<u32>().ok().filter(|&id| !reserved(id));
    if let Some((user, group)) = text.split_once(':') {
        let user = match user {
            "-" => None,
            user => Some(number(user).ok_or("not a valid user number")?),
        };
        let group = match number(group) {
            Some(id) => GroupRef::Number(id),
            None if is_name(group) => GroupRef::Name(group.to_owned()),
            None => return Err("not a valid group"),
        };
        return Ok(Id::InGroup(user, group));
    }
    number(text).map(Id::Fixed).ok_or("not a valid number")
}

/// Numbers that mean "none" to the kernel or in 16 bits.
const fn reserved(id: u32) -> bool {
    id == u32::MAX || id == 0xffff
}

fn range(text: &str) -> Option<(u32, u32)> {
    let (low, high) = text.split_once('-').unwrap_or((text, text));
    let (low, high) = (low.parse().ok()?, high.parse().ok()?);
    (low <= high && !reserved(low) && !reserved(high)).then_some((low, high))
}

fn is_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    name.len() <= 31
        && bytes
            .next()
            .is_some_and(|b| b.is_ascii_alphabetic() || b == b'_')
        && bytes.all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
}

/// Puts in `%%`; every other specifier speaks of a running machine.
fn expand(text: &str) -> Result<String, &'static str> {
    let mut expanded = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '%' if chars.next() == Some('%') => expanded.push('%'),
            '%' => return Err("a specifier that only a running system knows"),
            c => expanded.push(c),
        }
    }
    Ok(expanded)
}

/// Splits a line at blanks; quotes hold a field together, a backslash takes the next character as it is.
fn fields(line: &str) -> Result<Vec<String>, &'static str> {
    let mut fields = Vec::new();
    let mut field: Option<String> = None;
    let mut quote = None;
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        match (c, quote) {
            ('\\', _) => {
                let next = chars.next().ok_or("a backslash at the end")?;
                field.get_or_insert_default().push(next);
            }
            (c, Some(open)) if c == open => quote = None,
            ('"' | '\'', None) => {
                quote = Some(c);
                field.get_or_insert_default();
            }
            (c, None) if c.is_ascii_whitespace() => fields.extend(field.take()),
            (c, _) => field.get_or_insert_default().push(c),
        }
    }
    if quote.is_some() {
        return Err("a quote is not closed");
    }
    fields.extend(field);
    Ok(fields)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_line_is_read() {
        let mut request = Request::default();
        request.read(
            "a.conf",
            "u a - \"A \\\"b\\\"\"\nu b 5:6 B /b /bin/b\nu! c -:grp\ng d /usr/bin/x\nm a d\nr - 400-500\n",
        );
        request.complete();
        assert_eq!(request.ignored, Vec::<String>::new());
        assert_eq!(request.users[0].gecos, "A \"b\"");
        assert_eq!(
            request.users[1].id,
            Id::InGroup(Some(5), GroupRef::Number(6))
        );
        assert!(request.users[2].locked);
        assert_eq!(request.groups[0].id, Id::Path("/usr/bin/x".into()));
        assert_eq!(request.ranges, [(400, 500)]);
    }

    #[test]
    fn a_bad_line_is_named_and_left_out() {
        let mut request = Request::default();
        request.read(
            "a.conf",
            "x y\nu 0day\nu a 4294967295\nu b\nu b 5\nu c - %m\nu d \"\n",
        );
        assert_eq!(request.users.len(), 1);
        assert_eq!(request.ignored.len(), 6);
        assert!(request.ignored[0].starts_with("a.conf:1: "));
    }

    #[test]
    fn members_bring_their_user_and_group() {
        let mut request = Request::default();
        request.read("a.conf", "m someone somewhere");
        request.complete();
        assert_eq!(request.users[0].name, "someone");
        assert_eq!(request.groups[0].name, "somewhere");
    }
}
