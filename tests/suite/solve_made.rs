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

#[test]
fn what_supplements_something_if_another_thing_is_there_waits_for_one_of_them() {
    let records = [
        package("a").supplements("(c if d)"),
        package("b").supplements("((c if d) and e)"),
        package("c"),
        package("d"),
        package("e"),
        package("f").supplements("(c if (d with e))"),
        package("g").supplements("(c if d else e)"),
        package("h"),
    ];
    let lists = ["h", "c", "d", "c d", "e"];
    let answers = agreed(&records, true, lists);
    assert_eq!(answers, ["h", "a c f", "d", "a c d f g", "b e g"]);
}

/// What dnf and we install of two backends, the first of which requires the other.
fn of_backends(app: Record, more: &[Record], weak: bool) -> String {
    let full = package("full").provides("backend").requires("mini");
    let mini = package("mini").provides("backend");
    let records = [&[app, full, mini], more].concat();
    let [answer] = agreed(&records, weak, ["app"]);
    answer
}

#[test]
fn of_several_packages_those_that_come_anyway_are_enough() {
    let app = || package("app").requires("backend");
    assert_eq!(of_backends(app(), &[], false), "app mini");
    let records = [
        app(),
        package("full").provides("backend").requires("mini"),
        package("mini").provides("backend"),
    ];
    let lists = ["app full", "backend", "backend full"];
    let answers = agreed(&records, false, lists);
    assert_eq!(answers, ["app full mini", "mini", "full mini"]);
    // A suggestion is no reason to have both; a recommendation leaves no choice.
    assert_eq!(of_backends(app().suggests("full"), &[], false), "app mini");
    let recommending = app().recommends("full");
    assert_eq!(of_backends(recommending, &[], false), "app full mini");
    // Wishes are fulfilled by what comes anyway, and bring it.
    let wishing = package("app").recommends("backend");
    assert_eq!(of_backends(wishing, &[], true), "app mini");
    let tool = package("tool").requires("mini");
    let with_tool = app().recommends("tool");
    let answer = of_backends(with_tool, &[tool], true);
    assert_eq!(answer, "app mini tool");
    let addition = package("addition").supplements("app").requires("backend");
    let answer = of_backends(package("app"), &[addition], true);
    assert_eq!(answer, "addition app mini");
    let nice = package("nice").requires("full");
    let with_nice = app().recommends("nice");
    let answer = of_backends(with_nice, &[nice], true);
    assert_eq!(answer, "app full mini nice");
}

#[test]
fn what_came_for_the_sake_of_a_package_that_is_spared_goes_with_it() {
    let app = || package("app").requires("p").requires("q");
    for (records, expected) in [
        (
            vec![
                package("c").provides("p").requires("d").requires("z"),
                package("d").provides("p"),
                package("f").provides("q"),
                package("z").provides("q"),
            ],
            "app d f",
        ),
        (
            vec![
                package("c").provides("p").requires("d"),
                package("d").provides("p").requires("e"),
                package("e").provides("p").provides("q"),
            ],
            "app e",
        ),
        (
            vec![
                package("c").provides("p").requires("d"),
                package("d").provides("p"),
                package("e").provides("q").requires("f"),
                package("f").provides("q"),
            ],
            "app d f",
        ),
        (
            vec![
                package("c").provides("p").requires("r"),
                package("d").provides("r").provides("p"),
                package("e").provides("r"),
                package("f").provides("q"),
            ],
            "app d f",
        ),
    ] {
        let records = [&[app()], &*records].concat();
        assert_eq!(agreed(&records, false, ["app"]), [expected]);
    }
    // Of alternatives, and of those that several have in part.
    let records = [
        package("a").requires("(d or b)").requires("c"),
        package("b"),
        package("c").requires("(e or d)"),
        package("d"),
        package("e"),
        package("g").requires("(d or b)"),
    ];
    let answers = agreed(&records, false, ["a", "g", "g d"]);
    assert_eq!(answers, ["a c d", "b g", "d g"]);
}
