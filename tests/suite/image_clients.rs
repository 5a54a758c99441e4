//! Images in the hands of those that will have them: a registry, and podman.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::support::bench::Bench;
use crate::support::podman::{self, Podman};
use crate::support::registry::Registry;
use crate::support::told;

fn skopeo(bench: &Bench, arguments: &[&str]) -> String {
    let mut command = Command::new("skopeo");
    // Whose passwords lie on this machine is nobody's business; without a file there are none.
    command.env("REGISTRY_AUTH_FILE", bench.path().join("none.json"));
    let output = command.args(arguments).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {said}");
    String::from_utf8(output.stdout).unwrap()
}

fn layout(path: &Path) -> String {
    format!("oci:{}", path.display())
}

fn manifest(bench: &Bench, image: &str) -> Value {
    serde_json::from_str(&skopeo(
        bench,
        &["inspect", "--raw", "--tls-verify=false", image],
    ))
    .unwrap()
}

#[test]
fn a_registry_takes_images_and_gives_them_back_as_they_were() {
    let bench = Bench::shipped();
    bench.edit(
        "images/web-server-image.toml",
        "[config]",
        "compression = \"zstd\"\n[config]",
    );
    let paths = bench.realize(&["container-base", "web-server-image"]);
    let registry = Registry::start();
    let push = |path: &Path, name: &str| {
        let to = registry.image(name);
        let plain = "--dest-tls-verify=false";
        skopeo(
            &bench,
            &["copy", "--preserve-digests", plain, &layout(path), &to],
        );
    };
    push(&paths[0], "base:1");
    assert_eq!(
        registry.blobs(),
        3,
        "a layer, its configuration, its manifest"
    );
    push(&paths[1], "web:1");
    assert_eq!(
        registry.blobs(),
        6,
        "the layer of the base is there already"
    );

    for (path, name) in paths.iter().zip(["base:1", "web:1"]) {
        let back = bench.path().join(name.replace(':', "-"));
        let plain = "--src-tls-verify=false";
        let from = registry.image(name);
        skopeo(
            &bench,
            &["copy", "--preserve-digests", plain, &from, &layout(&back)],
        );
        assert_eq!(
            manifest(&bench, &layout(&back)),
            manifest(&bench, &layout(path))
        );
        assert_eq!(manifest(&bench, &from), manifest(&bench, &layout(path)));
        for blob in std::fs::read_dir(back.join("blobs/sha256")).unwrap() {
            let blob = blob.unwrap();
            let ours = path.join("blobs/sha256").join(blob.file_name());
            let (theirs, ours) = (std::fs::read(blob.path()), std::fs::read(ours));
            assert!(theirs.unwrap() == ours.unwrap(), "{blob:?}");
        }
    }
}

const PACKAGE: &str = r#"
kind = "package"
summary = "Runs, and says so"
version = "1"
release = "1"
license = "MIT"
"#;

#[test]
fn podman_runs_what_was_composed() {
    let bench = Bench::of(&[
        (
            "hello.toml",
            &format!(
                "{PACKAGE}[[files]]\npath = \"/bin/hello\"\nsource = \"files/hello\"\nmode = \"0755\"\n[[files]]\npath = \"/etc/passwd\"\ncontent = \"web:x:17:17::/:/bin/hello\\n\"\n"
            ),
        ),
        (
            "old.toml",
            &format!("{PACKAGE}[[files]]\npath = \"/srv/old\"\ncontent = \"old\"\n"),
        ),
        (
            "new.toml",
            &format!("{PACKAGE}[[files]]\npath = \"/srv/new\"\ncontent = \"new\"\n"),
        ),
        (
            "core.toml",
            "kind = \"module\"\nstream = \"1\"\nversion = 1\nfrom = [\"hello\", \"old\", \"new\"]\n",
        ),
        (
            "below.toml",
            "kind = \"image\"\nfrom = [\"core\"]\ninstall = [\"hello\", \"old\"]\ncompression = \"zstd\"\n[config]\nentrypoint = [\"/bin/hello\"]\ncmd = [\"/srv/old\", \"/srv/new\"]\n",
        ),
        (
            "above.toml",
            "kind = \"image\"\nbase = \"below\"\nreplace = [\"old\"]\ninstall = [\"new\"]\n[config]\nuser = \"web\"\nworking-dir = \"/srv\"\n",
        ),
    ]);
    std::fs::create_dir(bench.recipes().join("files")).unwrap();
    podman::program(&bench.recipes().join("files/hello"));
    let paths = bench.realize(&["below", "above"]);
    let podman = Podman::new(&bench.recipes().join("files/hello"));
    if !podman.runs() {
        told::left_out("no container can be run here, not even podman's own");
        return;
    }
    for (path, name) in paths.iter().zip(["below", "above"]) {
        podman.load(path, name);
    }
    let said = podman.run(&["below"]);
    assert_eq!(said, "user 0 in /: /srv/old (there) /srv/new\n");
    let said = podman.run(&["above"]);
    assert_eq!(said, "user 17 in /srv: /srv/old /srv/new (there)\n");
    let said = podman.run(&["above", "/bin/hello"]);
    assert_eq!(said, "user 17 in /srv: /bin/hello (there)\n");
    // An image whose user its root does not know is not made, for this is what becomes of it.
    for (user, problem) in [
        ("nobody-there", "unable to find user nobody-there"),
        ("web:none", "unable to find group none"),
    ] {
        let said = podman.refuses(&["--user", user, "below"]);
        assert!(said.contains(problem), "{said}");
    }
}
