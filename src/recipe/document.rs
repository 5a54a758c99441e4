//! One TOML file that is being read, and what was found wrong in it.
//!
//! serde would stop at the first mistake and know no neighbours;
//! here each mistake is noted, and reading goes on.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::Path;

use toml::Spanned;
use toml::de::DeTable;

use super::error::{Fault, Place, Problem};
use super::release::Release;

/// Where the values of a recipe stand, so that a later stage can point at them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Places(BTreeMap<(String, String), Place>);

impl Places {
    /// The place of an item of a field, or of the field, if the item is empty or unknown.
    pub fn of(&self, field: &str, item: &str) -> Option<&Place> {
        let find = |item: &str| self.0.get(&(field.to_owned(), item.to_owned()));
        find(item).or_else(|| find(""))
    }
}

/// A file that is being read, and what was found wrong in it so far.
///
/// Until it is finished, places are offsets into the text.
pub struct Document<'a> {
    pub file: &'a Path,
    pub text: &'a str,
    /// The recipes directory, which bodies must not leave.
    pub dir: &'a Path,
    /// Fills placeholders, in recipes; `release.toml` and the lock have none.
    pub release: Option<&'a Release>,
    faults: RefCell<Vec<(usize, Fault)>>,
    places: RefCell<BTreeMap<(String, String), usize>>,
}

impl<'a> Document<'a> {
    pub fn new(dir: &'a Path, file: &'a Path, text: &'a str, release: Option<&'a Release>) -> Self {
        Document {
            file,
            text,
            dir,
            release,
            faults: RefCell::default(),
            places: RefCell::default(),
        }
    }

    /// Reads the whole file as a table; `None` if it is not TOML.
    pub fn parse(&self) -> Option<Spanned<DeTable<'a>>> {
        match DeTable::parse(self.text) {
            Ok(table) => Some(table),
            Err(error) => {
                let at = error.span().map_or(0, |span| span.start);
                self.report(at, Fault::Syntax(error.message().trim_end().to_owned()));
                None
            }
        }
    }

    pub fn report(&self, at: usize, fault: Fault) {
        self.faults.borrow_mut().push((at, fault));
    }

    pub(super) fn remember(&self, field: &str, item: &str, at: usize) {
        // Only recipes are pointed at later.
        if self.release.is_some() {
            let key = (field.to_owned(), item.to_owned());
            self.places.borrow_mut().entry(key).or_insert(at);
        }
    }

    /// Where everything stands, and all that is wrong.
    pub fn finish(self) -> (Places, Vec<Problem>) {
        let (places, faults) = (self.places.into_inner(), self.faults.into_inner());
        let offsets = places.values().copied();
        let offsets = offsets.chain(faults.iter().map(|(at, _)| *at)).collect();
        let found = Place::of_all(self.file, self.text, offsets);
        let places = places.into_iter();
        let faults = faults.into_iter();
        (
            Places(places.map(|(key, at)| (key, found[&at].clone())).collect()),
            faults
                .map(|(at, fault)| Problem {
                    place: found[&at].clone(),
                    fault,
                })
                .collect(),
        )
    }
}
