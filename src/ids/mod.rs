//! What is a hash, a key, a name, a NEVRA, a tree path?
//!
//! The vocabulary that every other folder speaks.
//! It also holds the one encoding that hashed values are written in, [`canonical`].

pub mod canonical;
pub mod digest;
pub mod hash;
pub mod name;
pub mod nevra;
pub mod path;
pub mod variant;

pub use digest::{Algorithm, Digest, InvalidDigest};
pub use hash::{BlobId, ById, DerivationKey, EntryId, Hash, TraceId, TreeId};
pub use name::Name;
pub use nevra::{Evr, Nevra};
pub use path::TreePath;
pub use variant::VariantId;
