//! The program run with one of its system calls going wrong; see `trip.c`.

use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

use super::site::{Said, Site};

/// Calls that change a store, and those that open. Those that read, `i`, are too many to be among them.
pub const CHANGES: &str = "cwsrlmua";
pub const ALL: &str = "ocwsrlmua";

/// How a tripped command ended, and which of how many calls it was.
pub struct Tripped {
    pub said: Said,
    pub calls: u64,
    pub call: String,
}

impl Tripped {
    /// Whether what was said names the place of the call, as far as people know of it: a file of the store,
    /// a recipe or the lock, a package of a source. Where every call fails from that one on, it may be that of another one.
    pub fn names_its_place(&self, told: &str, ever: bool) -> bool {
        let places = [
            ("/recipes", ["recipes/", " in recipes"]),
            ("/rpms", ["/rpms", "/rpms"]),
        ];
        let of = |(place, words): &(&str, [&str; 2])| {
            (ever || self.call.contains(place)) && words.iter().any(|word| told.contains(word))
        };
        told.contains("/store") || places.iter().any(of)
    }
}

/// The tool, built once; `None`, said aloud, where it can't run.
fn tool() -> Option<&'static PathBuf> {
    static TOOL: OnceLock<Option<(PathBuf, tempfile::TempDir)>> = OnceLock::new();
    let built = TOOL.get_or_init(|| {
        let dir = tempfile::tempdir().unwrap();
        let (source, tool) = (dir.path().join("trip.c"), dir.path().join("trip"));
        std::fs::write(&source, include_str!("trip.c")).unwrap();
        if !cfg!(target_arch = "x86_64") {
            super::told::left_out("system calls are tripped on x86-64 only");
            return None;
        }
        let built = Command::new("cc")
            .args(["-O1", "-Wall", "-Werror", "-o"])
            .args([&tool, &source])
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&built.stderr);
        assert!(built.status.success(), "{said}");
        let works = Command::new(&tool)
            .args(["/nowhere", "o", "count", "0", "true"])
            .output()
            .unwrap();
        if !works.status.success() {
            super::told::left_out("processes can't be traced here");
            return None;
        }
        Some((tool, dir))
    });
    built.as_ref().map(|(tool, _)| tool)
}

/// Runs a command whose Nth call of these classes, on files of the store or the recipes, does what `what` says.
pub fn trip(site: &Site, classes: &str, what: &str, n: u64, arguments: &[&str]) -> Option<Tripped> {
    let report = site.path("report");
    let all = std::fs::canonicalize(site.path("")).unwrap();
    let store = all.join("store");
    let output = Command::new(tool()?)
        .arg(&all)
        .args([classes, what, &n.to_string()])
        .arg(env!("CARGO_BIN_EXE_store"))
        .arg("--store")
        .arg(&store)
        .args(arguments)
        .current_dir(site.path(""))
        .env("TRIP_REPORT", &report)
        .env_remove("STORE_FAULT")
        .output()
        .unwrap();
    let text = std::fs::read_to_string(report).unwrap();
    let (calls, call) = text.split_once('\n').unwrap();
    Some(Tripped {
        said: Said::of(arguments, output),
        calls: calls.parse().unwrap(),
        call: call.trim_end().to_owned(),
    })
}
