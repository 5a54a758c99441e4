//! Solving real repositories, and libsolv's own test cases, with dnf and libsolv as judges.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::support::judge::{ask, installs, installs_weakly, judge, names, on};
use crate::support::{primary, testcase};

#[expect(
    clippy::disallowed_methods,
    reason = "who runs the suite may say where the fixtures are"
)]
fn fixtures(name: &str) -> Option<PathBuf> {
    let base = std::env::var_os("STORE_FIXTURES").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/fixtures"),
        PathBuf::from,
    );
    let path = base.join("repos").join(name);
    if path.exists() {
        return Some(path);
    }
    eprintln!("left out: {} is not there", path.display());
    None
}

#[test]
fn a_real_base_system_is_solved_soundly() {
    let Some(repository) = fixtures("centos-baseos-imagebuilder") else {
        return;
    };
    let records = primary::read(&repository);
    assert_eq!(records.len(), 1125);
    let asked = ["bash", "systemd", "kernel", "dnf"];
    let found = installs(&records, &asked);
    let weak = installs_weakly(&records, &asked);
    assert!(
        found.iter().all(|nevra| weak.contains(nevra)),
        "weak only adds"
    );
    assert!(weak.iter().all(|nevra| !nevra.ends_with(".i686")));
}

/// What dnf would install, one list for each question; `None` where it says that it can't.
fn dnf(
    repository: &Path,
    arch: &str,
    weak: bool,
    questions: &[Vec<&str>],
) -> Vec<Option<Vec<String>>> {
    let work = tempfile::tempdir().unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/suite/support/dnf_solve.py");
    let mut child = Command::new("/usr/bin/python3")
        .arg(script)
        .arg(work.path())
        .arg(repository.canonicalize().unwrap())
        .arg(arch)
        .arg(if weak { "weak" } else { "strict" })
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("dnf's Python is installed");
    let mut stdin = child.stdin.take().unwrap();
    for question in questions {
        writeln!(stdin, "{}", question.join(" ")).unwrap();
    }
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "dnf failed");
    String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(|line| match line {
            "FAILED" => None,
            line => Some(line.split_whitespace().map(str::to_owned).collect()),
        })
        .collect()
}

/// The sets of dnf 4 and ours, on questions of one package each and some of several.
#[test]
fn dnf_would_install_the_same() {
    for (name, arch, asked) in [
        (
            "centos-baseos-imagebuilder",
            "x86_64",
            ["bash", "systemd", "kernel", "dnf"],
        ),
        (
            "tizen3-armv7l",
            "armv7l",
            ["bash", "systemd", "dbus", "coreutils"],
        ),
    ] {
        let Some(repository) = fixtures(name) else {
            continue;
        };
        let records = primary::read(&repository);
        let nevras: Vec<String> = records
            .iter()
            .filter(|record| !record.source)
            .map(|record| record.nevra.to_string())
            .collect();
        for (weak, first) in [(false, 0), (true, 20)] {
            let single = nevras.iter().skip(first).step_by(97);
            let mut questions: Vec<Vec<&str>> = single.map(|n| vec![n.as_str()]).collect();
            questions.push(asked.to_vec());
            let answers = dnf(&repository, arch, weak, &questions);
            assert_eq!(answers.len(), questions.len());
            for (question, theirs) in questions.iter().zip(answers) {
                let ours = on(arch, &records, question, weak).ok().map(|solution| {
                    judge(&records, &solution);
                    sorted(names(&records, &solution))
                });
                assert_eq!(ours, theirs, "{name}: {question:?}, weak: {weak}");
            }
        }
    }
}

fn sorted(mut list: Vec<String>) -> Vec<String> {
    list.sort();
    list
}

/// Those of libsolv's cases that ask to install into an empty system, or one that serves as a repository.
///
/// Left out, for what `store` does not do: updates, erasing, dist-upgrades, installed packages in general, and jobs to
/// favour, lock or forbid (there is no installed system to change); repository priorities; Debian's rules; selections and
/// proofs (libsolv's own interfaces). Cases about its rules are covered by a brute-force search in `solve`.
#[test]
fn libsolv_agrees_in_its_own_test_cases() {
    let Some(all) = fixtures("libsolv-testcases") else {
        return;
    };
    let mut jobs = 0;
    for path in [
        "alternative/learnt.t",
        "alternative/recommends.t",
        "alternative/requires.t",
        "choose/default.t",
        "choose/enhanced.t",
        "choose/oldversion.t",
        "choose/suggested.t",
        "choose/versioned.t",
        "choose/versioned2.t",
        "cplxdeps/ifelse_rec.t",
        "lockstep/lockstep_install.t",
        "recommendations/recommended_conflicts.t",
        "recommendations/recommended_multirepo.t",
        "recommendations/recommended_oldversion.t",
        "recommendations/recommended_targeted.t",
        "recommendations/recommended_version.t",
        "recommendations/suggested_conflicts.t",
        "recommendations/suggested_multirepo.t",
        "recommendations/suggested_oldversion.t",
        "recommendations/suggested_targeted.t",
        "recommendations/suggested_version.t",
        "sat/reuse.t",
        "weakdeps/supplements_implicitobsoleteusescolors.t",
    ] {
        for case in testcase::read(&all.join(path)) {
            assert!(case.expects && case.other_jobs.is_empty(), "{path}");
            let arch = match case.arch.as_str() {
                "unset" | "" => "x86_64",
                arch => arch,
            };
            let install: Vec<&str> = case.install.iter().map(String::as_str).collect();
            let ask = |weak| match on(arch, &case.records, &install, weak) {
                Ok(solution) => sorted(names(&case.records, &solution)),
                Err(problem) => panic!("{path}: {problem}"),
            };
            let ignores = case.flags.iter().any(|flag| flag == "ignorerecommended");
            assert_eq!(ask(!ignores), sorted(case.installed.clone()), "{path}");
            if ignores {
                let mut both = case.installed.clone();
                both.extend(case.recommended.clone());
                assert_eq!(ask(true), sorted(both), "{path} with recommended packages");
            }
            jobs += 1;
        }
    }
    assert_eq!(jobs, 25);
}

/// libsolv's table of version comparisons: which packages have to go when one comes that conflicts with some of them.
#[test]
fn libsolv_agrees_which_versions_match() {
    let Some(all) = fixtures("libsolv-testcases") else {
        return;
    };
    let cases = testcase::read(&all.join("evrcmp/testevr.t"));
    assert!(cases.len() >= 10);
    for case in cases {
        for place in &case.system {
            let package = case.records[*place].nevra.to_string();
            let both = ask(&case.records, &[&case.install[0], &package], false);
            assert_eq!(
                both.is_err(),
                case.erased.contains(&package),
                "{} beside {package}",
                case.install[0]
            );
        }
    }
}
