//! Fields that hold several values: lists, sets and tables.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use toml::Spanned;
use toml::de::DeValue;

use super::{Fields, Found};
use crate::recipe::error::Fault;

impl<'t, 'a> Fields<'t, 'a> {
    /// A list of strings in the order that they are written in.
    pub fn list(&self, field: &'static str) -> Vec<Found<String>> {
        let Some(value) = self.get(field) else {
            return Vec::new();
        };
        self.items(field, value)
    }

    fn items(&self, field: &str, value: &Spanned<DeValue>) -> Vec<Found<String>> {
        let Some(array) = value.get_ref().as_array() else {
            self.mismatch(field, "a list of strings", value);
            return Vec::new();
        };
        let path = format!("{}{field}", self.path);
        let mut items = Vec::new();
        for item in array.iter() {
            if let Some(found) = self.text(field, "a list of strings", item) {
                self.document.remember(&path, &found.value, found.at);
                items.push(found);
            }
        }
        items
    }

    /// A list whose order means nothing, and in which nothing stands twice.
    pub fn set<T>(&self, field: &'static str, what: &'static str) -> BTreeSet<T>
    where
        T: FromStr<Err: fmt::Display> + Ord,
    {
        self.unique(field, self.list(field), what)
    }

    fn unique<T>(&self, field: &str, list: Vec<Found<String>>, what: &'static str) -> BTreeSet<T>
    where
        T: FromStr<Err: fmt::Display> + Ord,
    {
        let mut set = BTreeSet::new();
        for Found { value: item, at } in list {
            let Some(Found { value, .. }) = self.read(item.clone(), at, what) else {
                continue;
            };
            if !set.insert(value) {
                self.twice(at, field, item);
            }
        }
        set
    }

    /// A list whose order counts, and in which nothing stands twice.
    pub fn sequence<T>(&self, field: &'static str, what: &'static str) -> Vec<T>
    where
        T: FromStr<Err: fmt::Display> + PartialEq,
    {
        let mut sequence = Vec::new();
        for Found { value: item, at } in self.list(field) {
            let Some(Found { value, .. }) = self.read(item.clone(), at, what) else {
                continue;
            };
            if sequence.contains(&value) {
                self.twice(at, field, item);
            } else {
                sequence.push(value);
            }
        }
        sequence
    }

    /// A sequence in which something stands, or a string for one with just that.
    pub fn one_or_several<T>(
        &self,
        field: &'static str,
        what: &'static str,
        hint: &'static str,
    ) -> Vec<T>
    where
        T: FromStr<Err: fmt::Display> + PartialEq,
    {
        match self.raw(field) {
            None => Vec::new(),
            Some((DeValue::String(_), _)) => {
                let one = self.parsed(field, what);
                one.map(|found| found.value).into_iter().collect()
            }
            Some((DeValue::Array(items), at)) => {
                if items.is_empty() {
                    let field = field.to_owned();
                    self.report(at.start, Fault::Empty { field, hint });
                }
                self.sequence(field, what)
            }
            Some(_) => {
                self.wrong_type(field, "a string or a list of strings");
                Vec::new()
            }
        }
    }

    /// As [`Fields::set`], but something must stand in it.
    pub fn filled_set<T>(
        &self,
        field: &'static str,
        what: &'static str,
        hint: &'static str,
    ) -> BTreeSet<T>
    where
        T: FromStr<Err: fmt::Display> + Ord,
    {
        let set = self.set(field, what);
        let empty = self
            .table
            .get(field)
            .and_then(|value| value.get_ref().as_array())
            .is_some_and(|array| array.is_empty());
        if empty {
            let field = field.to_owned();
            self.report(self.place(&field), Fault::Empty { field, hint });
        }
        self.demand(field);
        set
    }

    /// A table of any keys with strings as values.
    pub fn strings<K>(&self, field: &'static str, what: &'static str) -> BTreeMap<K, String>
    where
        K: FromStr<Err: fmt::Display> + Ord,
    {
        let mut map = BTreeMap::new();
        self.each(field, what, |key, name, value| {
            let expected = "a table of strings";
            if let Some(found) = self.text(name, expected, value) {
                map.insert(key, found.value);
            }
        });
        map
    }

    /// A table of any keys with sets of names as values.
    pub fn sets<K>(&self, field: &'static str, what: &'static str) -> BTreeMap<K, BTreeSet<String>>
    where
        K: FromStr<Err: fmt::Display> + Ord,
    {
        let mut map = BTreeMap::new();
        self.each(field, what, |key, name, value| {
            let path = format!("{field}.{name}");
            let items = self.items(&path, value);
            map.insert(key, self.unique(&path, items, "an item"));
        });
        map
    }

    /// A table of any keys with sets of what has rules of its own as values; none of them is empty.
    pub fn name_sets<K, T>(
        &self,
        field: &'static str,
        what: &'static str,
        item: &'static str,
    ) -> BTreeMap<K, BTreeSet<T>>
    where
        K: FromStr<Err: fmt::Display> + Ord,
        T: FromStr<Err: fmt::Display> + Ord,
    {
        let mut map = BTreeMap::new();
        self.each(field, what, |key, name, value| {
            let path = format!("{field}.{name}");
            let items = self.items(&path, value);
            if items.is_empty() && value.get_ref().as_array().is_some() {
                let hint = "name what belongs to it, or leave it out";
                let field = path.clone();
                self.report(value.span().start, Fault::Empty { field, hint });
            }
            map.insert(key, self.unique(&path, items, item));
        });
        map
    }

    fn each<K>(
        &self,
        field: &'static str,
        what: &'static str,
        mut take: impl FnMut(K, &str, &'t Spanned<DeValue<'a>>),
    ) where
        K: FromStr<Err: fmt::Display>,
    {
        let Some(value) = self.get(field) else { return };
        let Some(table) = value.get_ref().as_table() else {
            self.mismatch(field, "a table", value);
            return;
        };
        for (key, value) in table {
            let (name, at) = (key.get_ref().as_ref(), key.span().start);
            let path = format!("{}{field}", self.path);
            self.document.remember(&path, name, at);
            if let Some(key) = self.read(name.to_owned(), at, what) {
                take(key.value, name, value);
            }
        }
    }

    /// A table of any keys with tables as values.
    pub fn named_tables<K>(
        &self,
        field: &'static str,
        what: &'static str,
    ) -> BTreeMap<K, Fields<'t, 'a>>
    where
        K: FromStr<Err: fmt::Display> + Ord,
    {
        let mut map = BTreeMap::new();
        self.each(field, what, |key, name, value| match value.get_ref() {
            DeValue::Table(table) => {
                let path = format!("{}{field}.{name}.", self.path);
                map.insert(
                    key,
                    Fields::new(self.document, table, value.span().start, &path),
                );
            }
            _ => self.mismatch(name, "a table", value),
        });
        map
    }

    pub fn table(&self, field: &'static str) -> Option<Fields<'t, 'a>> {
        let value = self.get(field)?;
        match value.get_ref() {
            DeValue::Table(table) => {
                let path = format!("{}{field}.", self.path);
                Some(Fields::new(self.document, table, value.span().start, &path))
            }
            _ => {
                self.mismatch(field, "a table", value);
                None
            }
        }
    }

    /// Tables under `[[field]]`.
    pub fn tables(&self, field: &'static str) -> Vec<Fields<'t, 'a>> {
        let Some(value) = self.get(field) else {
            return Vec::new();
        };
        let Some(array) = value.get_ref().as_array() else {
            self.mismatch(field, "a list of tables", value);
            return Vec::new();
        };
        let mut tables = Vec::new();
        for (i, item) in array.iter().enumerate() {
            match item.get_ref() {
                DeValue::Table(table) => {
                    let path = format!("{}{field}.{i}.", self.path);
                    tables.push(Fields::new(self.document, table, item.span().start, &path));
                }
                _ => self.mismatch(field, "a list of tables", item),
            }
        }
        tables
    }
}
