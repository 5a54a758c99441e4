//! A web server on the loopback that behaves as badly as it is told to.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// How the server answers for a path.
#[derive(Debug, Clone)]
pub enum Manner {
    /// The file, or the part that was asked for.
    Good(Vec<u8>),
    /// The same, after a moment: others who ask meanwhile are counted with it.
    Late(Vec<u8>),
    /// The whole file, whatever was asked for.
    Whole(Vec<u8>),
    /// As many bytes, then the connection is cut; a part, if asked for, the same way.
    Cut(Vec<u8>, usize),
    /// As many bytes, then nothing more.
    Stall(Vec<u8>, usize),
    /// Twenty bytes a second.
    Drip(Vec<u8>),
    /// A part that begins elsewhere.
    WrongPart(Vec<u8>),
    /// A length that is a lie in the other direction: the headers say fewer.
    Short(Vec<u8>, usize),
    Chunked(Vec<u8>),
    /// A body without a length that ends when the connection does.
    Endless,
    /// A page with status 200, called HTML or not.
    Page {
        called_so: bool,
    },
    /// The whole file, called HTML.
    CalledPage(Vec<u8>),
    /// With a header that says it is compressed.
    Encoded(Vec<u8>),
    /// With more headers, each with its end of line.
    Status(u16, &'static str),
    Redirect(String),
    /// Closes without a word.
    Hangup,
    /// Headers that never end.
    SlowHeaders,
}

/// What was asked: the path, and each header that the tests look at.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Asked {
    pub path: String,
    pub headers: BTreeMap<String, String>,
}

/// Answers for a path: each manner once, the last one ever after.
type Script = BTreeMap<String, Vec<Manner>>;

#[derive(Default)]
struct State {
    script: Mutex<Script>,
    asked: Mutex<Vec<Asked>>,
    open: AtomicUsize,
    most: AtomicUsize,
    over: AtomicBool,
}

/// Ends with the test.
pub struct Server {
    port: u16,
    state: Arc<State>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    pub fn start() -> Server {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(State::default());
        let shared = Arc::clone(&state);
        let thread = thread::spawn(move || {
            let mut connections = Vec::new();
            for stream in listener.incoming() {
                if shared.over.load(Ordering::SeqCst) {
                    break;
                }
                let (stream, shared) = (stream.unwrap(), Arc::clone(&shared));
                connections.push(thread::spawn(move || serve(stream, &shared)));
            }
            connections
                .into_iter()
                .for_each(|connection| connection.join().unwrap());
        });
        Server {
            port,
            state,
            thread: Some(thread),
        }
    }

    /// Sets how a path is answered, the last manner for good.
    pub fn on(&self, path: &str, manners: &[Manner]) -> &Self {
        let mut script = self.state.script.lock().unwrap();
        script.insert(path.to_owned(), manners.to_vec());
        self
    }

    pub fn good(&self, path: &str, bytes: &[u8]) -> &Self {
        self.on(path, &[Manner::Good(bytes.to_vec())])
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    pub fn asked(&self) -> Vec<Asked> {
        self.state.asked.lock().unwrap().clone()
    }

    /// How often a path was asked for.
    pub fn count(&self, path: &str) -> usize {
        self.asked()
            .iter()
            .filter(|asked| asked.path == path)
            .count()
    }

    /// How many requests waited for an answer at once, at most.
    pub fn most(&self) -> usize {
        self.state.most.load(Ordering::SeqCst)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.state.over.store(true, Ordering::SeqCst);
        // Wakes the listener.
        drop(TcpStream::connect(("127.0.0.1", self.port)));
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

/// A URL that nobody listens at.
pub fn refused() -> String {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    format!("http://{}/", listener.local_addr().unwrap())
}

/// One request a connection: simple, and allowed.
fn serve(stream: TcpStream, state: &State) {
    let Some(asked) = request(&stream) else {
        return;
    };
    let open = state.open.fetch_add(1, Ordering::SeqCst) + 1;
    state.most.fetch_max(open, Ordering::SeqCst);
    let manner = {
        let mut script = state.script.lock().unwrap();
        match script.get_mut(&asked.path) {
            Some(manners) if manners.len() > 1 => manners.remove(0),
            Some(manners) => manners[0].clone(),
            None => Manner::Status(404, ""),
        }
    };
    let from = from(&asked);
    state.asked.lock().unwrap().push(asked);
    if matches!(manner, Manner::Late(_)) {
        thread::sleep(Duration::from_millis(5));
    }
    // Before the answer: whoever has it may ask for the next thing at once.
    state.open.fetch_sub(1, Ordering::SeqCst);
    // The client may go away at any time, which is its right.
    let _ = answer(&stream, &manner, from, state);
}

fn request(stream: &TcpStream) -> Option<Asked> {
    let mut lines = BufReader::new(stream).lines();
    let first = lines.next()?.ok()?;
    let mut asked = Asked {
        path: first.split(' ').nth(1)?.to_owned(),
        ..Asked::default()
    };
    for line in lines {
        let line = line.ok()?;
        let Some((name, value)) = line.split_once(':') else {
            return Some(asked);
        };
        let name = name.to_ascii_lowercase();
        asked.headers.insert(name, value.trim().to_owned());
    }
    None
}

fn from(asked: &Asked) -> usize {
    let range = asked.headers.get("range");
    let first = range.and_then(|range| range.strip_prefix("bytes=")?.strip_suffix('-'));
    first.map_or(0, |first| first.parse().unwrap())
}

fn answer(
    mut stream: &TcpStream,
    manner: &Manner,
    from: usize,
    state: &State,
) -> std::io::Result<()> {
    let mut head = |status: &str, more: &str| {
        write!(
            stream,
            "HTTP/1.1 {status}\r\nConnection: close\r\n{more}\r\n"
        )
    };
    let length = |bytes: &[u8]| {
        format!(
            "Content-Length: {}\r\nETag: \"{}\"\r\n",
            bytes.len(),
            tag(bytes)
        )
    };
    match manner {
        Manner::Good(bytes) | Manner::Late(bytes) => part(stream, bytes, from, bytes.len()),
        Manner::Cut(bytes, at) => part(stream, bytes, from, *at),
        Manner::Stall(bytes, at) => {
            part(stream, bytes, from, *at)?;
            wait(stream, state);
            Ok(())
        }
        Manner::Drip(bytes) => {
            head("200 OK", &length(bytes))?;
            for byte in bytes {
                if state.over.load(Ordering::SeqCst) {
                    break;
                }
                stream.write_all(&[*byte])?;
                thread::sleep(Duration::from_millis(50));
            }
            Ok(())
        }
        Manner::Whole(bytes) => {
            head("200 OK", &length(bytes))?;
            stream.write_all(bytes)
        }
        Manner::WrongPart(bytes) if from > 0 => {
            let range = format!(
                "Content-Range: bytes 0-{}/{}\r\n",
                bytes.len() - 1,
                bytes.len()
            );
            head("206 Partial Content", &(length(bytes) + &range))?;
            stream.write_all(bytes)
        }
        Manner::WrongPart(bytes) => part(stream, bytes, 0, bytes.len()),
        Manner::Short(bytes, at) => {
            head("200 OK", &length(&bytes[..*at]))?;
            stream.write_all(&bytes[..*at])
        }
        Manner::Chunked(bytes) => {
            head("200 OK", "Transfer-Encoding: chunked\r\n")?;
            for chunk in bytes.chunks(1000) {
                write!(stream, "{:x}\r\n", chunk.len())?;
                stream.write_all(chunk)?;
                stream.write_all(b"\r\n")?;
            }
            stream.write_all(b"0\r\n\r\n")
        }
        Manner::Endless => {
            head("200 OK", "")?;
            while !state.over.load(Ordering::SeqCst) {
                stream.write_all(&[0; 4096])?;
            }
            Ok(())
        }
        Manner::Page { called_so } => {
            let page = b"\n<!DOCTYPE html><html><body>Please log in</body></html>";
            let kind =
                ["application/octet-stream", "text/html; charset=utf-8"][usize::from(*called_so)];
            head(
                "200 OK",
                &format!("{}Content-Type: {kind}\r\n", length(page)),
            )?;
            stream.write_all(page)
        }
        Manner::CalledPage(bytes) => {
            head("200 OK", &(length(bytes) + "Content-Type: text/html\r\n"))?;
            stream.write_all(bytes)
        }
        Manner::Encoded(bytes) => {
            head(
                "200 OK",
                &format!("{}Content-Encoding: gzip\r\n", length(bytes)),
            )?;
            stream.write_all(bytes)
        }
        Manner::Status(status, more) => head(
            &format!("{status} So"),
            &format!("{more}Content-Length: 0\r\n"),
        ),
        Manner::Redirect(to) => head(
            "302 Found",
            &format!("Location: {to}\r\nContent-Length: 0\r\n"),
        ),
        Manner::Hangup => Ok(()),
        Manner::SlowHeaders => {
            write!(stream, "HTTP/1.1 200 OK\r\n")?;
            while !state.over.load(Ordering::SeqCst) {
                write!(stream, "X-Slow: yes\r\n")?;
                thread::sleep(Duration::from_millis(200));
            }
            Ok(())
        }
    }
}

/// The file from an offset on, as honest headers announce it, and of it only what lies before `until`.
fn part(mut stream: &TcpStream, bytes: &[u8], from: usize, until: usize) -> std::io::Result<()> {
    let (tag, whole) = (tag(bytes), bytes.len());
    let from = if from < whole { from } else { 0 };
    let left = whole - from;
    let (status, range) = match from {
        0 => ("200 OK", String::new()),
        _ => (
            "206 Partial Content",
            format!("Content-Range: bytes {from}-{}/{whole}\r\n", whole - 1),
        ),
    };
    write!(
        stream,
        "HTTP/1.1 {status}\r\nConnection: close\r\nETag: \"{tag}\"\r\nContent-Length: {left}\r\n{range}\r\n"
    )?;
    stream.write_all(&bytes[from..until.max(from)])
}

fn tag(bytes: &[u8]) -> String {
    blake3::hash(bytes).to_hex()[..16].to_owned()
}

/// Until the client gives up, or the test ends.
fn wait(stream: &TcpStream, state: &State) {
    stream
        .set_read_timeout(Some(Duration::from_millis(20)))
        .unwrap();
    while !state.over.load(Ordering::SeqCst) {
        match stream.peek(&mut [0]) {
            Err(error)
                if matches!(
                    error.kind(),
                    std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut
                ) => {}
            _ => return,
        }
    }
}
