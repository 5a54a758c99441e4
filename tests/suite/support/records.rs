//! Records made by hand, for what needs metadata and no packages.

use store::formats::rpm::{Dependency, FileKind, ListedFile, Record, Sense};
use store::ids::{Algorithm, BlobId, Digest, Evr, Nevra};

/// A record of `NAME-[EPOCH:]VERSION-RELEASE.ARCH` that provides itself and nothing else.
pub fn record(nevra: &str) -> Record {
    let (rest, arch) = nevra.rsplit_once('.').expect("NAME-VERSION-RELEASE.ARCH");
    let (rest, release) = rest.rsplit_once('-').expect("a release");
    let (name, version) = rest.rsplit_once('-').expect("a version");
    of(Nevra {
        name: name.to_owned(),
        evr: Evr::parse(&format!("{version}-{release}")),
        arch: arch.to_owned(),
    })
}

/// A record of this name that provides itself and nothing else.
pub fn of(nevra: Nevra) -> Record {
    let text = nevra.to_string();
    let itself = Dependency {
        name: nevra.name.clone(),
        version: Some((Sense::Eq, nevra.evr.clone())),
        pre: false,
        rpmlib: false,
    };
    Record {
        content: BlobId::of(text.as_bytes()),
        file: BlobId::of(format!("{text}.rpm").as_bytes()),
        sha256: Digest {
            algorithm: Algorithm::Sha256,
            hex: "0".repeat(64),
        },
        file_size: 0,
        header_range: (0, 0),
        source: matches!(nevra.arch.as_str(), "src" | "nosrc"),
        nevra,
        source_rpm: None,
        summary: String::new(),
        description: String::new(),
        url: String::new(),
        license: String::new(),
        vendor: String::new(),
        group: String::new(),
        packager: String::new(),
        build_host: String::new(),
        build_time: 0,
        installed_size: 0,
        archive_size: 0,
        modularity_label: None,
        provides: vec![itself],
        requires: Vec::new(),
        conflicts: Vec::new(),
        obsoletes: Vec::new(),
        recommends: Vec::new(),
        suggests: Vec::new(),
        supplements: Vec::new(),
        enhances: Vec::new(),
        files: Vec::new(),
        changelogs: Vec::new(),
        scriptlets: Vec::new(),
    }
}

/// Reads `NAME`, `NAME >= VERSION` or a rich dependency.
pub fn dependency(text: &str) -> Dependency {
    let plain = |name: &str, version| Dependency {
        name: name.to_owned(),
        version,
        pre: false,
        rpmlib: name.starts_with("rpmlib("),
    };
    let words: Vec<&str> = text.split_whitespace().collect();
    match (text.starts_with('('), words.as_slice()) {
        (false, [name, sense, version]) => {
            let sense = match *sense {
                "<" => Sense::Lt,
                "<=" => Sense::Le,
                "=" => Sense::Eq,
                ">=" => Sense::Ge,
                ">" => Sense::Gt,
                other => panic!("{other} is no comparison"),
            };
            plain(name, Some((sense, Evr::parse(version))))
        }
        _ => plain(text, None),
    }
}

/// What a test says of a package, as a chain of calls.
pub trait Says: Sized {
    fn provides(self, text: &str) -> Self;
    fn requires(self, text: &str) -> Self;
    fn conflicts(self, text: &str) -> Self;
    fn obsoletes(self, text: &str) -> Self;
    fn recommends(self, text: &str) -> Self;
    fn suggests(self, text: &str) -> Self;
    fn supplements(self, text: &str) -> Self;
    fn enhances(self, text: &str) -> Self;
    fn file(self, path: &str) -> Self;
}

macro_rules! says {
    ($($kind:ident),*) => {
        $(fn $kind(mut self, text: &str) -> Self {
            self.$kind.push(dependency(text));
            self
        })*
    };
}

impl Says for Record {
    says!(
        provides,
        requires,
        conflicts,
        obsoletes,
        recommends,
        suggests,
        supplements,
        enhances
    );

    fn file(mut self, path: &str) -> Self {
        self.files.push(ListedFile {
            path: path.as_bytes().to_vec(),
            kind: FileKind::File,
        });
        self
    }
}
