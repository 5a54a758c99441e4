//! Repositories with modules as sources: streams that share names and packages, and documents that are imported.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Read;
use std::path::Path;
use std::process::Command;

use store::formats::modulemd::{self, Document};
use store::formats::repodata::Repomd;

use super::support::bench::Bench;
use super::support::dnf::Machine;
use super::support::fixtures;
use super::support::rpm::spec;
use super::support::workspace::Memory;

/// What `createrepo_c` knows nothing of: that packages are of streams.
pub fn modulemd(stream: &str, artifact: &str) -> String {
    format!(
        "---\ndocument: modulemd\nversion: 2\ndata:\n  name: tools\n  stream: \"{stream}\"\n  version: 1\n  context: c\n  \
         arch: x86_64\n  summary: s\n  description: d\n  license:\n    module: [MIT]\n  artifacts:\n    rpms: [{artifact}]\n..."
    )
}

#[test]
fn a_package_may_be_of_several_streams_and_those_for_debugging_may_lie_elsewhere() {
    let bench = Bench::of(&[]);
    let rpms = bench.path().join("rpms");
    for nevra in ["tool-1-1.noarch", "tool-2-1.noarch", "common-1-1.noarch"] {
        let file = format!("rpms/{nevra}.rpm");
        bench.write(&file, spec(nevra).bytes(&Memory::default()));
    }
    let debug = "tool-debuginfo-0:1-1.noarch, tool-debugsource-0:1-1.noarch, tool-0:1-1.src";
    let texts = ["1", "2"].map(|stream| {
        let artifacts = format!("tool-0:{stream}-1.noarch, common-0:1-1.noarch, {debug}");
        modulemd(stream, &artifacts)
    });
    index(&rpms, &texts);
    let source = format!("kind = \"source\"\nurl = \"file://{}\"\n", rpms.display());
    bench.write("recipes/upstream.toml", source);
    for (stream, text) in ["1", "2"].into_iter().zip(&texts) {
        bench.write(&format!("recipes/tools-{stream}.yaml"), text);
        let own = format!(
            "kind = \"module\"\nmodule = \"tools\"\nstream = \"{stream}\"\nversion = 1\nsource = \"upstream\"\n\
             packages = [\"tool\", \"common\"]\n"
        );
        bench.write(&format!("recipes/named-{stream}.toml"), own);
        let imported = format!(
            "kind = \"module\"\nmodule = \"tools\"\nsource = \"upstream\"\nmodulemd = \"tools-{stream}.yaml\"\n"
        );
        bench.write(&format!("recipes/imported-{stream}.toml"), imported);
    }
    bench.print(&["update"]);
    let lint = bench.run(&["lint"]);
    assert!(!lint.out.contains("error ["), "{}", lint.out);
    // From the lock alone.
    fs::remove_dir_all(rpms.join("repodata")).unwrap();
    for stream in ["1", "2"] {
        for kind in ["named", "imported"] {
            let name = format!("{kind}-{stream}");
            let said = bench.run(&["realize", &name, "--store", "other"]).works();
            let packages = bench.path().join(said.out.trim()).join("Packages");
            let files = fs::read_dir(packages).unwrap();
            let files: BTreeSet<_> = files.map(|file| file.unwrap().file_name()).collect();
            let expected = [
                "common-1-1.noarch.rpm".into(),
                format!("tool-{stream}-1.noarch.rpm").into(),
            ];
            assert_eq!(files, expected.into(), "{name}");
        }
    }
}

#[test]
fn who_says_that_a_package_is_of_a_module_is_told_as_it_is() {
    let bench = Bench::of(&[]);
    let rpms = bench.path().join("rpms");
    // Its header says nothing of modules.
    bench.write(
        "rpms/tool.rpm",
        spec("tool-1-1.noarch").bytes(&Memory::default()),
    );
    index(&rpms, &[modulemd("1", "tool-0:1-1.noarch")]);
    let source = format!("kind = \"source\"\nurl = \"file://{}\"\n", rpms.display());
    bench.write("recipes/upstream.toml", source);
    bench.write(
        "recipes/mine.toml",
        "kind = \"module\"\nstream = \"1\"\nversion = 1\nsource = \"upstream\"\npackages = [\"tool\"]\n",
    );
    let says = "tool-1-1.noarch, which source upstream lists as one of module tools:1";
    let said = bench.run(&["update"]);
    assert_eq!(said.code, 1);
    assert!(said.err.contains(says), "{}", said.err);
    assert!(
        said.err.contains("draw its file from a directory"),
        "{}",
        said.err
    );
    let lint = bench.run(&["lint"]);
    assert!(lint.out.contains(says), "{}", lint.out);
    let _ = fs::remove_file(bench.recipes().join("store.lock"));
    bench.write(
        "recipes/upstream.toml",
        "kind = \"source\"\npath = \"../rpms\"\n",
    );
    bench.realize(&["mine"]);
    bench.run(&["lint"]).works();
}

#[test]
fn every_stream_of_a_real_repository_can_be_imported() {
    let Some(folder) = fixtures::folder("repos/centos-stream9-osbuild/appstream") else {
        return;
    };
    let folder = folder.canonicalize().unwrap();
    let index = fs::read(folder.join("repodata/repomd.xml")).unwrap();
    let index = Repomd::read(&index).unwrap();
    let modules = index.get("modules").unwrap();
    let mut text = String::new();
    let file = fs::File::open(folder.join(&modules.href)).unwrap();
    let mut opened = modules.open(file).unwrap();
    opened.read_to_string(&mut text).unwrap();
    // Of each stream the newest: what older ones list is not there any more.
    let mut newest = BTreeMap::new();
    for document in modulemd::read(&text).unwrap() {
        if let Document::Module { module, unknown } = document {
            let kept = newest
                .entry(module.name_stream())
                .or_insert((0, Vec::new()));
            if module.version > kept.0 {
                *kept = (module.version, vec![Document::Module { module, unknown }]);
            }
        }
    }
    assert_eq!(newest.len(), 15);
    let source = format!("kind = \"source\"\nurl = \"file://{}\"\n", folder.display());
    let bench = Bench::of(&[("app.toml", &source)]);
    for (stream, (_, documents)) in &newest {
        let (module, _) = stream.split_once(':').unwrap();
        let stem = stream.replace(':', "-");
        bench.write(&format!("recipes/{stem}.yaml"), modulemd::stream(documents));
        let recipe = format!(
            "kind = \"module\"\nmodule = \"{module}\"\nsource = \"app\"\nmodulemd = \"{stem}.yaml\"\n"
        );
        bench.write(&format!("recipes/{stem}.toml"), recipe);
    }
    let updated = bench.json(&["update"]);
    assert_eq!(updated["unsolved"], serde_json::json!([]));
    let lint = bench.run(&["lint"]);
    assert!(!lint.out.contains("error ["), "{}", lint.out);
}

#[test]
fn streams_of_one_repository_have_each_their_own_answer_to_one_name() {
    let module = |stream: &str, name: &str| {
        format!(
            "kind = \"module\"\nmodule = \"{name}\"\nstream = \"{stream}\"\nversion = 1\nsource = \"upstream\"\n\
             packages = [\"tool\"]\n"
        )
    };
    let bench = Bench::of(&[
        ("old.toml", &module("1", "tools")),
        ("plain.toml", &module("1", "base")),
        ("young.toml", &module("2", "tools")),
    ]);
    let rpms = bench.path().join("rpms");
    for (nevra, label) in [
        ("tool-1-1.noarch", Some("tools:1:1:c")),
        ("tool-2-1.noarch", Some("tools:2:1:c")),
        ("tool-3-1.noarch", None),
    ] {
        let package = label
            .into_iter()
            .fold(spec(nevra), |spec, label| spec.module(label));
        bench.write(
            &format!("rpms/{nevra}.rpm"),
            package.bytes(&Memory::default()),
        );
    }
    let texts = [
        modulemd("1", "tool-0:1-1.noarch"),
        modulemd("2", "tool-0:2-1.noarch"),
    ];
    index(&rpms, &texts);
    let source = format!("kind = \"source\"\nurl = \"file://{}\"\n", rpms.display());
    bench.write("recipes/upstream.toml", source);
    bench.print(&["update"]);
    let lock = fs::read_to_string(bench.recipes().join("store.lock")).unwrap();
    for asked in ["base:1/tool", "tools:1/tool", "tools:2/tool"] {
        assert!(lock.contains(&format!("asked = [\"{asked}\"]")), "{lock}");
    }
    // Once from the lock alone, and once all together.
    for names in [
        &["old"][..],
        &["plain"],
        &["young"],
        &["young", "old", "plain"],
    ] {
        for (name, view) in names.iter().zip(bench.realize(names)) {
            let version = ["old", "young", "plain"].iter().position(|one| one == name);
            let file = format!("tool-{}-1.noarch.rpm", version.unwrap() + 1);
            let packages = bench.path().join(view).join("Packages");
            let files = fs::read_dir(packages).unwrap();
            let files: Vec<_> = files.map(|file| file.unwrap().file_name()).collect();
            assert_eq!(files, [file.as_str()], "{name}");
        }
    }
    let of = "asked = [\"tools:1/tool\"], modules = [\"tools:1:1:c\"]";
    assert!(lock.contains(of), "{lock}");
    // A lock of a program that knew nothing of streams is asked for once more, as a whole.
    let before = lock.replace("modular = true\n", "").replace("tools:2/", "");
    bench.write("recipes/store.lock", before);
    bench.edit("old.toml", "version = 1", "version = 2");
    bench.print(&["update"]);
    let again = fs::read_to_string(bench.recipes().join("store.lock")).unwrap();
    assert_eq!(again, lock);
    // A stream that the lock was not asked for is not answered with what another one has.
    bench.write("recipes/young.toml", module("3", "tools"));
    let view = bench.realize(&["young"]);
    let packages = bench.path().join(&view[0]).join("Packages");
    assert!(packages.join("tool-3-1.noarch.rpm").exists());
}

#[test]
fn a_package_of_a_stream_hides_nothing_of_another_name() {
    let manifest = "packages = [\"perl\", \"perl-Archive-Tar\"]";
    let bench = Bench::of(&[
        ("os.toml", "kind = \"source\"\npath = \"../rpms\"\n"),
        (
            "perl.toml",
            &format!(
                "kind = \"module\"\nstream = \"1\"\nversion = 1\nsource = \"os\"\n{manifest}\n"
            ),
        ),
    ]);
    let labelled = spec("perl-5-1.noarch").module("perl:1:1:c");
    for (name, package) in [
        ("perl-5-1.noarch", labelled),
        (
            "perl-Archive-Tar-2-1.noarch",
            spec("perl-Archive-Tar-2-1.noarch"),
        ),
    ] {
        let file = format!("rpms/{name}.rpm");
        bench.write(&file, package.bytes(&Memory::default()));
    }
    let view = bench.realize(&["perl"]);
    let packages = fs::read_dir(bench.path().join(&view[0]).join("Packages"));
    assert_eq!(packages.unwrap().count(), 2);
}

#[test]
fn a_lock_and_no_lock_answer_alike_what_recipes_and_a_repository_both_have() {
    let package = "kind = \"package\"\nname = \"tool\"\nversion = \"2\"\nrelease = \"1\"\narch = \"noarch\"\nlicense = \"MIT\"\n\
        summary = \"A tool\"\n";
    let module = "kind = \"module\"\nmodule = \"tools\"\nstream = \"1\"\nversion = 1\nsource = \"upstream\"\nfrom = [\"own\"]\n\
        packages = [\"tool\", \"other\"]\n";
    let bench = Bench::of(&[("own.toml", package), ("drawn.toml", module)]);
    let rpms = bench.path().join("rpms");
    for nevra in ["tool-1-1.noarch", "other-1-1.noarch"] {
        let file = format!("rpms/{nevra}.rpm");
        bench.write(&file, spec(nevra).bytes(&Memory::default()));
    }
    index(&rpms, &[modulemd("1", "tool-0:1-1.noarch")]);
    let source = format!("kind = \"source\"\nurl = \"file://{}\"\n", rpms.display());
    bench.write("recipes/upstream.toml", source);
    bench.print(&["update"]);
    let first = bench.realize(&["drawn"]);
    bench.print(&["update"]);
    let good = fs::read(bench.recipes().join("store.lock")).unwrap();
    assert_eq!(bench.realize(&["drawn"]), first);
    let packages = bench.path().join(&first[0]).join("Packages");
    assert!(packages.join("tool-1-1.noarch.rpm").exists());
    // A store that has not made the package yet takes nothing out of the lock.
    bench.run(&["update", "--store", "other"]).works();
    assert_eq!(fs::read(bench.recipes().join("store.lock")).unwrap(), good);
}

#[test]
fn a_document_means_just_the_packages_that_it_names() {
    let bench = Bench::of(&[]);
    let rpms = bench.path().join("rpms");
    for nevra in [
        "tool-1-1.noarch",
        "tool-2-1.noarch",
        "tool-debuginfo-1-1.noarch",
    ] {
        let file = format!("rpms/{nevra}.rpm");
        bench.write(&file, spec(nevra).bytes(&Memory::default()));
    }
    index(&rpms, &[modulemd("1", "tool-0:2-1.noarch")]);
    let source = format!("kind = \"source\"\nurl = \"file://{}\"\n", rpms.display());
    bench.write("recipes/upstream.toml", source);
    for (name, artifact) in [
        ("older", "tool-0:1-1.noarch"),
        ("debug", "tool-debuginfo-0:1-1.noarch"),
    ] {
        bench.write(&format!("recipes/{name}.yaml"), modulemd("1", artifact));
        let recipe = format!(
            "kind = \"module\"\nmodule = \"tools\"\nsource = \"upstream\"\nmodulemd = \"{name}.yaml\"\n"
        );
        bench.write(&format!("recipes/{name}.toml"), recipe);
    }
    bench.print(&["update"]);
    for (name, file) in [
        ("older", "tool-1-1.noarch.rpm"),
        ("debug", "tool-debuginfo-1-1.noarch.rpm"),
    ] {
        let view = bench.realize(&[name]);
        let packages = bench.path().join(&view[0]).join("Packages");
        let files = fs::read_dir(packages).unwrap();
        let files: Vec<_> = files.map(|one| one.unwrap().file_name()).collect();
        assert_eq!(files, [file], "{name}");
    }
}

#[test]
fn a_list_of_modules_may_be_empty() {
    for list in ["", "# none yet\n"] {
        let bench = Bench::of(&[]);
        let rpms = bench.path().join("rpms");
        bench.write(
            "rpms/tool-1-1.noarch.rpm",
            spec("tool-1-1.noarch").bytes(&Memory::default()),
        );
        index(&rpms, &[list.to_owned()]);
        let source = format!("kind = \"source\"\nurl = \"file://{}\"\n", rpms.display());
        bench.write("recipes/upstream.toml", source);
        let module = "kind = \"module\"\nstream = \"1\"\nversion = 1\nsource = \"upstream\"\npackages = [\"tool\"]\n";
        bench.write("recipes/drawn.toml", module);
        bench.print(&["update"]);
        bench.realize(&["drawn"]);
        let machine = Machine::new(&[("upstream", &rpms)]);
        assert_eq!(
            machine.download(&["install", "tool"]),
            ["tool-1-1.noarch.rpm"]
        );
    }
}

#[test]
fn a_list_of_modules_without_end_is_refused_and_not_cut() {
    let bench = Bench::of(&[]);
    let rpms = bench.path().join("rpms");
    bench.write(
        "rpms/tool.rpm",
        spec("tool-1-1.noarch").bytes(&Memory::default()),
    );
    let filler = format!("# {}\n", "x".repeat(1021)).repeat(32 << 10);
    index(&rpms, &[modulemd("1", "tool-0:1-1.noarch"), filler]);
    let source = format!("kind = \"source\"\nurl = \"file://{}\"\n", rpms.display());
    bench.write("recipes/upstream.toml", source);
    let module = "kind = \"module\"\nstream = \"1\"\nversion = 1\nsource = \"upstream\"\npackages = [\"tool\"]\n";
    bench.write("recipes/tools.toml", module);
    let said = bench.run(&["update"]);
    said.fails(2, &["modules.yaml", "more than 32 MiB"]);
}

/// Indexes packages, with the documents of modules beside.
pub fn index(rpms: &Path, documents: &[String]) {
    let run = |arguments: &[&str]| {
        let mut command = Command::new(arguments[0]);
        let made = command.args(&arguments[1..]).current_dir(rpms).status();
        assert!(made.unwrap().success(), "{arguments:?}");
    };
    run(&["createrepo_c", "-q", "."]);
    if documents.is_empty() {
        return;
    }
    fs::write(rpms.join("../modules.yaml"), documents.join("\n")).unwrap();
    run(&[
        "modifyrepo_c",
        "--mdtype=modules",
        "../modules.yaml",
        "repodata",
    ]);
}
