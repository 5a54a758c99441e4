//! Taking a map of a document apart, field by field.

use std::collections::{BTreeMap, BTreeSet};

use super::Error;
use super::yaml::{Kind, Node, Position};

/// A map whose keys have meanings; those that nobody asked for are left over.
pub struct Fields<'a> {
    pub at: Position,
    left: BTreeMap<&'a str, &'a Node>,
    /// Keys that are there more than once: a mistake if anybody wants them.
    twice: BTreeMap<&'a str, Position>,
}

pub fn wrong(node: &Node, field: &str, expected: &'static str) -> Error {
    Error::Type {
        at: node.at,
        field: field.to_owned(),
        expected,
        found: node.what(),
    }
}

impl<'a> Fields<'a> {
    /// The map at `node`, which messages call `field`.
    pub fn of(node: &'a Node, field: &str) -> Result<Self, Error> {
        let mut fields = Fields {
            at: node.at,
            left: BTreeMap::new(),
            twice: BTreeMap::new(),
        };
        for (key, value) in entries(node, field)? {
            if fields.left.insert(key, value).is_some() {
                fields.twice.insert(key, value.at);
            }
        }
        Ok(fields)
    }

    pub fn take(&mut self, key: &str) -> Result<Option<&'a Node>, Error> {
        match self.twice.get(key) {
            Some(at) => Err(twice(*at, key)),
            None => Ok(self.left.remove(key)),
        }
    }

    pub fn need(&mut self, key: &str) -> Result<&'a Node, Error> {
        self.take(key)?.ok_or_else(|| Error::Missing {
            at: self.at,
            field: key.to_owned(),
        })
    }

    /// A map below a key; `None` if the key is not there.
    pub fn map(&mut self, key: &str) -> Result<Option<Fields<'a>>, Error> {
        self.take(key)?
            .map(|node| Fields::of(node, key))
            .transpose()
    }

    pub fn text(&mut self, key: &str) -> Result<String, Error> {
        self.take(key)?
            .map_or(Ok(String::new()), |node| text(node, key))
    }

    pub fn number(&mut self, key: &str) -> Result<u64, Error> {
        let Some(node) = self.take(key)? else {
            return Ok(0);
        };
        let text = text(node, key)?;
        text.parse().map_err(|_| Error::Number {
            at: node.at,
            field: key.to_owned(),
            text,
        })
    }

    pub fn flag(&mut self, key: &str) -> Result<bool, Error> {
        let Some(node) = self.take(key)? else {
            return Ok(false);
        };
        match text(node, key)?.as_str() {
            "true" | "True" | "TRUE" => Ok(true),
            "false" | "False" | "FALSE" => Ok(false),
            _ => Err(wrong(node, key, "true or false")),
        }
    }

    pub fn set(&mut self, key: &str) -> Result<Vec<String>, Error> {
        self.take(key)?
            .map_or(Ok(Vec::new()), |node| set(node, key))
    }

    /// The list `rpms` in the map below a key.
    pub fn rpms(&mut self, key: &str) -> Result<Vec<String>, Error> {
        match self.map(key)? {
            Some(mut map) => map.set("rpms"),
            None => Ok(Vec::new()),
        }
    }

    /// Keys that mean nothing here, with their places.
    pub fn unknown(&self) -> impl Iterator<Item = (&'a str, Position)> + '_ {
        self.left.iter().map(|(key, node)| (*key, node.at))
    }
}

pub fn text(node: &Node, field: &str) -> Result<String, Error> {
    match &node.kind {
        Kind::Scalar { text, .. } => Ok(text.clone()),
        _ => Err(wrong(node, field, "text")),
    }
}

/// A list of texts, sorted, each once; one that stands alone counts as a list of one.
pub fn set(node: &Node, field: &str) -> Result<Vec<String>, Error> {
    let items = match &node.kind {
        Kind::List(items) => items,
        Kind::Scalar { text, .. } => return Ok(vec![text.clone()]),
        Kind::Map(_) => return Err(wrong(node, field, "a list")),
    };
    let set: Result<BTreeSet<String>, Error> = items.iter().map(|item| text(item, field)).collect();
    Ok(set?.into_iter().collect())
}

/// The entries of a map whose keys are names, none of them twice.
pub fn pairs<'a>(
    node: &'a Node,
    field: &str,
) -> Result<impl Iterator<Item = (&'a str, &'a Node)> + use<'a>, Error> {
    let mut seen = BTreeSet::new();
    match entries(node, field)?.find(|(key, _)| !seen.insert(*key)) {
        Some((key, value)) => Err(twice(value.at, key)),
        None => entries(node, field),
    }
}

fn twice(at: Position, key: &str) -> Error {
    let what = format!("{key} is here a second time");
    Error::Invalid { at, what }
}

fn entries<'a>(
    node: &'a Node,
    field: &str,
) -> Result<impl Iterator<Item = (&'a str, &'a Node)> + use<'a>, Error> {
    let Kind::Map(pairs) = &node.kind else {
        return Err(wrong(node, field, "a map"));
    };
    Ok(pairs.iter().filter_map(|(key, value)| match &key.kind {
        Kind::Scalar { text, .. } => Some((text.as_str(), value)),
        // Refused when the text was read.
        _ => None,
    }))
}
