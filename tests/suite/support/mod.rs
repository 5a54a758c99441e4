//! What the tests share.

pub mod archive;
pub mod bench;
pub mod checkout;
pub mod dnf;
pub mod fixtures;
pub mod gpg;
pub mod judge;
pub mod materialize;
pub mod paths;
pub mod podman;
pub mod primary;
pub mod productmd;
pub mod python;
pub mod records;
pub mod registry;
pub mod root;
pub mod rpm;
pub mod rpmbuild;
pub mod server;
pub mod shelf;
pub mod site;
pub mod testcase;
pub mod told;
pub mod trip;
pub mod workspace;
pub use fixtures::fixtures;
