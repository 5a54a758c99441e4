//! Which packages a machine can run, and which of two it prefers.

use super::{Error, Package};

/// Architectures that run the packages of each other, as far as rpm's `arch_compat` says so.
const FAMILIES: [(&str, &[&str]); 9] = [
    (
        "x86_64",
        &[
            "x86_64",
            "x86_64_v2",
            "x86_64_v3",
            "x86_64_v4",
            "amd64",
            "ia32e",
        ],
    ),
    (
        "ix86",
        &[
            "i386", "i486", "i586", "i686", "athlon", "geode", "pentium3", "pentium4",
        ],
    ),
    ("aarch64", &["aarch64", "armv8"]),
    (
        "arm",
        &[
            "arm",
            "armv3l",
            "armv4b",
            "armv4l",
            "armv4tl",
            "armv5tl",
            "armv5tel",
            "armv5tejl",
            "armv6l",
            "armv7l",
        ],
    ),
    ("armhf", &["armv6hl", "armv7hl", "armv7hnl", "armv8hl"]),
    (
        "ppc64",
        &["ppc64", "ppc64p7", "ppc64iseries", "ppc64pseries"],
    ),
    ("ppc", &["ppc", "ppc8260", "ppciseries", "ppcpseries"]),
    ("s390x", &["s390x"]),
    ("s390", &["s390"]),
];

/// Families whose machines run the packages of another family too.
const ALSO: [(&str, &str); 5] = [
    ("x86_64", "ix86"),
    ("ppc64", "ppc"),
    ("s390x", "s390"),
    ("arm", "armhf"),
    ("armhf", "arm"),
];

fn family(arch: &str) -> &str {
    let known = FAMILIES.iter().find(|(_, members)| members.contains(&arch));
    known.map_or(arch, |(family, _)| family)
}

fn runs(system: &str, package: &str) -> bool {
    let (system, other) = (family(system), family(package));
    package == "noarch" || system == other || ALSO.contains(&(system, other))
}

/// Refuses packages that were built for other machines.
pub fn check(packages: &[Package], arch: &str) -> Result<(), Error> {
    match packages
        .iter()
        .find(|package| !runs(arch, &package.nevra.arch))
    {
        None => Ok(()),
        Some(package) => Err(Error::Architecture {
            nevra: Box::new(package.nevra.clone()),
            arch: arch.to_owned(),
        }),
    }
}

/// The file colours that count on a machine: 3 where 32 bits (1) and 64 bits (2) live together, else none.
///
/// rpm, `%_transaction_color`.
pub fn color(arch: &str) -> u32 {
    match arch.contains("64") || arch == "s390x" {
        true => 3,
        false => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_runs_its_own_family_and_what_has_no_architecture() {
        assert!(runs("x86_64", "i686"));
        assert!(runs("armv7l", "armv7l"));
        assert!(runs("riscv64", "noarch"));
        assert!(!runs("i686", "x86_64"));
        assert!(!runs("x86_64", "aarch64"));
    }
}
