//! dnf over a repository on disk, as any user, away from the machine's own packages.

use std::path::Path;
use std::process::Command;

/// dnf refuses to resolve an installation unless root asks, even if nothing but a download is to come of it.
const AS_ANYBODY: &str = "
import os
os.geteuid = lambda: 0
import dnf.cli.main
dnf.cli.main.user_main(__import__('sys').argv[1:], exit_code=True)
";

/// One machine to be: an empty root that dnf keeps its state in.
pub struct Machine {
    state: tempfile::TempDir,
    repositories: Vec<String>,
    arch: &'static str,
}

impl Machine {
    /// With repositories, each a name and its directory.
    pub fn new(repositories: &[(&str, &Path)]) -> Self {
        let option =
            |(name, path): &(&str, &Path)| format!("--repofrompath={name},{}", path.display());
        let state = tempfile::tempdir().unwrap();
        // It makes every directory but this one.
        std::fs::create_dir(state.path().join("log")).unwrap();
        Machine {
            state,
            arch: "x86_64",
            repositories: repositories.iter().map(option).collect(),
        }
    }

    pub fn of(mut self, arch: &'static str) -> Self {
        self.arch = arch;
        self
    }

    pub fn root(&self) -> std::path::PathBuf {
        self.state.path().join("root")
    }

    /// Runs a command; gives what it printed, or says why it failed.
    pub fn try_run(&self, arguments: &[&str]) -> Result<String, String> {
        let state = self.state.path().display();
        let output = Command::new("/usr/bin/python3")
            .args(["-c", AS_ANYBODY])
            .env("LC_ALL", "C.UTF-8")
            .args(["-q", "-y", "--noplugins", "--releasever=1"])
            .arg(format!("--forcearch={}", self.arch))
            .arg(format!("--installroot={state}/root"))
            .arg(format!("--setopt=cachedir={state}/cache"))
            .arg(format!("--setopt=persistdir={state}/persist"))
            .arg(format!("--setopt=logdir={state}/log"))
            .args([
                "--setopt=reposdir=/nonexistent",
                "--setopt=varsdir=/nonexistent",
            ])
            .args(["--setopt=module_platform_id=platform:f1", "--nogpgcheck"])
            .args(&self.repositories)
            .args(arguments)
            .output()
            .expect("python3 with dnf is installed");
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let complained = String::from_utf8_lossy(&output.stderr).into_owned();
        if output.status.success() {
            Ok(said)
        } else {
            Err(format!("{said}{complained}"))
        }
    }

    pub fn run(&self, arguments: &[&str]) -> String {
        self.try_run(arguments)
            .unwrap_or_else(|said| panic!("dnf {arguments:?} failed:\n{said}"))
    }

    /// Resolves and downloads what a command would install; gives the file names, sorted.
    pub fn download(&self, arguments: &[&str]) -> Vec<String> {
        let target = tempfile::tempdir().unwrap();
        let destination = format!("--destdir={}", target.path().display());
        let download = ["--downloadonly", &destination];
        self.run(&[arguments, &download].concat());
        let files = std::fs::read_dir(target.path()).unwrap();
        let mut names: Vec<String> = files
            .map(|file| file.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}
