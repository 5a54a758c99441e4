//! Data on its way into its only encoding.
//!
//! Maps are put in order as they end: most have a few short keys, and what is nested in them was ordered before.

use serde::ser::{
    self, Serialize, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant,
    SerializeTuple, SerializeTupleStruct, SerializeTupleVariant, Serializer,
};

use super::Error;
use super::items::{DEEPEST, Kind, follows, write_head};

/// The bytes so far, and the keys of the maps that have not ended.
pub(super) struct Writer {
    out: Vec<u8>,
    /// Where each key begins and ends; of nested maps after those of the outer ones.
    keys: Vec<(usize, usize)>,
    sorted: Vec<u8>,
    /// So many containers may still be opened inside.
    depth: usize,
}

/// A list that has not ended.
pub(super) struct List<'w> {
    open: Open,
    writer: &'w mut Writer,
}

/// A map that has not ended.
pub(super) struct Entries<'w> {
    open: Open,
    /// The first of its keys.
    first: usize,
    in_order: bool,
    writer: &'w mut Writer,
}

/// What ends with a container.
struct Open {
    kind: Kind,
    /// Where it begins, and where what is in it does.
    head: usize,
    body: usize,
    told: u64,
    count: u64,
    /// Two for the content of a variant: the map that names the variant ends with it.
    levels: usize,
}

impl Writer {
    pub fn encode<T: Serialize + ?Sized>(data: &T) -> Result<Vec<u8>, Error> {
        let mut writer = Writer {
            out: Vec::with_capacity(256),
            keys: Vec::new(),
            sorted: Vec::new(),
            depth: DEEPEST,
        };
        data.serialize(&mut writer)?;
        Ok(writer.out)
    }

    fn head(&mut self, kind: Kind, number: u64) {
        write_head(&mut self.out, kind, number);
    }

    fn text(&mut self, text: &str) {
        self.head(Kind::Text, text.len() as u64);
        self.out.extend_from_slice(text.as_bytes());
    }

    fn enter(&mut self) -> Result<(), Error> {
        let at = self.out.len();
        let problem = "it is nested too deep";
        let deeper = self.depth.checked_sub(1);
        self.depth = deeper.ok_or(Error::Malformed { at, problem })?;
        Ok(())
    }

    fn open(&mut self, kind: Kind, told: Option<usize>) -> Result<Open, Error> {
        self.enter()?;
        let (head, told) = (self.out.len(), told.unwrap_or_default() as u64);
        self.head(kind, told);
        Ok(Open {
            kind,
            head,
            body: self.out.len(),
            told,
            count: 0,
            levels: 1,
        })
    }

    fn close(&mut self, open: &Open) {
        self.depth += open.levels;
        if open.told != open.count {
            let mut counted = Vec::new();
            write_head(&mut counted, open.kind, open.count);
            self.out.splice(open.head..open.body, counted);
        }
    }

    /// The name of a variant, whose content follows.
    fn variant(&mut self, name: &str) -> Result<(), Error> {
        self.enter()?;
        self.head(Kind::Map, 1);
        self.text(name);
        Ok(())
    }

    fn list(&mut self, told: Option<usize>) -> Result<List<'_>, Error> {
        let open = self.open(Kind::Array, told)?;
        Ok(List { open, writer: self })
    }

    fn entries(&mut self, told: Option<usize>) -> Result<Entries<'_>, Error> {
        let open = self.open(Kind::Map, told)?;
        Ok(Entries {
            open,
            first: self.keys.len(),
            in_order: true,
            writer: self,
        })
    }

    /// Puts the entries of a map that begins at `body` into the order of their keys, which are those from `first` on.
    fn sort(&mut self, body: usize, first: usize) -> Result<(), Error> {
        let (keys, out) = (&self.keys[first..], &self.out);
        let key = |number: usize| &out[keys[number].0..keys[number].1];
        let mut order: Vec<usize> = (0..keys.len()).collect();
        order.sort_by(|&a, &b| key(a).cmp(key(b)));
        if order.windows(2).any(|pair| key(pair[0]) == key(pair[1])) {
            return Err(Error::Forbidden("keys that come twice"));
        }
        self.sorted.clear();
        for number in order {
            let end = keys.get(number + 1).map_or(out.len(), |next| next.0);
            self.sorted.extend_from_slice(&out[keys[number].0..end]);
        }
        self.out[body..].copy_from_slice(&self.sorted);
        Ok(())
    }
}

impl List<'_> {
    fn push<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        self.open.count += 1;
        value.serialize(&mut *self.writer)
    }

    fn finish(self) -> Result<(), Error> {
        self.writer.close(&self.open);
        Ok(())
    }
}

impl Entries<'_> {
    fn key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Error> {
        let start = self.writer.out.len();
        key.serialize(&mut *self.writer)?;
        let out = &self.writer.out;
        if out[start] >> 5 != 3 {
            return Err(Error::Forbidden("keys that are not text"));
        }
        if let Some(&(from, to)) = self.writer.keys[self.first..].last() {
            self.in_order &= follows(&out[start..], &out[from..to]);
        }
        self.writer.keys.push((start, out.len()));
        self.open.count += 1;
        Ok(())
    }

    fn value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        value.serialize(&mut *self.writer)
    }

    fn field<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) -> Result<(), Error> {
        self.key(name)?;
        self.value(value)
    }

    fn finish(self) -> Result<(), Error> {
        if !self.in_order {
            self.writer.sort(self.open.body, self.first)?;
        }
        self.writer.keys.truncate(self.first);
        self.writer.close(&self.open);
        Ok(())
    }
}

impl ser::Error for Error {
    fn custom<T: std::fmt::Display>(message: T) -> Self {
        Error::Shape(ser::Error::custom(message))
    }
}

const NULLS: Error = Error::Forbidden("nulls");
const FLOATS: Error = Error::Forbidden("floats");

impl<'w> Serializer for &'w mut Writer {
    type Ok = ();
    type Error = Error;
    type SerializeSeq = List<'w>;
    type SerializeTuple = List<'w>;
    type SerializeTupleStruct = List<'w>;
    type SerializeTupleVariant = List<'w>;
    type SerializeMap = Entries<'w>;
    type SerializeStruct = Entries<'w>;
    type SerializeStructVariant = Entries<'w>;

    fn is_human_readable(&self) -> bool {
        false
    }

    fn serialize_bool(self, value: bool) -> Result<(), Error> {
        self.head(Kind::Bool, u64::from(value));
        Ok(())
    }

    fn serialize_i8(self, value: i8) -> Result<(), Error> {
        self.serialize_i64(value.into())
    }

    fn serialize_i16(self, value: i16) -> Result<(), Error> {
        self.serialize_i64(value.into())
    }

    fn serialize_i32(self, value: i32) -> Result<(), Error> {
        self.serialize_i64(value.into())
    }

    fn serialize_i64(self, value: i64) -> Result<(), Error> {
        match u64::try_from(value) {
            Ok(number) => self.head(Kind::Unsigned, number),
            // -1 - value, which is the value with all its bits turned.
            Err(_) => self.head(Kind::Negative, !value as u64),
        }
        Ok(())
    }

    fn serialize_i128(self, value: i128) -> Result<(), Error> {
        let (kind, number) = match value < 0 {
            true => (Kind::Negative, !value),
            false => (Kind::Unsigned, value),
        };
        let number = u64::try_from(number).map_err(ser::Error::custom)?;
        self.head(kind, number);
        Ok(())
    }

    fn serialize_u8(self, value: u8) -> Result<(), Error> {
        self.serialize_u64(value.into())
    }

    fn serialize_u16(self, value: u16) -> Result<(), Error> {
        self.serialize_u64(value.into())
    }

    fn serialize_u32(self, value: u32) -> Result<(), Error> {
        self.serialize_u64(value.into())
    }

    fn serialize_u64(self, value: u64) -> Result<(), Error> {
        self.head(Kind::Unsigned, value);
        Ok(())
    }

    fn serialize_u128(self, value: u128) -> Result<(), Error> {
        self.serialize_u64(u64::try_from(value).map_err(ser::Error::custom)?)
    }

    fn serialize_f32(self, _: f32) -> Result<(), Error> {
        Err(FLOATS)
    }

    fn serialize_f64(self, _: f64) -> Result<(), Error> {
        Err(FLOATS)
    }

    fn serialize_char(self, value: char) -> Result<(), Error> {
        self.text(value.encode_utf8(&mut [0; 4]));
        Ok(())
    }

    fn serialize_str(self, value: &str) -> Result<(), Error> {
        self.text(value);
        Ok(())
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<(), Error> {
        self.head(Kind::Bytes, value.len() as u64);
        self.out.extend_from_slice(value);
        Ok(())
    }

    fn serialize_none(self) -> Result<(), Error> {
        Err(NULLS)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Error> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<(), Error> {
        Err(NULLS)
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<(), Error> {
        Err(NULLS)
    }

    fn serialize_unit_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
    ) -> Result<(), Error> {
        self.text(variant);
        Ok(())
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<(), Error> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), Error> {
        self.variant(variant)?;
        value.serialize(&mut *self)?;
        self.depth += 1;
        Ok(())
    }

    fn serialize_seq(self, length: Option<usize>) -> Result<List<'w>, Error> {
        self.list(length)
    }

    fn serialize_tuple(self, length: usize) -> Result<List<'w>, Error> {
        self.list(Some(length))
    }

    fn serialize_tuple_struct(self, _: &'static str, length: usize) -> Result<List<'w>, Error> {
        self.list(Some(length))
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        length: usize,
    ) -> Result<List<'w>, Error> {
        self.variant(variant)?;
        let mut list = self.list(Some(length))?;
        list.open.levels += 1;
        Ok(list)
    }

    fn serialize_map(self, length: Option<usize>) -> Result<Entries<'w>, Error> {
        self.entries(length)
    }

    fn serialize_struct(self, _: &'static str, length: usize) -> Result<Entries<'w>, Error> {
        self.entries(Some(length))
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        length: usize,
    ) -> Result<Entries<'w>, Error> {
        self.variant(variant)?;
        let mut entries = self.entries(Some(length))?;
        entries.open.levels += 1;
        Ok(entries)
    }
}

macro_rules! list {
    ($trait:ident, $push:ident) => {
        impl $trait for List<'_> {
            type Ok = ();
            type Error = Error;

            fn $push<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
                self.push(value)
            }

            fn end(self) -> Result<(), Error> {
                self.finish()
            }
        }
    };
}

list!(SerializeSeq, serialize_element);
list!(SerializeTuple, serialize_element);
list!(SerializeTupleStruct, serialize_field);
list!(SerializeTupleVariant, serialize_field);

macro_rules! fields {
    ($trait:ident) => {
        impl $trait for Entries<'_> {
            type Ok = ();
            type Error = Error;

            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                name: &'static str,
                value: &T,
            ) -> Result<(), Error> {
                self.field(name, value)
            }

            fn end(self) -> Result<(), Error> {
                self.finish()
            }
        }
    };
}

fields!(SerializeStruct);
fields!(SerializeStructVariant);

impl SerializeMap for Entries<'_> {
    type Ok = ();
    type Error = Error;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Error> {
        self.key(key)
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        self.value(value)
    }

    fn end(self) -> Result<(), Error> {
        self.finish()
    }
}
