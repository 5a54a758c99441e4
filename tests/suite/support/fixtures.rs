//! Where the real packages and repositories lie, if they do.

use std::path::{Path, PathBuf};

/// The folder of fixtures beside the checkout, or `$STORE_FIXTURES`; says so when there is none.
#[expect(
    clippy::disallowed_methods,
    reason = "tests are told where fixtures lie"
)]
pub fn fixtures() -> Option<PathBuf> {
    let told = std::env::var_os("STORE_FIXTURES").map(PathBuf::from);
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/fixtures");
    let path = told.unwrap_or(beside);
    if path.is_dir() {
        return Some(path);
    }
    super::told::left_out(&format!("no fixtures at {}", path.display()));
    None
}

/// A folder of the fixtures; `None`, said aloud, where they are not at hand.
pub fn folder(name: &str) -> Option<PathBuf> {
    fixtures().map(|fixtures| fixtures.join(name))
}

/// Every package of a folder that is meant to be good and complete, in order.
pub fn packages(name: &str) -> Vec<PathBuf> {
    let mut packages: Vec<PathBuf> = folder(name)
        .into_iter()
        .flat_map(|folder| std::fs::read_dir(folder).unwrap())
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "rpm"))
        .collect();
    packages.sort();
    packages
}

/// The file of one fixture, for messages.
pub fn name(path: &Path) -> String {
    path.file_name().unwrap().to_string_lossy().into_owned()
}
