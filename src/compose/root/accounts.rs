//! Owners: names in headers become numbers, by the files that the packages themselves bring.
//!
//! `passwd` and `group` of the tree say who there is. `sysusers.d` says who is to be made: that is done here, as the first
//! boot or a scriptlet would have done it, so that every file's owner exists in the tree that holds it.

use std::collections::{BTreeMap, BTreeSet};

use super::Package;
use super::claims::Chosen;
use crate::compose::{Workspace, WorkspaceError};
use crate::formats::accounts::{Created, Database, Request, allocate};
use crate::ids::{TreeId, TreePath};
use crate::tree::{Builder, Child, Content, Leaf, Meta, Occupied};

const SECONDS_A_DAY: i64 = 86_400;
const SET_UID: u32 = 0o4000;
const SET_GID: u32 = 0o2000;

/// Who owns what in a root.
pub struct Owners {
    database: Database,
    created: Created,
    /// The day, counted from 1970, on which the created accounts got their (locked) passwords.
    day: i64,
}

impl Owners {
    /// Reads the account files of the winners, and gives numbers to the accounts that `sysusers.d` asks for.
    ///
    /// Accounts that were created for a root below keep their numbers.
    pub fn find(
        packages: &[Package],
        chosen: &Chosen,
        epoch: i64,
        below: Option<TreeId>,
        workspace: &dyn Workspace,
    ) -> Result<Self, crate::compose::Error> {
        let tree = Winners {
            packages,
            chosen,
            workspace,
        };
        let mut database = Database::default();
        for path in ["etc/passwd", "usr/lib/passwd"] {
            database.read_passwd(&tree.bytes(path)?);
        }
        for path in ["etc/group", "usr/lib/group"] {
            database.read_group(&tree.bytes(path)?);
        }
        let request = tree.request()?;
        let path_owners = |path: &str| tree.owner(path, &database);
        let kept = match below {
            Some(root) => accounts_of(root, workspace)?,
            None => Database::default(),
        };
        let created = allocate(&database, &kept, &request, &path_owners);
        for line in request.ignored.iter().chain(&created.refused) {
            workspace.note(&format!("sysusers.d: {line}"));
        }
        for group in &created.groups {
            database.groups.insert(group.name.clone(), group.gid);
        }
        for user in &created.users {
            database.users.insert(user.account.name.clone(), user.uid);
        }
        let owners = Owners {
            database,
            created,
            day: epoch.div_euclid(SECONDS_A_DAY),
        };
        owners.note_unknown(packages, workspace);
        Ok(owners)
    }

    /// Gives a file to its owner. Who is unknown becomes root, and then, as in rpm, the bit goes
    /// that would lend the owner's rights to everybody.
    pub fn own(&self, meta: &mut Meta, user: &str, group: &str) {
        let (uid, gid) = (self.database.uid(user), self.database.gid(group));
        if uid.is_none() {
            meta.mode &= !SET_UID;
        }
        if gid.is_none() {
            meta.mode &= !SET_GID;
        }
        meta.uid = uid.unwrap_or(0);
        meta.gid = gid.unwrap_or(0);
    }

    fn note_unknown(&self, packages: &[Package], workspace: &dyn Workspace) {
        for package in packages {
            let files = package.files.iter().filter(|file| file.shipped.is_some());
            let mut unknown = BTreeSet::new();
            for file in files {
                let (user, group) = (&file.listed.user, &file.listed.group);
                if self.database.uid(user).is_none() {
                    unknown.insert(("user", user));
                }
                if self.database.gid(group).is_none() {
                    unknown.insert(("group", group));
                }
            }
            for (kind, name) in unknown {
                workspace.note(&format!(
                    "{kind} {name} of {} is not defined: root is used",
                    package.nevra
                ));
            }
        }
    }

    /// Puts the created accounts into the account files of a tree.
    pub fn write(
        &self,
        tree: &mut Builder,
        workspace: &dyn Workspace,
    ) -> Result<(), crate::compose::Error> {
        let Owners { created, day, .. } = self;
        if created.is_empty() {
            return Ok(());
        }
        edit(tree, "etc/passwd", 0o644, workspace, |b| created.passwd(b))?;
        edit(tree, "etc/group", 0o644, workspace, |b| created.group(b))?;
        edit(tree, "etc/shadow", 0, workspace, |b| {
            created.shadow(b, *day)
        })?;
        edit(tree, "etc/gshadow", 0, workspace, |b| created.gshadow(b))
    }
}

/// The accounts of a root that was installed before.
pub fn accounts_of(
    root: TreeId,
    workspace: &dyn Workspace,
) -> Result<Database, crate::compose::Error> {
    let mut database = Database::default();
    if let Some((blob, _)) = workspace.lookup_file(root, &TreePath::parse("etc/passwd")?)? {
        database.read_passwd(&workspace.bytes(blob)?);
    }
    if let Some((blob, _)) = workspace.lookup_file(root, &TreePath::parse("etc/group")?)? {
        database.read_group(&workspace.bytes(blob)?);
    }
    Ok(database)
}

/// Changes a file of the tree, or makes it when there is something to say.
fn edit(
    tree: &mut Builder,
    path: &str,
    mode: u32,
    workspace: &dyn Workspace,
    change: impl Fn(&[u8]) -> Vec<u8>,
) -> Result<(), crate::compose::Error> {
    let path = TreePath::parse(path)?;
    let (meta, before) = match tree.get(&path) {
        None => (Meta::new(mode), Vec::new()),
        Some(Child::Leaf(Leaf {
            meta,
            content: Content::File { blob, .. },
        })) => (meta.clone(), workspace.bytes(*blob)?),
        Some(_) => {
            return Err(Occupied {
                path: path.clone(),
                at: path,
                what: "not a regular file",
            }
            .into());
        }
    };
    let after = change(&before);
    if after == before {
        return Ok(());
    }
    let mut leaf = workspace.file(mode, &after)?;
    // What is composed here has no time.
    leaf.meta = Meta {
        mtime: None,
        ..meta
    };
    tree.replace(&path, Child::Leaf(leaf))?;
    Ok(())
}

/// The files of a root before it is built.
struct Winners<'a> {
    packages: &'a [Package],
    chosen: &'a Chosen,
    workspace: &'a dyn Workspace,
}

impl Winners<'_> {
    /// A file's bytes; none if there is no such file.
    fn bytes(&self, path: &str) -> Result<Vec<u8>, crate::compose::Error> {
        let leaf = self.chosen.leaf(self.packages, &TreePath::parse(path)?);
        Ok(self.content(leaf)?.unwrap_or_default())
    }

    fn content(&self, leaf: Option<&Leaf>) -> Result<Option<Vec<u8>>, WorkspaceError> {
        match leaf.map(|leaf| &leaf.content) {
            Some(Content::File { blob, .. }) => self.workspace.bytes(*blob).map(Some),
            _ => Ok(None),
        }
    }

    /// All `sysusers.d` files: one in `/etc` hides that of the same name in `/usr/lib`, and all go by name.
    fn request(&self) -> Result<Request, crate::compose::Error> {
        let mut files: BTreeMap<&[u8], (&TreePath, &Leaf)> = BTreeMap::new();
        for directory in ["usr/lib/sysusers.d", "etc/sysusers.d"] {
            let directory = TreePath::parse(directory)?;
            let below = self.chosen.winners.range(directory.clone()..);
            for (path, _) in below.take_while(|(path, _)| near(path, &directory)) {
                let name = path.file_name().unwrap_or_default();
                if path.parent().as_ref() == Some(&directory)
                    && name.ends_with(b".conf")
                    && let Some(leaf) = self.chosen.leaf(self.packages, path)
                {
                    files.insert(name, (path, leaf));
                }
            }
        }
        let mut request = Request::default();
        for (path, leaf) in files.values() {
            // A link, to /dev/null by custom, only hides.
            if let Some(bytes) = self.content(Some(leaf))? {
                request.read(&path.to_string(), &String::from_utf8_lossy(&bytes));
            }
        }
        request.complete();
        Ok(request)
    }

    fn owner(&self, path: &str, database: &Database) -> Option<(u32, u32)> {
        let path = TreePath::parse(path).ok()?;
        let (package, file) = self.chosen.winners.get(&path)?.of(self.packages);
        let (user, group) = package.owner(file);
        Some((database.uid(user)?, database.gid(group)?))
    }
}

/// Whether a path still sorts among those below a directory.
fn near(path: &TreePath, directory: &TreePath) -> bool {
    path.as_bytes().starts_with(directory.as_bytes())
}
