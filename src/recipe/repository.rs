//! Kind `repository`: an edition, a flat yum repository of modules.

use std::collections::BTreeSet;

use super::body::Body;
use super::fields::Fields;
use crate::ids::Name;

/// An edition: nothing but a choice of modules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repository {
    pub modules: BTreeSet<Name>,
    /// Modules that come as repositories of their own beside it.
    pub addons: BTreeSet<Name>,
    /// The comps document that becomes `group` metadata.
    pub comps: Option<Body>,
}

pub(super) fn read(fields: &Fields) -> Option<Repository> {
    let hint = "an edition is the modules that it is made of";
    Some(Repository {
        modules: fields.filled_set("modules", "a recipe's name", hint),
        addons: fields.set("addons", "a recipe's name"),
        comps: fields.body("comps"),
    })
}
