//! Kind `ostree`: `ostree` itself is the judge of what is composed.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use store::compose::{Composed, Error, MAIN, Output, Workspace, composer};
use store::formats::ostree::file::REGULAR;
use store::formats::ostree::{Checksum, Commit, DirMeta, DirTree, FileHeader, Kind, repository};
use store::ids::{TreeId, TreePath};
use store::plan::facts::OstreeFacts;
use store::plan::{Derivation, Input, parameters};
use store::tree::{Builder, Child, Content, Leaf, Meta, Visit, walk};

use crate::support::workspace::Memory;

const REF: &str = "example/1/x86_64/host";
const KERNEL: &str = "6.1.0-placeholder";

fn parameters() -> parameters::Ostree {
    parameters::Ostree {
        reference: REF.to_owned(),
        version: "1.0".to_owned(),
        epoch: 1_700_000_000,
        metadata: [("example.note".to_owned(), "text".to_owned())].into(),
    }
}

fn path(text: impl AsRef<[u8]>) -> TreePath {
    TreePath::parse(text).unwrap()
}

/// An installed root under construction.
struct Root {
    memory: Memory,
    tree: Builder,
}

impl Root {
    fn empty() -> Self {
        Root {
            memory: Memory::default(),
            tree: Builder::default(),
        }
    }

    fn file(&mut self, at: impl AsRef<[u8]>, mode: u32, bytes: &[u8]) -> &mut Leaf {
        let workspace: &dyn Workspace = &self.memory;
        let leaf = workspace.file(mode, bytes).unwrap();
        self.leaf(at, leaf)
    }

    fn leaf(&mut self, at: impl AsRef<[u8]>, leaf: Leaf) -> &mut Leaf {
        let at = path(at);
        self.tree.insert(&at, Child::Leaf(leaf)).unwrap();
        let parent = self.tree.directory(&at.parent().unwrap()).unwrap();
        match parent.children.get_mut(at.file_name().unwrap()) {
            Some(Child::Leaf(leaf)) => leaf,
            _ => unreachable!(),
        }
    }

    fn directory(&mut self, at: &str, mode: u32) -> &mut Meta {
        let directory = self.tree.directory(&path(at)).unwrap();
        directory.meta.mode = mode;
        &mut directory.meta
    }

    /// What every system has, as packages would install it.
    fn system() -> Self {
        let mut root = Root::empty();
        root.file("etc/passwd", 0o644, b"root:x:0:0:::\nchrony:x:998:997:::\n");
        root.file("etc/group", 0o644, b"root:x:0:\nchrony:x:997:\n");
        root.file(
            "usr/lib/os-release",
            0o644,
            b"ID=example\nVERSION_ID=1\nPRETTY_NAME=\"Example 1\"\n",
        );
        root.file("usr/lib/sysimage/rpm/rpmdb.sqlite", 0o644, b"not really");
        root.file(
            format!("boot/vmlinuz-{KERNEL}"),
            0o755,
            b"placeholder kernel",
        );
        root.file(
            format!("boot/initramfs-{KERNEL}.img"),
            0o600,
            b"placeholder initramfs",
        );
        root
    }

    /// Every kind of file, in every shape that changes how an object is written.
    fn sample() -> Self {
        let mut root = Root::system();
        root.file("usr/bin/su", 0o4755, b"setuid");
        root.file("usr/bin/wall", 0o2755, b"setgid");
        root.file("usr/bin/empty", 0o644, b"");
        root.leaf("usr/bin/sh", Leaf::symlink("bash"));
        root.leaf("usr/lib/long", Leaf::symlink("x".repeat(300)));
        root.file(
            format!("usr/share/{}", "n".repeat(255)),
            0o600,
            b"long name",
        );
        root.file("usr/share/ünïcödé näme", 0o644, "ü".as_bytes());
        let large: Vec<u8> = (0..3_000_000u32)
            .map(|n| (n.wrapping_mul(n) >> 9) as u8)
            .collect();
        root.file("usr/lib/large", 0o644, &large);
        // Offsets of one, two and four bytes all appear.
        for n in 0..900 {
            root.file(
                format!("usr/share/many/file-{n}"),
                0o644,
                format!("{}", n % 7).as_bytes(),
            );
            root.directory(&format!("usr/share/many/directory-{n}"), 0o755);
        }
        root.directory("usr/share/empty", 0o2775);
        root.directory("usr/share/sticky", 0o1777);
        let attributes = [
            (&b"user.b"[..], &b"2"[..]),
            (b"user.a", b"\0\xff"),
            (b"user.empty", b""),
        ];
        let attributes = attributes.map(|(name, value)| (name.to_vec(), value.to_vec()));
        root.file("usr/bin/attributes", 0o755, b"x")
            .xattrs(&attributes);
        root.directory("usr/share/attributes", 0o755)
            .xattrs
            .extend(attributes);
        root
    }

    fn enter(&self) -> Input {
        let workspace: &dyn Workspace = &self.memory;
        let output = Output::new("root", workspace.finish(&self.tree).unwrap());
        Input {
            role: "root".to_owned(),
            entry: self.memory.enter(&output),
        }
    }

    fn try_compose(&self, parameters: &parameters::Ostree) -> Result<Composed, Error> {
        let composer = composer("ostree").unwrap();
        let inputs = [self.enter()];
        let derivation = Derivation::new("ostree", composer.version(), parameters, inputs).unwrap();
        composer.compose(&derivation, &self.memory)
    }

    fn compose(&self) -> Repository {
        let composed = self.try_compose(&parameters()).unwrap();
        let directory = tempfile::tempdir().unwrap();
        let repository = Repository {
            facts: composed.facts.unwrap().to().unwrap(),
            notes: self.memory.notes(),
            tree: composed.outputs[MAIN].root,
            path: directory.path().join("repo"),
            directory,
        };
        write_out(&self.memory, repository.tree, &repository.path);
        repository
    }

    fn refused(&self) -> String {
        self.try_compose(&parameters()).unwrap_err().to_string()
    }
}

trait Attributes {
    fn xattrs(&mut self, attributes: &[(Vec<u8>, Vec<u8>)]);
}

impl Attributes for Leaf {
    fn xattrs(&mut self, attributes: &[(Vec<u8>, Vec<u8>)]) {
        self.meta.xattrs.extend(attributes.iter().cloned());
    }
}

/// A tree of plain files on disk.
fn write_out(memory: &Memory, tree: TreeId, base: &Path) {
    let workspace: &dyn Workspace = memory;
    let read = |id| {
        workspace
            .directory(id)
            .map(|directory| (*directory).clone())
    };
    walk(tree, &read, &mut |at, visit| {
        let at = base.join(std::str::from_utf8(at.as_bytes()).unwrap());
        match visit {
            Visit::Directory { .. } => fs::create_dir(at).unwrap(),
            Visit::Leaf(Leaf {
                content: Content::File { blob, .. },
                meta,
            }) => {
                assert_eq!(*meta, Meta::new(0o644));
                fs::write(at, workspace.bytes(*blob)?).unwrap();
            }
            Visit::Leaf(other) => panic!("{other:?}"),
        }
        Ok(())
    })
    .unwrap();
}

/// A composed repository on disk.
struct Repository {
    facts: OstreeFacts,
    notes: Vec<String>,
    tree: TreeId,
    path: PathBuf,
    directory: tempfile::TempDir,
}

impl Repository {
    fn object(&self, checksum: Checksum, kind: Kind) -> Vec<u8> {
        fs::read(self.path.join(repository::object_path(checksum, kind))).unwrap()
    }

    fn commit(&self) -> Commit {
        let checksum = self.facts.commit.parse().unwrap();
        Commit::decode(&self.object(checksum, Kind::Commit)).unwrap()
    }

    /// Runs `ostree` on the repository.
    fn ostree(&self, arguments: &[&str]) -> String {
        run(Command::new("ostree")
            .args(arguments)
            .arg("--repo")
            .arg(&self.path))
    }

    fn beside(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// The commit's files on disk, as our own reader finds them; owners aside.
    fn explode(&self, to: &Path) {
        let commit = self.commit();
        self.explode_directory(commit.tree, commit.meta, to);
    }

    fn explode_directory(&self, tree: Checksum, meta: Checksum, to: &Path) {
        let meta = DirMeta::decode(&self.object(meta, Kind::DirMeta)).unwrap();
        let tree = DirTree::decode(&self.object(tree, Kind::DirTree)).unwrap();
        fs::create_dir(to).unwrap();
        for (name, checksum) in tree.files {
            let object = self.object(checksum, Kind::File);
            let (header, size, body) = FileHeader::decode_archived(&object).unwrap();
            let to = to.join(name);
            if header.is_symlink() {
                symlink(header.target, to).unwrap();
                continue;
            }
            let mut reader = flate2::read::DeflateDecoder::new(&object[body..]);
            let mut bytes = Vec::new();
            std::io::copy(&mut reader, &mut bytes).unwrap();
            assert_eq!(bytes.len() as u64, size);
            fs::write(&to, bytes).unwrap();
            dress(&to, header.mode & !REGULAR, &header.xattrs);
        }
        for (name, sub) in tree.directories {
            self.explode_directory(sub.tree, sub.meta, &to.join(name));
        }
        dress(to, meta.mode & 0o7777, &meta.xattrs);
    }
}

fn dress(at: &Path, mode: u32, xattrs: &store::formats::ostree::Xattrs) {
    for (name, value) in xattrs {
        let name = std::ffi::OsStr::from_bytes(name);
        rustix::fs::setxattr(at, name, value, rustix::fs::XattrFlags::empty()).unwrap();
    }
    fs::set_permissions(at, fs::Permissions::from_mode(mode)).unwrap();
}

fn run(command: &mut Command) -> String {
    let output = command
        .env("LC_ALL", "C.UTF-8")
        .env("TZ", "UTC")
        .output()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(
        output.status.success(),
        "{command:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn ostree_finds_nothing_wrong_with_a_composed_repository() {
    let repository = Root::sample().compose();
    let fsck = repository.ostree(&["fsck"]);
    assert!(
        fsck.contains("Verifying content integrity of 1 commit objects"),
        "{fsck}"
    );
    assert_eq!(repository.ostree(&["refs"]), format!("{REF}\n"));
    assert_eq!(
        repository.ostree(&["rev-parse", REF]).trim(),
        repository.facts.commit
    );
    let log = repository.ostree(&["log", REF]);
    assert!(log.contains("Version: 1.0"), "{log}");
    assert!(log.contains("2023-11-14 22:13:20"), "{log}");
    let show = |key| repository.ostree(&["show", "--print-metadata-key", key, REF]);
    assert_eq!(show("ostree.linux").trim(), format!("'{KERNEL}'"));
    assert_eq!(show("ostree.bootable").trim(), "true");
    assert_eq!(show("example.note").trim(), "'text'");
    let list = repository.ostree(&["ls", "-R", "-C", "-X", REF]);
    let line = |end: &str| list.lines().find(|line| line.ends_with(end)).unwrap();
    assert!(
        line("/usr/bin/su").starts_with("-04755 0 0      6 "),
        "{list}"
    );
    assert!(line("/usr/bin/sh -> bash").starts_with("l00777 0 0      0 "));
    assert!(line("/usr/bin/attributes").contains("b'user.a'"));
}

#[test]
fn ostree_names_the_same_files_with_the_same_checksums() {
    let repository = Root::sample().compose();
    let files = repository.beside("files");
    repository.explode(&files);
    let other = repository.beside("other");
    let command = |name: &str| {
        let mut command = Command::new("ostree");
        command.arg(name).arg("--repo").arg(&other);
        command
    };
    run(command("init").arg("--mode=archive"));
    run(command("config").args(["set", "core.fsync", "false"]));
    let tree = format!("--tree=dir={}", files.display());
    run(command("commit").args(["--branch=other", "--owner-uid=0", "--owner-gid=0", &tree]));
    let theirs = run(command("rev-parse").arg("other"));
    let theirs: Checksum = theirs.trim().parse().unwrap();
    let theirs = fs::read(other.join(repository::object_path(theirs, Kind::Commit))).unwrap();
    let theirs = Commit::decode(&theirs).unwrap();
    let ours = repository.commit();
    assert_eq!((theirs.tree, theirs.meta), (ours.tree, ours.meta));
}

#[test]
fn a_repository_can_be_pulled_and_checked_out() {
    let repository = Root::sample().compose();
    let files = repository.beside("files");
    repository.explode(&files);
    for mode in ["bare-user", "archive"] {
        let other = repository.beside(mode);
        let command = |name: &str| {
            let mut command = Command::new("ostree");
            command.arg(name).arg("--repo").arg(&other);
            command
        };
        run(command("init").arg("--mode").arg(mode));
        run(command("config").args(["set", "core.fsync", "false"]));
        run(command("pull-local").arg(&repository.path).arg(REF));
        run(&mut command("fsck"));
        let out = repository.beside(&format!("{mode}-out"));
        run(command("checkout")
            .arg("--fsync=no")
            .arg("-U")
            .arg(REF)
            .arg(&out));
        run(Command::new("diff")
            .args(["-r", "--no-dereference"])
            .arg(&files)
            .arg(&out));
    }
}

/// Where ordinary users can: without owners, without the immutable flag, without a boot loader to install.
#[test]
fn ostree_deploys_a_composed_tree() {
    let repository = Root::system().compose();
    let sysroot = repository.beside("sysroot");
    fs::create_dir(&sysroot).unwrap();
    let repo = sysroot.join("ostree/repo");
    let ostree = |arguments: &[&str]| {
        let mut command = Command::new("ostree");
        command.env("OSTREE_SYSROOT_DEBUG", "mutable-deployments");
        run(command.args(arguments))
    };
    let at = format!("--sysroot={}", sysroot.display());
    let repo_at = format!("--repo={}", repo.display());
    ostree(&["admin", "init-fs", sysroot.to_str().unwrap()]);
    ostree(&["config", &repo_at, "set", "core.mode", "bare-user-only"]);
    ostree(&["config", &repo_at, "set", "sysroot.bootloader", "none"]);
    ostree(&["admin", "os-init", &at, "host"]);
    ostree(&[
        "pull-local",
        &repo_at,
        repository.path.to_str().unwrap(),
        REF,
    ]);
    ostree(&[
        "admin",
        "deploy",
        &at,
        "--os=host",
        "--karg=root=LABEL=root",
        REF,
    ]);
    let status = ostree(&["admin", "status", &at]);
    assert!(
        status.contains(&format!("host {}.0", repository.facts.commit)),
        "{status}"
    );
    let deployed = sysroot.join(format!(
        "ostree/deploy/host/deploy/{}.0",
        repository.facts.commit
    ));
    assert!(deployed.join("etc/passwd").exists() && deployed.join("usr/etc/passwd").exists());
    let entry = fs::read_to_string(sysroot.join("boot/loader/entries/ostree-1-host.conf")).unwrap();
    assert!(
        entry.contains("title Example 1") && entry.contains(KERNEL),
        "{entry}"
    );
}

/// Everything that the layout moves, at once; the golden text is the composed tree.
#[test]
fn an_installed_root_becomes_the_layout_that_ostree_deploys() {
    let mut root = Root::system();
    root.file("etc/hosts", 0o644, b"hosts");
    root.directory("home", 0o755);
    root.directory("root", 0o550);
    root.file("opt/tool/run", 0o755, b"tool");
    root.directory("usr/local/bin", 0o755);
    root.leaf("media", Leaf::symlink("run/media"));
    let chrony = root.directory("var/lib/chrony", 0o750);
    (chrony.uid, chrony.gid) = (998, 997);
    let nobody = root.directory("var/lib/unknown owner", 0o700);
    (nobody.uid, nobody.gid) = (4000, 4001);
    root.directory("var/tmp", 0o1777);
    root.leaf("var/lock", Leaf::symlink("../run/lock"));
    root.file("var/lib/chrony/drift", 0o640, b"1.0").meta.uid = 998;
    root.directory("run/chrony", 0o755);
    root.file("boot/grub2/grub.cfg", 0o600, b"menu");
    root.file("tmp/left over", 0o600, b"");
    for (name, content) in [
        ("usr/lib/null", Content::Character { major: 1, minor: 3 }),
        ("usr/lib/disk", Content::Block { major: 8, minor: 0 }),
        ("usr/lib/fifo", Content::Fifo),
        ("var/lib/socket", Content::Socket),
    ] {
        let meta = Meta::new(0o600);
        root.leaf(name, Leaf { meta, content });
    }
    let repository = root.compose();
    let list = repository.ostree(&["ls", "-R", REF]);
    assert_eq!(list, include_str!("ostree_layout.txt"));
    let show = repository.ostree(&["cat", REF, "/usr/lib/tmpfiles.d/zz-ostree-state.conf"]);
    assert_eq!(show, include_str!("ostree_tmpfiles.txt"));
    assert_eq!(
        repository.notes.join("\n") + "\n",
        include_str!("ostree_notes.txt")
    );
}

#[test]
fn the_objects_of_a_commit_read_as_text() {
    let mut root = Root::system();
    root.file("usr/bin/ping", 0o4755, b"ping")
        .meta
        .xattrs
        .insert(b"security.capability".to_vec(), vec![1, 0, 0, 2]);
    let repository = root.compose();
    let dump = |checksum: Checksum, kind: Kind| {
        store::formats::ostree::dump(kind, &repository.object(checksum, kind)).unwrap()
    };
    let tree = |checksum| DirTree::decode(&repository.object(checksum, Kind::DirTree)).unwrap();
    let commit = repository.commit();
    let usr = tree(commit.tree).directories["usr"];
    let bin = tree(usr.tree).directories["bin"];
    let text = [
        dump(repository.facts.commit.parse().unwrap(), Kind::Commit),
        dump(commit.meta, Kind::DirMeta),
        dump(commit.tree, Kind::DirTree),
        dump(bin.tree, Kind::DirTree),
        dump(tree(bin.tree).files["ping"], Kind::File),
        dump(tree(commit.tree).files["home"], Kind::File),
    ];
    assert_eq!(text.join("\n"), include_str!("ostree_objects.txt"));
}

#[test]
fn composing_twice_gives_the_same_repository() {
    let (first, second) = (Root::sample().compose(), Root::sample().compose());
    assert_eq!(first.tree, second.tree);
    assert_eq!(first.facts, second.facts);
}

#[test]
fn a_tree_without_a_kernel_is_composed_and_not_bootable() {
    let mut root = Root::system();
    root.tree.remove(&path("boot"));
    let repository = root.compose();
    assert_eq!(repository.facts.kernel, None);
    assert!(!repository.commit().metadata.contains_key("ostree.bootable"));
    assert!(
        repository
            .notes
            .iter()
            .any(|note| note.contains("no kernel"))
    );
}

#[test]
fn two_kernels_are_refused_by_their_names() {
    let mut root = Root::system();
    root.file("usr/lib/modules/5.0/vmlinuz", 0o755, b"another");
    let error = root.refused();
    assert!(error.contains("5.0") && error.contains(KERNEL), "{error}");

    let mut root = Root::system();
    root.file(
        format!("usr/lib/modules/{KERNEL}/vmlinuz"),
        0o755,
        b"changed",
    );
    assert!(root.refused().contains("has different files at"));

    let mut root = Root::system();
    root.file(
        format!("usr/lib/modules/{KERNEL}/vmlinuz"),
        0o755,
        b"placeholder kernel",
    );
    assert_eq!(root.compose().facts.kernel.as_deref(), Some(KERNEL));
}

#[test]
fn what_ostree_cannot_hold_is_refused_with_its_path() {
    let with = |change: &dyn Fn(&mut Root)| {
        let mut root = Root::system();
        change(&mut root);
        root.refused()
    };
    let error = with(&|root| drop(root.file(b"usr/share/na\xefve", 0o644, b"").clone()));
    assert!(
        error.starts_with("/usr/share/na\u{fffd}ve has a name that is not UTF-8"),
        "{error}"
    );
    let error = with(&|root| {
        drop(
            root.leaf("usr/lib/link", Leaf::symlink(&b"\xff"[..]))
                .clone(),
        )
    });
    assert!(error.starts_with("/usr/lib/link points to"), "{error}");
    let error = with(&|root| drop(root.file("usr/etc/both", 0o644, b"").clone()));
    assert!(error.contains("both /etc and /usr/etc"), "{error}");
    let error = with(&|root| drop(root.file("var", 0o644, b"").clone()));
    assert!(error.starts_with("/var is not a directory"), "{error}");
    let error = with(&|root| {
        drop(
            root.leaf("usr/lib/link", Leaf::symlink(&b"a\0b"[..]))
                .clone(),
        )
    });
    assert!(error.starts_with("/usr/lib/link points to"), "{error}");
    let error = with(&|root| {
        root.file("opt/a", 0o644, b"1");
        root.file("var/opt/a", 0o644, b"2");
    });
    assert!(error.starts_with("/opt/a becomes /var/opt/a"), "{error}");
}

#[test]
fn parameters_that_a_commit_cannot_say_are_refused() {
    let with = |change: &dyn Fn(&mut parameters::Ostree)| {
        let mut parameters = parameters();
        change(&mut parameters);
        Root::system()
            .try_compose(&parameters)
            .unwrap_err()
            .to_string()
    };
    assert!(with(&|p| p.reference = "../config".to_owned()).contains("ref"));
    assert!(with(&|p| p.reference = "x".repeat(256)).contains("ref"));
    assert!(with(&|p| p.epoch = -1).contains("before 1970"));
    assert!(with(&|p| p.version = "1\0".to_owned()).contains("NUL"));
    let set = |key: &str| with(&|p| drop(p.metadata.insert(key.to_owned(), "x".to_owned())));
    assert!(set("version").contains("\"version\""));
    assert!(set("a\0").contains("NUL"));
}

mod properties {
    use proptest::prelude::*;
    use store::formats::ostree::gvariant::{Type, Value, read, write};
    use store::formats::ostree::{Commit, DirMeta, DirTree, FileHeader};

    /// Values whose type can be told from them.
    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            any::<u8>().prop_map(Value::Byte),
            any::<bool>().prop_map(Value::Bool),
            any::<u32>().prop_map(Value::U32),
            any::<u64>().prop_map(Value::U64),
            "[^\0]{0,300}".prop_map(Value::String),
            proptest::collection::vec(any::<u8>(), 0..400).prop_map(Value::Bytes),
        ];
        leaf.prop_recursive(4, 40, 6, |inner| {
            prop_oneof![
                inner
                    .clone()
                    .prop_map(|value| Value::Variant(Box::new(value))),
                proptest::collection::vec(inner.clone(), 1..6).prop_map(Value::Tuple),
                (inner.clone(), 0..60usize).prop_map(array),
                ("[a-z]{0,9}", inner).prop_map(|(key, value)| {
                    Value::Pair(Box::new(Value::String(key)), Box::new(value))
                }),
            ]
        })
    }

    /// Bytes have a value of their own.
    fn array((value, count): (Value, usize)) -> Value {
        match value {
            Value::Byte(byte) => Value::Bytes(vec![byte; count]),
            value => Value::Array(value.kind(), vec![value; count]),
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]

        #[test]
        fn what_was_written_reads_back(value in value()) {
            let kind = value.kind();
            prop_assert_eq!(&Type::parse(&kind.to_string()).unwrap(), &kind);
            prop_assert_eq!(read(&kind, &write(&value)).unwrap(), value);
        }

        #[test]
        fn damage_never_panics(value in value(), at in any::<usize>(), byte in any::<u8>(), cut in any::<usize>()) {
            let kind = value.kind();
            let mut bytes = write(&value);
            if !bytes.is_empty() {
                let at = at % bytes.len();
                bytes[at] = byte;
                let _ = read(&kind, &bytes);
                bytes.truncate(cut % bytes.len());
            }
            let _ = read(&kind, &bytes);
        }

        #[test]
        fn random_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = Commit::decode(&bytes);
            let _ = DirTree::decode(&bytes);
            let _ = DirMeta::decode(&bytes);
            let _ = FileHeader::decode_archived(&bytes);
            let mut framed = vec![0, 0, 0, bytes.len() as u8, 0, 0, 0, 0];
            framed.extend(&bytes);
            let _ = FileHeader::decode_archived(&framed);
        }
    }
}
