//! What keeps a command from giving a tree.

use std::path::PathBuf;

/// Why a command gave no tree.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(
        "a command is contained with the help of the store program, and this caller named none; \
         realize it with `store realize`"
    )]
    NoProgram,
    #[error("starting {}, which contains commands", program.display())]
    Start {
        program: PathBuf,
        source: std::io::Error,
    },
    #[error(
        "a command can't be contained here: {what}: {why}. It needs user namespaces: the kernel has to have them, \
         and an ordinary user the permission (kernel.unprivileged_userns_clone, user.max_user_namespaces, \
         kernel.apparmor_restrict_unprivileged_userns); in a container, allow them or run store outside"
    )]
    Unavailable { what: String, why: String },
    #[error("{what}: {why}")]
    Helper { what: String, why: String },
    #[error("talking with the process that contains the command")]
    Talk(#[source] std::io::Error),
    #[error(
        "the process that contains the command ended before the command did{}",
        said(log)
    )]
    Vanished { log: Vec<String> },
    #[error("the command ended with {ended}{}", said(log))]
    Failed { ended: String, log: Vec<String> },
    #[error(
        "the command ran for more than {seconds} seconds and was ended; `[limits] seconds` gives it more{}",
        said(log)
    )]
    TooLong { seconds: u64, log: Vec<String> },
    #[error(
        "the command's output has {what} at {path}, and a tree made by a command holds files, directories and links"
    )]
    Strange { path: String, what: String },
    #[error(
        "the command's output is larger than {mebibytes} MiB, holes in files counted; `[limits] mebibytes` allows more"
    )]
    TooLarge { mebibytes: u64 },
    #[error("the command's output is more than {most} directories deep, at {path}")]
    TooDeep { path: String, most: usize },
}

/// Lines of the log that an error repeats.
const SHOWN: usize = 20;

fn said(log: &[String]) -> String {
    if log.is_empty() {
        return "; it said nothing".to_owned();
    }
    let last = &log[log.len().saturating_sub(SHOWN)..];
    format!("; it said:\n  {}", last.join("\n  "))
}
