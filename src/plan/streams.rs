//! What modules require of each other, where only their documents tell.
//!
//! Recipes say their requirements themselves, and are checked when they are read;
//! an imported modulemd document is known here.

use std::collections::BTreeMap;

use super::error::Error;
use super::planner::Planner;
use crate::formats::modulemd;
use crate::ids::Name;
use crate::recipe::{Definition, Module};

/// What the operating system itself provides: clients take it from `os-release`, no repository has it.
const PLATFORM: &str = "platform";

impl Planner<'_> {
    /// Every module's requirements must be met by modules of the same artifact.
    pub(super) fn check_streams(
        &self,
        artifact: &Name,
        modules: &BTreeMap<&Name, &Module>,
    ) -> Result<(), Error> {
        let imports = |module: &&&Module| matches!(module.definition, Definition::Imported(_));
        if modules.values().filter(imports).count() == 0 {
            return Ok(());
        }
        let mut documents = Vec::new();
        for (name, module) in modules {
            documents.push(self.document(self.recipe(name)?, module)?);
        }
        let documents: Vec<&modulemd::Module> = documents.iter().collect();
        match left_out(&documents).into_iter().next() {
            None => Ok(()),
            Some((document, requires)) => Err(Error::StreamLeftOut {
                artifact: artifact.clone(),
                module: document.name_stream(),
                requires,
            }),
        }
    }
}

/// The modules among these whose requirements the others do not meet, with the alternatives that they name.
pub fn left_out<'d>(
    documents: &[&'d modulemd::Module],
) -> Vec<(&'d modulemd::Module, Vec<String>)> {
    let unmet = |wanted: &BTreeMap<String, Vec<String>>| {
        wanted.iter().find_map(|(name, streams)| {
            let met = name == PLATFORM
                || documents
                    .iter()
                    .any(|other| other.name == *name && fits(other, streams));
            (!met).then(|| format!("{name}:{}", streams.join(",")))
        })
    };
    let mut left_out = Vec::new();
    for document in documents {
        // Alternatives: one that is met is enough.
        let missing: Vec<String> = document.requires.iter().filter_map(unmet).collect();
        if !document.requires.is_empty() && missing.len() == document.requires.len() {
            left_out.push((*document, missing));
        }
    }
    left_out
}

/// Whether a stream is among those wanted: none named means any, and `-` before one excludes it.
pub fn fits(module: &modulemd::Module, streams: &[String]) -> bool {
    let excluded = |stream: &String| stream.strip_prefix('-') == Some(module.stream.as_str());
    let wanted: Vec<&String> = streams
        .iter()
        .filter(|stream| !stream.starts_with('-'))
        .collect();
    !streams.iter().any(excluded) && (wanted.is_empty() || wanted.contains(&&module.stream))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_stream_means_any_and_a_hyphen_excludes_one() {
        let module = modulemd::Module {
            stream: "5".to_owned(),
            ..Default::default()
        };
        let fits = |streams: &[&str]| {
            let streams: Vec<String> = streams.iter().map(|stream| stream.to_string()).collect();
            super::fits(&module, &streams)
        };
        assert!(fits(&[]) && fits(&["4", "5"]) && fits(&["-4"]));
        assert!(!fits(&["4"]) && !fits(&["-5"]) && !fits(&["5", "-5"]));
    }
}
