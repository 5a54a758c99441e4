//! Which keys each index of the database has for a header.

use std::collections::BTreeSet;

use super::Error;
use super::installed::Installed;
use crate::formats::rpm::{Header, tags};

/// A key of an index: text or bytes, as the column wants it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Key {
    Text(Vec<u8>),
    Bytes(Vec<u8>),
}

/// One index: its table, and how its keys come about.
pub struct Index {
    pub table: &'static str,
    /// Whether the header number is indexed too, which rpm does where a header has many keys.
    pub by_header: bool,
    pub text: bool,
    pub keyed: bool,
    tag: u32,
}

const fn many(table: &'static str, tag: u32) -> Index {
    Index {
        table,
        by_header: true,
        text: true,
        keyed: true,
        tag,
    }
}

const fn one(table: &'static str, text: bool, keyed: bool, tag: u32) -> Index {
    Index {
        table,
        by_header: false,
        text,
        keyed,
        tag,
    }
}

use tags::{
    CONFLICT_NAME, ENHANCE_NAME, GROUP, RECOMMEND_NAME, REQUIRE_FLAGS, REQUIRE_NAME, SUGGEST_NAME,
    SUPPLEMENT_NAME,
};

const TRIGGER_NAME: u32 = 1066;
const INSTALL_TRANSACTION: u32 = 1128;
const SIGNED_MD5: u32 = 261;
const SHA1_HEADER: u32 = tags::signature::SHA1;
const FILE_TRIGGER_NAME: u32 = 5069;
const FILE_TRIGGER_INDEX: u32 = 5070;
const TRANSACTION_FILE_TRIGGER_NAME: u32 = 5079;
const TRANSACTION_FILE_TRIGGER_INDEX: u32 = 5080;

/// In the order in which rpm makes the tables.
pub const INDEXES: [Index; 18] = [
    one("Name", true, true, tags::NAME),
    many("Basenames", tags::BASE_NAMES),
    one("Group", true, true, GROUP),
    many("Requirename", REQUIRE_NAME),
    many("Providename", tags::PROVIDE_NAME),
    many("Conflictname", CONFLICT_NAME),
    many("Obsoletename", tags::OBSOLETE_NAME),
    many("Triggername", TRIGGER_NAME),
    many("Dirnames", tags::DIRECTORY_NAMES),
    one("Installtid", false, false, INSTALL_TRANSACTION),
    one("Sigmd5", false, false, SIGNED_MD5),
    one("Sha1header", true, true, SHA1_HEADER),
    many("Filetriggername", FILE_TRIGGER_NAME),
    many("Transfiletriggername", TRANSACTION_FILE_TRIGGER_NAME),
    many("Recommendname", RECOMMEND_NAME),
    many("Suggestname", SUGGEST_NAME),
    many("Supplementname", SUPPLEMENT_NAME),
    many("Enhancename", ENHANCE_NAME),
];

impl Index {
    /// The keys of a header, each with its place in the list of the tag.
    pub fn keys(&self, package: &Installed<'_>) -> Result<Vec<(Key, u32)>, Error> {
        let header = package.header;
        let single = |key| Ok(vec![(key, 0)]);
        match self.tag {
            // Native order of the machine that wrote it; all that composes are made for are little-endian or don't mind.
            INSTALL_TRANSACTION => single(Key::Bytes(package.time.to_le_bytes().to_vec())),
            SHA1_HEADER => single(Key::Text(package.sha1().into_bytes())),
            SIGNED_MD5 => Ok(Vec::new()),
            GROUP if !header.has(GROUP) => single(Key::Text(b"Unknown".to_vec())),
            tag => {
                let mut keys = Vec::new();
                let mut filter = Filter::of(header, tag)?;
                for (at, text) in header.strings(tag)?.into_iter().enumerate() {
                    if let Some(place) = filter.place(at, text) {
                        self.expand(text, place, &mut keys)?;
                    }
                }
                Ok(keys)
            }
        }
    }

    fn expand(&self, text: &[u8], place: u32, keys: &mut Vec<(Key, u32)>) -> Result<(), Error> {
        keys.push((Key::Text(text.to_vec()), place));
        let rich = matches!(
            self.tag,
            REQUIRE_NAME
                | CONFLICT_NAME
                | RECOMMEND_NAME
                | SUGGEST_NAME
                | SUPPLEMENT_NAME
                | ENHANCE_NAME
        );
        if rich && text.starts_with(b"(") && text.ends_with(b")") {
            let names = rich_names(text).ok_or_else(|| Error::Unfolds {
                text: String::from_utf8_lossy(&text[..text.len().min(SHOWN)]).into_owned(),
            })?;
            keys.extend(names.into_iter().map(|name| (Key::Text(name), place)));
        }
        Ok(())
    }
}

/// Which values of a tag are indexed, and under which place.
enum Filter<'a> {
    All,
    /// Needed only while installing, so of no use in the database.
    Requires(Vec<u64>),
    /// Only the first of each name; these were met.
    Distinct(BTreeSet<&'a [u8]>),
    /// The place is that of the trigger, not that of the name.
    Triggers(Vec<u64>),
}

/// Bytes of a dependency that a message repeats.
const SHOWN: usize = 300;

/// Names of one rich dependency, where a condition has given some of them twice.
const MOST_NAMES: usize = 1 << 16;

/// RPMSENSE bits: SCRIPT_PRE, SCRIPT_POST, RPMLIB, KEYRING, PRETRANS, POSTTRANS.
const WHILE_INSTALLING: u32 = 1 << 9 | 1 << 10 | 1 << 24 | 1 << 26 | 1 << 7 | 1 << 5;
/// RPMSENSE bits: SCRIPT_PREUN, SCRIPT_POSTUN.
const WHILE_ERASING: u32 = 1 << 11 | 1 << 12;

impl<'a> Filter<'a> {
    fn of(header: &Header, tag: u32) -> Result<Self, Error> {
        Ok(match tag {
            REQUIRE_NAME => Filter::Requires(header.numbers(REQUIRE_FLAGS)?),
            TRIGGER_NAME => Filter::Distinct(BTreeSet::new()),
            FILE_TRIGGER_NAME => Filter::Triggers(header.numbers(FILE_TRIGGER_INDEX)?),
            TRANSACTION_FILE_TRIGGER_NAME => {
                Filter::Triggers(header.numbers(TRANSACTION_FILE_TRIGGER_INDEX)?)
            }
            _ => Filter::All,
        })
    }

    fn place(&mut self, at: usize, text: &'a [u8]) -> Option<u32> {
        let here = at as u32;
        match self {
            Filter::All => Some(here),
            Filter::Requires(flags) => {
                let flags = flags.get(at).map_or(0, |&flags| flags as u32);
                let passing = flags & WHILE_INSTALLING != 0 && flags & WHILE_ERASING == 0;
                (!passing).then_some(here)
            }
            Filter::Distinct(met) => met.insert(text).then_some(here),
            Filter::Triggers(places) => Some(places.get(at).map_or(here, |&place| place as u32)),
        }
    }
}

/// The plain names inside a rich dependency, those of a condition with `!` before them.
///
/// Where a condition has an `else`, its names count both ways: either may come to matter.
/// So each that lies in another doubles them: `None` if they become too many.
fn rich_names(text: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut names: Vec<(bool, &[u8])> = Vec::new();
    // For each open parenthesis the sign, and where the condition begins in `names`.
    let mut open = vec![(false, 0)];
    // A name may be followed by a comparison and a version, which are passed over.
    let mut version = false;
    for word in Words(text) {
        let Some((negative, condition)) = open.last_mut() else {
            break;
        };
        match word {
            b"(" => {
                let inner = (*negative, names.len());
                open.push(inner);
            }
            b")" => drop(open.pop()),
            b"and" | b"or" | b"with" | b"without" => {}
            b"if" | b"unless" => (*negative, *condition) = (!*negative, names.len()),
            b"else" => {
                *negative = !*negative;
                let other = names[*condition..]
                    .iter()
                    .map(|&(sign, name)| (!sign, name));
                let other: Vec<_> = other.collect();
                names.extend(other);
                if names.len() > MOST_NAMES {
                    return None;
                }
            }
            word if word.iter().all(|b| b"<>=".contains(b)) => version = true,
            _ if version => version = false,
            name if name.starts_with(b"rpmlib(") => {}
            name => names.push((*negative, name)),
        }
    }
    let marked = |(negative, name)| match negative {
        true => [&b"!"[..], name].concat(),
        false => name.to_vec(),
    };
    Some(names.into_iter().map(marked).collect())
}

/// Splits a rich dependency into parentheses and words; a word may hold balanced parentheses.
struct Words<'a>(&'a [u8]);

impl<'a> Iterator for Words<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let start = self.0.iter().position(|&b| b != b' ')?;
        let rest = &self.0[start..];
        let mut depth = 0usize;
        let end = rest.iter().enumerate().position(|(at, &b)| match b {
            b'(' if at > 0 => {
                depth += 1;
                false
            }
            b')' if at > 0 && depth > 0 => {
                depth -= 1;
                false
            }
            b')' => at > 0,
            b' ' => depth == 0,
            _ => false,
        });
        let end = match rest[0] {
            b'(' | b')' => 1,
            _ => end.unwrap_or(rest.len()),
        };
        let (word, rest) = rest.split_at(end);
        self.0 = rest;
        Some(word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rich_dependencies_give_their_names() {
        let names = |text: &str| -> Vec<String> {
            let names = rich_names(text.as_bytes()).unwrap();
            names
                .into_iter()
                .map(|n| String::from_utf8(n).unwrap())
                .collect()
        };
        assert_eq!(names("(foo if bar)"), ["foo", "!bar"]);
        assert_eq!(
            names("(a >= 1-2 and (b or c(x)(64bit)))"),
            ["a", "b", "c(x)(64bit)"]
        );
        assert_eq!(names("(a if b else c)"), ["a", "!b", "b", "c"]);
        assert_eq!(names("((("), [""; 0]);
    }

    #[test]
    fn conditions_within_conditions_do_not_unfold_without_end() {
        let nested = (0..40).fold("c".to_owned(), |inner, _| format!("(x if {inner} else y)"));
        assert_eq!(rich_names(nested.as_bytes()), None);
        let many = format!("({})", ["name"; 10_000].join(" and "));
        assert_eq!(rich_names(many.as_bytes()).unwrap().len(), 10_000);
    }
}
