//! Which architectures a system takes packages of.

use std::cmp::Ordering;

use crate::ids::Nevra;

/// How well a package's architecture suits the system.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fit {
    /// The system's own, or an older level of it: `i586` on `i686`. The number ranks levels, best first.
    Native(u8),
    /// `noarch`.
    Any,
    /// Runs beside the native one: `i686` on `x86_64`. Taken only where nothing native will do.
    Foreign(u8),
}

impl Fit {
    pub fn is_foreign(self) -> bool {
        matches!(self, Fit::Foreign(_))
    }
}

const IX86: &[&str] = &["i686", "i586", "i486", "i386"];
const ARMV7L: &[&str] = &[
    "armv7l",
    "armv6l",
    "armv5tejl",
    "armv5tel",
    "armv5l",
    "armv4tl",
    "armv4l",
    "armv3l",
];

/// The levels of an architecture, best first, and those that run beside it.
fn levels(arch: &str) -> (&'static [&'static str], &'static [&'static str]) {
    match arch {
        "x86_64" => (&["x86_64"], IX86),
        "x86_64_v2" => (&["x86_64_v2", "x86_64"], IX86),
        "x86_64_v3" => (&["x86_64_v3", "x86_64_v2", "x86_64"], IX86),
        "i686" => (IX86, &[]),
        "i586" => (&["i586", "i486", "i386"], &[]),
        "i486" => (&["i486", "i386"], &[]),
        "armv8l" => (
            &["armv8l", "armv7l", "armv6l", "armv5tejl", "armv5tel"],
            &[],
        ),
        "armv7l" => (ARMV7L, &[]),
        "armv6l" => (&["armv6l", "armv5tejl", "armv5tel"], &[]),
        "armv7hnl" => (&["armv7hnl", "armv7hl", "armv6hl"], &[]),
        "armv7hl" => (&["armv7hl", "armv6hl"], &[]),
        "ppc64" => (&["ppc64"], &["ppc"]),
        "ppc64p7" => (&["ppc64p7", "ppc64"], &["ppc"]),
        "s390x" => (&["s390x"], &["s390"]),
        _ => (&[], &[]),
    }
}

/// How a package's architecture fits the system's; `None` where it can't be installed at all.
///
/// An architecture that the table lacks (aarch64, ppc64le, riscv64, …) takes itself and `noarch`.
pub(super) fn fit(package: &str, system: &str) -> Option<Fit> {
    if package == "noarch" {
        return Some(Fit::Any);
    }
    let (native, foreign) = levels(system);
    let rank = |list: &[&str]| list.iter().position(|arch| *arch == package);
    if let Some(rank) = rank(native) {
        return Some(Fit::Native(u8::try_from(rank).expect("a short table")));
    }
    if let Some(rank) = rank(foreign) {
        return Some(Fit::Foreign(u8::try_from(rank).expect("a short table")));
    }
    (package == system).then_some(Fit::Native(0))
}

/// Whether a package runs beside those of the system's own architecture.
pub fn is_foreign(package: &Nevra, system: &str) -> bool {
    fit(&package.arch, system).is_some_and(Fit::is_foreign)
}

/// Which of two packages a person would rather list, where either will do: of the system's own architecture,
/// the first by name, the newest.
pub fn rather(a: &Nevra, b: &Nevra, system: &str) -> Ordering {
    // What does not fit at all comes last.
    let rank =
        |nevra: &Nevra| fit(&nevra.arch, system).map_or((true, None), |fit| (false, Some(fit)));
    let by_fit = rank(a).cmp(&rank(b));
    let by_name = a.name.cmp(&b.name);
    by_fit.then(by_name).then_with(|| b.evr.cmp(&a.evr))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_system_takes_its_own_levels_and_its_multilib() {
        assert_eq!(fit("x86_64", "x86_64"), Some(Fit::Native(0)));
        assert_eq!(fit("i586", "x86_64"), Some(Fit::Foreign(1)));
        assert_eq!(fit("i586", "i686"), Some(Fit::Native(1)));
        assert_eq!(fit("noarch", "s390x"), Some(Fit::Any));
        assert_eq!(fit("aarch64", "aarch64"), Some(Fit::Native(0)));
        assert_eq!(fit("x86_64", "aarch64"), None);
        assert_eq!(fit("src", "x86_64"), None);
    }
}
