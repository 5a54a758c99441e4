//! Solving: RPM's rules, on packages made by hand.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use store::formats::rpm::{Record, Sense, Solvable};
use store::plan::solve::{
    Candidate, Cause, Clash, Question, Reason, Request, Unmet, missing, newest, paths, providers,
    solve,
};

use crate::support::judge::{ask, fails, installs, installs_weakly, judge, meets, names, truth};
use crate::support::records::{Says, dependency, record};

#[test]
fn a_package_comes_with_what_it_requires() {
    let records = [
        record("app-1-1.x86_64")
            .requires("libfoo.so.1()(64bit)")
            .requires("/usr/bin/sh")
            .requires("rpmlib(CompressedFileNames) <= 3.0.4-1"),
        record("libfoo-1-1.x86_64").provides("libfoo.so.1()(64bit)"),
        record("libfoo-1-1.i686").provides("libfoo.so.1"),
        record("bash-5.2-1.x86_64").file("/usr/bin/sh"),
        record("other-1-1.noarch"),
        record("app-1-1.src"),
    ];
    assert_eq!(
        installs(&records, &["app"]),
        ["app-1-1.x86_64", "bash-5.2-1.x86_64", "libfoo-1-1.x86_64"]
    );
    let solution = ask(&records, &["app"], false).unwrap();
    assert_eq!(solution.why[&0], Reason::Asked { request: 0 });
    assert_eq!(
        solution.why[&3],
        Reason::Required {
            by: 0,
            requirement: "/usr/bin/sh".to_owned()
        }
    );
}

#[test]
fn a_request_may_name_a_package_in_every_way_people_write_it() {
    let records = [
        record("foo-1-1.x86_64"),
        record("foo-2-1.x86_64"),
        record("foo-1:0-3.x86_64"),
        record("foo-2-1.i686"),
        record("old-2-1.i586"),
        record("foo-bar-2-1.x86_64"),
        record("python3.12-1-1.x86_64").file("/usr/bin/python3"),
        record("python3-9-1.x86_64").provides("lang = 7"),
    ];
    for (request, expected) in [
        ("foo", "foo-1:0-3.x86_64"),
        ("foo.x86_64", "foo-1:0-3.x86_64"),
        ("old.i586", "old-2-1.i586"),
        ("old-2-1.i586", "old-2-1.i586"),
        ("foo-2", "foo-2-1.x86_64"),
        ("foo-2-1", "foo-2-1.x86_64"),
        ("foo-1:0", "foo-1:0-3.x86_64"),
        ("foo-0-3.x86_64", "foo-1:0-3.x86_64"),
        ("foo < 2", "foo-1-1.x86_64"),
        ("foo-bar", "foo-bar-2-1.x86_64"),
        ("python3.12", "python3.12-1-1.x86_64"),
        ("/usr/bin/python3", "python3.12-1-1.x86_64"),
        ("lang > 6", "python3-9-1.x86_64"),
        ("(lang or foo)", "python3-9-1.x86_64"),
    ] {
        assert_eq!(installs(&records, &[request]), [expected], "{request}");
    }
}

#[test]
fn a_path_that_no_package_lists_is_asked_for_and_its_owner_told() {
    let records = [
        record("app-1-1.noarch")
            .requires("/usr/share/words")
            .requires("/usr/bin/sh")
            .recommends("(/usr/share/tunes if sh)"),
        record("sh-1-1.noarch").file("/usr/bin/sh"),
        record("words-1-1.noarch").requires("/usr/share/letters"),
        record("words-1-1.aarch64"),
        record("other-1-1.noarch").requires("/usr/share/nothing"),
        record("letters-1-1.noarch"),
    ];
    let solvables: Vec<Solvable> = records.iter().map(Solvable::of).collect();
    let candidates = solvables.iter().map(|solvable| Candidate {
        solvable,
        module: None,
    });
    let mut question = Question {
        packages: candidates.collect(),
        install: vec![Request::new("app"), Request::new("/opt/any")],
        arch: "x86_64".to_owned(),
        weak: true,
        owners: BTreeMap::new(),
    };
    let asked = |question: &Question| -> Vec<String> {
        let paths = paths(question).into_iter();
        paths.map(|path| String::from_utf8(path).unwrap()).collect()
    };
    assert_eq!(
        asked(&question),
        ["/opt/any", "/usr/share/tunes", "/usr/share/words"]
    );
    assert!(solve(&question).is_err(), "nobody is known to own them");
    question.owners = [
        (b"/opt/any".to_vec(), vec![1]),
        (b"/usr/share/words".to_vec(), vec![3, 2, 99]),
        (b"/usr/share/tunes".to_vec(), vec![]),
    ]
    .into();
    assert_eq!(asked(&question), ["/usr/share/letters"], "of what is new");
    question
        .owners
        .insert(b"/usr/share/letters".to_vec(), vec![5]);
    assert_eq!(asked(&question), [""; 0]);
    let solution = solve(&question).unwrap_or_else(|problem| panic!("{problem}"));
    assert_eq!(
        names(&records, &solution),
        [
            "app-1-1.noarch",
            "letters-1-1.noarch",
            "sh-1-1.noarch",
            "words-1-1.noarch"
        ]
    );
}

#[test]
fn a_manifest_name_means_the_newest_that_fits() {
    let records = [
        record("foo-1-1.x86_64"),
        record("foo-2-1.x86_64"),
        record("foo-3-1.i686"),
        record("foo-4-1.aarch64"),
        record("foo-5-1.src"),
        record("foo.i686-1-1.noarch"),
        record("only-1-1.i686"),
    ];
    let solvables: Vec<Solvable> = records.iter().map(Solvable::of).collect();
    let all: Vec<_> = solvables.iter().map(Solvable::identity).collect();
    assert_eq!(newest("foo", "x86_64", &all), Some(1));
    assert_eq!(newest("foo.x86_64", "x86_64", &all), Some(1));
    assert_eq!(newest("foo.i686", "x86_64", &all), Some(5), "a name first");
    assert_eq!(newest("foo.i686", "x86_64", &all[..5]), Some(2));
    assert_eq!(newest("foo", "aarch64", &all), Some(3));
    assert_eq!(newest("only", "x86_64", &all), Some(6));
    assert_eq!(newest("foo-1-1", "x86_64", &all), Some(0));
    assert_eq!(newest("foo-0:1-1.x86_64", "x86_64", &all), Some(0));
    assert_eq!(newest("foo-2", "x86_64", &all), None, "no release");
    assert_eq!(newest("foo-5-1", "x86_64", &all), None, "a source package");
    assert_eq!(newest("only", "s390x", &all), None);
}

#[test]
fn a_foreign_package_comes_only_where_nothing_native_will_do() {
    let records = [
        record("app-1-1.x86_64").requires("lib").requires("lib32"),
        record("lib-1-1.x86_64"),
        record("lib-2-1.i686"),
        record("old-1-1.i586").provides("lib32"),
    ];
    assert_eq!(
        installs(&records, &["app"]),
        ["app-1-1.x86_64", "lib-1-1.x86_64", "old-1-1.i586"]
    );
}

#[test]
fn a_foreign_package_that_others_pull_in_brings_its_native_twin() {
    let mut records = vec![
        record("app-1-1.i686").requires("lib32"),
        record("lib-1-1.x86_64"),
        record("lib-1-1.i686").provides("lib32"),
        record("lib-2-1.i686").provides("lib32"),
    ];
    assert_eq!(
        installs(&records, &["app"]),
        ["app-1-1.i686", "lib-1-1.i686", "lib-1-1.x86_64"]
    );
    assert_eq!(
        installs(&records, &["lib", "lib.i686"]),
        ["lib-1-1.x86_64", "lib-2-1.i686"],
        "unless a request names it"
    );
    records.remove(2);
    records.push(record("user-1-1.x86_64").requires("lib"));
    assert_eq!(
        installs(&records, &["app"]),
        ["app-1-1.i686", "lib-2-1.i686"],
        "where nothing asks for another version of it"
    );
    assert_eq!(
        fails(&records, &["app", "user"]).to_string(),
        "nothing provides `lib-2-1.x86_64`, which lib-2-1.i686 requires\n    \
         lib-2-1.i686 is required by app-1-1.i686 (`lib32`)\n    \
         app-1-1.i686 is asked for by `app`"
    );
}

#[test]
fn an_older_version_is_taken_when_the_newest_can_not_be() {
    let records = [
        record("app-2-1.x86_64").requires("absent"),
        record("app-1-1.x86_64").requires("lib < 2"),
        record("lib-2-1.x86_64"),
        record("lib-1-1.x86_64"),
    ];
    assert_eq!(
        installs(&records, &["app"]),
        ["app-1-1.x86_64", "lib-1-1.x86_64"]
    );
}

#[test]
fn conflicts_and_obsoletes_keep_packages_apart() {
    let records = [
        record("a-1-1.noarch").conflicts("mta"),
        record("b-1-1.noarch").provides("mta").conflicts("mta"),
        record("c-1-1.noarch").provides("mta").conflicts("mta"),
        record("d-2-1.noarch").obsoletes("b < 2"),
        record("e-2-1.noarch").obsoletes("mta"),
        record("f-1-1.noarch").requires("mta"),
    ];
    assert_eq!(
        installs(&records, &["c"]),
        ["c-1-1.noarch"],
        "not with itself"
    );
    assert_eq!(
        installs(&records, &["b"]),
        ["d-2-1.noarch"],
        "what it is called now"
    );
    assert_eq!(installs(&records, &["b-1"]), ["b-1-1.noarch"]);
    assert_eq!(
        installs(&records, &["d", "f"]),
        ["c-1-1.noarch", "d-2-1.noarch", "f-1-1.noarch"]
    );
    assert_eq!(
        installs(&records, &["b", "e"]).len(),
        2,
        "obsoletes match names only"
    );
    let problem = fails(&records, &["a", "f"]);
    assert!(
        problem.causes.iter().all(|cause| matches!(
            cause,
            Cause::Clash { left, clash: Clash::Conflicts { with }, .. }
                if left.name == "a" && with == "mta"
        )),
        "{problem}"
    );
    let problem = fails(&records, &["b-1", "d", "a"]);
    assert!(problem.causes.len() == 1, "only one of the two: {problem}");
    assert_eq!(
        fails(&records, &["b-1", "d"]).to_string(),
        "d-2-1.noarch obsoletes b-1-1.noarch (`b < 2`)\n    \
         d-2-1.noarch is asked for by `d`\n    b-1-1.noarch is asked for by `b-1`"
    );
}

#[test]
fn rich_dependencies_mean_what_they_say() {
    let records = |rich: &str| {
        vec![
            record("x-1-1.noarch").requires(rich),
            record("a1-1-1.noarch").provides("a"),
            record("a2-1-1.noarch").provides("a"),
            record("b-1-1.noarch"),
            record("c-3-1.noarch"),
            record("c-1-1.noarch"),
        ]
    };
    for (rich, with, expected) in [
        ("(a and b)", "", "a1 b x"),
        ("(b or c)", "", "b x"),
        ("(b or c)", "c", "c x"),
        ("(a if b)", "", "x"),
        ("(a if b)", "b", "a1 b x"),
        ("(a if c >= 2)", "c < 2", "c x"),
        ("(a if c >= 2)", "c", "a1 c x"),
        ("(a if b else c)", "", "c x"),
        ("(a if b else c)", "b", "a1 b x"),
        ("(a unless b)", "", "a1 x"),
        ("(a unless b else c)", "b", "b c x"),
        ("(a unless b else c)", "", "a1 x"),
        ("(c >= 1 with c < 2)", "", "c x"),
        ("(a without a1)", "", "a2 x"),
        ("((a and b) or absent)", "", "a1 b x"),
        ("((b if a) if c)", "c", "c x"),
        ("((b if a) if c)", "a c", "a1 b c x"),
        ("(b if (a or c))", "c", "b c x"),
        ("(b if (a and c))", "c", "c x"),
        ("(b if (a and c))", "a2 c", "a2 b c x"),
    ] {
        let records = records(rich);
        let mut install = vec!["x"];
        match with.contains('<') {
            true => install.push(with),
            false => install.extend(with.split_whitespace()),
        }
        let found: BTreeSet<String> = installs(&records, &install)
            .iter()
            .map(|nevra| nevra.split('-').next().unwrap().to_owned())
            .collect();
        let found: Vec<String> = found.into_iter().collect();
        assert_eq!(found.join(" "), expected, "{rich} with {with}");
    }
    let problem = fails(&records("(a unless b)"), &["x", "b"]);
    assert!(!problem.causes.is_empty());
    assert_eq!(
        fails(&records("(a and"), &["x"]).to_string(),
        "x-1-1.noarch requires `(a and`: it can't be read: a name is missing\n    \
         x-1-1.noarch is asked for by `x`"
    );
}

#[test]
fn conditions_inside_conditions_are_read_or_refused_but_never_unfolded_without_bound() {
    let nested = |depth: usize| {
        let inner = "(a if x else c)".to_owned();
        (1..depth).fold(inner, |inner, _| format!("(a if {inner} else c)"))
    };
    let records = |depth: usize| {
        [
            record("r-1-1.noarch").requires(&nested(depth)),
            record("k-1-1.noarch").conflicts(&nested(depth)),
            record("s-1-1.noarch").supplements(&nested(depth)),
            record("a-1-1.noarch"),
            record("c-1-1.noarch"),
            record("x-1-1.noarch"),
        ]
    };
    assert_eq!(
        installs(&records(3), &["r"]),
        ["c-1-1.noarch", "r-1-1.noarch"]
    );
    let deep = records(31);
    for asked in ["r", "k"] {
        let message = fails(&deep, &[asked]).to_string();
        assert!(
            message.contains("it can't be read: it unfolds to more than"),
            "{message}"
        );
    }
    // Whether it is true of what is chosen asks for no unfolding.
    assert_eq!(
        installs_weakly(&deep, &["c"]),
        ["c-1-1.noarch", "s-1-1.noarch"]
    );
}

#[test]
fn rich_conflicts_rule_out_combinations() {
    let records = [
        record("x-1-1.noarch").conflicts("(a and b)"),
        record("a-1-1.noarch"),
        record("b-1-1.noarch"),
    ];
    assert_eq!(installs(&records, &["x", "a"]).len(), 2);
    assert_eq!(
        fails(&records, &["x", "a", "b"]).to_string(),
        "`(a and b)` of x-1-1.noarch can't be fulfilled beside what else is needed\n    x-1-1.noarch is asked for by `x`"
    );
}

#[test]
fn a_conflict_that_nothing_can_avoid_is_named_as_one() {
    let records = [
        record("a-1-1.noarch").conflicts("(x if y)"),
        record("b-1-1.noarch").conflicts("(x and"),
        record("c-1-1.noarch").conflicts("(c unless y)"),
        record("d-1-1.noarch").provides("c"),
    ];
    let problem = fails(&records, &["a"]);
    assert_eq!(
        problem.to_string(),
        "a-1-1.noarch conflicts with `(x if y)`, which holds whatever else is installed\n    \
         a-1-1.noarch is asked for by `a`"
    );
    assert_eq!(missing(&problem), [""; 0], "nothing is asked for");
    assert_eq!(
        fails(&records, &["b"]).to_string(),
        "b-1-1.noarch conflicts with `(x and`: it can't be read: a name is missing\n    \
         b-1-1.noarch is asked for by `b`"
    );
    assert_eq!(
        fails(&records, &["c", "d"]).to_string(),
        "c-1-1.noarch conflicts with d-1-1.noarch (`(c unless y)`)\n    \
         c-1-1.noarch is asked for by `c`\n    d-1-1.noarch is asked for by `d`"
    );
}

#[test]
fn weak_dependencies_come_along_only_if_wanted_and_possible() {
    let records = [
        record("app-1-1.x86_64")
            .recommends("nice")
            .recommends("absent")
            .recommends("rival")
            .recommends("(doc if tool)"),
        record("nice-1-1.x86_64")
            .requires("base")
            .recommends("more"),
        record("base-1-1.x86_64").conflicts("rival"),
        record("more-1-1.x86_64"),
        record("rival-1-1.x86_64"),
        record("plugin-1-1.x86_64").supplements("(app and more)"),
        record("idle-1-1.x86_64").supplements("(app and unheard)"),
        record("doc-1-1.x86_64"),
        record("tool-1-1.x86_64"),
    ];
    assert_eq!(installs(&records, &["app"]), ["app-1-1.x86_64"]);
    assert_eq!(
        installs_weakly(&records, &["app"]),
        [
            "app-1-1.x86_64",
            "base-1-1.x86_64",
            "more-1-1.x86_64",
            "nice-1-1.x86_64",
            "plugin-1-1.x86_64"
        ]
    );
    assert!(installs_weakly(&records, &["app", "tool"]).contains(&"doc-1-1.x86_64".to_owned()));
}

#[test]
fn the_newest_that_supplements_what_is_there_comes_along_even_if_it_is_not_the_newest_of_all() {
    let records = [
        record("app-1-1.noarch"),
        record("words-1-1.noarch").supplements("app = 1"),
        record("words-2-1.noarch")
            .supplements("app = 1")
            .requires("app"),
        record("words-3-1.noarch").supplements("app = 2"),
        record("broken-2-1.noarch")
            .supplements("app")
            .requires("gone"),
        record("broken-1-1.noarch").supplements("app"),
        record("clash-1-1.noarch").supplements("app"),
        record("clash-2-1.noarch")
            .supplements("app")
            .conflicts("words"),
    ];
    assert_eq!(
        installs_weakly(&records, &["app"]),
        ["app-1-1.noarch", "broken-1-1.noarch", "clash-2-1.noarch"]
    );
    assert_eq!(
        installs_weakly(&records, &["app", "words"]),
        [
            "app-1-1.noarch",
            "broken-1-1.noarch",
            "clash-1-1.noarch",
            "words-3-1.noarch"
        ]
    );
}

#[test]
fn what_is_missing_is_named_with_the_way_to_it() {
    let records = [
        record("top-1-1.noarch").requires("mid"),
        record("mid-1-1.noarch")
            .requires("libx.so.2")
            .requires("liby >= 3"),
        record("liby-2-1.noarch"),
        record("arm-1-1.aarch64"),
        record("future-1-1.noarch").requires("rpmlib(TimeTravel) <= 9"),
    ];
    let problem = fails(&records, &["top"]);
    assert_eq!(
        problem.to_string(),
        "nothing provides `libx.so.2`, which mid-1-1.noarch requires\n    \
         mid-1-1.noarch is required by top-1-1.noarch (`mid`)\n    \
         top-1-1.noarch is asked for by `top`\n\
         mid-1-1.noarch requires `liby >= 3`: there is only liby-2-1.noarch\n    \
         mid-1-1.noarch is required by top-1-1.noarch (`mid`)\n    \
         top-1-1.noarch is asked for by `top`"
    );
    assert_eq!(missing(&problem), ["libx.so.2", "liby >= 3"]);
    let elsewhere = [
        record("x-9-1.noarch").provides("libx.so.2"),
        record("liby-3-1.noarch"),
    ];
    let elsewhere: Vec<Solvable> = elsewhere.iter().map(Solvable::of).collect();
    assert_eq!(providers("libx.so.2", &elsewhere), [0]);
    assert_eq!(providers("liby >= 3", &elsewhere), [1]);
    assert_eq!(providers("x", &elsewhere), [0]);
    assert_eq!(
        fails(&records, &["nope"]).to_string(),
        "nothing provides `nope`, which is asked for"
    );
    assert_eq!(
        fails(&records, &["arm"]).to_string(),
        "`arm`: arm-1-1.aarch64 is of an architecture that this system does not run"
    );
    assert!(matches!(
        fails(&records, &["future"]).causes[..],
        [Cause::Unmet {
            unmet: Unmet::UnknownFeature,
            ..
        }]
    ));
}

/// Failures are shown, and not written into the checkout.
fn settings(cases: u32) -> ProptestConfig {
    ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(cases)
    }
}

proptest! {
    #![proptest_config(settings(500))]

    /// A small world with everything in it: the order of the question never changes the answer.
    #[test]
    fn the_order_of_packages_never_matters(
        world in proptest::collection::vec((0..6u8, 1..4u8, 0..3u8, proptest::collection::vec((0..8u8, 0..9u8, 1..4u8), 0..4)), 1..14),
        order in any::<u64>(),
        asked in proptest::collection::vec(0..6u8, 1..4),
        weak in any::<bool>(),
    ) {
        let records = make(&world);
        let install: Vec<String> = asked.iter().map(|name| format!("p{name}")).collect();
        let install: Vec<&str> = install.iter().map(String::as_str).collect();
        let straight = ask(&records, &install, weak);
        let shuffled = shuffle(&records, order);
        let crooked = ask(&shuffled, &install, weak);
        match (&straight, &crooked) {
            (Ok(a), Ok(b)) => {
                judge(&records, a);
                judge(&shuffled, b);
                prop_assert_eq!(names(&records, a), names(&shuffled, b));
            }
            (Err(a), Err(b)) => {
                prop_assert_eq!(a.to_string(), b.to_string());
                prop_assert!(!solvable(&records, &install), "there is a way:\n{}", a);
            }
            (a, b) => prop_assert!(false, "{:?} against {:?}", a, b),
        }
    }
}

proptest! {
    #![proptest_config(settings(256))]

    /// Whatever stands in a recipe or in a header, there is an answer.
    #[test]
    fn no_text_breaks_the_solver(text in "[()ab<=>/.: -]{0,12}|(\\((a|b|or|and|if|else|unless|with|without| |\\(|\\)){0,12}\\))|.*") {
        let plain = |name: &str| {
            let mut dependency = dependency("a");
            dependency.name = name.to_owned();
            dependency
        };
        let mut a = record("a-1-1.noarch").provides("b");
        a.recommends.push(plain(&text));
        let mut b = record("b-1-1.noarch").supplements("a");
        b.requires.push(plain(&text));
        b.conflicts.push(plain(&text));
        let records = [a, b];
        for install in [text.as_str(), "a", "b"] {
            for weak in [false, true] {
                if let Err(problem) = ask(&records, &[install], weak) {
                    prop_assert!(!problem.to_string().is_empty());
                }
            }
        }
    }
}

/// Packages from numbers: name, version, architecture, and dependencies on others.
#[expect(clippy::type_complexity, reason = "what the generator gives")]
fn make(world: &[(u8, u8, u8, Vec<(u8, u8, u8)>)]) -> Vec<Record> {
    let mut seen = BTreeSet::new();
    let mut records = Vec::new();
    for (name, version, arch, dependencies) in world {
        let arch = ["x86_64", "noarch", "i686"][usize::from(*arch)];
        let nevra = format!("p{name}-{version}-1.{arch}");
        if !seen.insert(nevra.clone()) {
            continue;
        }
        let mut made = record(&nevra);
        for (kind, other, bound) in dependencies {
            let plain = match other {
                0..6 => format!("p{other}"),
                _ => format!("cap{other}"),
            };
            let bounded = format!("{plain} >= {bound}");
            made = match kind {
                0 => made.requires(&plain),
                1 => made.requires(&bounded),
                2 => made.provides(&format!("{plain} = {bound}")),
                3 => made.conflicts(&format!("{plain} < {bound}")),
                4 => made.obsoletes(&format!("{plain} < {bound}")),
                5 => made.requires(&format!("({bounded} if p{bound})")),
                6 => made.requires(&format!("({plain} or (cap7 unless p{bound}))")),
                _ => made.recommends(&plain).supplements(&bounded),
            };
        }
        records.push(made);
    }
    records
}

fn shuffle(records: &[Record], seed: u64) -> Vec<Record> {
    let mut shuffled = records.to_vec();
    let mut state = seed;
    for place in (1..shuffled.len()).rev() {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        shuffled.swap(place, (state >> 33) as usize % (place + 1));
    }
    shuffled
}

/// Whether any selection of packages fulfils the requests: by trying them all.
fn solvable(records: &[Record], install: &[&str]) -> bool {
    (0u32..1 << records.len()).any(|selection| {
        let chosen: Vec<&Record> = records
            .iter()
            .enumerate()
            .filter(|(place, _)| selection & (1 << place) != 0)
            .map(|(_, record)| record)
            .collect();
        install.iter().all(|name| asked_for(records, &chosen, name))
            && valid(&chosen)
            && chosen
                .iter()
                .all(|package| twinned(records, &chosen, package))
    })
}

fn asked_for(records: &[Record], chosen: &[&Record], name: &str) -> bool {
    let named = |record: &Record| record.nevra.name == name;
    let native = |record: &Record| named(record) && record.nevra.arch != "i686";
    if records.iter().any(native) {
        chosen.iter().any(|record| native(record))
    } else if records.iter().any(named) {
        chosen.iter().any(|record| named(record))
    } else {
        truth(chosen, &dependency(name))
    }
}

/// Where a name is there natively, its foreign package comes only beside a native one of the same version.
fn twinned(records: &[Record], chosen: &[&Record], package: &Record) -> bool {
    let native =
        |other: &Record| other.nevra.name == package.nevra.name && other.nevra.arch == "x86_64";
    package.nevra.arch != "i686"
        || !records.iter().any(native)
        || chosen
            .iter()
            .any(|other| native(other) && other.nevra.evr == package.nevra.evr)
}

fn valid(chosen: &[&Record]) -> bool {
    let foreign = |record: &Record| record.nevra.arch == "i686";
    chosen.iter().enumerate().all(|(place, package)| {
        let others: Vec<&Record> = chosen
            .iter()
            .enumerate()
            .filter(|(other, _)| *other != place)
            .map(|(_, record)| *record)
            .collect();
        package.requires.iter().all(|r| truth(chosen, r))
            && !package.conflicts.iter().any(|c| truth(&others, c))
            && others.iter().all(|other| {
                let twins = foreign(package) != foreign(other)
                    && package.nevra.arch != "noarch"
                    && other.nevra.arch != "noarch";
                let own = (Sense::Eq, other.nevra.evr.clone());
                match other.nevra.name == package.nevra.name {
                    true => twins,
                    false => !package.obsoletes.iter().any(|o| {
                        o.name == other.nevra.name && meets(Some(&own), o.version.as_ref())
                    }),
                }
            })
    })
}
