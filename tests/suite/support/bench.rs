//! Recipes and a store in a temporary directory, with the program run over them as a person would.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

/// A place to work at: `recipes/` and a store that is not there yet.
pub struct Bench {
    dir: tempfile::TempDir,
}

/// How a run of the program ended, and what it said.
#[derive(Debug)]
pub struct Said {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Bench {
    /// With a copy of the recipes that ship.
    pub fn shipped() -> Self {
        let bench = Bench::empty();
        copy(
            &Path::new(env!("CARGO_MANIFEST_DIR")).join("recipes"),
            &bench.recipes(),
        );
        bench
    }

    /// With a release, and recipes given as path and text.
    pub fn of(recipes: &[(&str, &str)]) -> Self {
        let bench = Bench::empty();
        bench.write(
            "recipes/release.toml",
            "[release]\nname = \"Sampler\"\nshort = \"sampler\"\nversion = \"1\"\narch = \"x86_64\"\nepoch = 2026-11-01\n",
        );
        for (path, text) in recipes {
            bench.write(&format!("recipes/{path}"), text);
        }
        bench
    }

    fn empty() -> Self {
        Bench {
            dir: tempfile::tempdir().unwrap(),
        }
    }

    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    pub fn recipes(&self) -> PathBuf {
        self.path().join("recipes")
    }

    pub fn store(&self) -> PathBuf {
        self.path().join("store")
    }

    /// Writes a file below the bench.
    pub fn write(&self, path: &str, bytes: impl AsRef<[u8]>) {
        let path = self.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    /// Replaces a text that a recipe has once.
    pub fn edit(&self, recipe: &str, from: &str, to: &str) {
        let path = self.recipes().join(recipe);
        let text = fs::read_to_string(&path).unwrap();
        assert_eq!(text.matches(from).count(), 1, "{from:?} in {recipe}");
        fs::write(path, text.replace(from, to)).unwrap();
    }

    /// The program over this bench, to be given arguments; without anything of the caller's environment that it reads.
    pub fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_store"));
        command
            .current_dir(self.path())
            .env_remove("XDG_DATA_HOME")
            .env_remove("STORE_FAULT")
            .env("HOME", self.path().join("home"))
            .env("STORE_DIR", self.store());
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Said {
        Said::of(self.command().args(arguments).output().unwrap())
    }

    /// Runs a command that works; gives what it printed.
    pub fn print(&self, arguments: &[&str]) -> String {
        self.run(arguments).works().out
    }

    /// Runs a command with `--json`; gives the one document that it printed.
    pub fn json(&self, arguments: &[&str]) -> Value {
        let said = self.run(&[arguments, &["--json"]].concat()).works();
        said.document(arguments[0])
    }

    /// Realizes artifacts; gives the path of each.
    pub fn realize(&self, names: &[&str]) -> Vec<PathBuf> {
        let out = self.print(&[&["realize"], names].concat());
        out.lines().map(PathBuf::from).collect()
    }
}

impl Said {
    pub fn of(output: Output) -> Self {
        Said {
            code: output.status.code().expect("an exit, not a signal"),
            out: String::from_utf8(output.stdout).expect("text on stdout"),
            err: String::from_utf8(output.stderr).expect("text on stderr"),
        }
    }

    pub fn works(self) -> Self {
        assert_eq!(self.code, 0, "{}{}", self.out, self.err);
        self
    }

    /// Ends with an exit code, says nothing on stdout, and on stderr all of these.
    pub fn fails(self, code: i32, says: &[&str]) -> Self {
        assert_eq!(self.code, code, "{}{}", self.out, self.err);
        assert_eq!(self.out, "");
        for text in says {
            assert!(self.err.contains(text), "no {text:?} in:\n{}", self.err);
        }
        self
    }

    /// The one JSON document on stdout.
    pub fn document(&self, command: &str) -> Value {
        let value: Value = serde_json::from_str(&self.out)
            .unwrap_or_else(|error| panic!("{error}:\n{}\n{}", self.out, self.err));
        assert_eq!(value["schema"], format!("store/{command}/1"));
        value
    }
}

impl Drop for Bench {
    /// Views are read-only directories: an ordinary user has to make them writable to be rid of them.
    fn drop(&mut self) {
        allow(self.path());
    }
}

/// Makes all directories below one writable for their owner.
pub fn allow(directory: &Path) {
    let _ = fs::set_permissions(directory, fs::Permissions::from_mode(0o755));
    for child in fs::read_dir(directory).into_iter().flatten().flatten() {
        if child.file_type().is_ok_and(|kind| kind.is_dir()) {
            allow(&child.path());
        }
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for child in fs::read_dir(from).unwrap() {
        let child = child.unwrap();
        let target = to.join(child.file_name());
        if child.file_type().unwrap().is_dir() {
            copy(&child.path(), &target);
        } else {
            // The copy is to be edited, whatever the mode of the original.
            fs::write(target, fs::read(child.path()).unwrap()).unwrap();
        }
    }
}
