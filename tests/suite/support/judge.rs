//! Asks the solver, and judges what it answers by RPM's rules, with code of its own.

use std::collections::BTreeMap;

use store::formats::rpm::{Dependency, Record, Sense, Solvable};
use store::ids::Evr;
use store::plan::solve::{Candidate, Problem, Question, Request, Solution, solve};

use super::records;

pub fn ask(records: &[Record], install: &[&str], weak: bool) -> Result<Solution, Problem> {
    on("x86_64", records, install, weak)
}

pub fn on(
    arch: &str,
    records: &[Record],
    install: &[&str],
    weak: bool,
) -> Result<Solution, Problem> {
    let solvables: Vec<Solvable> = records.iter().map(Solvable::of).collect();
    let packages = solvables
        .iter()
        .map(|solvable| Candidate {
            solvable,
            module: None,
        })
        .collect();
    solve(&Question {
        packages,
        install: install.iter().map(|text| Request::new(*text)).collect(),
        arch: arch.to_owned(),
        weak,
        owners: BTreeMap::new(),
    })
}

pub fn names(records: &[Record], solution: &Solution) -> Vec<String> {
    solution
        .packages
        .iter()
        .map(|place| records[*place].nevra.to_string())
        .collect()
}

/// What is installed, after checking that it is valid.
pub fn installs(records: &[Record], install: &[&str]) -> Vec<String> {
    let solution = ask(records, install, false).unwrap_or_else(|e| panic!("{install:?}:\n{e}"));
    judge(records, &solution);
    names(records, &solution)
}

pub fn installs_weakly(records: &[Record], install: &[&str]) -> Vec<String> {
    let solution = ask(records, install, true).unwrap_or_else(|e| panic!("{install:?}:\n{e}"));
    judge(records, &solution);
    names(records, &solution)
}

pub fn fails(records: &[Record], install: &[&str]) -> Problem {
    match ask(records, install, false) {
        Err(problem) => problem,
        Ok(solution) => panic!("solved by {:?}", names(records, &solution)),
    }
}

/// Checks a solution against RPM's rules, with nothing but the records: every plain requirement is fulfilled,
/// no conflict or obsolete between chosen packages, one package of a name, a reason for each.
/// Rich dependencies are judged by [`truth`].
pub fn judge(records: &[Record], solution: &Solution) {
    let chosen: Vec<&Record> = solution.packages.iter().map(|p| &records[*p]).collect();
    for (place, package) in chosen.iter().enumerate() {
        for requirement in &package.requires {
            assert!(
                requirement.name.starts_with("rpmlib(") || truth(&chosen, requirement),
                "{} lacks {requirement:?}",
                package.nevra
            );
        }
        let others: Vec<&Record> = chosen
            .iter()
            .enumerate()
            .filter(|(other, _)| *other != place)
            .map(|(_, record)| *record)
            .collect();
        for conflict in &package.conflicts {
            assert!(
                !truth(&others, conflict),
                "{} conflicts with what {conflict:?} names",
                package.nevra
            );
        }
        for other in &others {
            for obsolete in &package.obsoletes {
                let own = (Sense::Eq, other.nevra.evr.clone());
                assert!(
                    obsolete.name != other.nevra.name
                        || other.nevra.name == package.nevra.name
                        || !meets(Some(&own), obsolete.version.as_ref()),
                    "{} obsoletes {}",
                    package.nevra,
                    other.nevra
                );
            }
            assert!(
                other.nevra.name != package.nevra.name || other.nevra.arch != package.nevra.arch,
                "{} and {}",
                package.nevra,
                other.nevra
            );
        }
    }
    let explained: Vec<usize> = solution.why.keys().copied().collect();
    let mut packages = solution.packages.clone();
    packages.sort();
    assert_eq!(packages, explained, "every package has its reason");
}

/// A second reading of RPM's comparison, by sampling: two ranges meet if one of the versions around their bounds is in both.
pub fn meets(a: Option<&(Sense, Evr)>, b: Option<&(Sense, Evr)>) -> bool {
    use std::cmp::Ordering::{Equal, Greater, Less};
    let (Some((a, a_evr)), Some((b, b_evr))) = (a, b) else {
        return true;
    };
    // A bound without a release means every release of its version.
    let same = a_evr.compare(b_evr) == Equal;
    let inclusive = |sense: &Sense| !matches!(sense, Sense::Lt | Sense::Gt);
    if same
        && a_evr.release.is_empty() != b_evr.release.is_empty()
        && inclusive(if a_evr.release.is_empty() { a } else { b })
    {
        return true;
    }
    // Where the other bound lies, seen from each bound.
    match (a, b, a_evr.compare(b_evr)) {
        (Sense::Eq, Sense::Eq, order) => order == Equal,
        (Sense::Eq, Sense::Lt, order) | (Sense::Gt, Sense::Eq, order) => order == Less,
        (Sense::Eq, Sense::Le, order) | (Sense::Ge, Sense::Eq, order) => order != Greater,
        (Sense::Eq, Sense::Gt, order) | (Sense::Lt, Sense::Eq, order) => order == Greater,
        (Sense::Eq, Sense::Ge, order) | (Sense::Le, Sense::Eq, order) => order != Less,
        (Sense::Lt | Sense::Le, Sense::Lt | Sense::Le, _) => true,
        (Sense::Gt | Sense::Ge, Sense::Gt | Sense::Ge, _) => true,
        (Sense::Le, Sense::Ge, order) => order != Less,
        (Sense::Ge, Sense::Le, order) => order != Greater,
        (Sense::Lt | Sense::Le, _, order) => order == Greater,
        (Sense::Gt | Sense::Ge, _, order) => order == Less,
    }
}

/// Whether a dependency is true of these packages. Rich ones: by evaluating the text from the innermost group outwards.
pub fn truth(chosen: &[&Record], dependency: &Dependency) -> bool {
    if !dependency.name.starts_with('(') {
        return chosen.iter().any(|record| provides(record, dependency));
    }
    let text = dependency.name.strip_prefix('(').unwrap();
    let text = text.strip_suffix(')').unwrap();
    let parts = split(text);
    let of = |text: &str| truth(chosen, &records::dependency(text));
    let operators: Vec<&str> = parts
        .iter()
        .skip(1)
        .step_by(2)
        .map(String::as_str)
        .collect();
    let values: Vec<&str> = parts.iter().step_by(2).map(String::as_str).collect();
    match operators.as_slice() {
        [] => of(values[0]),
        ["and", ..] => values.iter().all(|v| of(v)),
        ["or", ..] => values.iter().any(|v| of(v)),
        ["if"] => of(values[0]) || !of(values[1]),
        ["if", "else"] => of(values[if of(values[1]) { 0 } else { 2 }]),
        ["unless"] => of(values[0]) && !of(values[1]),
        ["unless", "else"] => of(values[if of(values[1]) { 2 } else { 0 }]),
        ["with", ..] => chosen.iter().any(|one| {
            values
                .iter()
                .all(|v| truth(&[one], &records::dependency(v)))
        }),
        ["without"] => chosen.iter().any(|one| {
            let of = |v| truth(&[one], &records::dependency(v));
            of(values[0]) && !of(values[1])
        }),
        other => panic!("{other:?}"),
    }
}

/// Operands and operators of a group, alternating.
pub fn split(text: &str) -> Vec<String> {
    const OPERATORS: &[&str] = &["and", "or", "if", "else", "unless", "with", "without"];
    let mut parts = vec![String::new()];
    let mut depth = 0;
    for word in text.split_whitespace() {
        if depth == 0 && OPERATORS.contains(&word) {
            parts.push(word.to_owned());
            parts.push(String::new());
            continue;
        }
        for c in word.chars() {
            depth += i32::from(c == '(') - i32::from(c == ')');
        }
        let last = parts.last_mut().unwrap();
        if !last.is_empty() {
            last.push(' ');
        }
        last.push_str(word);
    }
    parts
}

pub fn provides(record: &Record, dependency: &Dependency) -> bool {
    let own = (Sense::Eq, record.nevra.evr.clone());
    (record.nevra.name == dependency.name && meets(Some(&own), dependency.version.as_ref()))
        || record.provides.iter().any(|p| {
            p.name == dependency.name && meets(p.version.as_ref(), dependency.version.as_ref())
        })
        || record
            .files
            .iter()
            .any(|f| f.path == dependency.name.as_bytes())
}
