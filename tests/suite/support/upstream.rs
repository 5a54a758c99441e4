//! What somebody else offers: a repository to draw from, and recipes that do.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use super::bench::Bench;
use super::rpm::spec;
use super::server::Server;
use super::workspace::Memory;

const TOOLS: &str = "kind = \"module\"\nstream = \"1\"\nversion = 1\nsource = \"upstream\"\n\
    packages = [\"sampler-httpd\", \"sampler-shell\", \"sampler-filesystem\", \"sampler-release\", \"sampler-init\"]\n";
const HOST: &str = "kind = \"ostree\"\nfrom = [\"tools\"]\ninstall = [\"sampler-httpd\"]\nref = \"sampler/host\"\n";
const EDITION: &str = "kind = \"repository\"\nmodules = [\"tools\"]\n";

/// What somebody else offers: the packages of the recipes that ship, in a repository that `createrepo_c` made.
pub struct Upstream {
    pub bench: Bench,
}

impl Upstream {
    pub fn new() -> Upstream {
        let upstream = Upstream {
            bench: Bench::shipped(),
        };
        upstream.publish();
        upstream
    }

    pub fn path(&self) -> PathBuf {
        self.bench.path().join("mirror")
    }

    pub fn url(&self) -> String {
        format!("file://{}", self.path().display())
    }

    /// Has a newer version of one package.
    pub fn moves_on(&self) {
        self.bench.edit(
            "packages/sampler-httpd.toml",
            "version = \"2.4\"",
            "version = \"2.5\"",
        );
        self.publish();
    }

    /// Puts what the recipes make now in place of what was there.
    pub fn publish(&self) {
        let _ = fs::remove_dir_all(self.path());
        fs::create_dir_all(self.path()).unwrap();
        for module in self.bench.realize(&["base-runtime", "web-server"]) {
            for file in fs::read_dir(module.join("Packages")).unwrap() {
                let file = file.unwrap();
                fs::copy(file.path(), self.path().join(file.file_name())).unwrap();
            }
        }
        let made = Command::new("createrepo_c")
            .arg("-q")
            .arg(self.path())
            .status();
        assert!(made.unwrap().success());
    }
}

/// Recipes that draw from a repository.
pub fn site(url: &str) -> Bench {
    let source = format!("kind = \"source\"\nurl = \"{url}\"\n");
    Bench::of(&[
        ("upstream.toml", &source),
        ("tools.toml", TOOLS),
        ("host.toml", HOST),
        ("edition.toml", EDITION),
    ])
}

/// A server that has all of a repository.
pub fn serving(upstream: &Upstream) -> Server {
    let server = Server::start();
    for file in walkdir::WalkDir::new(upstream.path()) {
        let file = file.unwrap();
        if file.file_type().is_file() {
            let location = file.path().strip_prefix(upstream.path()).unwrap();
            let bytes = fs::read(file.path()).unwrap();
            server.good(&format!("/{}", location.display()), &bytes);
        }
    }
    server
}

/// A repository with a package each, by `createrepo_c`, and a source of its name.
pub fn publish(bench: &Bench, name: &str, packages: &[&str]) {
    let rpms = bench.path().join(name);
    let _ = fs::remove_dir_all(&rpms);
    for package in packages {
        let file = format!("{name}/{package}.rpm");
        bench.write(&file, spec(package).bytes(&Memory::default()));
    }
    let made = Command::new("createrepo_c").arg("-q").arg(&rpms).status();
    assert!(made.unwrap().success());
    let source = format!("kind = \"source\"\nurl = \"file://{}\"\n", rpms.display());
    bench.write(&format!("recipes/{name}.toml"), source);
}
