//! The pykickstart library of Python, with which Anaconda reads its kickstarts.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

/// Those of RHEL 9 and Fedora 39, the oldest with all that we write, and of some that came later.
const VERSIONS: [&str; 6] = ["RHEL9", "RHEL10", "F39", "F41", "F43", "F45"];

/// Reads a kickstart, and prints what each command that deploys was told.
const READ: &str = r#"
import json, sys, warnings
from pykickstart.parser import KickstartParser
from pykickstart.version import makeVersion
warnings.simplefilter("error")
handler = makeVersion(sys.argv[1])
KickstartParser(handler).readKickstartFromString(sys.stdin.read())
told = {}
for name in ("ostreesetup", "ostreecontainer", "bootc"):
    command = getattr(handler, name, None)
    if command is not None and command.seen:
        plain = (str, bool, type(None))
        told[name] = {key: value for key, value in vars(command).items()
                      if isinstance(value, plain) and key not in ("currentCmd", "seen")}
json.dump(told, sys.stdout)
"#;

/// What the commands of a kickstart that deploy were told, if it is one in the grammar of all versions.
pub fn deploys(text: &str) -> Value {
    let told = VERSIONS.map(|version| read(text, version));
    assert!(told.iter().all(|other| *other == told[0]), "{told:?}");
    told[0].clone()
}

fn read(text: &str, version: &str) -> Value {
    let judges = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/judges");
    let mut python = Command::new("/usr/bin/python3");
    python
        .args(["-c", READ, version])
        .env("PYTHONPATH", judges)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = python.spawn().unwrap();
    let written = child.stdin.take().unwrap().write_all(text.as_bytes());
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{version}: {said}\n{text}");
    written.unwrap();
    serde_json::from_slice(&output.stdout).unwrap()
}
