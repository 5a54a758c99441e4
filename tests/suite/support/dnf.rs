//! dnf over a repository on disk, as any user, away from the machine's own packages.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::{Command, Output};

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
        let output = self.output(&["--noplugins"], arguments);
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let complained = String::from_utf8_lossy(&output.stderr).into_owned();
        if output.status.success() {
            Ok(said)
        } else {
            Err(format!("{said}{complained}"))
        }
    }

    /// Asks the plugin of that name which requirements nothing fulfils; by package.
    pub fn repoclosure(&self, arguments: &[&str]) -> BTreeMap<String, BTreeSet<String>> {
        let plugin = ["--disableplugin=*", "--enableplugin=repoclosure"];
        let output = self.output(&plugin, &[arguments, &["repoclosure"]].concat());
        let said = String::from_utf8(output.stdout).unwrap();
        let complained = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success() || complained.contains("Repoclosure ended with"),
            "{said}{complained}"
        );
        let mut broken: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        let mut package = String::new();
        for line in said.lines() {
            if let Some(rest) = line.strip_prefix("package: ") {
                package = rest.split(" from ").next().unwrap().to_owned();
            } else if let Some(requirement) = line.strip_prefix("    ") {
                let requirements = broken.entry(package.clone()).or_default();
                requirements.insert(requirement.to_owned());
            }
        }
        broken
    }

    fn output(&self, plugins: &[&str], arguments: &[&str]) -> Output {
        let state = self.state.path().display();
        Command::new("/usr/bin/python3")
            .args(["-c", AS_ANYBODY])
            .env("LC_ALL", "C.UTF-8")
            .args(["-q", "-y", "--releasever=1"])
            .args(plugins)
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
            .expect("python3 with dnf is installed")
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
