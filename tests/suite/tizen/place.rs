//! A store and the circumstances that it is used in: directory, user, environment, number of jobs.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

/// The circumstances of running the program; nothing composed may depend on any of them.
pub struct Place {
    pub store: PathBuf,
    pub recipes: PathBuf,
    pub jobs: u32,
    pub environment: Vec<(&'static str, String)>,
    pub umask: u32,
    pub directory: PathBuf,
    /// Whether to give up being root.
    pub nobody: bool,
}

impl Place {
    /// Ordinary circumstances.
    pub fn new(store: &Path, recipes: &Path) -> Self {
        Place {
            store: store.to_owned(),
            recipes: recipes.to_owned(),
            jobs: 4,
            environment: vec![("LC_ALL", "C.UTF-8".to_owned())],
            umask: 0o022,
            directory: PathBuf::from("/"),
            nobody: false,
        }
    }

    /// Runs a command of the program.
    pub fn try_run(&self, arguments: &[&str]) -> Output {
        // Only a shell sets the umask of a child without unsafe code.
        let script = format!("umask {:o} && exec \"$@\"", self.umask);
        let mut command = Command::new("sh");
        command.args(["-c", &script, "sh"]);
        if self.nobody {
            command.args([
                "setpriv",
                "--reuid=65534",
                "--regid=65534",
                "--clear-groups",
            ]);
        }
        command.arg(env!("CARGO_BIN_EXE_store"));
        command.args(arguments).arg("--store").arg(&self.store);
        command.arg("--recipes").arg(&self.recipes);
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command.current_dir(&self.directory);
        command.output().expect("a shell and setpriv are installed")
    }

    /// Runs a command that has to go well; gives what it printed.
    pub fn run(&self, arguments: &[&str]) -> String {
        let output = self.try_run(arguments);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {said}");
        String::from_utf8(output.stdout).unwrap()
    }

    pub fn json(&self, arguments: &[&str]) -> Value {
        let text = self.run(&[arguments, &["--json"]].concat());
        serde_json::from_str(&text).unwrap()
    }

    /// Realizes artifacts; every step is explained.
    pub fn realize(&self, names: &[&str]) -> Realized {
        let jobs = self.jobs.to_string();
        let before = ["realize", "--explain", "-q", "--jobs", &jobs];
        Realized(self.json(&[&before, names].concat()))
    }
}

/// What a realize reported.
pub struct Realized(pub Value);

impl Realized {
    pub fn composed(&self) -> u64 {
        self.0["steps"]["composed"].as_u64().unwrap()
    }

    /// The steps of one status, `KIND SUBJECT`, sorted.
    pub fn with(&self, status: &str) -> Vec<String> {
        let steps = self.0["explained"].as_array().unwrap().iter();
        let ran = steps.filter(|step| step["status"] == status);
        let mut ran: Vec<String> = ran
            .map(|step| step["step"].as_str().unwrap().to_owned())
            .collect();
        ran.sort();
        ran
    }

    /// The entry of each artifact, by name.
    pub fn entries(&self) -> std::collections::BTreeMap<String, String> {
        let artifacts = self.0["artifacts"].as_array().unwrap().iter();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        artifacts
            .map(|artifact| (text(&artifact["name"]), text(&artifact["entry"])))
            .collect()
    }

    /// Where an artifact lies.
    pub fn path(&self, name: &str) -> PathBuf {
        let artifacts = self.0["artifacts"].as_array().unwrap();
        let artifact = artifacts.iter().find(|artifact| artifact["name"] == name);
        PathBuf::from(artifact.unwrap()["path"].as_str().unwrap())
    }
}
