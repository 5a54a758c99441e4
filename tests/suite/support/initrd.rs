//! An initial RAM disk for a real kernel: a static shell, modules for disks, and what a test puts there.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::sample::run;

/// What `scripts/test` takes out of a kernel's package.
pub fn kernel() -> PathBuf {
    let at = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/judges/kernel");
    let modules = fs::read_dir(at.join("modules")).into_iter().flatten();
    let mut names = modules.map(|module| module.unwrap().file_name());
    // Compressed or not. An older script left out what these file systems need.
    let exfat = names.any(|name| name.to_string_lossy().starts_with("exfat.ko"));
    assert!(
        exfat && at.join("vmlinuz").exists(),
        "{} lacks a kernel or its modules: scripts/test installs them",
        at.display()
    );
    at
}

/// What every first program begins with.
pub const BEGIN: &str = r#"#!/bin/busybox sh
/bin/busybox --install -s /bin
mount -t proc none /proc; mount -t devtmpfs none /dev; mount -t sysfs none /sys
for again in 1 2 3 4; do for module in /modules/*; do insmod $module 2>/dev/null; done; done
"#;

/// A tree that becomes the RAM disk.
pub struct Initrd {
    tree: PathBuf,
}

impl Initrd {
    /// One below a directory, with a first program that goes on from [`BEGIN`].
    pub fn below(directory: &Path, init: &str) -> Initrd {
        let initrd = Initrd {
            tree: directory.join("initrd"),
        };
        for directory in ["bin", "proc", "dev", "sys", "sysroot", "modules", "tmp"] {
            fs::create_dir_all(initrd.path(directory)).unwrap();
        }
        let shell = run("sh", &["-c", "command -v busybox"]);
        initrd.put(Path::new(shell.trim()), "bin/busybox");
        for module in fs::read_dir(kernel().join("modules")).unwrap() {
            let module = module.unwrap();
            initrd.put(
                &module.path(),
                &format!("modules/{}", module.file_name().to_str().unwrap()),
            );
        }
        fs::write(initrd.path("init"), format!("{BEGIN}{init}")).unwrap();
        run("chmod", &["755", initrd.path("init").to_str().unwrap()]);
        initrd
    }

    pub fn path(&self, inside: &str) -> PathBuf {
        self.tree.join(inside)
    }

    pub fn put(&self, file: &Path, inside: &str) {
        let to = self.path(inside);
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::copy(file, to).unwrap();
    }

    /// A program without what a debugger needs, and the libraries that it loads.
    pub fn put_program(&self, program: &Path, inside: &str) {
        let to = self.path(inside);
        let [from, to] = [program, &to].map(|path| path.to_str().unwrap());
        run("strip", &["-o", to, from]);
        for word in run("ldd", &[from]).split_whitespace() {
            if let Some(inside) = word.strip_prefix('/') {
                self.put(Path::new(word), inside);
            }
        }
    }

    pub fn archive(&self) -> Vec<u8> {
        let names = run(
            "sh",
            &["-c", &format!("cd {} && find .", self.tree.display())],
        );
        let mut cpio = Command::new("cpio");
        cpio.args(["-o", "-H", "newc", "--quiet", "-R", "0:0"]);
        let cpio = cpio
            .current_dir(&self.tree)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut cpio = cpio.spawn().unwrap();
        let mut stdin = cpio.stdin.take().unwrap();
        stdin.write_all(names.as_bytes()).unwrap();
        drop(stdin);
        let archive = cpio.wait_with_output().unwrap();
        assert!(archive.status.success());
        archive.stdout
    }
}
