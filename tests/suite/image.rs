//! Kind `image`: skopeo and umoci are the judges of what is composed.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Command;

use store::plan::parameters;
use store::tree::Content;

use crate::support::bench::Bench;
use crate::support::image::{
    Layout, Root, alone, assert_same, blob, facts, inspect, parameters, run, sample, unpack,
};
use crate::support::materialize::is_root;
use crate::support::told;
use crate::support::workspace::Memory;

#[test]
fn umoci_unpacks_an_image_to_the_tree_that_was_installed() {
    for compression in ["gzip", "zstd"] {
        let memory = Memory::default();
        let root = sample(&memory);
        let params = parameters::Image {
            compression: compression.to_owned(),
            ..parameters()
        };
        let image = alone(&memory, &root, &params).unwrap();
        let layout = Layout::of(&memory, &image);
        if compression == "zstd" {
            // umoci before 0.5 reads gzip only: what it is shown is what skopeo makes of it.
            let plain = layout.directory.path().join("plain");
            run(Command::new("skopeo")
                .args(["copy", "--dest-compress-format=gzip"])
                .arg(format!("oci:{}", layout.path().display()))
                .arg(format!("oci:{}:latest", plain.display())));
            let unpacked = unpack(&plain, &layout.directory.path().join("bundle"));
            assert_same(&memory, &root, &unpacked);
            continue;
        }
        assert_same(&memory, &root, &layout.unpack());
    }
}

/// Another reader of archives, with another idea of what is optional in them.
#[test]
fn tar_unpacks_a_layer_to_the_tree_that_was_installed() {
    let memory = Memory::default();
    let root = sample(&memory);
    for compression in ["gzip", "zstd"] {
        let params = parameters::Image {
            compression: compression.to_owned(),
            ..parameters()
        };
        let image = alone(&memory, &root, &params).unwrap();
        let layout = Layout::of(&memory, &image);
        let digest = &facts(&image).layers[0].digest;
        let blob = blob(&layout.path(), digest);
        let unpacked = layout.directory.path().join("unpacked");
        fs::create_dir(&unpacked).unwrap();
        let mut tar = Command::new("tar");
        tar.args(["-xp", "--xattrs", "--xattrs-include=*", "--numeric-owner"]);
        tar.arg(format!("--{compression}"));
        run(tar.arg("-C").arg(&unpacked).arg("-f").arg(blob));
        assert_same(&memory, &root, &unpacked);
    }
}

#[test]
fn a_container_is_started_as_somebody_whom_its_root_knows_or_as_a_number() {
    let memory = Memory::default();
    let mut root = Root::sample(&memory);
    root.file(&memory, "etc/passwd", 0o644, b"web:x:17:17:::\n");
    root.file(&memory, "etc/group", 0o644, b"site:x:18:\n");
    let made = |user: &str| {
        let mut params = parameters();
        params.config.user = Some(user.to_owned());
        alone(&memory, &root, &params)
    };
    for known in ["web", "web:site", "web:99", "99:site", "99:99", "root:root"] {
        made(known).unwrap();
    }
    for (asked, problem) in [
        ("site", r#"the user "site", and etc/passwd"#),
        ("site:site", r#"the user "site", and etc/passwd"#),
        ("web:web", r#"the group "web", and etc/group"#),
        ("-1", r#"the user "-1", and etc/passwd"#),
    ] {
        let error = made(asked).unwrap_err().to_string();
        assert!(error.contains(problem), "{error}");
    }
}

#[test]
fn skopeo_reads_what_the_recipe_says_of_a_container() {
    let memory = Memory::default();
    let text = |text: &str| Some(text.to_owned());
    let words = |words: &[&str]| Some(words.iter().map(|word| (*word).to_owned()).collect());
    let params = parameters::Image {
        config: parameters::ImageConfig {
            cmd: words(&["--all"]),
            entrypoint: words(&["/usr/bin/tool", "run"]),
            env: [("PATH".to_owned(), "/usr/bin".to_owned())].into(),
            user: text("17:18"),
            ports: ["80/tcp".to_owned(), "53/udp".to_owned()].into(),
            labels: [("example.label".to_owned(), "text".to_owned())].into(),
            volumes: ["/var/lib/tool".to_owned()].into(),
            working_dir: text("/var"),
            stop_signal: text("SIGINT"),
        },
        annotations: [("example.annotation".to_owned(), "more".to_owned())].into(),
        ..parameters()
    };
    let image = alone(&memory, &Root::sample(&memory), &params).unwrap();
    let layout = Layout::of(&memory, &image);
    let image_facts = facts(&image);

    let said = layout.inspect(&[]);
    assert_eq!(said["Digest"], *image_facts.manifest);
    assert_eq!(said["Created"], "2023-11-14T22:13:20Z");
    assert_eq!(said["Architecture"], "amd64");
    assert_eq!(said["Os"], "linux");
    assert_eq!(
        said["Layers"],
        serde_json::json!([image_facts.layers[0].digest])
    );
    assert_eq!(said["Labels"]["example.label"], "text");
    assert_eq!(said["Labels"]["org.opencontainers.image.version"], "1");

    let config = &layout.inspect(&["--config"])["config"];
    let expected = serde_json::json!({
        "User": "17:18",
        "ExposedPorts": {"53/udp": {}, "80/tcp": {}},
        "Env": ["PATH=/usr/bin"],
        "Entrypoint": ["/usr/bin/tool", "run"],
        "Cmd": ["--all"],
        "Volumes": {"/var/lib/tool": {}},
        "WorkingDir": "/var",
        "Labels": {"example.label": "text", "org.opencontainers.image.version": "1"},
        "StopSignal": "SIGINT",
    });
    assert_eq!(*config, expected);
    let raw = layout.inspect(&["--raw"]);
    assert_eq!(raw["annotations"]["example.annotation"], "more");

    // A copy into another kind of storage reads every byte and holds it against its digest.
    let copy = layout.directory.path().join("copy");
    run(Command::new("skopeo")
        .args(["copy", "--preserve-digests"])
        .arg(format!("oci:{}", layout.path().display()))
        .arg(format!("dir:{}", copy.display())));
}

#[test]
fn what_no_layer_can_hold_is_refused_or_dropped_with_a_word() {
    let memory = Memory::default();
    let mut root = Root::sample(&memory);
    root.content("run/socket", Content::Socket);
    alone(&memory, &root, &parameters()).unwrap();
    assert_eq!(
        memory.notes(),
        ["/run/socket dropped: a layer can't hold a socket"]
    );

    root.file(&memory, "usr/share/.wh.hidden", 0o644, b"");
    let error = alone(&memory, &root, &parameters())
        .unwrap_err()
        .to_string();
    assert!(
        error.starts_with("/usr/share/.wh.hidden has a name"),
        "{error}"
    );
    root.remove("usr/share/.wh.hidden");

    let leaf = root.file(&memory, "usr/share/odd", 0o644, b"");
    leaf.meta.xattrs.insert(b"user.a=b".to_vec(), b"c".to_vec());
    let error = alone(&memory, &root, &parameters())
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("/usr/share/odd has an extended attribute \"user.a=b\""),
        "{error}"
    );
    root.remove("usr/share/odd");

    let params = parameters::Image {
        bootable: true,
        ..parameters()
    };
    let error = alone(&memory, &root, &params).unwrap_err().to_string();
    assert!(error.contains("needs a kernel"), "{error}");
}

#[test]
fn the_images_that_ship_are_what_skopeo_and_umoci_take_and_rpm_knows() {
    let bench = Bench::shipped();
    let paths = bench.realize(&["container-base", "web-server-image"]);
    let [base, web] = &paths[..] else {
        panic!("{paths:?}")
    };
    let layers = |layout: &Path| inspect(layout, &[])["Layers"].as_array().unwrap().clone();
    let (below, above) = (layers(base), layers(web));
    assert_eq!((below.len(), above.len()), (1, 2));
    assert_eq!(below[0], above[0]);
    let file = |layout: &Path| {
        let hex = below[0].as_str().unwrap().strip_prefix("sha256:").unwrap();
        fs::metadata(layout.join("blobs/sha256").join(hex)).unwrap()
    };
    // One file on disk, not two.
    assert_eq!(file(base).ino(), file(web).ino());

    let rootfs = unpack(web, &bench.path().join("bundle"));
    let mut rpm = Command::new("rpm");
    rpm.arg("--dbpath")
        .arg(rootfs.join("usr/lib/sysimage/rpm"))
        .arg("-qa");
    let installed = run(&mut rpm);
    let mut installed: Vec<&str> = installed.lines().collect();
    installed.sort_unstable();
    assert_eq!(
        installed,
        [
            "sampler-filesystem-1-1.noarch",
            "sampler-httpd-2.4-1.x86_64",
            "sampler-init-1.2-3.noarch",
            "sampler-release-1-1.noarch",
            "sampler-shell-1.0-1.noarch",
        ]
    );
    if !is_root() {
        told::left_out("only root unpacks owners for rpm to look at");
        return;
    }
    let mut rpm = Command::new("rpm");
    rpm.arg("--root").arg(&rootfs);
    rpm.args(["--dbpath", "/usr/lib/sysimage/rpm", "-Va"]);
    let verified = rpm.output().unwrap().stdout;
    let verified = String::from_utf8(verified).unwrap();
    let mut wrong: Vec<&str> = verified.lines().collect();
    wrong.sort_unstable();
    // Accounts of sysusers.d were added.
    assert_eq!(
        wrong,
        [
            "S.5......  c /etc/group",
            "S.5......  c /etc/passwd",
            "S.5......  c /etc/shadow",
        ]
    );
}
