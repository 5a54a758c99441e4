//! Ordinary users: with a mask, a home or none, beside each other, and before what others left lying about.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::process::{Command, Output};

use crate::support::site::{REALIZE, Said, Site, entries};

const SERVER: [&str; 3] = ["--json", "realize", "server"];

/// Runs a shell script in the site, as the user of a number where root may become one, with `$STORE` the program.
fn shell(site: &Site, user: u32, script: &str) -> Output {
    let mut command = match rustix::process::geteuid().is_root() && user != 0 {
        true => {
            let mut command = Command::new("setpriv");
            let (user, group) = (format!("--reuid={user}"), format!("--regid={user}"));
            command.args([&user, &group, "--clear-groups", "sh", "-euc", script]);
            command
        }
        false => {
            let mut command = Command::new("sh");
            command.args(["-euc", script]);
            command
        }
    };
    command
        .current_dir(site.path(""))
        .env("STORE", site.path("program"))
        .env_remove("STORE_DIR")
        .output()
        .unwrap()
}

/// A site that a user owns, with a program that all may run.
fn owned(user: u32) -> Site {
    let site = Site::new();
    fs::copy(env!("CARGO_BIN_EXE_store"), site.path("program")).unwrap();
    fs::set_permissions(site.path(""), fs::Permissions::from_mode(0o755)).unwrap();
    if rustix::process::geteuid().is_root() {
        for item in walkdir::WalkDir::new(site.path("")) {
            chown(item.unwrap().path(), Some(user), Some(user)).unwrap();
        }
    }
    site
}

fn realized(site: &Site, user: u32, script: &str) -> BTreeMap<String, String> {
    entries(&Said::of(&["script"], shell(site, user, script)).with(0).out)
}

#[test]
fn two_users_with_a_store_each_get_the_same_whatever_their_masks() {
    let (one, other) = (owned(65533), owned(65532));
    let all = REALIZE.join(" ");
    let first = realized(&one, 65533, &format!("umask 022; $STORE --store s {all}"));
    let second = realized(&other, 65532, &format!("umask 077; $STORE --store s {all}"));
    assert_eq!(first, second);
    let again = format!(
        "umask 077; $STORE --store s verify --full >&2; $STORE --store s gc >&2; $STORE --store s {all}"
    );
    assert_eq!(realized(&other, 65532, &again), first);
    if !rustix::process::geteuid().is_root() {
        return;
    }
    // A store that is nobody else's business is said to be so, and is neither damaged nor empty.
    let theirs = other.path("s");
    for command in ["roots", "verify --full", "files server", "realize server"] {
        let script = format!("$STORE --store {} {command}", theirs.display());
        let said = Said::of(&["script"], shell(&one, 65533, &script)).with(1);
        assert!(said.err.contains("no permission"), "{command}: {said:?}");
    }
    // And one that all may read is read, and not written.
    let theirs = one.path("s");
    for command in [
        "roots",
        "verify",
        "files server",
        "show server",
        "closure server",
        "generations server",
        "diff server server",
        "plan server",
    ] {
        let script = format!("$STORE --store {} {command}", theirs.display());
        Said::of(&[command], shell(&other, 65532, &script)).with(0);
    }
    // What is there is there for them too; what is not, they can't make.
    let realize = |name: &str| {
        let script = format!("$STORE --store {} realize {name}", theirs.display());
        Said::of(&["realize"], shell(&other, 65532, &script))
    };
    let said = realize("server").with(0);
    assert!(said.out.ends_with("-server\n"), "{said:?}");
    let said = realize("cloud").with(1);
    assert!(said.err.contains("is read-only here"), "{said:?}");
}

#[test]
fn the_store_is_where_the_environment_says_and_nowhere_relative() {
    let user = 65533;
    let site = owned(user);
    let run = |environment: &str, command: &str| {
        let script = format!("env -u HOME -u XDG_DATA_HOME {environment} $STORE {command}");
        Said::of(&["script"], shell(&site, user, &script))
    };
    let home = site.path("home").display().to_string();
    let said = run("", "realize server").with(2);
    assert!(
        said.err.contains("HOME is not set") && said.err.contains("--store"),
        "{said:?}"
    );
    run("HOME=", "roots").with(2);
    run(
        &format!("HOME={home} XDG_DATA_HOME=relative"),
        "realize server",
    )
    .with(0);
    assert!(site.path("home/.local/share/store/store.json").exists());
    assert!(!site.path("relative").exists());
    run(
        &format!("HOME={home} XDG_DATA_HOME={home}/data"),
        "realize server",
    )
    .with(0);
    assert!(site.path("home/data/store/store.json").exists());
    run(&format!("STORE_DIR={home}/own"), "realize server").with(0);
    assert!(site.path("home/own/store.json").exists());
}

#[test]
fn a_link_planted_among_the_objects_is_not_followed() {
    let site = Site::new();
    site.realize();
    let outside = site.path("outside");
    fs::create_dir(&outside).unwrap();
    let objects = site.store().join("objects");
    for item in fs::read_dir(&objects).unwrap() {
        let shard = item.unwrap().path();
        fs::remove_dir_all(&shard).unwrap();
        symlink(&outside, &shard).unwrap();
    }
    site.run(&["verify"]).with(4);
    let said = site.run(&SERVER);
    assert!(matches!(said.code, Some(1 | 4)), "{said:?}");
    assert_eq!(fs::read_dir(&outside).unwrap().count(), 0, "{said:?}");
    for item in fs::read_dir(&objects).unwrap() {
        fs::remove_file(item.unwrap().path()).unwrap();
    }
    site.well(&SERVER);
}
