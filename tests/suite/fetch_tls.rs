//! TLS with a certificate authority of one's own, and proxies.

use std::fs;
use std::path::Path;
use std::process::Command;

use store::source::fetch::{Client, Error, Event, Fetched, Fetcher, Network};

use crate::fetch::{hasty, mirrors, network, wanted};
use crate::support::python::Python;
use crate::support::server::{Server, refused};
use crate::support::told;

fn fetch(network: &Network, base: &str, location: &str) -> Result<Fetched, Error> {
    let directory = tempfile::tempdir().unwrap();
    let client = Client::new(network)?;
    let quiet = |_: Event<'_>| {};
    let fetcher = Fetcher::new(&client, hasty(), &quiet);
    fetcher.fetch(
        &mirrors(&[base.to_owned()]),
        &wanted(location, b"content"),
        directory.path(),
    )
}

/// Runs `openssl` in a directory; false, said aloud, where there is none.
fn openssl(directory: &Path, arguments: &str) -> bool {
    let run = Command::new("openssl")
        .args(arguments.split(' '))
        .current_dir(directory)
        .output();
    match run {
        Ok(done) => {
            let said = String::from_utf8_lossy(&done.stderr);
            assert!(done.status.success(), "openssl {arguments}: {said}");
            true
        }
        Err(_) => {
            told::left_out("no openssl");
            false
        }
    }
}

#[test]
fn a_certificate_is_believed_only_by_who_has_its_authority() {
    let keys = tempfile::tempdir().unwrap();
    let new = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3650";
    let extensions = "subjectAltName=IP:127.0.0.1\nbasicConstraints=CA:FALSE\n";
    fs::write(keys.path().join("extensions"), extensions).unwrap();
    for arguments in [
        format!("req -x509 {new} -keyout ca.key -out ca.pem -subj /CN=Authority"),
        format!("req {new} -keyout key.pem -out request.pem -subj /CN=localhost"),
        "x509 -req -in request.pem -CA ca.pem -CAkey ca.key -CAcreateserial -days 3650 \
         -extfile extensions -out certificate.pem"
            .to_owned(),
    ] {
        if !openssl(keys.path(), &arguments) {
            return;
        }
    }
    let files = tempfile::tempdir().unwrap();
    fs::write(files.path().join("f"), "content").unwrap();
    let key = |name: &str| keys.path().join(name);
    let tls = (&*key("certificate.pem"), &*key("key.pem"));
    let Some(python) = Python::serve(files.path(), Some(tls)) else {
        return;
    };
    let base = format!("https://{}/", python.host());
    let believing = Network {
        roots: Some(key("ca.pem")),
        ..network()
    };

    fetch(&believing, &base, "f").unwrap();
    let refused = fetch(&network(), &base, "f").unwrap_err().to_string();
    assert!(refused.contains("certificate"), "{refused}");
    assert!(
        refused.ends_with("is given with SSL_CERT_FILE"),
        "{refused}"
    );
    let other_name = base.replace("127.0.0.1", "localhost");
    let refused = fetch(&believing, &other_name, "f").unwrap_err().to_string();
    assert!(refused.contains("certificate"), "{refused}");
    let down = fetch(&believing, &base, "down/f").unwrap_err().to_string();
    assert!(
        down.contains("must not lead to what is less safe"),
        "{down}"
    );
}

#[test]
fn roots_that_can_not_be_read_are_an_error_with_the_file() {
    let with = |path: &Path| {
        Client::new(&Network {
            roots: Some(path.into()),
            ..network()
        })
    };
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("ca.pem");
    let error = with(&path).err().unwrap().to_string();
    assert_eq!(
        error,
        format!("reading the root certificates {}", path.display())
    );
    fs::write(&path, "not PEM").unwrap();
    let error = with(&path).err().unwrap().to_string();
    assert_eq!(
        error,
        format!("{} holds no certificate in PEM form", path.display())
    );
}

#[test]
fn a_proxy_is_used_unless_the_host_is_exempt_and_its_password_never_shown() {
    let server = Server::start();
    server.good("/f", b"content");
    let through = |no_proxy: &str| Network {
        http_proxy: Some(refused().replace("http://", "http://me:sesame@")),
        no_proxy: no_proxy.to_owned(),
        ..network()
    };
    for exempt in ["*", "a.example, 127.0.0.1", ".0.0.1"] {
        fetch(&through(exempt), &server.url("/"), "f").unwrap();
    }
    for proxied in ["", "a.example", "7.0.0.1"] {
        let error = fetch(&through(proxied), &server.url("/"), "f").unwrap_err();
        assert!(!format!("{error} {error:?}").contains("sesame"));
    }
    for unusable in ["socks5://me:sesame@h:1", "file:///h", "http://"] {
        let network = Network {
            http_proxy: Some(unusable.into()),
            ..network()
        };
        let error = Client::new(&network).err().unwrap().to_string();
        assert!(
            error.contains("can't be used") && !error.contains("sesame"),
            "{error}"
        );
    }
}
