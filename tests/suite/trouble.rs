//! Ordinary trouble: no space, no permission, a store of a later day.
//! A clear error, nothing lost, and all is well once the trouble is over.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use crate::support::site::{REALIZE, Said, Site};

/// Runs a shell script where it may mount; `None` where nobody may.
fn mounting(site: &Site, script: &str) -> Option<Said> {
    let mut may = Command::new("unshare");
    let may = may.args(["-rm", "mount", "-t", "tmpfs", "none", "/mnt"]);
    if !may.output().is_ok_and(|output| output.status.success()) {
        eprintln!("left out: mounts can't be made here");
        return None;
    }
    let output = Command::new("unshare")
        .args(["-rm", "sh", "-euc", script])
        .current_dir(site.path(""))
        .env("STORE", env!("CARGO_BIN_EXE_store"))
        .output()
        .unwrap();
    Some(Said::of(&["script"], output))
}

#[test]
fn a_full_disk_is_said_and_nothing_is_lost() {
    for blocks in [
        "size=400k",
        "size=900k",
        "size=1500k",
        "size=2m",
        "nr_inodes=300",
    ] {
        let site = Site::new();
        let script = format!(
            r#"
            mkdir s; mount -t tmpfs -o {blocks} none s
            code=0; $STORE --store s realize atomic-host server || code=$?
            echo "full: $code"
            code=0; $STORE --store s verify --full >&2 || code=$?
            echo "verify: $code"
            code=0; $STORE --store s gc >&2 || code=$?
            echo "gc: $code"
            mkdir t; mount -t tmpfs -o size=64m none t; cp -a s/. t
            $STORE --store t realize atomic-host server >&2
            $STORE --store t verify --full >&2
            "#
        );
        let Some(said) = mounting(&site, &script) else {
            return;
        };
        assert_eq!(said.code, Some(0), "{blocks}: {said:#?}");
        // What was done before the disk was full may have been printed.
        let told = |line: &&str| !line.starts_with("s/entries/");
        let out: Vec<&str> = said.out.lines().filter(told).collect();
        assert_eq!(
            out,
            ["full: 1", "verify: 0", "gc: 0"],
            "{blocks}: {}",
            said.err
        );
        assert!(said.err.contains("disk is full"), "{blocks}: {}", said.err);
        assert!(!said.err.contains("panicked"), "{blocks}: {}", said.err);
    }
}

#[test]
fn a_disk_that_others_filled_to_the_last_byte_is_no_reason_not_to_answer_or_collect() {
    let site = Site::new();
    let script = r#"
        mkdir s; mount -t tmpfs -o size=30m none s
        $STORE --store s realize server >&2
        dd if=/dev/zero of=s/other bs=64k 2>/dev/null || dd if=/dev/zero bs=1 of=s/last 2>/dev/null || true
        $STORE --store s roots
        code=0; $STORE --store s realize atomic-host >&2 || code=$?
        echo "realize: $code"
        $STORE --store s gc >&2
        $STORE --store s verify --full >&2
        rm s/other
        $STORE --store s gc >&2
        stat -c %s s/reserve
        $STORE --store s realize atomic-host >&2
        "#;
    let Some(said) = mounting(&site, script) else {
        return;
    };
    assert_eq!(said.code, Some(0), "{said:#?}");
    assert!(said.out.contains("server"), "{said:#?}");
    assert!(said.out.contains("realize: 1\n2097152\n"), "{said:#?}");
    assert!(said.err.contains("disk is full"), "{said:#?}");
}

#[test]
fn a_disk_without_inodes_is_called_that_and_is_no_reason_not_to_answer_or_collect() {
    let site = Site::new();
    let script = r#"
        mkdir s; mount -t tmpfs -o size=64m,nr_inodes=4000 none s
        $STORE --store s realize server >&2
        sed -i 's/"2.4"/"2.5"/' recipes/packages/sampler-httpd.toml
        $STORE --store s realize server >&2
        mkdir s/other; i=0
        while true 2>/dev/null >s/other/$i; do i=$((i + 1)); done 2>/dev/null
        $STORE --store s roots
        code=0; $STORE --store s realize atomic-host >&2 || code=$?
        echo "realize: $code"
        $STORE --store s gc --keep-last 1
        $STORE --store s verify --full >&2
        rm -r s/other
        $STORE --store s gc >&2
        echo "spare: $(ls s/spare | wc -l)"
        $STORE --store s realize atomic-host >&2
        "#;
    let Some(said) = mounting(&site, script) else {
        return;
    };
    assert_eq!(said.code, Some(0), "{said:#?}");
    assert!(said.out.contains("server"), "{said:#?}");
    assert!(said.out.contains("realize: 1\nfreed "), "{said:#?}");
    assert!(said.out.contains("spare: 12\n"), "{said:#?}");
    assert!(said.err.contains("no inodes are left"), "{said:#?}");
}

#[test]
fn a_file_that_may_not_grow_is_said_and_nothing_is_lost() {
    let site = Site::new();
    let output = Command::new("bash")
        .args(["-c", "ulimit -f 16; exec \"$@\"", "bash"])
        .arg(env!("CARGO_BIN_EXE_store"))
        .args(["--store", "store"])
        .args(REALIZE)
        .current_dir(site.path(""))
        .output()
        .unwrap();
    let said = Said::of(&REALIZE, output).with(1);
    assert!(!said.err.contains("panicked"), "{said:?}");
    assert!(said.err.contains("ulimit -f"), "{said:?}");
    site.run(&["verify", "--full"]).with(0);
    site.realize();
    site.sound("after the limit");
}

#[test]
fn a_store_that_can_only_be_read_answers_and_says_why_it_takes_nothing() {
    let site = Site::used();
    let script = r#"
        mount --bind store store; mount -o remount,ro,bind store
        $STORE --store store roots
        $STORE --store store files server
        $STORE --store store diff server@1 server@2
        $STORE --store store verify --full
        $STORE --store store realize server atomic-host
        refused() { code=0; $STORE --store store "$@" || code=$?; test $code = 1; }
        refused gc
        refused realize server --label RC1
        refused realize cloud
        refused realize server --check
        sed -i 's/^summary = .*/summary = "Changed"/' recipes/editions/server.toml
        sed -i 's/^summary = .*/summary = "Changed"/' recipes/modules/base-runtime.toml
        refused realize server
        "#;
    if let Some(said) = mounting(&site, script) {
        let said = said.with(0);
        assert!(said.err.contains("read-only"), "{said:?}");
        for entry in ["server", "atomic-host"] {
            let path = format!("-{entry}\n");
            assert!(said.out.contains(&path), "{said:?}");
        }
        let refused = [
            "is to become a new generation",
            "is to be done",
            "what is composed again is written beside what is there",
        ];
        for why in refused {
            assert!(said.err.contains(why), "{said:?}");
        }
    }
    site.sound("read-only");
    site.realize();
}

#[test]
fn a_place_where_nothing_can_be_made_is_said() {
    let site = Site::new();
    fs::write(site.path("file"), "").unwrap();
    let store = site.path("file/store");
    let output = Command::new(env!("CARGO_BIN_EXE_store"))
        .args(["--store", store.to_str().unwrap(), "realize", "server"])
        .current_dir(site.path(""))
        .output()
        .unwrap();
    let said = Said::of(&["realize"], output);
    assert_eq!(said.code, Some(2), "{said:?}");
    assert!(said.err.contains("file/store"), "{said:?}");

    if rustix::process::geteuid().is_root() {
        return;
    }
    let closed = site.path("closed");
    fs::create_dir(&closed).unwrap();
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o555)).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_store"))
        .args(["--store", "closed/store", "realize", "server"])
        .current_dir(site.path(""))
        .output()
        .unwrap();
    let said = Said::of(&["realize"], output).with(1);
    assert!(said.err.contains("no permission"), "{said:?}");
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn an_unreadable_root_stops_the_collector_and_costs_nothing() {
    let site = Site::used();
    let root = site.store().join("roots/sampler-1-x86_64/server/1");
    let good = fs::read(&root).unwrap();
    let count = || {
        walkdir::WalkDir::new(site.store().join("objects"))
            .into_iter()
            .count()
    };
    let before = count();
    for bad in [&b""[..], b"{}", &good[..good.len() / 2], b"\xff\xfe"] {
        fs::set_permissions(&root, fs::Permissions::from_mode(0o644)).unwrap();
        fs::write(&root, bad).unwrap();
        let said = site.run(&["gc", "--keep-last", "1"]).with(4);
        assert!(said.err.contains("nothing is deleted"), "{said:?}");
        assert_eq!(count(), before);
    }
    fs::remove_file(&root).unwrap();
    fs::create_dir(&root).unwrap();
    assert_ne!(site.run(&["gc", "--keep-last", "1"]).code, Some(0));
    assert_eq!(count(), before);
    fs::remove_dir(&root).unwrap();
    fs::write(&root, good).unwrap();
    site.well(&["gc", "--keep-last", "1"]);
    assert!(count() < before);
    site.sound("root mended");
}

#[test]
fn a_store_of_a_later_day_is_refused_with_both_numbers() {
    let site = Site::new();
    site.realize();
    let config = site.store().join("store.json");
    let good = fs::read_to_string(&config).unwrap();
    fs::write(&config, good.replace("\"format\": 1", "\"format\": 7")).unwrap();
    for command in [
        &["roots"][..],
        &["gc"],
        &["realize", "server"],
        &["verify", "--rebuild-index"],
    ] {
        let said = site.run(command).with(1);
        assert!(
            said.err.contains("format 7") && said.err.contains("than 1"),
            "{said:?}"
        );
    }
    fs::write(&config, good).unwrap();
    let index = site.store().join("db.sqlite");
    let known = schema(&index, 99);
    for command in [&["roots"][..], &["gc"], &["realize", "server"]] {
        let said = site.run(command).with(1);
        assert!(
            said.err.contains("schema 99") && said.err.contains(&format!("than {known}")),
            "{said:?}"
        );
    }
    schema(&index, known);
    site.realize();
    site.sound("the right day");
}

/// Sets the schema that an index says it has; returns the one that it had.
fn schema(index: &Path, version: u32) -> u32 {
    let connection = rusqlite::Connection::open(index).unwrap();
    let had = connection
        .pragma_query_value(None, "user_version", |row| row.get(0))
        .unwrap();
    connection
        .pragma_update(None, "user_version", version)
        .unwrap();
    had
}

#[test]
fn a_disk_without_inodes_for_compressed_forms_is_no_reason_to_fail_a_collection() {
    let site = Site::new();
    let script = r#"
        mkdir s; mount -t tmpfs -o size=64m,nr_inodes=4000 none s
        for i in $(seq 20); do
            printf '\n[[files]]\npath = "/usr/share/large%s"\ncontent = """\n' $i
            seq ${i}0000 ${i}4000
            echo '"""'
        done >>recipes/packages/sampler-containers.toml
        $STORE --store s realize atomic-host >&2
        mkdir s/other; i=0
        while true 2>/dev/null >s/other/$i; do i=$((i + 1)); done 2>/dev/null
        $STORE --store s gc
        $STORE --store s verify --full >&2
        rm -r s/other
        $STORE --store s gc
        $STORE --store s verify --full >&2
        "#;
    let Some(said) = mounting(&site, script) else {
        return;
    };
    assert_eq!(said.code, Some(0), "{said:#?}");
    let collections: Vec<&str> = said.out.lines().collect();
    assert!(!collections[0].contains("plain form"), "{said:#?}");
    assert!(
        collections[1].contains("the plain form of 21 files"),
        "{said:#?}"
    );
}
