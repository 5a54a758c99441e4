//! `.treeinfo`: what an installable tree holds, for Anaconda and whoever mirrors it.
//!
//! An INI file as Python's `configparser` reads it. Sections and keys are those of `productmd/treeinfo.py`;
//! `[general]` repeats the main variant for readers that are older than productmd.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::{Error, Release, VERSION, line};
use crate::ids::VariantId;

/// A tree that packages are installed from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TreeInfo {
    pub release: Release,
    pub arch: String,
    /// Seconds since 1970.
    pub timestamp: i64,
    /// Beside the architecture, which always is one: `xen`.
    pub platforms: BTreeSet<String>,
    /// The first is the one that old readers see.
    pub variants: Vec<Variant>,
    /// SHA-256 in hex, by path: of each `repomd.xml`, and of images.
    pub checksums: BTreeMap<String, String>,
    /// By platform, then by what the image is: `kernel`, `initrd`, `boot.iso`.
    pub images: BTreeMap<String, BTreeMap<String, String>>,
    /// The installer's runtime: `images/install.img`.
    pub stage2: Option<String>,
    pub media: Option<Media>,
}

/// Which of how many discs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Media {
    pub number: u32,
    pub total: u32,
}

/// A choice of packages in a tree, with where they lie in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variant {
    pub id: VariantId,
    pub name: String,
    /// The directory of the packages, relative to the tree.
    pub packages: String,
    /// The directory that holds `repodata`; `.` for the tree itself.
    pub repository: String,
    /// Of type `addon`: each beside the variant, and off until somebody wants it.
    pub addons: Vec<Variant>,
}

impl TreeInfo {
    pub fn new(release: Release, arch: &str, timestamp: i64) -> Self {
        TreeInfo {
            release,
            arch: arch.to_owned(),
            timestamp,
            platforms: BTreeSet::new(),
            variants: Vec::new(),
            checksums: BTreeMap::new(),
            images: BTreeMap::new(),
            stage2: None,
            media: None,
        }
    }

    /// The file, sections and keys in an order of their own.
    pub fn write(&self) -> Result<String, Error> {
        self.check()?;
        let mut file = Ini::default();
        file.section("header");
        file.set("type", "productmd.treeinfo");
        file.set("version", VERSION);
        file.section("release");
        file.set("name", &self.release.name);
        file.set("short", &self.release.short);
        file.set("version", &self.release.version);
        file.section("tree");
        let timestamp = self.timestamp.to_string();
        let platforms = self.platforms().join(",");
        file.set("arch", &self.arch);
        file.set("build_timestamp", &timestamp);
        file.set("platforms", &platforms);
        let mut uids: Vec<&str> = self.variants.iter().map(|v| v.id.as_str()).collect();
        uids.sort_unstable();
        file.set("variants", &uids.join(","));
        for variant in &self.variants {
            variant.write(None, &mut file);
        }
        if !self.checksums.is_empty() {
            file.section("checksums");
            for (path, digest) in &self.checksums {
                file.set(path, &format!("sha256:{digest}"));
            }
        }
        for (platform, images) in &self.images {
            file.section(&format!("images-{platform}"));
            for (image, path) in images {
                file.set(image, path);
            }
        }
        if let Some(image) = &self.stage2 {
            file.section("stage2");
            file.set("mainimage", image);
        }
        if let Some(Media { number, total }) = self.media {
            file.section("media");
            file.set("discnum", &number.to_string());
            file.set("totaldiscs", &total.to_string());
        }
        self.general(&mut file, &platforms, &timestamp);
        Ok(file.text)
    }

    fn general(&self, file: &mut Ini, platforms: &str, timestamp: &str) {
        let Release { name, version, .. } = &self.release;
        file.section("general");
        file.set("arch", &self.arch);
        file.set("family", name);
        file.set("name", &format!("{name} {version}"));
        if let Some(main) = self.variants.first() {
            file.set("packagedir", &main.packages);
            file.set("repository", &main.repository);
            file.set("variant", main.id.as_str());
        }
        file.set("platforms", platforms);
        file.set("timestamp", timestamp);
        file.set("version", version);
    }

    fn platforms(&self) -> Vec<&str> {
        let mut all: BTreeSet<&str> = self.platforms.iter().map(String::as_str).collect();
        all.insert(&self.arch);
        all.into_iter().collect()
    }

    fn check(&self) -> Result<(), Error> {
        self.release.check()?;
        line("the architecture", &self.arch)?;
        let mut ids = BTreeSet::new();
        for variant in &self.variants {
            variant.check(&mut ids)?;
        }
        let images = self.images.values().flatten();
        let keys = self.checksums.keys().chain(images.clone().map(|(k, _)| k));
        let values = images.map(|(_, path)| path).chain(&self.stage2);
        for path in keys.chain(values) {
            relative(path)?;
        }
        let known = self.platforms();
        match self.images.keys().find(|p| !known.contains(&p.as_str())) {
            None => Ok(()),
            Some(platform) => Err(Error::Platform {
                platform: platform.clone(),
            }),
        }
    }
}

impl Variant {
    fn check(&self, ids: &mut BTreeSet<VariantId>) -> Result<(), Error> {
        if !ids.insert(self.id.clone()) {
            let id = self.id.to_string();
            return Err(Error::Twice { id });
        }
        line("the variant's name", &self.name)?;
        relative(&self.packages)?;
        relative(&self.repository)?;
        let mut below = BTreeSet::new();
        self.addons
            .iter()
            .try_for_each(|addon| addon.check(&mut below))
    }

    fn write(&self, parent: Option<&VariantId>, file: &mut Ini) {
        let uid = |id: &VariantId| format!("{}-{id}", self.id);
        let (kind, own) = match parent {
            None => ("variant", self.id.to_string()),
            Some(parent) => ("addon", format!("{parent}-{}", self.id)),
        };
        file.section(&format!("{kind}-{own}"));
        if !self.addons.is_empty() {
            let mut addons: Vec<String> = self.addons.iter().map(|a| uid(&a.id)).collect();
            addons.sort_unstable();
            file.set("addons", &addons.join(","));
        }
        file.set("id", self.id.as_str());
        file.set("name", &self.name);
        file.set("packages", &self.packages);
        if let Some(parent) = parent {
            file.set("parent", parent.as_str());
        }
        file.set("repository", &self.repository);
        file.set("type", kind);
        file.set("uid", &own);
        for addon in &self.addons {
            addon.write(Some(&self.id), file);
        }
    }
}

/// A path as key or value: relative, and no delimiter of the file in it.
fn relative(path: &str) -> Result<(), Error> {
    let bad = |c: char| c.is_control() || matches!(c, ':' | '=');
    let first = |c: char| matches!(c, '/' | '[' | '#' | ';');
    if path.is_empty() || path.contains(bad) || path.starts_with(first) || path.trim() != path {
        let path = path.to_owned();
        return Err(Error::Path { path });
    }
    Ok(())
}

/// An INI file that is being written.
#[derive(Default)]
struct Ini {
    text: String,
}

impl Ini {
    fn section(&mut self, name: &str) {
        let gap = if self.text.is_empty() { "" } else { "\n" };
        let _ = writeln!(self.text, "{gap}[{name}]");
    }

    /// A percent sign begins a reference to another value, unless it is doubled.
    fn set(&mut self, key: &str, value: &str) {
        let _ = writeln!(self.text, "{key} = {}", value.replace('%', "%%"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variant(id: &str, at: &str) -> Variant {
        Variant {
            id: id.parse().unwrap(),
            name: id.to_lowercase(),
            packages: format!("{at}/Packages"),
            repository: at.to_owned(),
            addons: Vec::new(),
        }
    }

    fn tree(version: &str) -> TreeInfo {
        let release = Release {
            name: "100% Sampler".into(),
            short: "sampler".into(),
            version: version.into(),
        };
        let mut tree = TreeInfo::new(release, "x86_64", 7);
        tree.variants.push(Variant {
            addons: vec![variant("WebServer", "addons/web-server")],
            ..variant("Server", ".")
        });
        tree
    }

    #[test]
    fn an_addon_has_a_section_of_its_own_below_its_variant() {
        let text = tree("1.0").write().unwrap();
        assert!(text.contains("\n[variant-Server]\naddons = Server-WebServer\nid = Server\n"));
        assert!(text.contains("\n[addon-Server-WebServer]\nid = WebServer\n"));
        assert!(text.contains("\nparent = Server\nrepository = addons/web-server\ntype = addon\n"));
        assert!(text.contains("name = 100%% Sampler\n"), "{text}");
    }

    #[test]
    fn what_the_library_would_refuse_is_not_written() {
        assert!(tree("Rawhide").write().is_ok());
        for version in ["1~rc1", "1.", "1.0_beta", ""] {
            let error = tree(version).write().unwrap_err();
            assert!(matches!(error, Error::Version { .. }), "{version}: {error}");
        }
        let mut bad = tree("1");
        bad.checksums.insert("a:b".into(), "00".into());
        assert!(matches!(bad.write(), Err(Error::Path { .. })));
        let mut bad = tree("1");
        bad.images.insert("xen".into(), BTreeMap::new());
        assert!(matches!(bad.write(), Err(Error::Platform { .. })));
        let mut bad = tree("1");
        bad.variants.push(variant("Server", "x"));
        assert!(matches!(bad.write(), Err(Error::Twice { .. })));
    }
}
