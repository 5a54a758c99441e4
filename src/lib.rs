//! A content-addressed artifact store for operating-system composes.
//!
//! ```text
//! recipe text → Recipe → Plan → Derivation (key) → compose → Tree → Entry → Closure
//! ```
//!
//! One direction: a folder uses only folders above it in this table, and of those only the ones named.
//! A test reads the table and the sources, and names file and line of an import that goes up.
//!
//! | folder | question it answers | may use |
//! |---|---|---|
//! | `ids` | what is a hash, a key, a name, a NEVRA, a tree path? | – |
//! | `tree` | what is a file tree as a value, and its canonical bytes? | ids |
//! | `formats` | other people's formats, as pure code: rpm, openpgp, repodata, modulemd, ostree, oci, tar, productmd, iso9660, squashfs, fat, ext4, gpt, qcow2, grub | ids, tree |
//! | `recipe` | what did somebody write? | ids |
//! | `plan` | what has to be done? A pure function of recipes, lock and facts | ids, formats, recipe |
//! | `store` | what do we hold? Objects, entries, traces, roots, gc, verify | ids, tree |
//! | `compose` | how does one derivation become a tree? Through one trait, not the store | ids, tree, formats, plan |
//! | `source` | what is out there, what is locked, how is it fetched? | ids, formats, recipe, store |
//! | `realize` | plan, store, compose and source brought together | all above |
//! | `relate` | how do artifacts hang together? Closure, diff, lint | all above |
//! | `cli` | arguments in, text or JSON out; alone prints, reads the environment, exits | all above |
//!
//! Two seams carry the rest.
//! *Facts*: planning needs package metadata by digest, and the package list of an entry;
//! `realize` takes such facts from the store and hands them in as values.
//! Where one is missing, the plan is the steps that would produce it, then planning goes on.
//! *Workspace*: a composer sees one trait, [`compose::Workspace`], and returns a tree of ids.
//!
//! Where to begin: [`plan::Derivation`] is what is asked for, [`tree::Directory`] what comes out,
//! and their ids are what everything is found by ([`ids::DerivationKey`], [`ids::EntryId`]).

pub mod cli;
pub mod compose;
pub mod formats;
pub mod ids;
pub mod plan;
pub mod realize;
pub mod recipe;
pub mod relate;
pub mod source;
pub mod store;
pub mod tree;
