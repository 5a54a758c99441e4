//! The fields of a canonical map, read and written one by one.

use std::collections::BTreeMap;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::items::{Items, Kind, follows, write_head};
use super::{Error, Value, encode};

/// A value in a row of a list, checked with it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Cell<'a>(&'a [u8]);

impl<'a> Cell<'a> {
    pub fn text(self) -> Result<&'a str, Error> {
        let mut items = Items::checked(self.0);
        let head = items.head()?;
        match head.kind {
            Kind::Text => text(items.string(head)?),
            _ => Err(Error::Unexpected("it is no text")),
        }
    }

    /// The one entry of a map, as a variant of an enumeration is written.
    pub fn variant(self) -> Result<(&'a str, Cell<'a>), Error> {
        let mut items = Items::checked(self.0);
        let head = items.head()?;
        if head.kind != Kind::Map || head.number != 1 {
            return Err(Error::Unexpected("a variant is a map of one entry"));
        }
        Ok((text(items.key_name()?)?, Cell(items.rest())))
    }

    /// The values of a map that has these fields and no others, named in canonical order.
    pub fn row<const N: usize>(self, columns: [&str; N]) -> Result<[Cell<'a>; N], Error> {
        row(&mut Items::checked(self.0), columns)
    }

    pub fn number(self) -> Result<u64, Error> {
        let head = Items::checked(self.0).head()?;
        match (head.kind, head.number) {
            (Kind::Unsigned, number) => Ok(number),
            _ => Err(Error::Unexpected("it is no number")),
        }
    }

    /// Bytes of a known length; a hash in its text form is none.
    pub fn bytes<const N: usize>(self) -> Result<[u8; N], Error> {
        let bytes = self.any_bytes()?.try_into();
        bytes.map_err(|_| Error::Unexpected("bytes are of another length"))
    }

    pub fn any_bytes(self) -> Result<&'a [u8], Error> {
        let mut items = Items::checked(self.0);
        let head = items.head()?;
        match head.kind {
            Kind::Bytes => items.string(head),
            _ => Err(Error::Unexpected("it is no string of bytes")),
        }
    }

    /// The value as it is, kept.
    pub fn value(self) -> Value {
        Value(self.0.to_vec())
    }

    /// A value of any other shape.
    pub fn read<T: DeserializeOwned + Serialize>(self) -> Result<T, Error> {
        super::read_exact(self.0)
    }
}

/// A map that was checked as a whole; whoever reads its fields decides how deep each is looked into.
pub struct Fields<'a>(BTreeMap<&'a str, &'a [u8]>);

impl<'a> Fields<'a> {
    /// Refuses what is not canonical, and what is not a map.
    pub fn of(bytes: &'a [u8]) -> Result<Self, Error> {
        let mut items = Items::canonical(bytes);
        let head = items.head()?;
        if head.kind != Kind::Map {
            return Err(Error::Unexpected("it is no map"));
        }
        let mut fields = BTreeMap::new();
        let mut last: &[u8] = &[];
        for _ in 0..head.number {
            let key = items.key()?;
            if !follows(key, last) {
                return Err(Error::NotCanonical);
            }
            last = key;
            fields.insert(super::read(key)?, items.inner_item()?);
        }
        items.end()?;
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

    /// A list of maps that have these fields and no others, named in canonical order: of each the values.
    pub fn rows<const N: usize>(
        &mut self,
        name: &'static str,
        columns: [&str; N],
    ) -> Result<Vec<[Cell<'a>; N]>, Error> {
        let mut items = Items::checked(self.take(name)?);
        let head = items.head()?;
        if head.kind != Kind::Array {
            return Err(Error::Unexpected("it is no list"));
        }
        let mut rows = Vec::new();
        for _ in 0..head.number {
            rows.push(row(&mut items, columns)?);
        }
        Ok(rows)
    }

    /// A field that is kept as it is.
    pub fn value(&mut self, name: &'static str) -> Result<Value, Error> {
        Ok(Value(self.take(name)?.to_vec()))
    }

    /// One that may be missing.
    pub fn optional(&mut self, name: &'static str) -> Option<Cell<'a>> {
        self.0.remove(name).map(Cell)
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

    pub fn value(&self) -> Value {
        Value(self.encode())
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

fn text(bytes: &[u8]) -> Result<&str, Error> {
    std::str::from_utf8(bytes).map_err(|_| Error::Unexpected("its text is not UTF-8"))
}

fn row<'a, const N: usize>(
    items: &mut Items<'a>,
    columns: [&str; N],
) -> Result<[Cell<'a>; N], Error> {
    let head = items.head()?;
    if head.kind != Kind::Map || head.number != N as u64 {
        return Err(Error::Unexpected("it has other fields than expected"));
    }
    let mut row = [Cell(&[]); N];
    for (cell, column) in row.iter_mut().zip(columns) {
        if items.key_name()? != column.as_bytes() {
            return Err(Error::Unexpected("it has a field that is not known"));
        }
        *cell = Cell(items.item()?);
    }
    Ok(row)
}
