//! Installed roots: a system in small, judged by rpm and systemd-sysusers.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use store::compose::{Composed, composer};
use store::ids::{EntryId, TreePath};
use store::plan::facts::RootFacts;
use store::plan::{Derivation, Input, parameters};
use store::tree::Content;

use crate::support::materialize::{is_root, listing, materialize};
use crate::support::root::{
    EPOCH, at, installed, leaf, output, owns, parameters, root, run, text, unpack, without_database,
};
use crate::support::rpm::{spec, try_compose};
use crate::support::rpmbuild::{BUILT, Recipe};
use crate::support::told;
use crate::support::workspace::Memory;

/// A system in small: accounts, merged `/usr`, links, capabilities, ghosts, modes.
const SYSTEM: [Recipe<'static>; 4] = [
    Recipe {
        name: "setup",
        install: "mkdir -p etc usr/lib/sysusers.d\n\
                  printf 'root:x:0:0:root:/root:/bin/sh\\nbin:x:1:1:bin:/bin:/sbin/nologin\\n' > etc/passwd\n\
                  printf 'root:x:0:\\nbin:x:1:\\nmail:x:12:\\n' > etc/group\n\
                  touch etc/shadow etc/gshadow",
        files: "%config(noreplace) /etc/passwd\n%config(noreplace) /etc/group\n\
                %attr(0000,root,root) %config(noreplace) /etc/shadow\n%attr(0000,root,root) %config(noreplace) /etc/gshadow\n\
                %dir /usr/lib/sysusers.d",
        more: "",
    },
    Recipe {
        name: "filesystem",
        install: "mkdir -p usr/bin usr/lib var/spool/mail\nln -s usr/bin bin\nln -s usr/lib lib",
        files: "%attr(0555,root,root) /usr/bin\n/bin\n/lib\n%dir %attr(0775,root,mail) /var/spool/mail",
        more: "",
    },
    Recipe {
        name: "tools",
        install: "mkdir -p bin usr/bin usr/lib/tools\necho sh > bin/sh\necho one > usr/lib/tools/a\n\
                  ln usr/lib/tools/a usr/lib/tools/b\necho ping > usr/bin/ping",
        files: "%attr(0755,root,root) /bin/sh\n%attr(4755,bin,mail) %caps(cap_net_raw=ep) /usr/bin/ping\n\
                %dir /usr/lib/tools\n/usr/lib/tools/a\n/usr/lib/tools/b\n\
                %ghost /var/log/tools.log\n%ghost %dir /var/cache/tools",
        more: "%post\necho done\n",
    },
    Recipe {
        name: "docs",
        install: "mkdir -p usr/lib/tools usr/share/doc/docs\necho doc > usr/share/doc/docs/README",
        files: "%dir /usr/lib/tools\n/usr/share/doc/docs/README",
        more: "",
    },
];

/// The system's packages, built once.
fn system() -> &'static [PathBuf] {
    static BUILT: OnceLock<(tempfile::TempDir, Vec<PathBuf>)> = OnceLock::new();
    let (_, files) = BUILT.get_or_init(|| {
        let directory = tempfile::tempdir().unwrap();
        let files = SYSTEM.iter().map(|recipe| recipe.build(directory.path()));
        let files = files.collect();
        (directory, files)
    });
    files
}

fn installed_system(memory: &Memory) -> Composed {
    let entries: Vec<EntryId> = system().iter().map(|file| unpack(memory, file)).collect();
    root(memory, "x86_64", &entries).unwrap()
}

#[test]
fn a_root_is_what_rpm_would_have_installed() {
    let directory = tempfile::tempdir().unwrap();
    let memory = Memory::default();
    let composed = installed_system(&memory);
    as_rpm_installs(directory.path(), &memory, &composed, system());
}

/// What is installed one by one, so that owners are known when their files come.
fn as_rpm_installs(directory: &Path, memory: &Memory, composed: &Composed, files: &[PathBuf]) {
    if !is_root() {
        told::left_out("only root can install with rpm --root");
        return;
    }
    let ours = directory.join("ours");
    materialize(memory, output(composed), &ours);
    let theirs = directory.join("theirs");
    std::fs::create_dir(&theirs).unwrap();
    for file in files {
        let arguments = "-i --nodeps --noscripts --notriggers --dbpath /db --root";
        let mut arguments: Vec<&str> = arguments.split(' ').collect();
        arguments.extend([theirs.to_str().unwrap(), file.to_str().unwrap()]);
        let (success, text) = run("rpm", &arguments);
        assert!(success, "{text}");
    }
    assert_eq!(
        without_database(listing(&ours)),
        without_database(listing(&theirs))
    );
}

#[test]
fn a_file_of_several_names_has_owner_mode_and_capabilities_of_the_last_as_in_rpm() {
    let directory = tempfile::tempdir().unwrap();
    let memory = Memory::default();
    let names = owns(
        "names",
        "mkdir -p usr/bin\nfor n in caps mode owner; do echo $n > usr/bin/$n-a\n\
         ln usr/bin/$n-a usr/bin/$n-b; ln usr/bin/$n-a usr/bin/$n-c; done",
        "%attr(0755,root,root) /usr/bin/caps-a\n%attr(0755,root,root) /usr/bin/caps-b\n\
         %attr(0755,root,root) %caps(cap_net_raw=ep) /usr/bin/caps-c\n\
         %attr(4755,root,root) /usr/bin/mode-a\n%attr(0700,root,root) /usr/bin/mode-b\n%attr(2711,root,root) /usr/bin/mode-c\n\
         %attr(0755,bin,bin) /usr/bin/owner-a\n%attr(4755,lost,root) /usr/bin/owner-b\n%attr(4755,bin,mail) /usr/bin/owner-c",
    );
    let (composed, files) = installed(&memory, directory.path(), &[SYSTEM[0], SYSTEM[1], names]);
    let composed = composed.unwrap();
    assert_eq!(output(&composed).links.len(), 3);
    let meta = |path: &str| leaf(&memory, &composed, path).meta;
    for name in ["caps", "mode", "owner"] {
        let last = meta(&format!("usr/bin/{name}-c"));
        assert_eq!(meta(&format!("usr/bin/{name}-a")), last);
        assert_eq!(meta(&format!("usr/bin/{name}-b")), last);
    }
    as_rpm_installs(directory.path(), &memory, &composed, &files);
}

#[test]
fn rpm_finds_every_file_of_the_root_as_its_package_says() {
    let directory = tempfile::tempdir().unwrap();
    let memory = Memory::default();
    let composed = installed_system(&memory);
    let base = directory.path().join("root");
    materialize(&memory, output(&composed), &base);
    let database = base.join("usr/lib/sysimage/rpm");
    let query = |arguments: &str| {
        let mut all = vec!["--dbpath", database.to_str().unwrap()];
        all.extend(arguments.split(' '));
        run("rpm", &all)
    };
    let (success, text) = query("-qa");
    let mut names: Vec<&str> = text.lines().collect();
    names.sort_unstable();
    assert!(success);
    assert_eq!(
        names,
        [
            "docs-1-1.noarch",
            "filesystem-1-1.noarch",
            "setup-1-1.noarch",
            "tools-1-1.noarch"
        ]
    );
    assert_eq!(
        query("-q --qf %{INSTALLTIME} tools"),
        (true, EPOCH.to_string())
    );
    assert_eq!(
        query("-q --whatprovides tools"),
        (true, "tools-1-1.noarch\n".to_owned())
    );
    assert!(query("-qf /var/cache/tools").1.contains("tools-1-1"));
    if is_root() {
        let base = base.to_str().unwrap();
        let verified = run(
            "rpm",
            &[
                "--root",
                base,
                "--dbpath",
                "/usr/lib/sysimage/rpm",
                "-Va",
                "--nodeps",
            ],
        );
        assert_eq!(verified.1, "");
        let old = run(
            "rpm",
            &["--root", base, "--dbpath", "/var/lib/rpm", "-q", "tools"],
        );
        assert_eq!(old, (true, "tools-1-1.noarch\n".to_owned()));
    } else {
        told::left_out("only root can verify with rpm --root");
    }
}

#[test]
fn files_go_through_the_links_of_other_packages() {
    let memory = Memory::default();
    let composed = installed_system(&memory);
    assert_eq!(text(&memory, &composed, "usr/bin/sh"), "sh\n");
    let Content::Symlink { target } = leaf(&memory, &composed, "bin").content else {
        panic!("/bin is no link");
    };
    assert_eq!(target, b"usr/bin");
}

#[test]
fn a_link_to_a_place_deeper_than_any_path_is_an_error() {
    let memory = Memory::default();
    // Each link is as long as one may be, and the next lies where it leads.
    let target = "a/".repeat(2046) + "a";
    let link = |number: usize| {
        let path = format!("/l{}", "/k".repeat(number));
        spec(&format!("link{number}-1-1.noarch")).symlink(&path, &target)
    };
    let file = spec("tool-1-1.noarch").file("/l/k/x", b"x");
    let drafts = [link(0), link(1), file];
    let entries = drafts.map(|draft| draft.build(&memory).unpacked(&memory));
    let error = root(&memory, "x86_64", &entries).unwrap_err().to_string();
    assert!(error.contains("256 directories deep"), "{error}");
}

#[test]
fn links_ghosts_times_capabilities_and_skipped_scripts_are_as_they_should_be() {
    let memory = Memory::default();
    let composed = installed_system(&memory);
    let path = |text: &str| TreePath::parse(text).unwrap();
    let group = vec![path("usr/lib/tools/a"), path("usr/lib/tools/b")];
    assert_eq!(output(&composed).links, [group].into());
    assert_eq!(at(&memory, &composed, "var/log/tools.log"), None);
    assert_eq!(at(&memory, &composed, "var/cache/tools"), None);
    let ping = leaf(&memory, &composed, "usr/bin/ping").meta;
    assert_eq!((ping.mode, ping.uid, ping.gid), (0o4755, 1, 12));
    assert_eq!(ping.mtime, Some(BUILT));
    assert!(ping.xattrs.contains_key(&b"security.capability"[..]));
    let notes = memory.notes();
    assert!(
        notes.contains(&"skipped %post (/bin/sh) of tools-1-1.noarch".to_owned()),
        "{notes:?}"
    );
}

#[test]
fn no_file_is_later_than_the_epoch() {
    let memory = Memory::default();
    let file = &system()[2];
    let early = parameters::Root {
        arch: "x86_64".to_owned(),
        epoch: BUILT - 5,
    };
    let composed = try_compose(
        &memory,
        "root",
        &early,
        [("package", unpack(&memory, file))],
    )
    .unwrap();
    let ping = leaf(&memory, &composed, "usr/bin/ping").meta;
    assert_eq!(ping.mtime, Some(BUILT - 5));
}

#[test]
fn the_order_of_packages_does_not_matter() {
    let memory = Memory::default();
    let entries: Vec<EntryId> = system().iter().map(|file| unpack(&memory, file)).collect();
    let composer = composer("root").unwrap();
    let input = |&entry: &EntryId| Input {
        role: "package".to_owned(),
        entry,
    };
    let mut derivation = Derivation::new(
        "root",
        composer.version(),
        &parameters("x86_64"),
        entries.iter().map(input),
    )
    .unwrap();
    let first = composer.compose(&derivation, &memory).unwrap();
    for _ in 0..derivation.inputs.len() {
        derivation.inputs.rotate_left(1);
        assert_eq!(composer.compose(&derivation, &memory).unwrap(), first);
    }
    let facts: RootFacts = first.facts.unwrap().to().unwrap();
    let names: Vec<&str> = facts
        .packages
        .iter()
        .map(|p| p.nevra.name.as_str())
        .collect();
    assert_eq!(names, ["docs", "filesystem", "setup", "tools"]);
}

#[test]
fn accounts_of_sysusers_are_made_and_unknown_owners_become_root() {
    let directory = tempfile::tempdir().unwrap();
    let memory = Memory::default();
    let web = owns(
        "web",
        "mkdir -p usr/lib/sysusers.d srv\n\
         printf 'u web 48 \"Web server\" /srv\\nu log -\\ng media -\\nm web media\\nm web mail\\nu mail 88:999\\nu bin-2 89:999\\n' > usr/lib/sysusers.d/web.conf\n\
         echo > srv/index; echo > srv/log; echo > srv/lost",
        "/usr/lib/sysusers.d/web.conf\n%attr(-,web,media) /srv/index\n%attr(-,log,log) /srv/log\n%attr(-,nobody-knows,root) /srv/lost",
    );
    let (composed, _) = installed(&memory, directory.path(), &[SYSTEM[0], SYSTEM[1], web]);
    let composed = composed.unwrap();
    let owner = |path: &str| {
        let meta = leaf(&memory, &composed, path).meta;
        (meta.uid, meta.gid)
    };
    assert_eq!(owner("srv/index"), (48, 999));
    assert_eq!(owner("srv/log"), (998, 998));
    assert_eq!(owner("srv/lost"), (0, 0));
    let unknown = "user nobody-knows of web-1-1.noarch is not defined: root is used";
    assert!(
        memory.notes().contains(&unknown.to_owned()),
        "{:?}",
        memory.notes()
    );

    // The judge starts from the same files.
    let base = directory.path().join("judge");
    let conf = base.join("usr/lib/sysusers.d");
    std::fs::create_dir_all(&conf).unwrap();
    std::fs::create_dir(base.join("etc")).unwrap();
    let conf_text = text(&memory, &composed, "usr/lib/sysusers.d/web.conf");
    std::fs::write(conf.join("web.conf"), conf_text).unwrap();
    let passwd = "root:x:0:0:root:/root:/bin/sh\nbin:x:1:1:bin:/bin:/sbin/nologin\n";
    std::fs::write(base.join("etc/passwd"), passwd).unwrap();
    std::fs::write(base.join("etc/group"), "root:x:0:\nbin:x:1:\nmail:x:12:\n").unwrap();
    let judged = Command::new("systemd-sysusers")
        .arg("--root")
        .arg(&base)
        .env("SOURCE_DATE_EPOCH", EPOCH.to_string())
        .output()
        .expect("systemd-sysusers is installed");
    assert!(
        judged.status.success(),
        "{}",
        String::from_utf8_lossy(&judged.stderr)
    );
    for file in ["etc/passwd", "etc/group", "etc/shadow", "etc/gshadow"] {
        use std::os::unix::fs::PermissionsExt;
        let path = base.join(file);
        let mode = std::fs::metadata(&path).unwrap().permissions().mode() & 0o7777;
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();
        let theirs = std::fs::read_to_string(&path).unwrap();
        assert_eq!(text(&memory, &composed, file), theirs, "{file}");
        assert_eq!(leaf(&memory, &composed, file).meta.mode, mode, "{file}");
    }
}

#[test]
fn a_root_of_nothing_has_a_database() {
    let memory = Memory::default();
    let composed = root(&memory, "x86_64", &[]).unwrap();
    assert!(at(&memory, &composed, "usr/lib/sysimage/rpm/rpmdb.sqlite").is_some());
    assert!(at(&memory, &composed, "etc").is_none());
}

/// A change here means other bytes from the same packages: raise the composer's version with it.
#[test]
fn the_bytes_of_a_root_never_move() {
    let memory = Memory::default();
    let base = spec("base-1-1.noarch")
        .file("/etc/passwd", b"root:x:0:0::/root:/bin/sh\n")
        .file("/usr/lib/sysusers.d/base.conf", b"u daemon - Daemon\n")
        .directory("/usr/bin")
        .symlink("/bin", "usr/bin");
    let tool = spec("tool-2-1.noarch").file("/bin/tool", b"#!/bin/sh\n");
    let entries = [base, tool].map(|draft| draft.build(&memory).unpacked(&memory));
    let composed = root(&memory, "x86_64", &entries).unwrap();
    let paths = [
        "usr/bin/tool",
        "etc/shadow",
        "usr/lib/sysimage/rpm/rpmdb.sqlite",
    ];
    assert!(
        paths
            .iter()
            .all(|path| at(&memory, &composed, path).is_some())
    );
    assert_eq!(
        output(&composed).root.to_string(),
        "7avxxuwwhdwxcdcwchguyc6djah2vwdpphbsdiahom2sf423vrmq"
    );
}
