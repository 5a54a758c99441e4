//! The machines that a release can be for, as rpm calls them.

use super::error::nearest;

/// Those of rpm's `rpmrc` that Linux runs on, with the levels of `x86_64`.
const MACHINES: [&str; 73] = [
    "aarch64",
    "alpha",
    "alphaev5",
    "alphaev56",
    "alphaev6",
    "alphaev67",
    "alphapca56",
    "amd64",
    "armv3l",
    "armv4b",
    "armv4l",
    "armv4tl",
    "armv5tejl",
    "armv5tel",
    "armv5tl",
    "armv6hl",
    "armv6l",
    "armv7hl",
    "armv7hnl",
    "armv7l",
    "armv8hl",
    "armv8l",
    "athlon",
    "geode",
    "i386",
    "i486",
    "i586",
    "i686",
    "ia32e",
    "ia64",
    "loongarch64",
    "m68k",
    "mips",
    "mips64",
    "mips64el",
    "mips64r6",
    "mips64r6el",
    "mipsel",
    "mipsr6",
    "mipsr6el",
    "parisc",
    "pentium3",
    "pentium4",
    "ppc",
    "ppc32dy4",
    "ppc64",
    "ppc64iseries",
    "ppc64le",
    "ppc64p7",
    "ppc64pseries",
    "ppc8260",
    "ppc8560",
    "ppciseries",
    "ppcpseries",
    "riscv",
    "riscv64",
    "s390",
    "s390x",
    "sh",
    "sh3",
    "sh4",
    "sh4a",
    "sparc",
    "sparc64",
    "sparc64v",
    "sparcv8",
    "sparcv9",
    "sparcv9v",
    "x86_64",
    "x86_64_v2",
    "x86_64_v3",
    "x86_64_v4",
    "xtensa",
];

/// Those that container runtimes run on: Go has a name for each, which is what an image says.
pub(super) const OF_CONTAINERS: [&str; 24] = [
    "aarch64",
    "amd64",
    "armv5tel",
    "armv6hl",
    "armv6l",
    "armv7hl",
    "armv7hnl",
    "armv7l",
    "i386",
    "i486",
    "i586",
    "i686",
    "loongarch64",
    "mips",
    "mips64",
    "mipsel",
    "ppc64",
    "ppc64le",
    "riscv64",
    "s390x",
    "x86_64",
    "x86_64_v2",
    "x86_64_v3",
    "x86_64_v4",
];

/// Says why a text can't be the architecture of a release.
pub(super) fn check(text: &str) -> Result<(), String> {
    match MACHINES.contains(&text) {
        true => Ok(()),
        false => Err(format!(
            "rpm knows no machine of that name{}",
            nearest(text, &MACHINES, "")
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn containers_run_on_machines() {
        for machine in OF_CONTAINERS {
            assert_eq!(check(machine), Ok(()));
        }
    }
}
