//! `[[files]]`: what a package installs.

use std::fmt;
use std::sync::Arc;

use toml::de::DeValue;

use super::error::Fault;
use super::fields::{Fields, Found};
use crate::ids::TreePath;

/// One path of a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Absolute, without superfluous slashes.
    pub path: String,
    pub content: Content,
    /// The twelve permission bits.
    pub mode: u32,
    pub user: String,
    pub group: String,
    pub config: Config,
    /// Owned but not shipped; a file then has no bytes.
    pub ghost: bool,
    pub doc: bool,
    pub license: bool,
    /// As text, `cap_net_raw=ep`; empty for none.
    pub capabilities: String,
}

#[derive(Clone, PartialEq, Eq)]
pub enum Content {
    File(Arc<[u8]>),
    Directory,
    Symlink(String),
}

/// What an update does to a file that somebody has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Config {
    /// It is no configuration, and is replaced.
    #[default]
    No,
    /// The changed file is put aside.
    Replace,
    /// The changed file stays.
    NoReplace,
}

impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Content::File(bytes) => write!(f, "File({} bytes)", bytes.len()),
            Content::Directory => f.write_str("Directory"),
            Content::Symlink(target) => write!(f, "Symlink({target:?})"),
        }
    }
}

pub(super) fn read(fields: &Fields) -> Option<File> {
    let path = path(fields);
    let ghost = fields.boolean("ghost", false);
    let content = content(fields, ghost);
    let mode = mode(fields, content.as_ref());
    let owner = |field| match fields.string(field) {
        None => "root".to_owned(),
        Some(Found { value, at }) => {
            if !is_account(&value) {
                let reason = "use letters, digits and ._-, beginning with a letter or _";
                fields.invalid(at, &value, "an account's name", reason);
            }
            value
        }
    };
    Some(File {
        user: owner("user"),
        group: owner("group"),
        config: config(fields),
        ghost,
        doc: fields.boolean("doc", false),
        license: fields.boolean("license", false),
        capabilities: capabilities(fields),
        mode,
        path: path?,
        content: content?,
    })
}

fn path(fields: &Fields) -> Option<String> {
    let Found { value, at } = fields.required("path")?;
    let reason = match TreePath::parse(&value) {
        Err(error) => error.reason,
        Ok(path) if path.is_root() => "the root belongs to every package and to none",
        Ok(path) if path.to_string() != value => {
            "begin with one slash, and have none doubled or at the end"
        }
        Ok(_) if value.contains(char::is_control) => "it holds a control character",
        Ok(_) => return Some(value),
    };
    fields.invalid(at, &value, "a packaged path", reason);
    None
}

fn content(fields: &Fields, ghost: bool) -> Option<Content> {
    let content = fields.string("content");
    let source = fields.body("source");
    let target = fields.string("target");
    let directory = fields.boolean("directory", false);
    let given: Vec<&'static str> = ["content", "source", "target", "directory"]
        .into_iter()
        .filter(|field| fields.has(field))
        .collect();
    match given[..] {
        [] if ghost => return Some(Content::File(Arc::default())),
        [] => {
            let wanted = "one of \"content\", \"source\" (a file beside the recipe), \"target\" (of a symbolic link), directory = true, ghost = true";
            fields.report(fields.at(), Fault::OneOf { wanted });
            return None;
        }
        [field @ ("content" | "source")] if ghost => {
            let beside = "ghost";
            fields.report(fields.place(field), Fault::Beside { field, beside });
            return None;
        }
        [_] => {}
        [beside, field, ..] => {
            fields.report(fields.place(field), Fault::Beside { field, beside });
            return None;
        }
    }
    if let Some(Found { value, at }) = &target
        && (value.is_empty() || value.contains('\0') || value.len() > 4095)
    {
        let reason = "it is empty, too long, or holds a NUL byte";
        fields.invalid(*at, value, "the target of a link", reason);
    }
    match (content, source, target) {
        (Some(text), ..) => Some(Content::File(text.value.into_bytes().into())),
        (_, Some(body), _) => Some(Content::File(body.bytes)),
        (_, _, Some(target)) => Some(Content::Symlink(target.value)),
        _ if directory => Some(Content::Directory),
        // `directory = false` says nothing; the others have been reported.
        _ => None,
    }
}

/// `"0755"` or `0o755`.
fn mode(fields: &Fields, content: Option<&Content>) -> u32 {
    const EXPECTED: &str = "permission bits in octal, as \"0755\" or 0o755";
    let default = match content {
        Some(Content::Directory) => 0o755,
        Some(Content::Symlink(_)) => 0o777,
        Some(Content::File(_)) | None => 0o644,
    };
    let Some((value, span)) = fields.raw("mode") else {
        return default;
    };
    let bits = match value {
        DeValue::String(text) => u32::from_str_radix(text, 8).ok(),
        DeValue::Integer(number) if number.radix() == 8 => {
            u32::from_str_radix(number.as_str(), 8).ok()
        }
        DeValue::Integer(number) => {
            let reason = "write it in octal, as \"0755\" or 0o755";
            fields.invalid(span.start, &number.to_string(), "a mode", reason);
            return default;
        }
        _ => {
            fields.wrong_type("mode", EXPECTED);
            return default;
        }
    };
    match (bits, content) {
        (Some(_), Some(Content::Symlink(_))) => {
            let (field, beside) = ("mode", "target");
            fields.report(span.start, Fault::Beside { field, beside });
            default
        }
        (Some(bits @ 0..=0o7777), _) => bits,
        _ => {
            let reason = "permission bits are octal, from 0 to 7777";
            let text = value.as_str().unwrap_or("the number");
            fields.invalid(span.start, text, "a mode", reason);
            default
        }
    }
}

fn config(fields: &Fields) -> Config {
    const EXPECTED: &str = "true or \"noreplace\"";
    match fields.raw("config") {
        None | Some((DeValue::Boolean(false), _)) => Config::No,
        Some((DeValue::Boolean(true), _)) => Config::Replace,
        Some((DeValue::String(text), _)) if text == "noreplace" => Config::NoReplace,
        Some((DeValue::String(text), _)) if text == "true" => Config::Replace,
        Some((DeValue::String(text), span)) => {
            fields.invalid(span.start, text, "config", "write true or \"noreplace\"");
            Config::No
        }
        Some(_) => {
            fields.wrong_type("config", EXPECTED);
            Config::No
        }
    }
}

fn is_account(name: &str) -> bool {
    name.len() <= 32
        && name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "._-".contains(c))
}

/// Clauses as in `cap_from_text(3)`: names, then `=`, `+` or `-`, then letters of `eip`.
fn capabilities(fields: &Fields) -> String {
    let Some(Found { value, at }) = fields.string("capabilities") else {
        return String::new();
    };
    let clause = |clause: &str| {
        clause.find(['=', '+', '-']).is_some_and(|sign| {
            let (names, actions) = clause.split_at(sign);
            let named = |name: &str| name == "all" || name.starts_with("cap_");
            (names.is_empty() || names.split(',').all(named))
                && actions[1..].chars().all(|c| "eip=+-".contains(c))
        })
    };
    if value.trim().is_empty() || !value.split_whitespace().all(clause) {
        let reason = "write them as cap_net_raw=ep";
        fields.invalid(at, &value, "capabilities", reason);
    }
    value
}
