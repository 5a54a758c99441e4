//! What is here both plain and deflated is kept deflated alone, and nobody notices.

use std::collections::BTreeSet;
use std::fs;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use store::ids::{BlobId, EntryId, Name};
use store::store::{GcOptions, GcReport, Progress, Store, VerifyOptions};

use crate::support::shelf::{Shelf, deflated, entry};

fn quiet(_: Progress) {}

fn gc(store: &Store, options: GcOptions) -> GcReport {
    store.gc(&options, &quiet).unwrap()
}

fn collect(store: &Store) -> GcReport {
    gc(store, GcOptions::default())
}

const HEAD: &[u8] = b"head of an object";

fn content() -> Vec<u8> {
    (0..30_000u32)
        .flat_map(|n| (n * n / 7).to_le_bytes())
        .collect()
}

fn object() -> Vec<u8> {
    [HEAD, &deflated(&content())].concat()
}

/// A tree with a large file, and a repository that has the file deflated, each a root.
struct Both {
    shelf: Shelf,
    tree: EntryId,
    repository: EntryId,
}

impl Both {
    fn new(file: &str) -> Self {
        let shelf = Shelf::default();
        let batch = shelf.store.batch().unwrap();
        let tree = entry(&batch, &[(file, &content()), ("small", b"small")]);
        let repository = entry(&batch, &[("one.filez", &object())]);
        let (content, object) = (BlobId::of(&content()), BlobId::of(&object()));
        batch.deflated(content, object, HEAD.len() as u64);
        let _lease = batch.commit().unwrap();
        shelf.keep("tree", tree);
        shelf.keep("repository", repository);
        Both {
            shelf,
            tree,
            repository,
        }
    }

    fn plain(&self) -> PathBuf {
        self.shelf.store.blob_path(BlobId::of(&content()))
    }

    fn is_plain(&self) -> bool {
        let list = self.plain().with_extension("asm");
        assert_ne!(list.exists(), self.plain().exists());
        self.plain().exists()
    }

    fn forget(&self, name: &str) {
        let roots = self.shelf.path().join("roots/sampler-1-x86_64");
        fs::remove_dir_all(roots.join(name)).unwrap();
    }

    /// It reads as it was, from any byte on, and is whole.
    fn reads(&self) {
        let (store, content) = (self.shelf.reopen(), content());
        for (offset, length) in [
            (0, None),
            (0, Some(10)),
            (70_000, Some(9_000)),
            (119_990, None),
        ] {
            let mut bytes = Vec::new();
            let mut reader = store.read(BlobId::of(&content), offset, length).unwrap();
            reader.read_to_end(&mut bytes).unwrap();
            let rest = &content[offset as usize..];
            let end = length.map_or(rest.len(), |length| length as usize);
            assert!(bytes == rest[..end], "from {offset}");
        }
        assert!(store.is_complete(self.tree).unwrap());
        assert_eq!(damaged(&store), Vec::<String>::new());
    }
}

/// What a full look finds wrong.
fn damaged(store: &Store) -> Vec<String> {
    let full = VerifyOptions {
        full: true,
        only: None,
    };
    let report = store.verify(&full, &quiet).unwrap();
    let named = report.damaged.iter();
    named
        .map(|damage| format!("{}: {}", damage.path.display(), damage.problem))
        .collect()
}

/// What `du` says of the objects.
fn du(store: &Path) -> u64 {
    let mut inodes = BTreeSet::new();
    let files = walkdir::WalkDir::new(store.join("objects"));
    let files = files
        .into_iter()
        .map(|item| item.unwrap().metadata().unwrap());
    let new = files.filter(|file| inodes.insert(file.ino()));
    new.map(|file| file.blocks() * 512).sum()
}

#[test]
fn a_file_that_is_here_deflated_too_is_kept_in_that_form_alone_and_reads_as_before() {
    let both = Both::new("bin/tool");
    let store = &both.shelf.store;
    let dry = gc(
        store,
        GcOptions {
            dry_run: true,
            ..GcOptions::default()
        },
    );
    assert!(both.is_plain());
    let before = du(both.shelf.path());
    let report = collect(store);
    assert_eq!(report, dry);
    assert_eq!(
        (report.compressed, report.objects, report.entries),
        (1, 0, 0)
    );
    assert_eq!(before - du(both.shelf.path()), report.bytes);
    assert!(report.bytes > 100_000);
    assert!(!both.is_plain());
    both.reads();
    assert_eq!(collect(store).compressed, 0);
}

#[test]
fn what_is_kept_deflated_is_found_again_when_the_index_is_made_anew() {
    let mut both = Both::new("bin/tool");
    collect(&both.shelf.store);
    let Shelf { dir, store } = both.shelf;
    let path = store.dir().to_owned();
    drop(store);
    let report = Store::rebuild_index(&path, &quiet).unwrap();
    assert_eq!(report.damaged, []);
    let store = Store::open(&path).unwrap();
    both.shelf = Shelf { dir, store };
    both.reads();
    both.forget("repository");
    collect(&both.shelf.store);
    both.reads();
}

#[test]
fn what_content_is_read_from_stays_as_long_as_the_content() {
    let both = Both::new("bin/tool");
    let store = &both.shelf.store;
    collect(store);
    both.forget("repository");
    collect(store);
    assert!(store.blob_path(BlobId::of(&object())).exists());
    both.reads();

    both.forget("tree");
    assert_eq!(collect(store).objects, 3);
    let left = walkdir::WalkDir::new(both.shelf.path().join("objects"));
    let left = left.into_iter().map(|item| item.unwrap().into_path());
    let left: Vec<PathBuf> = left
        .filter(|path| path.is_file())
        .filter(|path| path.extension().is_none_or(|end| end == "asm"))
        .collect();
    assert_eq!(left, Vec::<PathBuf>::new());
}

#[test]
fn a_file_that_a_view_links_to_stays_plain_until_the_view_goes() {
    let both = Both::new("share/data");
    let store = &both.shelf.store;
    let name: Name = "tree".parse().unwrap();
    let view = store.view(both.tree, &name).unwrap();
    assert_eq!(collect(store).compressed, 0);
    assert!(both.is_plain());

    both.forget("tree");
    let (again, _lease) = both.shelf.put(&[("other", &content())]);
    both.shelf.keep("other", again);
    assert_eq!(collect(store).compressed, 1);
    assert!(!view.exists() && !both.is_plain());
    let view = store.view(again, &name).unwrap();
    assert!(fs::read(view.join("other")).unwrap() == content());
    assert_eq!(damaged(store), Vec::<String>::new());
}

#[test]
fn content_stays_where_its_deflated_form_is_damaged() {
    let both = Both::new("bin/tool");
    let store = &both.shelf.store;
    let path = store.blob_path(BlobId::of(&object()));
    let mut bytes = fs::read(&path).unwrap();
    bytes[HEAD.len() + 30_000] ^= 1;
    fs::remove_file(&path).unwrap();
    fs::write(&path, bytes).unwrap();
    assert_eq!(collect(store).compressed, 0);
    assert!(both.is_plain());
    assert_eq!(damaged(store).len(), 1);
}

#[test]
fn damage_of_what_content_is_read_from_is_damage_of_both_and_writing_them_again_mends_it() {
    let both = Both::new("bin/tool");
    let store = &both.shelf.store;
    collect(store);
    let path = store.blob_path(BlobId::of(&object()));
    let mut bytes = fs::read(&path).unwrap();
    bytes[HEAD.len()] ^= 0x06;
    fs::remove_file(&path).unwrap();
    fs::write(&path, bytes).unwrap();

    let found = damaged(store);
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(
        found.iter().any(|line| line.contains(".asm: ")),
        "{found:?}"
    );
    let suffering = store.suffering().unwrap();
    assert!(suffering.contains(&both.tree) && suffering.contains(&both.repository));
    assert!(!store.is_complete(both.tree).unwrap());

    let batch = store.batch().unwrap();
    entry(&batch, &[("bin/tool", &content()), ("small", b"small")]);
    entry(&batch, &[("one.filez", &object())]);
    let _lease = batch.commit().unwrap();
    both.reads();
    assert!(both.plain().exists());
    collect(store);
    both.reads();
}
