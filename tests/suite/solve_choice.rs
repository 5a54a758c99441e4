//! Which of several packages is taken, where each would do. That dnf takes the same is asked in `solve_dnf.rs`.

use store::formats::rpm::Record;

use crate::support::judge::{fails, installs, installs_weakly};
use crate::support::records::{Says, record};

#[test]
fn among_providers_the_newest_the_suggested_and_then_the_first_by_name_is_taken() {
    let base = [
        record("x-1-1.noarch").requires("y"),
        record("b-1-1.noarch").provides("y"),
        record("a-1-1.noarch").provides("y"),
    ];
    assert_eq!(installs(&base, &["x"])[0], "a-1-1.noarch");
    let with = |more: Record| {
        let mut records = base.to_vec();
        records.push(more);
        records
    };
    assert_eq!(
        installs(&with(record("y-1-1.noarch")), &["x"])[0],
        "a-1-1.noarch",
        "what is required is a capability, not a name"
    );
    assert_eq!(
        installs(&with(record("a-2-1.noarch")), &["x"])[0],
        "b-1-1.noarch"
    );
    let one = with(record("c-1-1.noarch").provides("y = 2"));
    assert_eq!(installs(&one, &["x"])[0], "a-1-1.noarch");
    let all = ["a", "b", "c", "y"].map(|name| {
        let version = if name == "c" { "2" } else { "1" };
        record(&format!("{name}-1-1.noarch")).provides(&format!("y = {version}"))
    });
    let all = [&all[..], &base[..1]].concat();
    assert_eq!(installs(&all, &["x"])[0], "c-1-1.noarch");
    let two = ["a", "b"].map(|name| {
        let (first, asked) = if name == "a" { (2, 1) } else { (1, 2) };
        let record = record(&format!("{name}-1-1.noarch"));
        record
            .provides(&format!("first = {first}"))
            .provides(&format!("y = {asked}"))
    });
    let two = [&two[..], &base[..1]].concat();
    assert_eq!(
        installs(&two, &["x"])[0],
        "b-1-1.noarch",
        "what is asked for goes before what else both state"
    );
    let mut suggests = base.to_vec();
    suggests[0] = suggests[0].clone().suggests("b");
    assert_eq!(installs(&suggests, &["x"])[0], "b-1-1.noarch");
    let mut enhances = base.to_vec();
    enhances[1] = enhances[1].clone().enhances("x");
    assert_eq!(installs(&enhances, &["x"])[0], "b-1-1.noarch");
    assert_eq!(
        installs(&base, &["x", "b"])[0],
        "b-1-1.noarch",
        "already there"
    );
}

#[test]
fn a_choice_between_packages_that_say_much_is_made_at_once() {
    const MANY: usize = 4000;
    let record = |name: &str| record(&format!("{name}-1-1.noarch"));
    let all = |record: Record, says: &dyn Fn(Record, usize) -> Record| (0..MANY).fold(record, says);
    let providing = |name: &str| {
        let shared = |record: Record, n| record.provides(&format!("shared{n}"));
        let own = |record: Record, n| record.provides(&format!("{name}{n} = 1"));
        all(all(record(name), &shared), &own)
    };
    let asking = all(record("x"), &|record, n| {
        let record = record.requires(&format!("shared{n}"));
        record.recommends(&format!("nothing{n}"))
    });
    let enhancing = all(providing("b"), &|record, n| {
        record.enhances(&format!("nothing{n}")).supplements("x")
    });
    let records = [asking, providing("a"), enhancing];
    let started = std::time::Instant::now();
    assert_eq!(installs(&records, &["x"]), ["b-1-1.noarch", "x-1-1.noarch"]);
    assert!(started.elapsed().as_secs() < 60, "a minute for a choice");
}

#[test]
fn what_is_chosen_speaks_for_one_of_several_from_afar() {
    let base = [
        record("c-1-1.noarch").requires("pack"),
        record("all-1-1.noarch").provides("pack"),
        record("pack-min-1-1.noarch").provides("pack"),
        record("pack-ro-1-1.noarch").provides("pack"),
        record("ro-1-1.noarch"),
    ];
    let with = |place: usize, change: &dyn Fn(Record) -> Record| {
        let mut records = base.to_vec();
        records[place] = change(records[place].clone());
        records
    };
    assert_eq!(installs(&base, &["c", "ro"])[0], "all-1-1.noarch");
    let chosen = ["c-1-1.noarch", "pack-ro-1-1.noarch", "ro-1-1.noarch"];
    for records in [
        with(3, &|pack| pack.supplements("(c and ro)")),
        with(3, &|pack| pack.enhances("ro")),
        with(4, &|ro| ro.recommends("pack-ro")),
        with(4, &|ro| ro.suggests("pack-ro")),
    ] {
        assert_eq!(installs(&records, &["c", "ro"]), chosen);
        assert_eq!(installs(&records, &["c"])[0], "all-1-1.noarch");
    }
    // With weak dependencies there is no second one beside it.
    let supplements = with(3, &|pack| pack.supplements("(c and ro)"));
    assert_eq!(installs_weakly(&supplements, &["c", "ro"]), chosen);
    // What is recommended counts more than what is suggested; what can't be is passed over.
    let mut both = with(3, &|pack| pack.supplements("ro"));
    both[4] = both[4].clone().suggests("pack-min");
    assert_eq!(installs(&both, &["c", "ro"]), chosen);
    both[3] = both[3].clone().requires("nothing");
    assert_eq!(
        installs(&both, &["c", "ro"]),
        ["c-1-1.noarch", "pack-min-1-1.noarch", "ro-1-1.noarch"]
    );
}

#[test]
fn what_one_names_is_enough_for_who_would_take_any() {
    let records = [
        record("java-8-1.noarch").provides("jre"),
        record("java17-16-1.noarch").provides("jre"),
        record("java17-17-1.noarch").provides("jre"),
        record("lib-1-1.noarch").requires("(java or java17)"),
        record("tool-1-1.noarch").requires("jre"),
        record("app-1-1.noarch").requires("tool").requires("deep"),
        record("deep-1-1.noarch").requires("java17").requires("lib"),
    ];
    let all = ["app-1-1.noarch", "deep-1-1.noarch", "java17-17-1.noarch"];
    let rest = ["lib-1-1.noarch", "tool-1-1.noarch"];
    assert_eq!(installs(&records, &["app"]), [&all[..], &rest].concat());
    assert_eq!(installs(&records, &["tool"])[0], "java-8-1.noarch");
}

#[test]
fn alternatives_of_a_package_go_by_name_and_those_of_a_person_as_they_are_written() {
    let records = [
        record("a-1-1.noarch"),
        record("b-1-1.noarch"),
        record("x-1-1.noarch").requires("(b or a)"),
    ];
    assert_eq!(installs(&records, &["x"]), ["a-1-1.noarch", "x-1-1.noarch"]);
    assert_eq!(installs(&records, &["(b or a)"]), ["b-1-1.noarch"]);
    // What all of them provide is had in the newest version.
    let [a, b, x] = records;
    let (a, b) = (a.provides("java = 11"), b.provides("java = 17"));
    let two = [a.clone(), b.clone(), x.clone()];
    assert_eq!(installs(&two, &["x"]), ["b-1-1.noarch", "x-1-1.noarch"]);
    let x = record("x-1-1.noarch").requires("(b or aa or a)");
    let three = [a, b, record("aa-1-1.noarch"), x];
    assert_eq!(installs(&three, &["x"])[0], "a-1-1.noarch");
}

#[test]
fn what_was_renamed_is_found_by_its_old_name() {
    let records = [
        record("old-1-1.noarch"),
        record("new-2-1.noarch").obsoletes("old < 2"),
        record("user-1-1.noarch").requires("old"),
    ];
    assert_eq!(installs(&records, &["old"]), ["new-2-1.noarch"]);
    assert_eq!(installs(&records, &["old.noarch"]), ["old-1-1.noarch"]);
    assert_eq!(installs(&records, &["old-1-1"]), ["old-1-1.noarch"]);
    // It does not provide the old name, so who requires that still gets the old package, and both can't be.
    assert_eq!(
        installs(&records, &["user"]),
        ["old-1-1.noarch", "user-1-1.noarch"]
    );
    fails(&records, &["user", "new"]);
    // One that provides it takes its place everywhere.
    let mut providing = records.to_vec();
    providing[1] = providing[1].clone().provides("old = 2");
    assert_eq!(
        installs(&providing, &["user"]),
        ["new-2-1.noarch", "user-1-1.noarch"]
    );
    // A version that nothing obsoletes is the better answer to its own name, and so is what can be installed.
    let mut newer = records.to_vec();
    newer.push(record("old-3-1.noarch"));
    assert_eq!(installs(&newer, &["old"]), ["old-3-1.noarch"]);
    let mut broken = records.to_vec();
    broken[1] = broken[1].clone().requires("nothing");
    assert_eq!(installs(&broken, &["old"]), ["old-1-1.noarch"]);
}
