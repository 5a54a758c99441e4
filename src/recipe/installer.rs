//! Kind `installer`: a bootable image that installs an edition, or a tree.

use super::body::Body;
use super::fields::{Fields, Found};
use super::selection::{self, Selection};
use crate::ids::Name;

/// Seconds that a boot menu waits at most.
pub(super) const MOST_PATIENCE: u64 = 3600;
/// Seconds that it waits unless the recipe says otherwise: as long as installers always have.
const PATIENCE: u32 = 60;

/// An installer: what runs it, and what it installs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installer {
    /// What the installer itself is made of: `runtime`, solved inside `from`.
    pub selection: Selection,
    /// The edition whose packages and metadata are on the disc.
    pub repository: Option<Name>,
    /// The tree or image that is on the disc to be deployed.
    pub payload: Option<Name>,
    /// Answers for the installation; what deploys the payload is added.
    pub kickstart: Option<Body>,
    /// The label of the disc; made of the release where the recipe has none.
    pub volume: Option<String>,
    /// Further arguments of the kernel.
    pub arguments: Vec<String>,
    /// Seconds that the boot menu waits.
    pub timeout: u32,
    pub compression: SquashfsCompression,
    /// Where an installed machine has its updates from.
    pub updates: Option<Updates>,
}

/// How the installer's root is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SquashfsCompression {
    Gzip,
    Xz,
    Zstd,
}

impl SquashfsCompression {
    /// As in the recipe.
    pub const fn name(self) -> &'static str {
        match self {
            SquashfsCompression::Gzip => "gzip",
            SquashfsCompression::Xz => "xz",
            SquashfsCompression::Zstd => "zstd",
        }
    }
}

/// `[updates]`: of a tree the address of its repository, of an image its name in a registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Updates {
    pub url: String,
    /// What a tree's repository is called on the machine; the release's short name unless said.
    pub remote: Option<Name>,
    /// A path on the machine: the key that commits have to be signed by. Without one nothing is checked.
    pub key: Option<String>,
}

pub(super) fn read(fields: &Fields) -> Option<Installer> {
    let selection = selection::read_as(fields, "runtime");
    let name = |field| {
        let found = fields.parsed(field, "a recipe's name");
        found.map(|found: Found<Name>| found.value)
    };
    let (repository, payload) = (name("repository"), name("payload"));
    fields.need("updates", "payload");
    let timeout = fields.number("timeout", MOST_PATIENCE);
    let timeout = timeout.and_then(|found| u32::try_from(found.value).ok());
    let volume = fields
        .has("volume")
        .then(|| fields.checked("volume", "a volume id", check_volume));
    Some(Installer {
        selection,
        repository,
        payload,
        kickstart: fields.body("kickstart"),
        volume,
        arguments: arguments(fields),
        timeout: timeout.unwrap_or(PATIENCE),
        compression: compression(fields),
        updates: fields.table("updates").map(updates),
    })
}

fn check_volume(text: &str) -> Result<(), String> {
    let good = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    match (1..=32).contains(&text.len()) && text.chars().all(good) {
        true => Ok(()),
        false => Err("use 1 to 32 letters, digits and -_.".into()),
    }
}

/// Further arguments of the kernel.
pub(super) fn arguments(fields: &Fields) -> Vec<String> {
    let mut arguments = Vec::new();
    for Found { value, at } in fields.list("arguments") {
        let good = |c: char| c.is_ascii_graphic() && !"'\"\\$;{}&|<>#".contains(c);
        if value.is_empty() || !value.chars().all(good) {
            let reason = "boot loaders take letters, digits and marks other than quotes, blanks and $;{}&|<>#";
            fields.invalid(at, &value, "an argument of the kernel", reason);
        }
        arguments.push(value);
    }
    arguments
}

fn compression(fields: &Fields) -> SquashfsCompression {
    let otherwise = SquashfsCompression::Zstd;
    let Some(Found { value, at }) = fields.string("compression") else {
        return otherwise;
    };
    match value.as_str() {
        "gzip" => SquashfsCompression::Gzip,
        "xz" => SquashfsCompression::Xz,
        "zstd" => otherwise,
        _ => {
            let reason =
                "write \"zstd\", \"xz\", which is smaller, or \"gzip\", which every kernel reads";
            fields.invalid(at, &value, "a compression", reason);
            otherwise
        }
    }
}

pub(super) fn updates(fields: Fields) -> Updates {
    let word = |text: &str| match !text.is_empty()
        && text
            .chars()
            .all(|c| c.is_ascii_graphic() && !"'\"\\$`".contains(c))
    {
        true => Ok(()),
        false => Err("it is a word without blanks, quotes and dollar signs".to_owned()),
    };
    let path = |text: &str| match text.starts_with('/') {
        true => word(text),
        false => Err("it is a path on the machine, from its root".to_owned()),
    };
    let updates = Updates {
        url: fields.checked("url", "an address", word),
        remote: fields
            .parsed("remote", "a remote's name")
            .map(|found| found.value),
        key: fields
            .has("key")
            .then(|| fields.checked("key", "a path", path)),
    };
    fields.finish();
    updates
}
