//! When a capability satisfies a requirement, by RPM's rules.

use std::cmp::Ordering;
use std::fmt;

use crate::formats::rpm::{Dependency, Sense, Solvable};
use crate::ids::Evr;

/// What a dependency says of versions: a comparison and its bound, or nothing.
pub(super) type Range<'a> = Option<&'a (Sense, Evr)>;

/// Whether two ranges of versions of one name have a version in common.
///
/// As rpm has it (`rpmdsCompare`, `rpmverOverlap`): a side without a version fits everything,
/// so an unversioned provide satisfies a versioned requirement; a missing epoch is 0;
/// a bound without a release stands for every release, so that `= 2` and `< 2-1` overlap.
pub(super) fn overlap(a: Range, b: Range) -> bool {
    let (Some((a_sense, a_evr)), Some((b_sense, b_evr))) = (a, b) else {
        return true;
    };
    if a_evr.version.is_empty() || b_evr.version.is_empty() {
        return true;
    }
    let (a, b) = (Sides::of(*a_sense), Sides::of(*b_sense));
    let order = a_evr.compare(b_evr);
    let whole = |evr: &Evr, other: &Evr| evr.release.is_empty() && !other.release.is_empty();
    if order.is_eq() && ((whole(a_evr, b_evr) && a.at) || (whole(b_evr, a_evr) && b.at)) {
        return true;
    }
    match order {
        Ordering::Less => a.above || b.below,
        Ordering::Greater => a.below || b.above,
        Ordering::Equal => (a.at && b.at) || (a.below && b.below) || (a.above && b.above),
    }
}

/// Whether a range holds this very version: what an obsolete asks of a package.
pub(super) fn holds(range: Range, evr: &Evr) -> bool {
    match range {
        None => true,
        Some(_) => overlap(range, Some(&(Sense::Eq, evr.clone()))),
    }
}

/// The parts of the line of versions that a comparison covers, seen from its bound.
struct Sides {
    below: bool,
    at: bool,
    above: bool,
}

impl Sides {
    fn of(sense: Sense) -> Sides {
        Sides {
            below: matches!(sense, Sense::Lt | Sense::Le),
            at: matches!(sense, Sense::Le | Sense::Eq | Sense::Ge),
            above: matches!(sense, Sense::Ge | Sense::Gt),
        }
    }
}

/// Whether a package satisfies a plain dependency: by its name, by what it provides, or by a file.
pub(super) fn satisfies(solvable: &Solvable, name: &str, range: Range) -> bool {
    let own = (Sense::Eq, solvable.nevra.evr.clone());
    (solvable.nevra.name == name && overlap(Some(&own), range))
        || solvable
            .provides
            .iter()
            .any(|p| p.name == name && overlap(p.version.as_ref(), range))
        || (name.starts_with('/') && solvable.paths.iter().any(|path| path == name.as_bytes()))
}

/// A dependency as people write it: `name >= 1:2-3`.
pub(super) struct Written<'a>(pub &'a Dependency);

impl fmt::Display for Written<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.name)?;
        match &self.0.version {
            None => Ok(()),
            Some((sense, evr)) => write!(f, " {} {evr}", symbol(*sense)),
        }
    }
}

pub(super) fn symbol(sense: Sense) -> &'static str {
    match sense {
        Sense::Lt => "<",
        Sense::Le => "<=",
        Sense::Eq => "=",
        Sense::Ge => ">=",
        Sense::Gt => ">",
    }
}

/// The comparison that a symbol stands for.
pub(super) fn sense(symbol: &str) -> Option<Sense> {
    Some(match symbol {
        "<" => Sense::Lt,
        "<=" | "=<" => Sense::Le,
        "=" | "==" => Sense::Eq,
        ">=" | "=>" => Sense::Ge,
        ">" => Sense::Gt,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn overlaps(provided: &str, required: &str) -> bool {
        let range = |text: &str| {
            text.split_once(' ')
                .map(|(symbol, evr)| (sense(symbol).unwrap(), Evr::parse(evr)))
        };
        let (a, b) = (range(provided), range(required));
        let forth = overlap(a.as_ref(), b.as_ref());
        assert_eq!(forth, overlap(b.as_ref(), a.as_ref()), "symmetric");
        forth
    }

    #[test]
    fn ranges_overlap_as_rpm_says() {
        assert!(overlaps("", ">= 9"), "an unversioned provide fits all");
        assert!(overlaps("= 1-1", ""));
        assert!(overlaps("= 1-1", ">= 1"));
        assert!(overlaps("= 1", "= 1-5"), "a missing release equals any");
        assert!(!overlaps("= 1-1", "> 1"));
        assert!(overlaps("= 1", "> 1-1"), "1 may be 1-2");
        assert!(overlaps("<= 1", "> 1-1"));
        assert!(!overlaps("= 1-1", ">= 1:0"));
        assert!(overlaps("= 1:0", "> 9"));
        assert!(!overlaps("= 2-1", "< 2-1"));
        assert!(overlaps("< 2", "<= 1"));
        assert!(overlaps("< 2", "> 1"));
        assert!(!overlaps("< 2", ">= 2"));
        assert!(!overlaps("< 1", "> 2"));
        assert!(overlaps("= 1.05", "= 1.5"));
    }
}
