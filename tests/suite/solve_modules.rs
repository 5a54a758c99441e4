//! Modules: which streams are active, and which packages they hide; judged by the test cases of fus.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use store::formats::modulemd::{self, Document};
use store::formats::rpm::{Record, Solvable};
use store::plan::solve::{Candidate, Modularity, Question, Request, solve};

use crate::support::records::{Says, record};
use crate::support::{fixtures, testcase};

/// A case of fus, which puts together all combinations of streams that are possible;
/// an installation has one at a time, so we look at one after the other.
struct Case {
    name: &'static str,
    /// What is asked for besides all packages of the active streams, if it has any.
    install: &'static [&'static str],
    /// Streams to choose, one list for each installation; none where fus is asked for packages alone.
    streams: &'static [&'static [&'static str]],
}

const CASES: &[Case] = &[
    Case {
        name: "alternatives",
        install: &[],
        streams: &[
            &["C:master", "D:stable"],
            &["C:shiny", "D:stable"],
            &["C:glossy", "D:master"],
            &["C:lustrous", "D:stable"],
        ],
    },
    Case {
        name: "build-in-more-modules",
        install: &[],
        streams: &[&["foo-mod:stable"]],
    },
    Case {
        name: "default-stream",
        install: &["foo"],
        streams: &[],
    },
    Case {
        name: "empty",
        install: &[],
        streams: &[
            &["C:master"],
            &["C:shiny"],
            &["D:master"],
            &["C:lustrous", "D:stable"],
        ],
    },
    Case {
        name: "empty-module",
        install: &[],
        streams: &[
            &["C:master"],
            &["C:shiny"],
            &["D:master"],
            &["C:lustrous", "D:stable"],
        ],
    },
    Case {
        name: "masking",
        install: &[],
        streams: &[&["minput:master"]],
    },
    Case {
        name: "negative",
        install: &[],
        streams: &[&["D:stable"]],
    },
    Case {
        name: "non-default-stream",
        install: &["foo"],
        streams: &[],
    },
    Case {
        name: "order",
        install: &["solvable1", "solvable2", "solvable3", "solvable4"],
        streams: &[&["nondef_req_def:master", "nondef_req_nondef:master"]],
    },
    Case {
        name: "positive",
        install: &[],
        streams: &[&["D:stable"], &["D:master"]],
    },
    Case {
        name: "pull-bare",
        install: &["foo"],
        streams: &[],
    },
    Case {
        name: "pull-default-module",
        install: &["foo"],
        streams: &[],
    },
    Case {
        name: "static-context",
        install: &[],
        streams: &[&["D:stable"], &["D:master"]],
    },
    Case {
        name: "ursine",
        install: &["ursine"],
        streams: &[],
    },
    Case {
        name: "weak-deps",
        install: &["foo"],
        streams: &[],
    },
];

/// The other cases, and why they say nothing of us.
const OTHERS: &[(&str, &str)] = &[
    (
        "explicit-nevra",
        "fus takes a package that is named in full past the modules; dnf hides it nevertheless, and so do we",
    ),
    (
        "input-as-lookaside",
        "packages that only help to solve, and are then left out, are an idea of fus",
    ),
    (
        "moddep-broken",
        "fus goes on where a module requires what is not there; to dnf such a stream is not active",
    ),
    (
        "module-broken",
        "fus keeps a package whose requirements can't be met; we say that they can't",
    ),
    (
        "ursine-broken",
        "fus keeps a package whose requirements can't be met; we say that they can't",
    ),
];

fn documents(case: &Path) -> Vec<Document> {
    match std::fs::read_to_string(case.join("modules.yaml")) {
        Ok(text) => modulemd::read(&text).unwrap(),
        Err(_) => Vec::new(),
    }
}

fn streams(list: &[&str]) -> BTreeMap<String, String> {
    list.iter()
        .map(|one| one.split_once(':').unwrap())
        .map(|(module, stream)| (module.to_owned(), stream.to_owned()))
        .collect()
}

/// What is in sight of the records.
fn visible(records: &[Record], modularity: &Modularity) -> Vec<Solvable> {
    records
        .iter()
        .map(Solvable::of)
        .filter(|solvable| !modularity.hides(solvable))
        .collect()
}

fn installed(solvables: &[Solvable], install: Vec<String>) -> Vec<String> {
    let candidates = solvables.iter().map(|solvable| Candidate {
        solvable,
        module: None,
    });
    let question = Question {
        packages: candidates.collect(),
        install: install.into_iter().map(Request::new).collect(),
        arch: "x86_64".to_owned(),
        weak: false,
        owners: BTreeMap::new(),
    };
    let solution = solve(&question).unwrap_or_else(|problem| panic!("{problem}"));
    let chosen = solution.packages.iter();
    chosen
        .map(|&place| solvables[place].nevra.to_string())
        .collect()
}

#[test]
fn fus_composes_of_modules_what_we_install_of_them() {
    let Some(all) = fixtures::folder("repos/fus-modular-testcases/tests") else {
        return;
    };
    for case in CASES {
        let folder = all.join(case.name);
        let records = testcase::packages(&folder.join("packages.repo"));
        let documents = documents(&folder);
        let (mut modules, mut packages) = (BTreeSet::new(), BTreeSet::new());
        for chosen in case.streams {
            let chosen = streams(chosen);
            let modularity = Modularity::new(&documents, &chosen, "f29");
            assert_eq!(modularity.refused, [], "{}", case.name);
            let active = modularity.active.values();
            modules.extend(active.map(|m| {
                format!(
                    "module:{}:{}:{}.{}",
                    m.name_stream(),
                    m.version,
                    m.context,
                    m.arch
                )
            }));
            let solvables = visible(&records, &modularity);
            let artifacts: BTreeSet<&String> = modularity
                .active
                .values()
                .flat_map(|m| &m.artifacts)
                .collect();
            let mut install: Vec<String> = solvables
                .iter()
                .filter(|one| artifacts.contains(&one.nevra.with_epoch()))
                .map(|one| one.nevra.to_string())
                .collect();
            install.extend(case.install.iter().map(|one| (*one).to_owned()));
            packages.extend(installed(&solvables, install));
        }
        if case.streams.is_empty() {
            let chosen = BTreeMap::new();
            let modularity = Modularity::new(&documents, &chosen, "f29");
            let install = case.install.iter().map(|one| (*one).to_owned()).collect();
            packages.extend(installed(&visible(&records, &modularity), install));
        }
        let expected = std::fs::read_to_string(folder.join("expected")).unwrap();
        let lines = expected.lines().map(|line| line.split('@').next().unwrap());
        let (their_modules, theirs): (BTreeSet<&str>, BTreeSet<&str>) =
            lines.partition(|line| line.starts_with("module:"));
        let theirs: BTreeSet<String> = theirs.iter().map(|p| p.replace('*', "")).collect();
        assert_eq!(packages, theirs, "{}", case.name);
        // Asked for packages, fus names the modules of what it took, and we all that are active.
        if !case.streams.is_empty() {
            let modules: BTreeSet<&str> = modules.iter().map(String::as_str).collect();
            assert_eq!(modules, their_modules, "{}", case.name);
        }
    }
    let known = CASES.iter().map(|case| case.name);
    let known: BTreeSet<&str> = known.chain(OTHERS.iter().map(|(name, _)| *name)).collect();
    let found: BTreeSet<String> = std::fs::read_dir(&all)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert!(found.iter().map(String::as_str).eq(known));
}

/// A module in YAML.
fn module(name: &str, stream: &str, version: u64, requires: &str, artifacts: &[&str]) -> String {
    let artifacts: String = artifacts
        .iter()
        .map(|one| format!("      - {one}\n"))
        .collect();
    format!(
        "---\ndocument: modulemd\nversion: 2\ndata:\n  name: {name}\n  stream: \"{stream}\"\n  version: {version}\n  \
         context: c{version}\n  arch: x86_64\n  summary: s\n  description: d\n  license:\n    module: [MIT]\n  \
         dependencies:\n    - requires: {{{requires}}}\n  artifacts:\n    rpms:\n{artifacts}..."
    )
}

fn defaults(name: &str, stream: &str) -> String {
    format!(
        "---\ndocument: modulemd-defaults\nversion: 1\ndata:\n  module: {name}\n  stream: \"{stream}\"\n...",
    )
}

fn active(text: &[String], chosen: &[&str]) -> (Vec<String>, Vec<String>) {
    let documents = modulemd::read(&text.join("\n")).unwrap();
    let chosen = streams(chosen);
    let modularity = Modularity::new(&documents, &chosen, "el9");
    let active = modularity.active.values().map(|m| m.name_stream());
    let refused = modularity.refused.iter();
    (
        active.collect(),
        refused
            .map(|one| format!("{}: {}", one.stream, one.what))
            .collect(),
    )
}

#[test]
fn chosen_streams_come_before_defaults_and_bring_what_they_require() {
    let all = [
        module(
            "app",
            "1",
            1,
            "lib: [\"2\"], platform: [el9]",
            &["app-0:1-1.x86_64"],
        ),
        module("lib", "1", 1, "", &["lib-0:1-1.x86_64"]),
        module("lib", "2", 1, "", &["lib-0:2-1.x86_64"]),
        module("lib", "10", 1, "", &["lib-0:10-1.x86_64"]),
        module("any", "1", 1, "lib: []", &["any-0:1-1.x86_64"]),
        module("old", "1", 1, "platform: [el8]", &["old-0:1-1.x86_64"]),
        defaults("lib", "1"),
        defaults("old", "1"),
    ];
    let el8 = "old:1: it requires platform: [el8]";
    assert_eq!(active(&all, &[]), (vec!["lib:1".into()], vec![el8.into()]));
    let (found, _) = active(&all, &["app:1"]);
    assert_eq!(found, ["app:1", "lib:2"], "a default gives way");
    let (found, _) = active(&all, &["any:1"]);
    assert_eq!(found, ["any:1", "lib:1"], "a default is preferred");
    let (found, _) = active(&all[..5], &["any:1"]);
    assert_eq!(found, ["any:1", "lib:10"], "or else the highest");
    let (found, refused) = active(&all[..5], &["app:1", "lib:1", "nope:1"]);
    assert_eq!(found, ["app:1", "lib:2"]);
    assert_eq!(
        refused,
        [
            "lib:1: lib:2 is active already",
            "nope:1: there is no such stream"
        ]
    );
}

#[test]
fn active_streams_hide_what_has_or_provides_the_names_of_their_packages() {
    let text = [
        module("m", "1", 1, "", &["a-0:1-1.x86_64", "old-0:1-1.x86_64"]),
        module(
            "m",
            "1",
            2,
            "",
            &["a-0:2-1.x86_64", "a-0:2-1.src", "b-1:1-1.x86_64"],
        ),
        module("m", "2", 3, "", &["a-0:3-1.x86_64"]),
        defaults("m", "1"),
    ]
    .join("\n");
    let documents = modulemd::read(&text).unwrap();
    let none = BTreeMap::new();
    let modularity = Modularity::new(&documents, &none, "el9");
    let records = [
        record("a-1-1.x86_64"),
        record("a-2-1.x86_64"),
        record("a-3-1.x86_64"),
        record("a-9-1.x86_64"),
        record("a-9-1.src"),
        record("b-9-1.src"),
        record("b-1:1-1.x86_64"),
        record("c-1-1.x86_64").provides("b = 7"),
        record("d-1-1.x86_64").requires("a"),
        record("old-1-1.x86_64"),
        record("old-2-1.x86_64"),
    ];
    let seen = visible(&records, &modularity);
    let seen: Vec<String> = seen.iter().map(|one| one.nevra.to_string()).collect();
    assert_eq!(
        seen,
        [
            "a-2-1.x86_64",
            "b-9-1.src",
            "b-1:1-1.x86_64",
            "d-1-1.x86_64",
            "old-2-1.x86_64"
        ]
    );
}

#[test]
fn modules_that_require_each_other_without_end_are_given_up() {
    let mut all: Vec<String> = (0..60)
        .flat_map(|n| {
            let next = format!("m{}: []", n + 1);
            [
                module(&format!("m{n}"), "1", 1, &next, &[]),
                module(&format!("m{n}"), "2", 2, &next, &[]),
            ]
        })
        .map(|text| text.replace("  artifacts:\n    rpms:\n", ""))
        .collect();
    all.push(defaults("m0", "1"));
    let (found, refused) = active(&all, &[]);
    assert_eq!((found.len(), refused.len()), (0, 1));
    let circle = [
        module("a", "1", 1, "b: [\"1\"]", &["a-0:1-1.noarch"]),
        module("b", "1", 1, "a: [\"1\"]", &["b-0:1-1.noarch"]),
        defaults("a", "1"),
    ];
    assert_eq!(
        active(&circle, &[]),
        (vec!["a:1".into(), "b:1".into()], vec![])
    );
}
