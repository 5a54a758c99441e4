//! What is deflated once: files that a tree's repository and images have, as the real clients read them.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use store::compose::Workspace;

use crate::support::bench::Bench;
use crate::support::workspace::Memory;

const MODULE: &str = "kind = \"module\"\nstream = \"1\"\nversion = 1\nfrom = [\"tool\"]\n";
const FROM: &str = "from = [\"all\"]\ninstall = [\"tool\"]\n";

/// Some 400 kB that shrink to a third.
fn text() -> Vec<u8> {
    let lines = (0..30_000u32).map(|n| format!("{}\n", n.wrapping_mul(2_654_435_761)));
    lines.collect::<String>().into_bytes()
}

/// 200 kB that don't shrink.
fn noise() -> Vec<u8> {
    let mut bytes = vec![0; 200_000];
    blake3::Hasher::new().finalize_xof().fill(&mut bytes);
    bytes
}

/// A package with some large files, as a tree and as images.
fn bench() -> Bench {
    let image = |more: &str| format!("kind = \"image\"\n{FROM}{more}");
    let bench = Bench::of(&[
        ("all.toml", MODULE),
        (
            "tree.toml",
            &format!("kind = \"ostree\"\n{FROM}ref = \"tree\"\n"),
        ),
        ("image.toml", &image("")),
        ("zstd.toml", &image("compression = \"zstd\"\n")),
    ]);
    bench.write("recipes/packages/files/text", text());
    bench.write("recipes/packages/files/noise", noise());
    package(&bench, 1);
    bench
}

fn package(bench: &Bench, version: u32) {
    let header: String = (0..9000)
        .map(|n: u32| format!("{}", n.wrapping_mul(40_503) % 9973))
        .collect();
    let recipe = format!(
        "kind = \"package\"\nsummary = \"A\"\nversion = \"{version}\"\nrelease = \"1\"\nlicense = \"MIT\"\n\
         description = \"{header}\"\nfiles = [\
         {{ path = \"/usr/share/tool\", directory = true }}, \
         {{ path = \"/usr/share/tool/noise\", source = \"files/noise\" }}, \
         {{ path = \"/usr/share/tool/text\", source = \"files/text\" }}, \
         {{ path = \"/usr/share/tool/version\", content = \"{version}\" }}]\n"
    );
    bench.write("recipes/packages/tool.toml", recipe);
}

fn run(command: &mut Command) -> Vec<u8> {
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {said}");
    output.stdout
}

/// The layers of an image, lowest first.
fn layers(image: &Path) -> Vec<PathBuf> {
    let read = |path: &Path| serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    let blob = |digest: &serde_json::Value| {
        let digest = digest["digest"].as_str().unwrap();
        image.join("blobs/sha256").join(&digest["sha256:".len()..])
    };
    let index: serde_json::Value = read(&image.join("index.json"));
    let manifest: serde_json::Value = read(&blob(&index["manifests"][0]));
    let layers = manifest["layers"].as_array().unwrap();
    layers.iter().map(blob).collect()
}

/// Bytes of all objects of a store, by name.
fn objects(bench: &Bench) -> BTreeMap<String, u64> {
    let folders = fs::read_dir(bench.store().join("objects")).unwrap();
    let files = folders.flat_map(|folder| fs::read_dir(folder.unwrap().path()).unwrap());
    let named = files.map(|file| {
        let file = file.unwrap();
        let name = file.file_name().into_string().unwrap();
        (name, file.metadata().unwrap().size())
    });
    named.collect()
}

/// Bytes of the objects that came since.
fn grown(bench: &Bench, before: &BTreeMap<String, u64>) -> u64 {
    let new = objects(bench).into_iter();
    new.filter(|(name, _)| !before.contains_key(name))
        .map(|(_, size)| size)
        .sum()
}

#[test]
fn an_image_beside_a_tree_of_the_same_files_takes_next_to_nothing() {
    let bench = bench();
    bench.realize(&["tree"]);
    let before = objects(&bench);
    let image = bench.realize(&["image"]).remove(0);
    let layer = fs::metadata(&layers(&image)[0]).unwrap().size();
    assert!(layer > 300_000, "{layer}");
    let more = grown(&bench, &before);
    assert!(more < 20_000, "{more} bytes more for a layer of {layer}");
    bench.print(&["verify", "--full"]);
}

#[test]
fn which_of_a_tree_and_an_image_came_first_does_not_show() {
    let orders = [["tree", "image"], ["image", "tree"]].map(|order| {
        let bench = bench();
        for name in order {
            bench.realize(&[name]);
        }
        objects(&bench)
    });
    assert_eq!(orders[0], orders[1]);
}

#[test]
fn a_package_whose_large_files_stay_takes_none_of_them_again() {
    let bench = bench();
    bench.realize(&["tree", "image"]);
    let before = objects(&bench);
    package(&bench, 2);
    bench.realize(&["tree", "image"]);
    let new = objects(&bench).into_iter();
    let new = new.filter(|(name, _)| !before.contains_key(name));
    let mut sizes: Vec<u64> = new.map(|(_, size)| size).collect();
    sizes.sort_unstable();
    let package = sizes.pop().unwrap();
    assert!(package > 300_000, "a package holds everything: {package}");
    let largest = sizes.pop().unwrap();
    assert!(largest < 65_536, "{largest}: none of the large files");

    bench.print(&["gc", "--keep-last", "1"]);
    bench.print(&["verify", "--full"]);
    bench.print(&["show", "image"]);
}

#[test]
fn gzip_tar_and_umoci_read_layers_that_are_joined() {
    let bench = bench();
    let image = bench.realize(&["image"]).remove(0);
    let layer = &layers(&image)[0];
    run(Command::new("gzip")
        .arg("-t")
        .stdin(fs::File::open(layer).unwrap()));
    let unpacked = bench.path().join("unpacked");
    fs::create_dir(&unpacked).unwrap();
    run(Command::new("tar")
        .arg("-xzf")
        .arg(layer)
        .arg("-C")
        .arg(&unpacked));
    let bundle = bench.path().join("bundle");
    let mut command = Command::new("umoci");
    command.args(["unpack", "--rootless", "--image"]);
    run(command.arg(&image).arg(&bundle));
    let copied = format!("dir:{}", bench.path().join("copied").display());
    let mut command = Command::new("skopeo");
    command.args(["copy", "--dest-decompress"]);
    run(command.arg(format!("oci:{}", image.display())).arg(&copied));
    for root in [unpacked, bundle.join("rootfs")] {
        let read = |name: &str| fs::read(root.join("usr/share/tool").join(name)).unwrap();
        assert!(read("text") == text());
        assert!(read("noise") == noise());
        let database = fs::read(root.join("usr/lib/sysimage/rpm/rpmdb.sqlite")).unwrap();
        assert!(
            database.len() > 32768,
            "{}: more than a piece",
            database.len()
        );
    }
}

#[test]
fn ostree_reads_objects_that_are_kept_in_parts() {
    let bench = bench();
    let tree = bench.realize(&["tree"]).remove(0);
    let own = bench.path().join("own");
    run(Command::new("cp").arg("-r").arg(&tree).arg(&own));
    run(Command::new("chmod").args(["-R", "u+w"]).arg(&own));
    let ostree = |arguments: &[&str]| {
        let mut command = Command::new("ostree");
        command.arg(format!("--repo={}", own.display()));
        run(command.args(arguments))
    };
    ostree(&["fsck"]);
    let out = bench.path().join("out");
    ostree(&["checkout", "-U", "tree", out.to_str().unwrap()]);
    let read = |name: &str| fs::read(out.join("usr").join(name)).unwrap();
    assert!(read("share/tool/text") == text());
    assert!(read("share/tool/noise") == noise());
    assert!(read("lib/sysimage/rpm/rpmdb.sqlite").starts_with(b"SQLite format 3\0"));
}

#[test]
fn what_does_not_shrink_is_kept_once() {
    let bench = bench();
    bench.realize(&["tree", "image"]);
    let noise = noise().len() as u64;
    let near = |size: u64| (noise..noise + 1000).contains(&size);
    let sizes = objects(&bench);
    let copies = sizes.values().filter(|&&size| near(size)).count();
    assert_eq!(copies, 1, "the file; its object and its layer are lists");
}

#[test]
fn long_text_is_the_same_file_however_it_is_kept() {
    let memory = Memory::default();
    let workspace: &dyn Workspace = &memory;
    let text = String::from_utf8(text()).unwrap();
    for length in [0, 100, 20_000, text.len()] {
        let leaf = workspace.text(0o644, &text[..length]).unwrap();
        let file = workspace.file(0o644, &text.as_bytes()[..length]);
        assert_eq!(leaf, file.unwrap());
    }
}

#[test]
fn after_a_gc_keeps_it_deflated_alone_the_same_is_composed_of_it() {
    let [bench, other] = [(); 2].map(|()| bench());
    bench.realize(&["tree"]);
    let told = bench.json(&["gc", "--dry-run"]);
    let done = bench.json(&["gc"]);
    assert_eq!(done["compressed"], 1, "{done}");
    assert_eq!(
        (&told["compressed"], &told["bytes"]),
        (&done["compressed"], &done["bytes"])
    );
    let again = bench.json(&["realize", "tree"]);
    assert_eq!(again["steps"]["composed"], 0, "{again}");
    assert_eq!(bench.json(&["gc"])["compressed"], 0);
    bench.run(&["verify", "--full"]).works();

    // What asks for the content itself, plain or to be compressed in another way.
    let names = ["image", "zstd"];
    for (here, there) in bench.realize(&names).iter().zip(other.realize(&names)) {
        assert_eq!(here.file_name(), there.file_name());
        let (here, there) = (layers(here), layers(&there));
        assert!(
            here.iter()
                .zip(&there)
                .all(|(a, b)| fs::read(a).unwrap() == fs::read(b).unwrap())
        );
    }
    let repository = bench.realize(&["tree"]).remove(0);
    let at = bench.path().join("checkout");
    let repo = format!("--repo={}", repository.display());
    run(Command::new("ostree")
        .args(["checkout", "-U", &repo, "tree"])
        .arg(&at));
    assert!(fs::read(at.join("usr/share/tool/text")).unwrap() == text());
}

/// bootc stops where the first gzip member of a layer ends.
#[test]
fn a_layer_is_one_gzip_member() {
    let bench = bench();
    let image = bench.realize(&["image"]).remove(0);
    let first = "import sys, zlib; member = zlib.decompressobj(31); \
                 plain = member.decompress(sys.stdin.buffer.read()); \
                 assert member.eof and not member.unused_data; sys.stdout.buffer.write(plain)";
    for layer in layers(&image) {
        let mut python = Command::new("python3");
        let plain = run(python
            .args(["-c", first])
            .stdin(fs::File::open(&layer).unwrap()));
        let all = run(Command::new("gzip")
            .arg("-dc")
            .stdin(fs::File::open(&layer).unwrap()));
        assert!(plain == all && all.len() > 500_000);
    }
}
