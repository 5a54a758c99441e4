//! The fields of a table, asked for one by one, so that every complaint has its place.

mod lists;
mod scalars;

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fmt;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::recipe::body::{self, Body};
use crate::recipe::document::Document;
use crate::recipe::error::Fault;
use crate::recipe::placeholder;

/// A value with the bytes of the file that it stands in.
#[derive(Debug, Clone)]
pub struct Found<T> {
    pub value: T,
    pub at: usize,
}

/// A table whose fields are asked for one by one; [`Fields::finish`] complains about the others.
///
/// Each question that finds a mistake reports it, and answers as if the field were not there.
pub struct Fields<'t, 'a> {
    document: &'t Document<'a>,
    table: &'t DeTable<'a>,
    at: usize,
    path: String,
    asked: RefCell<BTreeSet<&'static str>>,
}

impl<'t, 'a> Fields<'t, 'a> {
    /// The fields of a table; `path` is what comes before their names, `""` or `"profiles."`.
    pub fn new(document: &'t Document<'a>, table: &'t DeTable<'a>, at: usize, path: &str) -> Self {
        Fields {
            document,
            table,
            at,
            path: path.to_owned(),
            asked: RefCell::default(),
        }
    }

    pub fn at(&self) -> usize {
        self.at
    }

    pub fn report(&self, at: usize, fault: Fault) {
        self.document.report(at, fault);
    }

    pub fn invalid(&self, at: usize, value: &str, what: &'static str, reason: impl fmt::Display) {
        self.report(
            at,
            Fault::Invalid {
                value: value.to_owned(),
                what,
                reason: reason.to_string(),
            },
        );
    }

    /// Whether the field is there, of whatever type.
    pub fn has(&self, field: &str) -> bool {
        self.table.contains_key(field)
    }

    /// Where the field's value begins, or else the table.
    pub fn place(&self, field: &str) -> usize {
        self.table
            .get(field)
            .map_or(self.at, |value| value.span().start)
    }

    fn get(&self, field: &'static str) -> Option<&'t Spanned<DeValue<'a>>> {
        self.asked.borrow_mut().insert(field);
        let value = self.table.get(field)?;
        let path = format!("{}{field}", self.path);
        self.document.remember(&path, "", value.span().start);
        Some(value)
    }

    /// The fields that one may not use here, though the kind knows them: `why` names what rules them out.
    pub fn forbid(&self, fields: &[&'static str], beside: &'static str) {
        for field in fields {
            if self.get(field).is_some() {
                self.report(self.place(field), Fault::Beside { field, beside });
            }
        }
    }

    /// Complains about a field that means nothing without another one.
    pub fn need(&self, field: &'static str, other: &'static str) {
        if self.has(field) && !self.has(other) {
            self.report(self.place(field), Fault::Without { field, other });
        }
    }

    fn missing(&self, field: &str) {
        let field = field.to_owned();
        self.report(self.at, Fault::Missing { field });
    }

    fn mismatch(&self, field: &str, expected: &'static str, value: &Spanned<DeValue>) {
        let found = article(value.get_ref());
        let field = field.to_owned();
        self.report(
            value.span().start,
            Fault::Type {
                field,
                expected,
                found,
            },
        );
    }

    /// A string with its placeholders filled.
    pub fn string(&self, field: &'static str) -> Option<Found<String>> {
        let value = self.get(field)?;
        self.text(field, "a string", value)
    }

    fn text(
        &self,
        field: &str,
        expected: &'static str,
        value: &Spanned<DeValue>,
    ) -> Option<Found<String>> {
        let at = value.span().start;
        let Some(text) = value.get_ref().as_str() else {
            self.mismatch(field, expected, value);
            return None;
        };
        let filled = match self.document.release {
            None => Ok(text.to_owned()),
            Some(release) => placeholder::fill(text, release),
        };
        match filled {
            Ok(value) => Some(Found { value, at }),
            Err(fault) => {
                self.report(at, fault);
                None
            }
        }
    }

    pub fn required(&self, field: &'static str) -> Option<Found<String>> {
        self.demand(field);
        self.string(field)
    }

    /// Complains if the field is not there.
    pub fn demand(&self, field: &'static str) {
        self.asked.borrow_mut().insert(field);
        if !self.has(field) {
            self.missing(field);
        }
    }

    /// A required string that a check accepts; empty where it was found wrong, which nobody then sees.
    pub fn checked(
        &self,
        field: &'static str,
        what: &'static str,
        check: impl Fn(&str) -> Result<(), String>,
    ) -> String {
        let Some(Found { value, at }) = self.required(field) else {
            return String::new();
        };
        if let Err(reason) = check(&value) {
            self.invalid(at, &value, what, reason);
        }
        value
    }

    /// A string that is read as a type with rules.
    pub fn parsed<T>(&self, field: &'static str, what: &'static str) -> Option<Found<T>>
    where
        T: FromStr<Err: fmt::Display>,
    {
        let Found { value, at } = self.string(field)?;
        self.read(value, at, what)
    }

    fn read<T>(&self, text: String, at: usize, what: &'static str) -> Option<Found<T>>
    where
        T: FromStr<Err: fmt::Display>,
    {
        match text.parse() {
            Ok(value) => Some(Found { value, at }),
            Err(error) => {
                self.invalid(at, &text, what, error);
                None
            }
        }
    }

    /// A file that the field names, relative to the folder of the recipe; its bytes are read now.
    pub fn body(&self, field: &'static str) -> Option<Body> {
        let found = self.string(field)?;
        self.read_body(field, found)
    }

    pub fn bodies(&self, field: &'static str) -> Vec<Body> {
        let files = self.list(field).into_iter();
        files
            .filter_map(|file| self.read_body(field, file))
            .collect()
    }

    fn read_body(&self, field: &str, Found { value: file, at }: Found<String>) -> Option<Body> {
        let path = self.relative(&file);
        body::read(self.document.dir, &path)
            .map_err(|body::Unread { mut reason, kind }| {
                if kind == Some(io::ErrorKind::NotFound) && path != Path::new(&file) {
                    reason = format!("there is no {}", path.display());
                }
                let field = field.to_owned();
                self.report(
                    at,
                    Fault::Body {
                        field,
                        file,
                        reason,
                        kind,
                    },
                );
            })
            .ok()
    }

    /// A path as the recipe means it: relative to its own folder.
    pub fn relative(&self, path: &str) -> PathBuf {
        match self.document.file.parent() {
            Some(folder) => folder.join(path),
            None => PathBuf::from(path),
        }
    }

    /// The value of a field that has several types, with its place.
    pub fn raw(&self, field: &'static str) -> Option<(&'t DeValue<'a>, Range<usize>)> {
        self.get(field).map(|value| (value.get_ref(), value.span()))
    }

    pub fn wrong_type(&self, field: &'static str, expected: &'static str) {
        if let Some(value) = self.table.get(field) {
            self.mismatch(field, expected, value);
        }
    }

    pub fn twice(&self, at: usize, field: &str, item: String) {
        let field = field.to_owned();
        self.report(at, Fault::Twice { field, item });
    }

    /// Complains about every field that was not asked for.
    pub fn finish(self) {
        let asked = self.asked.into_inner();
        for key in self.table.keys() {
            if !asked.contains(key.get_ref().as_ref()) {
                let field = key.get_ref().to_string();
                let known = asked.iter().map(|&field| field.to_owned()).collect();
                let fault = Fault::UnknownField { field, known };
                self.document.report(key.span().start, fault);
            }
        }
    }
}

fn article(value: &DeValue) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a number with a fraction",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date or time",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}
