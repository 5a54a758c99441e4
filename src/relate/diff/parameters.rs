//! What recipes asked for differently, where packages and files don't show it: a signal, an argument of the kernel, a size.

use std::fmt;

use serde::Serialize;

use super::Subject;
use crate::ids::Hash;
use crate::ids::canonical::Value;
use crate::relate::records::{Error, Records};

/// The most characters of a value that are shown to people; all of it is in the JSON form.
const SHOWN: usize = 60;

/// A parameter of the step that made both artifacts, by the names that lead to it, joined by dots.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Parameter {
    pub name: String,
    pub from: Setting,
    pub to: Setting,
}

/// What a parameter was set to; `null` in JSON where it was not. A hash is its text, for people a short one.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Setting(pub Option<Value>);

/// What was asked of a step: its kind, and its parameters.
pub type Asked = (String, Value);

/// The parameters that differ; none between artifacts of two kinds, or where a record is gone.
pub fn between(old: Option<&Asked>, new: Option<&Asked>) -> Vec<Parameter> {
    let (Some((kind, old)), Some((now, new))) = (old, new) else {
        return Vec::new();
    };
    if kind != now {
        return Vec::new();
    }
    let parameter = |path: Vec<String>| {
        let keys: Vec<&str> = path.iter().map(String::as_str).collect();
        Parameter {
            from: Setting(old.get(&keys)),
            to: Setting(new.get(&keys)),
            name: path.join("."),
        }
    };
    old.differing(new).into_iter().map(parameter).collect()
}

/// What was asked of the step that made an artifact, by its record.
pub fn asked(records: &impl Records, subject: &Subject) -> Result<Option<Asked>, Error> {
    let trace = match subject.trace {
        Some(trace) => Some(trace),
        None => records.producers(subject.entry)?.into_iter().next(),
    };
    let derivation = match trace.map(|trace| records.trace_head(trace)) {
        Some(Ok(trace)) => trace.derivation,
        Some(Err(error)) if !error.is_missing() => return Err(error.into()),
        _ => return Ok(None),
    };
    let kind = derivation.text(&["kind"]).map(str::to_owned);
    Ok(kind.zip(derivation.get(&["params"])))
}

impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(value) = &self.0 else {
            return f.write_str("–");
        };
        let text = match (value.text(&[]), value.to::<Hash>()) {
            (Some(text), _) => text.to_owned(),
            (None, Ok(hash)) => hash.short(),
            (None, Err(_)) => serde_json::to_string(value).map_err(|_| fmt::Error)?,
        };
        let text = text.replace(char::is_control, " ");
        match text.char_indices().nth(SHOWN) {
            Some((end, _)) => write!(f, "{}…", &text[..end]),
            None => f.write_str(&text),
        }
    }
}
