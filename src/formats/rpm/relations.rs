//! Dependencies, scriptlets and changelogs of a header.

use super::header::{Header, text};
use super::{Changelog, Dependency, Error, Scriptlet, Sense, tags};
use crate::ids::Evr;

/// Flags of a dependency (rpm, `include/rpm/rpmds.h`, `rpmsenseFlags`).
pub mod sense {
    pub const LESS: u32 = 1 << 1;
    pub const GREATER: u32 = 1 << 2;
    pub const EQUAL: u32 = 1 << 3;
    pub const PREREQ: u32 = 1 << 6;
    pub const SCRIPT_PRE: u32 = 1 << 9;
    pub const SCRIPT_POST: u32 = 1 << 10;
    pub const RPMLIB: u32 = 1 << 24;
    /// Only in SUSE's tags of before rpm 4.12: sets apart what are two kinds of weak dependency today.
    pub const STRONG: u32 = 1 << 27;
}

/// The kinds of dependency, each in three lists: names, versions, flags.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Relation {
    Provides,
    Requires,
    Conflicts,
    Obsoletes,
    Recommends,
    Suggests,
    Supplements,
    Enhances,
}

impl Relation {
    /// The tags of names, versions and flags.
    pub const fn tags(self) -> (u32, u32, u32) {
        use tags::*;
        match self {
            Relation::Provides => (PROVIDE_NAME, PROVIDE_VERSION, PROVIDE_FLAGS),
            Relation::Requires => (REQUIRE_NAME, REQUIRE_VERSION, REQUIRE_FLAGS),
            Relation::Conflicts => (CONFLICT_NAME, CONFLICT_VERSION, CONFLICT_FLAGS),
            Relation::Obsoletes => (OBSOLETE_NAME, OBSOLETE_VERSION, OBSOLETE_FLAGS),
            Relation::Recommends => (RECOMMEND_NAME, RECOMMEND_VERSION, RECOMMEND_FLAGS),
            Relation::Suggests => (SUGGEST_NAME, SUGGEST_VERSION, SUGGEST_FLAGS),
            Relation::Supplements => (SUPPLEMENT_NAME, SUPPLEMENT_VERSION, SUPPLEMENT_FLAGS),
            Relation::Enhances => (ENHANCE_NAME, ENHANCE_VERSION, ENHANCE_FLAGS),
        }
    }
}

impl Relation {
    /// Where packages of before rpm 4.12 have it, as SUSE built them: the tags, and whether their entries are strong.
    const fn former(self) -> Option<((u32, u32, u32), bool)> {
        use tags::former::*;
        let suggests = (SUGGEST_NAME, SUGGEST_VERSION, SUGGEST_FLAGS);
        let enhances = (ENHANCE_NAME, ENHANCE_VERSION, ENHANCE_FLAGS);
        match self {
            Relation::Recommends => Some((suggests, true)),
            Relation::Suggests => Some((suggests, false)),
            Relation::Supplements => Some((enhances, true)),
            Relation::Enhances => Some((enhances, false)),
            _ => None,
        }
    }
}

impl Sense {
    /// The comparison in a dependency's flags; `None` for none, and for "less or greater", which nothing means.
    pub fn from_flags(flags: u32) -> Option<Sense> {
        match flags & (sense::LESS | sense::GREATER | sense::EQUAL) {
            0b0010 => Some(Sense::Lt),
            0b1010 => Some(Sense::Le),
            0b1000 => Some(Sense::Eq),
            0b1100 => Some(Sense::Ge),
            0b0100 => Some(Sense::Gt),
            _ => None,
        }
    }

    pub const fn flags(self) -> u32 {
        match self {
            Sense::Lt => sense::LESS,
            Sense::Le => sense::LESS | sense::EQUAL,
            Sense::Eq => sense::EQUAL,
            Sense::Ge => sense::GREATER | sense::EQUAL,
            Sense::Gt => sense::GREATER,
        }
    }
}

impl Header {
    /// Dependencies of one kind, in the order of the header; lists that old packages lack count as empty.
    pub fn dependencies(&self, relation: Relation) -> Result<Vec<Dependency>, Error> {
        let listed = self.listed(relation.tags())?;
        Ok(listed
            .into_iter()
            .map(|(_, dependency)| dependency)
            .collect())
    }

    /// Weak dependencies of one kind, those under former tags too, which rpm itself no longer reads.
    pub(super) fn weak(&self, relation: Relation) -> Result<Vec<Dependency>, Error> {
        let mut dependencies = self.dependencies(relation)?;
        if let Some((tags, strong)) = relation.former() {
            let former = self.listed(tags)?.into_iter();
            let wanted = former.filter(|(flags, _)| (flags & sense::STRONG != 0) == strong);
            dependencies.extend(wanted.map(|(_, dependency)| dependency));
        }
        Ok(dependencies)
    }

    /// The dependencies under three tags, with their flags.
    fn listed(
        &self,
        (name_tag, version_tag, flag_tag): (u32, u32, u32),
    ) -> Result<Vec<(u32, Dependency)>, Error> {
        let names = self.strings(name_tag)?;
        let versions = self.strings(version_tag)?;
        let flags = self.numbers(flag_tag)?;
        for (tag, length) in [(version_tag, versions.len()), (flag_tag, flags.len())] {
            if length != 0 && length != names.len() {
                let reason = format!("it has {length} values for {} names", names.len());
                return Err(Error::tag(tag, reason));
            }
        }
        let dependency = |(i, name): (usize, &&[u8])| {
            let version = versions.get(i).map(|version| text(version));
            let flags = flags.get(i).map_or(0, |&flags| flags as u32);
            (
                flags,
                dependency(text(name), version.unwrap_or_default(), flags),
            )
        };
        Ok(names.iter().enumerate().map(dependency).collect())
    }

    /// The newest changelog entries, at most `most`.
    pub fn changelogs(&self, most: usize) -> Result<Vec<Changelog>, Error> {
        let times = self.numbers(tags::CHANGELOG_TIME)?;
        let authors = self.strings(tags::CHANGELOG_NAME)?;
        let texts = self.strings(tags::CHANGELOG_TEXT)?;
        let entries = times.iter().zip(authors).zip(texts).take(most);
        let entries = entries.map(|((&time, author), body)| Changelog {
            author: text(author),
            time: i64::try_from(time).unwrap_or(i64::MAX),
            text: text(body),
        });
        Ok(entries.collect())
    }

    pub fn scriptlets(&self) -> Result<Vec<Scriptlet>, Error> {
        let mut found = Vec::new();
        for (name, script, program) in SCRIPTLETS {
            if self.has(script) || self.has(program) {
                found.push(scriptlet(name, self.string(program)?));
            }
        }
        for (name, scripts, program) in TRIGGERS {
            let programs = self.strings(program)?;
            for i in 0..self.strings(scripts)?.len() {
                found.push(scriptlet(name, programs.get(i).copied()));
            }
        }
        Ok(found)
    }
}

fn dependency(name: String, version: String, flags: u32) -> Dependency {
    let comparison = Sense::from_flags(flags).filter(|_| !version.is_empty());
    Dependency {
        version: comparison.map(|sense| (sense, Evr::parse(&version))),
        pre: flags & (sense::PREREQ | sense::SCRIPT_PRE | sense::SCRIPT_POST) != 0,
        rpmlib: flags & sense::RPMLIB != 0 || name.starts_with("rpmlib("),
        name,
    }
}

fn scriptlet(name: &str, program: Option<&[u8]>) -> Scriptlet {
    Scriptlet {
        name: name.to_owned(),
        interpreter: program.map_or("/bin/sh".to_owned(), text),
    }
}

/// Name, tag of the text, tag of the program.
const SCRIPTLETS: [(&str, u32, u32); 9] = [
    ("pre", tags::PRE, tags::PRE_PROGRAM),
    ("post", tags::POST, tags::POST_PROGRAM),
    ("preun", tags::PREUN, tags::PREUN_PROGRAM),
    ("postun", tags::POSTUN, tags::POSTUN_PROGRAM),
    ("pretrans", tags::PRETRANS, tags::PRETRANS_PROGRAM),
    ("posttrans", tags::POSTTRANS, tags::POSTTRANS_PROGRAM),
    ("preuntrans", tags::PREUNTRANS, tags::PREUNTRANS_PROGRAM),
    ("postuntrans", tags::POSTUNTRANS, tags::POSTUNTRANS_PROGRAM),
    ("verify", tags::VERIFY, tags::VERIFY_PROGRAM),
];

const TRIGGERS: [(&str, u32, u32); 3] = [
    ("trigger", tags::TRIGGER_SCRIPTS, tags::TRIGGER_PROGRAM),
    (
        "filetrigger",
        tags::FILE_TRIGGER_SCRIPTS,
        tags::FILE_TRIGGER_PROGRAM,
    ),
    (
        "transfiletrigger",
        tags::TRANSACTION_FILE_TRIGGER_SCRIPTS,
        tags::TRANSACTION_FILE_TRIGGER_PROGRAM,
    ),
];
