//! What can't stand in one root, and what can share it.

use store::compose::{Error, root};

use crate::support::fixtures;
use crate::support::materialize::{is_root, materialize};
use store::ids::EntryId;

use crate::support::root::{closed, conflicts, installed, leaf, output, owns, root, run, unpack};
use crate::support::rpm::{Draft, spec};
use crate::support::workspace::Memory;

#[test]
fn all_conflicts_are_reported_together_and_rpm_sees_the_same() {
    let directory = tempfile::tempdir().unwrap();
    let memory = Memory::default();
    let recipes = [
        owns(
            "a",
            "mkdir -p opt/d opt/same; echo a > opt/f; echo s > opt/same/s; echo x > opt/mode; echo o > opt/owner; ln -s x opt/l",
            "%dir %attr(0700,root,root) /opt/d\n/opt/same\n/opt/f\n%attr(0600,root,root) /opt/mode\n%attr(-,bin,-) /opt/owner\n/opt/l",
        ),
        owns(
            "b",
            "mkdir -p opt/d opt/same; echo b > opt/f; echo s > opt/same/s; echo x > opt/mode; echo o > opt/owner; ln -s y opt/l",
            "%dir %attr(0755,root,root) /opt/d\n/opt/same\n/opt/f\n%attr(0644,root,root) /opt/mode\n/opt/owner\n/opt/l",
        ),
    ];
    let (result, files) = installed(&memory, directory.path(), &recipes);
    let ours = conflicts(result);
    let expected = ["/opt/d", "/opt/f", "/opt/l", "/opt/mode", "/opt/owner"];
    let expected = expected.map(|path| (path.to_owned(), "a".to_owned(), "b".to_owned()));
    assert_eq!(ours, expected);
    if !is_root() {
        return;
    }
    let base = directory.path().join("theirs");
    std::fs::create_dir(&base).unwrap();
    let arguments = "-i --nodeps --test --dbpath /db --root";
    let mut arguments: Vec<&str> = arguments.split(' ').collect();
    arguments.push(base.to_str().unwrap());
    arguments.extend(files.iter().map(|file| file.to_str().unwrap()));
    let (success, text) = run("rpm", &arguments);
    assert!(!success);
    let mut theirs: Vec<&str> = text
        .lines()
        .filter_map(|line| line.trim().strip_prefix("file ")?.split_whitespace().next())
        .collect();
    theirs.sort_unstable();
    assert_eq!(
        theirs,
        ours.iter()
            .map(|(path, ..)| path.as_str())
            .collect::<Vec<_>>()
    );
}

#[test]
fn packages_that_do_not_go_together_by_their_own_headers_are_refused_and_rpm_sees_the_same() {
    let directory = tempfile::tempdir().unwrap();
    let memory = Memory::default();
    let package = |nevra: &str, change: fn(Draft) -> Draft| {
        let bytes = change(spec(nevra)).bytes(&memory);
        let path = directory.path().join(format!("{nevra}.rpm"));
        std::fs::write(&path, bytes).unwrap();
        path
    };
    let app = package("app-1-1.noarch", |app| {
        app.requires("library >= 2").requires("/usr/share/data")
    });
    let old = package("library-1-1.noarch", |library| library);
    let new = package("library-2-1.noarch", |library| library);
    let data = package("data-1-1.noarch", |data| {
        data.file("/usr/share/data", b"data")
    });
    let rival = package("rival-1-1.noarch", |rival| rival.conflicts("data"));
    let base = directory.path().join("theirs");
    std::fs::create_dir(&base).unwrap();
    for (packages, complaint) in [
        (vec![&app, &new, &data], None),
        (
            vec![&app, &new],
            Some("nothing provides `/usr/share/data`, which app-1-1.noarch requires"),
        ),
        (
            vec![&app, &old, &data],
            Some("there is only library-1-1.noarch"),
        ),
        (
            vec![&app, &new, &data, &rival],
            Some("rival-1-1.noarch conflicts with data-1-1.noarch"),
        ),
    ] {
        let entries: Vec<EntryId> = packages.iter().map(|file| unpack(&memory, file)).collect();
        let said = closed(&memory, &entries)
            .err()
            .map(|error| error.to_string());
        match (&said, complaint) {
            (None, None) => {}
            (Some(said), Some(complaint)) => assert!(said.contains(complaint), "{said}"),
            _ => panic!("{said:?} and not {complaint:?}"),
        }
        if is_root() {
            let mut arguments = vec!["-i", "--test", "--dbpath", "/db", "--root"];
            arguments.push(base.to_str().unwrap());
            arguments.extend(packages.iter().map(|file| file.to_str().unwrap()));
            let (success, text) = run("rpm", &arguments);
            assert_eq!(success, complaint.is_none(), "{text}");
        }
    }
}

#[test]
fn a_file_and_a_directory_at_one_path_are_a_conflict() {
    let directory = tempfile::tempdir().unwrap();
    let memory = Memory::default();
    let recipes = [
        owns("a", "mkdir opt; echo > opt/x", "/opt/x"),
        owns(
            "b",
            "mkdir -p opt/x; echo > opt/x/y; echo > opt/x-z",
            "/opt/x/y\n/opt/x-z",
        ),
    ];
    let found = conflicts(installed(&memory, directory.path(), &recipes).0);
    assert_eq!(
        found,
        [("/opt/x".to_owned(), "a".to_owned(), "b".to_owned())]
    );
}

#[test]
fn a_directory_of_one_package_that_is_a_link_of_another_is_a_conflict_as_in_rpm() {
    let memory = Memory::default();
    let merged = spec("filesystem-1-1.noarch")
        .directory("/usr/lib")
        .symlink("/lib", "usr/lib");
    let old = spec("old-1-1.noarch")
        .directory("/lib")
        .file("/lib/x", b"x");
    let entries = [merged, old].map(|draft| draft.build(&memory).unpacked(&memory));
    let found = conflicts(root(&memory, "x86_64", &entries));
    assert_eq!(
        found,
        [("/lib".to_owned(), "filesystem".to_owned(), "old".to_owned())]
    );
}

#[test]
fn of_two_architectures_the_wider_one_gets_the_shared_file() {
    let Some(fixtures) = fixtures::folder("rpms") else {
        return;
    };
    let memory = Memory::default();
    let narrow = unpack(&memory, &fixtures.join("rpm__hello-2.0-1.i686.rpm"));
    let wide = unpack(
        &memory,
        &fixtures.join("rpm__50e39dd__hello-2.0-1.x86_64.rpm"),
    );
    let composed = root(&memory, "x86_64", &[narrow, wide]).unwrap();
    let alone = root(&memory, "x86_64", &[wide]).unwrap();
    let program = |composed| leaf(&memory, composed, "usr/bin/hello").content;
    assert_eq!(program(&composed), program(&alone));
    let directory = tempfile::tempdir().unwrap();
    materialize(&memory, output(&composed), directory.path());
    let database = directory.path().join("usr/lib/sysimage/rpm");
    let question = "-q --qf [%{=ARCH}:%{FILESTATES:fstate}\\n] hello --dbpath";
    let mut question: Vec<&str> = question.split(' ').collect();
    question.push(database.to_str().unwrap());
    let (success, states) = run("rpm", &question);
    assert!(success && states.contains("i686:wrong color"), "{states}");
    assert!(!states.contains("x86_64:wrong color"), "{states}");
}

#[test]
fn two_packages_of_one_name_and_version_are_refused_and_the_same_one_twice_is_one() {
    let memory = Memory::default();
    let draft = |text: &[u8]| {
        spec("x-1-1.noarch")
            .file("/x", text)
            .build(&memory)
            .unpacked(&memory)
    };
    let (one, other) = (draft(b"1"), draft(b"2"));
    assert!(matches!(
        root(&memory, "x86_64", &[one, other]),
        Err(Error::Root(root::Error::Twice { .. }))
    ));
    assert_eq!(
        root(&memory, "x86_64", &[one, one]).unwrap(),
        root(&memory, "x86_64", &[one]).unwrap()
    );
}

#[test]
fn what_is_no_unpacked_package_is_named() {
    let memory = Memory::default();
    let built = spec("x-1-1.noarch").build(&memory);
    assert!(matches!(
        root(&memory, "x86_64", &[built.rpm]),
        Err(Error::Root(root::Error::NotUnpacked { entry })) if entry == built.rpm
    ));
}

#[test]
fn source_packages_and_those_of_other_machines_are_refused() {
    let Some(fixtures) = fixtures::folder("rpms") else {
        return;
    };
    let memory = Memory::default();
    let arm = fixtures.join("tizen_repos_samsung_serranove__dbus-1.8.18.armv7l.rpm");
    let arm = unpack(&memory, &arm);
    assert!(root(&memory, "armv7l", &[arm]).is_ok());
    assert!(matches!(
        root(&memory, "x86_64", &[arm]),
        Err(Error::Root(root::Error::Architecture { .. }))
    ));
    let source = unpack(&memory, &fixtures.join("rpm__foo-1.0-1.src.rpm"));
    assert!(matches!(
        root(&memory, "x86_64", &[source]),
        Err(Error::Root(root::Error::Source { .. }))
    ));
}
