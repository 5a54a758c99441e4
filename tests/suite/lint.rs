//! `store lint`: each finding provoked by recipes that are wrong in one way.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use serde_json::Value;

use crate::support::bench::Bench;
use crate::support::rpm::{Draft, spec};
use crate::support::workspace::Memory;

const DISK: (&str, &str) = ("disk.toml", "kind = \"source\"\npath = \"../rpms\"\n");

fn package(requires: &str) -> String {
    format!(
        "kind = \"package\"\nsummary = \"One\"\nversion = \"1\"\nrelease = \"1\"\nlicense = \"MIT\"\n{requires}\n"
    )
}

fn module(rest: &str) -> String {
    format!("kind = \"module\"\nversion = 1\n{rest}\n")
}

fn edition(modules: &str) -> String {
    format!("kind = \"repository\"\nmodules = [{modules}]\n")
}

/// Puts packages where the source `disk` looks.
fn put(bench: &Bench, drafts: &[Draft]) {
    let memory = Memory::default();
    for (number, draft) in drafts.iter().enumerate() {
        let file = format!("rpms/{number}-{}", draft.spec.nevra.file_name());
        bench.write(&file, draft.bytes(&memory));
    }
}

/// The findings of a run, after checking its exit code against them.
fn findings(bench: &Bench, arguments: &[&str]) -> Vec<Value> {
    let said = bench.run(&[&["lint", "--json"], arguments].concat());
    let document = said.document("lint");
    let findings = document["findings"].as_array().unwrap().clone();
    let of = |severity: &str| {
        findings
            .iter()
            .filter(|f| f["severity"] == severity)
            .count()
    };
    for (severity, key) in [
        ("error", "errors"),
        ("warning", "warnings"),
        ("note", "notes"),
    ] {
        assert_eq!(document[key], of(severity), "{document}");
    }
    assert_eq!(said.code, i32::from(of("error") > 0), "{document}");
    findings
}

/// The one finding that all recipes together give.
fn only(bench: &Bench) -> Value {
    let mut findings = findings(bench, &[]);
    assert_eq!(findings.len(), 1, "{findings:#?}");
    findings.remove(0)
}

#[track_caller]
fn says(finding: &Value, severity: &str, code: &str, recipe: &str, parts: &[&str]) {
    assert_eq!(
        (&finding["severity"], &finding["code"], &finding["recipe"]),
        (&severity.into(), &code.into(), &recipe.into()),
        "{finding:#}"
    );
    let text = format!(
        "{} {} {}",
        finding["place"], finding["message"], finding["hint"]
    );
    for part in parts {
        assert!(text.contains(part), "no {part:?} in {text}");
    }
}

#[test]
fn the_recipes_that_ship_have_a_clean_bill_before_and_after_they_are_made() {
    let bench = Bench::shipped();
    let said = bench.print(&["lint", "--strict"]);
    assert_eq!(
        said,
        "0 errors, 0 warnings, 0 notes; 15 packages in modules looked at\n"
    );
    assert!(!bench.store().exists(), "nothing is kept");
    bench.realize(&["server", "workstation", "cloud"]);
    assert_eq!(bench.print(&["lint", "--strict"]), said);
    assert_eq!(bench.print(&["lint", "server", "atomic-host"]), said);
    bench.run(&["lint", "sever"]).fails(3, &["sever"]);
}

#[test]
fn a_requirement_that_leaves_the_manifests_is_told_with_the_module_that_has_it() {
    let bench = Bench::of(&[
        (
            "app.toml",
            &package("requires = [\n  \"lib >= 1\",\n  \"nothing\",\n  \"lib > 5\",\n]"),
        ),
        ("lib.toml", &package("")),
        ("apps.toml", &module("stream = \"1\"\nfrom = [\"app\"]")),
        ("libs.toml", &module("stream = \"1\"\nfrom = [\"lib\"]")),
        ("small.toml", &edition("\"apps\"")),
        ("large.toml", &edition("\"apps\", \"libs\"")),
    ]);
    let found = findings(&bench, &["small"]);
    assert_eq!(found.len(), 3, "{found:#?}");
    let code = "unmet-dependency";
    let has = [
        "recipes/app.toml:7:3",
        "app-1-1.noarch requires `lib >= 1`",
        "it is in libs",
    ];
    let of = |findings: &[Value], requirement: &str| {
        let mut findings = findings.iter();
        findings
            .find(|f| f["requirement"] == requirement)
            .unwrap()
            .clone()
    };
    says(&of(&found, "lib >= 1"), "error", code, "small", &has);
    let has = [
        "no package of small",
        "no module and no source of the recipes",
    ];
    says(&of(&found, "nothing"), "error", code, "small", &has);
    let found = findings(&bench, &["large"]);
    assert_eq!(found.len(), 2, "{found:#?}");
    let has = ["there is only lib-1-1.noarch"];
    says(&of(&found, "lib > 5"), "error", code, "large", &has);
    let text = bench.run(&["lint", "small"]);
    assert_eq!(text.code, 1);
    for part in [
        "repository small\n",
        "error [unmet-dependency]: app-1",
        "hint: it is in libs",
        "3 errors",
    ] {
        assert!(text.out.contains(part), "no {part:?} in {}", text.out);
    }
}

#[test]
fn what_a_manifest_leaves_out_of_its_source_is_found_there() {
    let list = "stream = \"1\"\nsource = \"disk\"\npackages = [\"app\"]";
    let bench = Bench::of(&[
        DISK,
        ("apps.toml", &module(list)),
        ("all.toml", &edition("\"apps\"")),
    ]);
    put(
        &bench,
        &[
            spec("app-1-1.noarch").requires("/usr/share/words"),
            spec("words-1-1.noarch").file("/usr/share/words", b"a"),
        ],
    );
    let has = ["recipes/apps.toml:5:13", "words-1-1.noarch of disk has it"];
    says(&only(&bench), "error", "unmet-dependency", "all", &has);
    assert!(!bench.store().exists(), "nothing is kept");
}

#[test]
fn an_addon_leans_on_its_edition_and_on_what_it_requires_and_the_edition_on_itself() {
    let recipes = |base: &str, requires: &str| {
        Bench::of(&[
            ("a.toml", &package(base)),
            ("b.toml", &package("requires = [\"a\"]")),
            ("c.toml", &package("requires = [\"a\", \"b\"]")),
            ("base.toml", &module("stream = \"1\"\nfrom = [\"a\"]")),
            ("one.toml", &module("stream = \"1\"\nfrom = [\"b\"]")),
            (
                "two.toml",
                &module(&format!("stream = \"1\"\nfrom = [\"c\"]\n{requires}")),
            ),
            (
                "all.toml",
                &format!("{}addons = [\"one\", \"two\"]\n", edition("\"base\"")),
            ),
        ])
    };
    assert_eq!(
        findings(&recipes("", "[requires]\none = \"1\""), &[]),
        [] as [Value; 0]
    );
    let has = [
        "c-1-1.noarch requires `b`",
        "all with its add-on two",
        "it is in one",
    ];
    says(
        &only(&recipes("", "")),
        "error",
        "unmet-dependency",
        "all",
        &has,
    );
    let bench = recipes("requires = [\"b\"]", "[requires]\none = \"1\"");
    says(
        &only(&bench),
        "error",
        "unmet-dependency",
        "all",
        &["a-1-1.noarch requires `b`"],
    );
}

#[test]
fn a_modular_package_outside_its_module_is_an_orphan() {
    let web = "stream = \"2\"\nsource = \"disk\"\npackages = [\"server\", \"tool\"]";
    let bench = Bench::of(&[
        DISK,
        ("web.toml", &module(web)),
        ("all.toml", &edition("\"web\"")),
    ]);
    put(
        &bench,
        &[
            spec("server-1-1.noarch").module("web:1:5:00000000"),
            spec("tool-1-1.noarch").module("shell:3:5:00000000"),
        ],
    );
    let found = findings(&bench, &[]);
    assert_eq!(found.len(), 2, "{found:#?}");
    let has = [
        "tool-1-1.noarch",
        "of module shell:3",
        "all lacks that one",
        "make a module shell:3",
    ];
    says(&found[0], "error", "orphaned-modular-package", "web", &has);
    let has = [
        "recipes/web.toml:5:13",
        "server-1-1.noarch",
        "of module web:1",
    ];
    says(&found[1], "error", "other-stream", "web", &has);
    bench
        .run(&["realize", "all"])
        .fails(2, &["which says that it is of module"]);
    let own = "module = \"web\"\nstream = \"1\"\nsource = \"disk\"\npackages = [\"server\"]";
    bench.write("recipes/web1.toml", module(own));
    let found = findings(&bench, &["web"]);
    says(
        &found[1],
        "error",
        "other-stream",
        "web",
        &["list the package in web1 instead"],
    );
}

#[test]
fn streams_must_get_along() {
    let imported = "document: modulemd\nversion: 2\ndata:\n  name: app\n  stream: \"1\"\n  version: 1\n  \
        summary: An app\n  description: An app\n  license: {module: [MIT]}\n  dependencies:\n  - requires: {lib: [\"2\"]}\n  \
        profiles: {default: {rpms: [a, ghost]}}\n  api: {rpms: [a]}\n";
    let bench = Bench::of(&[
        ("a.toml", &package("")),
        ("b.toml", &package("")),
        ("c.toml", &package("")),
        (
            "app.toml",
            "kind = \"module\"\nfrom = [\"a\"]\npackages = [\"a\"]\nmodulemd = \"app.yaml\"\n",
        ),
        (
            "lib1.toml",
            &module("module = \"lib\"\nstream = \"1\"\nfrom = [\"b\"]"),
        ),
        (
            "lib2.toml",
            &module("module = \"lib\"\nstream = \"2\"\nfrom = [\"c\"]"),
        ),
        ("old.toml", &edition("\"app\", \"lib1\"")),
        (
            "both.toml",
            &format!("{}addons = [\"lib2\"]\n", edition("\"lib1\"")),
        ),
    ]);
    bench.write("recipes/app.yaml", imported);
    let found = findings(&bench, &[]);
    assert_eq!(found.len(), 3, "{found:#?}");
    let has = ["recipes/app.toml:3:12", "profile default", "ghost"];
    says(
        &found[0],
        "warning",
        "profile-outside-manifest",
        "app",
        &has,
    );
    let has = [
        "recipes/both.toml:3:11",
        "lib1 and lib2 are two streams of module lib",
    ];
    says(&found[1], "warning", "two-streams", "both", &has);
    let has = [
        "recipes/old.toml:2:12",
        "module app:1 requires lib:2",
        "add lib2",
    ];
    says(&found[2], "error", "requirement-left-out", "old", &has);
    bench.write(
        "recipes/both.toml",
        format!("{}addons = [\"lib1\", \"lib2\"]\n", edition("\"app\"")),
    );
    let found = findings(&bench, &["both"]);
    let errors: Vec<&Value> = found
        .iter()
        .filter(|f| f["code"] == "two-streams")
        .collect();
    says(
        errors[0],
        "error",
        "two-streams",
        "both",
        &["only one of them"],
    );
}

#[test]
fn one_name_for_two_packages_and_two_versions_of_one_are_told() {
    let list = |rest: &str| module(&format!("stream = \"1\"\n{rest}"));
    let from_disk = |item: &str| list(&format!("source = \"disk\"\npackages = [\"{item}\"]"));
    let bench = Bench::of(&[
        DISK,
        ("x.toml", &package("")),
        ("y.toml", &package("name = \"tool\"")),
        ("made.toml", &list("from = [\"x\", \"y\"]")),
        ("drawn.toml", &from_disk("x")),
        ("newer.toml", &from_disk("tool")),
        ("all.toml", &edition("\"made\", \"drawn\", \"newer\"")),
    ]);
    put(&bench, &[spec("x-1-1.noarch"), spec("tool-2-1.noarch")]);
    for _ in ["stated", "made"] {
        let found = findings(&bench, &[]);
        assert_eq!(found.len(), 2, "{found:#?}");
        let has = ["two packages x-1-1.noarch", "in drawn, made"];
        says(&found[0], "error", "duplicate-nevra", "all", &has);
        let has = ["tool.noarch is there in 2-1, and in 1-1 too"];
        says(&found[1], "note", "several-versions", "all", &has);
        bench.realize(&["made"]);
    }
}

#[test]
fn the_epoch_of_the_release_is_the_day_on_which_life_is_judged() {
    let life = |eol: &str| format!("\n[lifecycle]\neol = {eol}");
    let with = |rest: &str, eol: &str| module(&format!("stream = \"1\"\n{rest}{}", life(eol)));
    let source = |eol: &str| format!("{}{}\n", DISK.1, life(eol));
    let judged = |eol: &str| {
        let bench = Bench::of(&[
            ("a.toml", &package("")),
            ("part.toml", &with("from = [\"a\"]", eol)),
            ("all.toml", &edition("\"part\"")),
        ]);
        let found = findings(&bench, &[]);
        (
            found
                .first()
                .map(|f| f["code"].as_str().unwrap().to_owned()),
            bench,
        )
    };
    let (code, bench) = judged("2026-10-31");
    assert_eq!(code.as_deref(), Some("end-of-life"));
    says(
        &only(&bench),
        "error",
        "end-of-life",
        "part",
        &["recipes/part.toml:6:7", "2026-10-31"],
    );
    let (code, bench) = judged("2026-11-01");
    assert_eq!(code.as_deref(), Some("end-of-life-soon"));
    assert_eq!(bench.run(&["lint"]).code, 0);
    assert_eq!(bench.run(&["lint", "--strict"]).code, 1);
    assert_eq!(judged("2027-01-30").0.as_deref(), Some("end-of-life-soon"));
    assert_eq!(judged("2027-01-31").0, None);

    let draw = "source = \"disk\"\npackages = [\"x\"]";
    let bench = Bench::of(&[
        ("disk.toml", &source("2028-01-01")),
        ("a.toml", &package("")),
        ("base.toml", &with("from = [\"a\"]", "2027-06-01")),
        (
            "part.toml",
            &with(&format!("{draw}\n[requires]\nbase = \"1\""), "2030-01-01"),
        ),
        ("all.toml", &edition("\"base\", \"part\"")),
    ]);
    put(&bench, &[spec("x-1-1.noarch")]);
    let found = findings(&bench, &[]);
    assert_eq!(found.len(), 2, "{found:#?}");
    says(
        &found[0],
        "warning",
        "outlives",
        "part",
        &["until 2030-01-01", "module base", "2027-06-01"],
    );
    says(
        &found[1],
        "warning",
        "outlives",
        "part",
        &["source disk", "2028-01-01"],
    );
}

#[test]
fn what_nothing_uses_is_told_where_every_recipe_is_in_question() {
    let bench = Bench::of(&[
        DISK,
        ("a.toml", &package("")),
        ("b.toml", &package("")),
        ("part.toml", &module("stream = \"1\"\nfrom = [\"a\"]")),
        ("rest.toml", &module("stream = \"1\"\nfrom = [\"a\"]")),
        ("all.toml", &edition("\"part\"")),
    ]);
    fs::create_dir(bench.path().join("rpms")).unwrap();
    let found = findings(&bench, &[]);
    let named: Vec<(&str, &str)> = found
        .iter()
        .map(|f| (f["code"].as_str().unwrap(), f["recipe"].as_str().unwrap()))
        .collect();
    assert_eq!(
        named,
        [("unused", "b"), ("unused", "disk"), ("unused", "rest")]
    );
    assert_eq!(findings(&bench, &["all"]), [] as [Value; 0]);
}

#[test]
fn what_a_compose_or_a_command_is_made_of_is_used() {
    let command = "kind = \"command\"\nfrom = [\"part\"]\ninstall = [\"a\"]\nrun = \"true\"\n";
    let bench = Bench::of(&[
        ("a.toml", &package("")),
        ("b.toml", &package("")),
        ("part.toml", &module("stream = \"1\"\nfrom = [\"a\"]")),
        ("rest.toml", &module("stream = \"1\"\nfrom = [\"b\"]")),
        ("out.toml", &format!("{command}inputs = [\"rest\"]\n")),
        (
            "composes/release.toml",
            "kind = \"compose\"\n[variants]\nEverything = [\"out\"]\n",
        ),
    ]);
    assert_eq!(findings(&bench, &[]), [] as [Value; 0]);
    // What a command installs is held against its modules, as that of a tree.
    bench.edit("a.toml", "license", "requires = [\"nowhere\"]\nlicense");
    let found = findings(&bench, &["out"]);
    assert!(!found.is_empty(), "{found:#?}");
}

#[test]
fn a_name_that_the_source_does_not_offer_hides_no_other_finding() {
    let list = "stream = \"1\"\nsource = \"disk\"\npackages = [\"shell\", \"shall\"]";
    let bench = Bench::of(&[
        DISK,
        ("part.toml", &module(list)),
        ("all.toml", &edition("\"part\"")),
    ]);
    put(&bench, &[spec("shell-1-1.noarch").requires("nothing")]);
    let found = findings(&bench, &[]);
    assert_eq!(found.len(), 2, "{found:#?}");
    says(
        &found[0],
        "error",
        "unmet-dependency",
        "all",
        &["shell-1-1.noarch requires `nothing`"],
    );
    let has = ["recipes/part.toml:5:22", "lists shall", "near to it: shell"];
    says(&found[1], "error", "not-offered", "part", &has);
}

#[test]
fn a_tree_or_an_installer_that_can_not_be_installed_is_told() {
    let tree = |install: &str| {
        format!("kind = \"ostree\"\nfrom = [\"part\"]\ninstall = [{install}]\nref = \"a/b\"\n")
    };
    let bench = Bench::of(&[
        ("a.toml", &package("requires = [\"nothing\"]")),
        ("b.toml", &package("")),
        ("c.toml", &package("conflicts = [\"b\"]")),
        (
            "part.toml",
            &module("stream = \"1\"\nfrom = [\"a\", \"b\", \"c\"]"),
        ),
        ("broken.toml", &tree("\"b\", \"a\"")),
        ("clash.toml", &tree("\"b\", \"c\"")),
        ("good.toml", &tree("\"b\"")),
        (
            "medium.toml",
            "kind = \"installer\"\nfrom = [\"part\"]\nruntime = [\"a\"]\npayload = \"good\"\n",
        ),
    ]);
    let found = findings(&bench, &[]);
    assert_eq!(found.len(), 3, "{found:#?}");
    let has = [
        "recipes/broken.toml:3:17",
        "nothing provides `nothing`",
        "store plan broken",
    ];
    says(&found[0], "error", "unsolvable", "broken", &has);
    let has = ["c-1-1.noarch conflicts with b-1-1.noarch"];
    says(&found[1], "error", "unsolvable", "clash", &has);
    let has = [
        "recipes/medium.toml:3:12",
        "nothing provides `nothing`",
        "store plan medium",
    ];
    says(&found[2], "error", "unsolvable", "medium", &has);
}

#[test]
fn an_image_that_needs_other_packages_than_its_base_has_is_told() {
    let image = |base: &str, install: &str| {
        format!("kind = \"image\"\n{base}from = [\"part\"]\ninstall = [\"{install}\"]\n")
    };
    let second = package("requires = [\"b >= 2\"]");
    let newer = package("name = \"b\"").replace("version = \"1\"", "version = \"2\"");
    let bench = Bench::of(&[
        ("a.toml", &second),
        ("b.toml", &package("")),
        ("b-2.toml", &newer),
        ("old.toml", &module("stream = \"1\"\nfrom = [\"b\"]")),
        (
            "part.toml",
            &module("stream = \"1\"\nfrom = [\"a\", \"b-2\"]\npackages = [\"a\", \"b\"]"),
        ),
        (
            "base.toml",
            "kind = \"image\"\nfrom = [\"old\"]\ninstall = [\"b\"]\n",
        ),
        ("stuck.toml", &image("base = \"base\"\n", "a")),
        (
            "fresh.toml",
            &image("base = \"base\"\nreplace = [\"b\"]\n", "a"),
        ),
        ("alone.toml", &image("", "a")),
    ]);
    let found = findings(&bench, &[]);
    assert_eq!(found.len(), 1, "{found:#?}");
    let has = ["recipes/stuck.toml:4:12", "b >= 2", "store plan stuck"];
    says(&found[0], "error", "unsolvable", "stuck", &has);
    bench
        .run(&["realize", "stuck"])
        .fails(2, &["list b in `replace`"]);
    bench.realize(&["fresh", "alone"]);
}

#[test]
fn a_source_over_http_without_keys_is_told_and_what_is_not_locked_is_not_checked() {
    let list = "stream = \"1\"\nsource = \"far\"\npackages = [\"x\"]";
    let bench = Bench::of(&[
        (
            "far.toml",
            "kind = \"source\"\nurl = \"http://127.0.0.1:1/\"\n",
        ),
        ("part.toml", &module(list)),
        ("all.toml", &edition("\"part\"")),
    ]);
    let found = findings(&bench, &[]);
    assert_eq!(found.len(), 2, "{found:#?}");
    let has = ["recipes/far.toml:2:7", "http", "use https"];
    says(&found[0], "warning", "http-without-keys", "far", &has);
    let has = [
        "the lock has none of it",
        "not checked: what stands on part",
        "`store update far`",
    ];
    says(&found[1], "warning", "not-locked", "far", &has);
}

#[test]
fn a_repository_is_judged_by_its_metadata_once_the_store_has_it() {
    let list = "stream = \"1\"\nsource = \"far\"\npackages = [\"app\"]";
    let bench = Bench::of(&[
        ("part.toml", &module(list)),
        ("all.toml", &edition("\"part\"")),
    ]);
    put(
        &bench,
        &[
            spec("app-1-1.noarch")
                .requires("/usr/share/words")
                .requires("nothing"),
            spec("words-1-1.noarch").file("/usr/share/words", b"a"),
        ],
    );
    let mirror = bench.path().join("rpms");
    let made = Command::new("createrepo_c").arg("-q").arg(&mirror).status();
    assert!(made.unwrap().success());
    let source = format!("kind = \"source\"\nurl = \"file://{}\"\n", mirror.display());
    bench.write("recipes/far.toml", source);
    bench.print(&["update"]);
    fs::remove_dir_all(&mirror).unwrap();
    let found = findings(&bench, &[]);
    let unmet: BTreeSet<&str> = found
        .iter()
        .map(|f| f["requirement"].as_str().unwrap())
        .collect();
    assert_eq!(unmet, BTreeSet::from(["/usr/share/words", "nothing"]));
    let has = ["words-1-1.noarch of far has it"];
    says(&found[0], "error", "unmet-dependency", "all", &has);
    bench.edit("part.toml", "\"app\"", "\"app\", \"words\"");
    let found = only(&bench);
    says(
        &found,
        "error",
        "unmet-dependency",
        "all",
        &["requires `nothing`"],
    );
    // Another machine, with the lock and without the metadata.
    let elsewhere = bench.path().join("elsewhere");
    let said = bench.run(&["lint", "--json", "--store", elsewhere.to_str().unwrap()]);
    let document = said.works().document("lint");
    says(
        &document["findings"][0],
        "warning",
        "no-metadata",
        "far",
        &["`store update far`"],
    );
    assert_eq!(document["findings"].as_array().unwrap().len(), 1);
}

#[test]
fn a_source_that_is_not_there_is_a_finding_and_not_a_failure() {
    let list = "stream = \"1\"\nsource = \"disk\"\npackages = [\"x\"]";
    let bench = Bench::of(&[
        DISK,
        ("a.toml", &package("requires = [\"nothing\"]")),
        ("part.toml", &module(list)),
        ("rest.toml", &module("stream = \"1\"\nfrom = [\"a\"]")),
        ("all.toml", &edition("\"part\"")),
        ("other.toml", &edition("\"rest\"")),
    ]);
    let found = findings(&bench, &[]);
    assert_eq!(found.len(), 2, "{found:#?}");
    says(
        &found[0],
        "error",
        "unreadable-source",
        "disk",
        &["rpms", "what stands on part"],
    );
    says(
        &found[1],
        "error",
        "unmet-dependency",
        "other",
        &["a-1-1.noarch requires `nothing`"],
    );
}
