//! The steps `package`, `import` and `unpack`, one after the other.

use store::compose::{MAIN, Output, Workspace};
use store::formats::rpm::{FileFlags, Package, Record, record, tags};
use store::ids::{BlobId, EntryId, TreePath};
use store::plan::parameters;
use store::tree::{Content, Leaf, Node};

use crate::support::fixtures;
use crate::support::rpm::{enter, spec, try_compose};
use crate::support::workspace::Memory;

fn path(text: &str) -> TreePath {
    TreePath::parse(text).unwrap()
}

fn leaf(memory: &Memory, output: &Output, at: &str) -> Leaf {
    let workspace: &dyn Workspace = memory;
    match workspace.lookup(output.root, &path(at)).unwrap() {
        Some(Node::Leaf(leaf)) => leaf,
        other => panic!("{at}: {other:?}"),
    }
}

fn entry_of(memory: &Memory, kind: &str, name: &str, bytes: &[u8]) -> EntryId {
    let workspace: &dyn Workspace = memory;
    let file = workspace.file(0o644, bytes).unwrap();
    memory.enter(&Output::new(kind, workspace.single(name, file).unwrap()))
}

#[test]
fn import_gives_the_content_and_the_record() {
    let memory = Memory::default();
    let built = spec("x-1-1.noarch").file("/usr/x", b"x").build(&memory);
    let composed = built.import(&memory);
    let facts: Record = composed.facts.as_ref().unwrap().to().unwrap();
    assert_eq!(facts, built.record);
    let Content::File { size, blob } =
        leaf(&memory, &composed.outputs["content"], "content").content
    else {
        panic!("content is a file");
    };
    let start = built.record.header_range.0;
    assert_eq!(blob, built.record.content);
    assert_eq!(size, built.record.file_size - start);
    assert_eq!(blob, BlobId::of(&built.bytes[start as usize..]));
}

#[test]
fn unpack_refuses_a_package_with_a_bad_file_though_its_digests_fit() {
    let memory = Memory::default();
    let good = spec("x-1-1.noarch").file("/usr/x", b"x").bytes(&memory);
    let package = Package::read(&mut good.as_slice()).unwrap();
    // The lie is in the header, which a careless builder digested with it.
    let digest = package.header.files().unwrap()[0].digest.clone();
    let mut bad = good.clone();
    let at = bad
        .windows(64)
        .position(|bytes| bytes == digest.as_bytes())
        .unwrap();
    bad[at] = if bad[at] == b'0' { b'1' } else { b'0' };
    let (start, end) = package.record.header_range;
    for (algorithm, length) in [
        (store::ids::Algorithm::Sha1, 40),
        (store::ids::Algorithm::Sha256, 64),
    ] {
        let hash = |bytes: &[u8]| {
            let header = &bytes[start as usize..end as usize];
            store::formats::rpm::checksum::Hasher::of(algorithm, header)
        };
        let (old, new) = (hash(&good), hash(&bad));
        let at = bad
            .windows(length)
            .position(|bytes| bytes == old.as_bytes())
            .unwrap();
        bad[at..at + length].copy_from_slice(new.as_bytes());
    }
    Package::read(&mut bad.as_slice()).expect("all that can be told without unpacking");
    let rpm = entry_of(&memory, "rpm", "package.rpm", &bad);
    let asked = parameters::Import {
        record: record::VERSION,
    };
    let imported = try_compose(&memory, "import", &asked, [("rpm", rpm)])
        .expect("import reads no files, only what digests cover");
    let content = memory.enter(&imported.outputs["content"]);
    let error = try_compose(
        &memory,
        "unpack",
        &parameters::Unpack {},
        [("content", content)],
    );
    let error = error.unwrap_err();
    assert!(error.to_string().contains("usr/x"), "{error}");
}

#[test]
fn a_package_signed_anew_is_the_same_content() {
    let Some(folder) = fixtures::folder("rpms") else {
        return;
    };
    let content = |name: &str| {
        let bytes = std::fs::read(folder.join(name)).unwrap();
        Package::read(&mut bytes.as_slice()).unwrap().record
    };
    let rsa = content("createrepo_c__empty-signed-rsa-0-0.x86_64.rpm");
    let eddsa = content("createrepo_c__empty-signed-eddsa-0-0.x86_64.rpm");
    assert_ne!(rsa.file, eddsa.file);
    assert_eq!(rsa.content, eddsa.content);
}

#[test]
fn unpack_gives_files_with_modes_times_links_and_capabilities() {
    let memory = Memory::default();
    let built = spec("x-1-1.noarch")
        .directory("/etc/x")
        .file("/etc/x/conf", b"a")
        .change("/etc/x/conf", |file| file.mode = 0o4600)
        .file("/usr/bin/x", b"x")
        .change("/usr/bin/x", |file| {
            file.capabilities = "cap_chown=ep".to_owned()
        })
        .symlink("/usr/bin/y", "x")
        .ghost("/var/log/x")
        .build(&memory);
    let output = &built.unpack(&memory).outputs[MAIN];
    assert_eq!(output.kind, "unpacked");
    let conf = leaf(&memory, output, "files/etc/x/conf");
    assert_eq!(
        (conf.meta.mode, conf.meta.mtime),
        (0o4600, Some(1_600_000_000))
    );
    let x = leaf(&memory, output, "files/usr/bin/x");
    assert!(x.meta.xattrs.contains_key(&b"security.capability"[..]));
    let target = b"x".to_vec();
    assert_eq!(
        leaf(&memory, output, "files/usr/bin/y").content,
        Content::Symlink { target }
    );
    let workspace: &dyn Workspace = &memory;
    let ghost = workspace.lookup(output.root, &path("files/var")).unwrap();
    assert_eq!(ghost, None, "a ghost is not shipped");
    let header = leaf(&memory, output, "header");
    let (start, end) = built.record.header_range;
    let image = &built.bytes[start as usize..end as usize];
    assert!(matches!(header.content, Content::File { blob, .. } if blob == BlobId::of(image)));
}

#[test]
fn unpacking_twice_gives_the_same_tree() {
    let unpack = || {
        let memory = Memory::default();
        let built = spec("x-1-1.noarch")
            .file("/a/b", b"x")
            .file("/a/c", b"")
            .build(&memory);
        built.unpack(&memory).outputs[MAIN].clone()
    };
    assert_eq!(unpack(), unpack());
}

#[test]
fn hard_links_are_one_file_by_several_names() {
    let Some(folder) = fixtures::folder("rpms") else {
        return;
    };
    let memory = Memory::default();
    let bytes = std::fs::read(folder.join("rpm__hlinktest-1.0-1.noarch.rpm")).unwrap();
    let output = enter(&memory, bytes).unpack(&memory).outputs[MAIN].clone();
    let groups: Vec<usize> = output.links.iter().map(Vec::len).collect();
    assert_eq!(groups, [2, 4]);
    let paths = output.links.iter().flatten();
    let blobs = |path: &TreePath| leaf(&memory, &output, &path.to_string()).content;
    assert!(
        paths
            .clone()
            .all(|path| path.starts_with(&self::path("files")))
    );
    for group in &output.links {
        assert!(group.iter().all(|path| blobs(path) == blobs(&group[0])));
    }
}

#[test]
fn a_path_that_would_leave_the_tree_is_refused() {
    let memory = Memory::default();
    let bytes = spec("x-1-1.noarch").file("/abc/x", b"").bytes(&memory);
    let package = Package::read(&mut bytes.as_slice()).unwrap();
    let (start, end) = package.record.header_range;
    let mut content = bytes[start as usize..end as usize].to_vec();
    let at = content
        .windows(6)
        .position(|bytes| bytes == b"/abc/\0")
        .unwrap();
    content[at..at + 5].copy_from_slice(b"//../");
    assert!(package.header.has(tags::DIRECTORY_NAMES));
    content.extend(&bytes[end as usize..]);
    let entry = entry_of(&memory, "content", "content", &content);
    let error = try_compose(
        &memory,
        "unpack",
        &parameters::Unpack {},
        [("content", entry)],
    );
    let error = error.unwrap_err().to_string();
    assert!(error.contains("can't be a path in a tree"), "{error}");
}

#[test]
fn source_packages_unpack_to_bare_names() {
    for package in fixtures::packages("rpms") {
        let name = fixtures::name(&package);
        if !name.ends_with(".src.rpm") {
            continue;
        }
        let memory = Memory::default();
        let built = enter(&memory, std::fs::read(&package).unwrap());
        assert!(built.record.source, "{name}");
        assert_eq!(built.record.nevra.arch, "src", "{name}");
        let output = built.unpack(&memory).outputs[MAIN].clone();
        for file in &built.record.files {
            assert!(!file.path.contains(&b'/'), "{name}");
            let at = format!("files/{}", String::from_utf8_lossy(&file.path));
            leaf(&memory, &output, &at);
        }
    }
}

#[test]
fn a_record_survives_its_canonical_form() {
    let memory = Memory::default();
    let record = spec("x-3:1-1.noarch")
        .requires("(a if b)")
        .requires_pre("c > 1:2-3")
        .file("/x", b"")
        .change("/x", |file| file.flags = FileFlags::GHOST)
        .build(&memory)
        .record;
    let bytes = store::ids::canonical::encode(&record).unwrap();
    assert_eq!(
        store::ids::canonical::decode::<Record>(&bytes).unwrap(),
        record
    );
}
