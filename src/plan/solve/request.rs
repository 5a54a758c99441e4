//! What somebody asks to have installed, in the words of `install` lists and profiles.

use super::arch::{Fit, fit};
use super::formula::{Clause, Encoder};
use super::relation::satisfies;
use super::rich::{self, Expression};
use super::universe::Universe;
use crate::formats::rpm::Solvable;
use crate::ids::{Digest, Nevra};

/// A request for one package, or for whatever provides a capability.
///
/// ```text
/// bash   bash.i686   bash-5.2   bash-5.2-1   bash-5.2-1.x86_64
/// /usr/bin/bash   webserver   libfoo >= 1.2   (vim or nano)
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    pub text: String,
    /// Where it was written, if not in `install` itself: `@base-runtime/host`.
    pub origin: Option<String>,
}

impl Request {
    pub fn new(text: impl Into<String>) -> Request {
        Request {
            text: text.into(),
            origin: None,
        }
    }

    pub fn of(text: impl Into<String>, origin: impl Into<String>) -> Request {
        Request {
            text: text.into(),
            origin: Some(origin.into()),
        }
    }

    /// The paths that it names, which the index then looks out for.
    pub(super) fn paths(&self) -> Vec<String> {
        let mut paths = Vec::new();
        if let Ok(expression) = rich::parse(&self.text) {
            expression.each_plain(&mut |name, _| {
                if name.starts_with('/') {
                    paths.push(name.to_owned());
                }
            });
        }
        paths
    }

    /// The packages that it names, rather than what they provide.
    pub(super) fn named(&self, universe: &Universe) -> Vec<usize> {
        by_name(universe, self.text.trim())
    }

    /// The clauses that fulfil it. Without a match there is one that nothing fulfils.
    pub(super) fn clauses(&self, universe: &Universe, encoder: &mut Encoder) -> Vec<Clause> {
        let text = self.text.trim();
        let named = self.named(universe);
        if let Some(&first) = named.first() {
            let is_name = universe.packages[first].solvable.nevra.name == text;
            let any = match is_name {
                true => with_obsoleting(universe, named),
                false => named,
            };
            return vec![Clause {
                any: any.into(),
                when: Vec::new(),
                text: text.into(),
                conflict: false,
                broken: None,
            }];
        }
        match rich::parse(text) {
            Ok(expression) => encoder.of_expression(&expression, text.into(), true, None),
            Err(reason) => vec![Clause {
                any: std::rc::Rc::new([]),
                when: Vec::new(),
                text: text.into(),
                conflict: false,
                broken: Some(reason.into()),
            }],
        }
    }
}

/// How a text names a package.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Form {
    Name,
    NameArch,
    /// With a version: NAME-VERSION, NAME-VERSION-RELEASE, each with or without `.ARCH`.
    Versioned,
    /// As `Versioned`, with the architecture named.
    VersionedArch,
}

/// Tries the whole text as a name, then the part behind the last dot as an architecture, then versions.
fn form(nevra: &Nevra, text: &str) -> Option<Form> {
    let rest = text.strip_prefix(nevra.name.as_str())?;
    if rest.is_empty() {
        return Some(Form::Name);
    }
    if rest.strip_prefix('.') == Some(&nevra.arch) {
        return Some(Form::NameArch);
    }
    let versioned = rest.strip_prefix('-')?;
    let matches = |text: &str| {
        let text = match text.split_once(':') {
            Some((epoch, rest)) if epoch.parse() == Ok(nevra.evr.epoch) => rest,
            Some(_) => return false,
            None => text,
        };
        match text.strip_prefix(nevra.evr.version.as_str()) {
            Some("") => true,
            Some(rest) => rest.strip_prefix('-') == Some(nevra.evr.release.as_str()),
            None => false,
        }
    };
    if matches(versioned) {
        return Some(Form::Versioned);
    }
    let bare = versioned.strip_suffix(&nevra.arch)?.strip_suffix('.')?;
    matches(bare).then_some(Form::VersionedArch)
}

/// The packages that a text names, the preferred first; foreign ones only if the text says so, or no other is there.
fn by_name(universe: &Universe, text: &str) -> Vec<usize> {
    // A name is a prefix of the text that ends before a dot, a hyphen, or the end.
    let ends = text
        .char_indices()
        .filter(|(_, c)| matches!(c, '.' | '-'))
        .map(|(at, _)| at)
        .chain([text.len()]);
    let mut found: Vec<(Form, usize)> = ends
        .flat_map(|end| universe.named(&text[..end]))
        .filter_map(|&number| {
            Some((
                form(&universe.packages[number].solvable.nevra, text)?,
                number,
            ))
        })
        .collect();
    let Some(best) = found.iter().map(|(form, _)| *form).min() else {
        return Vec::new();
    };
    found.retain(|(form, _)| *form == best);
    let explicit = matches!(best, Form::NameArch | Form::VersionedArch);
    let foreign = |number: usize| universe.packages[number].fit.is_foreign();
    if !explicit && found.iter().any(|(_, number)| !foreign(*number)) {
        found.retain(|(_, number)| !foreign(*number));
    }
    let mut numbers: Vec<usize> = found.into_iter().map(|(_, number)| number).collect();
    numbers.sort_by(|a, b| universe.by_version(*a, *b));
    numbers
}

/// What was renamed since is asked for by its old name too: a package that obsoletes what is named goes before it.
fn with_obsoleting(universe: &Universe, named: Vec<usize>) -> Vec<usize> {
    let foreign = |number: &usize| universe.packages[*number].fit.is_foreign();
    let mut obsoleting = universe.obsoleting(&named);
    if !named.iter().all(foreign) {
        obsoleting.retain(|number| !foreign(number));
    }
    if obsoleting.is_empty() {
        return named;
    }
    let obsoleting = universe.alternatives(obsoleting);
    let is_obsolete = |number: &usize| !universe.obsoleting(&[*number]).is_empty();
    let (obsolete, current): (Vec<usize>, Vec<usize>) = named.into_iter().partition(is_obsolete);
    [&current, &*obsoleting, &obsolete].concat()
}

/// Whether a text that names the package with its version has the release too.
fn has_release(nevra: &Nevra, text: &str) -> bool {
    let arch = format!(".{}", nevra.arch);
    let text = text.strip_suffix(&arch).unwrap_or(text);
    text.ends_with(&format!("{}-{}", nevra.evr.version, nevra.evr.release))
}

/// The package that a manifest means by `NAME`, `NAME.ARCH` or `NAME-VERSION-RELEASE`: the newest that fits, as its place in the list.
///
/// The whole text is tried as a name first, then the part behind the last dot as an architecture, then versions.
pub fn newest(text: &str, arch: &str, packages: &[(&Nevra, &Digest)]) -> Option<usize> {
    let key = |place: usize, fit: Fit, form: Form| (form, fit.is_foreign(), fit, place);
    packages
        .iter()
        .enumerate()
        .filter(|(_, (nevra, _))| !matches!(nevra.arch.as_str(), "src" | "nosrc"))
        .filter_map(|(place, (nevra, _))| {
            let form = form(nevra, text)
                .filter(|form| *form <= Form::NameArch || has_release(nevra, text))?;
            Some(key(place, fit(&nevra.arch, arch)?, form))
        })
        .min_by(|a, b| {
            let (left, right) = (packages[a.3], packages[b.3]);
            (a.0, a.1)
                .cmp(&(b.0, b.1))
                .then_with(|| right.0.evr.compare(&left.0.evr))
                .then_with(|| a.2.cmp(&b.2))
                .then_with(|| left.cmp(&right))
        })
        .map(|(_, _, _, place)| place)
}

/// The packages that satisfy a requirement, as places in the list: where to look for what is missing.
///
/// Of a rich requirement, those that satisfy any plain part of it.
pub fn providers<S: AsRef<Solvable>>(requirement: &str, solvables: &[S]) -> Vec<usize> {
    let Ok(expression) = rich::parse(requirement) else {
        return Vec::new();
    };
    let mut parts: Vec<Expression> = Vec::new();
    expression.each_plain(&mut |name, version| {
        parts.push(Expression::Plain {
            name: name.to_owned(),
            version: version.cloned(),
        });
    });
    let any = |solvable: &Solvable| {
        form(&solvable.nevra, requirement).is_some()
            || parts.iter().any(|part| match part {
                Expression::Plain { name, version } => satisfies(solvable, name, version.as_ref()),
                _ => false,
            })
    };
    solvables
        .iter()
        .map(AsRef::as_ref)
        .enumerate()
        .filter(|(_, solvable)| !solvable.source && any(solvable))
        .map(|(place, _)| place)
        .collect()
}
