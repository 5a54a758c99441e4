//! What packages have in `/var` and `/run`, which an OSTree commit can't hold.
//!
//! A deployment shares `/var` with the ones before it, and `/run` is gone at every boot. So directories and links there
//! become lines of a tmpfiles.d file, and files move to `/usr/share/factory`, from where tmpfiles.d copies them
//! where they are missing.
//! Facts: tmpfiles.d(5).

use std::collections::BTreeMap;

use super::Error;
use super::content::special;
use super::moving::{path, take};
use crate::compose::Workspace;
use crate::formats::accounts::Database;
use crate::ids::TreePath;
use crate::tree::{Builder, Child, Content, Leaf, Meta};

/// The last one in the order of names, because of two lines for a path the first one counts:
/// what a package says of its own directory is better informed.
const TMPFILES: &str = "usr/lib/tmpfiles.d/zz-ostree-state.conf";

const FACTORY: &str = "usr/share/factory";

/// Names of owners by number, as the tree itself defines them.
pub struct Owners {
    users: BTreeMap<u32, String>,
    groups: BTreeMap<u32, String>,
}

impl Owners {
    pub fn of(tree: &Builder, workspace: &dyn Workspace) -> Result<Self, Error> {
        let mut database = Database::default();
        for base in ["etc", "usr/etc", "usr/lib"] {
            database.read_passwd(&text(tree, &format!("{base}/passwd"), workspace)?);
            database.read_group(&text(tree, &format!("{base}/group"), workspace)?);
        }
        Ok(Owners {
            users: by_number(database.users),
            groups: by_number(database.groups),
        })
    }

    /// `root root`, as a line of tmpfiles.d has it; numbers where nobody has a name.
    fn columns(&self, meta: &Meta) -> String {
        let name = |names: &BTreeMap<u32, String>, id: u32| match names.get(&id) {
            Some(name) => name.clone(),
            None if id == 0 => "root".to_owned(),
            None => id.to_string(),
        };
        let user = name(&self.users, meta.uid);
        format!("{user} {}", name(&self.groups, meta.gid))
    }
}

fn by_number(names: BTreeMap<String, u32>) -> BTreeMap<u32, String> {
    let plain = |name: &str| {
        name.chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'))
    };
    let mut numbers = BTreeMap::new();
    for (name, id) in names.into_iter().filter(|(name, _)| plain(name)) {
        numbers.entry(id).or_insert(name);
    }
    // Whoever else has the number.
    numbers.insert(0, "root".to_owned());
    numbers
}

/// A file of the tree; empty where there is none.
fn text(tree: &Builder, at: &str, workspace: &dyn Workspace) -> Result<Vec<u8>, Error> {
    match tree.get(&path(at)) {
        Some(Child::Leaf(Leaf {
            content: Content::File { blob, .. },
            ..
        })) => Ok(workspace.bytes(*blob)?),
        _ => Ok(Vec::new()),
    }
}

/// What was taken out of `/var` and `/run`.
#[derive(Default)]
pub struct State {
    lines: String,
    files: Vec<(TreePath, Leaf)>,
}

impl State {
    /// Empties both directories.
    pub fn take(
        tree: &mut Builder,
        owners: &Owners,
        workspace: &dyn Workspace,
    ) -> Result<Self, Error> {
        let mut state = State::default();
        for top in ["var", "run"] {
            let found = take(tree, top)?.unwrap_or_default();
            for (below, child) in found.paths() {
                let at = path(top);
                let at = below
                    .names()
                    .fold(at, |at, name| at.join(name).expect("it was a name"));
                state.add(&at, child, owners, workspace);
            }
            tree.insert(&path(top), Child::Directory(Builder::new(found.meta)))?;
        }
        Ok(state)
    }

    fn add(&mut self, at: &TreePath, child: &Child, owners: &Owners, workspace: &dyn Workspace) {
        let Some(name) = word(at) else {
            workspace.note(&format!("{at} dropped: tmpfiles.d can't say its name"));
            return;
        };
        match child {
            Child::Directory(Builder { meta, .. }) => {
                self.line(&format!(
                    "d {name} {:04o} {} -",
                    meta.mode,
                    owners.columns(meta)
                ));
                if !meta.xattrs.is_empty() {
                    workspace.note(&format!(
                        "{at} loses its extended attributes: tmpfiles.d makes it at boot"
                    ));
                }
            }
            Child::Finished(_) => unreachable!("the tree was opened to its last directory"),
            Child::Leaf(leaf) => match &leaf.content {
                Content::File { .. } => {
                    let meta = &leaf.meta;
                    self.line(&format!(
                        "C {name} {:04o} {} -",
                        meta.mode,
                        owners.columns(meta)
                    ));
                    workspace.note(&format!(
                        "{at} carried as /{FACTORY}{at}, from where it is copied at boot"
                    ));
                    self.files.push((at.clone(), leaf.clone()));
                }
                Content::Symlink { target } => match argument(target) {
                    Some(target) => self.line(&format!("L {name} - - - - {target}")),
                    None => workspace.note(&format!(
                        "{at} dropped: tmpfiles.d can't say where it points to"
                    )),
                },
                other => workspace.note(&format!("{at} dropped: it is a {}", special(other))),
            },
        }
    }

    fn line(&mut self, line: &str) {
        self.lines.push_str(line);
        self.lines.push('\n');
    }

    /// Puts the lines and the files below `/usr`.
    pub fn write(self, tree: &mut Builder, workspace: &dyn Workspace) -> Result<(), Error> {
        if !self.lines.is_empty() {
            let text = format!(
                "# Made from what packages have in /var and /run.\n{}",
                self.lines
            );
            let leaf = workspace.file(0o644, text.as_bytes())?;
            tree.insert(&path(TMPFILES), Child::Leaf(leaf))?;
        }
        let factory = path(FACTORY);
        for (at, leaf) in self.files {
            let at = at.names().fold(factory.clone(), |at, name| {
                at.join(name).expect("it was a name")
            });
            tree.insert(&at, Child::Leaf(leaf))?;
        }
        Ok(())
    }
}

/// A path as a word of tmpfiles.d; `None` where that can't say it.
///
/// `%` begins a specifier. Quotes with `\"` and `\\` inside are read alike by all versions of systemd; other escapes are not.
fn word(path: &TreePath) -> Option<String> {
    let text = format!("/{}", std::str::from_utf8(path.as_bytes()).ok()?);
    if text.contains(char::is_control) {
        return None;
    }
    let text = text.replace('%', "%%");
    if text.contains(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '\\')) {
        let text = text.replace('\\', "\\\\").replace('"', "\\\"");
        return Some(format!("\"{text}\""));
    }
    Some(text)
}

/// The target of a link as the rest of a line, where versions of systemd differ in what a backslash means.
fn argument(target: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(target).ok()?;
    let plain = text.trim() == text && !text.is_empty() && text != "-";
    let plain = plain && !text.contains(|c: char| c.is_control() || c == '\\');
    plain.then(|| text.replace('%', "%%"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each of these was given to systemd-tmpfiles 252, which made what was meant.
    #[test]
    fn paths_and_targets_are_words_of_tmpfiles_lines() {
        let said = |text: &[u8]| word(&TreePath::parse(text).unwrap());
        let says = |text: &str| Some(text.to_owned());
        assert_eq!(
            said(b"var/a-b_c.d+e@f:g~#!$*[x]"),
            says("/var/a-b_c.d+e@f:g~#!$*[x]")
        );
        assert_eq!(
            said(b"var/50% of \"it\"'s\\"),
            says(r#""/var/50%% of \"it\"'s\\""#)
        );
        assert_eq!(said("var/ü".as_bytes()), says("/var/ü"));
        assert_eq!(said(b"var/\xff"), None);
        assert_eq!(said(b"var/\n"), None);
        assert_eq!(argument(b"../100% of \"x\""), says("../100%% of \"x\""));
        assert_eq!(argument(b"a\nb"), None);
        assert_eq!(argument(b" a"), None);
        assert_eq!(argument(b"a\\b"), None);
    }
}
