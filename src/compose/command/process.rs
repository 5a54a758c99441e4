//! The helper, seen by who started it: it is given its ids and its time, and ends with its caller.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, getegid, geteuid, kill_process};

use super::error::Error;
use super::message::{Message, Request, hear, tell};
use crate::compose::Error as ComposeError;

/// Who a command is outside of its container, where root starts it.
const NOBODY: u32 = 65534;

/// Bytes of what a command says that are kept: the last ones.
const KEPT: usize = 64 << 10;

/// A helper that waits in its namespaces, or has said why it can't.
pub struct Contained {
    child: Child,
    seconds: u64,
    mebibytes: u64,
}

/// Takes what a command wrote, one thing after the other.
pub type Take<'a> = dyn FnMut(Message, &mut dyn Read) -> Result<(), ComposeError> + 'a;

impl Contained {
    pub fn start(program: &Path, request: &Request) -> Result<Self, Error> {
        let started = Command::new(program)
            .arg(super::HELPER)
            .env_clear()
            .current_dir("/")
            // Ctrl-C asks this program; what runs comes to its end.
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        let child = started.map_err(|source| Error::Start {
            program: program.to_owned(),
            source,
        })?;
        // From here on it does not outlive this value.
        let mut contained = Contained {
            child,
            seconds: request.seconds,
            mebibytes: request.mebibytes,
        };
        let input = contained.child.stdin.as_mut();
        let input = input.expect("the standard input was asked for");
        tell(input, request).map_err(Error::Talk)?;
        Ok(contained)
    }

    /// Lets the command run, and hands on what it wrote; returns what it said.
    pub fn run(mut self, take: &mut Take<'_>) -> Result<Vec<String>, ComposeError> {
        let pid = Pid::from_child(&self.child);
        let seconds = self.seconds;
        let said = self.child.stderr.take();
        let said = said.expect("the standard error was asked for");
        let (over, watched) = mpsc::channel::<()>();
        let (result, log, late) = thread::scope(|scope| {
            let log = scope.spawn(move || last_lines(said));
            let watchdog = scope.spawn(move || {
                let late = watched.recv_timeout(Duration::from_secs(seconds))
                    == Err(RecvTimeoutError::Timeout);
                if late {
                    // It is waited for only after this thread has ended, so the number is its own.
                    let _ = kill_process(pid, Signal::KILL);
                }
                late
            });
            let result = self.listen(pid, take);
            drop(over);
            let late = watchdog.join().expect("it only waits and kills");
            if result.is_err() {
                let _ = self.child.kill();
            }
            let log = log.join().expect("it only reads");
            (result, log, late)
        });
        let _ = self.child.wait();
        match result {
            _ if late => Err(Error::TooLong { seconds, log }.into()),
            Ok(Some(how)) if how.is_empty() => Ok(log),
            Ok(Some(ended)) => Err(Error::Failed { ended, log }.into()),
            Ok(None) => Err(Error::Vanished { log }.into()),
            Err(error) => Err(error),
        }
    }

    /// How the command ended; `None` if nobody said.
    fn listen(&mut self, pid: Pid, take: &mut Take<'_>) -> Result<Option<String>, ComposeError> {
        let output = self.child.stdout.take();
        let mut from = BufReader::new(output.expect("the standard output was asked for"));
        let mut ended = None;
        loop {
            let Some(message) = hear(&mut from).map_err(Error::Talk)? else {
                return Ok(None);
            };
            match message {
                Message::Ready => self.give_ids(pid)?,
                Message::Unavailable { what, why } => {
                    return Err(Error::Unavailable { what, why }.into());
                }
                Message::Wrong { what, why } => return Err(Error::Helper { what, why }.into()),
                Message::Ended { how } if how.is_empty() => ended = Some(how),
                Message::Ended { how } => return Ok(Some(how)),
                Message::Strange { path, what } => {
                    return Err(Error::Strange { path, what }.into());
                }
                Message::TooLarge => {
                    let mebibytes = self.mebibytes;
                    return Err(Error::TooLarge { mebibytes }.into());
                }
                Message::TooDeep { path, most } => {
                    return Err(Error::TooDeep { path, most }.into());
                }
                Message::Done => return Ok(ended),
                file @ Message::File { size, .. } => {
                    let mut content = (&mut from).take(size);
                    take(file, &mut content)?;
                    if content.limit() > 0 {
                        let cut = io::Error::from(io::ErrorKind::UnexpectedEof);
                        return Err(Error::Talk(cut).into());
                    }
                }
                other => take(other, &mut io::empty())?,
            }
        }
    }

    /// Makes the helper root of its namespace: outside it is who called, or nobody if that is root.
    fn give_ids(&mut self, pid: Pid) -> Result<(), Error> {
        let of = |file: &str| format!("/proc/{}/{file}", pid.as_raw_nonzero());
        let (user, group) = outside()?;
        for (file, text) in [
            ("setgroups", "deny".to_owned()),
            ("uid_map", format!("0 {user} 1\n")),
            ("gid_map", format!("0 {group} 1\n")),
        ] {
            std::fs::write(of(file), text).map_err(|error| Error::Unavailable {
                what: format!("writing its {file}"),
                why: error.to_string(),
            })?;
        }
        let input = self.child.stdin.as_mut();
        let input = input.expect("the standard input was asked for");
        input.write_all(b"go\n").map_err(Error::Talk)
    }
}

impl Drop for Contained {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// User and group that are root in the container: who called, or nobody if that is root.
///
/// Root's own id would be root's to whatever asks no more than that: devices, settings of the kernel.
/// Who is root by name only, in a namespace of an ordinary user, is that user.
fn outside() -> Result<(u32, u32), Error> {
    let by_root = geteuid().is_root();
    let outside = |mine: u32, map: &str| match by_root {
        true if has(map, NOBODY) => Ok(NOBODY),
        true if stands_for(map, mine) == Some(0) => Err(Error::Unavailable {
            what: "becoming nobody, which root's commands are".to_owned(),
            why: format!("{map} has no id {NOBODY}; realize it as an ordinary user"),
        }),
        _ => Ok(mine),
    };
    let user = outside(geteuid().as_raw(), "/proc/self/uid_map")?;
    let group = outside(getegid().as_raw(), "/proc/self/gid_map")?;
    Ok((user, group))
}

/// Who files in the container have to belong to so that they are root's there; `None` if that is who calls,
/// or nobody, which is told when the container is made.
pub fn owner() -> Option<(u32, u32)> {
    let there = outside().ok()?;
    let here = (geteuid().as_raw(), getegid().as_raw());
    (there != here).then_some(there)
}

/// Whether an id exists in this user namespace: in a container, there may be few.
fn has(map: &str, id: u32) -> bool {
    stands_for(map, id).is_some()
}

/// What an id is one namespace further out, if it is anything there.
fn stands_for(map: &str, id: u32) -> Option<u64> {
    let text = std::fs::read_to_string(map).unwrap_or_default();
    let id = u64::from(id);
    text.lines().find_map(|line| {
        let numbers = line.split_whitespace();
        let numbers: Vec<u64> = numbers.filter_map(|number| number.parse().ok()).collect();
        match *numbers {
            [first, outside, count] if first <= id && id < first + count => {
                Some(outside + (id - first))
            }
            _ => None,
        }
    })
}

/// Reads to the end, and keeps the last lines; control characters are shown, not passed on.
fn last_lines(said: ChildStderr) -> Vec<String> {
    let mut from = BufReader::new(said);
    let mut kept: Vec<u8> = Vec::new();
    loop {
        let count = match from.fill_buf() {
            Ok([]) | Err(_) => break,
            Ok(bytes) => {
                kept.extend_from_slice(bytes);
                bytes.len()
            }
        };
        from.consume(count);
        if kept.len() > 2 * KEPT {
            kept.drain(..kept.len() - KEPT);
        }
    }
    let kept = &kept[kept.len().saturating_sub(KEPT)..];
    let text = String::from_utf8_lossy(kept);
    let plain = |line: &str| {
        let plain = |c: char| {
            if c.is_control() && c != '\t' {
                '\u{fffd}'
            } else {
                c
            }
        };
        line.chars().map(plain).collect()
    };
    text.lines().map(plain).collect()
}
