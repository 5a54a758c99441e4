//! The fields of a canonical map, read one by one.

use std::collections::BTreeMap;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::items::{Items, Kind};
use super::{Error, Value, check};

/// A map that was checked as a whole; whoever reads its fields decides how deep each is looked into.
pub struct Fields<'a>(BTreeMap<&'a str, &'a [u8]>);

impl<'a> Fields<'a> {
    /// Refuses what is not canonical, and what is not a map.
    pub fn of(bytes: &'a [u8]) -> Result<Self, Error> {
        check(bytes)?;
        let mut items = Items::canonical(bytes);
        let head = items.head()?;
        if head.kind != Kind::Map {
            return Err(Error::Unexpected("it is no map"));
        }
        let mut fields = BTreeMap::new();
        for _ in 0..head.number.unwrap_or_default() {
            let name = super::read(items.key()?)?;
            fields.insert(name, items.item()?);
        }
        Ok(Fields(fields))
    }

    fn take(&mut self, name: &'static str) -> Result<&'a [u8], Error> {
        self.0.remove(name).ok_or(Error::Missing(name))
    }

    pub fn read<T: DeserializeOwned + Serialize>(
        &mut self,
        name: &'static str,
    ) -> Result<T, Error> {
        super::read_exact(self.take(name)?)
    }

    /// A field that is kept as it is.
    pub fn value(&mut self, name: &'static str) -> Result<Value, Error> {
        Ok(Value(self.take(name)?.to_vec()))
    }

    /// One that may be missing.
    pub fn optional_value(&mut self, name: &'static str) -> Option<Value> {
        self.0.remove(name).map(|bytes| Value(bytes.to_vec()))
    }

    /// Refuses fields that nobody read.
    pub fn end(self) -> Result<(), Error> {
        match self.0.is_empty() {
            true => Ok(()),
            false => Err(Error::Unexpected("it has a field that is not known")),
        }
    }
}
