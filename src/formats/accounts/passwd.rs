//! `passwd` and `group`: names and numbers that a system already knows.

use std::collections::{BTreeMap, BTreeSet};

/// The users and groups that a tree defines.
///
/// Where a name is defined twice the first one counts, as it does for the C library.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Database {
    pub users: BTreeMap<String, u32>,
    pub groups: BTreeMap<String, u32>,
}

impl Database {
    /// Takes in the lines of a `passwd` file; lines that are none are passed over, as the C library does.
    pub fn read_passwd(&mut self, text: &[u8]) {
        for (name, id) in numbered(text) {
            self.users.entry(name).or_insert(id);
        }
    }

    /// Takes in the lines of a `group` file.
    pub fn read_group(&mut self, text: &[u8]) {
        for (name, id) in numbered(text) {
            self.groups.entry(name).or_insert(id);
        }
    }

    /// The number of a user; root needs no definition.
    pub fn uid(&self, name: &str) -> Option<u32> {
        self.users.get(name).copied().or(root(name))
    }

    pub fn gid(&self, name: &str) -> Option<u32> {
        self.groups.get(name).copied().or(root(name))
    }

    pub(super) fn uids(&self) -> BTreeMap<u32, BTreeSet<String>> {
        turned(&self.users)
    }

    pub(super) fn gids(&self) -> BTreeMap<u32, BTreeSet<String>> {
        turned(&self.groups)
    }
}

fn root(name: &str) -> Option<u32> {
    (name == "root").then_some(0)
}

fn turned(names: &BTreeMap<String, u32>) -> BTreeMap<u32, BTreeSet<String>> {
    let mut ids: BTreeMap<u32, BTreeSet<String>> = BTreeMap::new();
    for (name, id) in names {
        ids.entry(*id).or_default().insert(name.clone());
    }
    ids
}

/// `NAME:PASSWORD:NUMBER:…`, which `passwd` and `group` lines have in common.
fn numbered(text: &[u8]) -> impl Iterator<Item = (String, u32)> + '_ {
    text.split(|&b| b == b'\n').filter_map(|line| {
        let line = std::str::from_utf8(line).ok()?;
        let mut fields = line.split(':');
        let name = fields.next()?;
        // `+` and `-` begin lines for NIS.
        if name.is_empty() || name.starts_with(['+', '-', '#']) {
            return None;
        }
        let id = fields.nth(1)?.parse().ok()?;
        Some((name.to_owned(), id))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_define_nobody_are_passed_over() {
        let mut database = Database::default();
        database.read_passwd(b"root:x:0:0:root:/root:/bin/sh\n# no\n+::::::\nbroken\nbin:x:1:1:::\nbin:x:9:9:::\nbad:x:y:1:::");
        assert_eq!(database.uid("root"), Some(0));
        assert_eq!(database.uid("bin"), Some(1));
        assert_eq!(database.users.len(), 2);
        assert_eq!(database.gid("root"), Some(0));
        assert_eq!(database.gid("bin"), None);
    }
}
