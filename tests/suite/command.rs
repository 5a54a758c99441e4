//! Contained commands: what they make, and what they can't do though they try.

use std::fs;
use std::io::Read;
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use store::plan::parameters;

use super::support::bench::{Bench, Said};
use super::support::productmd;
use super::support::rpm::try_compose;
use super::support::workspace::Memory;

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
fn run(bench: &Bench, more: &str, script: &str) -> Said {
    bench.write("recipes/out.toml", recipe(more, script));
    bench.run(&["realize", "out"])
}

/// Runs one that works; gives where its output is.
fn works(bench: &Bench, more: &str, script: &str) -> PathBuf {
    PathBuf::from(run(bench, more, script).works().out.trim())
}

/// Runs one that does not; gives what is said.
fn fails(bench: &Bench, more: &str, script: &str) -> String {
    let said = run(bench, more, script);
    assert_eq!(said.code, 1, "{said:?}");
    said.err
}

/// Processes of this machine whose command line holds a text.
fn running(text: &str) -> Vec<String> {
    let lines = fs::read_dir("/proc").unwrap().filter_map(|item| {
        let line = fs::read(item.unwrap().path().join("cmdline")).ok()?;
        Some(String::from_utf8_lossy(&line).replace('\0', " "))
    });
    lines.filter(|line| line.contains(text)).collect()
}

#[test]
fn the_name_of_the_store_and_low_limits_of_the_caller_make_no_difference() {
    let bench = bench();
    let out = works(&bench, "", "echo done > $OUT/it");
    let said = bench.run(&["--store", "other", "realize", "out"]).works();
    let same = |said: &Said| {
        let path = PathBuf::from(said.out.trim());
        assert_eq!(path.file_name(), out.file_name(), "{said:?}");
    };
    same(&said);
    let mut limited = Command::new("sh");
    limited
        .args(["-c", "ulimit -n 256; exec \"$@\"", "sh"])
        .arg(env!("CARGO_BIN_EXE_store"))
        .args(["--store", "third", "realize", "out"])
        .current_dir(bench.path());
    same(&Said::of(limited.output().unwrap()).works());
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
fn a_command_can_write_to_nothing_but_its_output() {
    let bench = bench();
    let script = "
        try() { if \"$@\" 2>/dev/null; then echo \"could $*\" >> $OUT/could; fi; }
        for at in /inputs/notes /inputs/notes/Packages / /etc /bin /inputs; do
            try touch $at/new; try mkdir $at/dir; try ln -s x $at/link
        done
        for file in /inputs/notes/Packages/*.rpm /inputs/notes/repodata/* /etc/motd /bin/busybox; do
            try chmod 777 $file; try rm -f $file; try mv $file /tmp/moved
            try sh -c \"echo x > $file\"; try sh -c \"echo x >> $file\"; try ln $file $OUT/linked; try chown 1 $file
        done
        try mount -o remount,rw /inputs/notes; try mount -o remount,bind,rw /inputs/notes; try umount /inputs/notes
        try mount -t tmpfs none /tmp; try mount -o bind /tmp /etc; try umount -l /proc; try chroot /
        try unshare -r true; try unshare -m true; try unshare -n true; try mknod $OUT/null c 1 3; try mknod /tmp/vda b 254 0
        try hostname other; try sh -c 'echo x > /proc/sys/kernel/core_pattern'; try sh -c 'echo b > /proc/sysrq-trigger'
        try sh -c 'echo 9 > /proc/sys/user/max_user_namespaces'; try chown 5:7 $OUT; try renice -n -5 $$
        try kill -9 1; try cat /proc/1/environ; try readlink /proc/1/fd/1; try sh -c 'echo x > /proc/1/fd/1'; try ls /proc/1/root/; try cat /proc/kmsg; try cat /dev/vda
        grep -c . /proc/1/cmdline > $OUT/end";
    let out = works(&bench, "inputs = [\"notes\"]\n", script);
    let could = fs::read_to_string(out.join("could")).unwrap_or_default();
    // Process 1 takes no signal that it did not ask for: sending one is allowed, and nothing comes of it.
    assert_eq!(could.replace("could kill -9 1\n", ""), "");
    assert!(out.join("end").exists(), "it ran to its end");
    let said = bench.run(&["verify", "--full"]);
    assert_eq!(said.code, 0, "{said:?}");
}

#[test]
fn a_command_sees_nothing_of_the_machine() {
    let bench = bench();
    bench.write("secret", "hidden");
    let secret = bench.path().join("secret");
    let script = format!(
        "try() {{ if \"$@\" >/dev/null 2>&1; then echo \"could $*\" >> $OUT/could; fi; }}
        try cat {0}; try ls {1}; try cat /proc/1/root{0}; try cat /proc/self/root{0}; try cat /../..{0}
        ls / > $OUT/top; env > $OUT/env; ps > $OUT/others
        wc -l < /proc/net/dev > $OUT/devices",
        secret.display(),
        bench.store().display()
    );
    bench.write("recipes/out.toml", recipe("", &script));
    let mut command = bench.command();
    let output = command
        .env("SECRET", "hidden")
        .args(["realize", "out"])
        .output();
    let out = Said::of(output.unwrap()).works().out;
    let out = Path::new(out.trim());
    let text = |name: &str| fs::read_to_string(out.join(name)).unwrap_or_default();
    assert_eq!(text("could"), "");
    let mut top: Vec<String> = text("top").lines().map(str::to_owned).collect();
    top.retain(|name| name != "usr" && name != "var");
    assert_eq!(top, ["bin", "dev", "etc", "inputs", "out", "proc", "tmp"]);
    assert!(!text("env").contains("hidden"), "{}", text("env"));
    // A head, the first process, the shell, and the one that looks.
    assert_eq!(text("others").lines().count(), 4, "{}", text("others"));
    assert_eq!(text("devices").trim(), "3", "a head of two lines, and lo");
}

#[test]
fn what_the_caller_had_open_or_set_makes_no_difference() {
    let bench = bench();
    let script = "ls /proc/self/fd | wc -l > $OUT/open; echo x > $OUT/file; mkdir $OUT/dir; umask > $OUT/mask";
    let expected = works(&bench, "", script);
    // Standard input, output, error, and the directory that is read.
    assert_eq!(
        fs::read_to_string(expected.join("open")).unwrap().trim(),
        "4"
    );
    assert_eq!(
        fs::read_to_string(expected.join("mask")).unwrap().trim(),
        "0022"
    );
    let other = self::bench();
    other.write("recipes/out.toml", recipe("", script));
    let mut command = Command::new("sh");
    command
        .args([
            "-euc",
            "umask 077; ulimit -c 0; exec 7</ 8</etc/passwd 9>>log; exec \"$1\" realize out",
            "sh",
        ])
        .arg(env!("CARGO_BIN_EXE_store"))
        .env("STORE_DIR", other.store())
        .current_dir(other.path());
    let out = Said::of(command.output().unwrap()).works().out;
    assert_eq!(Path::new(out.trim()).file_name(), expected.file_name());
}

#[test]
fn a_command_reaches_no_network() {
    let bench = bench();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let port = listener.local_addr().unwrap().port();
    let script = format!(
        "if echo x | nc -w 2 127.0.0.1 {port}; then touch $OUT/reached; fi
        if wget -T 2 -O $OUT/page http://127.0.0.1:{port}/; then touch $OUT/reached; fi
        if ping -c 1 -W 1 127.0.0.1; then touch $OUT/ping; fi; rm -f $OUT/page; touch $OUT/end"
    );
    let out = works(&bench, "", &script);
    let names: Vec<_> = fs::read_dir(out)
        .unwrap()
        .map(|n| n.unwrap().file_name())
        .collect();
    assert_eq!(names, ["end"]);
    let called = listener.accept().unwrap_err();
    assert_eq!(called.kind(), std::io::ErrorKind::WouldBlock);
}

#[test]
fn a_command_leaves_no_process_behind() {
    let bench = bench();
    let script = "
        (setsid sleep 54321 &) ; nohup sleep 54321 >/dev/null 2>&1 &
        setsid sh -c 'trap \"\" TERM HUP INT; setsid sleep 54321 & sleep 54321' &
        touch $OUT/end";
    works(&bench, "", script);
    assert_eq!(running("sleep 54321"), Vec::<String>::new());
    // Nor does one that takes too long, or whose caller is killed.
    let script = "setsid sleep 65432 & echo waiting; sleep 65432";
    let said = fails(&bench, "[limits]\nseconds = 1\n", script);
    assert!(
        said.contains("more than 1 seconds") && said.contains("waiting"),
        "{said}"
    );
    assert_eq!(running("sleep 65432"), Vec::<String>::new());
    bench.write(
        "recipes/out.toml",
        recipe("", "setsid sleep 76543 & sleep 76543"),
    );
    let mut command = bench.command();
    let mut child = command
        .args(["realize", "out"])
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let until = |wanted: &dyn Fn() -> bool| {
        (0..600).any(|_| {
            std::thread::sleep(Duration::from_millis(50));
            wanted()
        })
    };
    // Twice in the text of the script, then as a process each.
    assert!(until(&|| running("sleep 76543")
        .iter()
        .any(|line| line.starts_with("sleep"))));
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(
        until(&|| running("sleep 76543").is_empty()),
        "{:?}",
        running("sleep 76543")
    );
}

#[test]
fn links_in_an_output_are_kept_and_never_followed() {
    let bench = bench();
    bench.write("secret", "hidden");
    let script = format!(
        "ln -s {} $OUT/secret; ln -s / $OUT/root; ln -s ../../../../../.. $OUT/up; ln -s . $OUT/circle
        ln -s $OUT/circle/circle $OUT/again; mkdir $OUT/dir; ln -s ../dir $OUT/dir/self; ln -s /proc/self/fd $OUT/fd",
        bench.path().join("secret").display()
    );
    let out = works(&bench, "", &script);
    let target = |name: &str| fs::read_link(out.join(name)).unwrap();
    assert_eq!(target("secret"), bench.path().join("secret"));
    assert_eq!(target("root"), Path::new("/"));
    assert_eq!(target("up"), Path::new("../../../../../.."));
    let files = bench.print(&["files", "out"]);
    assert!(!files.contains("etc") && !files.contains("bin"), "{files}");
    // Where the output was, a link can't be put.
    let out = works(
        &bench,
        "",
        "rmdir /out || rm -rf /out || mv /out /tmp/out || ln -sfn /etc /out || true; touch $OUT/end",
    );
    let names: Vec<_> = fs::read_dir(out)
        .unwrap()
        .map(|n| n.unwrap().file_name())
        .collect();
    assert!(names.contains(&"end".into()), "{names:?}");
}

#[test]
fn what_no_tree_may_hold_is_named() {
    let bench = bench();
    let said = fails(&bench, "", "mkdir $OUT/a; mkfifo $OUT/a/pipe");
    assert!(said.contains("a pipe at a/pipe"), "{said}");
    let said = fails(
        &bench,
        "",
        "cd $OUT; for i in $(seq 300); do mkdir d; cd d; done",
    );
    assert!(said.contains("more than 200 directories deep"), "{said}");
}

#[test]
fn a_command_can_use_up_only_what_it_was_given() {
    let bench = bench();
    let limits = "[limits]\nmebibytes = 4\nprocesses = 24\nseconds = 60\n";
    for place in ["$OUT", "/tmp"] {
        let said = fails(
            &bench,
            limits,
            &format!("dd if=/dev/zero of={place}/big bs=1M count=16"),
        );
        assert!(said.contains("No space left"), "{said}");
    }
    let said = fails(&bench, limits, "truncate -s 1024G $OUT/hole");
    assert!(said.contains("larger than 4 MiB"), "{said}");
    let script = "mkdir $OUT/d; i=0; while [ $i -lt 2000 ]; do : > $OUT/d/$i; i=$((i+1)); done";
    let said = fails(&bench, limits, script);
    assert!(said.contains("No space left"), "{said}");
    // A crowd that grows without end stands still, and goes when its time is over.
    let said = fails(
        &bench,
        limits,
        "i=0; while [ $i -lt 100 ]; do sleep 87654 & i=$((i+1)); done; touch $OUT/all",
    );
    assert!(said.contains("fork"), "{said}");
    let said = fails(
        &bench,
        "[limits]\nprocesses = 24\nseconds = 3\n",
        "b() { b | b & }; b 2>/dev/null; sleep 98765",
    );
    // Whether the shell sees it through depends on who was forked when.
    assert!(
        said.contains("3 seconds") || said.contains("exit code 2"),
        "{said}"
    );
    assert_eq!(running("sleep 98765"), Vec::<String>::new());
    // A flood of words is read, and the last of them kept.
    let said = fails(
        &bench,
        "",
        "yes flooded | head -c 20000000; echo at last; exit 1",
    );
    assert!(
        said.contains("at last") && said.len() < 10_000,
        "{}",
        said.len()
    );
}

#[test]
fn where_nothing_can_be_contained_that_is_said() {
    let bench = bench();
    bench.write("recipes/out.toml", recipe("", "touch $OUT/end"));
    let within = |script: &str| {
        let mut command = Command::new("unshare");
        command
            .args(["--user", "--map-root-user", "sh", "-euc", script, "sh"])
            .arg(env!("CARGO_BIN_EXE_store"))
            .env("STORE_DIR", bench.store())
            .current_dir(bench.path());
        let output = command.output().unwrap();
        let said = Said::of(output);
        // Whose files are another's can't be kept by who is root only by name.
        bench.run(&["realize", "base"]);
        said
    };
    let said = within("echo 0 > /proc/sys/user/max_user_namespaces; exec \"$1\" realize out");
    assert_eq!(said.code, 1, "{said:?}");
    assert!(
        said.err
            .contains("can't be contained here: making namespaces")
            && said.err.contains("max_user_namespaces"),
        "{}",
        said.err
    );
    let said = within("exec \"$1\" realize out");
    if rustix::process::geteuid().is_root() {
        // It would be the machine's root in there too, to whatever asks for no more than that.
        said.fails(1, &["becoming nobody", "as an ordinary user"]);
    } else {
        // In a container whose root is nobody else's user, it is one container more.
        assert_eq!(said.code, 0, "{said:?}");
    }
}

#[test]
fn a_user_may_be_of_any_group() {
    if !rustix::process::geteuid().is_root() {
        println!("LEFT OUT: only root can become a user of the group of root");
        return;
    }
    let bench = bench();
    bench.write("recipes/out.toml", recipe("", "id > $OUT/id"));
    fs::copy(env!("CARGO_BIN_EXE_store"), bench.path().join("program")).unwrap();
    for item in walkdir::WalkDir::new(bench.path()) {
        std::os::unix::fs::chown(item.unwrap().path(), Some(65533), Some(0)).unwrap();
    }
    let output = Command::new("setpriv")
        .args(["--reuid=65533", "--regid=0", "--clear-groups"])
        .arg(bench.path().join("program"))
        .args(["realize", "out"])
        .env("STORE_DIR", bench.store())
        .current_dir(bench.path())
        .output();
    let out = Said::of(output.unwrap()).works().out;
    let id = fs::read_to_string(Path::new(out.trim()).join("id")).unwrap();
    assert!(id.starts_with("uid=0 gid=0"), "{id}");
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
fn a_caller_that_names_no_program_is_told_so() {
    let memory = Memory::default();
    let params = parameters::Command {
        run: vec!["/bin/true".to_owned()],
        host: std::env::consts::ARCH.to_owned(),
        epoch: 0,
        seconds: 1,
        mebibytes: 1,
        processes: 1,
    };
    let error = try_compose(&memory, "command", &params, []).unwrap_err();
    assert!(error.to_string().contains("`store realize`"), "{error}");
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

/// What a terminal shows while the program runs.
fn on_a_terminal(bench: &Bench, arguments: &[&str]) -> String {
    let mut terminal = Command::new("python3");
    terminal
        .args([
            "-c",
            "import pty, sys; sys.exit(pty.spawn(sys.argv[1:]) >> 8)",
        ])
        .arg(env!("CARGO_BIN_EXE_store"))
        .args(arguments)
        .env("STORE_DIR", bench.store())
        .env("TERM", "xterm")
        .stdin(Stdio::null())
        .current_dir(bench.path());
    Said::of(terminal.output().unwrap()).works().out
}

#[test]
fn a_terminal_shows_what_runs_and_how_long_it_may_take_if_that_is_known() {
    let bench = bench();
    bench.write("recipes/out.toml", recipe("", "sleep 2; echo 1 > $OUT/it"));
    let plan = bench.json(&["plan", "out"]);
    assert_eq!(plan["expected"]["seconds"], serde_json::Value::Null);
    assert!(plan["expected"]["unknown"].as_u64().unwrap() > 1);
    assert!(
        bench
            .print(&["plan", "out"])
            .contains("; no estimate yet\n")
    );
    let shown = on_a_terminal(&bench, &["realize", "out"]);
    assert!(shown.contains("no estimate yet"), "{shown:?}");
    assert!(shown.contains("  command out, "), "{shown:?}");

    bench.write("recipes/out.toml", recipe("", "sleep 2; echo 2 > $OUT/it"));
    let plan = bench.json(&["plan", "out"]);
    assert!(plan["expected"]["seconds"].as_f64().unwrap() > 1.0);
    assert_eq!(plan["expected"]["unknown"], 0);
    let steps = plan["steps"].as_array().unwrap().iter();
    let timed = steps.filter(|step| step["seconds"].is_number());
    assert_eq!(
        timed.map(|step| &step["kind"]).collect::<Vec<_>>(),
        ["command"]
    );
    let text = bench.print(&["plan", "out"]);
    assert!(
        text.contains("1 step to do") && text.contains(" held; about "),
        "{text}"
    );
    let shown = on_a_terminal(&bench, &["realize", "out"]);
    assert!(shown.contains("left, about "), "{shown:?}");
    assert!(shown.contains(" of about "), "{shown:?}");
    assert!(!shown.contains("no estimate"), "{shown:?}");

    // Elsewhere nothing moves: a line for each step that ran, and one at the end.
    bench.write("recipes/out.toml", recipe("", "echo 3 > $OUT/it"));
    let said = bench.run(&["realize", "out"]).works();
    assert_eq!(said.err.lines().count(), 2, "{}", said.err);
    assert!(!said.err.contains("left"), "{}", said.err);
}
