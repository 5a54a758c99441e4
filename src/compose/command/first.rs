//! The first process of a container: it leaves the machine behind, gives up what it may do, and starts the command.
//!
//! When it ends, the kernel ends all others, however they tried to get away.

use std::fs;
use std::io::{self, BufReader, Write};
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitCode, Stdio};

use rustix::mount::{MountFlags, UnmountFlags, mount, unmount};
use rustix::process::{
    DumpableBehavior, Pid, Resource, Rlimit, Signal, WaitOptions, getrlimit, pivot_root,
    set_dumpable_behavior, set_parent_process_death_signal, setrlimit, wait,
};
use rustix::thread::{
    CapabilitiesSecureBits, CapabilitySet, CapabilitySets, clear_ambient_capability_set,
    remove_capability_from_bounding_set, set_capabilities, set_capabilities_secure_bits,
    set_no_new_privs,
};

use super::container::{Outcome, ROOT, Wrong, needed, tried};
use super::message::{Message, Request, hear, tell};

/// What the command's machine is called.
const HOST: &[u8] = b"store";

/// Files that a process may have open.
const FILES: u64 = 4096;

/// Runs this process as the first one.
pub fn run() -> ExitCode {
    let message = match begin().and_then(|(mut child, _)| end(&mut child)) {
        Ok(how) => Message::Ended { how },
        Err(Wrong {
            what,
            why,
            unavailable: true,
        }) => Message::Unavailable { what, why },
        Err(Wrong { what, why, .. }) => Message::Wrong { what, why },
    };
    let mut output = io::stdout().lock();
    let told = tell(&mut output, &message).and_then(|()| output.flush());
    match told {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

fn begin() -> Outcome<(Child, Request)> {
    tried(
        "binding the container to its helper",
        set_parent_process_death_signal(Some(Signal::KILL)),
    )?;
    // No terminal to type into.
    tried("beginning a session", rustix::process::setsid())?;
    let request: Option<Request> = tried(
        "reading the request",
        hear(&mut BufReader::new(io::stdin())),
    )?;
    let Some(request) = request else {
        return tried("reading the request", Err("there is none"));
    };
    let processes = format!("{ROOT}/proc");
    let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
    needed(
        "mounting /proc",
        mount("proc", processes.as_str(), "proc", flags, None),
    )?;
    // A namespace within would give back what is taken away below.
    let within = format!("{processes}/sys/user/max_user_namespaces");
    needed("forbidding namespaces within", fs::write(within, "0\n"))?;
    tried("naming the machine", rustix::system::sethostname(HOST))?;
    pivot()?;
    limit(&request)?;
    give_up()?;
    let child = start(&request)?;
    Ok((child, request))
}

/// Makes the container's root that of every process which has the old one, and lets go of the old one.
fn pivot() -> Outcome<()> {
    let what = "leaving the machine's files";
    tried(what, rustix::process::chdir(ROOT))?;
    needed(what, pivot_root(".", "."))?;
    needed(what, unmount(".", UnmountFlags::DETACH))?;
    tried(what, rustix::process::chdir("/"))
}

fn limit(request: &Request) -> Outcome<()> {
    for (resource, most) in [
        (Resource::Nproc, request.processes),
        (Resource::Nofile, FILES),
        (Resource::Core, 0),
        (Resource::Memlock, 0),
    ] {
        // Nobody can have more than whoever started this.
        let most = getrlimit(resource)
            .maximum
            .map_or(most, |all| all.min(most));
        let limit = Rlimit {
            current: Some(most),
            maximum: Some(most),
        };
        tried("setting limits", setrlimit(resource, limit))?;
    }
    Ok(())
}

/// No capabilities, none to be had by running a program, and no look into this process.
fn give_up() -> Outcome<()> {
    let what = "giving up privileges";
    tried(what, set_no_new_privs(true))?;
    tried(what, clear_ambient_capability_set())?;
    let bits = CapabilitiesSecureBits::NO_ROOT
        | CapabilitiesSecureBits::NO_ROOT_LOCKED
        | CapabilitiesSecureBits::NO_SETUID_FIXUP
        | CapabilitiesSecureBits::NO_SETUID_FIXUP_LOCKED
        | CapabilitiesSecureBits::NO_CAP_AMBIENT_RAISE
        | CapabilitiesSecureBits::NO_CAP_AMBIENT_RAISE_LOCKED;
    tried(what, set_capabilities_secure_bits(bits))?;
    for number in 0..u64::BITS {
        let one = CapabilitySet::from_bits_retain(1 << number);
        match remove_capability_from_bounding_set(one) {
            Ok(()) => {}
            // The kernel has no more.
            Err(rustix::io::Errno::INVAL) => break,
            error => return tried(what, error),
        }
    }
    let none = CapabilitySets {
        effective: CapabilitySet::empty(),
        permitted: CapabilitySet::empty(),
        inheritable: CapabilitySet::empty(),
    };
    tried(what, set_capabilities(None, none))?;
    tried(what, set_dumpable_behavior(DumpableBehavior::NotDumpable))
}

fn start(request: &Request) -> Outcome<Child> {
    let Some((program, arguments)) = request.run.split_first() else {
        return tried("running the command", Err("it is empty"));
    };
    let what = format!("running {program} in the root");
    let said = tried(&what, io::stderr().as_fd().try_clone_to_owned())?;
    let started = Command::new(program)
        .args(arguments)
        .env_clear()
        .envs(&request.environment)
        .current_dir("/tmp")
        .stdin(Stdio::null())
        // Both go where the log is read.
        .stdout(Stdio::from(said))
        .process_group(0)
        .spawn();
    tried(&what, started)
}

/// Waits for the command, and buries orphans meanwhile.
fn end(command: &mut Child) -> Outcome<String> {
    let what = "waiting for the command";
    let command = Pid::from_child(command);
    loop {
        let found = match wait(WaitOptions::empty()) {
            Err(rustix::io::Errno::INTR) => continue,
            found => tried(what, found)?,
        };
        let Some((pid, status)) = found else { continue };
        if pid != command {
            continue;
        }
        return Ok(match (status.exit_status(), status.terminating_signal()) {
            (Some(0), _) => String::new(),
            (Some(code), _) => format!("exit code {code}"),
            (_, Some(signal)) => format!("signal {signal}"),
            _ => "a state that is none".to_owned(),
        });
    }
}
