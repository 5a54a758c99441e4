//! The same artifacts, made in two places by two users.

use std::collections::BTreeMap;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::path::Path;
use std::process::Command;

use super::place::Place;
use crate::support::materialize::is_root;
use crate::support::told;

/// Every file below the views of a store: mode, time, size and what it holds.
pub fn files(store: &Path) -> BTreeMap<String, String> {
    let entries = store.join("entries");
    let mut files = BTreeMap::new();
    // What views have in common, and where they are made, is the store's own affair.
    let hidden = |item: &walkdir::DirEntry| {
        item.depth() == 1 && item.file_name().as_encoded_bytes().starts_with(b".")
    };
    let walk = walkdir::WalkDir::new(&entries).into_iter();
    for item in walk.filter_entry(|item| !hidden(item)) {
        let item = item.unwrap();
        let meta = item.metadata().unwrap();
        let mut line = format!("{:o} {}", meta.mode(), meta.mtime());
        if meta.is_file() {
            let bytes = std::fs::read(item.path()).unwrap();
            line += &format!(" {} {}", bytes.len(), store::ids::BlobId::of(&bytes));
        } else if meta.is_symlink() {
            line += &format!(" {}", std::fs::read_link(item.path()).unwrap().display());
        }
        let path = item.path().strip_prefix(&entries).unwrap();
        files.insert(path.display().to_string(), line);
    }
    // When a store was begun is its own affair too.
    files.remove("");
    files
}

/// The same packages under other names, in another order.
pub fn renamed(folder: &Path, target: &Path) {
    std::fs::create_dir(target).unwrap();
    let files = std::fs::read_dir(folder).unwrap();
    let mut files: Vec<_> = files.map(|file| file.unwrap().path()).collect();
    files.sort();
    for (number, file) in files.iter().rev().enumerate() {
        symlink(file, target.join(format!("{number}.rpm"))).unwrap();
    }
}

/// Circumstances that differ from the ordinary ones in all that should not matter.
pub fn elsewhere(base: &Path, recipes: &Path) -> Place {
    let home = base.join("home");
    std::fs::create_dir(&home).unwrap();
    std::fs::set_permissions(&home, PermissionsExt::from_mode(0o755)).unwrap();
    let mut place = Place::new(&home.join("store"), recipes);
    place.jobs = 1;
    place.umask = 0o077;
    place.directory = home.clone();
    place.environment = vec![
        ("LC_ALL", "de_DE.ISO-8859-1".to_owned()),
        ("LANG", "tr_TR.UTF-8".to_owned()),
        ("TZ", "Pacific/Apia".to_owned()),
        ("HOME", home.display().to_string()),
        ("TMPDIR", home.display().to_string()),
        ("USER", "somebody".to_owned()),
        ("SOURCE_DATE_EPOCH", "1".to_owned()),
    ];
    if !is_root() {
        told::left_out("only root can be two users");
    } else if !readable_by_nobody() {
        told::left_out("another user can't enter the checkout");
    } else {
        chown(&home, Some(65534), Some(65534)).unwrap();
        place.nobody = true;
    }
    place
}

fn readable_by_nobody() -> bool {
    let mut command = Command::new("setpriv");
    command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]);
    command.args(["test", "-x", env!("CARGO_BIN_EXE_store")]);
    command.status().expect("setpriv is installed").success()
}
