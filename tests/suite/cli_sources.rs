//! What the program says of recipes and sources: mistakes where they are, what a source has and lacks, what a lock holds it to.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use super::support::bench::Bench;
use super::support::materialize::is_root;
use super::support::rpm::spec;
use super::support::told;
use super::support::workspace::Memory;

fn rpm(name: &str) -> Vec<u8> {
    let body = format!("the body of {name}\n");
    let file = format!("/usr/share/{}", name.split('-').next().unwrap());
    spec(name)
        .file(&file, body.as_bytes())
        .bytes(&Memory::default())
}

fn source_of(packages: &[&str]) -> Bench {
    let manifest: Vec<String> = packages
        .iter()
        .map(|nevra| format!("{:?}", nevra.split('-').next().unwrap()))
        .collect();
    let module = format!(
        "kind = \"module\"\nstream = \"1\"\nversion = 1\nsource = \"os\"\npackages = [{}]\n",
        manifest.join(", ")
    );
    let source = "kind = \"source\"\npath = \"../rpms\"\n";
    let bench = Bench::of(&[("os.toml", source), ("base.toml", &module)]);
    for nevra in packages {
        bench.write(&format!("rpms/{nevra}.rpm"), rpm(nevra));
    }
    bench
}

#[test]
fn a_mistake_in_a_recipe_is_shown_where_it_is() {
    let bench = Bench::shipped();
    bench.edit(
        "editions/server.toml",
        "addons = [\"web-server\"]",
        "adons = [\"web-server\"]",
    );
    for command in ["realize", "plan"] {
        let said = bench.run(&[command, "server"]);
        said.fails(
            2,
            &[
                "recipes/editions/server.toml:5:1: unknown field \"adons\"",
                "did you mean \"addons\"?",
            ],
        );
    }
    bench.run(&["update"]).fails(2, &["server.toml:5:1"]);
    assert!(!bench.store().exists());
    // What is in the store can be looked at all the same.
    bench.run(&["roots"]).works();
    let nowhere = bench.run(&["realize", "server", "--recipes", "nowhere"]);
    nowhere.fails(2, &["nowhere"]);
}

#[test]
fn recipes_that_may_not_be_read_are_named() {
    let bench = Bench::shipped();
    if is_root() {
        told::left_out("root may read everything");
        return;
    }
    let closed = bench.recipes().join("modules");
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o000)).unwrap();
    let said = bench.run(&["realize", "server"]);
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o755)).unwrap();
    said.fails(2, &["recipes/modules", "Permission denied"]);
}

#[test]
fn a_package_that_a_source_lacks_is_named_with_what_is_near() {
    let bench = source_of(&["bash-5-1.noarch", "coreutils-9-1.noarch"]);
    bench.edit("base.toml", "\"bash\"", "\"bahs\", \"nonsense\"");
    for command in ["realize", "plan"] {
        let said = bench.run(&[command, "base"]);
        said.fails(
            2,
            &[
                "recipes/base.toml:5:13",
                "bahs, nonsense",
                "source os",
                "near to it: bash",
            ],
        );
    }
}

#[test]
fn what_can_not_be_installed_is_told_with_its_chain_and_who_has_it() {
    let package = |requires: &str| {
        format!(
            "kind = \"package\"\nsummary = \"A sample\"\nversion = \"2\"\nrelease = \"1\"\nlicense = \"MIT\"\n{requires}"
        )
    };
    let module = |package: &str| {
        format!("kind = \"module\"\nstream = \"1\"\nversion = 1\nfrom = [\"{package}\"]\n")
    };
    let bench = Bench::of(&[
        ("app.toml", &package("requires = [\"middle\"]\n")),
        (
            "middle.toml",
            &package("requires = [\"library >= 2\", \"/usr/bin/nothing\"]\n"),
        ),
        ("library.toml", &package("")),
        (
            "old-library.toml",
            &package("")
                .replace("\"2\"", "\"1\"")
                .replace("summary", "name = \"library\"\nsummary"),
        ),
        ("apps.toml", &module("app\", \"middle")),
        ("libraries.toml", &module("library")),
        ("old-libraries.toml", &module("old-library")),
        (
            "host.toml",
            "kind = \"ostree\"\nfrom = [\"apps\"]\ninstall = [\"app\"]\nref = \"x\"\n",
        ),
    ]);
    // The first time the library was never made: its recipe alone is known. The second time it was.
    for _ in 0..2 {
        let said = bench.run(&["realize", "host"]);
        said.fails(
            2,
            &[
                "host can't be installed from apps",
                "library >= 2",
                "middle-2-1.noarch is required by app-2-1.noarch (`middle`)",
                "app-2-1.noarch is asked for by `app`",
                "library >= 2 is in libraries: add it to `from` if it belongs",
                "no module of the recipes provides /usr/bin/nothing",
            ],
        );
        bench.realize(&["libraries", "old-libraries"]);
    }
}

#[test]
fn what_a_source_has_but_no_module_lists_is_named_with_its_package() {
    let bench = Bench::of(&[
        ("os.toml", "kind = \"source\"\npath = \"../rpms\"\n"),
        (
            "base.toml",
            "kind = \"module\"\nstream = \"1\"\nversion = 1\nsource = \"os\"\npackages = [\"app\"]\n",
        ),
        (
            "host.toml",
            "kind = \"ostree\"\nfrom = [\"base\"]\ninstall = [\"app\"]\nref = \"x\"\n",
        ),
    ]);
    for (nevra, provides, requires) in [
        ("app-1-1.noarch", "app", "capability >= 2, absent, tool"),
        ("library-1-1.noarch", "capability = 1", ""),
        ("library-2-1.noarch", "capability = 2", ""),
        ("library-3-1.noarch", "capability = 3", "/usr/share/nowhere"),
        ("tool-1-1.noarch", "tool", ""),
    ] {
        let mut package = spec(nevra).provides(provides);
        for requirement in requires.split_terminator(", ") {
            package = package.requires(requirement);
        }
        bench.write(
            &format!("rpms/{nevra}.rpm"),
            package.bytes(&Memory::default()),
        );
    }
    for command in ["plan", "realize", "plan"] {
        let said = bench.run(&[command, "host"]);
        said.fails(
            2,
            &[
                "host can't be installed from base",
                "no module of the recipes provides capability >= 2; library-3-1.noarch of source os does: \
                 list that package in a module of `from` if it belongs",
                "no module of the recipes provides tool; tool-1-1.noarch of source os does",
                "no module of the recipes provides absent\n",
            ],
        );
    }
}

#[test]
fn all_that_would_have_to_be_listed_is_named_and_of_two_architectures_the_systems_own() {
    let module = |packages: &str| {
        format!(
            "kind = \"module\"\nstream = \"1\"\nversion = 1\nsource = \"os\"\npackages = [{packages}]\n"
        )
    };
    let bench = Bench::of(&[
        ("os.toml", "kind = \"source\"\npath = \"../rpms\"\n"),
        ("base.toml", &module("\"app\"")),
        (
            "host.toml",
            "kind = \"ostree\"\nfrom = [\"base\"]\ninstall = [\"app\"]\nref = \"x\"\n",
        ),
    ]);
    for (nevra, provides, requires) in [
        (
            "app-1-1.x86_64",
            "app = 1",
            "one, other, third, compat(x86-32)",
        ),
        ("library-1-1.i686", "one", "elsewhere"),
        ("library-1-1.x86_64", "one", "tool"),
        ("more-1-1.noarch", "other", "/usr/share/data"),
        ("third-1-1.noarch", "third", ""),
        ("compat-1-1.i686", "compat(x86-32)", ""),
        ("tool-1-1.x86_64", "tool", ""),
        ("tool-2-1.x86_64", "tool", ""),
    ] {
        let mut package = spec(nevra).provides(provides);
        for requirement in requires.split_terminator(", ") {
            package = package.requires(requirement);
        }
        if nevra.starts_with("third") {
            package = package.file("/usr/share/data", b"data");
        }
        let bytes = package.bytes(&Memory::default());
        bench.write(&format!("rpms/{nevra}.rpm"), bytes);
    }
    bench.run(&["plan", "host"]).fails(
        2,
        &[
            "no module of the recipes provides one; library-1-1.x86_64 of source os does",
            "with these 5 listed it can be installed: \"compat.i686\", \"library\", \"more\", \"third\", \"tool\"\n",
        ],
    );
    let all = "\"app\", \"compat.i686\", \"library\", \"more\", \"third\", \"tool\"";
    bench.write("recipes/base.toml", module(all));
    let held = bench.print(&["plan", "host", "--packages"]);
    assert_eq!(held.lines().count(), 6, "{held}");
    // And why each of them is there, also where a lock gives the answer.
    for _ in 0..2 {
        assert_eq!(
            bench.print(&["plan", "host", "--why", "tool"]),
            "tool-2-1.x86_64 is required by library-1-1.x86_64 (`tool`)\n\
             library-1-1.x86_64 is required by app-1-1.x86_64 (`one`)\n\
             app-1-1.x86_64 is asked for by `app`\n"
        );
        bench.print(&["update"]);
    }
    let said = bench.json(&["plan", "host", "--why", "third.noarch"]);
    let link = &said["why"]["host"][0][0];
    assert_eq!(link["reason"], "required");
    let by = link["by"].as_str().unwrap();
    assert!(["app-1-1.x86_64", "more-1-1.noarch"].contains(&by), "{by}");
    bench
        .run(&["plan", "host", "--why", "library.i686"])
        .fails(3, &["no package library.i686 would be in host"]);
    bench
        .run(&["plan", "base", "--why", "tool"])
        .fails(2, &["the packages of base are not solved"]);
}

#[test]
fn what_is_made_of_artifacts_says_so_to_who_asks_why_a_package_is_in_it() {
    let bench = Bench::shipped();
    let why = |name: &str, says: &[&str]| {
        bench
            .run(&["plan", name, "--why", "sampler-shell"])
            .fails(2, says);
    };
    // Before anything is made, and after: it was never a matter of that.
    for _ in 0..2 {
        for (name, made_of) in [
            ("release", "server-installer"),
            ("atomic-disk", "atomic-host"),
        ] {
            let says = [
                &format!("{name} holds no packages of its own"),
                "hint: ask for what it is made of: ",
                made_of,
            ];
            why(name, &says);
        }
        why("server", &["the modules that its recipe lists have them"]);
        why("base-runtime", &["its recipe lists them"]);
        why("sampler-shell", &["holds no packages of its own"]);
        bench.realize(&["base-runtime", "web-server"]);
    }
}

#[test]
fn what_only_the_file_lists_of_a_repository_have_is_named_with_its_package() {
    let package = |nevra: &str| spec(nevra).file("/usr/share/tool", b"a tool\n");
    let bench = Bench::of(&[
        (
            "base.toml",
            "kind = \"module\"\nstream = \"1\"\nversion = 1\nsource = \"os\"\npackages = [\"app\"]\n",
        ),
        (
            "host.toml",
            "kind = \"ostree\"\nfrom = [\"base\"]\ninstall = [\"app\"]\nref = \"x\"\n",
        ),
    ]);
    let mirror = bench.path().join("rpms");
    for (nevra, package) in [
        (
            "app-1-1.noarch",
            spec("app-1-1.noarch").requires("/usr/share/tool"),
        ),
        ("tool-1-1.noarch", package("tool-1-1.noarch")),
        ("tool-2-1.noarch", package("tool-2-1.noarch")),
    ] {
        bench.write(
            &format!("rpms/{nevra}.rpm"),
            package.bytes(&Memory::default()),
        );
    }
    let made = Command::new("createrepo_c").arg("-q").arg(&mirror).status();
    assert!(made.unwrap().success());
    let source = format!("kind = \"source\"\nurl = \"file://{}\"\n", mirror.display());
    fs::write(bench.recipes().join("os.toml"), source).unwrap();
    assert_eq!(bench.run(&["update"]).code, 1);
    bench.run(&["plan", "host"]).fails(
        2,
        &["no module of the recipes provides /usr/share/tool; tool-2-1.noarch of source os does"],
    );
}

#[test]
fn bad_packages_of_a_source_are_all_named() {
    let bench = source_of(&["bash-5-1.noarch", "coreutils-9-1.noarch"]);
    let good = rpm("bash-5-1.noarch");
    let mut flipped = good.clone();
    *flipped.last_mut().unwrap() ^= 1;
    bench.write("rpms/cut.rpm", &good[..good.len() - 20]);
    let said = bench.run(&["realize", "base"]);
    said.fails(1, &["rpms/cut.rpm", "payload"]);
    bench.write("rpms/deeper/flipped", flipped);
    bench.write("rpms/page.rpm", "<!doctype html>\n");
    bench.write("rpms/README", "no package, nor does it say so\n");
    for command in [&["realize", "base"][..], &["update"], &["plan", "base"]] {
        let said = bench.run(command);
        said.fails(
            1,
            &[
                "source os holds 3 files that are not packages",
                "rpms/cut.rpm",
                "rpms/deeper/flipped",
                "the package is damaged",
                "rpms/page.rpm",
                "not an RPM package",
            ],
        );
    }
    assert!(!bench.recipes().join("store.lock").exists());
    for name in ["cut.rpm", "deeper/flipped", "page.rpm"] {
        let path = format!("rpms/{name}");
        bench
            .run(&["add", &path])
            .fails(1, &[&path, "can't be added"]);
        fs::remove_file(bench.path().join(path)).unwrap();
    }
    bench.realize(&["base"]);
}

#[test]
fn a_lock_says_what_is_taken_until_it_is_updated() {
    let bench = source_of(&["bash-5-1.noarch", "coreutils-9-1.noarch"]);
    let lock = bench.recipes().join("store.lock");
    let said = bench.run(&["update"]).works();
    assert_eq!(
        said.out,
        "os: bash.noarch added, 5-1\nos: coreutils.noarch added, 9-1\n"
    );
    let first = fs::read(&lock).unwrap();
    assert_eq!(bench.run(&["update"]).works().out, "");
    assert_eq!(fs::read(&lock).unwrap(), first);
    assert_eq!(bench.json(&["update"])["changed"], false);
    bench.realize(&["base"]);

    // A newer package is not looked at…
    bench.write("rpms/bash-5.1-1.noarch.rpm", rpm("bash-5.1-1.noarch"));
    let said = bench.run(&["realize", "base"]).works();
    assert!(said.err.starts_with("nothing to do"), "{}", said.err);
    // …until it is asked for.
    let said = bench.run(&["update", "os"]).works();
    assert_eq!(said.out, "os: bash.noarch added, 5.1-1\n");
    bench.realize(&["base"]);
    let said = bench.print(&["diff", "base@1", "base"]);
    assert!(
        said.contains("upgraded  bash.noarch  5-1 → 5.1-1"),
        "{said}"
    );
    fs::remove_file(bench.path().join("rpms/bash-5-1.noarch.rpm")).unwrap();
    bench.write("rpms/coreutils-8-1.noarch.rpm", rpm("coreutils-8-1.noarch"));
    fs::remove_file(bench.path().join("rpms/coreutils-9-1.noarch.rpm")).unwrap();
    assert_eq!(
        bench.json(&["update"])["moved"],
        serde_json::json!([
            {"source": "os", "name": "bash", "arch": "noarch", "change": "removed", "from": "5-1"},
            {"source": "os", "name": "coreutils", "arch": "noarch", "change": "downgraded", "from": "9-1", "to": "8-1"},
        ])
    );
    // The same directory, read by another store, elsewhere, at another time: the same lock.
    let again = fs::read(&lock).unwrap();
    fs::remove_file(&lock).unwrap();
    bench.run(&["update", "--store", "other"]).works();
    assert_eq!(fs::read(&lock).unwrap(), again);
}

#[test]
fn a_source_that_is_not_what_the_lock_says_is_told_with_what_to_do() {
    let bench = source_of(&["bash-5-1.noarch", "coreutils-9-1.noarch"]);
    bench.run(&["update"]).works();
    let bash = bench.path().join("rpms/bash-5-1.noarch.rpm");
    let kept = fs::read(&bash).unwrap();

    // To a store that saw the package, and to one that did not.
    for store in ["store", "other"] {
        fs::remove_file(&bash).unwrap();
        let said = bench.run(&["realize", "base", "--store", store]);
        said.fails(1, &["bash-5-1.noarch", "`store update"]);
        bench.write("rpms/bash-5-1.noarch.rpm", rpm("bash-6-1.noarch"));
        let said = bench.run(&["realize", "base", "--store", store]);
        said.fails(1, &["bash-5-1.noarch", "`store update"]);
        fs::write(&bash, &kept).unwrap();
    }
    bench.realize(&["base"]);
    // What the store holds it needs no source for.
    fs::remove_dir_all(bench.path().join("rpms")).unwrap();
    let said = bench.run(&["realize", "base"]).works();
    assert!(said.err.starts_with("nothing to do"), "{}", said.err);
    bench.run(&["update"]).fails(3, &["source os", "rpms"]);
    fs::write(
        bench.recipes().join("store.lock"),
        "version = 1\n[source.os\n",
    )
    .unwrap();
    bench.run(&["realize", "base"]).fails(2, &["store.lock"]);
}

#[test]
fn a_source_directory_that_is_not_there_is_not_found() {
    let bench = Bench::of(&[
        ("gone.toml", "kind = \"source\"\npath = \"nowhere\"\n"),
        (
            "drawn.toml",
            "kind = \"module\"\nstream = \"1\"\nversion = 1\nsource = \"gone\"\npackages = [\"x\"]\n",
        ),
    ]);
    bench
        .run(&["realize", "drawn"])
        .fails(3, &["gone", "nowhere"]);
}

#[test]
fn a_source_gives_the_architectures_that_are_asked_for() {
    let module =
        "kind = \"module\"\nstream = \"1\"\nversion = 1\nsource = \"os\"\npackages = [\"tool\"]\n";
    let source = |more: &str| format!("kind = \"source\"\npath = \"../rpms\"\n{more}");
    let bench = Bench::of(&[("os.toml", &source("")), ("drawn.toml", module)]);
    let tool = spec("tool-1-1.x86_64").bytes(&Memory::default());
    bench.write("rpms/tool.rpm", tool);
    bench.run(&["plan", "drawn"]).works();
    bench.write("recipes/os.toml", source("arches = [\"aarch64\"]\n"));
    bench
        .run(&["plan", "drawn"])
        .fails(2, &["tool", "source os"]);
}
