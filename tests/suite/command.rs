//! Contained commands: what they make, and what they can't do though they try.

use std::fs;
use std::io::Read;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;

use super::support::bench::{Bench, Said};
use super::support::productmd;

/// All recipes but that of the command: a root with a shell and its usual programs, and an input.
const RECIPES: [(&str, &str); 5] = [
    (
        "box.toml",
        "kind = \"package\"\nsummary = \"A shell, and what goes with it\"\nversion = \"1\"\nrelease = \"1\"\n\
         license = \"GPL-2.0-only\"\narch = \"x86_64\"\n\
         [[files]]\npath = \"/bin/busybox\"\nsource = \"files/box\"\nmode = \"0755\"\n\
         [[files]]\npath = \"/bin/sh\"\ntarget = \"busybox\"\n\
         [[files]]\npath = \"/etc/motd\"\ncontent = \"of the root\\n\"\n",
    ),
    (
        "base.toml",
        "kind = \"module\"\nstream = \"1\"\nversion = 1\nfrom = [\"box\"]\n",
    ),
    (
        "note.toml",
        "kind = \"package\"\nsummary = \"A note\"\nversion = \"1\"\nrelease = \"1\"\nlicense = \"MIT\"\n\
         [[files]]\npath = \"/note\"\ncontent = \"noted\\n\"\n",
    ),
    (
        "notes.toml",
        "kind = \"module\"\nstream = \"1\"\nversion = 1\nfrom = [\"note\"]\n",
    ),
    (
        "edition.toml",
        "kind = \"repository\"\nmodules = [\"notes\"]\n",
    ),
];

/// The programs of the shell, by their names.
const PROGRAMS: &str = "busybox --install -s /tmp; PATH=/tmp:$PATH; ";

/// A static shell, which `scripts/test` installs.
fn shell() -> PathBuf {
    let found = Command::new("sh")
        .args(["-c", "command -v busybox"])
        .output()
        .unwrap();
    let path = String::from_utf8(found.stdout).unwrap();
    PathBuf::from(path.trim())
}

pub fn bench() -> Bench {
    let bench = Bench::of(&RECIPES);
    let shell = fs::read(shell()).expect("busybox is installed, and static");
    bench.write("recipes/files/box", shell);
    bench
}

/// The recipe of a command that runs a script, with what else it says.
pub fn recipe(more: &str, script: &str) -> String {
    let script = script.replace('{', "{{").replace('}', "}}");
    let root = "from = [\"base\"]\ninstall = [\"box\"]\n";
    format!("kind = \"command\"\nsummary = \"x\"\n{root}run = '''{PROGRAMS}{script}'''\n{more}")
}

/// Runs a script as the command `out`.
pub fn run(bench: &Bench, more: &str, script: &str) -> Said {
    bench.write("recipes/out.toml", recipe(more, script));
    bench.run(&["realize", "out"])
}

/// Runs one that works; gives where its output is.
pub fn works(bench: &Bench, more: &str, script: &str) -> PathBuf {
    PathBuf::from(run(bench, more, script).works().out.trim())
}

/// Runs one that does not; gives what is said.
pub fn fails(bench: &Bench, more: &str, script: &str) -> String {
    let said = run(bench, more, script);
    assert_eq!(said.code, 1, "{said:?}");
    said.err
}

/// The suite runs as root and as an ordinary user; programs that keep owners, as dracut does, have to work for both.
#[test]
fn everything_is_roots_in_there_whoever_realizes_it() {
    let bench = bench();
    let script = "
        find / -xdev ! -path '/proc*' ! -path '/dev/*' | xargs stat -c %u:%g | sort -u > $OUT/owners
        find /inputs | xargs stat -c %u:%g | sort -u >> $OUT/owners
        cp -a /etc /tmp/etc; echo more > /tmp/etc/more; cp -p /etc/motd $OUT/motd";
    let out = works(&bench, "inputs = [\"notes\"]\n", script);
    let owners = fs::read_to_string(out.join("owners")).unwrap();
    assert_eq!(owners, "0:0\n0:0\n");
}

#[test]
fn what_a_command_writes_becomes_a_tree() {
    let bench = bench();
    let script = "
        mkdir -p $OUT/a/empty; cat /inputs/notes/Packages/*.rpm | wc -c > $OUT/a/size
        cat /etc/motd > $OUT/motd; chmod 4711 $OUT/motd; ln $OUT/motd $OUT/a/same
        ln -s /etc/passwd $OUT/link; mkdir $OUT/closed; echo x > $OUT/closed/file; chmod 0 $OUT/closed/file $OUT/closed
        echo $SOURCE_DATE_EPOCH $(id -u) $(hostname) $(pwd) > $OUT/who";
    let out = works(&bench, "inputs = [\"notes\"]\n", script);
    let text = |name: &str| fs::read_to_string(out.join(name)).unwrap();
    assert_eq!(text("motd"), "of the root\n");
    assert_eq!(text("who"), "1793491200 0 store /tmp\n");
    assert_eq!(text("closed/file"), "x\n");
    assert!(text("a/size").trim().parse::<u64>().unwrap() > 500);
    assert_eq!(
        fs::read_link(out.join("link")).unwrap(),
        Path::new("/etc/passwd")
    );
    assert!(out.join("a/empty").is_dir());
    // Everything is root's, with the modes that it was given, and without times.
    let files = bench.print(&["files", "out"]);
    let line = |end: &str| {
        let mut lines = files.lines();
        let found = lines.find(|line| line.ends_with(end));
        found
            .unwrap_or_else(|| panic!("no {end} in\n{files}"))
            .to_owned()
    };
    assert!(line("/motd").contains("4711"), "{files}");
    assert!(
        line("/closed").contains("0000") || line("/closed").contains("d---"),
        "{files}"
    );
    assert!(
        bench
            .print(&["show", "out"])
            .contains("hard links  1 group")
    );

    // The same in another store, and no step is run twice.
    let other = self::bench();
    let again = works(&other, "inputs = [\"notes\"]\n", script);
    assert_eq!(out.file_name(), again.file_name());
    let report = bench.json(&["realize", "out"]);
    assert_eq!(report["steps"]["composed"], 0, "{report}");
}

/// The bytes of what a command wrote are its own, but how they become an entry is not.
#[test]
fn the_entry_of_what_a_command_wrote_never_moves() {
    let bench = bench();
    let script =
        "echo x > $OUT/file; ln $OUT/file $OUT/same; ln -s file $OUT/link; mkdir -m 700 $OUT/dir";
    let out = works(&bench, "", script);
    let name = out.file_name().unwrap().to_str().unwrap();
    // The golden entry of `command composer 2`; see golden.rs.
    assert_eq!(name, "j5sqcxd2yr7lmyxtjyht3jjdq4odrn3z-out");
}

#[test]
fn a_command_runs_again_when_what_it_could_see_has_changed_and_only_then() {
    let bench = bench();
    let more = "inputs = [\"notes\"]\n";
    works(&bench, more, "echo one > $OUT/x");
    let composed = || bench.json(&["realize", "out"])["steps"]["composed"].clone();
    bench.edit(
        "out.toml",
        "summary = \"x\"",
        "summary = \"other words\" # and a comment",
    );
    assert_eq!(composed(), 0);
    // The same words in a module's recipe give the same module, and nothing is run.
    bench.edit("notes.toml", "version = 1", "version = 1 # still");
    assert_eq!(composed(), 0);
    bench.edit("out.toml", "echo one", "echo two");
    assert_eq!(composed(), 1);
    bench.edit("notes.toml", "version = 1 ", "version = 2 ");
    assert_eq!(composed(), 2);
    let derivation = bench.print(&["show", "out"]);
    assert!(derivation.contains(std::env::consts::ARCH), "{derivation}");
    bench.edit("release.toml", "epoch = 2026-11-01", "epoch = 2026-11-02");
    assert_ne!(composed(), 0);
    let closure = bench.print(&["closure", "out"]);
    assert!(
        closure.contains("root") && closure.contains("module"),
        "{closure}"
    );
    assert_eq!(bench.run(&["diff", "out@1", "out@2"]).code, 0);
}

#[test]
fn a_root_can_be_what_another_command_wrote_or_what_a_tree_is_made_of() {
    let bench = bench();
    bench.write(
        "recipes/host.toml",
        "kind = \"ostree\"\nfrom = [\"base\"]\ninstall = [\"box\"]\nref = \"host\"\n",
    );
    bench.write(
        "recipes/made.toml",
        "kind = \"command\"\nroot = \"host\"\nrun = [\"/bin/busybox\", \"cp\", \"-r\", \"/bin\", \"/out/bin\"]\n",
    );
    bench.write(
        "recipes/last.toml",
        "kind = \"command\"\nroot = \"made\"\nrun = [\"/bin/busybox\", \"touch\", \"/out/{version}\"]\n",
    );
    let last = bench.realize(&["last"]).remove(0);
    assert!(last.join("1").exists());
}

#[test]
fn a_command_that_fails_says_what_it_said() {
    let bench = bench();
    let said = fails(&bench, "", "echo to be; echo or not >&2; exit 7");
    assert!(
        said.contains("exit code 7") && said.contains("to be\n  or not"),
        "{said}"
    );
    let said = fails(&bench, "", "kill -9 $$");
    assert!(said.contains("signal 9"), "{said}");
    bench.write(
        "recipes/out.toml",
        recipe("", "").replace("'''", "'").replace(
            &format!("run = '{PROGRAMS}'"),
            "run = [\"/bin/nothing\", \"at\", \"all\"]",
        ),
    );
    let said = bench.run(&["realize", "out"]);
    assert_eq!(said.code, 1);
    assert!(
        said.err.contains("running /bin/nothing in the root"),
        "{}",
        said.err
    );
}

#[test]
fn an_image_that_a_command_made_goes_into_a_compose() {
    let bench = bench();
    bench.write(
        "recipes/live.toml",
        recipe("", "echo image > $OUT/live.iso"),
    );
    bench.write(
        "recipes/composes/release.toml",
        "kind = \"compose\"\n[variants]\nLive = [\"edition\", \"live\"]\n",
    );
    let release = bench.realize(&["release"]).remove(0);
    let told = productmd::compose(&release);
    let image = &told["images"]["payload"]["images"]["Live"]["x86_64"][0];
    assert_eq!(image["path"], "Live/x86_64/iso/live.iso");
    assert_eq!(
        (&image["subvariant"], &image["type"]),
        (&"live".into(), &"dvd".into())
    );
    let mut text = String::new();
    let path = release.join("compose/Live/x86_64/iso/live.iso");
    fs::File::open(&path)
        .unwrap()
        .read_to_string(&mut text)
        .unwrap();
    assert_eq!(text, "image\n");
    let found = fs::metadata(path).unwrap();
    assert_eq!(
        (found.permissions().mode() & 0o7777, found.mtime()),
        (0o444, 1)
    );
}

#[test]
fn mistakes_in_commands_are_named() {
    let bench = bench();
    let head = "kind = \"command\"\n";
    let packages = "from = [\"base\"]\ninstall = [\"box\"]\n";
    for (text, message) in [
        (packages.to_owned(), "\"run\" is missing"),
        (
            format!("{packages}run = 1\n"),
            "a list of words, or the text of a script",
        ),
        (format!("{packages}run = []\n"), "name a program"),
        (
            format!("{packages}run = [\"make\"]\n"),
            "by its path in the root",
        ),
        ("run = \"true\"\n".to_owned(), "\"from\" is missing"),
        (
            format!("{packages}root = \"edition\"\nrun = \"true\"\n"),
            "root",
        ),
        (
            "root = \"edition\"\nrun = \"true\"\n".to_owned(),
            "ostree or image or command is wanted",
        ),
        (
            "root = \"out\"\nrun = \"true\"\n".to_owned(),
            "made of itself",
        ),
        (
            format!("{packages}run = \"true\"\ninputs = [\"edition\", \"release\"]\n"),
            "made of itself",
        ),
        (
            format!("{packages}run = \"true\"\ninputs = [\"editio\"]\n"),
            "did you mean \"edition\"?",
        ),
        (
            format!("{packages}run = \"true\"\n[limits]\nseconds = 0\n"),
            "nothing could run",
        ),
        (
            format!("{packages}run = \"true\"\n[limits]\nminutes = 1\n"),
            "unknown field \"minutes\"",
        ),
    ] {
        bench.write("recipes/out.toml", format!("{head}{text}"));
        bench.write(
            "recipes/composes/release.toml",
            "kind = \"compose\"\n[variants]\nA = [\"edition\", \"out\"]\n",
        );
        let said = bench.run(&["plan", "out"]);
        assert_eq!(said.code, 2, "{text}: {said:?}");
        assert!(said.err.contains(message), "{text}: {}", said.err);
    }
}

#[test]
fn a_command_that_comes_out_otherwise_is_told_and_what_stands_on_it_is_made_of_that() {
    let bench = bench();
    bench.write(
        "recipes/out.toml",
        recipe("", "cat /proc/sys/kernel/random/uuid > $OUT/it"),
    );
    let image = "kind = \"image\"\nfrom = [\"base\"]\ninstall = [\"box\"]\noverlay = [\"out\"]\n";
    bench.write("recipes/image.toml", image);
    bench.realize(&["image"]);
    bench.print(&["gc", "--drop-intermediates"]);
    bench.write("recipes/image.toml", format!("{image}layers = 2\n"));
    let said = bench.run(&["realize", "image"]).works();
    let told = "warning: command out was remade and came out otherwise";
    assert_eq!(said.err.matches(told).count(), 1, "{said:?}");
    assert!(!said.err.contains("failed"), "{said:?}");
    // The same of what is asked for itself.
    bench.print(&["gc", "--drop-intermediates"]);
    let said = bench.run(&["realize", "out", "image"]).works();
    assert_eq!(said.err.matches(told).count(), 1, "{said:?}");
    let said = bench.run(&["realize", "out", "image"]).works();
    assert!(!said.err.contains(told), "{said:?}");
    bench.print(&["verify", "--full"]);
}
