//! Closure of repositories, with dnf's repoclosure as the judge.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::path::{Path, PathBuf};

use store::formats::repodata::{Primary, open, owners};
use store::formats::rpm::Solvable;
use store::plan::solve::{Candidate, Question, Shelf, named_paths};

use crate::support::bench::Bench;
use crate::support::dnf::Machine;
use crate::support::fixtures::folder;
use crate::support::rpm::{Draft, spec};
use crate::support::workspace::Memory;

type Broken = BTreeMap<String, BTreeSet<String>>;

/// What the packages of repositories lack, by the package's name as dnf writes it.
fn lacks(arch: &str, repositories: &[PathBuf]) -> Broken {
    let mut solvables = Vec::new();
    for repository in repositories {
        let primary = metadata(repository, "primary.xml");
        let listed = Primary::new("primary.xml", primary.as_slice());
        solvables.extend(listed.map(|listed| listed.unwrap().solvable));
    }
    let candidates = solvables.iter().map(|solvable: &Solvable| Candidate {
        solvable,
        module: None,
    });
    let mut question = Question {
        packages: candidates.collect(),
        install: Vec::new(),
        arch: arch.to_owned(),
        weak: false,
        owners: BTreeMap::new(),
    };
    let places = solvables.iter().enumerate();
    let places: HashMap<&str, usize> = places.map(|(n, s)| (s.digest.hex.as_str(), n)).collect();
    let wanted = named_paths(solvables.iter());
    for repository in repositories {
        let lists = metadata(repository, "filelists.xml");
        for (path, found) in owners("filelists.xml", lists.as_slice(), &wanted).unwrap() {
            let found = found.iter().filter_map(|hex| places.get(hex.as_str()));
            question.owners.entry(path).or_default().extend(found);
        }
    }
    let mut broken = Broken::new();
    for lack in Shelf::new(&question).lacks(|_| true) {
        let package = solvables[lack.package].nevra.to_string();
        let requirements = broken.entry(package).or_default();
        requirements.insert(lack.requirement);
    }
    broken
}

/// One file of a repository's metadata, decompressed.
fn metadata(repository: &Path, name: &str) -> Vec<u8> {
    let files = fs::read_dir(repository.join("repodata")).unwrap();
    let mut files = files.map(|file| file.unwrap().path());
    let wanted = |path: &PathBuf| path.to_string_lossy().contains(name);
    let file = files.find(wanted).expect("the repository has it");
    open(&file.to_string_lossy(), &fs::read(&file).unwrap()).unwrap()
}

fn repositories(names: &[&str]) -> Option<Vec<PathBuf>> {
    let base = folder("repos")?;
    Some(names.iter().map(|name| base.join(name)).collect())
}

#[test]
fn dnf_finds_the_same_packages_broken_in_real_repositories() {
    // Of the second its own modules' streams are left aside, as an edition chooses its streams itself.
    for (arch, names, fewest) in [
        ("armv7l", &["tizen3-armv7l"][..], 5),
        ("x86_64", &["centos-baseos-imagebuilder"], 0),
        (
            "x86_64",
            &[
                "centos-baseos-imagebuilder",
                "centos-stream9-osbuild/appstream",
            ],
            1000,
        ),
    ] {
        let Some(paths) = repositories(names) else {
            return;
        };
        let paths: Vec<PathBuf> = paths.iter().map(|p| p.canonicalize().unwrap()).collect();
        let listed: Vec<(&str, &Path)> = ["a", "b"]
            .into_iter()
            .zip(paths.iter().map(PathBuf::as_path))
            .collect();
        let options = listed
            .iter()
            .map(|(name, _)| format!("--setopt={name}.module_hotfixes=1"));
        let options: Vec<String> = options.collect();
        let options: Vec<&str> = options.iter().map(String::as_str).collect();
        let mut theirs = Machine::new(&listed).of(arch).repoclosure(&options);
        // dnf takes every condition for true: it asks for `x` of `(x if y)` although there is no `y`.
        for requirements in theirs.values_mut() {
            requirements.retain(|one| !(one.starts_with('(') && one.contains(" if ")));
        }
        theirs.retain(|_, requirements| !requirements.is_empty());
        let ours = lacks(arch, &paths);
        assert!(theirs.len() >= fewest, "{names:?}: {}", theirs.len());
        for package in theirs.keys().chain(ours.keys()) {
            assert_eq!(ours.get(package), theirs.get(package), "{package}");
        }
    }
}

/// An edition of one module with these packages, linted and realized; what lint and dnf say of it.
fn edition(drafts: &[Draft]) -> (Broken, Broken) {
    let mut names = Vec::new();
    let memory = Memory::default();
    let bench = Bench::of(&[
        ("disk.toml", "kind = \"source\"\npath = \"../rpms\"\n"),
        ("all.toml", "kind = \"repository\"\nmodules = [\"part\"]\n"),
    ]);
    for draft in drafts {
        let nevra = &draft.spec.nevra;
        names.push(format!("\"{}.{}\"", nevra.name, nevra.arch));
        bench.write(&format!("rpms/{}", nevra.file_name()), draft.bytes(&memory));
    }
    let module = format!(
        "kind = \"module\"\nstream = \"1\"\nversion = 1\nsource = \"disk\"\npackages = [{}]\n",
        names.join(", ")
    );
    bench.write("recipes/part.toml", module);
    let mut ours = Broken::new();
    let document = bench.run(&["lint", "all", "--json"]).document("lint");
    for finding in document["findings"].as_array().unwrap() {
        assert_eq!(finding["code"], "unmet-dependency", "{finding}");
        let text = |key: &str| finding[key].as_str().unwrap().to_owned();
        ours.entry(text("package"))
            .or_default()
            .insert(text("requirement"));
    }
    let edition = bench.realize(&["all"]).remove(0);
    let theirs = Machine::new(&[("edition", &edition)]).repoclosure(&[]);
    (ours, theirs)
}

#[test]
fn dnf_finds_the_same_requirements_unmet_in_an_edition() {
    let (ours, theirs) = edition(&[
        spec("good-1-1.x86_64")
            .requires("lib >= 2")
            .requires("/usr/share/words")
            .requires("(lib or nothing)")
            .requires("(lib >= 1 with lib < 3)")
            .requires("capability = 1:3-1"),
        spec("lib-2-1.x86_64")
            .provides("capability = 1:3")
            .file("/usr/share/words", b"words"),
        spec("lib-2-1.i686").provides("capability(32)"),
        spec("old-1-1.noarch").requires("lib < 2"),
        spec("lost-1-1.noarch")
            .requires("nothing")
            .requires("/usr/share/nowhere"),
        spec("early-1-1.noarch").requires_pre("nobody"),
        spec("choosy-1-1.noarch").requires("(nothing or nobody)"),
        spec("narrow-1-1.noarch").requires("(lib with nobody)"),
        spec("after-1-1.noarch").requires("lost"),
        spec("foreign-1-1.i686")
            .requires("capability(32)")
            .requires("capability(64)"),
        spec("hostile-1-1.noarch").conflicts("lib"),
    ]);
    assert_eq!(ours, theirs);
    let broken: Vec<&str> = ours.keys().map(String::as_str).collect();
    assert_eq!(
        broken,
        [
            "choosy-1-1.noarch",
            "early-1-1.noarch",
            "foreign-1-1.i686",
            "lost-1-1.noarch",
            "narrow-1-1.noarch",
            "old-1-1.noarch",
        ]
    );
}
