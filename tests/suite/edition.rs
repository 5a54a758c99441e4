//! Modules and editions, with dnf as the judge.

use std::collections::BTreeSet;
use std::path::Path;

use store::compose::{Composed, Error, MAIN, Output, Workspace};
use store::formats::modulemd::{self, Document, Module};
use store::formats::repodata::Metadata;
use store::formats::rpm::{FileKind, ListedFile, Record, record};
use store::ids::{Algorithm, BlobId, Digest, EntryId, TreePath};
use store::plan::facts::{ModuleFacts, RepositoryFacts};
use store::plan::parameters;
use store::tree::{Builder, Child};

use crate::support::checkout::checkout;
use crate::support::dnf::Machine;
use crate::support::fixtures;
use crate::support::records::dependency;
use crate::support::rpm::{Built, Draft, enter, nevra, spec, try_compose};
use crate::support::workspace::Memory;

/// A module as a recipe would have it.
fn module(name: &str, stream: &str) -> Module {
    Module {
        name: name.into(),
        stream: stream.into(),
        version: 20261101,
        context: "00000000".into(),
        arch: "x86_64".into(),
        summary: format!("What {name} is"),
        description: format!("What {name} is, at length"),
        module_licenses: vec!["MIT".into()],
        ..Module::default()
    }
}

fn profile(mut module: Module, name: &str, packages: &[&str]) -> Module {
    let packages = packages.iter().map(|p| (*p).to_owned()).collect();
    module.profiles.insert(name.into(), packages);
    module
}

fn requires(mut module: Module, name: &str, stream: &str) -> Module {
    module.requires = vec![[(name.to_owned(), vec![stream.to_owned()])].into()];
    module
}

/// A module step over packages.
fn compose_module(memory: &Memory, module: &Module, rpms: &[EntryId]) -> Result<Composed, Error> {
    let params = parameters::Module {
        record: record::VERSION,
        module: module.clone(),
    };
    let inputs = rpms.iter().map(|rpm| ("rpm", *rpm));
    try_compose(memory, "module", &params, inputs)
}

fn edition(
    memory: &Memory,
    inputs: &[(&str, EntryId)],
    rpms: &[EntryId],
) -> Result<Composed, Error> {
    let rpms = rpms.iter().map(|rpm| ("rpm", *rpm));
    try_compose(
        memory,
        "repository",
        &edition_params(),
        inputs.iter().copied().chain(rpms),
    )
}

fn edition_params() -> parameters::Repository {
    parameters::Repository {
        record: record::VERSION,
        comps: None,
        name: "server".parse().unwrap(),
        variant: "Server".parse().unwrap(),
        release: parameters::Release {
            name: "Sampler, 100%".into(),
            short: "sampler".into(),
            version: "1.2".into(),
            arch: "x86_64".into(),
            epoch: 1_793_491_200,
        },
    }
}

/// An edition in small: two modules, one standing on the other, and an add-on.
pub struct Sample {
    memory: Memory,
    modules: Vec<(&'static str, EntryId)>,
    rpms: Vec<Built>,
}

impl Sample {
    pub fn new() -> Self {
        let memory = Memory::default();
        let build = |draft: Draft| draft.build(&memory);
        let rpms = vec![
            build(
                spec("shell-5.2-1.x86_64")
                    .file("/usr/bin/shell", b"#!")
                    .provides("/bin/shell"),
            ),
            build(
                spec("lib-1:1.0-1.x86_64")
                    .file("/usr/lib64/lib.so", b"lib")
                    .provides("lib.so()(64bit)"),
            ),
            build(
                spec("server-2.4-1.x86_64")
                    .module("web-server:1.10:20261101:00000000")
                    .requires("lib.so()(64bit)")
                    .requires("/usr/bin/shell")
                    .file("/usr/sbin/server", b"server"),
            ),
            build(
                spec("extra-1-1.noarch")
                    .requires("server >= 2.4")
                    .file("/usr/share/extra/a", b"a"),
            ),
        ];
        let base = profile(module("base-runtime", "1"), "default", &["shell"]);
        let web = profile(module("web-server", "1.10"), "default", &["server"]);
        let web = requires(web, "base-runtime", "1");
        let extra = module("extras", "9");
        let made = |module: &Module, rpms: &[&Built]| {
            let rpms: Vec<EntryId> = rpms.iter().map(|rpm| rpm.rpm).collect();
            memory.enter_main(&compose_module(&memory, module, &rpms).unwrap())
        };
        let modules = vec![
            ("module/base-runtime", made(&base, &[&rpms[0], &rpms[1]])),
            ("module/web-server", made(&web, &[&rpms[2]])),
            ("addon/extras", made(&extra, &[&rpms[3]])),
        ];
        Sample {
            memory,
            modules,
            rpms,
        }
    }

    fn entries(&self) -> Vec<EntryId> {
        self.rpms.iter().map(|rpm| rpm.rpm).collect()
    }

    fn edition(&self) -> Composed {
        edition(&self.memory, &self.modules, &self.entries()).unwrap()
    }

    /// Written out, as a client sees it.
    pub fn on_disk(&self) -> tempfile::TempDir {
        let directory = tempfile::tempdir().unwrap();
        checkout(
            &self.memory,
            self.edition().outputs[MAIN].root,
            directory.path(),
        );
        directory
    }
}

/// Every path of an output.
fn paths(memory: &Memory, composed: &Composed) -> Vec<String> {
    let workspace: &dyn Workspace = memory;
    let builder: Builder = workspace.open(composed.outputs[MAIN].root).unwrap();
    let paths = builder.paths().into_iter();
    let files = paths.filter(|(_, child)| matches!(child, Child::Leaf(_)));
    files.map(|(path, _)| path.to_string()).collect()
}

/// The documents of the module metadata in an output.
fn documents(memory: &Memory, composed: &Composed) -> Vec<Document> {
    let workspace: &dyn Workspace = memory;
    let repodata = TreePath::parse("repodata").unwrap();
    let root = composed.outputs[MAIN].root;
    let mut metadata = Metadata::default();
    for path in paths(memory, composed) {
        let path = TreePath::parse(path).unwrap();
        if path.parent().as_ref() == Some(&repodata) {
            let (blob, _) = workspace.lookup_file(root, &path).unwrap().unwrap();
            let name = String::from_utf8(path.file_name().unwrap().to_vec()).unwrap();
            metadata.files.insert(name, workspace.bytes(blob).unwrap());
        }
    }
    let text = metadata.get("modules").unwrap().unwrap();
    modulemd::read(&String::from_utf8(text).unwrap()).unwrap()
}

#[test]
fn a_module_names_the_packages_and_licences_that_are_really_there() {
    let memory = Memory::default();
    let one = spec("lib-1:1.0-1.x86_64").build(&memory);
    let composed = compose_module(&memory, &module("base", "1"), &[one.rpm]).unwrap();
    let documents = documents(&memory, &composed);
    let [Document::Module { module, .. }] = documents.as_slice() else {
        panic!("one module: {documents:?}")
    };
    assert_eq!(module.artifacts, ["lib-1:1.0-1.x86_64"]);
    assert_eq!(module.content_licenses.join(","), one.record.license);
    crate::modulemd::judge(&modulemd::document(module), "strict").unwrap();

    let facts: ModuleFacts = composed.facts.unwrap().to().unwrap();
    assert_eq!(
        (facts.name.as_str(), facts.packages[0].rpm),
        ("base", one.rpm)
    );
    assert_eq!(facts.packages[0].content, one.record.content);
}

#[test]
fn an_edition_lies_flat_with_its_addons_beside_it() {
    let sample = Sample::new();
    let composed = sample.edition();
    let paths = paths(&sample.memory, &composed);
    for path in [
        "/Packages/lib-1.0-1.x86_64.rpm",
        "/Packages/server-2.4-1.x86_64.rpm",
        "/addons/extras/Packages/extra-1-1.noarch.rpm",
        "/.treeinfo",
        "/addons/extras/repodata/repomd.xml",
        "/repodata/repomd.xml",
    ] {
        assert!(paths.iter().any(|p| p == path), "{path} of {paths:?}");
    }
    assert!(!paths.iter().any(|p| p == "/Packages/extra-1-1.noarch.rpm"));

    let documents = documents(&sample.memory, &composed);
    let defaults: Vec<_> = documents
        .iter()
        .filter_map(|document| match document {
            Document::Defaults(defaults) => {
                Some((defaults.module.as_str(), defaults.stream.as_str()))
            }
            _ => None,
        })
        .collect();
    assert_eq!(defaults, [("base-runtime", "1"), ("web-server", "1.10")]);

    let facts: RepositoryFacts = composed.facts.unwrap().to().unwrap();
    let modules: Vec<&str> = facts.modules.iter().map(|m| m.name.as_str()).collect();
    assert_eq!(modules, ["base-runtime", "web-server"]);
    assert_eq!(facts.addons["extras"].packages.len(), 1);
}

#[test]
fn an_edition_reads_no_package() {
    let sample = Sample::new();
    let expected = sample.edition();
    for rpm in &sample.rpms {
        sample.memory.forget(rpm.record.file);
    }
    assert_eq!(sample.edition(), expected);
}

#[test]
fn the_same_inputs_in_another_order_are_the_same_edition() {
    let sample = Sample::new();
    let expected = sample.edition();
    let mut rpms = sample.entries();
    rpms.reverse();
    let mut modules = sample.modules.clone();
    modules.reverse();
    assert_eq!(edition(&sample.memory, &modules, &rpms).unwrap(), expected);
}

#[test]
fn a_release_that_productmd_could_not_name_is_refused() {
    let sample = Sample::new();
    let mut params = edition_params();
    params.release.version = "1~rc1".into();
    let inputs = sample.rpms.iter().map(|rpm| ("rpm", rpm.rpm));
    let inputs: Vec<_> = sample.modules.iter().copied().chain(inputs).collect();
    let error = try_compose(&sample.memory, "repository", &params, inputs).unwrap_err();
    assert!(
        error.to_string().contains("\"1~rc1\" can't be said"),
        "{error}"
    );
}

#[test]
fn a_labelled_package_needs_its_modulemd() {
    let memory = Memory::default();
    let rpm = spec("x-1-1.noarch").module("other:2:1:c").build(&memory);
    let error = compose_module(&memory, &module("base", "1"), &[rpm.rpm]).unwrap_err();
    let Error::ModularWithoutModulemd { package, label, .. } = &error else {
        panic!("{error}")
    };
    assert_eq!(
        (package.as_str(), label.as_str()),
        ("x-1-1.noarch", "other:2:1:c")
    );
}

#[test]
fn two_streams_of_a_module_are_no_edition() {
    let memory = Memory::default();
    let made = |stream| {
        let rpm = spec(&format!("x-{stream}-1.noarch")).build(&memory).rpm;
        let composed = compose_module(&memory, &module("base", stream), &[rpm]).unwrap();
        (memory.enter_main(&composed), rpm)
    };
    let ((one, a), (two, b)) = (made("1"), made("2"));
    let error = edition(&memory, &[("module/a", one), ("module/b", two)], &[a, b]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "an edition can't hold two streams of a module: base:1 and base:2"
    );
}

#[test]
fn two_packages_of_one_file_name_are_named_both() {
    let memory = Memory::default();
    let one = spec("x-1-1.noarch").build(&memory).rpm;
    let two = spec("x-1:1-1.noarch").build(&memory).rpm;
    let error = compose_module(&memory, &module("base", "1"), &[one, two]).unwrap_err();
    let said = error.to_string();
    assert!(
        said.contains("x-1-1.noarch") && said.contains("x-1:1-1.noarch"),
        "{said}"
    );
}

#[test]
fn a_module_whose_package_the_step_does_not_know_is_an_error() {
    let sample = Sample::new();
    let error = edition(&sample.memory, &sample.modules, &sample.entries()[1..]).unwrap_err();
    assert!(matches!(error, Error::MissingPackage { .. }), "{error}");
}

#[test]
fn comps_become_groups() {
    let Some(folder) = fixtures::folder("repos/koji-comps") else {
        return;
    };
    let sample = Sample::new();
    let workspace: &dyn Workspace = &sample.memory;
    let with = |comps: &[u8]| {
        let (blob, _) = workspace.write(&mut &comps[..]).unwrap();
        let params = parameters::Repository {
            comps: Some(blob),
            ..edition_params()
        };
        let rpms = sample.rpms.iter().map(|rpm| ("rpm", rpm.rpm));
        let inputs: Vec<_> = sample.modules.iter().copied().chain(rpms).collect();
        try_compose(&sample.memory, "repository", &params, inputs)
    };
    let comps = std::fs::read(folder.join("comps-sample.xml")).unwrap();
    let composed = with(&comps).unwrap();
    let directory = tempfile::tempdir().unwrap();
    checkout(
        &sample.memory,
        composed.outputs[MAIN].root,
        directory.path(),
    );
    let machine = Machine::new(&[("edition", directory.path())]);
    let groups = machine.run(&["group", "list", "--ids"]);
    assert!(groups.lines().count() > 1, "{groups}");
    assert!(matches!(with(b"<metadata/>"), Err(Error::Comps(_))));
}

#[test]
fn a_distribution_cut_into_modules_is_all_there() {
    let memory = Memory::default();
    let files = fixtures::packages("repos/tizen3-armv7l/rpms");
    if files.is_empty() {
        return;
    }
    let rpms: Vec<Built> = files
        .iter()
        .map(|path| enter(&memory, std::fs::read(path).unwrap()))
        .collect();
    let cut = |share: usize, name: &str| {
        let rpms = rpms.iter().skip(share).step_by(3).map(|rpm| rpm.rpm);
        let module = Module {
            arch: "armv7l".into(),
            ..module(name, "3.0")
        };
        let composed = compose_module(&memory, &module, &rpms.collect::<Vec<_>>());
        memory.enter_main(&composed.unwrap())
    };
    let modules = [
        ("module/base", cut(0, "base")),
        ("module/desktop", cut(1, "desktop")),
        ("module/devel", cut(2, "devel")),
    ];
    let entries: Vec<EntryId> = rpms.iter().map(|rpm| rpm.rpm).collect();
    let composed = edition(&memory, &modules, &entries).unwrap();
    let directory = tempfile::tempdir().unwrap();
    checkout(&memory, composed.outputs[MAIN].root, directory.path());
    same_packages(directory.path(), &rpms);
}

fn same_packages(repository: &Path, rpms: &[Built]) {
    let machine = Machine::new(&[("edition", repository)]).of("armv7l");
    let format = "--queryformat=%{name}-%{epoch}:%{version}-%{release}.%{arch}";
    let listed = machine.run(&["repoquery", format]);
    let listed: BTreeSet<String> = listed.lines().map(str::to_owned).collect();
    let expected: BTreeSet<String> = rpms
        .iter()
        .map(|rpm| rpm.record.nevra.with_epoch())
        .collect();
    let missing: Vec<_> = expected.difference(&listed).take(5).collect();
    assert_eq!(listed.len(), expected.len(), "{missing:?}");
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn a_package_with_characters_that_xml_forbids_stays_and_is_noted() {
    let memory = Memory::default();
    let mut draft = spec("x-1-1.noarch");
    draft.spec.description = "rings a \u{7}bell".into();
    let rpm = draft.build(&memory);
    let composed = compose_module(&memory, &module("base", "1"), &[rpm.rpm]).unwrap();
    assert_eq!(
        memory.notes(),
        ["x-1-1.noarch: 1 character that XML forbids left out of primary"]
    );
    let directory = tempfile::tempdir().unwrap();
    checkout(&memory, composed.outputs[MAIN].root, directory.path());
    let machine = Machine::new(&[("module", directory.path())]);
    let listed = machine.run(&[
        "repoquery",
        "--setopt=module.module_hotfixes=1",
        "--qf=%{description}",
    ]);
    assert_eq!(listed.trim(), "rings a bell");
}

/// Raise the composer's version when one of these ids moves: the same derivation has begun to give other bytes.
#[test]
fn the_bytes_of_modules_and_editions_never_move() {
    let memory = Memory::default();
    let workspace: &dyn Workspace = &memory;
    // A record made by hand: no other format's writer has a say in these bytes.
    let record = Record {
        nevra: nevra("x-1:2-3.x86_64"),
        content: BlobId::of(b"content"),
        file: BlobId::of(b"file"),
        sha256: Digest {
            algorithm: Algorithm::Sha256,
            hex: "ab".repeat(32),
        },
        file_size: 4,
        header_range: (1, 2),
        source: false,
        source_rpm: Some("x-2-3.src.rpm".into()),
        summary: "Stands still".into(),
        description: "Stands & stays".into(),
        url: String::new(),
        license: "MIT".into(),
        vendor: String::new(),
        group: "Unspecified".into(),
        packager: String::new(),
        build_host: String::new(),
        build_time: 1_793_491_200,
        installed_size: 10,
        archive_size: 100,
        modularity_label: None,
        provides: vec![dependency("x = 1:2-3")],
        requires: vec![dependency("libc.so.6()(64bit)"), dependency("y >= 2")],
        conflicts: Vec::new(),
        obsoletes: Vec::new(),
        recommends: vec![dependency("(a if b)")],
        suggests: Vec::new(),
        supplements: Vec::new(),
        enhances: Vec::new(),
        files: vec![ListedFile {
            path: b"/etc/x".to_vec(),
            kind: FileKind::File,
        }],
        changelogs: Vec::new(),
        scriptlets: Vec::new(),
    };
    let root = workspace.single("package.rpm", workspace.file(0o644, b"file").unwrap());
    let rpm = memory.enter(&Output::new("rpm", root.unwrap()));
    memory.set_record(rpm, record);
    let made = compose_module(&memory, &module("base", "1"), &[rpm]).unwrap();
    let entry = memory.enter_main(&made);
    let edition = edition(
        &memory,
        &[("module/base", entry), ("addon/base", entry)],
        &[rpm],
    )
    .unwrap();
    let ids = [&made, &edition].map(|composed| composed.outputs[MAIN].root.to_string());
    assert_eq!(
        ids,
        [
            "6adwduvnkzn4izmafx52szbj25id6syub6llntsxmfu3d3ry7ueq",
            "3hrjkvxcdh736fdv4scxu655ehsqob5qo62jzlbwmtjc45kurixa"
        ]
    );
}
