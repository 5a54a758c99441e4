//! Small packages that rpmbuild builds: what our own writer can't, and what it shall be measured by.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A package to be built; `install` fills `%{buildroot}`, `files` and `more` are sections of the spec.
#[derive(Clone, Copy)]
pub struct Recipe<'a> {
    pub name: &'a str,
    pub install: &'a str,
    pub files: &'a str,
    pub more: &'a str,
}

/// The time of every built package and file.
pub const BUILT: i64 = 1_600_000_000;

impl Recipe<'_> {
    /// Runs rpmbuild, and returns the binary package.
    pub fn build(&self, directory: &Path) -> PathBuf {
        let Recipe {
            name,
            install,
            files,
            more,
        } = self;
        let spec = directory.join(format!("{name}.spec"));
        let text = format!(
            "Name: {name}\nVersion: 1\nRelease: 1\nSummary: Under test\nLicense: MIT\nBuildArch: noarch\n\
             %description\nUnder test.\n%install\nmkdir -p %{{buildroot}}\ncd %{{buildroot}}\n{install}\n\
             find . -exec touch -h -d @{BUILT} {{}} +\n%files\n{files}\n{more}\n"
        );
        fs::write(&spec, text).unwrap();
        let define = |name: &str, value: String| ["--define".to_owned(), format!("{name} {value}")];
        let top = directory.join(format!("build-{name}"));
        let output = Command::new("rpmbuild")
            .args(["-bb", "--quiet", "--nodeps"])
            .args(define("_topdir", top.display().to_string()))
            .args(define("_rpmdir", top.display().to_string()))
            .args(define("_rpmfilename", "%{NAME}.rpm".to_owned()))
            .args(define("__os_install_post", "%{nil}".to_owned()))
            .arg(&spec)
            .output()
            .expect("rpmbuild is installed");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{name}: {errors}");
        top.join(format!("{name}.rpm"))
    }
}
