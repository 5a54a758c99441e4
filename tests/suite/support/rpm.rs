//! Small packages, written as a test reads: `spec("x-1.0-1.noarch").requires("y >= 2").file("/usr/bin/x", b"…")`.

use std::collections::BTreeMap;

use store::compose::{Composed, Composer, MAIN, Workspace, composer};
use store::formats::rpm::{
    Changelog, Dependency, FileFlags, Package, Record, Spec, SpecContent, SpecFile, record,
};
use store::ids::{BlobId, EntryId, Evr, Nevra, TreePath};
use store::plan::{Derivation, Input, parameters};

use super::records::dependency;
use super::workspace::Memory;

/// A package to be, with the bytes of its files.
#[derive(Clone)]
pub struct Draft {
    pub spec: Spec,
    pub contents: BTreeMap<BlobId, Vec<u8>>,
}

/// A package in a workspace, as an entry of kind `rpm`.
pub struct Built {
    pub rpm: EntryId,
    pub record: Record,
    pub bytes: Vec<u8>,
}

/// Reads `NAME-[EPOCH:]VERSION-RELEASE.ARCH`.
pub fn nevra(text: &str) -> Nevra {
    let (rest, arch) = text.rsplit_once('.').expect("an architecture");
    let mut parts = rest.rsplitn(3, '-');
    let (release, version) = (parts.next().unwrap(), parts.next().expect("a version"));
    Nevra {
        name: parts.next().expect("a name").to_owned(),
        evr: Evr::parse(&format!("{version}-{release}")),
        arch: arch.to_owned(),
    }
}

pub fn spec(name: &str) -> Draft {
    let nevra = nevra(name);
    Draft {
        spec: Spec {
            summary: format!("The package {}", nevra.name),
            description: format!("Does what {} does.", nevra.name),
            license: "MIT".to_owned(),
            url: String::new(),
            vendor: String::new(),
            build_time: 1_600_000_000,
            modularity_label: None,
            provides: Vec::new(),
            requires: Vec::new(),
            conflicts: Vec::new(),
            obsoletes: Vec::new(),
            recommends: Vec::new(),
            suggests: Vec::new(),
            supplements: Vec::new(),
            enhances: Vec::new(),
            files: Vec::new(),
            scripts: BTreeMap::new(),
            changelogs: Vec::new(),
            nevra,
        },
        contents: BTreeMap::new(),
    }
}

macro_rules! dependencies {
    ($($kind:ident)*) => {
        $(pub fn $kind(mut self, text: &str) -> Self {
            self.spec.$kind.push(dependency(text));
            self
        })*
    };
}

impl Draft {
    dependencies! { provides requires conflicts obsoletes recommends suggests supplements enhances }

    pub fn requires_pre(mut self, text: &str) -> Self {
        let pre = true;
        self.spec.requires.push(Dependency {
            pre,
            ..dependency(text)
        });
        self
    }

    /// Of a module: `name:stream:version:context`.
    pub fn module(mut self, label: &str) -> Self {
        self.spec.modularity_label = Some(label.to_owned());
        self
    }

    pub fn built_at(mut self, time: u64) -> Self {
        self.spec.build_time = time;
        self
    }

    pub fn script(mut self, name: &str, text: &str) -> Self {
        self.spec.scripts.insert(name.to_owned(), text.to_owned());
        self
    }

    pub fn changelog(mut self, author: &str, time: i64, text: &str) -> Self {
        self.spec.changelogs.push(Changelog {
            author: author.to_owned(),
            time,
            text: text.to_owned(),
        });
        self
    }

    fn add(mut self, path: &str, mode: u32, content: SpecContent) -> Self {
        self.spec.files.push(SpecFile {
            path: path.to_owned(),
            content,
            mode,
            user: "root".to_owned(),
            group: "root".to_owned(),
            flags: 0,
            capabilities: String::new(),
        });
        self.spec.files.sort_by(|a, b| a.path.cmp(&b.path));
        self
    }

    /// A regular file, 0644, or 0755 in a `bin` or `sbin`.
    pub fn file(mut self, path: &str, bytes: &[u8]) -> Self {
        let (blob, size) = (BlobId::of(bytes), bytes.len() as u64);
        self.contents.insert(blob, bytes.to_vec());
        let mode = if path.contains("bin/") { 0o755 } else { 0o644 };
        self.add(path, mode, SpecContent::File { blob, size })
    }

    pub fn directory(self, path: &str) -> Self {
        self.add(path, 0o755, SpecContent::Directory)
    }

    pub fn symlink(self, path: &str, target: &str) -> Self {
        let target = target.as_bytes().to_vec().into();
        self.add(path, 0o777, SpecContent::Symlink { target })
    }

    pub fn ghost(self, path: &str) -> Self {
        self.file(path, b"")
            .change(path, |file| file.flags = FileFlags::GHOST)
    }

    /// Changes a file that was added: its mode, its owner, its flags.
    pub fn change(mut self, path: &str, change: impl FnOnce(&mut SpecFile)) -> Self {
        let file = self.spec.files.iter_mut().find(|file| file.path == path);
        change(file.expect("a file that was added before"));
        self
    }

    pub fn bytes(&self, memory: &Memory) -> Vec<u8> {
        for content in self.contents.values() {
            memory.write(&mut content.as_slice()).unwrap();
        }
        let composed = compose(memory, "package", &self.spec, []);
        package_bytes(memory, &composed)
    }

    pub fn build(&self, memory: &Memory) -> Built {
        enter(memory, self.bytes(memory))
    }
}

impl Built {
    /// The package imported and unpacked: an entry of kind `unpacked`.
    pub fn unpacked(&self, memory: &Memory) -> EntryId {
        memory.enter_main(&self.unpack(memory))
    }

    pub fn unpack(&self, memory: &Memory) -> Composed {
        let imported = self.import(memory);
        let content = memory.enter(&imported.outputs["content"]);
        compose(
            memory,
            "unpack",
            &parameters::Unpack {},
            [("content", content)],
        )
    }

    pub fn import(&self, memory: &Memory) -> Composed {
        let asked = parameters::Import {
            record: record::VERSION,
        };
        compose(memory, "import", &asked, [("rpm", self.rpm)])
    }
}

/// Makes the bytes of a package an entry of kind `rpm`, with its record.
pub fn enter(memory: &Memory, bytes: Vec<u8>) -> Built {
    let workspace: &dyn Workspace = memory;
    let file = workspace.file(0o644, &bytes).unwrap();
    let root = workspace.single("package.rpm", file).unwrap();
    let rpm = memory.enter(&store::compose::Output::new("rpm", root));
    let record = Package::read(&mut bytes.as_slice()).unwrap().record;
    memory.set_record(rpm, record.clone());
    Built { rpm, record, bytes }
}

/// Composes a step of any kind.
pub fn compose<'a>(
    memory: &Memory,
    kind: &str,
    params: &impl serde::Serialize,
    inputs: impl IntoIterator<Item = (&'a str, EntryId)>,
) -> Composed {
    try_compose(memory, kind, params, inputs).unwrap()
}

/// Composes a step of any kind.
pub fn try_compose<'a>(
    memory: &Memory,
    kind: &str,
    params: &impl serde::Serialize,
    inputs: impl IntoIterator<Item = (&'a str, EntryId)>,
) -> Result<Composed, store::compose::Error> {
    let composer = composer(kind).expect("a composer");
    compose_by(composer, memory, kind, params, inputs)
}

/// The same by a composer that is not the one of the kind.
pub fn compose_by<'a>(
    composer: &dyn Composer,
    memory: &Memory,
    kind: &str,
    params: &impl serde::Serialize,
    inputs: impl IntoIterator<Item = (&'a str, EntryId)>,
) -> Result<Composed, store::compose::Error> {
    let inputs = inputs.into_iter().map(|(role, entry)| Input {
        role: role.to_owned(),
        entry,
    });
    let derivation = Derivation::new(kind, composer.version(), params, inputs).unwrap();
    composer.compose(&derivation, memory)
}

fn package_bytes(memory: &Memory, composed: &Composed) -> Vec<u8> {
    let workspace: &dyn Workspace = memory;
    let path = TreePath::parse("package.rpm").unwrap();
    let root = composed.outputs[MAIN].root;
    let (blob, _) = workspace.lookup_file(root, &path).unwrap().unwrap();
    workspace.bytes(blob).unwrap()
}
