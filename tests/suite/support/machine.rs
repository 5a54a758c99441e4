//! A machine that boots, in QEMU.

use std::fs;
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// A machine that runs until it says what is waited for.
pub struct Machine {
    child: Child,
    said: mpsc::Receiver<Vec<u8>>,
    text: String,
}

/// Longer than any firmware on a machine that has other things to do.
const PATIENCE: Duration = Duration::from_secs(300);

impl Machine {
    /// Starts with words of QEMU's command line.
    pub fn start(arguments: &str) -> Self {
        let mut command = Command::new("qemu-system-x86_64");
        command.args([
            "-accel",
            "tcg",
            "-m",
            "512",
            "-nographic",
            "-no-reboot",
            "-net",
            "none",
        ]);
        let child = command
            .args(arguments.split(' '))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn();
        let mut child = child.unwrap_or_else(|error| panic!("qemu: {error}"));
        let mut out = child.stdout.take().unwrap();
        let (to, said) = mpsc::channel();
        std::thread::spawn(move || {
            let mut buffer = vec![0; 4096];
            while let Ok(length @ 1..) = out.read(&mut buffer) {
                if to.send(buffer[..length].to_vec()).is_err() {
                    break;
                }
            }
        });
        Machine {
            child,
            said,
            text: String::new(),
        }
    }

    pub fn waits_for(&mut self, what: &str) {
        let end = Instant::now() + PATIENCE;
        while !plain(&self.text).contains(what) {
            let left = end.saturating_duration_since(Instant::now());
            match self.said.recv_timeout(left) {
                Ok(bytes) => self.text += &String::from_utf8_lossy(&bytes),
                Err(_) => panic!("no {what:?} in {}", self.text),
            }
        }
    }

    /// The rest of each line that began so.
    pub fn lines(&self, beginning: &str) -> Vec<String> {
        let text = plain(&self.text);
        let lines = text.lines().filter_map(|line| line.strip_prefix(beginning));
        lines.map(|line| line.trim_end().to_owned()).collect()
    }

    pub fn enter(&mut self) {
        let stdin = self.child.stdin.as_mut().unwrap();
        stdin.write_all(b"\r").unwrap();
        stdin.flush().unwrap();
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Without the movements of a cursor, which come in between.
fn plain(text: &str) -> String {
    let mut parts = text.split("\x1b[");
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let end = part.find(|c: char| c.is_ascii_alphabetic());
        plain += end.map_or("", |end| &part[end + 1..]);
    }
    plain
}

/// What makes a machine one with UEFI; variables are kept in a file of the directory.
pub fn uefi(directory: &Path) -> String {
    let known = [
        (
            "/usr/share/OVMF/OVMF_CODE_4M.fd",
            "/usr/share/OVMF/OVMF_VARS_4M.fd",
        ),
        (
            "/usr/share/OVMF/OVMF_CODE.fd",
            "/usr/share/OVMF/OVMF_VARS.fd",
        ),
        (
            "/usr/share/edk2/ovmf/OVMF_CODE.fd",
            "/usr/share/edk2/ovmf/OVMF_VARS.fd",
        ),
    ];
    let there = known.into_iter().find(|(code, _)| Path::new(code).exists());
    let (code, vars) = there.expect("scripts/test installs it");
    let own = directory.join("variables.fd");
    fs::copy(vars, &own).unwrap();
    format!(
        "-drive if=pflash,format=raw,readonly=on,file={code} -drive if=pflash,format=raw,file={}",
        own.display()
    )
}
