//! A reader for libsolv's test cases: inline repositories of "testtags", jobs, and the transaction that follows.

use std::path::Path;

use store::formats::rpm::Record;

use super::records::{Says, record};

/// One job of a test case, with all packages of the case.
#[derive(Clone, Default)]
pub struct Case {
    pub records: Vec<Record>,
    /// Places of the packages that the case takes for installed.
    pub system: Vec<usize>,
    pub arch: String,
    pub install: Vec<String>,
    pub flags: Vec<String>,
    /// What is not a plain request to install.
    pub other_jobs: Vec<String>,
    pub installed: Vec<String>,
    pub erased: Vec<String>,
    pub recommended: Vec<String>,
    pub problems: bool,
    /// Whether the case says which transaction it expects.
    pub expects: bool,
}

/// All jobs of a file, each on its own.
pub fn read(path: &Path) -> Vec<Case> {
    let mut cases = vec![Case::default()];
    let mut system = String::new();
    let mut repositories: Vec<(String, String)> = Vec::new();
    for line in std::fs::read_to_string(path).unwrap().lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        let case = cases.last_mut().unwrap();
        match words.as_slice() {
            ["repo", name, _, "testtags", "<inline>"] => {
                repositories.push(((*name).to_owned(), String::new()));
            }
            ["repo", name, _, "testtags", file] => {
                let text = std::fs::read_to_string(path.with_file_name(file)).unwrap();
                repositories.push(((*name).to_owned(), text));
            }
            ["system", arch, _, name] => {
                case.arch = (*arch).to_owned();
                system = (*name).to_owned();
            }
            ["nextjob", ..] => {
                let arch = case.arch.clone();
                cases.push(Case {
                    arch,
                    ..Case::default()
                });
            }
            ["job", "install", "name" | "pkg" | "provides", what] => {
                let what = what.split('@').next().unwrap();
                case.install.push(what.to_owned());
            }
            ["job", job @ ..] => case.other_jobs.push(job.join(" ")),
            ["solverflags" | "poolflags", flags @ ..] => {
                case.flags.extend(flags.iter().map(|f| (*f).to_owned()));
            }
            ["result", what, ..] => case.expects |= what.contains("transaction"),
            _ => {
                if let Some(tag) = line.strip_prefix("#>=") {
                    let text = &mut repositories.last_mut().unwrap().1;
                    text.push_str(&format!("={tag}\n"));
                } else if let Some(result) = line.strip_prefix("#>") {
                    case.result(result);
                }
            }
        }
    }
    let (records, installed) = records(&repositories, &system);
    for case in &mut cases {
        case.records.clone_from(&records);
        case.system.clone_from(&installed);
    }
    cases
}

impl Case {
    fn result(&mut self, line: &str) {
        let nevra = |text: &str| text.split('@').next().unwrap().to_owned();
        match line.split_whitespace().collect::<Vec<_>>().as_slice() {
            ["install", package] => self.installed.push(nevra(package)),
            ["erase", package] => self.erased.push(nevra(package)),
            ["recommended", package] => self.recommended.push(nevra(package)),
            ["problem", ..] => self.problems = true,
            _ => {}
        }
    }
}

/// The packages of one file of "testtags".
pub fn packages(path: &Path) -> Vec<Record> {
    let text = std::fs::read_to_string(path).unwrap();
    records(&[(String::new(), text)], "system").0
}

/// The packages of all repositories, and the places of those of the system's own.
fn records(repositories: &[(String, String)], system: &str) -> (Vec<Record>, Vec<usize>) {
    let mut records: Vec<Record> = Vec::new();
    let mut installed = Vec::new();
    for (name, text) in repositories {
        for line in text.lines() {
            let Some((tag, value)) = line.strip_prefix('=').and_then(|l| l.split_once(": ")) else {
                continue;
            };
            if tag == "Pkg" {
                let parts: Vec<&str> = value.split_whitespace().collect();
                let arch = parts.get(3).copied().unwrap_or("noarch");
                if name == system {
                    installed.push(records.len());
                }
                records.push(record(&format!(
                    "{}-{}-{}.{arch}",
                    parts[0], parts[1], parts[2]
                )));
                continue;
            }
            let Some(last) = records.pop() else { continue };
            let value = &dependency(value);
            records.push(match tag {
                "Prv" => last.provides(value),
                "Req" => last.requires(value),
                "Con" => last.conflicts(value),
                "Obs" => last.obsoletes(value),
                "Rec" => last.recommends(value),
                "Sug" => last.suggests(value),
                "Sup" => last.supplements(value),
                "Enh" => last.enhances(value),
                _ => last,
            });
        }
    }
    (records, installed)
}

/// RPM's words for libsolv's signs.
fn dependency(text: &str) -> String {
    let mut rich = text.to_owned();
    for (sign, word) in [
        (" & ", " and "),
        (" | ", " or "),
        (" <IF> ", " if "),
        (" <ELSE> ", " else "),
        (" <UNLESS> ", " unless "),
        (" <WITH> ", " with "),
        (" <WITHOUT> ", " without "),
    ] {
        rich = rich.replace(sign, word);
    }
    if rich == text {
        return rich;
    }
    // `A if (B else C)` is one group in RPM's words.
    if let (Some(at), true) = (rich.find(" if ("), rich.contains(" else ")) {
        let (then, rest) = rich.split_at(at + " if ".len());
        return format!("({then}{}", rest.trim_start_matches('('));
    }
    format!("({rich})")
}
