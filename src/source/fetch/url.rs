//! URLs as repositories use them, with the credentials kept where no message shows them.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use data_encoding::BASE64;

/// An `https:`, `http:` or `file:` URL. Shown without its credentials.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Url {
    scheme: Scheme,
    /// Host and port, as given; empty for files.
    host: String,
    /// Begins with a slash, ends before the query.
    path: String,
    /// With its question mark; may be empty.
    query: String,
    /// `user:password`, decoded.
    credentials: Option<Vec<u8>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scheme {
    Https,
    Http,
    File,
}

impl Scheme {
    const ALL: [Scheme; 3] = [Scheme::Https, Scheme::Http, Scheme::File];

    const fn name(self) -> &'static str {
        match self {
            Scheme::Https => "https",
            Scheme::Http => "http",
            Scheme::File => "file",
        }
    }
}

/// The text is no URL that can be fetched. Its credentials are left out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} can't be fetched: {reason}")]
pub struct InvalidUrl {
    pub text: String,
    pub reason: &'static str,
}

impl Url {
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// Host and port; empty for files.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The host without its port.
    pub fn name(&self) -> &str {
        match self.host.rsplit_once(':') {
            Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
            _ => &self.host,
        }
    }

    /// The local file that a `file:` URL names.
    pub fn file(&self) -> Option<PathBuf> {
        use std::os::unix::ffi::OsStringExt;
        let path = std::ffi::OsString::from_vec(decode(&self.path));
        (self.scheme == Scheme::File).then(|| path.into())
    }

    /// What the header `Authorization` says.
    pub fn authorization(&self) -> Option<String> {
        let credentials = self.credentials.as_ref()?;
        Some(format!("Basic {}", BASE64.encode(credentials)))
    }

    /// The URL of a file beside this one, whose name ends with more.
    pub fn beside(&self, end: &str) -> Url {
        Url {
            path: format!("{}{end}", self.path),
            ..self.clone()
        }
    }

    /// A file below this directory, or wherever the location leads if it is a URL itself.
    ///
    /// The query goes along: mirrors that want a token want it for each file.
    pub fn join(&self, location: &str) -> Result<Url, InvalidUrl> {
        if has_scheme(location) {
            let url: Url = location.parse()?;
            return match self.may_name(&url) {
                true => Ok(url),
                false => Err(InvalidUrl {
                    text: url.to_string(),
                    reason: "a repository on the network can't name files of this machine",
                }),
            };
        }
        let directory = self.path.trim_end_matches('/');
        let location = location.trim_start_matches('/');
        let mut joined = self.clone();
        joined.path = absolute(&format!("{directory}/{location}"));
        Ok(joined)
    }

    /// Whether what lies here may say that something else is to be had there: files of this machine are no business
    /// of who is elsewhere.
    pub fn may_name(&self, other: &Url) -> bool {
        self.scheme == Scheme::File || other.scheme != Scheme::File
    }

    /// Where a redirect from here leads. Credentials stay with the host that they are for.
    pub fn redirected(&self, target: &str) -> Result<Url, InvalidUrl> {
        let target = target.split('#').next().unwrap_or_default();
        let mut url = if has_scheme(target) {
            target.parse()?
        } else if target.starts_with("//") {
            format!("{}:{target}", self.scheme.name()).parse()?
        } else {
            self.relative(target)
        };
        if url.credentials.is_none() && (url.scheme, &url.host) == (self.scheme, &self.host) {
            url.credentials = self.credentials.clone();
        }
        match (self.scheme, url.scheme) {
            (Scheme::Https, Scheme::Https) | (Scheme::Http, Scheme::Http | Scheme::Https) => {
                Ok(url)
            }
            _ => Err(InvalidUrl {
                text: url.to_string(),
                reason: "a redirect must not lead to what is less safe",
            }),
        }
    }

    fn relative(&self, target: &str) -> Url {
        let (path, query) = split_query(target);
        let parent = self.path.rsplit_once('/').map_or("", |(parent, _)| parent);
        let mut url = self.clone();
        url.query = query.to_owned();
        if path.starts_with('/') {
            url.path = absolute(path);
        } else if !path.is_empty() {
            url.path = absolute(&format!("{parent}/{path}"));
        }
        url
    }

    /// The URL with a last part taken away: the base that a metalink's URL of `repomd.xml` is of.
    pub fn without(&self, location: &str) -> Option<Url> {
        let directory = self.path.strip_suffix(location)?;
        let mut base = self.clone();
        base.path = directory.to_owned();
        directory.ends_with('/').then_some(base)
    }
}

impl FromStr for Url {
    type Err = InvalidUrl;

    fn from_str(text: &str) -> Result<Self, InvalidUrl> {
        let invalid = |reason| InvalidUrl {
            text: without_credentials(text),
            reason,
        };
        let scheme = Scheme::ALL.into_iter().find(|scheme| is_of(text, *scheme));
        let scheme =
            scheme.ok_or_else(|| invalid("it must begin with https://, http:// or file://"))?;
        if text.contains(|c: char| c.is_whitespace() || c.is_control()) {
            return Err(invalid("it must hold no spaces"));
        }
        let rest = &text[scheme.name().len() + "://".len()..];
        let rest = rest.split('#').next().unwrap_or_default();
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, rest) = rest.split_at(end);
        let (credentials, host) = match authority.rsplit_once('@') {
            Some((credentials, host)) => (Some(decode(credentials)), host),
            None => (None, authority),
        };
        if scheme == Scheme::File && !matches!(host, "" | "localhost") {
            return Err(invalid("a file:// URL names no host; write file:///PATH"));
        }
        if scheme != Scheme::File && (host.is_empty() || host.starts_with(':') || !host.is_ascii())
        {
            return Err(invalid("it names no host"));
        }
        let (path, query) = split_query(rest);
        Ok(Url {
            scheme,
            host: match scheme {
                Scheme::File => String::new(),
                _ => host.to_ascii_lowercase(),
            },
            path: match path {
                "" => "/".to_owned(),
                path => absolute(path),
            },
            query: encode(query),
            credentials,
        })
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Url {
            scheme,
            host,
            path,
            query,
            ..
        } = self;
        write!(f, "{}://{host}{path}{query}", scheme.name())
    }
}

impl fmt::Debug for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

fn is_of(text: &str, scheme: Scheme) -> bool {
    let name = scheme.name();
    let start = text.get(..name.len());
    start.is_some_and(|start| start.eq_ignore_ascii_case(name))
        && text[name.len()..].starts_with("://")
}

fn has_scheme(text: &str) -> bool {
    let scheme = text.split_once("://").map_or("", |(scheme, _)| scheme);
    !scheme.is_empty() && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

fn split_query(text: &str) -> (&str, &str) {
    text.split_at(text.find('?').unwrap_or(text.len()))
}

/// A text that may be a URL, as a message can show it.
fn without_credentials(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once("://") else {
        return text.to_owned();
    };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let host = rest[..end].rfind('@').map_or(0, |at| at + 1);
    format!("{scheme}://{}", &rest[host..])
}

/// A path as it is asked for: without `.` and `..`, which only some servers make something of (RFC 3986, section 5.2.4).
fn absolute(path: &str) -> String {
    let mut names: Vec<&str> = Vec::new();
    for name in path.split('/').skip(1) {
        match name {
            "." => {}
            ".." => drop(names.pop()),
            name => names.push(name),
        }
    }
    let is_directory = path.ends_with("/.") || path.ends_with("/..");
    let end = if is_directory && !names.is_empty() {
        "/"
    } else {
        ""
    };
    encode(&format!("/{}{end}", names.join("/")))
}

/// Escapes what a request line can't hold. What is escaped already stays as it is.
fn encode(path: &str) -> String {
    let bytes = path.as_bytes();
    let mut encoded = String::with_capacity(path.len());
    for (at, &byte) in bytes.iter().enumerate() {
        let escape = byte == b'%' && hex(bytes, at + 1).is_some();
        let plain = byte.is_ascii_graphic() && !b"\"#%<>[\\]^`{|}".contains(&byte);
        if escape || plain {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

fn decode(text: &str) -> Vec<u8> {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        match hex(bytes, at + 1) {
            Some(byte) if bytes[at] == b'%' => {
                decoded.push(byte);
                at += 3;
            }
            _ => {
                decoded.push(bytes[at]);
                at += 1;
            }
        }
    }
    decoded
}

/// The byte that two hexadecimal digits stand for.
fn hex(bytes: &[u8], at: usize) -> Option<u8> {
    let digits = std::str::from_utf8(bytes.get(at..at + 2)?).ok()?;
    let both = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    both.then(|| u8::from_str_radix(digits, 16).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        text.parse().unwrap()
    }

    #[test]
    fn credentials_are_sent_and_never_shown() {
        let url = url("https://me:s%40cret@Mirror.example:8443/os/");
        assert_eq!(url.to_string(), "https://mirror.example:8443/os/");
        assert_eq!(format!("{url:?}"), "https://mirror.example:8443/os/");
        assert_eq!(url.authorization().unwrap(), "Basic bWU6c0BjcmV0");
        let invalid = "ftp://me:secret@host/x".parse::<Url>().unwrap_err();
        assert!(!invalid.to_string().contains("secret"), "{invalid}");
    }

    #[test]
    fn a_location_is_joined_to_the_directory_and_the_query_goes_along() {
        let base = url("https://host/os?token=1");
        let joined = base.join("Packages/a b^1~2+3.rpm").unwrap();
        assert_eq!(
            joined.to_string(),
            "https://host/os/Packages/a%20b%5E1~2+3.rpm?token=1"
        );
        for (location, path) in [
            ("./a/../b.rpm", "/os/b.rpm"),
            ("../../../b.rpm", "/b.rpm"),
            ("a//.b.rpm", "/os/a//.b.rpm"),
            ("a/..", "/os/"),
            ("../..", "/"),
        ] {
            assert_eq!(base.join(location).unwrap().path, path);
        }
        let elsewhere = base.join("http://other/x.rpm").unwrap();
        assert_eq!(elsewhere.to_string(), "http://other/x.rpm");
        let local = base.join("file:///etc/passwd").unwrap_err();
        assert!(local.reason.contains("files of this machine"), "{local}");
        let beside = url("file:///srv/os").join("file:///srv/rpms/x.rpm");
        assert_eq!(beside.unwrap().to_string(), "file:///srv/rpms/x.rpm");
    }

    #[test]
    fn a_redirect_is_followed_as_browsers_do_but_never_to_what_is_less_safe() {
        let from = url("https://me:pw@host/a/b?x");
        let to = |target| {
            from.redirected(target)
                .map(|url| (url.to_string(), url.credentials.is_some()))
        };
        assert_eq!(to("c?y").unwrap(), ("https://host/a/c?y".into(), true));
        assert_eq!(to("/c").unwrap(), ("https://host/c".into(), true));
        assert_eq!(to("./../d").unwrap(), ("https://host/d".into(), true));
        assert_eq!(to("//other/c").unwrap(), ("https://other/c".into(), false));
        for unsafe_target in ["http://host/c", "file:///etc/passwd", "ftp://host/c"] {
            assert!(to(unsafe_target).is_err(), "{unsafe_target}");
        }
    }

    #[test]
    fn a_file_url_names_a_file() {
        assert_eq!(
            url("file:///a%20b/c").file().unwrap(),
            PathBuf::from("/a b/c")
        );
        assert_eq!(url("http://host/c").file(), None);
        assert!("file://host/c".parse::<Url>().is_err());
    }
}
