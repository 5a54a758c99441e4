//! What a header calls its package, and whether that is a source package.

use super::header::{Header, text};
use super::{Error, tags};
use crate::ids::{Evr, Nevra};

impl Header {
    /// Whether this is a source package: rpm asks, as here, whether a source is named.
    pub fn is_source(&self) -> bool {
        !self.has(tags::SOURCE_RPM)
    }

    pub fn nevra(&self) -> Result<Nevra, Error> {
        let epoch = self.number(tags::EPOCH)?.unwrap_or(0);
        let arch = match self.is_source() {
            true if self.has(tags::NO_SOURCE) || self.has(tags::NO_PATCH) => "nosrc".to_owned(),
            true => "src".to_owned(),
            false => self.must(tags::ARCH, "architecture")?,
        };
        Ok(Nevra {
            name: self.must(tags::NAME, "name")?,
            evr: Evr {
                epoch: u32::try_from(epoch)
                    .map_err(|_| Error::tag(tags::EPOCH, "it has more than 32 bits"))?,
                version: self.must(tags::VERSION, "version")?,
                release: self.must(tags::RELEASE, "release")?,
            },
            arch,
        })
    }

    fn must(&self, tag: u32, what: &'static str) -> Result<String, Error> {
        match self.string(tag)? {
            Some(value) if !value.is_empty() => Ok(text(value)),
            _ => Err(Error::Missing { tag, what }),
        }
    }
}
