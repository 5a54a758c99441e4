//! Whom a container is started as. Runtimes look a name up inside the image, and start nothing where it is not known.

use super::Error;
use crate::compose::Workspace;
use crate::compose::root::accounts_of;
use crate::ids::TreeId;

/// Checks that a root knows `USER` or `USER:GROUP`, of which each may be a number.
pub fn check(
    asked: &str,
    root: TreeId,
    workspace: &dyn Workspace,
) -> Result<(), crate::compose::Error> {
    let known = accounts_of(root, workspace)?;
    let (user, group) = match asked.split_once(':') {
        Some((user, group)) => (user, Some(group)),
        None => (asked, None),
    };
    if !is_number(user) && known.uid(user).is_none() {
        return Err(missing("user", user, "etc/passwd").into());
    }
    match group {
        Some(group) if !is_number(group) && known.gid(group).is_none() => {
            Err(missing("group", group, "etc/group").into())
        }
        _ => Ok(()),
    }
}

fn is_number(text: &str) -> bool {
    text.parse::<u32>().is_ok()
}

fn missing(kind: &'static str, name: &str, file: &'static str) -> Error {
    let name = name.to_owned();
    Error::NoAccount { kind, name, file }
}
