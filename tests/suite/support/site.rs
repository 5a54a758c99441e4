//! A copy of the shipped recipes with a store beside it, and the program run on them as people do.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use store::store::Store;

/// What every test here realizes: an edition and a tree share packages, so there is all kinds of reuse.
pub const ARTIFACTS: [&str; 2] = ["atomic-host", "server"];

pub struct Site {
    dir: tempfile::TempDir,
}

impl Site {
    pub fn new() -> Site {
        let dir = tempfile::tempdir().unwrap();
        let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("recipes");
        copy(&shipped, &dir.path().join("recipes"));
        // The checkout may be read-only.
        let change = Command::new("chmod")
            .args(["-R", "u+w"])
            .arg(dir.path().join("recipes"))
            .status();
        assert!(change.unwrap().success());
        // A file that the repository of the tree has deflated, and is long enough for a collector to see that.
        let lines: String = (0..4_000).map(|n| format!("line {n}\n")).collect();
        let recipe = dir.path().join("recipes/packages/sampler-containers.toml");
        let large =
            format!("\n[[files]]\npath = \"/usr/share/large\"\ncontent = \"\"\"\n{lines}\"\"\"\n");
        let text = std::fs::read_to_string(&recipe).unwrap();
        std::fs::write(&recipe, text + &large).unwrap();
        Site { dir }
    }

    /// One whose store has two generations of everything, so that there is something to collect.
    pub fn used() -> Site {
        let site = Site::new();
        site.realize();
        site.change();
        site.realize();
        site
    }

    /// The same once more, to be broken.
    pub fn again(&self) -> Site {
        let dir = tempfile::tempdir().unwrap();
        for part in ["recipes", "rpms", "store"] {
            if self.path(part).exists() {
                copy(&self.path(part), &dir.path().join(part));
            }
        }
        Site { dir }
    }

    pub fn path(&self, part: &str) -> PathBuf {
        self.dir.path().join(part)
    }

    pub fn store(&self) -> PathBuf {
        self.path("store")
    }

    pub fn open(&self) -> Store {
        Store::open(&self.store()).unwrap()
    }

    /// Makes a package other than it was; what stands on it has to be made again.
    pub fn change(&self) {
        let recipe = self.path("recipes/packages/sampler-httpd.toml");
        let text = std::fs::read_to_string(&recipe).unwrap();
        std::fs::write(&recipe, text.replace("listen 80\\n", "listen 8080\\n")).unwrap();
        let recipe = self.path("recipes/packages/sampler-containers.toml");
        let text = std::fs::read_to_string(&recipe).unwrap();
        std::fs::write(
            &recipe,
            text.replace("This is a sample", "This was a sample"),
        )
        .unwrap();
    }

    /// Gives the recipes a source that nothing stands on: packages of a realized module, in a directory.
    pub fn add_source(&self) {
        let modules = self.well(&["realize", "web-server"]);
        let packages = self.path(modules.trim()).join("Packages");
        copy(&packages, &self.path("rpms"));
        // Views are read-only.
        let change = Command::new("chmod")
            .args(["-R", "u+w"])
            .arg(self.path("rpms"))
            .status();
        assert!(change.unwrap().success());
        let source = "kind = \"source\"\npath = \"../rpms\"\n";
        let module = "kind = \"module\"\nstream = \"1\"\nversion = 1\nsource = \"drawn\"\npackages = [\"sampler-httpd\"]\n";
        let host = "kind = \"ostree\"\nfrom = [\"drawing\", \"base-runtime\"]\ninstall = [\"sampler-httpd\"]\nref = \"drawn\"\n";
        for (name, text) in [("drawn", source), ("drawing", module), ("drawn-host", host)] {
            std::fs::write(self.path(&format!("recipes/{name}.toml")), text).unwrap();
        }
    }

    /// Makes it what it was.
    pub fn revert(&self) {
        std::fs::remove_dir_all(self.path("recipes")).unwrap();
        copy(&Site::new().path("recipes"), &self.path("recipes"));
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_store"));
        command
            .current_dir(self.dir.path())
            .args(["--store", "store"])
            .args(arguments)
            .env_remove("STORE_FAULT")
            .stdin(Stdio::null());
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Said {
        Said::of(arguments, self.command(arguments).output().unwrap())
    }

    /// Runs a command that must end well; returns what it said.
    #[track_caller]
    pub fn well(&self, arguments: &[&str]) -> String {
        self.run(arguments).with(0).out
    }

    /// Begins a realize that dies, or with `:stop` stops, at a point of the store.
    pub fn faulty(&self, arguments: &[&str], fault: &str) -> Child {
        self.command(arguments)
            .env("STORE_FAULT", fault)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }

    /// Runs a command that may be killed; says whether it was, and that it ended well if not.
    pub fn killed(&self, arguments: &[&str], fault: &str) -> bool {
        let output = self.faulty(arguments, fault).wait_with_output().unwrap();
        let killed = std::os::unix::process::ExitStatusExt::signal(&output.status) == Some(9);
        if !killed {
            Said::of(arguments, output).with(0);
        }
        killed
    }

    /// Realizes everything; returns the entries by name.
    #[track_caller]
    pub fn realize(&self) -> BTreeMap<String, String> {
        entries(&self.well(&REALIZE))
    }

    /// Nothing that is named lacks anything, and everything is what its name says.
    #[track_caller]
    pub fn sound(&self, when: &str) {
        let said = self.run(&["verify", "--full"]);
        assert_eq!(said.code, Some(0), "{when}: {}{}", said.out, said.err);
        let store = self.open();
        for name in store.roots().unwrap() {
            if let Some(newest) = store.generations(&name).unwrap().last() {
                assert!(store.is_complete(newest.entry).unwrap(), "{when}: {name}");
            }
        }
    }

    /// Nothing of dead processes is left after a collector ran.
    #[track_caller]
    pub fn swept(&self, when: &str) {
        for left in ["tmp", "leases", "entries/.building"] {
            let names = std::fs::read_dir(self.store().join(left)).unwrap();
            let names: Vec<_> = names.map(|name| name.unwrap().path()).collect();
            assert!(names.is_empty(), "{when}: {names:?}");
        }
    }
}

pub const REALIZE: [&str; 4] = ["--json", "realize", ARTIFACTS[0], ARTIFACTS[1]];

/// The entries in what `realize --json` said.
pub fn entries(json: &str) -> BTreeMap<String, String> {
    let document: serde_json::Value = serde_json::from_str(json).unwrap();
    let artifacts = document["artifacts"].as_array().unwrap().iter();
    artifacts
        .map(|a| {
            let text = |key: &str| a[key].as_str().unwrap().to_owned();
            (text("name"), text("entry"))
        })
        .collect()
}

/// How a command ended, and what it said.
#[derive(Debug)]
#[expect(dead_code, reason = "all of it is shown where a test fails")]
pub struct Said {
    what: String,
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Said {
    pub fn of(arguments: &[&str], output: Output) -> Said {
        Said {
            what: arguments.join(" "),
            code: output.status.code(),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    #[track_caller]
    pub fn with(self, code: i32) -> Said {
        assert_eq!(self.code, Some(code), "{self:#?}");
        self
    }
}

/// Waits until a process stopped itself; says whether it did, or ended instead.
pub fn stopped(child: &mut Child) -> bool {
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(60) {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", child.id()));
        let state = stat.unwrap_or_default();
        if state
            .rsplit_once(") ")
            .is_some_and(|(_, s)| s.starts_with('T'))
        {
            return true;
        }
        if child.try_wait().unwrap().is_some() {
            return false;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    panic!("it neither stops nor ends");
}

pub fn go_on(child: &Child) {
    let pid = rustix::process::Pid::from_child(child);
    rustix::process::kill_process(pid, rustix::process::Signal::CONT).unwrap();
}

fn copy(from: &Path, to: &Path) {
    let status = Command::new("cp").arg("-a").arg(from).arg(to).status();
    assert!(status.unwrap().success());
}
