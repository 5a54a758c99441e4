//! Repositories made by hand, with dnf as the judge.

use std::fs;

use store::formats::repodata::{Group, Metadata, Rendered, join};
use store::formats::rpm::Record;

use crate::solve_real::dnf;
use crate::support::judge::{ask, names};
use crate::support::records::{Says, record};

fn package(name: &str) -> Record {
    record(&format!("{name}-1-1.noarch"))
}

/// Asks both for each list of names; the names that both install, or `none` where both say that it can't be.
fn agreed<const N: usize>(records: &[Record], weak: bool, lists: [&str; N]) -> [String; N] {
    let work = tempfile::tempdir().unwrap();
    let packages = records.iter().enumerate().map(|(place, record)| {
        let mut record = record.clone();
        record.sha256.hex = format!("{place:064x}");
        Rendered::of(&record, &format!("{}.rpm", record.nevra))
    });
    let groups = [Group::of(&packages.collect::<Vec<_>>())];
    let metadata = Metadata::of(&join(&groups, records.len()).unwrap(), &groups);
    fs::create_dir(work.path().join("repodata")).unwrap();
    for (name, bytes) in &metadata.files {
        fs::write(work.path().join("repodata").join(name), bytes).unwrap();
    }
    let questions = lists.map(|list| list.split(' ').collect::<Vec<_>>());
    let mut theirs = dnf(work.path(), "x86_64", weak, &questions).into_iter();
    questions.map(|question| {
        let ours = ask(records, &question, weak).ok().map(|solution| {
            let mut names = names(records, &solution);
            names.sort();
            names
        });
        assert_eq!(Some(&ours), theirs.next().as_ref(), "{question:?}");
        let names = ours.map(|names| names.join(" ").replace("-1-1.noarch", ""));
        names.unwrap_or_else(|| "none".to_owned())
    })
}

#[test]
fn a_rich_conflict_of_a_package_with_what_it_provides_itself_is_one_with_the_others_that_do() {
    let [alone, first, second] = agreed(
        &[
            package("g")
                .provides("x")
                .provides("y")
                .conflicts("(x and y)"),
            package("h").provides("x"),
            package("k").provides("y"),
        ],
        false,
        ["g", "g h", "g k"],
    );
    assert_eq!([&*alone, &*first, &*second], ["g", "none", "none"]);
    // Where it is only a part of the conflict, nothing but the other part counts.
    let lists = ["g", "g h", "g k"];
    let part = [
        package("g").provides("x").conflicts("(x and y)"),
        package("h").provides("x"),
        package("k").provides("y"),
    ];
    assert_eq!(agreed(&part, false, lists), ["g", "g h", "none"]);
    let three = [
        package("g")
            .provides("x")
            .provides("y")
            .conflicts("(x and y and k)"),
        package("h").provides("x"),
        package("k"),
    ];
    assert_eq!(agreed(&three, false, lists), ["g", "g h", "none"]);
    let either = [
        package("g").provides("x").conflicts("(x or y)"),
        package("h").provides("x"),
        package("k").provides("y"),
    ];
    assert_eq!(agreed(&either, false, lists), ["g", "none", "none"]);
}

#[test]
fn what_a_conflict_is_waived_for_comes_along_where_it_is_there() {
    let records = [
        package("b").provides("x").conflicts("(x unless y)"),
        package("z").provides("x"),
        package("c").provides("y"),
    ];
    assert_eq!(agreed(&records, false, ["b", "b z"]), ["b c", "b c z"]);
    // Where it is not, all that is left is a conflict with others.
    let lists = agreed(&records[..2], false, ["b", "b z"]);
    assert_eq!(lists, ["b", "none"]);
    let backwards = package("b").conflicts("(x if y)");
    assert_eq!(agreed(&[backwards], false, ["b"]), ["none"]);
}
