//! OpenPGP (RFC 4880, RFC 9580): whether a signature was made by one of some keys.
//!
//! ```text
//! key files ──▶ packets ──▶ certificates ──▶ Keyring ─┐
//!                                                     ├──▶ Check ──▶ Verified, or why not
//! signature ──▶ packets ──▶ Signature ────────────────┘
//! ```
//!
//! Nothing is made here, and nothing decrypted: packets are read, the arithmetic is that of the RustCrypto libraries.
//!
//! What counts, beyond the arithmetic:
//!
//! * No clock is asked. A key is judged as it was when the signature says that it was made;
//!   a signature that ends is judged by the moment that the caller names, which is the release's epoch.
//! * A key counts as its owner's newest self-signature says. A subkey needs the flag for signing,
//!   and a signature of its own that takes the binding.
//! * A key that was revoked counts for nothing; if it was merely replaced or retired, for nothing from then on.
//! * MD5 and RIPEMD-160 count nowhere. SHA-1 counts in signatures made before 2014, when it was withdrawn for signing
//!   (NIST SP 800-131A): who finds a collision later can't have it signed earlier. In a key's self-signatures it counts
//!   at any time: they hold nothing that somebody else chose, and a key is trusted because it was put among the recipes.
//! * What is not known here (post-quantum algorithms, some curves) is named, and never passed over.

mod algorithm;
mod armor;
mod certificate;
mod check;
mod error;
mod key;
mod keyring;
mod packet;
mod reader;
mod signature;
mod subpackets;

pub use check::{Check, MOST_SIGNATURES, Verified, verify_detached};
pub use error::{Error, KeyFault, Refusal, Refusals};
pub use key::KeyId;
pub use keyring::Keyring;
