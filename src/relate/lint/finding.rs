//! One thing that is amiss.

use serde::{Serialize, Serializer};

use crate::ids::Name;
use crate::recipe::{Place, Recipe};

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Somebody will be unable to install, update or trust something.
    Error,
    /// It works, and should not stay so; or could not be checked.
    Warning,
    /// Good to know.
    Note,
}

impl Severity {
    pub const fn name(self) -> &'static str {
        match self {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Note => "note",
        }
    }
}

/// One thing that is amiss; sorted by recipe, then the worst first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Finding {
    /// What it is about: an edition, a tree, a module, a source, a package.
    pub recipe: Name,
    pub severity: Severity,
    /// Stays the same when words change.
    pub code: &'static str,
    /// The NEVRA, where it is about one package.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub package: Option<String>,
    /// The requirement, where it is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requirement: Option<String>,
    /// Where to look first; not always in the file of the recipe itself.
    #[serde(serialize_with = "as_text")]
    pub place: Place,
    pub message: String,
    /// What to do, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl Finding {
    /// Of a recipe as a whole, until more is said.
    pub(super) fn new(
        recipe: &Recipe,
        severity: Severity,
        code: &'static str,
        message: impl Into<String>,
    ) -> Self {
        Finding {
            recipe: recipe.name.clone(),
            severity,
            code,
            package: None,
            requirement: None,
            place: Place::start(&recipe.file),
            message: message.into(),
            hint: None,
        }
    }

    pub(super) fn package(mut self, nevra: &impl ToString) -> Self {
        self.package = Some(nevra.to_string());
        self
    }

    pub(super) fn at(mut self, place: Place) -> Self {
        self.place = place;
        self
    }

    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

fn as_text<S: Serializer>(place: &Place, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(place)
}
