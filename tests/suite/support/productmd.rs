//! The productmd library of Python, which loads what trees and composes say of themselves.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// Loads `.treeinfo`, and prints what the library made of it.
const TREE: &str = r#"
import json, sys
from productmd.treeinfo import TreeInfo
tree = TreeInfo()
tree.load(sys.argv[1] + "/.treeinfo")
tree.validate()
variants = {}
def told(variant):
    variants[variant.uid] = {
        "id": variant.id, "name": variant.name, "type": variant.type,
        "parent": variant.parent.uid if getattr(variant.parent, "uid", None) else None,
        "packages": variant.paths.packages, "repository": variant.paths.repository,
    }
    for child in variant.variants.values():
        told(child)
for variant in tree.variants.variants.values():
    told(variant)
print(json.dumps({
    "release": {"name": tree.release.name, "short": tree.release.short, "version": tree.release.version},
    "arch": tree.tree.arch, "timestamp": tree.tree.build_timestamp,
    "platforms": sorted(tree.tree.platforms), "variants": variants,
    "checksums": tree.checksums.checksums, "images": tree.images.images,
    "stage2": tree.stage2.mainimage,
}))
"#;

/// Loads all metadata of a compose, as a tool would that is told its directory; prints it as the library writes it anew.
const COMPOSE: &str = r#"
import json, sys
import productmd.compose
compose = productmd.compose.Compose(sys.argv[1])
told = {}
for name in ("info", "rpms", "images", "modules"):
    loaded = getattr(compose, name)
    loaded.validate()
    told[name] = loaded.serialize({})
told["id"] = compose.info.create_compose_id()
told["path"] = compose.compose_path
# Adding everything once more goes through all checks that the library has.
rpms = productmd.rpms.Rpms()
for variant, arches in compose.rpms.rpms.items():
    for arch, sources in arches.items():
        for source, packages in sources.items():
            for nevra, package in packages.items():
                of = None if package["category"] == "source" else source
                rpms.add(variant, arch, nevra, package["path"], package["sigkey"], package["category"], of)
modules = productmd.modules.Modules()
for variant, arches in compose.modules.modules.items():
    for arch, streams in arches.items():
        for uid, module in streams.items():
            for category, path in module["modulemd_path"].items():
                tag = module["metadata"]["koji_tag"]
                modules.add(variant, arch, uid, tag, path, category, module["rpms"])
told["again"] = {"rpms": rpms.rpms, "modules": modules.modules}
told["variants"] = sorted(v.uid for v in compose.info.get_variants(recursive=True))
print(json.dumps(told))
"#;

/// Where `scripts/test` puts the library on systems that have no package of it.
fn library() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("target/judges")
}

/// Runs a program of Python's that prints one JSON document.
pub fn ask(program: &str, directory: &Path) -> Value {
    let output = Command::new("/usr/bin/python3")
        .env("PYTHONPATH", library())
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .args(["-c", program])
        .arg(directory)
        .output()
        .expect("python3 is installed");
    let complained = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "{complained}\n(scripts/test installs productmd)"
    );
    serde_json::from_slice(&output.stdout).unwrap()
}

/// What it reads of the tree in a directory.
pub fn tree(directory: &Path) -> Value {
    ask(TREE, directory)
}

/// What it reads of a compose.
pub fn compose(directory: &Path) -> Value {
    ask(COMPOSE, directory)
}

/// As `sha256sum` has it.
pub fn sha256(file: &Path) -> String {
    let output = Command::new("sha256sum").arg(file).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let said = String::from_utf8(output.stdout).unwrap();
    said.split_whitespace().next().unwrap().to_owned()
}
