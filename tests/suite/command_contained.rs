//! What a command can reach, leave behind and use up: nothing but what is its own.

use std::fs;
use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use store::plan::parameters;

use super::command::{bench, fails, recipe, works};
use super::support::bench::Said;
use super::support::rpm::try_compose;
use super::support::told;
use super::support::workspace::Memory;

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

/// A terminal sends it to every process that is in the foreground.
#[test]
fn a_command_that_runs_comes_to_its_end_when_somebody_presses_ctrl_c() {
    let bench = bench();
    bench.write(
        "recipes/out.toml",
        recipe("", "sleep 00002; touch $OUT/end"),
    );
    let mut command = bench.command();
    command.args(["realize", "out"]).process_group(0);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = child.spawn().unwrap();
    let sleeps = |line: &String| line.starts_with("sleep");
    while !running("sleep 00002").iter().any(sleeps) {
        std::thread::sleep(Duration::from_millis(20));
    }
    kill_process_group(Pid::from_child(&child), Signal::INT).unwrap();
    let said = Said::of(child.wait_with_output().unwrap()).works();
    assert!(Path::new(said.out.trim()).join("end").exists(), "{said:?}");
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
    // A file takes its bytes once, whatever number of names it has; so it does in the tree.
    let script = "dd if=/dev/zero of=$OUT/a bs=1M count=3; mkdir $OUT/d; i=0
        while [ $i -lt 500 ]; do ln $OUT/a $OUT/d/$i; i=$((i+1)); done";
    let out = works(&bench, limits, script);
    assert_eq!(fs::metadata(out.join("d/499")).unwrap().len(), 3 << 20);
    let shown = bench.print(&["show", "out"]);
    assert!(shown.contains("hard links  1 group"), "{shown}");
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
        told::left_out("only root can become a user of the group of root");
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
