//! What runs again after a change, and why: over the recipes that ship, and a small source.

use std::collections::BTreeMap;

use serde_json::Value;

use super::support::bench::Bench;
use super::support::rpm::spec;
use super::support::workspace::Memory;

const ALL: [&str; 4] = ["server", "workstation", "cloud", "atomic-host"];

/// What a realize did.
struct Did {
    /// The steps that ran, each with why.
    composed: BTreeMap<String, String>,
    /// The steps that were cut off: an input was remade and came out as before.
    cut_off: Vec<String>,
    /// The talk on stderr, for people.
    entries: BTreeMap<String, String>,
}

/// Asks for the plan, then realizes; what ran is what was planned, but where an early cut-off or a new fact changed it.
fn realize(bench: &Bench, names: &[&str]) -> Did {
    let document = bench.json(&[&["realize", "--explain"], names].concat());
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let steps = || document["explained"].as_array().unwrap().iter();
    let of = |status: &'static str| steps().filter(move |step| step["status"] == status);
    let artifacts = document["artifacts"].as_array().unwrap().iter();
    let did = Did {
        composed: of("composed")
            .map(|step| (text(&step["step"]), text(&step["why"])))
            .collect(),
        cut_off: of("cut off").map(|step| text(&step["step"])).collect(),
        entries: artifacts
            .map(|artifact| (text(&artifact["name"]), text(&artifact["entry"])))
            .collect(),
    };
    assert_eq!(document["steps"]["composed"], did.composed.len());
    assert_eq!(document["steps"]["cut_off"], did.cut_off.len());
    did
}

/// The steps of a plan that are to do, each with why.
fn plan(bench: &Bench, names: &[&str]) -> BTreeMap<String, String> {
    let document = bench.json(&[&["plan"], names].concat());
    let steps = document["steps"].as_array().unwrap().iter();
    steps
        .filter(|step| step["status"] == "to do")
        .map(|step| {
            let text = |field: &str| step[field].as_str().unwrap();
            let name = format!("{} {}", text("kind"), text("subject"));
            (name, text("why").to_owned())
        })
        .collect()
}

fn nothing_runs(bench: &Bench, names: &[&str]) -> BTreeMap<String, String> {
    assert_eq!(plan(bench, names), BTreeMap::new());
    let did = realize(bench, names);
    assert_eq!((did.composed, did.cut_off), (BTreeMap::new(), Vec::new()));
    did.entries
}

fn steps(did: &Did) -> Vec<&str> {
    did.composed.keys().map(String::as_str).collect()
}

#[test]
fn what_changes_no_bytes_runs_nothing() {
    let bench = Bench::shipped();
    let first = realize(&bench, &ALL);
    let why: Vec<&str> = first.composed.values().map(String::as_str).collect();
    assert!(why.iter().all(|why| *why == "never made before"), "{why:?}");
    assert_eq!(first.composed.len(), 42);
    assert_eq!(nothing_runs(&bench, &ALL), first.entries);
    let said = bench.run(&[&["realize"], &ALL[..]].concat()).works();
    assert!(said.err.starts_with("nothing to do, "), "{}", said.err);
    assert_eq!(said.err.lines().count(), 1, "{}", said.err);

    // A comment, the layout, the order of a list that has none.
    bench.edit(
        "editions/server.toml",
        "# An edition is a choice",
        "# Another comment",
    );
    bench.edit(
        "packages/sampler-shell.toml",
        "# Scriptlets need",
        "\n\n# Scripts need",
    );
    bench.edit(
        "modules/gnome.toml",
        "[\"sampler-desktop\", \"sampler-wallpapers\"]",
        "['sampler-wallpapers',\n 'sampler-desktop']",
    );
    bench.edit(
        "packages/sampler-httpd.toml",
        "[\"service-manager\", \"/bin/sh\"]",
        "[\"/bin/sh\", \"service-manager\"]",
    );
    bench.edit(
        "editions/cloud.toml",
        "[\"base-runtime\", \"container-runtime\", \"web-server\"]",
        "[\"web-server\", \"base-runtime\", \"container-runtime\"]",
    );
    bench.edit(
        "editions/atomic-host.toml",
        "[\"base-runtime\", \"container-runtime\"]",
        "[\"container-runtime\", \"base-runtime\"]",
    );
    // What an edition or a tree is called is not in its bytes, nor how long it is cared for.
    bench.edit(
        "editions/server.toml",
        "For machines that serve",
        "For servers",
    );
    bench.edit(
        "editions/cloud.toml",
        "kind = \"repository\"",
        "kind = \"repository\"\nlifecycle = { eol = 2030-01-01 }",
    );
    bench.edit(
        "editions/atomic-host.toml",
        "A small host for containers",
        "Hosts containers",
    );
    assert_eq!(nothing_runs(&bench, &ALL), first.entries);
    // Nor is where the recipes lie.
    std::fs::rename(bench.recipes(), bench.path().join("moved")).unwrap();
    bench
        .run(&["realize", "server", "--recipes", "moved"])
        .works();
    let said = bench
        .run(&["realize", "server", "--recipes", "moved"])
        .works();
    assert!(said.err.starts_with("nothing to do"), "{}", said.err);
    assert_eq!(bench.print(&["generations", "server"]).lines().count(), 1);
}

#[test]
fn what_the_collector_took_is_not_missed() {
    let bench = Bench::shipped();
    let first = realize(&bench, &ALL);
    bench.print(&["gc"]);
    assert_eq!(nothing_runs(&bench, &ALL), first.entries);
}

#[test]
fn a_summary_of_a_module_remakes_its_metadata_and_the_editions_with_it() {
    let bench = Bench::shipped();
    let first = realize(&bench, &ALL);
    bench.edit(
        "modules/container-runtime.toml",
        "Runs containers",
        "Runs containers well",
    );
    let planned = plan(&bench, &ALL);
    let why = &planned["module container-runtime"];
    assert!(
        why.starts_with("the recipe changed: module.summary"),
        "{why}"
    );
    assert_eq!(
        planned["repository server"],
        "after module container-runtime"
    );
    let did = realize(&bench, &ALL);
    assert_eq!(
        steps(&did),
        [
            "module container-runtime",
            "repository cloud",
            "repository server",
            "repository workstation"
        ]
    );
    assert_eq!(did.composed["module container-runtime"], *why);
    assert_eq!(
        did.composed["repository cloud"],
        "new content of module/container-runtime"
    );
    assert_eq!(
        did.composed["repository workstation"],
        "new content of addon/container-runtime"
    );
    assert_eq!(did.entries["atomic-host"], first.entries["atomic-host"]);
    assert_ne!(did.entries["server"], first.entries["server"]);
    assert_eq!(
        bench.print(&["generations", "atomic-host"]).lines().count(),
        1
    );
    assert_eq!(bench.print(&["generations", "server"]).lines().count(), 2);
    // Back again: all of it is known.
    bench.edit(
        "modules/container-runtime.toml",
        "Runs containers well",
        "Runs containers",
    );
    assert_eq!(nothing_runs(&bench, &ALL), first.entries);
}

#[test]
fn one_changed_package_runs_what_stands_on_it_and_nothing_else() {
    let bench = Bench::shipped();
    let first = realize(&bench, &ALL);
    // Of an add-on: the edition beside it holds it, the tree does not.
    bench.edit(
        "packages/sampler-httpd.toml",
        "listen 80\\n",
        "listen 8080\\n",
    );
    let package = "package sampler-httpd-2.4-1.x86_64";
    let planned = plan(&bench, &ALL);
    assert!(
        planned[package].starts_with("the recipe changed: files"),
        "{planned:?}"
    );
    let did = realize(&bench, &ALL);
    assert_eq!(
        steps(&did),
        [
            "import sampler-httpd-2.4-1.x86_64",
            "module web-server",
            package,
            "repository cloud",
            "repository server",
        ]
    );
    assert!(did.composed[package].starts_with("the recipe changed: files"));
    assert_eq!(
        did.composed["module web-server"],
        "new content of sampler-httpd-2.4-1.x86_64"
    );
    assert_eq!(
        did.composed["repository server"],
        "new content of sampler-httpd-2.4-1.x86_64, addon/web-server"
    );
    assert_eq!(did.entries["atomic-host"], first.entries["atomic-host"]);
    assert_eq!(did.entries["workstation"], first.entries["workstation"]);

    // Of the tree: a new version, so the old package went and the new one came.
    bench.edit(
        "packages/sampler-probe.toml",
        "release = \"2\"",
        "release = \"3\"",
    );
    let did = realize(&bench, &["atomic-host", "workstation"]);
    assert_eq!(
        steps(&did),
        [
            "import sampler-probe-0.4-3.x86_64",
            "module base-runtime",
            "ostree atomic-host",
            "package sampler-probe-0.4-3.x86_64",
            "repository workstation",
            "root atomic-host",
            "unpack sampler-probe-0.4-3.x86_64",
        ]
    );
    assert_eq!(
        did.composed["root atomic-host"],
        "sampler-probe 0.4-2 → 0.4-3"
    );
    assert_eq!(did.composed["ostree atomic-host"], "new content of root");
}

#[test]
fn a_new_ref_reinstalls_nothing() {
    let bench = Bench::shipped();
    realize(&bench, &["atomic-host"]);
    bench.edit(
        "editions/atomic-host.toml",
        "{arch}/atomic-host",
        "{arch}/host",
    );
    let did = realize(&bench, &["atomic-host"]);
    assert_eq!(steps(&did), ["ostree atomic-host"]);
    assert!(
        did.composed["ostree atomic-host"].starts_with("the recipe changed: "),
        "{:?}",
        did.composed
    );
    assert!(
        did.composed["ostree atomic-host"].contains("ref"),
        "{:?}",
        did.composed
    );
}

/// The same package with another entry in its signature header, where a signature would be.
fn signed_anew(package: &[u8]) -> Vec<u8> {
    const LEAD: usize = 96;
    const INTRO: usize = 16;
    const ENTRY: usize = 16;
    let number = |at: usize| u32::from_be_bytes(package[at..at + 4].try_into().unwrap()) as usize;
    let (entries, length) = (number(LEAD + 8), number(LEAD + 12));
    let data = LEAD + INTRO + entries * ENTRY;
    let signature = b"signature";
    let mut out = package[..LEAD + 8].to_vec();
    out.extend_from_slice(&(entries as u32 + 1).to_be_bytes());
    out.extend_from_slice(&((length + signature.len()) as u32).to_be_bytes());
    out.extend_from_slice(&package[LEAD + INTRO..data]);
    // Space that signing reserves (tag 1008), as bytes (type 7).
    for value in [1008, 7, length as u32, signature.len() as u32] {
        out.extend_from_slice(&value.to_be_bytes());
    }
    out.extend_from_slice(&package[data..data + length]);
    out.extend_from_slice(signature);
    out.resize(out.len().next_multiple_of(8), 0);
    out.extend_from_slice(&package[(data + length).next_multiple_of(8)..]);
    out
}

#[test]
fn a_package_signed_anew_changes_editions_and_cuts_off_the_tree() {
    let module = "kind = \"module\"\nstream = \"1\"\nversion = 1\nsource = \"os\"\npackages = [\"setup\", \"tool\"]\n";
    let bench = Bench::of(&[
        ("os.toml", "kind = \"source\"\npath = \"../rpms\"\n"),
        ("base.toml", module),
        (
            "edition.toml",
            "kind = \"repository\"\nmodules = [\"base\"]\n",
        ),
        (
            "host.toml",
            "kind = \"ostree\"\nfrom = [\"base\"]\ninstall = [\"tool\"]\nref = \"host\"\n",
        ),
    ]);
    let setup = spec("setup-1-1.noarch").file("/usr/lib/setup", b"setup\n");
    let tool = spec("tool-1-1.noarch")
        .file("/usr/bin/tool", b"tool\n")
        .requires("setup");
    let tool = tool.bytes(&Memory::default());
    bench.write("rpms/setup.rpm", setup.bytes(&Memory::default()));
    bench.write("rpms/tool.rpm", &tool);
    let names = ["edition", "host"];
    let first = realize(&bench, &names);

    bench.write("rpms/tool.rpm", signed_anew(&tool));
    let checked = std::process::Command::new("rpm")
        .args(["-K", "--nosignature"])
        .arg(bench.path().join("rpms/tool.rpm"))
        .output()
        .unwrap();
    assert!(checked.status.success(), "{checked:?}");
    assert_eq!(
        plan(&bench, &names),
        BTreeMap::from([
            (
                "module base".to_owned(),
                "new content of tool-1-1.noarch".to_owned()
            ),
            (
                "repository edition".to_owned(),
                "after module base".to_owned()
            ),
        ])
    );
    let said = bench.run(&["realize", "host", "--explain"]).works();
    for line in [
        "unpack tool-1-1.noarch: cut off, its inputs came out as before",
        "cut off   unpack     tool-1-1.noarch: an input was remade and came out as before",
        "reused    ostree     host: nothing that it is made from changed",
        "composed  import     tool-1-1.noarch: not seen before",
        "1 step composed, 4 reused, 1 cut off in ",
    ] {
        assert!(said.err.contains(line), "no {line:?} in\n{}", said.err);
    }
    let did = realize(&bench, &names);
    assert_eq!(steps(&did), ["module base", "repository edition"]);
    assert_eq!(did.cut_off, [] as [&str; 0], "it is news only once");
    assert_eq!(did.entries["host"], first.entries["host"]);
    assert_ne!(did.entries["edition"], first.entries["edition"]);
    let diff = bench.print(&["diff", "edition@1", "edition@2"]);
    assert!(diff.contains("  resigned  tool.noarch  1-1 "), "{diff}");
    assert!(diff.contains("  rebuilt  base  1:1\n"), "{diff}");
}

#[test]
fn another_wish_for_the_same_package_runs_nothing() {
    let bench = Bench::of(&[
        (
            "tool.toml",
            "kind = \"package\"\nsummary = \"A tool\"\nversion = \"1\"\nrelease = \"1\"\nlicense = \"MIT\"\n\
             [[files]]\npath = \"/usr/bin/tool\"\ncontent = \"tool\\n\"\n",
        ),
        (
            "base.toml",
            "kind = \"module\"\nstream = \"1\"\nversion = 1\nfrom = [\"tool\"]\n",
        ),
        (
            "host.toml",
            "kind = \"ostree\"\nfrom = [\"base\"]\ninstall = [\"tool\"]\nref = \"host\"\n",
        ),
    ]);
    let first = realize(&bench, &["host"]);
    // Another wish, and the same bytes: no user and root are one.
    bench.edit(
        "tool.toml",
        "content = \"tool\\n\"\n",
        "content = \"tool\\n\"\nuser = \"root\"\n",
    );
    assert_eq!(nothing_runs(&bench, &["host"]), first.entries);
}

#[test]
fn with_keep_going_what_can_not_be_planned_leaves_the_others_standing() {
    let bench = Bench::shipped();
    let needy = "kind = \"package\"\nversion = \"1\"\nrelease = \"1\"\narch = \"noarch\"\nlicense = \"MIT\"\n\
                 summary = \"Needs what nobody has\"\nrequires = [\"nothing-like-it\"]\n";
    bench.write("recipes/needy.toml", needy);
    let module = "kind = \"module\"\nstream = \"1\"\nversion = 1\nfrom = [\"needy\"]\n";
    bench.write("recipes/needs.toml", module);
    let host = "kind = \"ostree\"\nfrom = [\"needs\"]\ninstall = [\"needy\"]\nref = \"a/b\"\n";
    bench.write("recipes/broken-host.toml", host);
    let names = ["realize", "broken-host", "server", "atomic-host"];
    bench.run(&names).fails(2, &["nothing-like-it"]);
    let said = bench.run(&[&names[..], &["--keep-going", "--json"]].concat());
    assert_eq!(said.code, 1, "{}", said.err);
    let document = said.document("realize");
    let artifacts = document["artifacts"].as_array().unwrap().iter();
    let told: Vec<_> = artifacts
        .map(|artifact| {
            (
                artifact["name"].as_str().unwrap(),
                artifact["status"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            ("broken-host", "failed"),
            ("server", "composed"),
            ("atomic-host", "composed")
        ]
    );
    assert_eq!(document["failures"][0]["step"], "ostree broken-host");
    assert_eq!(document["failures"].as_array().unwrap().len(), 1);
}

#[test]
fn an_rpm_that_was_added_is_not_read_again_where_it_lies() {
    let bench = Bench::of(&[
        ("os.toml", "kind = \"source\"\npath = \"../rpms\"\n"),
        (
            "tools.toml",
            "kind = \"module\"\nstream = \"1\"\nversion = 1\nsource = \"os\"\npackages = [\"tool\"]\n",
        ),
    ]);
    let tool = spec("tool-1-1.noarch").bytes(&Memory::default());
    bench.write("rpms/tool.rpm", &tool);
    let store = store::store::Store::create(&bench.store()).unwrap();
    // Some time later: a file that just changed might change again unnoticed.
    let later = std::fs::metadata(bench.path().join("rpms/tool.rpm")).unwrap();
    let later = std::os::unix::fs::MetadataExt::ctime(&later) + 60;
    store::realize::add(&store, &bench.path().join("rpms/tool.rpm"), later).unwrap();
    drop(store);
    let said = bench.run(&["realize", "tools"]).works();
    assert!(!said.err.contains("reading"), "{}", said.err);
    bench.write("rpms/other.rpm", &tool);
    let said = bench.run(&["realize", "tools"]).works();
    assert!(
        said.err.contains("reading 1 package of source os"),
        "{}",
        said.err
    );
}

#[test]
fn a_plan_counts_what_was_collected_among_what_is_to_be_done() {
    let bench = Bench::shipped();
    bench.realize(&["web-server-image"]);
    let steps = |status: &str| {
        let plan = bench.json(&["plan", "web-server-image"]);
        let steps = plan["steps"].as_array().unwrap().clone();
        steps.iter().filter(|step| step["status"] == status).count()
    };
    assert_eq!(steps("to do"), 0);
    let recipe = "packages/sampler-httpd.toml";
    bench.edit(recipe, "version = \"2.4\"", "version = \"2.5\"");
    bench.realize(&["web-server-image"]);
    bench.print(&["gc", "--keep-last", "1"]);
    bench.edit(recipe, "version = \"2.5\"", "version = \"2.4\"");
    let (to_do, held) = (steps("to do"), steps("held"));
    let text = bench.print(&["plan", "web-server-image"]);
    assert!(
        text.contains("image      web-server-image: made before, but its bytes are not here\n")
    );
    assert!(
        text.contains(&format!("{to_do} steps to do, {held} held")),
        "{text}"
    );
    let done = bench.json(&["realize", "web-server-image"]);
    assert_eq!(done["steps"]["composed"], to_do);
}

#[test]
fn what_was_made_as_a_part_of_something_else_is_told_to_have_changed() {
    let bench = Bench::shipped();
    let all = "kind = \"compose\"\n[variants]\nHost = [\"atomic-disk\"]\nContainer = [\"web-server-image\"]\n";
    bench.write("recipes/all.toml", all);
    realize(&bench, &["all"]);
    let recipe = "packages/sampler-shell.toml";
    bench.edit(recipe, "version = \"1.0\"", "version = \"1.1\"");
    let did = realize(&bench, &["all"]);
    for step in [
        "package sampler-shell-1.1-1.noarch",
        "root atomic-host",
        "ostree atomic-host",
        "disk atomic-disk",
        "root container-base",
        "image container-base",
        "root web-server-image",
        "image web-server-image",
        "compose all",
    ] {
        let why = did.composed.get(step);
        assert!(
            why.is_some_and(|why| why != "never made before"),
            "{step}: {:?}",
            did.composed
        );
    }
    let upgraded = "sampler-shell 1.0-1 → 1.1-1";
    assert_eq!(did.composed["root atomic-host"], upgraded);
    // The tree by itself, and the base.
    bench.edit(recipe, "version = \"1.1\"", "version = \"1.2\"");
    let did = realize(&bench, &["atomic-host", "container-base"]);
    for root in ["root atomic-host", "root container-base"] {
        assert_eq!(did.composed[root], "sampler-shell 1.1-1 → 1.2-1");
    }
}

#[test]
fn another_artifact_that_came_out_the_same_gives_no_reason() {
    let bench = Bench::shipped();
    let same = "kind = \"image\"\nbase = \"container-base\"\nfrom = [\"web-server\"]\ninstall = [\"sampler-shell\"]\n";
    bench.write("recipes/same.toml", same);
    bench.realize(&["web-server-image"]);
    bench.realize(&["same"]);
    bench.edit(
        "modules/base-runtime.toml",
        "default = [\"sampler-filesystem\", \"sampler-release\", \"sampler-shell\"]",
        "default = [\"sampler-filesystem\", \"sampler-release\"]",
    );
    let plan = plan(&bench, &["web-server-image"]);
    assert_eq!(
        plan["root container-base"],
        "removed sampler-shell-1.0-1.noarch"
    );
}
