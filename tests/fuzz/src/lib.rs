//! What is fuzzed: one function for each target, which takes whatever bytes come.
//!
//! The suite runs the same functions over what was found before, so that it stays found.
//! A target returns where the bytes are refused, and panics only over a bug: where what was accepted does not hold.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use store::formats::openpgp::{Keyring, verify_detached};
use store::formats::ostree::{self, Commit, DirMeta, DirTree, FileHeader};
use store::formats::rpm::{Header, Package, Payload, Record};
use store::formats::{comps, iso9660 as iso, modulemd, repodata};
use store::ids::canonical::{self, Value};
use store::ids::{BlobId, EntryId, Hash, TraceId, TreeId};
use store::recipe::Recipes;
use store::source::Lock;
use store::source::fetch::Metalink;
use store::store::{Entry, GcOptions, Store, Trace, VerifyOptions};
use store::tree::{Assembly, Directory};

/// Something that takes bytes of no trust.
pub type Target = fn(&[u8]);

/// Every target, by the name of its binary.
pub const TARGETS: [(&str, Target); 16] = [
    ("rpm_header", rpm_header),
    ("rpm_package", rpm_package),
    ("rpm_payload", rpm_payload),
    ("repodata", repodata),
    ("metalink", metalink),
    ("openpgp", openpgp),
    ("comps", comps),
    ("modulemd", modulemd),
    ("recipe", recipe),
    ("lock", lock),
    ("canonical", canonical),
    ("records", records),
    ("gvariant", gvariant),
    ("iso9660", iso9660),
    ("store_files", store_files),
    ("store_objects", store_objects),
];

/// Input beyond this is slow to work on and finds nothing that less does not.
const LONGEST: usize = 1 << 20;

/// A main header, in a package that is otherwise good.
pub fn rpm_header(bytes: &[u8]) {
    let mut package = vec![0xed, 0xab, 0xee, 0xdb, 3, 0];
    package.resize(79, 0);
    package.push(5);
    package.resize(96, 0);
    // A signature header that states nothing: eight bytes put by for one.
    package.extend([0x8e, 0xad, 0xe8, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 8]);
    package.extend([0, 0, 3, 0xf0, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0, 8]);
    package.extend([0; 8]);
    package.extend_from_slice(bytes);
    rpm_package(&package);
}

/// A whole package file, with what is kept of it.
pub fn rpm_package(bytes: &[u8]) {
    let Ok(package) = Package::read(&mut &*bytes) else {
        return;
    };
    let record = canonical::encode(&package.record).expect("a record has a canonical form");
    let again: Record = canonical::decode(&record).expect("what was written can be read");
    assert_eq!(again, package.record);
    let _ = repodata::Rendered::of(&package.record, "Packages/x.rpm");
}

/// A header with the payload that it describes.
pub fn rpm_payload(bytes: &[u8]) {
    let mut reader = bytes;
    let Ok(header) = Header::read(&mut reader) else {
        return;
    };
    let Ok(mut payload) = Payload::open(&header, reader) else {
        return;
    };
    // What a header states may be unpacked, however much it is; here not more than a little of it.
    let mut left = 64 << 20;
    while let Ok(Some(packed)) = payload.next_file() {
        left -= payload.files()[packed.number].size.min(left);
        if left == 0 || io::copy(&mut payload, &mut io::sink()).is_err() {
            return;
        }
    }
}

/// An index, a list of packages or of files, or a compressed list of packages: the first byte says which.
pub fn repodata(bytes: &[u8]) {
    let Some((&which, bytes)) = bytes.split_first() else {
        return;
    };
    let name = match which % 7 {
        0 => return drop(repodata::references(bytes)),
        1 => return packages(bytes),
        2 => {
            let wanted = BTreeSet::from([b"/usr/a".to_vec(), b"/etc/b".to_vec()]);
            if let Ok(owners) = repodata::owners("filelists.xml", bytes, &wanted) {
                assert_eq!(owners.keys().cloned().collect::<BTreeSet<_>>(), wanted);
            }
            return;
        }
        3 => "primary.xml.gz",
        4 => "primary.xml.xz",
        5 => "primary.xml.bz2",
        _ => "primary.xml.zst",
    };
    if let Ok(opened) = repodata::open(name, bytes) {
        packages(&opened);
    }
}

/// The packages of a `primary.xml`: those that are taken have all that a plan asks of them.
fn packages(bytes: &[u8]) {
    for listed in repodata::Primary::new("primary.xml", bytes) {
        let Ok(listed) = listed else { return };
        let nevra = &listed.solvable.nevra;
        assert!(!nevra.name.is_empty() && !nevra.evr.version.is_empty());
        let _ = (listed.location.to_string(), nevra.to_string());
    }
}

/// Where mirrors are said to be: a metalink.
pub fn metalink(bytes: &[u8]) {
    if let Ok(metalink) = Metalink::read(bytes) {
        assert!(!metalink.mirrors.is_empty() && !metalink.versions.is_empty());
        assert!(!metalink.names(b"an index that nobody made"));
    }
}

/// Keys, so many bytes as the first two say, and a signature of something that they can't have signed.
pub fn openpgp(bytes: &[u8]) {
    let Some((length, bytes)) = bytes.split_first_chunk() else {
        return;
    };
    let length = usize::from(u16::from_le_bytes(*length)).min(bytes.len());
    let (key, signature) = bytes.split_at(length);
    let mut keyring = Keyring::default();
    let _ = keyring.add(key);
    let _ = keyring.ids().count();
    let made_up: &[u8] = b"what nobody signed";
    assert!(verify_detached(&keyring, made_up, signature, 1_800_000_000).is_err());
}

pub fn comps(bytes: &[u8]) {
    let _ = comps::check(bytes);
}

/// A stream of module documents; what is understood is written, and what is written says the same when it is read.
pub fn modulemd(bytes: &[u8]) {
    let Some(documents) = text(bytes).and_then(|text| modulemd::read(text).ok()) else {
        return;
    };
    let written = modulemd::stream(&documents);
    let again = modulemd::read(&written).expect("what was written can be read");
    assert_eq!(modulemd::stream(&again), written, "as it was read");
}

/// Recipe files, apart by zero bytes.
pub fn recipe(bytes: &[u8]) {
    if bytes.len() > LONGEST {
        return;
    }
    let dir = scratch().join("recipes");
    fs::create_dir_all(&dir).expect("a directory can be made");
    let release = "[release]\nname = \"F\"\nshort = \"f\"\nversion = \"1\"\narch = \"x86_64\"\nepoch = 2026-11-01\n";
    fs::write(dir.join("release.toml"), release).expect("a file can be written");
    let mut files: Vec<&[u8]> = bytes.splitn(4, |&byte| byte == 0).collect();
    files.resize(4, b"");
    for (name, bytes) in ["a", "b", "c", "d"].iter().zip(files) {
        let path = dir.join(format!("{name}.toml"));
        match bytes.is_empty() {
            true => drop(fs::remove_file(path)),
            false => fs::write(path, bytes).expect("a file can be written"),
        }
    }
    if let Ok(recipes) = Recipes::load(&dir) {
        let _ = recipes.check();
    }
}

/// A lock; what is understood is written again, and read again as the same.
pub fn lock(bytes: &[u8]) {
    let file = Path::new("store.lock");
    let Some(lock) = text(bytes).and_then(|text| Lock::parse(file, text).ok()) else {
        return;
    };
    let again = Lock::parse(file, &lock.to_string()).expect("what was written can be read");
    assert_eq!(again, lock);
}

pub fn canonical(bytes: &[u8]) {
    if let Ok(value) = Value::decode(bytes) {
        assert_eq!(value.encode(), bytes);
        assert!(value.differences(&value).is_empty());
    }
}

/// What the store keeps records as; each has one encoding.
pub fn records(bytes: &[u8]) {
    if let Ok(directory) = Directory::decode(bytes) {
        assert_eq!(directory.encode(), bytes);
    }
    if let Ok(entry) = Entry::decode(bytes) {
        assert_eq!(entry.encode(), bytes);
    }
    if let Ok(trace) = Trace::decode(bytes) {
        assert_eq!(trace.encode(), bytes);
    }
    if let Ok(assembly) = Assembly::decode(bytes) {
        assert_eq!(assembly.encode(), bytes);
        let _ = assembly.length();
    }
    let _ = canonical::decode::<Record>(bytes);
}

/// A disc, from its first descriptor on.
pub fn iso9660(bytes: &[u8]) {
    let system = (iso::PRIMARY * iso::BLOCK) as usize;
    let disc = [&vec![0; system], bytes].concat();
    if let Ok(contents) = iso::read::read(&mut io::Cursor::new(disc)) {
        let _ = contents.to_string();
    }
}

/// Objects of OSTree.
pub fn gvariant(bytes: &[u8]) {
    for kind in [
        ostree::Kind::Commit,
        ostree::Kind::DirTree,
        ostree::Kind::DirMeta,
        ostree::Kind::File,
    ] {
        let _ = ostree::dump(kind, bytes);
    }
    if let Ok(commit) = Commit::decode(bytes) {
        Commit::decode(&commit.encode()).expect("what was written can be read");
    }
    if let Ok(tree) = DirTree::decode(bytes) {
        DirTree::decode(&tree.encode()).expect("what was written can be read");
    }
    if let Ok(meta) = DirMeta::decode(bytes) {
        DirMeta::decode(&meta.encode()).expect("what was written can be read");
    }
    if let Ok((header, size, _)) = FileHeader::decode_archived(bytes) {
        FileHeader::decode_archived(&header.archived(size)).expect("what was written can be read");
    }
}

/// A root, a lease or `store.json` of a store that is otherwise good: the first byte says which.
pub fn store_files(bytes: &[u8]) {
    let Some((&which, bytes)) = bytes.split_first() else {
        return;
    };
    let dir = scratch().join("files");
    let store = Store::create(&dir).expect("a store can be made");
    let path = match which % 3 {
        0 => dir.join("roots/f-1-x86_64/x/1"),
        1 => dir.join("leases/0"),
        _ => dir.join("store.json"),
    };
    fs::create_dir_all(path.parent().expect("it is below the store"))
        .expect("a directory can be made");
    let before = fs::read(&path).ok();
    fs::write(&path, bytes).expect("a file can be written");
    let file = File::open(&path).expect("it was written");
    // A lease that nobody has locked is nobody's.
    file.lock().expect("nobody else has it");
    for root in store.roots().unwrap_or_default() {
        let _ = store.generations(&root);
    }
    let rehearse = GcOptions {
        dry_run: true,
        ..GcOptions::default()
    };
    let _ = store.gc(&rehearse, &|_| {});
    let _ = Store::open(&dir).map(|store| store.verify(&VerifyOptions::default(), &|_| {}));
    match before {
        Some(before) => fs::write(&path, before).expect("a file can be written"),
        None => fs::remove_file(&path).expect("it was written"),
    }
}

/// An object or a trace of a store, under the right name: the first byte says of which kind.
pub fn store_objects(bytes: &[u8]) {
    let Some((&which, bytes)) = bytes.split_first() else {
        return;
    };
    let dir = scratch().join("objects");
    let _ = fs::remove_dir_all(&dir);
    let store = Store::create(&dir).expect("a store can be made");
    let (folder, name) = match which % 5 {
        0 => ("objects", format!("{}.tree", TreeId::of(bytes))),
        1 => ("objects", format!("{}.entry", EntryId::of(bytes))),
        2 => ("traces", TraceId::of(bytes).to_string()),
        3 => ("objects", BlobId::of(bytes).to_string()),
        // Of an assembly the name is the hash of what it stands for, which nobody knows here.
        _ => ("objects", format!("{}.asm", BlobId::of(b"anything"))),
    };
    drop(store);
    let path = dir.join(folder).join(&name[..2]).join(&name);
    fs::create_dir_all(path.parent().expect("it is below the store"))
        .expect("a directory can be made");
    fs::write(&path, bytes).expect("a file can be written");
    Store::rebuild_index(&dir, &|_| {}).expect("an index can be made of anything");
    let store = Store::open(&dir).expect("it has an index");
    let full = VerifyOptions {
        full: true,
        only: None,
    };
    store
        .verify(&full, &|_| {})
        .expect("anything can be looked at");
    for entry in store.entries().unwrap_or_default() {
        let _ = store.entry(entry);
        let _ = store.is_complete(entry);
    }
    if let Some(hash) = name
        .strip_suffix(".asm")
        .and_then(|hash| hash.parse::<Hash>().ok())
        && let Ok(bytes) = store.read(BlobId(hash), 0, None)
    {
        let _ = io::copy(&mut bytes.take(LONGEST as u64), &mut io::sink());
    }
    store
        .gc(&GcOptions::default(), &|_| {})
        .expect("nothing here is a root");
}

fn text(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok()
}

/// A directory of this process, in which targets that need files have them.
fn scratch() -> PathBuf {
    static DIR: OnceLock<tempfile::TempDir> = OnceLock::new();
    let dir = DIR.get_or_init(|| tempfile::tempdir().expect("a directory can be made"));
    dir.path().to_owned()
}
