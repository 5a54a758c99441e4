//! A real registry for container images, on this machine and for one test.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

/// Debian's name of the program, and upstream's.
const PROGRAMS: [&str; 2] = ["docker-registry", "registry"];

pub struct Registry {
    child: Child,
    address: String,
    directory: tempfile::TempDir,
}

impl Registry {
    /// Starts one on a free port, and waits until it listens.
    pub fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let config = directory.path().join("config.yml");
        let text = format!(
            "version: 0.1\nlog: {{accesslog: {{disabled: true}}}}\nstorage: {{filesystem: {{rootdirectory: {}}}}}\nhttp: {{addr: \"127.0.0.1:0\"}}\n",
            directory.path().join("data").display()
        );
        std::fs::write(&config, text).unwrap();
        let spawn = |program: &&str| {
            let mut command = Command::new(program);
            command.arg("serve").arg(&config);
            command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn()
        };
        let mut child = PROGRAMS
            .iter()
            .find_map(|program| spawn(program).ok())
            .unwrap_or_else(|| panic!("none of {PROGRAMS:?} is installed"));
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let address = lines.by_ref().map_while(Result::ok).find_map(|line| {
            let (_, rest) = line.split_once("listening on ")?;
            Some(rest.split(['"', ' ', ',']).next()?.to_owned())
        });
        // What it says later is for nobody, but must not fill the pipe.
        std::thread::spawn(move || lines.count());
        Registry {
            child,
            address: address.expect("the registry says where it listens"),
            directory,
        }
    }

    /// An image by name and tag, as skopeo writes it.
    pub fn image(&self, name: &str) -> String {
        format!("docker://{}/{name}", self.address)
    }

    /// How many blobs it holds, whatever images they are of.
    pub fn blobs(&self) -> usize {
        let data = self.directory.path().join("data/docker/registry/v2/blobs");
        let files = walkdir::WalkDir::new(data).into_iter().flatten();
        files.filter(|file| file.file_name() == "data").count()
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
