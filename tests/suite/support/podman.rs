//! Running containers, where the machine lets anybody.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use super::materialize::is_root;

/// What a container does: it says who and where it is, what it was given, and what it finds.
const PROGRAM: &str = r#"
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>
int main(int count, char **words) {
    char here[256];
    struct stat found;
    printf("user %d in %s:", (int)getuid(), getcwd(here, sizeof here));
    for (int i = 1; i < count; i++)
        printf(" %s%s", words[i], stat(words[i], &found) ? "" : " (there)");
    puts("");
    return 0;
}
"#;

/// Compiles the program that containers of tests run; it needs nothing beside itself.
pub fn program(to: &Path) {
    let source = to.with_extension("c");
    std::fs::write(&source, PROGRAM).unwrap();
    let mut command = Command::new("cc");
    command.args(["-static", "-Os", "-s", "-o"]).arg(to);
    let output = command.arg(source).output().unwrap();
    assert!(output.status.success(), "{output:?}");
}

/// A podman with storage of its own.
pub struct Podman {
    directory: tempfile::TempDir,
    /// What containers can be run with here; `None` if none can.
    runtime: Option<&'static [&'static str]>,
}

impl Podman {
    /// Tries with an image that podman makes itself whether containers can be run at all.
    pub fn new(program: &Path) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut podman = Podman {
            directory,
            runtime: None,
        };
        let archive = podman.directory.path().join("control.tar");
        let mut tar = Command::new("tar");
        tar.arg("-cf")
            .arg(&archive)
            .arg("-C")
            .arg(program.parent().unwrap());
        assert!(
            tar.arg(program.file_name().unwrap())
                .status()
                .unwrap()
                .success()
        );
        let imported = podman.podman(&["import", archive.to_str().unwrap(), "control"]);
        let command = format!("/{}", program.file_name().unwrap().to_str().unwrap());
        if imported.status.success() {
            let works = |runtime: &&&'static [&'static str]| {
                podman
                    .try_run(runtime, &["control", &command])
                    .status
                    .success()
            };
            let ways: [&'static [&'static str]; 3] =
                [&[], &["--runtime=crun"], &["--runtime=runc"]];
            podman.runtime = ways.iter().find(works).copied();
        }
        podman
    }

    pub fn podman(&self, arguments: &[&str]) -> Output {
        let at = |name: &str| -> PathBuf { self.directory.path().join(name) };
        let mut command = Command::new("podman");
        command
            .arg("--root")
            .arg(at("root"))
            .arg("--runroot")
            .arg(at("run"))
            .arg("--tmpdir")
            .arg(at("tmp"));
        command.args(["--storage-driver=vfs", "--cgroup-manager=cgroupfs"]);
        command.env("HOME", self.directory.path());
        command.args(arguments).output().unwrap()
    }

    fn try_run(&self, runtime: &[&str], arguments: &[&str]) -> Output {
        // Limits that anybody may have, where podman would raise them.
        let limits = [
            "--network=none",
            "--ulimit=nofile=512:512",
            "--ulimit=nproc=512:512",
        ];
        self.podman(&[&["run", "--rm"], &limits[..], runtime, arguments].concat())
    }

    /// Takes an image out of a layout, under a name.
    pub fn load(&self, layout: &Path, name: &str) {
        let archive = self.directory.path().join(name);
        let mut command = Command::new("skopeo");
        command.arg("copy").arg(format!("oci:{}", layout.display()));
        command.arg(format!("oci-archive:{}:{name}", archive.display()));
        let output = command.output().unwrap();
        assert!(output.status.success(), "{output:?}");
        let output = self.podman(&["load", "--input", archive.to_str().unwrap()]);
        assert!(output.status.success(), "{output:?}");
    }

    /// Whether the machine lets us run containers.
    pub fn runs(&self) -> bool {
        self.runtime.is_some()
    }

    /// Runs a container; gives what it says.
    pub fn run(&self, arguments: &[&str]) -> String {
        let runtime = self.runtime.expect("asked before");
        let output = self.try_run(runtime, arguments);
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Runs a container that must not start; gives why.
    pub fn refuses(&self, arguments: &[&str]) -> String {
        let runtime = self.runtime.expect("asked before");
        let output = self.try_run(runtime, arguments);
        assert!(!output.status.success(), "{output:?}");
        String::from_utf8(output.stderr).unwrap()
    }
}

impl Drop for Podman {
    /// Files of containers have owners that an ordinary user can only remove the way that they were made.
    fn drop(&mut self) {
        if !is_root() {
            let storage = self.directory.path().join("root");
            self.podman(&["unshare", "rm", "-rf", storage.to_str().unwrap()]);
        }
    }
}
