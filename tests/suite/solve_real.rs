//! Solving real repositories, with dnf as the judge.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::support::judge::{installs, installs_weakly, judge, names, on};
use crate::support::primary;

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
pub fn dnf(
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
        .arg(arch)
        .arg(if weak { "weak" } else { "strict" })
        .args(["1", ""])
        .arg(repository.canonicalize().unwrap())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("dnf's Python is installed");
    let mut stdin = child.stdin.take().unwrap();
    for question in questions {
        writeln!(stdin, "{}", question.join("\t")).unwrap();
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
