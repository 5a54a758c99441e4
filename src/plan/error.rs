//! Why something can't be planned.

use std::fmt::Write as _;
use std::path::PathBuf;

use super::known::CatalogError;
use super::remedy::{self, Remedy};
use super::solve::Problem;
use crate::formats::comps;
use crate::ids::{Name, Nevra, canonical};

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("there is no recipe named {name}{}", did_you_mean(nearest))]
    UnknownArtifact { name: Name, nearest: Option<String> },
    #[error(
        "{name} is a source: it is read by `store update`, and realized through the modules made of it"
    )]
    SourceIsNoArtifact { name: Name },
    #[error("the source {source_name} of module {module} was not looked at")]
    UnreadSource { module: Name, source_name: Name },
    #[error(
        "{place}: module {module} lists {}, which {}{}{}",
        quoted(missing),
        not_offered(sources),
        hint(nearest),
        as_locked(locked)
    )]
    NotInSource {
        place: String,
        module: Name,
        /// Those of the module; without any it is of package recipes alone.
        sources: Vec<Name>,
        missing: Vec<String>,
        nearest: Vec<String>,
        /// Those that are known as they were when they were locked.
        locked: Vec<Name>,
    },
    #[error(
        "{artifact} can't be installed{} from {}:\n{problem}{}{}{}",
        on(base),
        quoted(from),
        held_back(base, replaceable),
        advice(remedies, replaceable),
        remedy::whole(completion)
    )]
    Unsolvable {
        artifact: Name,
        from: Vec<String>,
        /// The image whose packages stay.
        base: Option<Name>,
        /// Requirements with packages that would meet them, but can't while one of their name in the base stays.
        replaceable: Vec<(String, Nevra)>,
        problem: Box<Problem>,
        /// For each requirement that nothing in `from` provides.
        remedies: Vec<Remedy>,
        /// All that would have to be listed, as a manifest would.
        completion: Vec<String>,
    },
    #[error(
        "{artifact} installs @{module}/{profile}, but module {module} has no such profile; it has {}",
        quoted(profiles)
    )]
    NoProfile {
        artifact: Name,
        module: Name,
        profile: String,
        profiles: Vec<String>,
    },
    #[error(
        "{artifact}: module {module} requires {}, which is not among the modules of {artifact}",
        quoted(requires)
    )]
    StreamLeftOut {
        artifact: Name,
        module: String,
        requires: Vec<String>,
    },
    #[error(
        "module {module} lists {package}, {}; clients refuse {} where that module's own modulemd is missing{}",
        of_module(listed, label),
        if listed.is_some() { "a package that says so itself, as most do," } else { "such a package" },
        if listed.is_some() { "; list it in a module of that name and stream, or draw its file from a directory" } else { "" }
    )]
    OtherModule {
        module: String,
        package: String,
        label: String,
        /// The repository whose metadata says it; `None` where the package itself does.
        listed: Option<Name>,
    },
    #[error(
        "the record of package {package} is not where it should be; `store update` looks at its source again"
    )]
    NoRecord { package: String },
    #[error(
        "{artifact} has {payload} as its payload, which is no OSTree tree; name a recipe of kind \"ostree\""
    )]
    PayloadIsNoTree { artifact: Name, payload: Name },
    #[error("{artifact} has {base} as its base, which is no image")]
    BaseIsNoImage { artifact: Name, base: Name },
    #[error("image {artifact} stands on itself; give it another base")]
    BaseCircle { artifact: Name },
    #[error(
        "{place}: the base {base} has no package {}, so there is nothing to replace",
        quoted(absent)
    )]
    NotInBase {
        place: String,
        base: Name,
        absent: Vec<String>,
    },
    #[error("the metadata of source {source_name} can't be read")]
    Catalog {
        source_name: Name,
        source: CatalogError,
    },
    #[error("the modulemd document of {module}: {problem}")]
    Modulemd { module: Name, problem: String },
    #[error("{place}: {} can't be the groups of edition {edition}", file.display())]
    Comps {
        place: String,
        edition: Name,
        file: PathBuf,
        source: comps::Error,
    },
    #[error("the parameters of {subject} can't be written canonically")]
    Parameters {
        subject: String,
        source: canonical::Error,
    },
}

/// Who says that a package is of a module: its header, or a repository that lists it.
pub fn of_module(listed: &Option<Name>, module: &str) -> String {
    match listed {
        None => format!("which says that it is of module {module}"),
        Some(source) => format!("which source {source} lists as one of module {module}"),
    }
}

fn did_you_mean(nearest: &Option<String>) -> String {
    nearest
        .as_ref()
        .map(|name| format!("; did you mean {name}?"))
        .unwrap_or_default()
}

fn quoted(names: &[String]) -> String {
    names.join(", ")
}

/// As in "a package, which source base does not offer".
pub fn not_offered(sources: &[Name]) -> String {
    match sources {
        [] => "its package recipes do not make".to_owned(),
        [source] => format!("source {source} does not offer"),
        [first @ .., last] => {
            let first: Vec<&str> = first.iter().map(Name::as_str).collect();
            let first = first.join(", ");
            format!("none of the sources {first} and {last} offers")
        }
    }
}

fn as_locked(sources: &[Name]) -> String {
    let names: Vec<&str> = sources.iter().map(Name::as_str).collect();
    let names = names.join(" ");
    match sources {
        [] => String::new(),
        [_] => format!(
            "\nthe source is known as it was when it was locked: `store update {names}` looks at what it has now"
        ),
        _ => format!(
            "\nthe sources are known as they were when they were locked: `store update {names}` looks at what they have now"
        ),
    }
}

fn hint(nearest: &[String]) -> String {
    if nearest.is_empty() {
        String::new()
    } else {
        format!("; near to it: {}", nearest.join(", "))
    }
}

fn on(base: &Option<Name>) -> String {
    match base {
        Some(base) => format!(" on top of {base}"),
        None => String::new(),
    }
}

fn held_back(base: &Option<Name>, replaceable: &[(String, Nevra)]) -> String {
    let mut text = String::new();
    let Some(base) = base else { return text };
    for (requirement, package) in replaceable {
        let name = &package.name;
        let _ = write!(
            text,
            "\n{package} provides {requirement}, but {base} has another {name}, and what a base has stays: \
             compose {base} with it, or list {name} in `replace`"
        );
    }
    text
}

/// Says nothing of requirements that were told to be within reach.
fn advice(remedies: &[Remedy], replaceable: &[(String, Nevra)]) -> String {
    let is_told = |remedy: &&Remedy| {
        replaceable
            .iter()
            .any(|(told, _)| *told == remedy.requirement)
    };
    remedy::text(remedies.iter().filter(|remedy| !is_told(remedy)))
}
