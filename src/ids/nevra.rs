//! Name, epoch, version, release, architecture: what an RPM calls itself.
//!
//! Never what it is: that is its content digest.

use std::cmp::Ordering;
use std::fmt;

use serde::{Deserialize, Serialize};

/// Epoch, version and release, ordered as RPM orders them.
///
/// Equality is textual, so `1.0` and `1.00` differ though RPM ranks them equal:
/// [`Evr::compare`] is RPM's ranking, `Ord` breaks its ties by text.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Evr {
    #[serde(default, skip_serializing_if = "is_zero")]
    pub epoch: u32,
    pub version: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub release: String,
}

fn is_zero(epoch: &u32) -> bool {
    *epoch == 0
}

/// RPM's ranking of one version or release string.
fn rank(a: &str, b: &str) -> Ordering {
    let whole = |text| rpm_version::Evr::new("0", text, "");
    whole(a).cmp(&whole(b))
}

impl Evr {
    /// Reads `[EPOCH:]VERSION[-RELEASE]`; an epoch that is no number counts as part of the version.
    pub fn parse(text: &str) -> Evr {
        let (epoch, rest) = match text.split_once(':') {
            Some(("", rest)) => (0, rest),
            Some((epoch, rest)) => match epoch.parse() {
                Ok(epoch) => (epoch, rest),
                Err(_) => (0, text),
            },
            None => (0, text),
        };
        let (version, release) = rest.rsplit_once('-').unwrap_or((rest, ""));
        Evr {
            epoch,
            version: version.to_owned(),
            release: release.to_owned(),
        }
    }

    /// RPM's ranking; a missing release on either side matches any release, as it does in dependencies.
    pub fn compare(&self, other: &Evr) -> Ordering {
        self.epoch
            .cmp(&other.epoch)
            .then_with(|| rank(&self.version, &other.version))
            .then_with(|| {
                if self.release.is_empty() || other.release.is_empty() {
                    Ordering::Equal
                } else {
                    rank(&self.release, &other.release)
                }
            })
    }
}

impl PartialOrd for Evr {
    fn partial_cmp(&self, other: &Evr) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Evr {
    fn cmp(&self, other: &Evr) -> Ordering {
        self.epoch
            .cmp(&other.epoch)
            .then_with(|| rank(&self.version, &other.version))
            .then_with(|| rank(&self.release, &other.release))
            .then_with(|| self.version.cmp(&other.version))
            .then_with(|| self.release.cmp(&other.release))
    }
}

/// `[EPOCH:]VERSION[-RELEASE]`, without a zero epoch.
impl fmt::Display for Evr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.epoch != 0 {
            write!(f, "{}:", self.epoch)?;
        }
        f.write_str(&self.version)?;
        if !self.release.is_empty() {
            write!(f, "-{}", self.release)?;
        }
        Ok(())
    }
}

/// A package's full name. Ordered by name, then version, then architecture.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Nevra {
    pub name: String,
    pub evr: Evr,
    /// `src` or `nosrc` for a source package, whatever it was built on.
    pub arch: String,
}

impl Nevra {
    /// Whether a text names the package: as NAME, or as NAME.ARCH.
    pub fn is_called(&self, text: &str) -> bool {
        match text.strip_prefix(self.name.as_str()) {
            Some("") => true,
            Some(rest) => rest.strip_prefix('.') == Some(self.arch.as_str()),
            None => false,
        }
    }

    /// `NAME-EPOCH:VERSION-RELEASE.ARCH`, the epoch always written, as modulemd and productmd want it.
    pub fn with_epoch(&self) -> String {
        let Evr {
            epoch,
            version,
            release,
        } = &self.evr;
        format!("{}-{epoch}:{version}-{release}.{}", self.name, self.arch)
    }

    /// `NAME-VERSION-RELEASE.ARCH.rpm`: the file name by convention, which nothing relies on.
    pub fn file_name(&self) -> String {
        let Evr {
            version, release, ..
        } = &self.evr;
        format!("{}-{version}-{release}.{}.rpm", self.name, self.arch)
    }
}

/// `NAME-[EPOCH:]VERSION-RELEASE.ARCH`, without a zero epoch.
impl fmt::Display for Nevra {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}.{}", self.name, self.evr, self.arch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn evr_ranks_as_rpm_does() {
        let ranked = [
            "1.0~rc1-1",
            "1.0-1",
            "1.0^git1-1",
            "1.05-1",
            "1.10-1",
            "1:0.1-1",
        ];
        for (i, low) in ranked.iter().enumerate() {
            for high in &ranked[i + 1..] {
                assert_eq!(
                    Evr::parse(low).compare(&Evr::parse(high)),
                    Ordering::Less,
                    "{low} < {high}"
                );
            }
        }
        assert_eq!(
            Evr::parse("1.05-1").compare(&Evr::parse("1.5-1")),
            Ordering::Equal
        );
        assert_eq!(
            Evr::parse("1.5").compare(&Evr::parse("1.5-7")),
            Ordering::Equal
        );
    }
}
