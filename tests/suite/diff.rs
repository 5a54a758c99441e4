//! What differs between artifacts, and what they are made of.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use proptest::prelude::*;
use store::ids::{BlobId, EntryId};
use store::relate::diff::{
    ArtifactChange, Aspect, Change, Diff, FileChange, FileKind, Files, diff,
};
use store::relate::records::Stored;
use store::relate::{Called, Closure};
use store::store::Entry;
use store::tree::{Builder, Child, Content, Leaf, Meta};

use crate::support::archive::{Archive, Package, file, path, role, subject};
use crate::support::bench::Bench;

fn between(archive: &Archive, a: EntryId, b: EntryId) -> Diff {
    diff(archive, &subject("a", a), &subject("b", b)).unwrap()
}

fn packages(diff: &Diff) -> Vec<(String, Change, Option<String>, Option<String>)> {
    let text = |evr: &Option<store::ids::Evr>| evr.as_ref().map(|evr| evr.to_string());
    let line =
        |p: &store::relate::diff::Package| (p.name.clone(), p.change, text(&p.from), text(&p.to));
    diff.packages.iter().map(line).collect()
}

fn changed(files: &Files) -> Vec<(&str, FileChange, Vec<Aspect>)> {
    files
        .list
        .iter()
        .map(|f| {
            (
                f.path.path.as_str(),
                f.change,
                f.what.iter().copied().collect(),
            )
        })
        .collect()
}

/// Two atomic hosts that differ in every way that packages can.
fn hosts(archive: &mut Archive) -> (EntryId, EntryId) {
    let bash = archive.package("bash", "5.2-1", "bash", "");
    let old = [
        bash,
        archive.package("glibc", "2.40-1", "old", ""),
        archive.package("kernel", "1:6.12-1", "new", ""),
        archive.package("systemd", "257-1", "built once", ""),
        archive.package("nano", "8-1", "nano", ""),
    ];
    let new = [
        bash,
        archive.package("glibc", "2.41-1", "newer", ""),
        archive.package("kernel", "6.13-1", "old", ""),
        archive.package("systemd", "257-1", "built twice", ""),
        archive.package("vim", "9-1", "vim", ""),
    ];
    let a = archive.ostree(&[("usr/bin/bash", "bash"), ("usr/bin/nano", "nano")], &old);
    let b = archive.ostree(&[("usr/bin/bash", "bash"), ("usr/bin/vim", "vi")], &new);
    (a, b)
}

#[test]
fn packages_of_a_tree_are_added_removed_upgraded_downgraded_and_rebuilt() {
    let mut archive = Archive::default();
    let (a, b) = hosts(&mut archive);
    let diff = between(&archive, a, b);
    let row = |name: &str, change, from: &str, to: &str| {
        let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        (name.to_owned(), change, text(from), text(to))
    };
    let expected = [
        row("glibc", Change::Upgraded, "2.40-1", "2.41-1"),
        row("kernel", Change::Downgraded, "1:6.12-1", "6.13-1"),
        row("nano", Change::Removed, "8-1", ""),
        row("systemd", Change::Rebuilt, "257-1", "257-1"),
        row("vim", Change::Added, "", "9-1"),
    ];
    assert_eq!(packages(&diff), expected);
    assert_eq!(diff.packages[0].bytes, 2);
}

#[test]
fn an_ostree_entry_is_compared_by_the_root_inside() {
    let mut archive = Archive::default();
    let (a, b) = hosts(&mut archive);
    let diff = between(&archive, a, b);
    let expected = [
        ("usr/bin/nano", FileChange::Removed, vec![]),
        ("usr/bin/vim", FileChange::Added, vec![]),
    ];
    assert_eq!(changed(&diff.files), expected);
    assert_eq!(
        (diff.files.added, diff.files.removed, diff.files.changed),
        (1, 1, 0)
    );
    assert_eq!(diff.artifacts.len(), 1);
    assert_eq!(
        (diff.artifacts[0].kind.as_str(), diff.artifacts[0].change),
        ("root", ArtifactChange::Changed)
    );
}

#[test]
fn an_edition_is_compared_by_its_modules_and_packages() {
    let mut archive = Archive::default();
    let bash = archive.package("bash", "5.2-1", "bash", "");
    let resigned = archive.package("bash", "5.2-1", "bash", "signed");
    let httpd = archive.package("httpd", "2.4-1", "httpd", "");
    let gtk = archive.package("gtk", "4-1", "gtk", "");
    assert_eq!(bash.content, resigned.content);
    let base = archive.module("base-runtime", "1", 1, &[bash]);
    let base_next = archive.module("base-runtime", "1", 2, &[resigned]);
    let web = archive.module("web", "2.4", 7, &[httpd]);
    let web_other = archive.module("web", "2.6", 3, &[httpd]);
    let desktop = archive.module("gtk", "4", 1, &[gtk]);
    let a = archive.edition(&[("base-runtime", base), ("web", web)], &[bash, httpd]);
    let b = archive.edition(
        &[
            ("base-runtime", base_next),
            ("web", web_other),
            ("gtk", desktop),
        ],
        &[resigned, httpd, gtk],
    );
    let diff = between(&archive, a, b);
    let modules: Vec<_> = diff
        .modules
        .iter()
        .map(|m| {
            (
                m.name.as_str(),
                m.change,
                m.from.as_deref(),
                m.to.as_deref(),
            )
        })
        .collect();
    let expected = [
        ("base-runtime", Change::Upgraded, Some("1:1"), Some("1:2")),
        ("gtk", Change::Added, None, Some("4:1")),
        ("web", Change::Switched, Some("2.4:7"), Some("2.6:3")),
    ];
    assert_eq!(modules, expected);
    let changes: Vec<_> = packages(&diff).into_iter().map(|p| (p.0, p.1)).collect();
    assert_eq!(
        changes,
        [
            ("bash".to_owned(), Change::Resigned),
            ("gtk".to_owned(), Change::Added)
        ]
    );
    // What lies under Packages/ was said above.
    assert_eq!(
        changed(&diff.files),
        [(
            "repodata/repomd.xml",
            FileChange::Changed,
            vec![Aspect::Content]
        )]
    );
    assert!(diff.artifacts.is_empty(), "{:?}", diff.artifacts);
}

/// An installer with a runtime of some packages, and with an edition that ships some.
fn disc(archive: &mut Archive, runtime: &[Package], shipped: &[Package]) -> EntryId {
    let host = archive.ostree(&[("usr/bin/anaconda", "anaconda")], runtime);
    let edition = archive.edition(&[], shipped);
    let listed = format!("{host} {edition}");
    let disc = archive.files("installer", &[("a.iso", &listed)]);
    let inputs = [role("payload", host), role("repository", edition)];
    archive.step("installer", &0, inputs, disc, None);
    disc
}

#[test]
fn what_one_ships_and_the_other_installs_is_no_difference() {
    let mut archive = Archive::default();
    let bash = archive.package("bash", "5.2-1", "bash", "");
    let signed = archive.package("bash", "5.2-1", "bash", "signed");
    let nano = archive.package("nano", "8-1", "nano", "");
    let server = archive.edition(&[], &[bash, nano]);
    let server_signed = archive.edition(&[], &[signed, nano]);
    let host = archive.ostree(&[("a", "x")], &[bash]);
    let ours = disc(&mut archive, &[bash], &[bash, nano]);
    let theirs = disc(&mut archive, &[bash], &[signed, nano]);
    let light = disc(&mut archive, &[bash], &[nano]);
    for (a, b) in [
        (server, ours),
        (server_signed, theirs),
        (light, ours),
        (light, theirs),
        (light, server_signed),
    ] {
        assert_eq!(packages(&between(&archive, a, b)), []);
        assert_eq!(packages(&between(&archive, b, a)), []);
    }
    for edition in [server, server_signed] {
        let found = packages(&between(&archive, edition, host));
        let changes: Vec<_> = found.into_iter().map(|p| (p.0, p.1)).collect();
        assert_eq!(changes, [("nano".to_owned(), Change::Removed)]);
    }
    // Both ship it, and another file.
    for (a, b) in [(server, theirs), (ours, theirs), (theirs, server)] {
        let found = packages(&between(&archive, a, b));
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].1, Change::Resigned);
    }
}

#[test]
fn text_and_json_agree_on_what_was_only_signed_anew() {
    let mut archive = Archive::default();
    let signed = archive.package("bash", "5.2-1", "bash", "signed");
    let signed_anew = archive.package("bash", "5.2-1", "bash", "signed anew");
    let rebuilt = archive.package("bash", "5.2-1", "bash, rebuilt", "signed anew");
    let [a, b, c] = [signed, signed_anew, rebuilt].map(|bash| archive.edition(&[], &[bash]));
    let said = |a, b| {
        let diff = between(&archive, a, b);
        let json = serde_json::to_value(&diff).unwrap()["packages"][0].clone();
        (diff.to_string(), json)
    };
    let (text, json) = said(a, b);
    assert!(text.contains("\nPackages: 1 resigned\n"), "{text}");
    let expected = serde_json::json!({
        "name": "bash", "arch": "x86_64", "change": "rebuilt", "resigned": true,
        "from": "5.2-1", "to": "5.2-1", "bytes": 5,
    });
    assert_eq!(json, expected);
    let (text, json) = said(b, c);
    assert!(text.contains("\nPackages: 1 rebuilt\n"), "{text}");
    assert_eq!(
        (&json["change"], json.get("resigned")),
        (&"rebuilt".into(), None)
    );
}

#[test]
fn a_package_without_a_record_is_not_passed_over() {
    let mut archive = Archive::default();
    let bash = archive.package("bash", "5.2-1", "bash", "");
    let (a, b) = (archive.edition(&[], &[]), archive.edition(&[], &[bash]));
    archive.records.clear();
    let diff = between(&archive, a, b);
    assert!(diff.packages.is_empty());
    let artifact = &diff.artifacts[0];
    assert_eq!(
        (artifact.kind.as_str(), artifact.change),
        ("rpm", ArtifactChange::Added)
    );
    assert_eq!(artifact.to, Some(bash.rpm));
}

#[test]
fn several_versions_of_a_package_stand_side_by_side() {
    let mut archive = Archive::default();
    let mut kernel = |evr: &str| archive.package("kernel", evr, evr, "");
    let (one, two, three) = (kernel("1-1"), kernel("2-1"), kernel("3-1"));
    let a = archive.edition(&[], &[one, two]);
    let b = archive.edition(&[], &[two, three]);
    let c = archive.edition(&[], &[three]);
    assert_eq!(packages(&between(&archive, a, b)).len(), 1);
    let both: Vec<_> = packages(&between(&archive, a, c))
        .into_iter()
        .map(|p| (p.1, p.2, p.3))
        .collect();
    let text = |text: &str| Some(text.to_owned());
    assert_eq!(
        both,
        [
            (Change::Upgraded, text("2-1"), text("3-1")),
            (Change::Removed, text("1-1"), None)
        ]
    );
}

#[test]
fn every_way_in_which_a_path_can_differ_is_named() {
    let mut archive = Archive::default();
    let leaf = |change: &dyn Fn(&mut Meta)| {
        let mut leaf = Leaf::file(0o644, BlobId::of(b"x"), 1);
        change(&mut leaf.meta);
        Child::Leaf(leaf)
    };
    let device = |minor| {
        Child::Leaf(Leaf {
            meta: Meta::new(0o600),
            content: Content::Character { major: 1, minor },
        })
    };
    let link = |target: &str| Child::Leaf(Leaf::symlink(target));
    let same = || leaf(&|_| {});
    let rows: Vec<(&str, Child, Child, Vec<Aspect>)> = vec![
        ("content", same(), file("longer"), vec![Aspect::Content]),
        ("device", device(3), device(5), vec![Aspect::Device]),
        (
            "mode",
            same(),
            leaf(&|m| m.mode = 0o4755),
            vec![Aspect::Mode],
        ),
        (
            "mtime",
            same(),
            leaf(&|m| m.mtime = Some(1)),
            vec![Aspect::Mtime],
        ),
        ("owner", same(), leaf(&|m| m.gid = 5), vec![Aspect::Owner]),
        ("target", link("a"), link("b"), vec![Aspect::Target]),
        (
            "type",
            same(),
            Child::Directory(Builder::new(Meta::new(0o644))),
            vec![Aspect::Type],
        ),
        (
            "xattrs",
            same(),
            leaf(&|m| drop(m.xattrs.insert(b"user.x".to_vec(), vec![1]))),
            vec![Aspect::Xattrs],
        ),
    ];
    let (mut old, mut new) = (Builder::default(), Builder::default());
    for (name, from, to, _) in &rows {
        old.insert(&path(name), from.clone()).unwrap();
        new.insert(&path(name), to.clone()).unwrap();
    }
    let (a, b) = (archive.tree(&old), archive.tree(&new));
    let (a, b) = (
        archive.enter(Entry::new("root", a)),
        archive.enter(Entry::new("root", b)),
    );
    let diff = between(&archive, a, b);
    let expected: Vec<_> = rows
        .iter()
        .map(|(name, _, _, what)| (*name, FileChange::Changed, what.clone()))
        .collect();
    assert_eq!(changed(&diff.files), expected);
    assert_eq!(
        (diff.files.list[0].bytes, diff.files.list[6].bytes),
        (5, -1)
    );
}

/// Artifacts of two roots that differ in a file's content, and in the time of another one.
fn older_and_newer(archive: &mut Archive, kind: &str) -> [EntryId; 2] {
    [1, 2].map(|time| {
        let mut builder = Builder::default();
        let mut leaf = Leaf::file(0o644, BlobId::of(b"x"), 1);
        leaf.meta.mtime = Some(time);
        builder
            .insert(&path("etc/hosts"), Child::Leaf(leaf))
            .unwrap();
        let text = format!("{time}");
        builder.insert(&path("etc/shadow"), file(&text)).unwrap();
        let root = archive.tree(&builder);
        let root = archive.enter(Entry::new("root", root));
        let made = archive.files(kind, &[("made", &text)]);
        archive.step(kind, &time, [role("root", root)], made, None);
        made
    })
}

#[test]
fn times_are_no_difference_of_what_ostree_holds() {
    for (kind, told) in [("ostree", 1), ("disk", 1), ("image", 2)] {
        let mut archive = Archive::default();
        let [a, b] = older_and_newer(&mut archive, kind);
        let diff = between(&archive, a, b);
        assert_eq!(diff.files.changed, told, "{kind}");
        let last = changed(&diff.files).pop();
        let expected = ("etc/shadow", FileChange::Changed, vec![Aspect::Content]);
        assert_eq!(last, Some(expected), "{kind}");
    }
}

#[test]
fn a_directory_that_comes_or_becomes_a_file_is_listed_with_all_below() {
    let mut archive = Archive::default();
    let a = archive.files("root", &[("etc", "a file")]);
    let b = archive.files("root", &[("etc/a/b", "x"), ("usr/lib/c", "y")]);
    let diff = between(&archive, a, b);
    let expected = [
        ("etc", FileChange::Changed, vec![Aspect::Type, Aspect::Mode]),
        ("etc/a", FileChange::Added, vec![]),
        ("etc/a/b", FileChange::Added, vec![]),
        ("usr", FileChange::Added, vec![]),
        ("usr/lib", FileChange::Added, vec![]),
        ("usr/lib/c", FileChange::Added, vec![]),
    ];
    assert_eq!(changed(&diff.files), expected);
    assert_eq!(diff.files.list[0].kind, FileKind::Directory);
}

#[test]
fn a_hard_link_that_was_cut_shows_though_its_directory_is_equal() {
    let mut archive = Archive::default();
    let a = archive.files("root", &[("bin/a", "x"), ("bin/b", "x"), ("c", "x")]);
    let mut linked = archive.entries[&a].clone();
    linked.links.insert(vec![path("bin/a"), path("bin/b")]);
    let b = archive.enter(linked);
    let diff = between(&archive, a, b);
    let what = vec![Aspect::Links];
    let expected = [
        ("bin/a", FileChange::Changed, what.clone()),
        ("bin/b", FileChange::Changed, what),
    ];
    assert_eq!(changed(&diff.files), expected);
}

#[test]
fn equal_subtrees_are_not_opened() {
    let mut archive = Archive::default();
    let names: Vec<String> = (0..200)
        .map(|n| format!("usr/share/{}/{n}", n / 10))
        .collect();
    let mut files: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "x")).collect();
    files.push(("etc/os-release", "1"));
    let a = archive.files("root", &files);
    files.pop();
    files.push(("etc/os-release", "2"));
    let b = archive.files("root", &files);
    archive.opened.store(0, Ordering::Relaxed);
    assert_eq!(between(&archive, a, b).files.changed, 1);
    // The root and etc, on both sides.
    assert_eq!(archive.opened.load(Ordering::Relaxed), 4);
    archive.opened.store(0, Ordering::Relaxed);
    assert!(between(&archive, a, a).is_empty());
    assert_eq!(archive.opened.load(Ordering::Relaxed), 0);
}

#[test]
fn a_blob_that_stands_at_two_paths_counts_once() {
    let mut archive = Archive::default();
    let a = archive.files("root", &[("a", "four"), ("b", "four")]);
    let b = archive.files("root", &[("a", "four"), ("c/b", "three")]);
    let bytes = between(&archive, a, b).bytes;
    assert_eq!((bytes.from, bytes.to, bytes.delta), (4, 9, 5));
}

#[test]
fn the_text_is_what_a_person_reads() {
    let mut archive = Archive::default();
    let (a, b) = hosts(&mut archive);
    let shown = diff(
        &archive,
        &subject("atomic-host@1", a),
        &subject("atomic-host@2", b),
    )
    .unwrap();
    let [from, to] = [shown.artifacts[0].from, shown.artifacts[0].to].map(|id| id.unwrap().short());
    let expected = format!(
        "\
atomic-host@1 → atomic-host@2

Packages: 1 added, 1 downgraded, 1 rebuilt, 1 removed, 1 upgraded
  upgraded    glibc.x86_64    2.40-1 → 2.41-1    +2 B
  downgraded  kernel.x86_64   1:6.12-1 → 6.13-1
  removed     nano.x86_64     8-1                −4 B
  rebuilt     systemd.x86_64  257-1              +1 B
  added       vim.x86_64      9-1                +3 B

Artifacts: 1 changed
  changed  root  {from} → {to}

Files: 1 added, 1 removed
  removed  usr/bin/nano    −4 B
  added    usr/bin/vim     +2 B

Bytes: 52 B → 52 B (±0 B)
"
    );
    assert_eq!(shown.to_string(), expected);
    let equal = diff(&archive, &subject("x@1", a), &subject("x@2", a)).unwrap();
    assert_eq!(equal.to_string(), "x@1 and x@2 are equal\n");
}

#[test]
fn the_json_has_the_shape_that_was_promised() {
    let mut archive = Archive::default();
    let a = archive.files("root", &[("a", "x")]);
    let mut builder = Builder::default();
    let name = store::ids::TreePath::parse(b"\xff/b").unwrap();
    builder.insert(&name, file("x")).unwrap();
    let b = archive.tree(&builder);
    let b = archive.enter(Entry::new("root", b));
    let json = serde_json::to_value(between(&archive, a, b)).unwrap();
    assert_eq!(json["schema"], "store/diff/1");
    assert_eq!(json["from"]["entry"], a.to_string());
    assert_eq!(json["files"]["added"], 2);
    let last = &json["files"]["list"][2];
    assert_eq!(
        (&last["path"], &last["path_hex"]),
        (&"\u{fffd}/b".into(), &"ff2f62".into())
    );
    assert_eq!(json["files"]["list"][0]["change"], "removed");
    assert_eq!(json["bytes"]["delta"], 0);
    let (a, b) = hosts(&mut archive);
    let json = serde_json::to_value(between(&archive, a, b)).unwrap();
    let glibc = serde_json::json!({
        "name": "glibc", "arch": "x86_64", "change": "upgraded",
        "from": "2.40-1", "to": "2.41-1", "bytes": 2,
    });
    assert_eq!(json["packages"][0], glibc);
}

#[test]
fn a_closure_holds_the_inputs_of_inputs_in_their_roles() {
    let mut archive = Archive::default();
    let bash = archive.package("bash", "5.2-1", "bash", "");
    let host = archive.ostree(&[("a", "x")], &[bash]);
    let closure = Closure::of(&archive, host, None).unwrap();
    let kinds: BTreeMap<EntryId, &str> = closure
        .nodes
        .iter()
        .map(|(id, node)| (*id, node.kind.as_deref().unwrap()))
        .collect();
    assert_eq!(kinds.len(), 5);
    assert_eq!(
        (
            kinds[&bash.rpm],
            kinds[&bash.content],
            kinds[&bash.unpacked]
        ),
        ("rpm", "content", "unpacked")
    );
    let root = closure.inputs(host, "root").next().unwrap();
    assert_eq!(
        closure.inputs(root, "package").collect::<Vec<_>>(),
        [bash.unpacked]
    );
    assert_eq!(closure.installed(), [bash.content].into());
    // Its file was imported, and went no further.
    assert!(closure.shipped().is_empty());
    let packages = closure.packages(&archive).unwrap();
    let key = ("bash".to_owned(), "x86_64".to_owned());
    assert_eq!(packages[&key][0].nevra.evr.to_string(), "5.2-1");
    let module = archive.module("base-runtime", "1", 1, &[bash]);
    let closure = Closure::of(&archive, module, None).unwrap();
    assert_eq!(closure.modules()[&module].stream, "1");
    assert_eq!(closure.shipped(), [bash.rpm].into());
    assert_eq!(closure.packages(&archive).unwrap(), packages);
}

#[test]
fn a_closure_follows_references_and_stays_known_when_entries_are_forgotten() {
    let mut archive = Archive::default();
    let base = archive.files("image", &[("a", "x")]);
    let layered = archive.files("image", &[("b", "x")]);
    let mut layered = archive.entries[&layered].clone();
    layered.references.insert(base);
    let layered = archive.enter(layered);
    let closure = Closure::of(&archive, layered, None).unwrap();
    assert!(
        closure
            .edges_from(layered)
            .all(|edge| edge.role.is_none() && edge.to == base)
    );
    let (host, _) = hosts(&mut archive);
    let whole = Closure::of(&archive, host, None).unwrap();
    let packages = whole.packages(&archive).unwrap();
    archive.entries.clear();
    let after = Closure::of(&archive, host, None).unwrap();
    assert_eq!(after.edges, whole.edges);
    assert!(after.nodes.values().all(|node| node.kind.is_none()));
    assert_eq!(after.packages(&archive).unwrap(), packages);
}

#[test]
fn a_circle_in_damaged_records_ends() {
    let mut archive = Archive::default();
    let (a, b) = (
        archive.files("root", &[("a", "")]),
        archive.files("root", &[("b", "")]),
    );
    archive.step("root", &0, [role("package", a)], b, None);
    archive.step(
        "root",
        &0,
        [role("package", b), role("package", a)],
        a,
        None,
    );
    assert_eq!(Closure::of(&archive, a, None).unwrap().nodes.len(), 2);
    assert_eq!(between(&archive, a, b).files.list.len(), 2);
}

#[test]
fn a_chain_of_ten_thousand_layers_is_no_problem() {
    let mut archive = Archive::default();
    let first = archive.files("image", &[("a", "x")]);
    let root = archive.entries[&first].root;
    let mut last = first;
    for n in 0..10_000 {
        let mut entry = Entry::new("image", root);
        entry.media.insert("layer".to_owned(), n.to_string());
        let next = archive.enter(entry);
        archive.step("image", &n, [role("base", last)], next, None);
        last = next;
    }
    assert_eq!(
        Closure::of(&archive, last, None).unwrap().nodes.len(),
        10_001
    );
}

#[test]
fn nothing_known_of_an_entry_is_an_error_with_its_name() {
    let archive = Archive::default();
    let lost = EntryId::of(b"lost");
    let error = diff(&archive, &subject("a", lost), &subject("b", lost)).unwrap_err();
    assert!(error.to_string().contains(&lost.to_string()), "{error}");
}

/// The tests above read records in memory; this one holds them against a store on disk.
#[test]
fn a_store_tells_the_same_also_when_the_bytes_are_gone() {
    let mut archive = Archive::default();
    let bash = archive.package("bash", "5.2-1", "bash", "");
    let next = archive.package("bash", "5.3-1", "newer", "");
    let base = archive.module("base-runtime", "1", 1, &[bash]);
    let base_next = archive.module("base-runtime", "1", 2, &[next]);
    let (host, host_next) = hosts(&mut archive);
    let gtk = archive.package("gtk", "4-1", "gtk", "");
    let desktop = archive.module("gtk", "4", 1, &[gtk]);
    let server = archive.edition(&[("base-runtime", base)], &[bash]);
    let cloud = archive.edition(
        &[("base-runtime", base_next), ("gtk", desktop)],
        &[next, gtk],
    );
    let pairs = [
        (base, base_next),
        (
            server,
            archive.edition(&[("base-runtime", base_next)], &[next]),
        ),
        // Both have the module, one of them another one too.
        (archive.edition(&[("gtk", desktop)], &[gtk]), cloud),
        // One is part of the other.
        (desktop, cloud),
        // What one ships, the other has but unpacked.
        (server, host),
        (host, host_next),
    ];
    let shelf = archive.shelf();
    let compare = || {
        let store = shelf.reopen();
        let records = Stored(&store);
        for (a, b) in pairs {
            let (a, b) = (subject("a", a), subject("b", b));
            let told = diff(&records, &a, &b).unwrap();
            assert_eq!(told, diff(&archive, &a, &b).unwrap());
            assert!(!told.is_empty());
        }
    };
    compare();
    for bytes in &archive.blobs {
        std::fs::remove_file(shelf.store.blob_path(BlobId::of(bytes))).unwrap();
    }
    compare();
}

/// Some packages of few names and versions, so that they meet.
fn some_packages(archive: &mut Archive, picked: &[(u8, u8, u8, bool)]) -> Vec<Package> {
    let mut package = |(name, version, body, signed): &(u8, u8, u8, bool)| {
        let signature = if *signed { "signed" } else { "" };
        archive.package(
            &format!("p{name}"),
            &format!("{version}-1"),
            &"x".repeat(usize::from(*body)),
            signature,
        )
    };
    picked.iter().map(&mut package).collect()
}

fn turned(change: Change) -> Change {
    match change {
        Change::Added => Change::Removed,
        Change::Removed => Change::Added,
        Change::Upgraded => Change::Downgraded,
        Change::Downgraded => Change::Upgraded,
        same => same,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]

    #[test]
    fn turned_around_a_difference_is_the_same_with_signs_swapped(
        a in prop::collection::vec((0u8..4, 0u8..3, 1u8..4, any::<bool>()), 0..8),
        b in prop::collection::vec((0u8..4, 0u8..3, 1u8..4, any::<bool>()), 0..8),
        old in prop::collection::btree_map("[a-c]/[a-c]", "[xy]{0,2}", 0..6),
        new in prop::collection::btree_map("[a-c]/[a-c]", "[xy]{0,2}", 0..6),
        edition in any::<bool>(),
        mixed in any::<bool>(),
    ) {
        let mut archive = Archive::default();
        let (a, b) = (some_packages(&mut archive, &a), some_packages(&mut archive, &b));
        let mut made = |packages: &[Package], files: &BTreeMap<String, String>, edition| match edition {
            true => archive.edition(&[], packages),
            false => {
                let files: Vec<_> = files.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
                archive.ostree(&files, packages)
            }
        };
        let (a, b) = (made(&a, &old, edition), made(&b, &new, edition != mixed));
        let (there, back) = (between(&archive, a, b), between(&archive, b, a));

        let mut expected = there.packages.clone();
        for package in &mut expected {
            std::mem::swap(&mut package.from, &mut package.to);
            package.change = turned(package.change);
            package.bytes = -package.bytes;
        }
        let key = |p: &store::relate::diff::Package| format!("{p:?}");
        let mut found = back.packages.clone();
        expected.sort_by_key(key);
        found.sort_by_key(key);
        prop_assert_eq!(found, expected);

        let mut expected = there.files.clone();
        std::mem::swap(&mut expected.added, &mut expected.removed);
        for file in &mut expected.list {
            file.bytes = -file.bytes;
            file.change = match file.change {
                FileChange::Added => FileChange::Removed,
                FileChange::Removed => FileChange::Added,
                FileChange::Changed => FileChange::Changed,
            };
        }
        prop_assert_eq!(back.files, expected);
        let alone = Closure::of(&archive, b, None).unwrap();
        let other = Closure::of(&archive, a, None).unwrap();
        prop_assert_eq!(Closure::beside(&archive, b, None, Some(&other)).unwrap(), alone);
        prop_assert_eq!(back.bytes.delta, -there.bytes.delta);
        prop_assert_eq!(there.packages.is_empty() && there.files.list.is_empty() && !edition, a == b && !edition);
    }
}

#[test]
fn what_a_recipe_asked_for_differently_is_told_where_no_file_shows_it() {
    let bench = Bench::shipped();
    bench.realize(&["web-server-image"]);
    let recipe = "images/web-server-image.toml";
    bench.edit(recipe, "SIGWINCH", "SIGTERM");
    bench.realize(&["web-server-image"]);
    let diff = bench.json(&["diff", "web-server-image@1", "web-server-image@2"]);
    let moved = serde_json::json!([
        {"name": "config.stop_signal", "from": "SIGWINCH", "to": "SIGTERM"},
    ]);
    assert_eq!(diff["parameters"], moved);
    let back = bench.print(&["diff", "web-server-image@2", "web-server-image@1"]);
    assert!(
        back.contains("Parameters: 1 changed\n  changed  config.stop_signal  SIGTERM → SIGWINCH\n"),
        "{back}"
    );
}

#[test]
fn a_hash_among_parameters_is_its_text_and_a_name_with_dots_is_found() {
    let mut archive = Archive::default();
    let hashes = [BlobId::of(b"one"), BlobId::of(b"two")];
    let [a, b] = hashes.map(|hash| {
        let text = hash.to_string();
        let disc = archive.files("installer", &[("a.iso", &text)]);
        let params = Asked {
            files: [("repodata/repomd.xml", [("hex", text)].into())].into(),
            kickstart: hash,
        };
        archive.step("installer", &params, [], disc, None);
        disc
    });
    let [one, two] = hashes.map(|hash| hash.to_string());
    let diff = between(&archive, a, b);
    let expected = serde_json::json!([
        {"name": "files.repodata/repomd.xml.hex", "from": one, "to": two},
        {"name": "kickstart", "from": one, "to": two},
    ]);
    assert_eq!(serde_json::to_value(&diff.parameters).unwrap(), expected);
    let [one, two] = hashes.map(|hash| hash.0.short());
    let row = format!("  changed  kickstart                      {one} → {two}\n");
    assert!(diff.to_string().contains(&row), "{diff}");
}

#[derive(serde::Serialize)]
struct Asked {
    files: BTreeMap<&'static str, BTreeMap<&'static str, String>>,
    kickstart: BlobId,
}

#[test]
fn releases_that_differ_are_told_by_the_full_names() {
    let bench = Bench::shipped();
    bench.realize(&["cloud"]);
    bench.edit("release.toml", "version = \"1\"", "version = \"2\"");
    bench.realize(&["cloud"]);
    let pair = ["sampler-1-x86_64/cloud", "cloud"];
    let diff = bench.json(&["diff", pair[0], pair[1]]);
    let names = [&diff["from"]["name"], &diff["to"]["name"]];
    assert_eq!(
        names,
        ["sampler-1-x86_64/cloud@1", "sampler-2-x86_64/cloud@1"]
    );
    let text = bench.print(&["diff", pair[0], pair[1]]);
    let first = "sampler-1-x86_64/cloud@1 → sampler-2-x86_64/cloud@1\n";
    assert!(text.starts_with(first), "{text}");
    // A hash is of no release.
    let hash = diff["from"]["entry"].as_str().unwrap();
    let text = bench.print(&["diff", "cloud", hash]);
    assert!(text.starts_with("cloud@1 → "), "{text}");
}

#[test]
fn what_another_recipe_made_is_not_called_as_the_command_that_runs_in_it() {
    let mut archive = Archive::default();
    let own = archive.files("root", &[("bin/sh", "sh")]);
    let tools = archive.files("command", &[("bin/sh", "tools")]);
    let doc = archive.files("command", &[("doc", "doc")]);
    archive.step("root", &0, [], own, None);
    archive.step("command", &0, [role("root", own)], tools, None);
    archive.step("command", &1, [role("root", tools)], doc, None);
    let shelf = archive.shelf();
    let called = |top: EntryId, entry: EntryId| {
        let closure = Closure::of(&archive, top, None).unwrap();
        let called = Called::of(&shelf.store, &closure, Some("top".to_owned())).unwrap();
        called.name(&archive, &closure, entry).unwrap()
    };
    assert_eq!(called(tools, own).as_deref(), Some("top"));
    assert_eq!(called(doc, doc).as_deref(), Some("top"));
    assert_eq!(called(doc, tools), None);
    assert_eq!(called(doc, own), None);
}
