//! Files that are being fetched: how much of them is here.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::relate::Size;

/// How often a log is told of files that take long.
const OFTEN: Duration = Duration::from_secs(10);

/// The files on their way.
pub struct Coming {
    /// Of each, how many bytes are here, of how many if that is known.
    files: BTreeMap<String, (u64, Option<u64>)>,
    /// When a log was told of them, or of the first that nothing was said of yet.
    told: Option<Instant>,
}

impl Coming {
    pub const NONE: Coming = Coming {
        files: BTreeMap::new(),
        told: None,
    };

    /// Notes how far a file has come; one that is whole is no longer on its way.
    pub fn note(&mut self, what: &str, here: u64, of: Option<u64>) {
        match of {
            Some(of) if here >= of => drop(self.files.remove(what)),
            _ => drop(self.files.insert(what.to_owned(), (here, of))),
        }
        if self.files.is_empty() {
            self.told = None;
        }
    }

    /// `fetching 12 MB of 40 MB: a, b`; nothing where no file is on its way.
    pub fn text(&self) -> Option<String> {
        if self.files.is_empty() {
            return None;
        }
        let here = self.files.values().map(|(here, _)| *here).sum();
        let of = self.files.values().map(|(here, of)| of.unwrap_or(*here));
        let names: Vec<&str> = self.files.keys().map(String::as_str).collect();
        let (here, of) = (Size(here), Size(of.sum()));
        Some(format!("fetching {here} of {of}: {}", names.join(", ")))
    }

    /// The text, if it is time that a log is told; a file that comes quickly is not worth a line.
    pub fn due(&mut self, now: Instant) -> Option<String> {
        let text = self.text()?;
        let told = *self.told.get_or_insert(now);
        (now - told >= OFTEN).then(|| {
            self.told = Some(now);
            text
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_is_told_now_and_then_of_what_takes_long() {
        let (mut coming, start) = (Coming::NONE, Instant::now());
        let mut at = |seconds, what: &str, here, of| {
            coming.note(what, here, of);
            coming.due(start + Duration::from_secs(seconds))
        };
        assert_eq!(at(0, "quick", 0, Some(5)), None);
        assert_eq!(at(60, "quick", 5, Some(5)), None);
        assert_eq!(at(61, "a", 1_000_000, Some(4_000_000)), None);
        assert_eq!(at(70, "a", 2_000_000, Some(4_000_000)), None);
        let told = at(71, "b", 500_000, None);
        assert_eq!(told.unwrap(), "fetching 2.5 MB of 4.5 MB: a, b");
        assert_eq!(at(80, "a", 3_000_000, Some(4_000_000)), None);
        assert!(at(81, "a", 3_500_000, Some(4_000_000)).is_some());
    }
}
