//! Keys and signatures that GnuPG makes, at whatever time a test needs.

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use store::formats::rpm::Package;

/// A GnuPG of its own, whose agent ends with it.
pub struct Gpg {
    home: tempfile::TempDir,
}

/// Runs a command to its end, with something on its standard input.
fn fed(command: &mut Command, input: &[u8]) -> Output {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    // Who refuses may not read to the end.
    let _ = child.stdin.take().unwrap().write_all(input);
    child.wait_with_output().unwrap()
}

impl Gpg {
    pub fn new() -> Self {
        // Its socket has a path of at most 107 bytes.
        let home = tempfile::tempdir().unwrap();
        fs::set_permissions(home.path(), fs::Permissions::from_mode(0o700)).unwrap();
        Gpg { home }
    }

    pub fn path(&self) -> &Path {
        self.home.path()
    }

    /// Runs gpg at a time such as `20200131`, and returns what it prints.
    pub fn run(&self, day: &str, arguments: &[&str], input: &[u8]) -> Vec<u8> {
        let mut command = Command::new("gpg");
        command
            .arg("--homedir")
            .arg(self.path())
            .args(["--batch", "--no-tty", "--pinentry-mode", "loopback"])
            .args(["--passphrase", "", "--faked-system-time"])
            .arg(format!("{day}T000000!"))
            .args(arguments);
        let output = fed(&mut command, input);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {errors}");
        output.stdout
    }

    /// Makes a key for signing, and returns its fingerprint.
    pub fn key(&self, day: &str, algorithm: &str) -> String {
        let user = format!("{algorithm} of {day} <key@example.org>");
        self.run(
            day,
            &["--quick-gen-key", &user, algorithm, "sign", "never"],
            b"",
        );
        self.fingerprints(day, &user).remove(0)
    }

    /// The fingerprints of a key and of its subkeys.
    pub fn fingerprints(&self, day: &str, key: &str) -> Vec<String> {
        let listing = self.run(day, &["--with-colons", "--list-keys", key], b"");
        let listing = String::from_utf8(listing).unwrap();
        let lines = listing.lines().filter(|line| line.starts_with("fpr:"));
        lines
            .map(|line| line.split(':').nth(9).unwrap().to_owned())
            .collect()
    }

    /// A key's certificate, as binary data.
    pub fn public(&self, key: &str) -> Vec<u8> {
        self.run("20260101", &["--export", key], b"")
    }

    /// A signature that lies beside its data.
    pub fn sign(&self, day: &str, key: &str, more: &[&str], data: &[u8]) -> Vec<u8> {
        let sign = ["--local-user", key, "--detach-sign"];
        self.run(day, &[more, &sign].concat(), data)
    }

    /// Whether gpgv takes a signature.
    pub fn verifies(&self, certificate: &[u8], signature: &[u8], data: &[u8]) -> bool {
        let file = |name: &str, bytes: &[u8]| {
            let path = self.path().join(name);
            fs::write(&path, bytes).unwrap();
            path
        };
        let output = Command::new("gpgv")
            .arg("--homedir")
            .arg(self.path())
            .arg("--keyring")
            .arg(file("keyring", certificate))
            .arg(file("signature", signature))
            .arg(file("data", data))
            .output()
            .expect("gpgv is installed");
        output.status.success()
    }

    /// Signs a package in place, on a day of 2020.
    pub fn sign_package(&self, key: &str, more: &[&str], package: &Path) {
        let define = |name: &str, value: &str| ["--define".to_owned(), format!("{name} {value}")];
        let output = Command::new("rpmsign")
            .arg("--addsign")
            .args(more)
            .args(define("__gpg", "/usr/bin/gpg"))
            .args(define("_gpg_name", key))
            .args(define("_gpg_path", &self.path().display().to_string()))
            .args(define(
                "_gpg_sign_cmd_extra_args",
                "--batch --no-tty --faked-system-time 20200601T000000!",
            ))
            .arg(package)
            .output()
            .expect("rpmsign is installed");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{key}: {errors}");
    }
}

impl Drop for Gpg {
    fn drop(&mut self) {
        let _ = Command::new("gpgconf")
            .arg("--homedir")
            .arg(self.path())
            .args(["--kill", "all"])
            .output();
    }
}

/// rpm with a database of its own, to hold keys.
pub struct Rpm {
    database: tempfile::TempDir,
}

impl Rpm {
    pub fn new() -> Self {
        let database = tempfile::tempdir().unwrap();
        Rpm { database }
    }

    fn command(&self) -> Command {
        let mut command = Command::new("rpmkeys");
        command.arg("--dbpath").arg(self.database.path());
        command
    }

    /// Takes the keys of an armored file, if it knows their kind.
    pub fn import(&self, armored: &[u8]) -> bool {
        let file = self.database.path().join("key.asc");
        fs::write(&file, armored).unwrap();
        let output = self.command().arg("--import").arg(&file).output().unwrap();
        output.status.success()
    }

    /// What `rpmkeys -Kv` says of a package's signatures: its lines about them.
    pub fn signatures(&self, package: &PathBuf) -> Vec<String> {
        let output = self.command().arg("-Kv").arg(package).output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let lines = text.lines().map(str::trim);
        let signature = |line: &&str| line.to_ascii_lowercase().contains(" signature");
        lines.filter(signature).map(str::to_owned).collect()
    }
}

/// The signature of a package that counts, and what it is over.
pub fn carried(package: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let number = |at: usize| u32::from_be_bytes(package[at..at + 4].try_into().unwrap()) as usize;
    let data = 112 + number(104) * 16;
    let entry = |tag: usize| {
        let place = (112..data).step_by(16).find(|&at| number(at) == tag)?;
        let start = data + number(place + 8);
        Some(package[start..start + number(place + 12)].to_vec())
    };
    let record = Package::read(&mut &*package).unwrap().record;
    let (start, end) = record.header_range;
    match entry(268).or_else(|| entry(267)) {
        Some(signature) => (signature, package[start as usize..end as usize].to_vec()),
        None => (entry(1005).unwrap(), package[start as usize..].to_vec()),
    }
}
