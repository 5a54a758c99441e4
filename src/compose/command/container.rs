//! The process that makes the container: alone in itself, so that it can enter namespaces, and trusted.
//!
//! It sees the command's output last, when everything that ran is dead.

use std::collections::BTreeSet;
use std::ffi::CString;
use std::fs;
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};

use nix::sched::{CloneFlags, unshare};
use rustix::fs::{Mode, OFlags, StatVfsMountFlags, open, statvfs};
use rustix::mount::{
    MountFlags, MountPropagationFlags, mount, mount_bind, mount_change, mount_remount,
};
use rustix::process::{
    DumpableBehavior, Gid, Signal, Uid, geteuid, set_dumpable_behavior,
    set_parent_process_death_signal,
};
use rustix::thread::{set_thread_groups, set_thread_res_gid, set_thread_res_uid};

use super::capture::Capture;
use super::message::{Message, Request, hear, tell, unhex};

/// Where the container is put together, in this process's view alone. Every system has the directory.
pub const BASE: &str = "/tmp";
/// Its root.
pub const ROOT: &str = "/tmp/root";

/// What a command may use of devices.
const DEVICES: [&str; 5] = ["full", "null", "random", "urandom", "zero"];
const DEVICE_LINKS: [(&str, &str); 4] = [
    ("fd", "/proc/self/fd"),
    ("stdin", "/proc/self/fd/0"),
    ("stdout", "/proc/self/fd/1"),
    ("stderr", "/proc/self/fd/2"),
];

/// What went wrong, where containers are not to be had, or otherwise.
pub struct Wrong {
    pub what: String,
    pub why: String,
    pub unavailable: bool,
}

pub type Outcome<T> = Result<T, Wrong>;

/// Says what was tried when it did not work.
pub fn tried<T, E: std::fmt::Display>(what: &str, result: Result<T, E>) -> Outcome<T> {
    result.map_err(|error| Wrong {
        what: what.to_owned(),
        why: error.to_string(),
        unavailable: false,
    })
}

/// The same for what only a system that forbids containers refuses.
pub fn needed<T, E: std::fmt::Display>(what: &str, result: Result<T, E>) -> Outcome<T> {
    tried(what, result).map_err(|wrong| Wrong {
        unavailable: true,
        ..wrong
    })
}

/// Runs this process as the helper.
pub fn run() -> ExitCode {
    let inherited = close_inherited();
    // What is written has the modes that its writer says, whoever started all this.
    rustix::process::umask(Mode::from_raw_mode(0o022));
    let mut output = BufWriter::new(io::stdout().lock());
    let done = inherited.and_then(|()| contain(&mut BufReader::new(io::stdin()), &mut output));
    let Err(Wrong {
        what,
        why,
        unavailable,
    }) = done
    else {
        return ExitCode::SUCCESS;
    };
    let message = match unavailable {
        true => Message::Unavailable { what, why },
        false => Message::Wrong { what, why },
    };
    // Who started it may be gone; then nobody wants to know.
    let _ = tell(&mut output, &message).and_then(|()| output.flush());
    ExitCode::FAILURE
}

/// Files that who started the store program had open are a way out of any container.
fn close_inherited() -> Outcome<()> {
    let what = "closing files of others";
    let mut open: Vec<i32> = Vec::new();
    for item in tried(what, fs::read_dir("/proc/self/fd"))? {
        let name = tried(what, item)?.file_name();
        open.extend(name.to_str().and_then(|name| name.parse::<i32>().ok()));
    }
    for number in open.into_iter().filter(|number| *number > 2) {
        // That of the list is closed already.
        let _ = nix::unistd::close(number);
    }
    Ok(())
}

fn contain(input: &mut dyn BufRead, output: &mut dyn Write) -> Outcome<()> {
    let talk = "talking with who started the container";
    let request: Option<Request> = tried(talk, hear(input))?;
    let request = tried(
        talk,
        request.ok_or(io::Error::from(io::ErrorKind::UnexpectedEof)),
    )?;
    enter()?;
    tried(
        talk,
        tell(output, &Message::Ready).and_then(|()| output.flush()),
    )?;
    let mut go = String::new();
    if tried(talk, input.read_line(&mut go))? == 0 {
        return tried(talk, Err(io::Error::from(io::ErrorKind::UnexpectedEof)));
    }
    // The places of root and inputs may be nobody else's business: they are opened by who could before.
    let root = place(&request.root)?;
    let mut inputs: Vec<(&String, OwnedFd)> = Vec::with_capacity(request.inputs.len());
    for (name, at) in &request.inputs {
        inputs.push((name, place(at)?));
    }
    become_root()?;
    arrange(&request, &root, &inputs)?;
    drop((root, inputs));
    let how = first(&request)?;
    let well = how.is_empty();
    tried(
        talk,
        tell(output, &Message::Ended { how }).and_then(|()| output.flush()),
    )?;
    if well {
        let left = request.mebibytes.saturating_mul(1 << 20);
        let mut capture = Capture {
            to: output,
            left,
            told: BTreeSet::new(),
        };
        // The first process made the container's root that of all who see it, this one too.
        tried("reading what the command wrote", capture.top("/out"))?;
    }
    Ok(())
}

/// Namespaces of its own for everything that has some; processes begin with the next one that is started.
fn enter() -> Outcome<()> {
    if geteuid().is_root() {
        match set_thread_groups(&[]) {
            // Root of a namespace that may have no groups; those that it has mean nothing to anybody.
            Err(rustix::io::Errno::PERM) => {}
            other => needed("giving up groups", other)?,
        }
    }
    let all = CloneFlags::CLONE_NEWUSER
        | CloneFlags::CLONE_NEWNS
        | CloneFlags::CLONE_NEWPID
        | CloneFlags::CLONE_NEWNET
        | CloneFlags::CLONE_NEWIPC
        | CloneFlags::CLONE_NEWUTS
        | CloneFlags::CLONE_NEWCGROUP;
    needed("making namespaces", unshare(all))
}

/// In its namespace, which has one user and one group.
fn become_root() -> Outcome<()> {
    let (user, group) = (Uid::ROOT, Gid::ROOT);
    let what = "becoming root of the container";
    needed(what, set_thread_res_gid(group, group, group))?;
    needed(what, set_thread_res_uid(user, user, user))?;
    // Changing ids forgets both: its own directory in /proc, and that it ends with its parent.
    tried(what, set_dumpable_behavior(DumpableBehavior::Dumpable))?;
    tried(what, set_parent_process_death_signal(Some(Signal::KILL)))
}

fn place(at: &str) -> Outcome<OwnedFd> {
    let path = tried("reading the request", unhex(at))?;
    let path = Path::new(std::ffi::OsStr::from_bytes(&path));
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let what = format!("opening {}", path.display());
    tried(&what, open(path, flags, Mode::empty()))
}

/// Mounts all but `/proc`, which belongs to processes that are not there yet.
fn arrange(request: &Request, root: &OwnedFd, inputs: &[(&String, OwnedFd)]) -> Outcome<()> {
    let private = MountPropagationFlags::PRIVATE | MountPropagationFlags::REC;
    needed("keeping mounts to itself", mount_change("/", private))?;
    scratch(BASE, 1, 64)?;
    tried("making the root", fs::create_dir(ROOT))?;
    read_only(root, ROOT)?;
    for (name, input) in inputs {
        read_only(input, &format!("{ROOT}/inputs/{name}"))?;
    }
    // As many names as would fit if each had a page.
    let names = request.mebibytes.saturating_mul(256).saturating_add(16);
    scratch(&format!("{ROOT}/out"), request.mebibytes, names)?;
    scratch(&format!("{ROOT}/tmp"), request.mebibytes, names)?;
    let devices = format!("{ROOT}/dev");
    scratch(&devices, 64, 4096)?;
    for device in DEVICES {
        let (from, to) = (format!("/dev/{device}"), format!("{devices}/{device}"));
        let what = format!("mounting {from}");
        tried(&what, fs::write(&to, ""))?;
        needed(&what, mount_bind(from.as_str(), to.as_str()))?;
    }
    for (name, target) in DEVICE_LINKS {
        let made = std::os::unix::fs::symlink(target, format!("{devices}/{name}"));
        tried("making links in /dev", made)?;
    }
    tried("making /dev/shm", fs::create_dir(format!("{devices}/shm")))
}

/// An empty directory in memory, which can't grow beyond its size.
fn scratch(at: &str, mebibytes: u64, names: u64) -> Outcome<()> {
    let what = format!("mounting {at}");
    let options = format!("mode=0755,size={mebibytes}m,nr_inodes={names}");
    let options = tried(&what, CString::new(options))?;
    let flags = MountFlags::NOSUID | MountFlags::NODEV;
    needed(&what, mount("tmpfs", at, "tmpfs", flags, &*options))
}

/// Mounts a directory where nobody can write to it.
fn read_only(directory: &OwnedFd, at: &str) -> Outcome<()> {
    let what = format!("mounting {at}");
    let from = format!("/proc/self/fd/{}", directory.as_raw_fd());
    needed(&what, mount_bind(from.as_str(), at))?;
    let mut flags = MountFlags::BIND | MountFlags::RDONLY | MountFlags::NOSUID | MountFlags::NODEV;
    // What the mount has already must stay: it was given by who may take it away.
    let has = tried(&what, statvfs(at))?.f_flag;
    for (held, kept) in [
        (StatVfsMountFlags::NOEXEC, MountFlags::NOEXEC),
        (StatVfsMountFlags::NOATIME, MountFlags::NOATIME),
        (StatVfsMountFlags::NODIRATIME, MountFlags::NODIRATIME),
        (StatVfsMountFlags::RELATIME, MountFlags::RELATIME),
    ] {
        if has.contains(held) {
            flags |= kept;
        }
    }
    needed(&what, mount_remount(at, flags, ""))
}

/// Starts the first process, waits until all are dead, and says how the command ended.
fn first(request: &Request) -> Outcome<String> {
    let what = "starting the first process";
    let started = Command::new("/proc/self/exe")
        .arg(super::FIRST)
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn();
    let mut child = needed(what, started)?;
    // Dropping it afterwards says that this was all.
    let told = child.stdin.take().map(|mut to| tell(&mut to, request));
    tried(what, told.unwrap_or(Ok(())))?;
    let output = child.stdout.take().map(BufReader::new);
    let said = match output {
        Some(mut output) => tried(what, hear::<Message>(&mut output))?,
        None => None,
    };
    let status = tried(what, child.wait())?;
    match said {
        Some(Message::Ended { how }) => Ok(how),
        Some(Message::Unavailable { what, why }) => Err(Wrong {
            what,
            why,
            unavailable: true,
        }),
        Some(Message::Wrong { what, why }) => Err(Wrong {
            what,
            why,
            unavailable: false,
        }),
        _ => tried(
            "running the command",
            Err(format!("its first process ended: {status}")),
        ),
    }
}
