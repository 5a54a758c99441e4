//! `root`: unpacked packages as one installed file system, without rpm and without privileges.
//!
//! ```text
//! packages ─▶ claims on paths, symbolic links of directories followed ─▶ one winner a path, or conflicts
//!                                       │
//!              passwd, group, sysusers.d of the winners ─▶ owners
//!                                       │
//!                                       ▼
//!                            tree, link groups, rpmdb.sqlite
//! ```
//!
//! The rules are those of an installation of all packages in one transaction by rpm,
//! save that the order of packages decides nothing, and that scriptlets and triggers do not run.

mod accounts;
mod arch;
mod claims;
mod database;
mod error;
mod files;
mod links;
mod overlay;
mod owned;
mod packages;
mod transaction;

pub use accounts::accounts_of;
pub use error::{Conflict, Error};
pub use overlay::Overlay;
pub use owned::{Owned, Owner};

use super::{Composed, Composer, Output, Workspace};
use crate::ids::TreeId;
use crate::plan::facts::{RootFacts, RootPackage};
use crate::plan::{Derivation, parameters};
use crate::tree::Builder;
use packages::Package;

/// Composes kind `root`.
pub struct Root {
    /// Whether packages may lack what they require, as with rpm's option of that name.
    pub nodeps: bool,
}

const KIND: &str = "root";
const PACKAGE: &str = "package";

/// The role of the root that the base of an image has; of it only the numbers of accounts are taken over.
const BASE: &str = "base";

impl Composer for Root {
    fn version(&self) -> u32 {
        2
    }

    fn compose(
        &self,
        derivation: &Derivation,
        workspace: &dyn Workspace,
    ) -> Result<Composed, super::Error> {
        let parameters: parameters::Root = super::parameters(KIND, derivation)?;
        let packages = packages::load(derivation.inputs_as(PACKAGE).collect(), workspace)?;
        arch::check(&packages, &parameters.arch)?;
        if !self.nodeps {
            transaction::check(&packages, &parameters.arch)?;
        }
        note_skipped(&packages, workspace)?;
        let links = links::DirectoryLinks::gather(&packages)?;
        let chosen = claims::choose(&packages, &links, arch::color(&parameters.arch))?;
        let below = derivation.inputs_as(BASE).next();
        let below = below.map(|base| workspace.root(base)).transpose()?;
        let (database, tree) = rayon::join(
            || database::write(&packages, &chosen, &parameters, workspace),
            || tree(&packages, &chosen, parameters.epoch, below, workspace),
        );
        // What is wrong with the files is told first.
        let mut tree = tree?;
        database::place(&mut tree, database?, &links)?;
        let mut output = Output::new(KIND, workspace.finish(&tree)?);
        output.links = files::links(&packages, &chosen);
        Composed::of(output).with_facts(KIND, &facts(&packages))
    }
}

/// The files of the packages, with their owners.
fn tree(
    packages: &[Package],
    chosen: &claims::Chosen,
    epoch: i64,
    below: Option<TreeId>,
    workspace: &dyn Workspace,
) -> Result<Builder, super::Error> {
    let owners = accounts::Owners::find(packages, chosen, epoch, below, workspace)?;
    let mut tree = files::build(packages, chosen, &owners, epoch)?;
    owners.write(&mut tree, workspace)?;
    Ok(tree)
}

fn facts(packages: &[Package]) -> RootFacts {
    let packages = packages.iter().map(|package| RootPackage {
        nevra: package.nevra.clone(),
        unpacked: package.entry,
    });
    RootFacts {
        packages: packages.collect(),
    }
}

/// Says in the log which scripts an installation by rpm would have run, and which files a package lacks.
fn note_skipped(packages: &[Package], workspace: &dyn Workspace) -> Result<(), Error> {
    for package in packages {
        let scriptlets = package.header.scriptlets();
        for scriptlet in scriptlets.map_err(|source| package.malformed(source))? {
            let (name, program) = (&scriptlet.name, &scriptlet.interpreter);
            // What runs when a package goes, or is verified, has no part in an installation.
            if ["preun", "postun", "preuntrans", "postuntrans", "verify"].contains(&name.as_str()) {
                continue;
            }
            workspace.note(&format!("skipped %{name} ({program}) of {}", package.nevra));
        }
        for file in package.files.iter().filter(|file| file.lacks()) {
            workspace.note(&format!(
                "{} is listed in {} but not in it",
                file.path, package.nevra
            ));
        }
    }
    Ok(())
}
