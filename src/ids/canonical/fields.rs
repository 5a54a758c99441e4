//! The fields of a canonical map, read and written one by one.

use std::collections::BTreeMap;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::items::{Items, Kind, write_head};
use super::{Error, Value, check, encode};

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

/// A map on its way out; what is encoded already goes in as it is.
#[derive(Default)]
pub struct Map(BTreeMap<Vec<u8>, Vec<u8>>);

impl Map {
    pub fn with<T: Serialize>(self, name: &str, data: &T) -> Result<Self, Error> {
        let bytes = encode(data)?;
        Ok(self.put(name, bytes))
    }

    pub fn with_value(self, name: &str, value: &Value) -> Self {
        self.put(name, value.0.clone())
    }

    fn put(mut self, name: &str, bytes: Vec<u8>) -> Self {
        let mut key = Vec::with_capacity(name.len() + 1);
        write_head(&mut key, Kind::Text, name.len() as u64);
        key.extend_from_slice(name.as_bytes());
        self.0.insert(key, bytes);
        self
    }

    /// The only encoding of it: keys are in the order of their bytes, heads included.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        write_head(&mut bytes, Kind::Map, self.0.len() as u64);
        for (key, value) in &self.0 {
            bytes.extend_from_slice(key);
            bytes.extend_from_slice(value);
        }
        bytes
    }
}
