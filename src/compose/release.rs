//! `compose`: artifacts as the release directory that people's tools expect, with productmd metadata.
//!
//! ```text
//! COMPOSE_ID, STATUS
//! compose/VARIANT/ARCH/os/              an edition, its .treeinfo naming the variant
//! compose/VARIANT/ARCH/ostree/NAME/     an OSTree repository
//! compose/VARIANT/ARCH/iso/NAME.iso     images of any other artifact: by format here,
//! compose/VARIANT/ARCH/images/NAME.raw  or here; an OCI layout as NAME.ociarchive
//! compose/metadata/                     composeinfo, rpms, images and modules, as JSON
//! ```
//!
//! `pungi/paths.py` is where the names come from. Trees and files are those of the artifacts, taken by their ids:
//! only small metadata is read, and images, for their digests.

use std::collections::BTreeMap;
use std::io::{ErrorKind, Read};

use sha2::{Digest as _, Sha256};

use super::held::{self, Modules};
use super::ociarchive;
use super::packages::{self, Package};
use super::treeinfo::{self, ADDONS, Described, tree_info};
use super::{Composed, Composer, Error, Output, Workspace, WorkspaceError};
use crate::formats::productmd::images::{self, Image};
use crate::formats::productmd::{self, composeinfo, modules, rpms};
use crate::ids::{BlobId, EntryId, TreeId, TreePath, VariantId};
use crate::plan::facts::ComposeFacts;
use crate::plan::{Derivation, parameters};
use crate::tree::{Builder, Child, Content, Leaf, Node};

/// Composes `compose` derivations.
pub struct Compose;

const KIND: &str = "compose";

/// Every file below is named from here.
const TOP: &str = "compose";

impl Composer for Compose {
    fn version(&self) -> u32 {
        1
    }

    fn compose(
        &self,
        derivation: &Derivation,
        workspace: &dyn Workspace,
    ) -> Result<Composed, Error> {
        let params: parameters::Compose = super::parameters(KIND, derivation)?;
        super::check_record_version(params.record)?;
        let compose = named(&params)?;
        let packages = Package::inputs(derivation, workspace)?;
        let mut release = Release {
            params: &params,
            packages: packages.into_iter().map(|p| (p.brief.file, p)).collect(),
            workspace,
            tree: Builder::default(),
            variants: BTreeMap::new(),
            rpms: Vec::new(),
            images: Vec::new(),
            modules: Vec::new(),
        };
        for input in &derivation.inputs {
            let parts: Vec<&str> = input.role.split('/').collect();
            if let [variant, kind, name] = *parts.as_slice() {
                release.take(&variant.parse()?, kind, name, input.entry)?;
            }
        }
        let tree = release.finish(&compose)?;
        let facts = ComposeFacts { id: compose.id() };
        Composed::of(Output::new(KIND, workspace.finish(&tree)?)).with_facts(KIND, &facts)
    }
}

fn named(params: &parameters::Compose) -> Result<productmd::Compose, Error> {
    let kind = productmd::compose::Kind::of(&params.purpose);
    Ok(productmd::Compose {
        release: (&params.release).into(),
        kind: kind.ok_or_else(|| Error::Purpose {
            purpose: params.purpose.clone(),
        })?,
        date: params.date.clone(),
        respin: params.respin,
        label: params.label.clone(),
    })
}

/// A release directory that is being filled.
struct Release<'a> {
    params: &'a parameters::Compose,
    packages: BTreeMap<BlobId, Package>,
    workspace: &'a dyn Workspace,
    tree: Builder,
    variants: BTreeMap<VariantId, composeinfo::Variant>,
    rpms: Vec<rpms::Rpm>,
    images: Vec<Image>,
    modules: Vec<modules::Module>,
}

/// One repository of a variant: that at the top of its tree, or an add-on's.
struct Part<'a> {
    /// What the metadata calls it.
    uid: &'a str,
    /// Where it lies, from the directory `compose`.
    at: &'a str,
    entry: EntryId,
    root: TreeId,
}

impl Release<'_> {
    /// Puts one artifact where those of its kind belong.
    fn take(
        &mut self,
        variant: &VariantId,
        kind: &str,
        name: &str,
        entry: EntryId,
    ) -> Result<(), Error> {
        let at = format!("{variant}/{}", self.params.release.arch);
        match kind {
            "repository" => self.edition(variant, &at, entry),
            "ostree" => {
                self.known(variant);
                let root = Child::Finished(self.workspace.root(entry)?);
                self.put(&format!("{at}/ostree/{name}"), root)
            }
            _ => self.image_files(variant, &at, name, entry),
        }
    }

    fn put(&mut self, at: &str, child: Child) -> Result<(), Error> {
        let path = TreePath::parse(format!("{TOP}/{at}"))?;
        Ok(self.tree.insert(&path, child)?)
    }

    /// The variant, as the metadata has it.
    fn known(&mut self, id: &VariantId) -> &mut composeinfo::Variant {
        let arch = &self.params.release.arch;
        let variant = self.variants.entry(id.clone());
        variant.or_insert_with(|| described(id, id.as_str(), arch))
    }

    fn edition(&mut self, variant: &VariantId, at: &str, entry: EntryId) -> Result<(), Error> {
        let workspace = self.workspace;
        let root = workspace.root(entry)?;
        let os = format!("{at}/os");
        let mut tree = opened(root, workspace)?;
        let addons = addons(root, workspace)?;
        let described_as = Described {
            release: &self.params.release,
            variant: variant.clone(),
            name: variant.to_string(),
        };
        let names = addons.keys().map(String::as_str);
        tree_info(&mut tree, &described_as, names, workspace)?;
        self.put(&os, Child::Directory(tree))?;
        self.part(&Part {
            uid: variant.as_str(),
            at: &os,
            entry,
            root,
        })?;
        let mut below = Vec::new();
        for (name, root) in &addons {
            let id = treeinfo::addon_id(name)?;
            let at = format!("{os}/{ADDONS}/{name}");
            self.part(&Part {
                uid: &composeinfo::uid(variant, &id),
                at: &at,
                entry,
                root: *root,
            })?;
            let mut addon = described(&id, name, &self.params.release.arch);
            addon.paths = paths(&os, &at);
            below.push(addon);
        }
        let known = self.known(variant);
        known.paths.extend(paths(&os, &os));
        known.addons.extend(below);
        Ok(())
    }

    /// Tells of one repository's packages and modules.
    fn part(&mut self, part: &Part) -> Result<(), Error> {
        let Part {
            uid,
            at,
            entry,
            root,
        } = *part;
        let arch = &self.params.release.arch;
        for (file, leaf) in held::files(KIND, (entry, root), packages::DIRECTORY, self.workspace)? {
            let Content::File { blob, .. } = leaf.content else {
                continue;
            };
            let known = self.packages.get(&blob);
            let package = known.ok_or_else(|| Error::MissingPackage {
                module: uid.to_owned(),
                file: file.clone(),
            })?;
            self.rpms.push(rpms::Rpm {
                variant: uid.to_owned(),
                arch: arch.clone(),
                nevra: package.brief.nevra.clone(),
                source_rpm: package.brief.source_rpm.clone(),
                source: package.brief.source,
                path: format!("{at}/{}/{file}", packages::DIRECTORY),
            });
        }
        let held = held::modules(KIND, uid, (entry, root), self.workspace)?;
        let Some(Modules { file, modules }) = held else {
            return Ok(());
        };
        for module in modules {
            self.modules.push(modules::Module {
                variant: uid.to_owned(),
                arch: arch.clone(),
                name: module.name,
                stream: module.stream,
                version: module.version,
                context: module.context,
                path: format!("{at}/repodata/{file}"),
                rpms: module.artifacts,
            });
        }
        Ok(())
    }

    /// What an artifact has at its top that is an image: files, by the ends of their names, or an OCI layout as a whole.
    fn image_files(
        &mut self,
        variant: &VariantId,
        at: &str,
        name: &str,
        entry: EntryId,
    ) -> Result<(), Error> {
        let root = self.workspace.root(entry)?;
        let mut files = held::files(KIND, (entry, root), "", self.workspace)?;
        if files.contains_key(ociarchive::MARK) {
            let time = self.params.release.epoch;
            let (blob, size) = ociarchive::archive(root, time, self.workspace)?;
            let archive = Leaf::file(0o644, blob, size);
            files = [(format!("{name}.ociarchive"), archive)].into();
        }
        let media = self.workspace.media(entry)?;
        let mut found = false;
        for (file, leaf) in files {
            found |= self.image(variant, at, name, (file, leaf), &media)?;
        }
        match found {
            true => Ok(()),
            false => Err(Error::NoImage {
                name: name.to_owned(),
            }),
        }
    }

    /// Puts a file where images of its format belong, and tells of it; whether it is one.
    ///
    /// What the medium is, an artifact says beside it: `type`, `volume_id`, `bootable` and `implanted_md5`.
    fn image(
        &mut self,
        variant: &VariantId,
        at: &str,
        name: &str,
        (file, leaf): (String, Leaf),
        media: &BTreeMap<String, String>,
    ) -> Result<bool, Error> {
        let (Some((format, kind)), &Content::File { blob, size }) =
            (images::format(&file), &leaf.content)
        else {
            return Ok(false);
        };
        let sum = sha256(blob, self.workspace)?;
        let (category, directory) = match format {
            "iso" => ("isos", "iso"),
            _ => ("images", "images"),
        };
        let path = format!("{at}/{directory}/{file}");
        let kind = media.get("type").map_or(kind, String::as_str);
        // productmd tells images of a compose apart by these.
        let same = |image: &&Image| {
            (image.subvariant.as_str(), image.kind.as_str()) == (name, kind)
                && image.format == format
                && image.sha256 != sum
        };
        if let Some(other) = self.images.iter().find(same) {
            return Err(Error::SameImage {
                name: name.to_owned(),
                images: [other.path.clone(), path],
            });
        }
        self.images.push(Image {
            variant: variant.to_string(),
            arch: self.params.release.arch.clone(),
            path: path.clone(),
            mtime: self.params.release.epoch,
            size,
            kind: kind.to_owned(),
            format: format.to_owned(),
            volume_id: media.get("volume_id").cloned(),
            implanted_md5: media.get("implanted_md5").cloned(),
            bootable: media.get("bootable").is_some_and(|value| value == "true"),
            sha256: sum,
            subvariant: name.to_owned(),
        });
        self.put(&path, Child::Leaf(leaf))?;
        let paths = &mut self.known(variant).paths;
        paths.insert(category, format!("{at}/{directory}"));
        Ok(true)
    }

    /// The metadata, and the directory that it makes whole.
    fn finish(mut self, compose: &productmd::Compose) -> Result<Builder, Error> {
        let variants: Vec<composeinfo::Variant> =
            std::mem::take(&mut self.variants).into_values().collect();
        let files = [
            ("composeinfo", composeinfo::write(compose, &variants)?),
            ("images", images::write(compose, &self.images)?),
            ("modules", modules::write(compose, &self.modules)?),
            ("rpms", rpms::write(compose, &self.rpms)?),
        ];
        for (name, text) in files {
            let leaf = self.workspace.text(0o644, &text)?;
            self.put(&format!("metadata/{name}.json"), Child::Leaf(leaf))?;
        }
        // As pungi leaves them: the id is no line, the status is one.
        for (name, text) in [
            ("COMPOSE_ID", compose.id()),
            ("STATUS", "FINISHED\n".into()),
        ] {
            let leaf = self.workspace.file(0o644, text.as_bytes())?;
            let path = TreePath::parse(name)?;
            self.tree.insert(&path, Child::Leaf(leaf))?;
        }
        Ok(self.tree)
    }
}

fn described(id: &VariantId, name: &str, arch: &str) -> composeinfo::Variant {
    composeinfo::Variant {
        id: id.clone(),
        name: name.to_owned(),
        arch: arch.to_owned(),
        paths: BTreeMap::new(),
        addons: Vec::new(),
    }
}

/// Where a repository lies that is at the top of a tree, or beside it.
fn paths(os: &str, at: &str) -> BTreeMap<&'static str, String> {
    [
        ("os_tree", os.to_owned()),
        ("packages", format!("{at}/{}", packages::DIRECTORY)),
        ("repository", at.to_owned()),
    ]
    .into()
}

/// The top of a finished tree, for changes there.
fn opened(root: TreeId, workspace: &dyn Workspace) -> Result<Builder, Error> {
    let directory = workspace.directory(root)?;
    let mut tree = Builder::new(directory.meta.clone());
    for (name, node) in &directory.entries {
        let child = match node {
            Node::Directory(id) => Child::Finished(*id),
            Node::Leaf(leaf) => Child::Leaf(leaf.clone()),
        };
        tree.children.insert(name.clone(), child);
    }
    Ok(tree)
}

/// The add-ons of an edition, each with its tree.
fn addons(root: TreeId, workspace: &dyn Workspace) -> Result<BTreeMap<String, TreeId>, Error> {
    let Some(Node::Directory(id)) = workspace.lookup(root, &TreePath::parse(ADDONS)?)? else {
        return Ok(BTreeMap::new());
    };
    let directory = workspace.directory(id)?;
    let addon = |(name, node): (&Vec<u8>, &Node)| match node {
        Node::Directory(id) => Some((String::from_utf8_lossy(name).into_owned(), *id)),
        Node::Leaf(_) => None,
    };
    Ok(directory.entries.iter().filter_map(addon).collect())
}

fn sha256(blob: BlobId, workspace: &dyn Workspace) -> Result<String, Error> {
    let failed = |error| WorkspaceError::new(format!("reading blob {blob}"), error);
    let mut reader = workspace.read(blob, 0, None)?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        match reader.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => hasher.update(&buffer[..count]),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(failed(error).into()),
        }
    }
    Ok(data_encoding::HEXLOWER.encode(&hasher.finalize()))
}
