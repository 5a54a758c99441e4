//! Asking one URL once.

use std::fs;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use ureq::config::Config;
use ureq::http::{HeaderMap, Response};
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};
use ureq::{Agent, Body, Proxy};

use super::error::{Error, Failure};
use super::url::{Scheme, Url};
use crate::store::file;

/// How many redirects are followed.
const REDIRECTS: usize = 8;

/// No server of packages needs longer headers.
const HEADERS: usize = 64 << 10;

/// Where distributions keep the certificates that they trust.
const BUNDLES: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// What the network of this machine is like; `cli` reads it from the environment.
#[derive(Clone, Default)]
pub struct Network {
    /// Root certificates in PEM form, instead of those of the system (`SSL_CERT_FILE`).
    pub roots: Option<PathBuf>,
    /// `http_proxy`.
    pub http_proxy: Option<String>,
    /// `https_proxy`.
    pub https_proxy: Option<String>,
    /// `no_proxy`: hosts and domains, with commas between them, or `*`.
    pub no_proxy: String,
    pub patience: Patience,
}

/// How long a server may take.
#[derive(Debug, Clone)]
pub struct Patience {
    pub connect: Duration,
    /// Until the headers are whole.
    pub answer: Duration,
    /// Without a single byte.
    pub silence: Duration,
    /// Bytes a second, once `silence` has passed.
    pub slowest: u64,
}

impl Default for Patience {
    fn default() -> Self {
        Patience {
            connect: Duration::from_secs(15),
            answer: Duration::from_secs(30),
            silence: Duration::from_secs(20),
            slowest: 1000,
        }
    }
}

/// A client for `https:`, `http:` and `file:`. It keeps connections open for the next request.
pub struct Client {
    direct: Agent,
    http: Option<Agent>,
    https: Option<Agent>,
    exempt: Vec<String>,
    pub(super) patience: Patience,
}

/// The part of a file that is still wanted.
#[derive(Debug, Clone, Default)]
pub struct Rest {
    pub from: u64,
    /// What the server called the version that the first part is of.
    pub version: Option<String>,
}

/// A file on its way.
pub struct Answer {
    /// Where the first byte belongs.
    pub from: u64,
    pub version: Option<String>,
    pub encoding: Option<String>,
    /// Whether the server calls it an HTML page: some say so of every file.
    pub page: bool,
    pub body: Box<dyn Read>,
}

impl Client {
    pub fn new(network: &Network) -> Result<Client, Error> {
        let roots = roots(network.roots.as_deref())?;
        let agent = |proxy: Option<Proxy>| config(&network.patience, &roots, proxy).new_agent();
        let through = |proxy: &Option<String>| match proxy.as_deref() {
            None | Some("") => Ok(None),
            Some(proxy) => self::proxy(proxy).map(|proxy| Some(agent(Some(proxy)))),
        };
        let exempt = network.no_proxy.split(',').map(|entry| {
            let entry = entry
                .trim()
                .trim_start_matches("*.")
                .trim_start_matches('.');
            entry.to_ascii_lowercase()
        });
        Ok(Client {
            direct: agent(None),
            http: through(&network.http_proxy)?,
            https: through(&network.https_proxy)?,
            exempt: exempt.filter(|entry| !entry.is_empty()).collect(),
            patience: network.patience.clone(),
        })
    }

    /// Opens a file, or the rest of it. A server that doesn't do parts gives all of it.
    pub fn get(&self, url: &Url, rest: &Rest) -> Result<Answer, Failure> {
        match url.file() {
            Some(path) => open(&path, rest),
            None => self.follow(url, rest),
        }
    }

    fn follow(&self, url: &Url, rest: &Rest) -> Result<Answer, Failure> {
        let mut url = url.clone();
        for _ in 0..=REDIRECTS {
            let response = self.ask(&url, rest)?;
            let target = header(response.headers(), "location");
            match (response.status().as_u16(), target) {
                (301 | 302 | 303 | 307 | 308, Some(target)) => {
                    url = url.redirected(&target).map_err(Failure::Redirect)?;
                }
                _ => return answer(response, rest),
            }
        }
        Err(Failure::Redirects(REDIRECTS))
    }

    fn ask(&self, url: &Url, rest: &Rest) -> Result<Response<Body>, Failure> {
        let mut request = self.agent(url).get(url.to_string());
        // What is compressed on the way is not the file that the checksum is of.
        request = request.header("Accept-Encoding", "identity");
        if let Some(authorization) = url.authorization() {
            request = request.header("Authorization", authorization);
        }
        if rest.from > 0 {
            request = request.header("Range", format!("bytes={}-", rest.from));
            if let Some(version) = &rest.version {
                request = request.header("If-Range", version);
            }
        }
        request.call().map_err(|error| self.failure(error))
    }

    fn agent(&self, url: &Url) -> &Agent {
        let proxied = match url.scheme() {
            Scheme::Https => &self.https,
            Scheme::Http | Scheme::File => &self.http,
        };
        let name = url.name();
        let exempt = self.exempt.iter().any(|entry| {
            let parent = name.strip_suffix(entry.as_str());
            entry == "*" || parent.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        });
        match proxied {
            Some(agent) if !exempt => agent,
            _ => &self.direct,
        }
    }

    fn failure(&self, error: ureq::Error) -> Failure {
        match error {
            ureq::Error::Timeout(ureq::Timeout::Connect) => Failure::Silent(self.patience.connect),
            ureq::Error::Timeout(ureq::Timeout::RecvResponse) => {
                Failure::Silent(self.patience.answer)
            }
            ureq::Error::Timeout(_) => Failure::Silent(self.patience.silence),
            ureq::Error::Io(error) => self.broken(error),
            error => Failure::Connection(error.to_string()),
        }
    }

    /// What an error in the middle of a body means.
    pub fn broken(&self, error: io::Error) -> Failure {
        if error
            .get_ref()
            .is_some_and(|inner| inner.is::<ureq::Error>())
        {
            return self.failure(ureq::Error::from(error));
        }
        match error.kind() {
            io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => {
                Failure::Silent(self.patience.silence)
            }
            io::ErrorKind::UnexpectedEof => {
                Failure::Connection("the server hung up in the middle".to_owned())
            }
            _ => Failure::Connection(error.to_string()),
        }
    }
}

fn config(patience: &Patience, roots: &RootCerts, proxy: Option<Proxy>) -> Config {
    let tls = TlsConfig::builder()
        .root_certs(roots.clone())
        .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .build();
    Agent::config_builder()
        .tls_config(tls)
        // Without this, the environment would be read.
        .proxy(proxy)
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .max_response_header_size(HEADERS)
        .user_agent(concat!("store/", env!("CARGO_PKG_VERSION")))
        .timeout_connect(Some(patience.connect))
        .timeout_recv_response(Some(patience.answer))
        .timeout_per_read(Some(patience.silence))
        .timeout_per_write(Some(patience.silence))
        .build()
}

/// The certificates of a file, or else of the system; none where there is no such file.
fn roots(given: Option<&Path>) -> Result<RootCerts, Error> {
    let system = || BUNDLES.iter().map(Path::new).find(|path| path.exists());
    let Some(path) = given.or_else(system) else {
        return Ok(RootCerts::new_with_certs(&[]));
    };
    let pem = fs::read(path).map_err(|source| Error::Roots {
        path: path.to_owned(),
        source,
    })?;
    let certificates: Vec<Certificate<'static>> = parse_pem(&pem)
        .filter_map(|item| match item {
            Ok(PemItem::Certificate(certificate)) => Some(certificate),
            _ => None,
        })
        .collect();
    if certificates.is_empty() {
        let path = path.to_owned();
        return Err(Error::NoRoots { path });
    }
    Ok(RootCerts::new_with_certs(&certificates))
}

fn proxy(text: &str) -> Result<Proxy, Error> {
    let with_scheme = match text.contains("://") {
        true => text.to_owned(),
        false => format!("http://{text}"),
    };
    let shown = with_scheme.parse::<Url>();
    let web = matches!(&shown, Ok(url) if url.scheme() != Scheme::File);
    // SOCKS is not built in, and asking for it would be a panic.
    let proxy = web.then(|| Proxy::new(&with_scheme).ok()).flatten();
    proxy.ok_or_else(|| Error::Proxy {
        proxy: match shown {
            Ok(url) => url.to_string(),
            Err(invalid) => invalid.text,
        },
    })
}

fn open(path: &Path, rest: &Rest) -> Result<Answer, Failure> {
    // Nobody waits for who may write to a FIFO.
    let mut file = file::open(path).map_err(Failure::File)?;
    let metadata = file::check(&file).map_err(Failure::File)?;
    let from = if rest.from <= metadata.len() {
        rest.from
    } else {
        0
    };
    file.seek(SeekFrom::Start(from)).map_err(Failure::File)?;
    Ok(Answer {
        from,
        version: None,
        encoding: None,
        page: false,
        body: Box::new(file),
    })
}

fn answer(response: Response<Body>, rest: &Rest) -> Result<Answer, Failure> {
    let headers = response.headers();
    let from = match response.status().as_u16() {
        200 => 0,
        206 if rest.from > 0 => part(headers, rest)?,
        // The part before is longer than the file: it is of another version.
        416 if rest.from > 0 => return Err(Failure::Part(String::new())),
        status @ (404 | 410) => return Err(Failure::Missing(status)),
        status @ (401 | 403 | 407) => return Err(Failure::Forbidden(status)),
        status => {
            let after = header(headers, "retry-after").and_then(|after| after.parse().ok());
            let after = after.map(Duration::from_secs);
            return Err(Failure::Status { status, after });
        }
    };
    let kind = header(headers, "content-type");
    let encoding = header(headers, "content-encoding").filter(|name| name != "identity");
    // A weak tag does not say that the bytes are the same.
    let tag = header(headers, "etag").filter(|tag| !tag.starts_with("W/"));
    Ok(Answer {
        from,
        version: tag.or_else(|| header(headers, "last-modified")),
        encoding,
        page: kind.is_some_and(|kind| kind.starts_with("text/html")),
        body: Box::new(response.into_body().into_reader()),
    })
}

/// Where a part begins; it must be the one that was asked for.
fn part(headers: &HeaderMap, rest: &Rest) -> Result<u64, Failure> {
    let range = header(headers, "content-range").unwrap_or_default();
    let first = range
        .strip_prefix("bytes ")
        .and_then(|range| range.split_once('-'))
        .and_then(|(first, _)| first.trim().parse().ok());
    match first {
        Some(first) if first == rest.from => Ok(first),
        _ => Err(Failure::Part(range)),
    }
}

fn header(headers: &HeaderMap, name: &str) -> Option<String> {
    let value = headers.get(name)?.to_str().ok()?;
    Some(value.trim().to_owned())
}
