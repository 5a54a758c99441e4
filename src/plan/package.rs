//! Planning a package that is made from its recipe.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rayon::prelude::*;
use serde_bytes::ByteBuf;

use super::derivation::{CONTENT, MAIN};
use super::error::Error;
use super::known::Outcome;
use super::offer::{Offered, Told};
use super::parameters::Import;
use super::planner::Planner;
use super::step::{From, Needed, Step, StepId};
use crate::formats::rpm::{
    self, Changelog, FileFlags, Record, Sense, Spec, SpecContent, SpecFile, record,
};
use crate::ids::{Algorithm, BlobId, Digest, Nevra};
use crate::recipe::{Comparison, Config, Content, Dependency, File, Package};

impl Planner<'_> {
    /// The step that writes the RPM.
    pub(super) fn package(&mut self, package: &Package) -> Result<StepId, Error> {
        let step = self.written_package(package)?;
        Ok(self.steps(vec![step])[0])
    }

    /// The same, not placed in the plan yet.
    fn written_package(&self, package: &Package) -> Result<Step, Error> {
        let mut attachments = BTreeMap::new();
        let files = package
            .files
            .iter()
            .map(|file| spec_file(file, &mut attachments))
            .collect();
        let lists = |list: &BTreeSet<Dependency>| list.iter().map(dependency).collect();
        let spec = Spec {
            nevra: package.nevra.clone(),
            summary: package.summary.clone(),
            description: package.description.clone(),
            license: package.license.clone(),
            url: package.url.clone().unwrap_or_default(),
            vendor: package.vendor.clone().unwrap_or_default(),
            build_time: self.recipes.release.epoch.max(0) as u64,
            modularity_label: None,
            provides: lists(&package.provides),
            requires: lists(&package.requires),
            conflicts: lists(&package.conflicts),
            obsoletes: lists(&package.obsoletes),
            recommends: lists(&package.recommends),
            suggests: lists(&package.suggests),
            supplements: lists(&package.supplements),
            enhances: lists(&package.enhances),
            files,
            scripts: package
                .scripts
                .iter()
                .map(|(name, text)| (name.to_string(), text.clone()))
                .collect(),
            changelogs: package
                .changelog
                .iter()
                .map(|change| Changelog {
                    author: change.author.clone(),
                    time: change.time(),
                    text: change.text.clone(),
                })
                .collect(),
        };
        let subject = (package.nevra.to_string(), package.nevra.name.as_str());
        self.unplaced("package", subject, &spec, Vec::new(), attachments)
    }

    /// The steps that check and record RPMs.
    fn imports<'o>(
        &mut self,
        rpms: impl Iterator<Item = (&'o From, &'o Nevra)>,
    ) -> Result<Vec<StepId>, Error> {
        let params = Import {
            record: record::VERSION,
        };
        let import = |(rpm, nevra): (&From, &Nevra)| {
            let input = Needed {
                role: "rpm".to_owned(),
                from: rpm.clone(),
            };
            let subject = (nevra.to_string(), nevra.name.as_str());
            self.unplaced("import", subject, &params, vec![input], BTreeMap::new())
        };
        let steps = rpms.map(import).collect::<Result<_, _>>()?;
        Ok(self.steps(steps))
    }

    /// Recipes' packages as a module offers them; `None` until all were made and recorded.
    pub(super) fn offered_packages(
        &mut self,
        packages: &[&Package],
    ) -> Result<Option<Vec<Offered>>, Error> {
        let made = packages.iter().map(|package| self.written_package(package));
        let made = made.collect::<Result<_, _>>()?;
        let made = self.steps(made).into_iter();
        let rpms: Vec<From> = made.map(|step| From::Step(step, MAIN.to_owned())).collect();
        let nevras = packages.iter().map(|package| &package.nevra);
        let imports = self.imports(rpms.iter().zip(nevras))?;
        let recorded = imports.iter().map(|&import| self.outcome(import));
        let recorded: Vec<Option<&Outcome>> = recorded.collect();
        let records: Vec<Option<Record>> = recorded
            .into_par_iter()
            .map(|outcome| outcome?.facts())
            .collect();
        let (mut offered, mut waiting) = (Vec::new(), Vec::new());
        for ((record, rpm), import) in records.into_iter().zip(rpms).zip(imports) {
            match record {
                Some(record) => offered.push(Offered {
                    nevra: record.nevra.clone(),
                    digest: record.sha256.clone(),
                    rpm,
                    told: Told::Record(Arc::new(record)),
                }),
                None => waiting.push(import),
            }
        }
        let known = waiting.is_empty();
        self.plan.waiting.append(&mut waiting);
        Ok(known.then_some(offered))
    }

    /// The steps that unpack packages.
    pub(super) fn unpacks(&mut self, packages: &[&Offered]) -> Result<Vec<StepId>, Error> {
        let rpms = packages
            .iter()
            .map(|package| (&package.rpm, &package.nevra));
        let imports = self.imports(rpms)?;
        let unpack = |(package, import): (&&Offered, StepId)| {
            let nevra = &package.nevra;
            let content = From::Step(import, CONTENT.to_owned());
            let input = Needed {
                role: "content".to_owned(),
                from: content,
            };
            let subject = (nevra.to_string(), nevra.name.as_str());
            let params = super::parameters::Unpack {};
            self.unplaced("unpack", subject, &params, vec![input], BTreeMap::new())
        };
        let steps = packages.iter().zip(imports).map(unpack);
        let steps = steps.collect::<Result<_, _>>()?;
        Ok(self.steps(steps))
    }
}

/// What a recipe states of its package, for advice before it is made: its name, its dependencies, and its files.
pub(super) fn stated(package: &Package) -> Record {
    let itself = rpm::Dependency {
        name: package.nevra.name.clone(),
        version: Some((Sense::Eq, package.nevra.evr.clone())),
        pre: false,
        rpmlib: false,
    };
    let provides = package.provides.iter().map(dependency);
    let list = |list: &BTreeSet<Dependency>| list.iter().map(dependency).collect();
    let listed = |file: &File| rpm::ListedFile {
        path: file.path.clone().into_bytes(),
        kind: rpm::FileKind::File,
    };
    let nothing = BlobId::of(b"");
    Record {
        nevra: package.nevra.clone(),
        content: nothing,
        file: nothing,
        sha256: Digest {
            algorithm: Algorithm::Sha256,
            hex: String::new(),
        },
        file_size: 0,
        header_range: (0, 0),
        source: false,
        source_rpm: None,
        summary: package.summary.clone(),
        description: package.description.clone(),
        url: String::new(),
        license: package.license.clone(),
        vendor: String::new(),
        group: String::new(),
        packager: String::new(),
        build_host: String::new(),
        build_time: 0,
        installed_size: 0,
        archive_size: 0,
        modularity_label: None,
        provides: provides.chain([itself]).collect(),
        requires: list(&package.requires),
        conflicts: list(&package.conflicts),
        obsoletes: list(&package.obsoletes),
        recommends: list(&package.recommends),
        suggests: list(&package.suggests),
        supplements: list(&package.supplements),
        enhances: list(&package.enhances),
        files: package.files.iter().map(listed).collect(),
        changelogs: Vec::new(),
        scriptlets: Vec::new(),
    }
}

fn dependency(written: &Dependency) -> rpm::Dependency {
    let sense = |comparison: &Comparison| match comparison {
        Comparison::Less => Sense::Lt,
        Comparison::LessOrEqual => Sense::Le,
        Comparison::Equal => Sense::Eq,
        Comparison::GreaterOrEqual => Sense::Ge,
        Comparison::Greater => Sense::Gt,
    };
    rpm::Dependency {
        name: written.name.clone(),
        version: written
            .version
            .as_ref()
            .map(|(comparison, evr)| (sense(comparison), evr.clone())),
        pre: false,
        rpmlib: false,
    }
}

fn spec_file(file: &File, attachments: &mut BTreeMap<BlobId, Arc<[u8]>>) -> SpecFile {
    let content = match &file.content {
        Content::File(bytes) => {
            let blob = BlobId::of(bytes);
            attachments.insert(blob, bytes.clone());
            SpecContent::File {
                blob,
                size: bytes.len() as u64,
            }
        }
        Content::Directory => SpecContent::Directory,
        Content::Symlink(target) => SpecContent::Symlink {
            target: ByteBuf::from(target.as_bytes().to_vec()),
        },
    };
    let mut flags = 0;
    for (wanted, flag) in [
        (file.config != Config::No, FileFlags::CONFIG),
        (file.config == Config::NoReplace, FileFlags::NO_REPLACE),
        (file.ghost, FileFlags::GHOST),
        (file.doc, FileFlags::DOC),
        (file.license, FileFlags::LICENSE),
    ] {
        if wanted {
            flags |= flag;
        }
    }
    SpecFile {
        path: file.path.clone(),
        content,
        mode: file.mode,
        user: file.user.clone(),
        group: file.group.clone(),
        flags,
        capabilities: file.capabilities.clone(),
    }
}
