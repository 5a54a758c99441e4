//! Numbers for the users and groups that `sysusers.d` asks for.
//!
//! The rules are those of systemd-sysusers, so that a root gets the numbers that its own first boot would have given:
//! groups before users, each in the order of the lines, free numbers from the top of the range downwards.

use std::collections::{BTreeMap, BTreeSet};

use super::Database;
use super::sysusers::{Account, GroupRef, Id, Request};

/// What there is when no line of kind `r` says otherwise.
const SYSTEM: (u32, u32) = (1, 999);

/// The owner and group of a path in the tree, for accounts whose number a path gives.
pub type PathOwners<'a> = &'a dyn Fn(&str) -> Option<(u32, u32)>;

/// What has to be added to the files of a system.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Created {
    pub users: Vec<NewUser>,
    pub groups: Vec<NewGroup>,
    /// Group to members, for the groups that exist already and the new ones.
    pub members: BTreeMap<String, BTreeSet<String>>,
    /// Accounts that could not be made.
    pub refused: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewUser {
    pub uid: u32,
    pub gid: u32,
    pub account: Account,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewGroup {
    pub name: String,
    pub gid: u32,
}

/// Chooses a number for everything that the database lacks.
///
/// Who has one in `kept` gets that one again, and nobody else does: so are the numbers of a system
/// that is there already, and is installed anew with more in it.
pub fn allocate(
    database: &Database,
    kept: &Database,
    request: &Request,
    owners: PathOwners<'_>,
) -> Created {
    let mut numbers = Numbers::new(database, kept, request);
    let mut created = Created {
        members: request
            .members
            .iter()
            .map(|(group, members)| (group.clone(), members.iter().cloned().collect()))
            .collect(),
        ..Created::default()
    };
    for group in &request.groups {
        let wanted = match &group.id {
            Id::Fixed(id) => Some(*id),
            Id::Path(path) => owners(path).map(|(_, gid)| gid).filter(|&id| id != 0),
            _ => None,
        };
        if numbers.group(&group.name, wanted, None).is_none() {
            created
                .refused
                .push(format!("group {}: no number is free", group.name));
        }
    }
    for user in &request.users {
        match numbers.user(user, owners) {
            Ok(Some(new)) => created.users.push(new),
            Ok(None) => {}
            Err(reason) => created
                .refused
                .push(format!("user {}: {reason}", user.name)),
        }
    }
    created.groups = numbers.new_groups;
    created
}

/// Names by number.
type Held = BTreeMap<u32, BTreeSet<String>>;

/// Which numbers are taken, by whom, while more are given out.
struct Numbers<'a> {
    known: &'a Database,
    kept: &'a Database,
    uids: Held,
    gids: Held,
    given_users: BTreeMap<String, u32>,
    given_groups: BTreeMap<String, u32>,
    new_groups: Vec<NewGroup>,
    /// Descending, and consumed: a number passed over once is not looked at again.
    free: Box<dyn Iterator<Item = u32>>,
}

impl<'a> Numbers<'a> {
    fn new(known: &'a Database, kept: &'a Database, request: &Request) -> Self {
        let joined = |mut known: Held, kept: Held| {
            for (id, names) in kept {
                known.entry(id).or_default().extend(names);
            }
            known
        };
        let mut ranges = request.ranges.clone();
        if ranges.is_empty() {
            ranges.push(SYSTEM);
        }
        ranges.sort_by_key(|&(low, high)| (std::cmp::Reverse(high), low));
        Numbers {
            known,
            kept,
            uids: joined(known.uids(), kept.uids()),
            gids: joined(known.gids(), kept.gids()),
            given_users: BTreeMap::new(),
            given_groups: BTreeMap::new(),
            new_groups: Vec::new(),
            free: Box::new(
                ranges
                    .into_iter()
                    .flat_map(|(low, high)| (low..=high).rev()),
            ),
        }
    }

    fn gid_of(&self, name: &str) -> Option<u32> {
        let known = self.known.groups.get(name);
        known.or_else(|| self.given_groups.get(name)).copied()
    }

    /// Whether a group may have this number; `shared` also keeps it from the users of other names.
    fn group_may(&self, id: u32, name: &str, shared: bool) -> bool {
        !self.gids.contains_key(&id) && (!shared || only(self.uids.get(&id), name))
    }

    fn user_may(&self, id: u32, name: &str, shared: bool) -> bool {
        !self.uids.contains_key(&id) && (!shared || only(self.gids.get(&id), name))
    }

    /// The number of a group, given out now if it is new; `like` is a user number to share when it is free.
    fn group(&mut self, name: &str, wanted: Option<u32>, like: Option<u32>) -> Option<u32> {
        if let Some(id) = self.gid_of(name) {
            return Some(id);
        }
        let wanted = wanted.filter(|&id| self.group_may(id, name, false));
        let like = like.filter(|&id| self.group_may(id, name, true));
        let kept = self.kept.groups.get(name).copied();
        let id = match kept.or(wanted).or(like) {
            Some(id) => id,
            None => loop {
                let id = self.free.next()?;
                if self.group_may(id, name, true) {
                    break id;
                }
            },
        };
        self.gids.entry(id).or_default().insert(name.to_owned());
        self.given_groups.insert(name.to_owned(), id);
        self.new_groups.push(NewGroup {
            name: name.to_owned(),
            gid: id,
        });
        Some(id)
    }

    fn user(
        &mut self,
        account: &Account,
        owners: PathOwners<'_>,
    ) -> Result<Option<NewUser>, String> {
        let name = account.name.as_str();
        let owner = match &account.id {
            Id::Path(path) => owners(path).filter(|&(uid, gid)| uid != 0 && gid != 0),
            _ => None,
        };
        let (wanted, gid, strict) = match &account.id {
            Id::InGroup(uid, group) => (*uid, self.existing(group, name)?, true),
            id => {
                let wanted = match id {
                    Id::Fixed(id) => Some(*id),
                    _ => owner.map(|(uid, _)| uid),
                };
                let in_queue = self.given_groups.get(name).copied();
                let gid = self
                    .group(name, owner.map(|(_, gid)| gid), wanted)
                    .ok_or("no group number is free")?;
                (wanted, gid, in_queue.is_some())
            }
        };
        if self.known.users.contains_key(name) || self.given_users.contains_key(name) {
            return Ok(None);
        }
        let wanted = wanted.filter(|&id| self.user_may(id, name, !strict));
        let like = Some(gid).filter(|&id| self.user_may(id, name, true));
        let kept = self.kept.users.get(name).copied();
        let uid = match kept.or(wanted).or(like) {
            Some(id) => id,
            None => loop {
                let id = self.free.next().ok_or("no number is free")?;
                if self.user_may(id, name, true) {
                    break id;
                }
            },
        };
        self.uids.entry(uid).or_default().insert(name.to_owned());
        self.given_users.insert(name.to_owned(), uid);
        Ok(Some(NewUser {
            uid,
            gid,
            account: account.clone(),
        }))
    }

    /// The group of a user. One of the user's own name that was there before is taken for any number.
    fn existing(&self, group: &GroupRef, user: &str) -> Result<u32, String> {
        match group {
            GroupRef::Number(_) if self.known.groups.contains_key(user) => {
                Ok(self.known.groups[user])
            }
            GroupRef::Number(id) if self.gids.contains_key(id) => Ok(*id),
            GroupRef::Number(id) => Err(format!("there is no group with number {id}")),
            GroupRef::Name(name) => self
                .gid_of(name)
                .ok_or_else(|| format!("there is no group {name}")),
        }
    }
}

/// Whether nobody has a number, or nobody of another name.
fn only(holders: Option<&BTreeSet<String>>, name: &str) -> bool {
    holders.is_none_or(|holders| holders.iter().all(|holder| holder == name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(text: &str) -> Created {
        let mut request = Request::default();
        request.read("t.conf", text);
        request.complete();
        let nobody = Database::default();
        allocate(&nobody, &nobody, &request, &|_| None)
    }

    #[test]
    fn who_had_a_number_keeps_it_and_nobody_else_gets_it() {
        let mut kept = Database::default();
        kept.read_passwd(b"b:x:999:998:::\ngone:x:997:997:::\n");
        kept.read_group(b"b:x:998:\ngone:x:997:\n");
        let mut request = Request::default();
        request.read("t.conf", "u a 999\nu b\nu c\n");
        let created = allocate(&Database::default(), &kept, &request, &|_| None);
        let users = created.users.iter();
        let users: Vec<_> = users
            .map(|u| (u.account.name.as_str(), u.uid, u.gid))
            .collect();
        assert_eq!(users, [("a", 996, 996), ("b", 999, 998), ("c", 995, 995)]);
    }

    #[test]
    fn numbers_are_given_from_the_top_groups_first() {
        let created = made("u b -\ng a -\nu c 48\n");
        let groups: Vec<_> = created
            .groups
            .iter()
            .map(|g| (g.name.as_str(), g.gid))
            .collect();
        assert_eq!(groups, [("a", 999), ("b", 998), ("c", 48)]);
        let users: Vec<_> = created.users.iter().map(|u| (u.uid, u.gid)).collect();
        assert_eq!(users, [(998, 998), (48, 48)]);
    }

    #[test]
    fn a_group_that_must_exist_and_does_not_refuses_the_user() {
        let created = made("u a 5:6\nu b -:nobody\n");
        assert!(created.users.is_empty());
        assert_eq!(created.refused.len(), 2);
    }

    #[test]
    fn an_exhausted_range_refuses_instead_of_repeating() {
        let created = made("r - 10-11\nu a\nu b\nu c\n");
        assert_eq!(created.users.len(), 2);
        assert_eq!(created.refused.len(), 1);
    }
}
