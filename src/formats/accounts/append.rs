//! New users and groups as lines at the end of the files that hold them.
//!
//! What is in a file stays as it is, byte for byte; only group lines that gain a member are written anew.

use std::collections::{BTreeMap, BTreeSet};

use super::{Created, NewUser};

/// Who has no shell of its own.
const NO_LOGIN: &str = "/usr/sbin/nologin";
/// Nobody can log in by a password that hashes to this.
const NO_PASSWORD: &str = "!*";

impl Created {
    pub fn is_empty(&self) -> bool {
        self.users.is_empty() && self.groups.is_empty() && self.members.is_empty()
    }

    pub fn passwd(&self, before: &[u8]) -> Vec<u8> {
        appended(before, self.users.iter().map(passwd_line))
    }

    pub fn group(&self, before: &[u8]) -> Vec<u8> {
        let before = with_members(before, &self.members);
        let lines = self.groups.iter().map(|group| {
            let members = joined(self.members.get(&group.name));
            format!("{}:x:{}:{members}\n", group.name, group.gid)
        });
        appended(&before, lines)
    }

    /// `day` counts from 1970: when the passwords were changed last.
    pub fn shadow(&self, before: &[u8], day: i64) -> Vec<u8> {
        let lines = self.users.iter().map(|user| {
            let expires = if user.account.locked { "1" } else { "" };
            format!("{}:{NO_PASSWORD}:{day}:::::{expires}:\n", user.account.name)
        });
        appended(before, lines)
    }

    pub fn gshadow(&self, before: &[u8]) -> Vec<u8> {
        let before = with_members(before, &self.members);
        let lines = self.groups.iter().map(|group| {
            let members = joined(self.members.get(&group.name));
            format!("{}:{NO_PASSWORD}::{members}\n", group.name)
        });
        appended(&before, lines)
    }
}

fn passwd_line(user: &NewUser) -> String {
    let NewUser { uid, gid, account } = user;
    let or = |text: &str, otherwise: &str| match text {
        "" => otherwise.to_owned(),
        text => text.to_owned(),
    };
    let (home, shell) = match uid {
        0 => ("/root", "/bin/sh"),
        _ => ("/", NO_LOGIN),
    };
    format!(
        "{}:x:{uid}:{gid}:{}:{}:{}\n",
        account.name,
        account.gecos,
        or(&account.home, home),
        or(&account.shell, shell)
    )
}

fn joined(members: Option<&BTreeSet<String>>) -> String {
    let names: Vec<&str> = members.into_iter().flatten().map(String::as_str).collect();
    names.join(",")
}

/// Puts lines at the end, but before what NIS adds, which has to stay last.
fn appended(before: &[u8], lines: impl Iterator<Item = String>) -> Vec<u8> {
    let mut nis = before.len();
    let mut at = 0;
    for line in before.split_inclusive(|&b| b == b'\n') {
        if matches!(line.first(), Some(b'+' | b'-')) {
            nis = at;
            break;
        }
        at += line.len();
    }
    let (own, nis) = before.split_at(nis);
    let mut after = own.to_vec();
    if after.last().is_some_and(|&last| last != b'\n') {
        after.push(b'\n');
    }
    for line in lines {
        after.extend_from_slice(line.as_bytes());
    }
    after.extend_from_slice(nis);
    after
}

fn with_members(before: &[u8], members: &BTreeMap<String, BTreeSet<String>>) -> Vec<u8> {
    let mut after = Vec::with_capacity(before.len());
    for line in before.split_inclusive(|&b| b == b'\n') {
        match with_member(line, members) {
            Some(changed) => after.extend_from_slice(&changed),
            None => after.extend_from_slice(line),
        }
    }
    after
}

/// A group line with the members that it lacked; `None` when it lacks none.
fn with_member(line: &[u8], members: &BTreeMap<String, BTreeSet<String>>) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(line).ok()?;
    let (name, _) = text.split_once(':')?;
    let wanted = members.get(name)?;
    let (head, listed) = text.trim_end_matches('\n').rsplit_once(':')?;
    let mut all: Vec<&str> = listed.split(',').filter(|name| !name.is_empty()).collect();
    let had = all.len();
    for name in wanted {
        if !all.contains(&name.as_str()) {
            all.push(name);
        }
    }
    let gained = all.len() > had;
    all.sort_unstable();
    let end = if text.ends_with('\n') { "\n" } else { "" };
    gained.then(|| format!("{head}:{}{end}", all.join(",")).into_bytes())
}

#[cfg(test)]
mod tests {
    use super::super::{Database, Request, allocate};

    #[test]
    fn files_keep_their_lines_and_gain_new_ones() {
        let mut request = Request::default();
        request.read("t.conf", "u web 48 Web /var/www\nm web audio\n");
        request.complete();
        let group = b"root:x:0:\naudio:x:63:bin\n+:::\n";
        let mut database = Database::default();
        database.read_group(group);
        let created = allocate(&database, &Database::default(), &request, &|_| None);
        assert_eq!(
            created.group(group),
            b"root:x:0:\naudio:x:63:bin,web\nweb:x:48:\n+:::\n"
        );
        assert_eq!(
            created.passwd(b"root:x:0:0::/root:/bin/sh"),
            b"root:x:0:0::/root:/bin/sh\nweb:x:48:48:Web:/var/www:/usr/sbin/nologin\n"
        );
        assert_eq!(created.shadow(b"", 19675), b"web:!*:19675::::::\n");
        assert_eq!(created.gshadow(b""), b"web:!*::\n");
    }
}
