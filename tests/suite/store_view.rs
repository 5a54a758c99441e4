//! Views are what people expect of a directory, and cost no second copy where links can be had.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;

use store::ids::{BlobId, EntryId, Name};
use store::store::{Batch, Entry, Error};
use store::tree::{Assembly, Builder, Child, Content, Leaf, Meta, Part};

use crate::support::shelf::{Shelf, blob};

fn name() -> Name {
    "sample".parse().unwrap()
}

fn sample(batch: &Batch) -> EntryId {
    let mut tree = Builder::default();
    let mut put = |name: &[u8], leaf| drop(tree.children.insert(name.to_vec(), Child::Leaf(leaf)));
    let plain = blob(batch, b"plain");
    put(b"plain", Leaf::file(0o600, plain, 5));
    put(b"again", Leaf::file(0o664, plain, 5));
    put(b"tool", Leaf::file(0o4755, plain, 5));
    put(b"tool2", Leaf::file(0o710, plain, 5));
    put(b"empty", Leaf::file(0o644, blob(batch, b""), 0));
    put(b"caf\xe9", Leaf::file(0o644, blob(batch, b"latin"), 5));
    put(b"link", Leaf::symlink("../outside/\u{fc}"));
    let fifo = Leaf {
        meta: Meta::new(0o644),
        content: Content::Fifo,
    };
    put(b"fifo", fifo);
    let assembly = Assembly {
        parts: vec![
            Part::Inline {
                bytes: b"<".to_vec(),
            },
            Part::Range {
                blob: plain,
                offset: 0,
                length: 5,
            },
        ],
    };
    let (whole, size) = batch.assemble(&assembly).unwrap();
    put(b"whole", Leaf::file(0o644, whole, size));
    let mut sub = Builder::new(Meta::new(0o700));
    sub.children
        .insert(b"deep".to_vec(), Child::Leaf(Leaf::file(0o644, plain, 5)));
    tree.children.insert(b"sub".to_vec(), Child::Directory(sub));
    let root = tree
        .finish(&mut |directory| batch.directory(directory))
        .unwrap();
    batch.entry(&Entry::new("sample", root)).unwrap()
}

fn shelf() -> (Shelf, EntryId) {
    let shelf = Shelf::default();
    let batch = shelf.store.batch().unwrap();
    let id = sample(&batch);
    let lease = batch.commit().unwrap();
    shelf.keep("sample", id);
    drop(lease);
    (shelf, id)
}

fn check(view: &Path) {
    let read = |name: &str| fs::read(view.join(name)).unwrap();
    for file in ["plain", "again", "tool", "tool2", "sub/deep"] {
        assert_eq!(read(file), b"plain");
    }
    assert_eq!(read("whole"), b"<plain");
    assert_eq!(read("empty"), b"");
    assert_eq!(
        fs::read(view.join(OsStr::from_bytes(b"caf\xe9"))).unwrap(),
        b"latin"
    );
    assert_eq!(
        fs::read_link(view.join("link")).unwrap(),
        Path::new("../outside/ü")
    );
    assert!(!view.join("fifo").exists());
    for item in walkdir::WalkDir::new(view) {
        let item = item.unwrap();
        let file = item.metadata().unwrap();
        assert_eq!(file.mtime(), 1, "{}", item.path().display());
        let mode = match item.file_name().to_str() {
            Some("link") => continue,
            Some("tool" | "tool2") => 0o555,
            _ if file.is_dir() => 0o555,
            _ => 0o444,
        };
        assert_eq!(file.permissions().mode() & 0o7777, mode);
    }
}

#[test]
fn a_view_has_what_the_tree_has_with_modes_and_times_that_never_differ() {
    let (shelf, id) = shelf();
    let view = shelf.store.view(id, &name()).unwrap();
    let expected = format!("entries/{}-sample", id.short());
    assert_eq!(view, shelf.path().join(expected));
    check(&view);
    let inode = fs::metadata(&view).unwrap().ino();
    assert_eq!(shelf.store.view(id, &name()).unwrap(), view);
    assert_eq!(fs::metadata(&view).unwrap().ino(), inode);
}

#[test]
fn files_of_a_view_share_their_storage_with_objects() {
    let (shelf, id) = shelf();
    let view = shelf.store.view(id, &name()).unwrap();
    let inode = |path: &Path| fs::metadata(path).unwrap().ino();
    let object = inode(&shelf.store.blob_path(BlobId::of(b"plain")));
    assert_eq!(inode(&view.join("plain")), object);
    assert_eq!(inode(&view.join("sub/deep")), object);
    assert_ne!(inode(&view.join("tool")), object);
    assert_eq!(inode(&view.join("tool")), inode(&view.join("tool2")));
    assert_eq!(fs::metadata(view.join("empty")).unwrap().nlink(), 1);
    let mode = fs::metadata(shelf.store.blob_path(BlobId::of(b"plain")))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o7777, 0o444);
}

#[test]
fn a_damaged_view_is_mended() {
    let (shelf, id) = shelf();
    let view = shelf.store.view(id, &name()).unwrap();
    let harms: [fn(&Path); 7] = [
        |view| fs::remove_file(view.join("plain")).unwrap(),
        // Its object has that mode, too: they are one.
        |view| fs::set_permissions(view.join("plain"), fs::Permissions::from_mode(0o644)).unwrap(),
        |view| fs::write(view.join("surplus"), "x").unwrap(),
        |view| fs::set_permissions(view.join("whole"), fs::Permissions::from_mode(0o600)).unwrap(),
        |view| {
            fs::remove_file(view.join("link")).unwrap();
            symlink("elsewhere", view.join("link")).unwrap();
        },
        |view| fs::rename(view.join("sub"), view.join("bus")).unwrap(),
        |view| {
            fs::remove_dir_all(view).unwrap();
            fs::write(view, "a file").unwrap();
        },
    ];
    for harm in harms {
        fs::set_permissions(&view, fs::Permissions::from_mode(0o755)).unwrap();
        fs::set_permissions(view.join("sub"), fs::Permissions::from_mode(0o755)).unwrap();
        harm(&view);
        shelf.store.view(id, &name()).unwrap();
        check(&view);
    }
}

#[test]
fn an_incomplete_entry_has_no_view() {
    let shelf = Shelf::default();
    let (id, _) = shelf.put(&[("f", b"bytes")]);
    shelf.store.gc(&Default::default(), &|_| ()).unwrap();
    let error = shelf.store.view(id, &name()).unwrap_err();
    assert!(matches!(error, Error::Missing { .. }), "{error}");
    let names: Vec<_> = fs::read_dir(shelf.path().join("entries"))
        .unwrap()
        .map(|item| item.unwrap().file_name())
        .collect();
    assert_eq!(names, [".building"]);
}

#[test]
fn a_view_on_another_file_system_is_a_copy() {
    let other = Path::new("/dev/shm");
    let (shelf, id) = shelf();
    let same = fs::metadata(other).map(|m| m.dev()).ok()
        == fs::metadata(shelf.path()).map(|m| m.dev()).ok();
    if same || !other.exists() {
        eprintln!("left out: /dev/shm is no other file system here");
        return;
    }
    let far = tempfile::tempdir_in(other).unwrap();
    let entries = shelf.path().join("entries");
    fs::remove_dir_all(&entries).unwrap();
    symlink(far.path(), &entries).unwrap();
    let view = shelf.store.view(id, &name()).unwrap();
    check(&view);
    assert_eq!(fs::metadata(view.join("plain")).unwrap().nlink(), 1);
    let full = store::store::VerifyOptions {
        full: true,
        only: None,
    };
    assert_eq!(shelf.store.verify(&full, &|_| ()).unwrap().damaged, []);
    // A copy shares nothing, so only a full look can see that its bytes changed.
    let file = view.join("plain");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    fs::write(&file, "plaim").unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o444)).unwrap();
    let damaged = shelf.store.verify(&full, &|_| ()).unwrap().damaged;
    assert_eq!(damaged.len(), 1);
    assert_eq!(damaged[0].entries, [id]);
}

#[test]
fn a_file_with_all_the_links_it_can_have_is_copied() {
    let (shelf, id) = shelf();
    let object = shelf.store.blob_path(BlobId::of(b"plain"));
    let links = shelf.dir.path().join("links");
    fs::create_dir(&links).unwrap();
    for number in 0..70_000 {
        match fs::hard_link(&object, links.join(number.to_string())) {
            Ok(()) => {}
            Err(e) if e.kind() == std::io::ErrorKind::TooManyLinks => {
                check(&shelf.store.view(id, &name()).unwrap());
                return;
            }
            Err(e) => panic!("{e}"),
        }
    }
    eprintln!("left out: this file system allows any number of links");
}

/// An entry with one file in parts: three megabytes of zeros with a little before and behind them.
fn sparse(batch: &Batch, mark: &[u8]) -> (EntryId, Vec<u8>) {
    let (zeros, length) = batch.blob(&mut &store::tree::assembly::ZEROS[..]).unwrap();
    let run = Part::Range {
        blob: zeros,
        offset: 0,
        length,
    };
    let head = [mark, &[1; 5000]].concat();
    let inline = |bytes: &[u8]| Part::Inline {
        bytes: bytes.to_vec(),
    };
    let parts = vec![inline(&head), run.clone(), run.clone(), run, inline(b"end")];
    let (whole, size) = batch.assemble(&Assembly { parts }).unwrap();
    let mut tree = Builder::default();
    let leaf = Leaf::file(0o644, whole, size);
    tree.children
        .insert(b"image.raw".to_vec(), Child::Leaf(leaf));
    tree.children.insert(
        b"mark".to_vec(),
        Child::Leaf(Leaf::file(0o644, blob(batch, mark), mark.len() as u64)),
    );
    let root = tree.finish(&mut |directory| batch.directory(directory));
    let id = batch.entry(&Entry::new("sample", root.unwrap())).unwrap();
    let bytes = [&head[..], &vec![0; 3 * length as usize], b"end"].concat();
    (id, bytes)
}

#[test]
fn zeros_of_what_is_written_out_are_holes() {
    let shelf = Shelf::default();
    let batch = shelf.store.batch().unwrap();
    let (id, bytes) = sparse(&batch, b"one");
    let _lease = batch.commit().unwrap();
    let image = shelf.store.view(id, &name()).unwrap().join("image.raw");
    assert!(fs::read(&image).unwrap() == bytes);
    let found = fs::metadata(&image).unwrap();
    assert!(found.blocks() * 512 < 100_000, "{}", found.blocks());
    let full = store::store::VerifyOptions {
        full: true,
        only: None,
    };
    assert_eq!(shelf.store.verify(&full, &|_| ()).unwrap().damaged, []);
    // Some in the middle, as who reads a partition would.
    let blob = BlobId::of(&bytes);
    let mut some = Vec::new();
    let mut reader = shelf.store.read(blob, 4000, Some(2_000_000)).unwrap();
    std::io::Read::read_to_end(&mut reader, &mut some).unwrap();
    assert!(some == bytes[4000..2_004_000]);
    // What was written into a hole is found.
    fs::set_permissions(&image, fs::Permissions::from_mode(0o644)).unwrap();
    let file = fs::File::options().write(true).open(&image).unwrap();
    std::os::unix::fs::FileExt::write_all_at(&file, b"x", 2_000_000).unwrap();
    fs::set_permissions(&image, fs::Permissions::from_mode(0o444)).unwrap();
    assert_eq!(
        shelf.store.verify(&full, &|_| ()).unwrap().damaged[0].entries,
        [id]
    );
    let image = shelf.store.view(id, &name()).unwrap().join("image.raw");
    assert!(fs::read(&image).unwrap() == bytes);
}

#[test]
fn a_file_in_parts_is_written_out_once_for_all_views_and_found_damaged_in_all() {
    let shelf = Shelf::default();
    let files: [(&str, &[u8]); 1] = [("parts/disc", b"a disc of parts")];
    let (id, _lease) = shelf.put(&files);
    let (other, _other) = shelf.put(&[files[0], ("more", b"of it")]);
    let disc = |id| shelf.store.view(id, &name()).unwrap().join("parts/disc");
    let (one, two) = (disc(id), disc(other));
    let inode = |path: &Path| fs::metadata(path).unwrap().ino();
    assert_eq!(inode(&one), inode(&two));
    let full = store::store::VerifyOptions {
        full: true,
        only: None,
    };
    let damaged = || shelf.store.verify(&full, &|_| ()).unwrap().damaged;
    assert_eq!(damaged(), []);
    fs::set_permissions(&one, fs::Permissions::from_mode(0o644)).unwrap();
    fs::write(&one, b"a disc of farts").unwrap();
    fs::set_permissions(&one, fs::Permissions::from_mode(0o444)).unwrap();
    let found: Vec<_> = damaged().into_iter().flat_map(|d| d.entries).collect();
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found.contains(&id) && found.contains(&other));
    for id in [id, other] {
        assert_eq!(fs::read(disc(id)).unwrap(), b"a disc of parts");
    }
    assert_eq!(damaged(), []);
    assert_eq!(inode(&one), inode(&two));
}
