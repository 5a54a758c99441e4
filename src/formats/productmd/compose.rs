//! What a compose is called, in the head of each of its files.

use serde_json::{Map, Value, json};

use super::{Error, Release, VERSION, line};

/// A compose: one attempt at a release, on a day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Compose {
    pub release: Release,
    pub kind: Kind,
    /// `YYYYMMDD`.
    pub date: String,
    /// Which compose of that day; the first is 0.
    pub respin: u64,
    /// The milestone that it stands for: `RC-1.0`.
    pub label: Option<String>,
}

/// What a compose is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Production,
    Nightly,
    Test,
    Ci,
    Development,
}

impl Kind {
    /// By the name that metadata has.
    pub fn of(name: &str) -> Option<Self> {
        Some(match name {
            "production" => Kind::Production,
            "nightly" => Kind::Nightly,
            "test" => Kind::Test,
            "ci" => Kind::Ci,
            "development" => Kind::Development,
            _ => return None,
        })
    }

    const fn name(self) -> &'static str {
        match self {
            Kind::Production => "production",
            Kind::Nightly => "nightly",
            Kind::Test => "test",
            Kind::Ci => "ci",
            Kind::Development => "development",
        }
    }

    /// As it stands in ids.
    const fn suffix(self) -> &'static str {
        match self {
            Kind::Production => "",
            Kind::Nightly => ".n",
            Kind::Test => ".t",
            Kind::Ci => ".ci",
            Kind::Development => ".d",
        }
    }
}

impl Compose {
    /// `SHORT-VERSION-DATE[.TYPE].RESPIN`.
    pub fn id(&self) -> String {
        let Compose {
            release,
            kind,
            date,
            respin,
            ..
        } = self;
        let (short, version, suffix) = (&release.short, &release.version, kind.suffix());
        format!("{short}-{version}-{date}{suffix}.{respin}")
    }

    /// The text of a file of this compose, `payload` filled in beside what all of them begin with.
    ///
    /// Keys are sorted, as in the library.
    pub(super) fn file(&self, of: &str, payload: Map<String, Value>) -> Result<String, Error> {
        self.release.check()?;
        line("the compose's date", &self.date)?;
        let mut compose = json!({
            "id": self.id(),
            "type": self.kind.name(),
            "date": self.date,
            "respin": self.respin,
        });
        if let Some(label) = &self.label {
            compose["label"] = json!(label);
            compose["final"] = json!(false);
        }
        let mut payload = payload;
        payload.insert("compose".to_owned(), compose);
        let file = json!({
            "header": { "type": format!("productmd.{of}"), "version": VERSION },
            "payload": payload,
        });
        Ok(super::json::pretty(&file))
    }
}
