//! Which stream and profiles of a module are meant when nobody says.

use std::collections::BTreeMap;

use super::fields::{Fields, pairs, set, text};
use super::yaml::{Node, Yaml};
use super::{Error, emit};

/// A modulemd-defaults document of version 1.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Defaults {
    pub module: String,
    /// `YYYYMMDDHHMM`: of two documents for one module the later counts; 0 for none.
    pub modified: u64,
    /// Empty: the module has no default stream.
    pub stream: String,
    /// Stream to profiles.
    pub profiles: BTreeMap<String, Vec<String>>,
    /// Deprecated, and kept as it is.
    pub intents: Option<Yaml>,
}

impl Defaults {
    pub(super) fn read(data: &Node) -> Result<Self, Error> {
        let mut fields = Fields::of(data, "data")?;
        let mut defaults = Defaults {
            module: text(fields.need("module")?, "module")?,
            modified: fields.number("modified")?,
            stream: fields.text("stream")?,
            ..Defaults::default()
        };
        if let Some(profiles) = fields.take("profiles")? {
            let entry = |(stream, node): (&str, &Node)| Ok((stream.to_owned(), set(node, stream)?));
            defaults.profiles = pairs(profiles, "profiles")?
                .map(entry)
                .collect::<Result<_, Error>>()?;
        }
        defaults.intents = fields.take("intents")?.map(Node::to_yaml);
        Ok(defaults)
    }

    /// The document as YAML.
    pub fn document(&self) -> String {
        let mut data = BTreeMap::from([("module".to_owned(), Yaml::Text(self.module.clone()))]);
        if self.modified != 0 {
            data.insert("modified".into(), Yaml::Plain(self.modified.to_string()));
        }
        if !self.stream.is_empty() {
            data.insert("stream".into(), Yaml::Text(self.stream.clone()));
        }
        if !self.profiles.is_empty() {
            data.insert("profiles".into(), Yaml::lists(&self.profiles));
        }
        if let Some(intents) = &self.intents {
            data.insert("intents".into(), intents.clone());
        }
        emit::document(&Yaml::Map(BTreeMap::from([
            ("document".into(), Yaml::Plain("modulemd-defaults".into())),
            ("version".into(), Yaml::Plain("1".into())),
            ("data".into(), Yaml::Map(data)),
        ])))
    }
}
