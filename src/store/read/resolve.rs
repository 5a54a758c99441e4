//! Finding an entry by what a person types.

use crate::ids::EntryId;
use crate::store::Store;
use crate::store::error::{Error, Result};

/// Shorter ones would also be names of artifacts that are not in the store.
pub const LEAST_PREFIX: usize = 6;

impl Store {
    /// The one entry whose hash begins so, with six characters at least; also given as a path below `entries/`.
    pub fn resolve_prefix(&self, text: &str) -> Result<EntryId> {
        let prefix = prefix(text);
        if prefix.len() < LEAST_PREFIX {
            return Err(Error::NotAPrefix {
                text: text.to_owned(),
            });
        }
        let (Some(low), Some(high)) = (bound(prefix, 0), bound(prefix, 31)) else {
            return Err(Error::NotAPrefix {
                text: text.to_owned(),
            });
        };
        let found = match self.index()? {
            Some(index) => index.entries_between(low, high)?,
            None => Vec::new(),
        };
        match found.as_slice() {
            [] => Err(Error::NoSuchEntry {
                text: text.to_owned(),
            }),
            [one] => Ok(*one),
            _ => Err(Error::Ambiguous {
                text: text.to_owned(),
                entries: found,
            }),
        }
    }
}

/// The hash in `HASH`, `HASH-NAME`, `…/entries/HASH-NAME/…` or, from within that directory, `./HASH-NAME/…`.
fn prefix(text: &str) -> &str {
    let mut below = text.split('/').skip_while(|name| *name != "entries");
    let name = match (below.nth(1), text.strip_prefix("./")) {
        (Some(name), _) => name,
        (None, Some(here)) => here.split('/').find(|name| !name.is_empty()).unwrap_or(""),
        (None, None) if text.contains('/') => "",
        (None, None) => text,
    };
    name.split('-').next().unwrap_or("")
}

/// The bytes of the first (`fill` 0) or last (31) hash whose text begins so.
fn bound(prefix: &str, fill: u8) -> Option<[u8; 32]> {
    if prefix.is_empty() || prefix.len() > crate::ids::hash::TEXT_LEN {
        return None;
    }
    let mut bytes = [0u8; 32];
    let digits = prefix.bytes().map(|c| match c {
        b'a'..=b'z' => Some(c - b'a'),
        b'2'..=b'7' => Some(c - b'2' + 26),
        _ => None,
    });
    let digits = digits.chain(std::iter::repeat(Some(fill)));
    for (at, digit) in digits.take(crate::ids::hash::TEXT_LEN).enumerate() {
        let digit = digit?;
        for bit in 0..5 {
            // The 52nd digit has one bit of the hash; the rest is padding.
            let (byte, shift) = ((at * 5 + bit) / 8, 7 - (at * 5 + bit) % 8);
            if byte < 32 {
                bytes[byte] |= (digit >> (4 - bit) & 1) << shift;
            }
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{BlobId, Hash};

    #[test]
    fn a_prefix_bounds_exactly_the_hashes_that_begin_with_it() {
        let hash = BlobId::of(b"x").0;
        let text = hash.to_string();
        for length in 1..=text.len() {
            let low = bound(&text[..length], 0).unwrap();
            let high = bound(&text[..length], 31).unwrap();
            assert!(low <= *hash.as_bytes() && *hash.as_bytes() <= high);
            let begin = Hash::from_bytes(low).to_string();
            assert_eq!(begin[..length], text[..length]);
        }
        assert_eq!(bound("A", 0), None);
        assert_eq!(bound("", 0), None);
    }

    #[test]
    fn a_path_below_entries_names_its_entry() {
        assert_eq!(prefix("abc"), "abc");
        assert_eq!(prefix("abc-server"), "abc");
        assert_eq!(prefix("/var/lib/store/entries/abc-my-server/x/y"), "abc");
        assert_eq!(prefix("./abc-server"), "abc");
        assert_eq!(prefix("./abc-server/Packages/"), "abc");
        assert_eq!(prefix("./entries/abc-server"), "abc");
        assert_eq!(prefix("some/where"), "");
        assert_eq!(prefix("./"), "");
    }
}
