//! Stores in the state that a measurement begins with.

use std::path::Path;

use store::store::{Entry, Store};
use store::tree::{Builder, Child, Leaf};

use super::{Made, outputs};

/// A store whose entries nothing keeps: each has one file of its own.
pub fn dead(at: &Path, count: usize) -> Made {
    let store = Store::open(at)?;
    let batch = store.batch()?;
    let path = store::ids::TreePath::parse("out")?;
    for number in 0..count {
        let (blob, size) = batch.blob(&mut outputs::content(number).as_slice())?;
        let mut tree = Builder::default();
        tree.insert(&path, Child::Leaf(Leaf::file(0o644, blob, size)))?;
        let root = tree.finish(&mut |directory| batch.directory(directory))?;
        batch.entry(&Entry::new("output", root))?;
    }
    drop(batch.commit()?);
    Ok(())
}
