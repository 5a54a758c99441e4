//! What runs again after a change, what a diff says of it, and what a collection frees.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::place::Place;
use super::recipes::ARTIFACTS;

/// A store, its recipes, and a directory of packages that may change.
pub struct Scene {
    pub place: Place,
    pub packages: PathBuf,
}

impl Scene {
    /// Realizes everything; gives the steps that ran, packages brought in and unpacked aside.
    fn realize(&self) -> Vec<String> {
        let mut ran = self.place.realize(&ARTIFACTS).with("composed");
        ran.retain(|step| !step.starts_with("import ") && !step.starts_with("unpack "));
        ran
    }

    /// Changes one text in a recipe.
    fn edit(&self, recipe: &str, from: &str, to: &str) {
        let path = self.place.recipes.join(recipe);
        let text = fs::read_to_string(&path).unwrap();
        assert_eq!(text.matches(from).count(), 1, "{from} in {recipe}");
        fs::write(&path, text.replace(from, to)).unwrap();
    }

    /// Changes the lead of a package, which is no part of its content, and its name.
    fn relabel(&self, package: &str) {
        let old = self.file(package);
        let mut bytes = fs::read(&old).unwrap();
        // The package's name in the lead; nothing reads it.
        bytes[10..14].copy_from_slice(b"same");
        fs::remove_file(&old).unwrap();
        fs::write(self.packages.join("renamed.rpm"), bytes).unwrap();
    }

    fn file(&self, package: &str) -> PathBuf {
        let files = fs::read_dir(&self.packages).unwrap();
        let mut files = files.map(|file| file.unwrap().path());
        files
            .find(|file| {
                file.file_name()
                    .unwrap()
                    .to_str()
                    .unwrap()
                    .starts_with(package)
            })
            .unwrap()
    }
}

pub fn only_what_a_change_touches_runs_again(scene: &Scene) {
    assert_eq!(scene.place.realize(&ARTIFACTS).composed(), 0);

    scene.edit(
        "base.toml",
        "kind = \"module\"",
        "# said by the way\nkind = \"module\"",
    );
    scene.edit(
        "server.toml",
        "machines that serve",
        "machines that nobody sees",
    );
    scene.edit("atomic-host.toml", "A small host", "A smaller host");
    assert_eq!(scene.place.realize(&ARTIFACTS).composed(), 0);

    scene.edit("base.toml", "The base of it all", "What all stand on");
    let base = ["module base", "repository server", "repository workstation"];
    assert_eq!(scene.realize(), base);

    // Signed anew, so to speak: editions hold another file, the tree has the content that it had.
    scene.relabel("libacl-2");
    let realized = scene.place.realize(&ARTIFACTS);
    let mut ran = realized.with("composed");
    let imported = ran
        .iter()
        .position(|step| step.starts_with("import libacl-2"));
    ran.remove(imported.expect("the new file is looked at"));
    assert_eq!(ran, base);
    let cut_off = realized.with("cut off");
    assert!(
        cut_off
            .iter()
            .any(|step| step.starts_with("unpack libacl-2")),
        "{cut_off:?}"
    );

    scene.edit("graphics.toml", "    \"opencore-amr\",\n", "");
    assert_eq!(
        scene.realize(),
        ["module graphics", "repository workstation"]
    );

    scene.edit("atomic-host.toml", ", \"xmlsec1-openssl\"", "");
    assert_eq!(scene.realize(), ["ostree atomic-host", "root atomic-host"]);
    assert_eq!(scene.place.realize(&ARTIFACTS).composed(), 0);
}

fn names(list: &Value) -> Vec<&str> {
    let list = list.as_array().unwrap().iter();
    list.map(|item| item["name"].as_str().unwrap()).collect()
}

pub fn a_diff_names_what_changed(scene: &Scene) {
    let diff = |from: &str, to: &str| scene.place.json(&["diff", from, to]);
    // Generation 1: as first made. 2: base's summary. 3: libacl's file. 4: graphics without a package.
    let edition = diff("workstation@3", "workstation@4");
    assert_eq!(names(&edition["packages"]), ["opencore-amr"], "{edition}");
    assert_eq!(edition["packages"][0]["change"], "removed");
    assert_eq!(names(&edition["modules"]), ["graphics"], "{edition}");
    let signed = diff("workstation@2", "workstation@3");
    assert_eq!(names(&signed["packages"]), ["libacl"], "{signed}");
    assert_eq!(signed["packages"][0]["change"], "rebuilt");

    let host = diff("atomic-host@1", "atomic-host@2");
    let packages = names(&host["packages"]);
    assert!(packages.contains(&"xmlsec1-openssl"), "{packages:?}");
    let text = scene.place.run(&["diff", "atomic-host@1", "atomic-host@2"]);
    assert!(text.contains("xmlsec1-openssl"), "{text}");
    let files = serde_json::to_string(&host["files"]).unwrap();
    assert!(files.contains("libxmlsec1-openssl.so"), "{files}");
    let same = scene
        .place
        .try_run(&["diff", "--exit-code", "server@2", "server@2"]);
    assert_eq!(same.status.code(), Some(0));
}

/// What `du` says of the bytes in a store: each inode once, index and locks aside.
fn du(store: &Path) -> u64 {
    let mut inodes = BTreeSet::new();
    let mut bytes = 0;
    for part in ["objects", "entries"] {
        for item in walkdir::WalkDir::new(store.join(part)) {
            let file = item.unwrap().metadata().unwrap();
            if inodes.insert((file.dev(), file.ino())) {
                bytes += file.blocks() * 512;
            }
        }
    }
    bytes
}

/// `first` is what came out before anything was changed.
pub fn a_collection_frees_what_it_said(scene: &Scene, first: &super::place::Realized) {
    let place = &scene.place;
    let before = du(&place.store);
    let told = place.json(&["gc", "--keep-last", "1", "--dry-run"]);
    assert_eq!(du(&place.store), before);
    let done = place.json(&["gc", "--keep-last", "1"]);
    for what in ["entries", "objects", "bytes", "kept"] {
        assert_eq!(told[what], done[what], "{what}");
    }
    let bytes = done["bytes"].as_u64().unwrap();
    assert!(bytes > 100_000, "{done}");
    assert_eq!(before - du(&place.store), bytes, "{done}");
    place.run(&["verify", "--full"]);
    assert_eq!(place.realize(&ARTIFACTS).composed(), 0);
    // Nothing is left to collect.
    let again = place.json(&["gc", "--keep-last", "1"]);
    assert_eq!(
        (&again["objects"], &again["bytes"]),
        (&0.into(), &0.into()),
        "{again}"
    );

    // What was collected is made again, and comes out as it was.
    scene.edit(
        "graphics.toml",
        "packages = [\n",
        "packages = [\n    \"opencore-amr\",\n",
    );
    scene.edit(
        "atomic-host.toml",
        "\"eet\"",
        "\"eet\", \"xmlsec1-openssl\"",
    );
    let restored = place.realize(&ARTIFACTS);
    let (old, new) = (first.entries(), restored.entries());
    assert_eq!(old["atomic-host"], new["atomic-host"]);
    assert_eq!(old["graphics"], new["graphics"]);
    place.run(&["verify", "--full"]);
}
