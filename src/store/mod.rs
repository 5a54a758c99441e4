//! What do we hold? Objects, entries, traces, roots; collecting and checking them.
//!
//! Knows no RPM and no recipe.
//!
//! ```text
//! STORE/
//!   store.json                format version, and features that a reader must know
//!   objects/ab/HASH           a blob: its bytes
//!   objects/ab/HASH.asm       a blob held as an assembly of others; compressed, if it is long, or in pieces, see `list`
//!   objects/ab/HASH.tree      a directory; compressed, if it is long      objects/ab/HASH.entry   an entry
//!   traces/ab/HASH            a trace; compressed, if it is long
//!   roots/RELEASE/NAME/N      a generation: what keeps entries alive
//!   entries/HASH-NAME/        a view: an entry as people and programs use it; disposable
//!   leases/N                  what a running process holds; dies with it
//!   claims/KEY                who makes what, so that others wait for it; dies with its process
//!   arriving/CHECKSUM.part    what is being fetched; what a dead process left is taken up
//!   tmp/N/                    what a running process stages; dies with it
//!   locks/                    see `lock`
//!   reserve, spare/           space and inodes for a collector on a full disk
//!   db.sqlite                 the index of all this; see store-schema/README.md
//! ```
//!
//! Bytes go in through a [`Batch`], in this order:
//! staged in `tmp/` → synced → linked into `objects/` → committed to the index → named by a root.
//! They go out through [`Store::gc`], in the opposite one.
//! Whatever is killed in between, a name never stands for less than it says.

mod arriving;
mod batch;
mod card;
mod claim;
pub mod entry;
mod error;
pub mod fault;
pub(crate) mod file;
mod gc;
mod index;
mod layout;
mod lease;
mod list;
mod lock;
mod near;
mod noted;
mod open;
mod overlay;
mod packed;
mod place;
mod read;
mod rebuild;
mod reserve;
pub mod root;
mod signed;
mod staging;
mod stamp;
mod stream;
mod took;
pub mod trace;
mod verify;
mod view;

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock, RwLock};

pub use batch::Batch;
pub use claim::{Claim, Claimed, Waiting};
pub use entry::Entry;
pub use error::{Error, Result};
pub use gc::{GcOptions, GcReport, OnProgress, Progress};
pub use index::End;
pub use layout::Kind;
pub use lease::Lease;
pub use noted::Noted;
pub use open::FORMAT;
pub use read::LEAST_PREFIX;
pub use rebuild::RebuildReport;
pub use root::{Generation, NewGeneration, RootName};
pub use stamp::Stamp;
pub use took::Took;
pub use trace::{Trace, TraceInput};
pub use verify::{Damage, Needed, VerifyOptions, VerifyReport, What};

use index::Index;
use layout::Layout;
use near::Near;
use overlay::Overlay;
use view::Able;

/// A store on disk. Clones are the same store; any number of threads and processes may use one at a time.
///
/// A directory that is missing, empty or not yet initialised reads as an empty store;
/// the first write makes it one.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    layout: Layout,
    index: RwLock<Option<Arc<Index>>>,
    overlay: Overlay,
    near: Near,
    able: OnceLock<Able>,
}

impl Store {
    pub fn dir(&self) -> &Path {
        self.inner.layout.root()
    }

    fn layout(&self) -> &Layout {
        &self.inner.layout
    }

    /// Where a blob's own file is, for programs that must have a path; assemblies have none.
    pub fn blob_path(&self, blob: crate::ids::BlobId) -> PathBuf {
        self.layout().object(Kind::Blob, blob.0)
    }
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Store({})", self.dir().display())
    }
}
