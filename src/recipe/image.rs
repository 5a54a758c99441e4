//! Kind `image`: a container image, by itself or on top of another one.

use std::collections::{BTreeMap, BTreeSet};

use super::fields::{Fields, Found};
use super::selection::{self, Selection};
use crate::ids::{Name, TreePath};

/// Layers that every client takes; containerd is the strictest of them.
pub(super) const MOST_LAYERS: u64 = 127;

/// Layers of a host, of which a client fetches those that changed.
const HOST_LAYERS: u32 = 64;

/// Signals of Linux that have a name of their own.
const SIGNALS: [&str; 34] = [
    "ABRT", "ALRM", "BUS", "CHLD", "CLD", "CONT", "FPE", "HUP", "ILL", "INT", "IO", "IOT", "KILL",
    "PIPE", "POLL", "PROF", "PWR", "QUIT", "SEGV", "STKFLT", "STOP", "SYS", "TERM", "TRAP", "TSTP",
    "TTIN", "TTOU", "URG", "USR1", "USR2", "VTALRM", "WINCH", "XCPU", "XFSZ",
];

/// A container image: packages, and how a container of them is started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// On top of a base, what is added to what the base has.
    pub selection: Selection,
    /// The image that this one stands on.
    pub base: Option<Name>,
    /// Packages of the base that may be exchanged for others, or go.
    pub replace: BTreeSet<String>,
    /// Layers that the packages are divided into, at most; the base's own are not counted.
    pub layers: u32,
    pub compression: Compression,
    /// Whether it is a host that boots.
    pub bootable: bool,
    pub config: ImageConfig,
    pub annotations: BTreeMap<String, String>,
}

/// How layers are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    Gzip,
    Zstd,
}

impl Compression {
    /// As in the recipe.
    pub const fn name(self) -> &'static str {
        match self {
            Compression::Gzip => "gzip",
            Compression::Zstd => "zstd",
        }
    }
}

/// `[config]`: how a container is started. What is not given here, the base decides.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ImageConfig {
    pub cmd: Option<Vec<String>>,
    pub entrypoint: Option<Vec<String>>,
    pub env: BTreeMap<String, String>,
    pub user: Option<String>,
    /// `80/tcp`.
    pub ports: BTreeSet<String>,
    pub labels: BTreeMap<String, String>,
    pub volumes: BTreeSet<String>,
    pub working_dir: Option<String>,
    pub stop_signal: Option<String>,
}

pub(super) fn read(fields: &Fields) -> Option<Image> {
    let base = fields.parsed("base", "a recipe's name");
    let base = base.map(|found| found.value);
    let selection = match base {
        // An image may say no more than how the base is started.
        Some(_) => selection::read_more(fields),
        None => selection::read(fields),
    };
    let replace = fields.set("replace", "a package's name");
    let bootable = fields.boolean("bootable", false);
    if base.is_some() {
        fields.forbid(&["bootable"], "base");
    } else {
        fields.need("replace", "base");
    }
    let otherwise = if bootable { HOST_LAYERS } else { 1 };
    Some(Image {
        selection,
        base,
        replace,
        layers: layers(fields).unwrap_or(otherwise),
        compression: compression(fields),
        bootable,
        config: fields.table("config").map(config).unwrap_or_default(),
        annotations: fields.strings("annotations", "an annotation's key"),
    })
}

fn layers(fields: &Fields) -> Option<u32> {
    let Found { value, at } = fields.number("layers", MOST_LAYERS)?;
    if value == 0 {
        fields.invalid(at, "0", "a number of layers", "an image has at least one");
    }
    u32::try_from(value).ok()
}

fn compression(fields: &Fields) -> Compression {
    match fields.string("compression") {
        None => Compression::Gzip,
        Some(Found { value, at }) => match value.as_str() {
            "gzip" => Compression::Gzip,
            "zstd" => Compression::Zstd,
            _ => {
                let reason = "write \"gzip\", which everything reads, or \"zstd\"";
                fields.invalid(at, &value, "a compression", reason);
                Compression::Gzip
            }
        },
    }
}

fn config(fields: Fields) -> ImageConfig {
    let words = |field| {
        let words = fields.has(field).then(|| fields.list(field));
        words.map(|words| words.into_iter().map(|word| word.value).collect())
    };
    let checked = |field, what, check: fn(&str) -> Result<(), String>| {
        let Found { value, at } = fields.string(field)?;
        if let Err(reason) = check(&value) {
            fields.invalid(at, &value, what, reason);
        }
        Some(value)
    };
    let set = |field, what, check: fn(&str) -> Result<(), String>| {
        let mut set = BTreeSet::new();
        for Found { value, at } in fields.list(field) {
            if let Err(reason) = check(&value) {
                fields.invalid(at, &value, what, reason);
            } else if !set.insert(value.clone()) {
                fields.twice(at, field, value);
            }
        }
        set
    };
    let env: BTreeMap<String, String> = fields.strings("env", "a variable's name");
    for name in env
        .keys()
        .filter(|name| name.is_empty() || name.contains('='))
    {
        let reason = "it is empty, or holds an equals sign";
        fields.invalid(fields.place("env"), name, "a variable's name", reason);
    }
    let config = ImageConfig {
        cmd: words("cmd"),
        entrypoint: words("entrypoint"),
        env,
        user: checked("user", "a user", check_user),
        ports: set("ports", "a port", check_port),
        labels: fields.strings("labels", "a label's key"),
        volumes: set("volumes", "a volume", check_path),
        working_dir: checked("working-dir", "a directory", check_path),
        stop_signal: checked("stop-signal", "a signal", check_signal),
    };
    fields.finish();
    config
}

/// `PORT` or `PORT/PROTOCOL`, as the image specification has it.
fn check_port(text: &str) -> Result<(), String> {
    let (port, protocol) = text.split_once('/').unwrap_or((text, "tcp"));
    match port.parse::<u16>() {
        Ok(1..) if matches!(protocol, "tcp" | "udp" | "sctp") => Ok(()),
        _ => Err("write a number up to 65535, and tcp, udp or sctp behind a slash".into()),
    }
}

fn check_path(text: &str) -> Result<(), String> {
    match TreePath::parse(text) {
        _ if !text.starts_with('/') => Err("begin with a slash".into()),
        Ok(_) => Ok(()),
        Err(error) => Err(error.reason.into()),
    }
}

/// `USER` or `USER:GROUP`, each by name or number.
fn check_user(text: &str) -> Result<(), String> {
    let good = |name: &str| !name.is_empty() && !name.contains(char::is_whitespace);
    let mut names = text.split(':');
    match (names.next(), names.next(), names.next()) {
        (Some(user), group, None) if good(user) && group.is_none_or(good) => Ok(()),
        _ => Err("write USER or USER:GROUP, names or numbers".into()),
    }
}

/// A signal of Linux by its name or number, as container runtimes read them.
fn check_signal(text: &str) -> Result<(), String> {
    let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    // Of real-time signals, C libraries keep the first two for themselves: SIGRTMIN is 34 and SIGRTMAX 64.
    let counted = |name: &str, sign: char, most: u8| match name.strip_prefix(sign) {
        Some(count) if is_digits(count) => {
            matches!(count.parse(), Ok(count) if (1..=most).contains(&count))
        }
        _ => name.is_empty(),
    };
    let named = |name: &str| match (name.strip_prefix("RTMIN"), name.strip_prefix("RTMAX")) {
        (Some(rest), _) => counted(rest, '+', 15),
        (_, Some(rest)) => counted(rest, '-', 14),
        _ => SIGNALS.contains(&name),
    };
    let numbered = is_digits(text) && matches!(text.parse::<u8>(), Ok(1..=64));
    match numbered || text.strip_prefix("SIG").is_some_and(named) {
        true => Ok(()),
        false => Err("write its name, as SIGTERM or SIGRTMIN+3, or its number, up to 64".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signal_is_one_that_runtimes_know() {
        for text in [
            "SIGTERM",
            "15",
            "SIGRTMIN+3",
            "SIGRTMIN",
            "SIGRTMAX-14",
            "SIGWINCH",
            "64",
        ] {
            assert_eq!(check_signal(text), Ok(()), "{text}");
        }
        for text in [
            "",
            "SIG",
            "TERM",
            "SIGFOO",
            "sigterm",
            "SIG15",
            "SIGTERM+1",
            "SIGRTMIN+",
            "SIGRTMIN+16",
            "SIGRTMIN-1",
            "SIGRTMIN++3",
            "SIGRTMAX+1",
            "SIGRTMAX-15",
            "0",
            "+15",
            "65",
            "-1",
        ] {
            assert!(check_signal(text).is_err(), "{text}");
        }
    }
}
