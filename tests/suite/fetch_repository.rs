//! Finding a repository, and fetching one consistent state of it.

use std::fs;
use std::path::Path;

use store::ids::Algorithm;
use store::recipe::Location;
use store::source::fetch::{
    Client, Demand, Error, Event, Fetcher, Job, OnError, Remote, Repository, Wanted,
};

use crate::fetch::{digest, hasty, network};
use crate::support::fixtures;
use crate::support::python::Python;
use crate::support::server::{Manner, Server, refused};

const INDEX: &str = "repodata/repomd.xml";

fn look_up(remote: &Remote, kinds: &[&str], directory: &Path) -> Result<Repository, Error> {
    let client = Client::new(&network()).unwrap();
    let quiet = |_: Event<'_>| {};
    Fetcher::new(&client, hasty(), &quiet).look_up(remote, kinds, Demand::default(), directory)
}

/// A repository of one metadata file.
struct Small {
    repomd: String,
    primary: Vec<u8>,
    location: String,
}

impl Small {
    fn new(content: &str) -> Small {
        let primary = content.as_bytes().to_vec();
        let hex = digest(Algorithm::Sha1, &primary).hex;
        let location = format!("repodata/{hex}-primary.xml");
        let repomd = format!(
            "<repomd><data type=\"primary\"><checksum type=\"sha\">{hex}</checksum>\
             <location href=\"{location}\"/><size>{}</size></data></repomd>",
            primary.len()
        );
        Small {
            repomd,
            primary,
            location,
        }
    }

    fn index_on<'s>(&self, server: &'s Server, base: &str) -> &'s Server {
        server.good(&format!("{base}{INDEX}"), self.repomd.as_bytes())
    }

    fn on(&self, server: &Server, base: &str) {
        let primary = format!("{base}{}", self.location);
        self.index_on(server, base).good(&primary, &self.primary);
    }

    fn assert_is(&self, found: &Repository) {
        assert_eq!(found.repomd, self.repomd.as_bytes());
        assert_eq!(
            found.digest,
            digest(Algorithm::Sha256, self.repomd.as_bytes())
        );
        assert_eq!(
            fs::read(found.files["primary"].path()).unwrap(),
            self.primary
        );
    }
}

fn mirror_list(server: &Server, lines: &[String]) -> Remote {
    server.good("/list", lines.join("\n").as_bytes());
    Remote::MirrorList(server.url("/list").parse().unwrap())
}

#[test]
fn a_repository_is_of_one_state_although_a_mirror_is_between_two() {
    let (old, new) = (Small::new("old"), Small::new("new"));
    let server = Server::start();
    // The new index has come, its file has not.
    new.index_on(&server, "/a/");
    server.good(&format!("/a/{}", old.location), &old.primary);
    old.on(&server, "/b/");
    let lines = [
        "# mirrors".into(),
        String::new(),
        "rsync://x/".into(),
        server.url("/a/"),
        server.url("/b"),
    ];
    let remote = mirror_list(&server, &lines);
    let directory = tempfile::tempdir().unwrap();
    let found = look_up(&remote, &["primary", "modules"], directory.path()).unwrap();
    old.assert_is(&found);
    assert_eq!(found.files.len(), 1, "there are no modules");
    assert_eq!(found.mirrors.best_first(), [1, 0]);
    assert_eq!(found.mirrors.urls().len(), 2);
}

#[test]
fn a_file_that_one_mirror_lost_comes_from_another() {
    let small = Small::new("same everywhere");
    let server = Server::start();
    small.index_on(&server, "/a/");
    small.on(&server, "/b/");
    let remote = mirror_list(&server, &[server.url("/a/"), server.url("/b/")]);
    let directory = tempfile::tempdir().unwrap();
    small.assert_is(&look_up(&remote, &["primary"], directory.path()).unwrap());
    assert_eq!(
        server.count("/b/repodata/repomd.xml"),
        0,
        "one index is enough"
    );
}

#[test]
fn an_index_that_is_none_is_told_and_the_next_mirror_asked() {
    let small = Small::new("x");
    let server = Server::start();
    small.on(&server, "/good/");
    let cases = [
        (Manner::Page { called_so: true }, "an HTML page came"),
        (Manner::Page { called_so: false }, "an HTML page came"),
        (
            Manner::Good(b"<repomd><data>".to_vec()),
            "no repository index",
        ),
        (
            Manner::Good(
                small
                    .repomd
                    .replace("href=\"", "href=\"ftp://x/")
                    .into_bytes(),
            ),
            "no repository index: \"ftp://x/repodata/",
        ),
        (
            Manner::Good(b"\x1f\x8b\x08".to_vec()),
            "no repository index",
        ),
        (
            Manner::Encoded(small.repomd.clone().into_bytes()),
            "compressed as",
        ),
        (Manner::Endless, "more than 16777216 bytes came"),
        (Manner::Status(404, ""), "no such file"),
    ];
    for (manner, complaint) in cases {
        server.on(&format!("/bad/{INDEX}"), &[manner]);
        let directory = tempfile::tempdir().unwrap();
        let bad = mirror_list(&server, &[server.url("/bad/")]);
        let error = look_up(&bad, &["primary"], directory.path())
            .unwrap_err()
            .to_string();
        assert!(error.contains(complaint), "{error}");
        assert!(error.contains("repodata/repomd.xml: "), "{error}");
        let both = mirror_list(
            &server,
            &[server.url("/bad/"), refused(), server.url("/good/")],
        );
        small.assert_is(&look_up(&both, &["primary"], directory.path()).unwrap());
    }
}

#[test]
fn a_metalink_says_which_index_is_the_right_one() {
    let (old, new) = (Small::new("old"), Small::new("new"));
    let server = Server::start();
    old.on(&server, "/old/");
    new.on(&server, "/new/");
    let hash = digest(Algorithm::Sha512, new.repomd.as_bytes()).hex;
    let resource = |base: &str, preference: u8| {
        let url = server.url(&format!("{base}{INDEX}"));
        format!("<url protocol=\"http\" preference=\"{preference}\">{url}</url>")
    };
    let metalink = format!(
        "<metalink><files><file name=\"repomd.xml\"><size>{}</size><verification>\
         <hash type=\"sha512\">{hash}</hash></verification><resources>{}{}</resources></file></files></metalink>",
        new.repomd.len(),
        resource("/new/", 50),
        resource("/old/", 100),
    );
    server.good("/metalink", metalink.as_bytes());
    let remote = Remote::Metalink(server.url("/metalink").parse().unwrap());
    let directory = tempfile::tempdir().unwrap();
    new.assert_is(&look_up(&remote, &["primary"], directory.path()).unwrap());
    assert_eq!(
        server.count("/old/repodata/repomd.xml"),
        1,
        "the preferred one was asked"
    );

    server.on(&format!("/new/{INDEX}"), &[Manner::Status(404, "")]);
    let error = look_up(&remote, &["primary"], directory.path())
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("none of the versions that the metalink names"),
        "{error}"
    );
}

#[test]
fn a_list_that_is_none_is_an_error_that_names_it() {
    let server = Server::start();
    server
        .good("/list", b"<html>nothing here</html>")
        .good("/words", b"no such repository");
    let url = |path: &str| server.url(path).parse().unwrap();
    let directory = tempfile::tempdir().unwrap();
    let error = |remote: Remote| {
        look_up(&remote, &[], directory.path())
            .unwrap_err()
            .to_string()
    };
    assert!(error(Remote::MirrorList(url("/list"))).contains("an HTML page came"));
    let words = error(Remote::MirrorList(url("/words")));
    let expected =
        "/words can't be read as a mirror list: no line of it is a URL with https, http or file";
    assert!(words.ends_with(expected), "{words}");
    let words = error(Remote::Metalink(url("/words")));
    assert!(words.contains("can't be read as a metalink"), "{words}");
}

#[test]
fn a_list_from_the_network_names_no_files_of_this_machine() {
    let small = Small::new("x");
    let server = Server::start();
    small.on(&server, "/good/");
    let directory = tempfile::tempdir().unwrap();
    let local = "file:///srv/os/".to_owned();
    let both = mirror_list(&server, &[local.clone(), server.url("/good/")]);
    let found = look_up(&both, &["primary"], directory.path()).unwrap();
    assert_eq!(found.mirrors.urls().len(), 1);
    let alone = mirror_list(&server, &[local]);
    let error = look_up(&alone, &[], directory.path()).unwrap_err();
    let error = error.to_string();
    assert!(
        error.contains("names only files of this machine"),
        "{error}"
    );
    let based = small
        .repomd
        .replace("<location", "<location xml:base=\"file:///srv/os\"");
    server.good(&format!("/good/{INDEX}"), based.as_bytes());
    let based = mirror_list(&server, &[server.url("/good/")]);
    let error = look_up(&based, &["primary"], directory.path()).unwrap_err();
    let error = error.to_string();
    assert!(
        error.contains("can't name files of this machine"),
        "{error}"
    );
}

#[test]
fn a_server_that_calls_every_file_a_page_is_believed_the_files() {
    let small = Small::new("x");
    let server = Server::start();
    let called = |path: &str, bytes: &[u8]| {
        server.on(path, &[Manner::CalledPage(bytes.to_vec())]);
    };
    called(&format!("/{INDEX}"), small.repomd.as_bytes());
    called(&format!("/{}", small.location), &small.primary);
    called("/list", server.url("/").as_bytes());
    let remote = Remote::MirrorList(server.url("/list").parse().unwrap());
    let directory = tempfile::tempdir().unwrap();
    small.assert_is(&look_up(&remote, &["primary"], directory.path()).unwrap());
}

#[test]
fn a_dead_mirror_is_not_waited_for_while_another_has_the_index() {
    let small = Small::new("x");
    let server = Server::start();
    small.on(&server, "/good/");
    server.on("/bad/repodata/repomd.xml", &[Manner::Status(503, "")]);
    let remote = mirror_list(&server, &[server.url("/bad/"), server.url("/good/")]);
    let directory = tempfile::tempdir().unwrap();
    small.assert_is(&look_up(&remote, &["primary"], directory.path()).unwrap());
    assert_eq!(server.count("/bad/repodata/repomd.xml"), 1);
}

#[test]
fn an_index_without_its_files_names_both() {
    let small = Small::new("x");
    let server = Server::start();
    small.index_on(&server, "/");
    let remote = Remote::Base(server.url("/").parse().unwrap());
    let directory = tempfile::tempdir().unwrap();
    let error = look_up(&remote, &["primary"], directory.path()).unwrap_err();
    let location = &small.location;
    let expected = format!(
        "the repository {0} could not be fetched\n  \
         {0}repodata/repomd.xml: of the files that it names, {location} could not be fetched\n  \
         {0}{location}: there is no such file (status 404)",
        server.url("/")
    );
    assert_eq!(error.to_string(), expected);
    let nothing = Remote::Base(server.url("/os").parse().unwrap());
    let error = look_up(&nothing, &[], directory.path())
        .unwrap_err()
        .to_string();
    assert!(
        error.ends_with("the directory that holds repodata/"),
        "{error}"
    );
}

#[test]
fn a_recipe_says_where_a_repository_is() {
    let url = "https://a.example/x";
    let of = |location| Remote::of(&location).unwrap();
    assert_eq!(
        of(Location::Url(url.into())),
        Some(Remote::Base(url.parse().unwrap()))
    );
    assert_eq!(
        of(Location::Metalink(url.into())),
        Some(Remote::Metalink(url.parse().unwrap()))
    );
    assert_eq!(of(Location::Path("rpms".into())), None);
}

#[test]
fn a_real_repository_comes_whole_from_a_real_server() {
    let Some(tizen) = fixtures::folder("repos/tizen3-armv7l") else {
        return;
    };
    let Some(python) = Python::serve(&tizen, None) else {
        return;
    };
    let directory = tempfile::tempdir().unwrap();
    let bases = [
        format!("http://{}/", python.host()),
        format!("file://{}", tizen.canonicalize().unwrap().display()),
    ];
    for base in bases {
        let remote = Remote::Base(base.parse().unwrap());
        let kinds = ["primary", "filelists", "other"];
        let found = look_up(&remote, &kinds, directory.path()).unwrap();
        assert!(found.repomd == fs::read(tizen.join(INDEX)).unwrap());
        assert_eq!(found.index.data.len(), 3);
        for part in &found.index.data {
            let bytes = fs::read(tizen.join(part.location())).unwrap();
            assert!(fs::read(found.files[&part.kind].path()).unwrap() == bytes);
        }
        let jobs: Vec<Job<'_>> = packages(&tizen)
            .into_iter()
            .map(|wanted| Job {
                mirrors: &found.mirrors,
                wanted,
            })
            .collect();
        assert!(jobs.len() > 20);
        let client = Client::new(&network()).unwrap();
        let quiet = |_: Event<'_>| {};
        let results = Fetcher::new(&client, hasty(), &quiet).fetch_all(
            &jobs,
            directory.path(),
            OnError::Stop,
        );
        for (job, result) in jobs.iter().zip(results) {
            let bytes = fs::read(result.unwrap().path()).unwrap();
            assert_eq!(digest(Algorithm::Sha256, &bytes), job.wanted.digest);
        }
    }
}

/// Every package of the repository, known only by its name and SHA-256.
fn packages(repository: &Path) -> Vec<Wanted> {
    let files = fs::read_dir(repository.join("rpms")).unwrap();
    let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
    names
        .map(|name| Wanted {
            digest: digest(
                Algorithm::Sha256,
                &fs::read(repository.join("rpms").join(&name)).unwrap(),
            ),
            locations: vec![format!("rpms/{name}")],
            what: name,
            size: None,
        })
        .collect()
}
