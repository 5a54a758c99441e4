//! Recipes: what is read, and what is said when it can't be.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use store::formats::rpm::{Record, Solvable};
use store::ids::Name;
use store::plan::solve::{Candidate, Question, Request, solve};
use store::recipe::{Comparison, Config, Content, Dependency, Install, Kind, Location, Recipes};

use crate::support::records::{self, Says};

const RELEASE: &str = "[release]
name = \"Sampler\"
short = \"sampler\"
version = \"1\"
arch = \"x86_64\"
epoch = 2026-11-01
";

/// A directory of recipes, with the usual release unless another is given.
struct Written {
    dir: tempfile::TempDir,
}

impl Written {
    fn new(files: &[(&str, &str)]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let written = Written { dir };
        written.write("release.toml", RELEASE);
        for (path, text) in files {
            written.write(path, text);
        }
        written
    }

    fn path(&self) -> &Path {
        self.dir.path()
    }

    fn write(&self, path: &str, text: impl AsRef<[u8]>) {
        let path = self.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    fn load(&self) -> Recipes {
        let recipes = Recipes::load(self.path()).unwrap_or_else(|error| panic!("{error}"));
        recipes.check().unwrap_or_else(|error| panic!("{error}"));
        recipes
    }

    /// What loading and checking complain of, with paths as from inside the directory.
    fn complaints(&self) -> String {
        let text = match Recipes::load(self.path()) {
            Err(error) => error.to_string(),
            Ok(recipes) => recipes.check().expect_err("something is wrong").to_string(),
        };
        text.replace(&format!("{}/", self.path().display()), "")
    }
}

fn shipped() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("recipes")
}

#[test]
fn the_recipes_that_ship_load_and_agree_with_each_other() {
    let recipes = Recipes::load(&shipped()).unwrap_or_else(|error| panic!("{error}"));
    recipes.check().unwrap_or_else(|error| panic!("{error}"));

    let ostree = recipes.ostree(&"atomic-host".parse().unwrap()).unwrap();
    assert_eq!(ostree.reference, "sampler/1/x86_64/atomic-host");
    let install: Vec<String> = ostree
        .selection
        .install
        .iter()
        .map(Install::to_string)
        .collect();
    assert_eq!(install, ["@base-runtime/host", "@container-runtime/host"]);
    let modules = recipes.modules_of(&ostree.selection.from);
    assert_eq!(modules.len(), 2);
    let base = recipes.module(&"base-runtime".parse().unwrap()).unwrap();
    assert!(base.packages.contains("sampler-shell"), "all of `from`");
}

/// The packages of an artifact's `from`, as the records that their RPMs will have.
fn offered(recipes: &Recipes, modules: &[&str]) -> Vec<Record> {
    let from = modules.iter().map(|name| name.parse().unwrap()).collect();
    let modules = recipes.modules_of(&from);
    let packages = modules.values().flat_map(|module| &module.from);
    packages
        .map(|name| {
            let package = recipes.package(name).unwrap();
            let mut record = records::of(package.nevra.clone());
            let read = |list: &BTreeSet<Dependency>| -> Vec<_> {
                let texts = list.iter().map(Dependency::to_string);
                texts.map(|text| records::dependency(&text)).collect()
            };
            record.provides.extend(read(&package.provides));
            record.requires = read(&package.requires);
            record.conflicts = read(&package.conflicts);
            record.obsoletes = read(&package.obsoletes);
            record.recommends = read(&package.recommends);
            record.suggests = read(&package.suggests);
            record.supplements = read(&package.supplements);
            record.enhances = read(&package.enhances);
            for file in &package.files {
                record = record.file(&file.path);
            }
            record
        })
        .collect()
}

fn solved(records: &[Record], install: &[&str], weak: bool) -> Vec<String> {
    let solvables: Vec<Solvable> = records.iter().map(Solvable::of).collect();
    let candidates = solvables.iter().map(|solvable| Candidate {
        solvable,
        module: None,
    });
    let question = Question {
        packages: candidates.collect(),
        install: install.iter().map(|text| Request::new(*text)).collect(),
        arch: "x86_64".to_owned(),
        weak,
        owners: BTreeMap::new(),
    };
    let solution = solve(&question).unwrap_or_else(|problem| panic!("{problem}"));
    let packages = solution.packages.iter();
    packages
        .map(|&place| records[place].nevra.name.clone())
        .collect()
}

#[test]
fn the_recipes_that_ship_solve_inside_their_modules() {
    let recipes = Recipes::load(&shipped()).unwrap();
    for (name, recipe) in &recipes.recipes {
        let Kind::Repository(edition) = &recipe.kind else {
            continue;
        };
        let modules: Vec<&str> = edition.modules.iter().map(Name::as_str).collect();
        let records = offered(&recipes, &modules);
        let all: Vec<&str> = records.iter().map(|r| r.nevra.name.as_str()).collect();
        let installed = solved(&records, &all, true);
        assert_eq!(installed.len(), all.len(), "all of {name} at once");
    }

    let host = recipes.ostree(&"atomic-host".parse().unwrap()).unwrap();
    let modules: Vec<&str> = host.selection.from.iter().map(Name::as_str).collect();
    let records = offered(&recipes, &modules);
    let install = [
        "placeholder-kernel",
        "sampler-init",
        "sampler-release",
        "sampler-containers",
    ];
    let expected = [
        "placeholder-kernel",
        "sampler-containers",
        "sampler-containers-common",
        "sampler-filesystem",
        "sampler-init",
        "sampler-probe",
        "sampler-release",
        "sampler-shell",
    ];
    assert_eq!(solved(&records, &install, host.selection.weak), expected);
    assert_eq!(
        solved(&records, &install, false),
        expected,
        "the rich dependency alone does it"
    );
    let without = solved(&records, &install[..3], false);
    assert!(
        !without.contains(&"sampler-probe".to_owned()),
        "no containers, no probe"
    );
}

const FILES: &str = r#"
kind = "package"
version = "1.0"
release = "2"
epoch = 3
license = "MIT"
summary = "All that a package can say"
provides = ["a = {version}"]
requires = ["/bin/sh", "b >= 1:2-3", "(c if d)"]
[[files]]
path = "/usr/bin/a"
content = "NAME={name} ${{HOME}}\n"
mode = 0o4755
capabilities = "cap_net_raw=ep"
[[files]]
path = "/etc/a"
source = "files/a.toml"
config = "noreplace"
user = "a"
[[files]]
path = "/bin"
target = "usr/bin"
[[files]]
path = "/var/lib/a"
directory = true
mode = "0700"
[[files]]
path = "/run/a"
ghost = true
[scripts]
post = "/sbin/ldconfig"
[[changelog]]
date = 2026-01-02
author = "A - 1.0-2"
text = "- older"
[[changelog]]
date = 2026-02-02
author = "A - 1.0-3"
text = "- newer"
"#;

#[test]
fn a_package_is_read_with_all_that_it_can_say() {
    let body = "kind = \"nobody reads {this} as a recipe\"";
    let recipes = Written::new(&[("deep/a.toml", FILES), ("deep/files/a.toml", body)]).load();
    let package = recipes.package(&"a".parse().unwrap()).unwrap();
    assert_eq!(package.nevra.to_string(), "a-3:1.0-2.noarch");
    assert_eq!(package.description, package.summary);
    let provided = Dependency {
        name: "a".into(),
        version: Some((Comparison::Equal, store::ids::Evr::parse("1"))),
    };
    assert!(package.provides.contains(&provided));
    assert_eq!(package.requires.len(), 3);
    let shown: Vec<String> = package
        .files
        .iter()
        .map(|f| {
            format!(
                "{} {:04o} {}:{} {:?} {:?} {}",
                f.path, f.mode, f.user, f.group, f.config, f.content, f.ghost
            )
        })
        .collect();
    assert_eq!(
        shown,
        [
            "/bin 0777 root:root No Symlink(\"usr/bin\") false",
            "/etc/a 0644 a:root NoReplace File(40 bytes) false",
            "/run/a 0644 root:root No File(0 bytes) true",
            "/usr/bin/a 4755 root:root No File(21 bytes) false",
            "/var/lib/a 0700 root:root No Directory false",
        ]
    );
    assert_eq!(package.files[1].config, Config::NoReplace);
    let Content::File(bytes) = &package.files[3].content else {
        panic!("a file");
    };
    assert_eq!(&bytes[..], b"NAME=Sampler ${HOME}\n");
    assert_eq!(package.scripts["post"], "/sbin/ldconfig");
    assert_eq!(package.changelog[0].text, "- newer");
}

#[test]
fn paths_are_meant_from_the_folder_of_their_recipe() {
    let written = Written::new(&[("deep/os.toml", "kind = \"source\"\npath = \"../rpms\"")]);
    let recipes = written.load();
    let source = recipes.source(&"os".parse().unwrap()).unwrap();
    let path = written.path().join("deep").join("../rpms");
    assert_eq!(source.location, Location::Path(path));
}

#[test]
fn a_repository_is_named_by_url_mirror_list_or_metalink_with_what_the_release_says() {
    let of = |field: &str| {
        let text = format!(
            "kind = \"source\"\n{field} = \"https://a.example/{{version}}/{{arch}}?{{short}}\""
        );
        let written = Written::new(&[("os.toml", &text)]);
        let recipes = written.load();
        recipes
            .source(&"os".parse().unwrap())
            .unwrap()
            .location
            .clone()
    };
    let url = "https://a.example/1/x86_64?sampler".to_owned();
    assert_eq!(of("url"), Location::Url(url.clone()));
    assert_eq!(of("mirrorlist"), Location::MirrorList(url.clone()));
    assert_eq!(of("metalink"), Location::Metalink(url));
}

const PACKAGE: &str = "kind = \"package\"
summary = \"A\"
version = \"1\"
release = \"1\"
license = \"MIT\"
";

fn neighbours(x: &str) -> Written {
    let package =
        "kind = \"package\"\nsummary = \"A\"\nversion = \"1\"\nrelease = \"1\"\nlicense = \"MIT\"";
    Written::new(&[
        ("tool.toml", package),
        ("gadget.toml", package),
        ("os.toml", "kind = \"source\"\npath = \"rpms\""),
        (
            "base.toml",
            "kind = \"module\"\nstream = \"1\"\nversion = 1\nfrom = [\"tool\"]\n[profiles]\ndefault = [\"tool\"]",
        ),
        (
            "base-2.toml",
            "kind = \"module\"\nmodule = \"base\"\nstream = \"2\"\nversion = 1\nfrom = [\"tool\"]",
        ),
        (
            "desktop.toml",
            "kind = \"module\"\nstream = \"1\"\nversion = 1\nfrom = [\"gadget\"]\n[requires]\nbase = \"1\"",
        ),
        ("x.toml", x),
    ])
}

#[test]
fn each_mistake_is_told_with_file_line_column_and_a_hint() {
    let mistakes = include_str!("recipe_mistakes.txt").split("===\n").skip(1);
    for mistake in mistakes {
        let (text, expected) = mistake.split_once("\n---\n").unwrap();
        assert_eq!(
            neighbours(text).complaints(),
            expected.trim_end(),
            "of:\n{text}"
        );
    }
}

#[test]
fn an_image_counts_the_layers_of_those_below_it_with_its_own() {
    let image = |base: &str, layers: u32| {
        format!("kind = \"image\"\nbase = \"{base}\"\nlayers = {layers}\ninstall = [\"tool\"]")
    };
    let bottom = "kind = \"image\"\nfrom = [\"base\"]\ninstall = [\"tool\"]\nlayers = 64";
    let written = neighbours(&image("bottom", 63));
    written.write("bottom.toml", bottom);
    written.load().check().unwrap();
    written.write("top.toml", image("x", 1));
    assert_eq!(
        written.complaints(),
        "top.toml:3:10: with those of the images below it this one may have 128 layers, and clients take 127: \
         write fewer here, or in an image below"
    );
}

#[test]
fn all_mistakes_of_all_files_are_told_at_once_in_order() {
    let written = Written::new(&[
        (
            "b.toml",
            "kind = \"repository\"\nmodules = []\nx = 1\ny = 2",
        ),
        ("a.toml", "kind = \"source\""),
    ]);
    let complaints = written.complaints();
    let places: Vec<&str> = complaints
        .lines()
        .map(|line| line.split(": ").next().unwrap())
        .collect();
    assert_eq!(
        places,
        ["a.toml:1:1", "b.toml:2:11", "b.toml:3:1", "b.toml:4:1"]
    );
}

#[test]
fn an_image_is_for_a_machine_that_runs_containers() {
    let written = Written::new(&[
        (
            "x.toml",
            "kind = \"image\"\nfrom = [\"base\"]\ninstall = [\"tool\"]\n",
        ),
        (
            "base.toml",
            "kind = \"module\"\nstream = \"1\"\nversion = 1\nfrom = [\"tool\"]\n",
        ),
        (
            "tool.toml",
            "kind = \"package\"\nsummary = \"A\"\nversion = \"1\"\nrelease = \"1\"\nlicense = \"MIT\"\n",
        ),
    ]);
    written.write("release.toml", RELEASE.replace("x86_64", "s390x"));
    Recipes::load(written.path()).unwrap().check().unwrap();
    written.write("release.toml", RELEASE.replace("x86_64", "alpha"));
    assert_eq!(
        written.complaints(),
        "x.toml:1:8: no container runtime runs on \"alpha\", which the release is for"
    );
}

#[test]
fn the_release_is_checked_like_any_recipe() {
    let of = |text: &str| {
        let written = Written::new(&[]);
        written.write("release.toml", text);
        written.complaints()
    };
    assert_eq!(of(""), "release.toml:1:1: \"release\" is missing here");
    assert_eq!(
        of(&RELEASE.replace("short = \"sampler\"", "short = \"a/b\"")),
        "release.toml:3:9: \"a/b\" can't be a short name: \"a/b\" can't be a name: \
         use letters, digits and ._+-, at most 128, beginning with a letter or digit"
    );
    assert_eq!(
        of(&RELEASE.replace("x86_64", "x86-64")),
        "release.toml:5:8: \"x86-64\" can't be an architecture: rpm knows no machine of that name; \
         did you mean \"x86_64\"?"
    );
    assert_eq!(
        of(&RELEASE.replace("2026-11-01", "\"2026-11-01\"")),
        "release.toml:6:9: \"epoch\" must be a date from 1970 to 2106, as 2026-11-01, \
         or 2026-11-01T12:00:00Z, without quotes, not a string"
    );
    assert_eq!(
        of(&RELEASE.replace("2026-11-01", "2026-11-01T12:00:00")),
        "release.toml:6:9: \"epoch\" must be a date from 1970 to 2106, as 2026-11-01, \
         or 2026-11-01T12:00:00Z, without quotes, not a date or time"
    );
    let written = Written::new(&[]);
    let moment = "2026-11-01T02:00:00+02:00";
    written.write("release.toml", RELEASE.replace("2026-11-01", moment));
    assert_eq!(written.load().release.epoch, 1_793_491_200);
}

#[test]
fn names_are_unique_and_the_error_names_both_files() {
    let source = "kind = \"source\"\npath = \"rpms\"";
    let written = Written::new(&[("a/os.toml", source), ("b/os.toml", source)]);
    assert_eq!(
        written.complaints(),
        "b/os.toml:1:1: there is a recipe \"os\" already: a/os.toml"
    );
    let written = Written::new(&[("a/release.toml", RELEASE), ("b/a b.toml", source)]);
    assert_eq!(
        written.complaints(),
        "a/release.toml:1:1: a recipe can't be called \"release\": \
         release.toml, at the top of the recipes, is what they have in common; one in a folder is an artifact of that name, with a `kind`\n\
         b/a b.toml:1:1: a recipe can't be called \"a b\": \
         use letters, digits and ._+-, at most 128, beginning with a letter or digit"
    );
}

#[test]
fn missing_directories_and_releases_say_what_to_do() {
    let dir = tempfile::tempdir().unwrap();
    let gone = dir.path().join("gone");
    let error = Recipes::load(&gone).unwrap_err().to_string();
    assert_eq!(
        error,
        format!(
            "there is no recipes directory {}; make one, or name another with --recipes",
            gone.display()
        )
    );
    let error = Recipes::load(dir.path()).unwrap_err().to_string();
    assert!(error.starts_with("there is no /"), "{error}");
    assert!(
        error.contains("/release.toml, which gives the name"),
        "{error}"
    );
}

#[test]
fn hidden_files_and_loops_of_links_are_passed_over() {
    let written = Written::new(&[
        ("os.toml", "kind = \"source\"\npath = \"rpms\""),
        (".git/os.toml", "no recipe"),
        ("deep/.#a.toml", "no recipe"),
        ("store.lock", "no recipe"),
    ]);
    std::os::unix::fs::symlink("..", written.path().join("deep/up")).unwrap();
    // As emacs leaves one beside a file that it holds.
    let lock = written.path().join("deep/.#b.toml");
    std::os::unix::fs::symlink("somebody@host.1234", lock).unwrap();
    assert_eq!(written.load().recipes.len(), 1);
}

#[test]
fn a_link_to_nothing_is_named() {
    let written = Written::new(&[]);
    let link = written.path().join("x.toml");
    std::os::unix::fs::symlink("nowhere", &link).unwrap();
    let error = Recipes::load(written.path()).unwrap_err().to_string();
    assert!(error.contains("x.toml is a link to nothing"), "{error}");
}

#[test]
fn a_body_must_not_leave_the_recipes_through_a_link() {
    let text = format!("{PACKAGE}[[files]]\npath = \"/a\"\nsource = \"link\"");
    let written = Written::new(&[("x.toml", &text)]);
    std::os::unix::fs::symlink("/etc/passwd", written.path().join("link")).unwrap();
    assert_eq!(
        written.complaints(),
        "x.toml:8:10: \"link\" can't be read as \"source\": it lies outside the recipes directory"
    );
}

#[test]
fn bytes_that_are_no_text_are_told_with_their_place() {
    let written = Written::new(&[]);
    written.write("x.toml", b"kind = 1\n# \xff");
    assert_eq!(written.complaints(), "x.toml:2:3: not UTF-8 from here on");
    let written = Written::new(&[]);
    written.write("x.toml", format!("a = {}", "[".repeat(1 << 20)));
    assert!(written.complaints().starts_with("x.toml:1:"));
}

#[test]
fn where_files_lie_and_how_lists_are_ordered_means_nothing() {
    let module =
        |from: &str| format!("kind = \"module\"\nstream = \"1\"\nversion = 1\nfrom = [{from}]");
    let package = format!("{PACKAGE}requires = [\"b\", \"a  =  1\"]");
    let other = format!("# a comment\n{PACKAGE}requires = [\"a = 1\", \"b\"]");
    let one = Written::new(&[
        ("a.toml", &package),
        ("z/b.toml", &package),
        ("m.toml", &module("\"a\", \"b\"")),
    ]);
    let two = Written::new(&[
        ("y/m.toml", &module("\"b\",\n\"a\"")),
        ("b.toml", &other),
        ("deep/er/a.toml", &other),
    ]);
    let kinds = |recipes: Recipes| -> Vec<(String, Kind)> {
        let recipes = recipes.recipes.into_iter();
        recipes
            .map(|(name, recipe)| (name.into(), recipe.kind))
            .collect()
    };
    assert_eq!(kinds(one.load()), kinds(two.load()));
}

/// A few bytes of good recipes, changed at random.
fn mutated() -> impl Strategy<Value = Vec<u8>> {
    let texts: Vec<Vec<u8>> = [
        "packages/sampler-httpd",
        "modules/gnome",
        "editions/atomic-host",
    ]
    .iter()
    .map(|name| std::fs::read(shipped().join(format!("{name}.toml"))).unwrap())
    .chain([FILES.as_bytes().to_vec()])
    .collect();
    const TOKENS: [&str; 15] = [
        "[", "]]", "{", "}", "\"", "\"\"\"", "=", "0o", "1e9", ".", "(", "\n", "-", "\u{fc}", "\0",
    ];
    let change = (
        any::<prop::sample::Index>(),
        0usize..8,
        prop::sample::select(&TOKENS[..]).prop_map(str::to_owned),
    );
    (
        prop::sample::select(texts),
        prop::collection::vec(change, 1..6),
    )
        .prop_map(|(mut text, changes)| {
            for (at, cut, token) in changes {
                let at = at.index(text.len() + 1);
                let end = (at + cut).min(text.len());
                text.splice(at..end, token.into_bytes());
            }
            text
        })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(300) })]

    #[test]
    fn no_recipe_makes_the_reader_panic(text in mutated()) {
        let written = Written::new(&[("files/a.toml", "x")]);
        written.write("x.toml", text);
        if let Ok(recipes) = Recipes::load(written.path()) {
            let _ = recipes.check();
        }
    }

    #[test]
    fn a_dependency_reads_back_as_it_is_shown(text in "[a-c(]{0,3}( (and|if|=|>=|else) [a-c1:()-]{0,4}){0,3}[)]{0,2}") {
        if let Ok(read) = text.parse::<Dependency>() {
            prop_assert_eq!(read.to_string().parse(), Ok(read));
        }
    }
}
