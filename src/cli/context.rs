//! What every command starts from: the options that all share, and the places they name.

use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use clap::Args;

use super::exit::{Exit, Failure};
use crate::recipe::Recipes;
use crate::relate::records::Stored;
use crate::relate::subject::{self, Subject};
use crate::source::Lock;
use crate::source::fetch::Network;
use crate::store::{self, Store};

/// Options that every command takes.
#[derive(Args)]
pub struct Global {
    /// The store [default: $STORE_DIR; /var/lib/store for root; else $XDG_DATA_HOME/store]
    #[arg(long, global = true, value_name = "DIR")]
    pub store: Option<PathBuf>,
    /// The recipes
    #[arg(long, global = true, value_name = "DIR", default_value = "recipes")]
    pub recipes: PathBuf,
    /// The result as one JSON document
    #[arg(long, global = true)]
    pub json: bool,
    /// Only warnings and errors on stderr
    #[arg(short, long, global = true)]
    pub quiet: bool,
    /// More on stderr: the log of each step
    #[arg(short, long, global = true, conflicts_with = "quiet")]
    pub verbose: bool,
}

/// The options, and where they lead.
pub struct Context {
    pub global: Global,
    directory: PathBuf,
}

impl Context {
    pub fn new(global: Global) -> Result<Self, Failure> {
        let directory = match &global.store {
            Some(directory) => directory.clone(),
            None => default_store()?,
        };
        Ok(Context { global, directory })
    }

    /// The store for reading; one that is not there reads as an empty one.
    pub fn store(&self) -> Result<Store, Failure> {
        Ok(Store::open(&self.directory)?)
    }

    pub fn recipes(&self) -> Result<Recipes, Failure> {
        let recipes = Recipes::load(&self.global.recipes)?;
        recipes.check()?;
        Ok(recipes)
    }

    /// The recipes in use, where there are any: names may then be short.
    pub fn release(&self) -> Option<String> {
        let release = Recipes::release(&self.global.recipes);
        release.ok().map(|release| release.label())
    }

    /// The store for writing, made if it is not there.
    pub fn create(&self) -> Result<Store, Failure> {
        Ok(Store::create(&self.directory)?)
    }

    pub fn directory(&self) -> &std::path::Path {
        &self.directory
    }

    pub fn lock(&self, recipes: &Recipes) -> Result<Option<Lock>, Failure> {
        Ok(Lock::load(&recipes.dir)?)
    }

    /// What a name on the command line stands for.
    pub fn subject(&self, store: &Store, text: &str) -> Result<Subject, Failure> {
        let found = subject::find(store, text, self.release().as_deref());
        let known = |error: &subject::Error| {
            matches!(error, subject::Error::Unknown { .. }) && self.has_recipe(text)
        };
        found.map_err(|error| match known(&error) {
            true => Failure::from(error).hint(format!(
                "the recipes have it: `store realize {text}` makes it, \
                 and `store log --planned {text}` prints what those of its steps noted that are done"
            )),
            false => error.into(),
        })
    }

    /// Whether a recipe in use has this name.
    fn has_recipe(&self, name: &str) -> bool {
        let recipes = Recipes::load(&self.global.recipes);
        let name = name.parse();
        recipes.is_ok_and(|recipes| name.is_ok_and(|name| recipes.get(&name).is_some()))
    }

    /// Why bytes of a subject can't be had: where they are not here, they were collected, and only its records stayed.
    pub fn no_bytes(&self, subject: &Subject, error: store::Error) -> Failure {
        if !error.is_missing() {
            return error.into();
        }
        let again = "with the recipes and the lock of that time";
        let (what, hint) = match &subject.generation {
            Some((root, number)) => {
                let name = root.name();
                let hint = format!(
                    "`store realize {name}` {again} makes the same; \
                     `store generations {name}` lists those that have their bytes"
                );
                (format!("{name}@{number}"), hint)
            }
            None => {
                let hint = format!("realizing what it is {again} makes the same");
                (format!("entry {}", subject.entry.short()), hint)
            }
        };
        let collected = Collected {
            what,
            source: error,
        };
        Failure::new(Exit::NotFound, collected).hint(hint)
    }

    /// The records of a store, for what relates artifacts.
    pub fn records<'a>(&self, store: &'a Store) -> Stored<'a> {
        Stored(store)
    }

    pub fn is_quiet(&self) -> bool {
        self.global.quiet
    }
}

/// What was asked of an entry needs more than its records.
#[derive(Debug, thiserror::Error)]
#[error("the bytes of {what} were collected")]
struct Collected {
    what: String,
    source: store::Error,
}

/// Seconds since 1970, for leases and generations; never for what is composed.
#[expect(
    clippy::disallowed_methods,
    reason = "a generation says when it was made; nothing hashed does"
)]
pub fn now() -> i64 {
    match SystemTime::now().duration_since(UNIX_EPOCH) {
        Ok(since) => since.as_secs() as i64,
        Err(_) => 0,
    }
}

/// The way to the network, as the environment describes it.
#[expect(
    clippy::disallowed_methods,
    reason = "the environment says which proxies and certificates to use"
)]
pub fn network() -> Network {
    let variable = |names: [&str; 2]| {
        let set = names
            .into_iter()
            .filter_map(|name| std::env::var(name).ok());
        set.into_iter().find(|value| !value.is_empty())
    };
    let all = variable(["all_proxy", "ALL_PROXY"]);
    Network {
        roots: std::env::var_os("SSL_CERT_FILE")
            .filter(|value| !value.is_empty())
            .map(PathBuf::from),
        // Not HTTP_PROXY: where programs are run for web requests, a request can set that.
        http_proxy: variable(["http_proxy", "http_proxy"]).or_else(|| all.clone()),
        https_proxy: variable(["https_proxy", "HTTPS_PROXY"]).or(all),
        no_proxy: variable(["no_proxy", "NO_PROXY"]).unwrap_or_default(),
        ..Network::default()
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the environment says where the store is"
)]
fn default_store() -> Result<PathBuf, Failure> {
    let variable = |name| {
        std::env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    if let Some(directory) = variable("STORE_DIR") {
        return Ok(directory);
    }
    if rustix::process::geteuid().is_root() {
        return Ok(PathBuf::from("/var/lib/store"));
    }
    // The XDG base directory specification: relative values are to be ignored.
    let data = variable("XDG_DATA_HOME")
        .filter(|path| path.is_absolute())
        .or_else(|| variable("HOME").map(|home| home.join(".local/share")));
    data.map(|data| data.join("store")).ok_or_else(|| {
        Failure::new(Exit::Usage, "no place for the store: HOME is not set").hint("use --store DIR")
    })
}
