//! Traditional composes, with productmd and dnf as the judges.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use sha2::{Digest as _, Sha256};
use store::compose::{MAIN, Output, Workspace};
use store::formats::rpm::record;
use store::ids::TreePath;
use store::plan::parameters;
use store::tree::{Builder, Child, Leaf};

use super::support::bench::Bench;
use super::support::checkout::checkout;
use super::support::dnf::Machine;
use super::support::productmd;
use super::support::rpm::try_compose;
use super::support::sample::run;
use super::support::workspace::Memory;

/// Where the metadata of a compose is, as the library loads it.
fn payload<'a>(told: &'a Value, file: &str) -> &'a Value {
    &told[file]["payload"][if file == "info" { "variants" } else { file }]
}

fn strings(value: &Value) -> BTreeSet<String> {
    let items = value.as_array().unwrap().iter();
    items
        .map(|item| item.as_str().unwrap().to_owned())
        .collect()
}

/// What rpm says that a file is, with its epoch.
fn nevra(file: &Path) -> String {
    let format = "%{NAME}-%|EPOCH?{%{EPOCH}}:{0}|:%{VERSION}-%{RELEASE}.%{ARCH}";
    let output = Command::new("rpm")
        .args(["-qp", "--nosignature", "--queryformat", format])
        .arg(file)
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap()
}

/// Every RPM file below a directory, relative to it.
fn rpm_files(directory: &Path) -> BTreeSet<String> {
    walkdir::WalkDir::new(directory)
        .into_iter()
        .map(|item| item.unwrap().into_path())
        .filter(|path| path.extension().is_some_and(|end| end == "rpm"))
        .map(|path| {
            let path = path.strip_prefix(directory).unwrap();
            path.to_str().unwrap().to_owned()
        })
        .collect()
}

/// What the metadata tells of a disc is what the disc itself has.
fn disc_says(image: &serde_json::Value, disc: &Path) {
    let said = |program: &str, arguments: &[&str]| {
        let mut command = Command::new(program);
        let output = command.args(arguments).arg(disc).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let label = format!("Volume id: {}\n", image["volume_id"].as_str().unwrap());
    assert!(said("isoinfo", &["-d", "-i"]).contains(&label));
    let sum = image["implant_md5"].as_str().unwrap();
    assert!(
        said("checkisomd5", &["--md5sumonly"]).contains(sum),
        "{sum}"
    );
    // Its kernel is a placeholder, and it has no boot loader.
    assert_eq!(image["bootable"], false);
}

#[test]
fn productmd_loads_the_release_that_ships_and_it_says_what_is_there() {
    let bench = Bench::shipped();
    let release = bench.realize(&["release"]).remove(0);
    let told = productmd::compose(&release);
    let id = fs::read_to_string(release.join("COMPOSE_ID")).unwrap();
    assert_eq!(id, "sampler-1-20261101.0");
    assert_eq!(told["id"], id.as_str());
    let status = fs::read_to_string(release.join("STATUS")).unwrap();
    assert_eq!(status, "FINISHED\n");
    for file in ["info", "rpms", "images", "modules"] {
        assert_eq!(
            told[file]["payload"]["compose"]["id"],
            id.as_str(),
            "{file}"
        );
        assert_eq!(told[file]["header"]["version"], "1.2", "{file}");
    }
    let variants = strings(&told["variants"]);
    let expected = [
        "AtomicHost",
        "Cloud",
        "Container",
        "Server",
        "Server-WebServer",
        "Workstation",
        "Workstation-ContainerRuntime",
    ];
    assert_eq!(variants, expected.map(str::to_owned).into());
    assert_eq!(&told["again"]["rpms"], payload(&told, "rpms"));
    assert_eq!(&told["again"]["modules"], payload(&told, "modules"));

    // The packages are those that lie there, and are what they are called.
    let compose = release.join("compose");
    let mut listed = BTreeSet::new();
    for (variant, arches) in payload(&told, "rpms").as_object().unwrap() {
        for (source, packages) in arches["x86_64"].as_object().unwrap() {
            assert!(source.ends_with(".src"), "{source}");
            for (name, package) in packages.as_object().unwrap() {
                let path = package["path"].as_str().unwrap();
                assert_eq!(&nevra(&compose.join(path)), name, "{variant}: {path}");
                assert_eq!(package["category"], "binary");
                assert!(listed.insert(path.to_owned()), "{path}");
            }
        }
    }
    assert_eq!(listed, rpm_files(&compose));

    // The paths of every variant lead somewhere.
    for (variant, of) in payload(&told, "info").as_object().unwrap() {
        for (category, arches) in of["paths"].as_object().unwrap() {
            let path = compose.join(arches["x86_64"].as_str().unwrap());
            assert!(path.is_dir(), "{variant} {category}: {path:?}");
        }
    }
    let modules = payload(&told, "modules");
    for (variant, arches) in modules.as_object().unwrap() {
        for (uid, module) in arches["x86_64"].as_object().unwrap() {
            let path = compose.join(module["modulemd_path"]["binary"].as_str().unwrap());
            let text = Command::new("gzip").arg("-dc").arg(path).output().unwrap();
            let text = String::from_utf8(text.stdout).unwrap();
            for package in strings(&module["rpms"]) {
                assert!(text.contains(&package), "{variant} {uid}: {package}");
            }
        }
    }
    let addon = modules["Server-WebServer"]["x86_64"].as_object().unwrap();
    let web = addon.values().next().unwrap();
    assert_eq!(
        strings(&web["rpms"]),
        ["sampler-httpd-0:2.4-1.x86_64".to_owned()].into()
    );

    // Images are files that lie there, of the kind that they are.
    let images = payload(&told, "images").as_object().unwrap();
    let mut kinds = BTreeSet::new();
    for image in images
        .values()
        .flat_map(|of| of["x86_64"].as_array().unwrap())
    {
        let path = compose.join(image["path"].as_str().unwrap());
        assert_eq!(image["checksums"]["sha256"], productmd::sha256(&path));
        let told = [&image["subvariant"], &image["type"]];
        kinds.insert(told.map(|text| text.as_str().unwrap().to_owned()).join(" "));
        if image["format"] == "iso" {
            disc_says(image, &path);
            continue;
        }
        if image["format"] == "qcow2" {
            run("qemu-img", &["check", path.to_str().unwrap()]);
            continue;
        }
        let inspected = Command::new("skopeo")
            .env("TMPDIR", bench.path())
            .args([
                "inspect",
                "--raw",
                &format!("oci-archive:{}", path.display()),
            ])
            .output()
            .unwrap();
        assert!(inspected.status.success(), "{inspected:?}");
    }
    let expected = [
        "atomic-disk qcow2",
        "atomic-host-image bootable-container",
        "atomic-installer dvd-ostree",
        "container-base container",
        "server-installer dvd",
        "web-server-image container",
    ];
    assert_eq!(kinds, expected.map(str::to_owned).into());

    // The tree of the variant is one that an installer finds its way in; the repositories beside it are some.
    let tree = productmd::tree(&compose.join("Server/x86_64/os"));
    assert_eq!(tree["variants"]["Server-WebServer"]["type"], "addon");
    for host in ["atomic-host", "atomic-host-fast"] {
        let repository = compose.join("AtomicHost/x86_64/ostree").join(host);
        let refs = Command::new("ostree")
            .arg(format!("--repo={}", repository.display()))
            .arg("refs")
            .output()
            .unwrap();
        let refs = String::from_utf8(refs.stdout).unwrap();
        assert_eq!(refs, format!("sampler/1/x86_64/{host}\n"));
    }
}

#[test]
fn dnf_installs_from_the_trees_of_a_compose() {
    let bench = Bench::shipped();
    let release = bench.realize(&["release"]).remove(0);
    let os = release.join("compose/Server/x86_64/os");
    let addon = os.join("addons/web-server");
    let machine = Machine::new(&[("server", &os), ("web-server", &addon)]);
    machine.run(&["module", "enable", "web-server:2"]);
    let fetched = machine.download(&["install", "sampler-httpd"]);
    assert!(
        fetched.contains(&"sampler-httpd-2.4-1.x86_64.rpm".to_owned()),
        "{fetched:?}"
    );
    assert_eq!(fetched.len(), fetched.iter().collect::<BTreeSet<_>>().len());
}

#[test]
fn a_compose_holds_its_artifacts_by_links_and_two_stores_agree_on_it() {
    let (one, other) = (Bench::shipped(), Bench::shipped());
    let first = one.json(&["realize", "release"]);
    // Made before, in another order, and in one thread: it stays the same.
    other.realize(&["atomic-host", "cloud"]);
    let second = other.json(&["realize", "release", "--jobs", "1"]);
    assert_eq!(
        first["artifacts"][0]["entry"],
        second["artifacts"][0]["entry"]
    );
    assert_eq!(first["artifacts"][0]["kind"], "compose");
    // Beside its own metadata it adds nothing: all packages and objects are there once.
    one.realize(&["server"]);
    let view = |name: &str| one.realize(&[name]).remove(0);
    let (release, server) = (view("release"), view("server"));
    let package = "Packages/sampler-shell-1.0-1.noarch.rpm";
    let ours = fs::metadata(release.join("compose/Server/x86_64/os").join(package)).unwrap();
    let theirs = fs::metadata(server.join(package)).unwrap();
    use std::os::unix::fs::MetadataExt;
    assert_eq!(ours.ino(), theirs.ino());
}

#[test]
fn a_change_of_one_edition_makes_that_and_the_compose_again() {
    let bench = Bench::shipped();
    bench.realize(&["release"]);
    bench.edit(
        "editions/cloud.toml",
        "\"web-server\"",
        "\"gtk\", \"web-server\"",
    );
    let report = bench.json(&["realize", "release"]);
    assert_eq!(report["steps"]["composed"], 2, "{report}");
    let explained = bench.run(&["diff", "release@1", "release@2"]).works().out;
    assert!(explained.contains("Cloud/repository/cloud"), "{explained}");
    assert!(!explained.contains("Packages/"), "{explained}");
    // Another respin is another compose, and nothing else.
    bench.edit("composes/release.toml", "kind =", "respin = 4\nkind =");
    let report = bench.json(&["realize", "release"]);
    assert_eq!(report["steps"]["composed"], 1, "{report}");
    let release = bench.realize(&["release"]).remove(0);
    let id = fs::read_to_string(release.join("COMPOSE_ID")).unwrap();
    assert_eq!(id, "sampler-1-20261101.4");
    let closure = bench.print(&["closure", "release"]);
    assert!(closure.contains("repository"), "{closure}");
    assert!(bench.print(&["show", "release"]).contains("compose"));
    assert_eq!(bench.run(&["lint"]).code, 0);
}

/// As a kind that gives images would: a file at the top of its entry, and what the medium is beside it.
#[test]
fn productmd_loads_the_images_of_artifacts_that_give_some() {
    let memory = Memory::default();
    let workspace: &dyn Workspace = &memory;
    let entry = |file: &str, media: &[(&str, &str)]| {
        let leaf = workspace.file(0o644, file.as_bytes()).unwrap();
        let mut output = Output::new("installer", workspace.single(file, leaf).unwrap());
        let media = media
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
        output.media.extend(media);
        memory.enter(&output)
    };
    let iso = entry(
        "boot.iso",
        &[
            ("type", "boot"),
            ("volume_id", "SAMPLER-1"),
            ("bootable", "true"),
        ],
    );
    let disk = entry("host.qcow2", &[]);
    let compose =
        |inputs: &[(&str, _)]| try_compose(&memory, "compose", &params(), inputs.iter().copied());
    let made = compose(&[("Host/installer/boot", iso), ("Host/disk/host", disk)]).unwrap();
    let directory = tempfile::tempdir().unwrap();
    checkout(&memory, made.outputs[MAIN].root, directory.path());
    let told = productmd::compose(directory.path());
    assert_eq!(told["id"], "sampler-1-20261101.n.2");
    let images = payload(&told, "images")["Host"]["x86_64"]
        .as_array()
        .unwrap();
    assert_eq!(images.len(), 2);
    for image in images {
        let path = directory
            .path()
            .join("compose")
            .join(image["path"].as_str().unwrap());
        assert_eq!(image["checksums"]["sha256"], productmd::sha256(&path));
        assert_eq!(image["size"], fs::metadata(&path).unwrap().len());
    }
    let (disk, iso) = (&images[0], &images[1]);
    assert_eq!(disk["path"], "Host/x86_64/images/host.qcow2");
    assert_eq!(
        (&disk["type"], &disk["format"]),
        (&"qcow2".into(), &"qcow2".into())
    );
    assert_eq!(iso["path"], "Host/x86_64/iso/boot.iso");
    assert_eq!(
        (&iso["type"], &iso["volume_id"]),
        (&"boot".into(), &"SAMPLER-1".into())
    );
    assert_eq!(
        (&iso["bootable"], &disk["bootable"]),
        (&true.into(), &false.into())
    );

    let mut empty = Builder::default();
    let child = Child::Leaf(Leaf::symlink("nowhere.iso"));
    empty.children.insert(b"x.iso".to_vec(), child);
    let empty = Output::new("command", workspace.finish(&empty).unwrap());
    let error = compose(&[("Host/command/x", memory.enter(&empty))]).unwrap_err();
    assert!(error.to_string().contains("x gives no image"), "{error}");
}

/// A layout as a kind that makes container images gives it: made by hand, of one layer.
#[test]
fn a_container_image_becomes_an_archive_that_skopeo_reads() {
    let memory = Memory::default();
    let workspace: &dyn Workspace = &memory;
    let mut layout = Builder::default();
    let mut file = |path: &str, bytes: &[u8]| {
        let leaf = workspace.file(0o644, bytes).unwrap();
        let path = TreePath::parse(path).unwrap();
        layout.replace(&path, Child::Leaf(leaf)).unwrap();
    };
    let mut blob = |bytes: &[u8]| {
        let digest = data_encoding::HEXLOWER.encode(&Sha256::digest(bytes));
        file(&format!("blobs/sha256/{digest}"), bytes);
        (format!("sha256:{digest}"), bytes.len())
    };
    // An archive without files, and one that fills its last block to the byte.
    let (layer, layer_size) = blob(&[0; 1024]);
    let config = format!(
        r#"{{"architecture":"amd64","os":"linux","config":{{}},"rootfs":{{"type":"layers","diff_ids":["{layer}"]}}}}"#
    );
    let (config, config_size) = blob(config.as_bytes());
    let of = |kind: &str| format!("application/vnd.oci.image.{kind}");
    let manifest = serde_json::json!({
        "schemaVersion": 2,
        "mediaType": of("manifest.v1+json"),
        "config": { "mediaType": of("config.v1+json"), "digest": config, "size": config_size },
        "layers": [{ "mediaType": of("layer.v1.tar"), "digest": layer, "size": layer_size }],
    })
    .to_string();
    let (digest, size) = blob(manifest.as_bytes());
    let index = serde_json::json!({
        "schemaVersion": 2,
        "manifests": [{ "mediaType": of("manifest.v1+json"), "digest": digest, "size": size }],
    });
    file("index.json", index.to_string().as_bytes());
    file("oci-layout", br#"{"imageLayoutVersion":"1.0.0"}"#);
    let image = Output::new("image", workspace.finish(&layout).unwrap());
    let input = ("Host/image/base", memory.enter(&image));
    let made = try_compose(&memory, "compose", &params(), [input]).unwrap();
    let directory = tempfile::tempdir().unwrap();
    checkout(&memory, made.outputs[MAIN].root, directory.path());
    let told = productmd::compose(directory.path());
    let image = &payload(&told, "images")["Host"]["x86_64"][0];
    assert_eq!(
        (&image["type"], &image["format"]),
        (&"container".into(), &"ociarchive".into())
    );
    let path = directory
        .path()
        .join("compose")
        .join(image["path"].as_str().unwrap());
    assert_eq!(image["checksums"]["sha256"], productmd::sha256(&path));
    let skopeo = |arguments: &[&str]| {
        let output = Command::new("skopeo")
            .env("TMPDIR", directory.path())
            .args(arguments)
            .output()
            .unwrap();
        let complained = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{complained}");
        String::from_utf8(output.stdout).unwrap()
    };
    let archive = format!("oci-archive:{}", path.display());
    assert_eq!(skopeo(&["inspect", "--raw", &archive]), manifest);
    let copy = format!("dir:{}", directory.path().join("copy").display());
    skopeo(&["--insecure-policy", "copy", &archive, &copy]);
}

fn params() -> parameters::Compose {
    parameters::Compose {
        record: record::VERSION,
        release: parameters::Release {
            name: "Sampler".into(),
            short: "sampler".into(),
            version: "1".into(),
            arch: "x86_64".into(),
            epoch: 1_793_491_200,
        },
        date: "20261101".into(),
        purpose: "nightly".into(),
        respin: 2,
        label: Some("RC-1.0".into()),
    }
}

#[test]
fn what_a_compose_can_not_be_made_of_is_said() {
    let module = "kind = \"module\"\nstream = \"1\"\nversion = 1\nfrom = [\"tool\"]\n";
    let package = "kind = \"package\"\nversion = \"1\"\nrelease = \"1\"\nlicense = \"MIT\"\nsummary = \"x\"\n";
    let edition = "kind = \"repository\"\nmodules = [\"base\"]\n";
    let said = |compose: &str| {
        let bench = Bench::of(&[
            ("tool.toml", package),
            ("base.toml", module),
            ("one.toml", edition),
            ("two.toml", edition),
            ("composes/release.toml", compose),
        ]);
        let said = bench.run(&["plan", "release"]);
        assert_eq!(said.code, 2, "{said:?}");
        said.err
    };
    let head = "kind = \"compose\"\n";
    for (recipe, message) in [
        (
            "[variants]\nServer = [\"one\", \"two\"]\n",
            "two editions in variant \"Server\"",
        ),
        (
            "[variants]\nServer = [\"base\"]\n",
            "\"base\" is of kind \"module\"",
        ),
        ("[variants]\nServer = [\"ones\"]\n", "did you mean \"one\"?"),
        ("[variants]\nServer = []\n", "variants.Server"),
        ("[variants]\n\"A-B\" = [\"one\"]\n", "can't be a variant"),
        (
            "[variants]\nmetadata = [\"one\"]\n",
            "the compose's own files",
        ),
        (
            "type = \"weekly\"\n[variants]\nA = [\"one\"]\n",
            "production, nightly",
        ),
        (
            "label = \"RC1\"\n[variants]\nA = [\"one\"]\n",
            "NAME-MAJOR.MINOR",
        ),
        ("", "\"variants\" is missing"),
    ] {
        let said = said(&format!("{head}{recipe}"));
        assert!(said.contains(message), "{recipe}: {said}");
    }
    let said = said("[release]\nname = \"x\"\n");
    assert!(said.contains("one in a folder is an artifact"), "{said}");
}
