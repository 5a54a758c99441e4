//! What stays known and kept beside a generation: the modules that a tree was drawn from, and the packages of its lock.

use std::path::Path;

use store::ids::BlobId;
use store::store::Store;

use super::support::bench::Bench;
use super::support::rpm::spec;
use super::support::workspace::Memory;

const SOURCE: &str = "kind = \"source\"\npath = \"../rpms\"\n";
const TOOLS: &str =
    "kind = \"module\"\nstream = \"1\"\nversion = 1\nsource = \"os\"\npackages = [\"tool\"]\n";
const HOST: &str =
    "kind = \"ostree\"\nfrom = [\"tools\"]\ninstall = [\"tool\"]\nref = \"sampler/host\"\n";

/// A host of one tool, whose RPM lies in a directory beside the recipes.
fn site() -> Bench {
    Bench::of(&[
        ("os.toml", SOURCE),
        ("tools.toml", TOOLS),
        ("host.toml", HOST),
    ])
}

/// Puts one version of the tool into the source's directory, in place of any other; gives its file's id.
fn deliver(bench: &Bench, version: &str) -> BlobId {
    let memory = Memory::default();
    let tool = spec(&format!("tool-{version}-1.x86_64")).file("/usr/bin/tool", version.as_bytes());
    let rpm = tool.bytes(&memory);
    bench.write("rpms/tool.rpm", &rpm);
    BlobId::of(&rpm)
}

fn holds(store: &Path, file: BlobId) -> bool {
    Store::open(store)
        .unwrap()
        .blob_size(file)
        .unwrap()
        .is_some()
}

#[test]
fn trees_that_differ_name_the_modules_that_they_were_drawn_from() {
    let bench = Bench::shipped();
    bench.realize(&["atomic-host"]);
    bench.edit(
        "packages/sampler-containers.toml",
        "version = \"5.1\"",
        "version = \"5.2\"",
    );
    bench.edit("modules/container-runtime.toml", "20261030", "20261130");
    bench.realize(&["atomic-host"]);
    let modules = &bench.json(&["diff", "atomic-host@1", "atomic-host@2"])["modules"];
    let moved = serde_json::json!([{
        "name": "container-runtime", "change": "upgraded", "from": "5:20261030", "to": "5:20261130",
    }]);
    assert_eq!(*modules, moved);
    let text = bench.print(&["diff", "atomic-host@2", "atomic-host@1"]);
    assert!(text.contains("Modules: 1 downgraded"), "{text}");
}

#[test]
fn a_module_whose_package_was_rebuilt_is_rebuilt_in_the_tree_too() {
    let bench = Bench::shipped();
    bench.realize(&["atomic-host", "server"]);
    bench.edit(
        "packages/sampler-containers.toml",
        "not a container engine",
        "no container engine",
    );
    bench.realize(&["atomic-host", "server"]);
    for artifact in ["atomic-host", "server"] {
        let pair = [format!("{artifact}@1"), format!("{artifact}@2")];
        let modules = &bench.json(&["diff", &pair[0], &pair[1]])["modules"];
        assert_eq!(modules[0]["name"], "container-runtime", "{artifact}");
        assert_eq!(modules[0]["change"], "rebuilt", "{artifact}");
        assert_eq!(
            modules.as_array().unwrap().len(),
            1,
            "{artifact}: {modules}"
        );
    }
}

#[test]
fn a_module_of_which_more_is_taken_is_not_rebuilt() {
    let bench = Bench::shipped();
    bench.edit(
        "editions/atomic-host.toml",
        "\"@container-runtime/host\"]",
        "\"sampler-containers-common\"]",
    );
    bench.realize(&["atomic-host"]);
    bench.edit(
        "editions/atomic-host.toml",
        "\"sampler-containers-common\"]",
        "\"@container-runtime/host\"]",
    );
    bench.realize(&["atomic-host"]);
    for pair in [
        ["atomic-host@1", "atomic-host@2"],
        ["atomic-host@2", "atomic-host@1"],
    ] {
        let diff = bench.json(&["diff", pair[0], pair[1]]);
        assert_eq!(diff["modules"], serde_json::json!([]));
        assert_eq!(diff["packages"][0]["name"], "sampler-containers");
    }
}

#[test]
fn an_entry_named_by_its_hash_has_the_modules_of_a_generation_that_names_it() {
    let bench = Bench::shipped();
    bench.realize(&["atomic-host"]);
    let named = bench.json(&["show", "atomic-host"]);
    let hash = named["entry"].as_str().unwrap().to_owned();
    let modules = serde_json::json!(["base-runtime:1:20261101", "container-runtime:5:20261030"]);
    assert_eq!(bench.json(&["show", &hash])["modules"], modules);
    assert_eq!(named["modules"], modules);
    assert!(
        bench
            .print(&["show", &hash])
            .contains("module      base-runtime:1:20261101\n")
    );
}

#[test]
fn a_disk_and_an_installer_have_the_modules_of_their_payload() {
    let bench = Bench::shipped();
    // The tree has no generation of its own yet.
    bench.realize(&["atomic-disk", "atomic-installer"]);
    bench.realize(&["atomic-host"]);
    let none = serde_json::json!([]);
    assert_eq!(
        bench.json(&["diff", "atomic-host", "atomic-disk"])["modules"],
        none
    );
    let more = serde_json::json!([{
        "name": "installer", "change": "added", "from": null, "to": "1:20261101",
    }]);
    assert_eq!(
        bench.json(&["diff", "atomic-host", "atomic-installer"])["modules"],
        more
    );
}

#[test]
fn the_closure_of_a_tree_names_the_modules_that_it_was_drawn_from() {
    let bench = Bench::shipped();
    bench.realize(&["atomic-host", "server"]);
    let modules = serde_json::json!(["base-runtime:1:20261101", "container-runtime:5:20261030"]);
    assert_eq!(bench.json(&["closure", "atomic-host"])["modules"], modules);
    let text = bench.print(&["closure", "atomic-host"]);
    let row = "module      drawn from                        base-runtime:1:20261101\n";
    assert!(text.contains(row), "{text}");
    // An edition is made of its modules.
    assert_eq!(
        bench.json(&["closure", "server"])["modules"],
        serde_json::json!([])
    );
}

#[test]
fn what_the_lock_of_a_kept_generation_names_stays() {
    let bench = site();
    let old = deliver(&bench, "1");
    bench.print(&["update"]);
    bench.realize(&["host"]);
    let new = deliver(&bench, "2");
    bench.print(&["update"]);
    bench.realize(&["host"]);
    bench.print(&["gc"]);
    assert!(holds(&bench.store(), old) && holds(&bench.store(), new));
    // The directory has the old one no more, so nobody else could bring it back.
    bench.print(&["gc", "--keep-last", "1"]);
    assert!(!holds(&bench.store(), old) && holds(&bench.store(), new));
}

#[test]
fn without_a_lock_an_older_generation_keeps_no_packages() {
    let bench = site();
    let old = deliver(&bench, "1");
    bench.realize(&["host"]);
    let new = deliver(&bench, "2");
    bench.realize(&["host"]);
    bench.print(&["gc"]);
    assert!(!holds(&bench.store(), old) && holds(&bench.store(), new));
}

#[test]
fn what_was_collected_is_compared_as_before_with_an_old_index_and_a_new_one() {
    let bench = Bench::shipped();
    bench.realize(&["web-server-image"]);
    bench.edit(
        "packages/sampler-httpd.toml",
        "version = \"2.4\"",
        "version = \"2.5\"",
    );
    bench.realize(&["web-server-image"]);
    let ask = || {
        let diff = bench.json(&["diff", "web-server-image@1", "web-server-image@2"]);
        let shown = bench.json(&["show", "web-server-image@1"]);
        (diff["modules"].clone(), shown["modules"].clone())
    };
    let before = ask();
    assert_eq!(before.0[0]["change"], "rebuilt");
    bench.print(&["gc", "--keep-last", "1"]);
    assert_eq!(ask(), before);
    bench.print(&["verify", "--rebuild-index"]);
    assert_eq!(ask(), before);
    bench.print(&["gc"]);
    assert_eq!(ask(), before);
}

#[test]
fn a_collector_goes_on_where_another_took_what_an_older_generation_was_drawn_from() {
    let bench = Bench::shipped();
    bench.realize(&["web-server-image"]);
    let origin = {
        let store = Store::open(&bench.store()).unwrap();
        let name = store.roots().unwrap().remove(0);
        store.generations(&name).unwrap()[0].origin.unwrap()
    };
    let hash = origin.0.to_string();
    let file = bench.store().join(format!("objects/{}/{hash}", &hash[..2]));
    std::fs::remove_file(&file).unwrap();
    bench.print(&["verify", "--rebuild-index"]);
    bench.print(&["gc"]);
    let shown = bench.json(&["show", "web-server-image@1"]);
    assert_eq!(shown["modules"], serde_json::json!([]));
}

#[test]
fn files_of_one_name_that_are_not_the_same_are_told() {
    let bench = site();
    deliver(&bench, "1");
    let said = bench.run(&["realize", "host"]).works();
    assert!(!said.err.contains("not the same"), "{}", said.err);
    let other = spec("tool-1-1.x86_64").file("/usr/bin/tool", b"of another builder");
    bench.write("rpms/other.rpm", other.bytes(&Memory::default()));
    let said = bench.run(&["realize", "host"]).works();
    assert!(
        said.err
            .contains("are both tool-1-1.x86_64 and not the same"),
        "{}",
        said.err
    );
}

#[test]
fn a_lock_that_states_another_digest_is_no_lock_of_the_file() {
    let bench = site();
    deliver(&bench, "1");
    bench.print(&["update"]);
    bench.realize(&["host"]);
    let lock = bench.path().join("recipes/store.lock");
    let text = std::fs::read_to_string(&lock).unwrap();
    let at = text.find("sha256:").unwrap() + "sha256:".len();
    let digest = &text[at..at + 64];
    std::fs::write(&lock, text.replace(digest, &"0".repeat(64))).unwrap();
    let said = bench.run(&["realize", "host"]);
    said.fails(1, &["tool.rpm is not the file that the lock names"]);
}
