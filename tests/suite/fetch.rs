//! Fetching from servers that fail, stall and lie.

use std::fs;
use std::path::Path;
use std::sync::Mutex;
use std::time::Duration;

use rustix::fs::FileType;
use store::formats::rpm::checksum::Hasher;
use store::ids::{Algorithm, Digest};
use store::source::fetch::{
    Client, Error, Event, Failure, Fetched, Fetcher, Job, Mirrors, Network, OnError, Patience,
    Persistence, Wanted,
};

use crate::damage::node;
use crate::support::server::{Manner, Server, refused};

/// As the defaults, but nobody waits.
pub fn network() -> Network {
    Network {
        patience: Patience {
            connect: Duration::from_secs(5),
            answer: Duration::from_secs(3),
            silence: Duration::from_secs(3),
            slowest: 1000,
        },
        ..Network::default()
    }
}

pub fn hasty() -> Persistence {
    Persistence {
        rounds: 3,
        pause: Duration::from_millis(1),
        longest_pause: Duration::from_millis(20),
        largest: 1 << 20,
        at_once: 8,
        per_host: 3,
    }
}

/// A file of 100,000 bytes that are all different from the next.
fn file() -> Vec<u8> {
    (0..100_000u32)
        .map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8)
        .collect()
}

pub fn wanted(location: &str, bytes: &[u8]) -> Wanted {
    Wanted {
        what: location.to_owned(),
        locations: vec![location.to_owned()],
        digest: digest(Algorithm::Sha256, bytes),
        size: Some(bytes.len() as u64),
    }
}

pub fn digest(algorithm: Algorithm, bytes: &[u8]) -> Digest {
    let hex = Hasher::of(algorithm, bytes);
    Digest { algorithm, hex }
}

pub fn mirrors(urls: &[String]) -> Mirrors {
    Mirrors::new(urls.iter().map(|url| url.parse().unwrap()).collect())
}

/// A fetch and what was told of it.
struct Run {
    result: Result<Fetched, Error>,
    told: Vec<String>,
    directory: tempfile::TempDir,
}

impl Run {
    fn of(mirrors: &Mirrors, wanted: &Wanted) -> Run {
        Run::into(tempfile::tempdir().unwrap(), mirrors, wanted)
    }

    fn into(directory: tempfile::TempDir, mirrors: &Mirrors, wanted: &Wanted) -> Run {
        let told = Mutex::new(Vec::new());
        let observer = |event: Event<'_>| match event {
            Event::Failed { url, failure, .. } => {
                told.lock().unwrap().push(format!("{url}: {failure}"))
            }
            Event::Waiting { pause, .. } => told.lock().unwrap().push(format!("waiting {pause:?}")),
            _ => {}
        };
        let client = Client::new(&network()).unwrap();
        let result =
            Fetcher::new(&client, hasty(), &observer).fetch(mirrors, wanted, directory.path());
        let told = told.into_inner().unwrap();
        Run {
            result,
            told,
            directory,
        }
    }

    /// The file came and is what it should be; nothing else is left behind.
    fn assert_good(&self, bytes: &[u8]) {
        let fetched = self
            .result
            .as_ref()
            .unwrap_or_else(|error| panic!("{error}"));
        assert!(fs::read(fetched.path()).unwrap() == bytes);
        assert_eq!(fetched.size, bytes.len() as u64);
        assert_eq!(names(self.directory.path()).len(), 1);
    }

    fn error(&self) -> String {
        self.result.as_ref().unwrap_err().to_string()
    }
}

fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap();
    entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}

#[test]
fn each_misbehaviour_is_told_and_another_mirror_helps() {
    let bytes = file();
    let mut other = bytes.clone();
    other[50_000] ^= 1;
    let here = |server: &Server| Manner::Redirect(server.url("/f"));
    let bad = Server::start();
    let cases = [
        (Manner::Good(other.clone()), "its checksum is"),
        (
            Manner::Short(bytes.clone(), 70_000),
            "70000 bytes came, not 100000",
        ),
        (Manner::Cut(bytes.clone(), 0), "hung up"),
        (Manner::Stall(bytes.clone(), 30_000), "nothing came for 3 s"),
        (
            Manner::Drip(bytes.clone()),
            "fewer than 1000 bytes a second came",
        ),
        (Manner::Page { called_so: true }, "an HTML page came"),
        (Manner::Page { called_so: false }, "bytes came, not 100000"),
        (Manner::CalledPage(bytes.repeat(2)), "an HTML page came"),
        (Manner::Status(404, ""), "no such file (status 404)"),
        (Manner::Status(403, ""), "may not be read (status 403)"),
        (Manner::Status(500, ""), "status 500"),
        (Manner::Status(206, ""), "status 206"),
        (here(&bad), "redirected more than 8 times"),
        (
            Manner::Redirect("file:///etc/passwd".into()),
            "redirected to",
        ),
        (
            Manner::Redirect("ftp://localhost/f".into()),
            "redirected to",
        ),
        (Manner::Encoded(other), "compressed as \"gzip\""),
        (Manner::Endless, "more than 100000 bytes came"),
        (Manner::SlowHeaders, "nothing came for"),
        (Manner::Hangup, ""),
    ];
    let good = Server::start();
    good.good("/f", &bytes);
    for (manner, complaint) in cases {
        bad.on("/f", std::slice::from_ref(&manner));
        let both = mirrors(&[bad.url("/"), good.url("/")]);
        let run = Run::of(&both, &wanted("f", &bytes));
        run.assert_good(&bytes);
        assert_eq!(run.told.len(), 1, "{manner:.40?} {:?}", run.told);
        assert!(run.told[0].contains(complaint), "{:?}", run.told);
        let from = run.result.unwrap().from.to_string();
        assert_eq!(from, good.url("/f"));
    }
}

#[test]
fn an_honest_answer_in_an_unusual_form_is_fine() {
    let bytes = file();
    let server = Server::start();
    for manner in [
        Manner::Chunked(bytes.clone()),
        Manner::Whole(bytes.clone()),
        // The label is wrong, the bytes are right.
        Manner::Encoded(bytes.clone()),
        Manner::CalledPage(bytes.clone()),
    ] {
        server.on("/f", &[manner]);
        let run = Run::of(&mirrors(&[server.url("/")]), &wanted("f", &bytes));
        run.assert_good(&bytes);
        assert!(run.told.is_empty(), "{:?}", run.told);
    }
    let encodings = server
        .asked()
        .into_iter()
        .map(|asked| asked.headers["accept-encoding"].clone());
    assert!(encodings.into_iter().all(|encoding| encoding == "identity"));
}

#[test]
fn what_was_cut_is_resumed_where_it_ended() {
    let bytes = file();
    let server = Server::start();
    server.on(
        "/f",
        &[
            Manner::Cut(bytes.clone(), 40_000),
            Manner::Good(bytes.clone()),
        ],
    );
    let run = Run::of(&mirrors(&[server.url("/")]), &wanted("f", &bytes));
    run.assert_good(&bytes);
    let second = &server.asked()[1].headers;
    assert_eq!(second["range"], "bytes=40000-");
    assert!(second["if-range"].starts_with('"'));
}

#[test]
fn what_an_earlier_fetch_did_not_bring_to_its_end_is_taken_up_and_nothing_else_stays() {
    let bytes = file();
    let server = Server::start();
    server.on("/f", &[Manner::Cut(bytes.clone(), 40_000)]);
    let only = mirrors(&[server.url("/")]);
    let run = Run::of(&only, &wanted("f", &bytes));
    assert!(run.result.is_err());
    let left = names(run.directory.path());
    assert_eq!(left.len(), 1);
    let before = server.count("/f");
    server.good("/f", &bytes);
    let run = Run::into(run.directory, &only, &wanted("f", &bytes));
    run.assert_good(&bytes);
    let again = &server.asked()[before];
    assert_eq!(again.headers["range"], "bytes=40000-");
    assert_eq!(names(run.directory.path()), left);
    drop(run.result);
    assert!(names(run.directory.path()).is_empty());
    // Of what never began there is nothing to take up.
    server.on("/f", &[Manner::Status(404, "")]);
    let run = Run::into(run.directory, &only, &wanted("f", &bytes));
    assert!(run.result.is_err());
    assert!(names(run.directory.path()).is_empty());
}

#[test]
fn what_is_wholly_here_is_not_asked_for() {
    let bytes = file();
    let wanted = wanted("f", &bytes);
    let directory = tempfile::tempdir().unwrap();
    let part = format!("sha256-{}.part", wanted.digest.hex);
    fs::write(directory.path().join(part), &bytes).unwrap();
    Run::into(directory, &mirrors(&[refused()]), &wanted).assert_good(&bytes);
}

#[test]
fn nobody_waits_for_another_who_fetches_the_same() {
    let bytes = file();
    let server = Server::start();
    server.good("/f", &bytes);
    let wanted = wanted("f", &bytes);
    let directory = tempfile::tempdir().unwrap();
    let part = directory
        .path()
        .join(format!("sha256-{}.part", wanted.digest.hex));
    fs::write(&part, &bytes[..50_000]).unwrap();
    let other = fs::File::open(&part).unwrap();
    other.lock().unwrap();
    let run = Run::into(directory, &mirrors(&[server.url("/")]), &wanted);
    let fetched = run.result.unwrap();
    assert!(fs::read(fetched.path()).unwrap() == bytes);
    assert_ne!(fetched.path(), part);
    assert!(!server.asked()[0].headers.contains_key("range"));
    drop(fetched);
    assert_eq!(names(run.directory.path()).len(), 1);
    assert_eq!(fs::read(&part).unwrap(), &bytes[..50_000]);
}

#[test]
fn a_rest_that_does_not_fit_is_fetched_as_a_whole() {
    let bytes = file();
    for (odd, requests) in [
        (Manner::WrongPart(bytes.clone()), 3),
        (Manner::Whole(bytes.clone()), 2),
        (Manner::Chunked(bytes.clone()), 2),
    ] {
        let server = Server::start();
        server.on("/f", &[Manner::Cut(bytes.clone(), 40_000), odd]);
        let run = Run::of(&mirrors(&[server.url("/")]), &wanted("f", &bytes));
        run.assert_good(&bytes);
        assert_eq!(server.count("/f"), requests);
    }
}

#[test]
fn a_first_part_of_another_file_does_no_harm() {
    let bytes = file();
    let server = Server::start();
    server.good("/f", &bytes);
    let wanted = wanted("f", &bytes);
    for left in [
        b"something else".to_vec(),
        vec![7; 100_000],
        vec![7; 200_000],
        bytes.clone(),
    ] {
        let directory = tempfile::tempdir().unwrap();
        let part = format!("sha256-{}.part", wanted.digest.hex);
        fs::write(directory.path().join(part), left).unwrap();
        let run = Run::into(directory, &mirrors(&[server.url("/")]), &wanted);
        run.assert_good(&bytes);
        assert!(
            run.told.is_empty(),
            "the mirror is not blamed: {:?}",
            run.told
        );
    }
}

#[test]
fn a_server_that_recovers_is_asked_again_after_a_pause() {
    let bytes = file();
    let server = Server::start();
    let busy = Manner::Status(503, "Retry-After: 3600\r\n");
    server.on(
        "/f",
        &[Manner::Status(500, ""), busy, Manner::Good(bytes.clone())],
    );
    let run = Run::of(&mirrors(&[server.url("/")]), &wanted("f", &bytes));
    run.assert_good(&bytes);
    let pauses: Vec<_> = run
        .told
        .iter()
        .filter(|told| told.starts_with("waiting"))
        .collect();
    assert_eq!(
        pauses,
        ["waiting 1ms", "waiting 20ms"],
        "what a server asks for is bounded"
    );
}

#[test]
fn a_mirror_that_lied_is_asked_last_from_then_on() {
    let bytes = file();
    let (liar, honest) = (Server::start(), Server::start());
    let both = mirrors(&[liar.url("/"), honest.url("/")]);
    liar.good("/a", b"lies").good("/b", &bytes);
    honest.good("/a", &bytes).good("/b", &bytes);
    Run::of(&both, &wanted("a", &bytes)).assert_good(&bytes);
    Run::of(&both, &wanted("b", &bytes)).assert_good(&bytes);
    assert_eq!((liar.count("/a"), liar.count("/b")), (1, 0));
}

#[test]
fn when_nobody_helps_the_error_names_every_attempt_and_no_secret() {
    let server = Server::start();
    let secret = server.url("/").replace("http://", "http://me:sesame@");
    let nobody = refused();
    let run = Run::of(&mirrors(&[secret, nobody.clone()]), &wanted("f", b"x"));
    let error = run.error();
    assert!(error.starts_with("f could not be fetched\n"), "{error}");
    assert!(
        error.contains(&format!("{}: there is no such file", server.url("/f"))),
        "{error}"
    );
    assert_eq!(error.matches(&nobody).count(), 3, "{error}");
    assert!(!error.contains("sesame") && !format!("{:?}", run.result).contains("sesame"));
    assert_eq!(
        server.count("/f"),
        1,
        "what is missing is not asked for again"
    );
    let sent = &server.asked()[0].headers["authorization"];
    assert_eq!(sent, "Basic bWU6c2VzYW1l");
}

#[test]
fn credentials_stay_with_their_host() {
    let bytes = file();
    let (first, second) = (Server::start(), Server::start());
    second.good("/f", &bytes);
    first.on("/f", &[Manner::Redirect("/g".into())]);
    first.on("/g", &[Manner::Redirect(second.url("/f"))]);
    let url = first.url("/").replace("http://", "http://me:sesame@");
    Run::of(&mirrors(&[url]), &wanted("f", &bytes)).assert_good(&bytes);
    let sent =
        |server: &Server, at: usize| server.asked()[at].headers.contains_key("authorization");
    assert!(sent(&first, 0) && sent(&first, 1));
    assert!(!sent(&second, 0));
}

#[test]
fn every_algorithm_is_checked_with_or_without_a_size() {
    let bytes = file();
    let server = Server::start();
    server
        .good("/f", &bytes)
        .on("/endless", &[Manner::Endless])
        .good("/bad", b"bad");
    let only = mirrors(&[server.url("/")]);
    use Algorithm::*;
    for algorithm in [Md5, Sha1, Sha224, Sha256, Sha384, Sha512] {
        let mut wanted = wanted("f", &bytes);
        wanted.digest = digest(algorithm, &bytes);
        Run::of(&only, &wanted).assert_good(&bytes);
        wanted.size = None;
        Run::of(&only, &wanted).assert_good(&bytes);
        wanted.locations = vec!["bad".into()];
        let run = Run::of(&only, &wanted);
        assert!(run.error().contains(algorithm.name()), "{}", run.error());
    }
    let mut endless = wanted("endless", &bytes);
    endless.size = None;
    let error = Run::of(&only, &endless).error();
    assert!(error.contains("more than 1048576 bytes came"), "{error}");
}

#[test]
fn many_files_come_in_the_order_asked_for_and_few_at_a_time_from_a_host() {
    let server = Server::start();
    let bodies: Vec<Vec<u8>> = (0..40u8).map(|i| vec![i; 5000 + usize::from(i)]).collect();
    let only = mirrors(&[server.url("/")]);
    let mut jobs = Vec::new();
    for (i, body) in bodies.iter().enumerate() {
        if i != 7 {
            server.on(&format!("/{i}"), &[Manner::Late(body.clone())]);
        }
        jobs.push(Job {
            mirrors: &only,
            wanted: wanted(&i.to_string(), body),
        });
    }
    let client = Client::new(&network()).unwrap();
    let quiet = |_: Event<'_>| {};
    let directory = tempfile::tempdir().unwrap();
    let results =
        Fetcher::new(&client, hasty(), &quiet).fetch_all(&jobs, directory.path(), OnError::GoOn);
    for (i, result) in results.iter().enumerate() {
        match result {
            Ok(fetched) => assert!(fs::read(fetched.path()).unwrap() == bodies[i]),
            Err(error) => assert!(i == 7, "{error}"),
        }
    }
    assert!(results[7].is_err());
    assert!(server.most() <= 3, "{} at once", server.most());
}

#[test]
fn the_first_that_can_not_be_had_stops_the_rest_and_what_came_stays() {
    let server = Server::start();
    let only = mirrors(&[server.url("/")]);
    let jobs: Vec<Job<'_>> = (0..9u8)
        .map(|i| {
            if i != 4 {
                server.good(&format!("/{i}"), &[i; 50]);
            }
            Job {
                mirrors: &only,
                wanted: wanted(&i.to_string(), &[i; 50]),
            }
        })
        .collect();
    let one_by_one = Persistence {
        at_once: 1,
        ..hasty()
    };
    let client = Client::new(&network()).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let quiet = |_: Event<'_>| {};
    let results =
        Fetcher::new(&client, one_by_one, &quiet).fetch_all(&jobs, directory.path(), OnError::Stop);
    for (i, result) in (0u8..).zip(&results) {
        match result {
            Ok(fetched) => assert!(i < 4 && fs::read(fetched.path()).unwrap() == [i; 50]),
            Err(Error::Exhausted { attempts, .. }) => assert!(
                i == 4 && matches!(attempts.0[0].failure, Failure::Missing(404)),
                "{i}"
            ),
            Err(error) => assert!(i > 4 && matches!(error, Error::Stopped { .. }), "{error}"),
        }
    }
    assert!(results[3].is_ok() && results[4].is_err() && results[5].is_err());
}

#[test]
fn the_same_file_wanted_many_times_comes_many_times() {
    let bytes = file();
    let server = Server::start();
    server.good("/f", &bytes);
    let only = mirrors(&[server.url("/")]);
    let job = Job {
        mirrors: &only,
        wanted: wanted("f", &bytes),
    };
    let client = Client::new(&network()).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let quiet = |_: Event<'_>| {};
    let fetcher = Fetcher::new(&client, hasty(), &quiet);
    for result in fetcher.fetch_all(&vec![job; 12], directory.path(), OnError::GoOn) {
        assert!(fs::read(result.unwrap().path()).unwrap() == bytes);
    }
    assert!(names(directory.path()).is_empty());
}

#[test]
fn a_checksum_never_leads_out_of_the_directory() {
    let mut wanted = wanted("f", b"x");
    wanted.digest.hex = "/../../escaped".into();
    let run = Run::of(&mirrors(&[refused()]), &wanted);
    assert!(
        run.error().ends_with("is no checksum that f could have"),
        "{}",
        run.error()
    );
}

#[test]
fn files_of_this_machine_are_fetched_the_same_way() {
    let bytes = file();
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("a b"), &bytes).unwrap();
    let base = format!("file://{}", directory.path().display());
    Run::of(
        &mirrors(std::slice::from_ref(&base)),
        &wanted("a b", &bytes),
    )
    .assert_good(&bytes);
    let error = Run::of(&mirrors(&[base]), &wanted("c", &bytes)).error();
    assert!(error.contains("No such file"), "{error}");
}

#[test]
fn a_fifo_where_a_file_should_be_is_not_waited_for() {
    let directory = tempfile::tempdir().unwrap();
    node(&directory.path().join("f"), FileType::Fifo);
    let base = format!("file://{}", directory.path().display());
    let error = Run::of(&mirrors(&[base]), &wanted("f", b"x")).error();
    assert!(error.contains("it is not a file"), "{error}");
}

#[test]
fn a_repository_on_the_network_names_no_file_of_this_machine() {
    let directory = tempfile::tempdir().unwrap();
    let local = directory.path().join("f");
    fs::write(&local, b"x").unwrap();
    let mut wanted = wanted("f", b"x");
    wanted.locations = vec![format!("file://{}", local.display())];
    let server = Server::start();
    let error = Run::of(&mirrors(&[server.url("/")]), &wanted).error();
    assert!(
        error.contains("can't name files of this machine"),
        "{error}"
    );
    let beside = format!("file://{}", directory.path().display());
    Run::of(&mirrors(&[beside]), &wanted).assert_good(b"x");
}
