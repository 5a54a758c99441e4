//! Debian's packages as they lie: an `ar` archive of two compressed `tar` archives (deb(5)).

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::path::Path;

/// A package that was read whole.
pub struct Deb {
    /// The files of `control.tar`, by name: `control`, `conffiles`, `shlibs`, …
    pub control: BTreeMap<String, String>,
    pub members: Vec<Member>,
}

/// One path of `data.tar`, relative to the root, without a slash at either end.
pub struct Member {
    pub path: String,
    pub mode: u32,
    pub user: String,
    pub group: String,
    pub content: Content,
}

pub enum Content {
    Directory,
    File(Vec<u8>),
    Symlink(String),
    /// Another path of the package.
    Link(String),
}

fn bad(problem: impl Into<String>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, problem.into())
}

impl Deb {
    pub fn read(path: &Path) -> io::Result<Deb> {
        let bytes = std::fs::read(path)?;
        let (mut control, mut members) = (BTreeMap::new(), Vec::new());
        for (name, body) in archive(&bytes)? {
            if name.starts_with("control.tar") {
                for member in tar(&mut plain(&name, body)?)? {
                    if let Content::File(text) = member.content {
                        let text = String::from_utf8_lossy(&text).into_owned();
                        control.insert(member.path, text);
                    }
                }
            } else if name.starts_with("data.tar") {
                members = tar(&mut plain(&name, body)?)?;
            }
        }
        Ok(Deb { control, members })
    }

    /// The fields of the `control` file; lines that go on keep their line breaks.
    pub fn fields(&self) -> BTreeMap<String, String> {
        let mut fields: BTreeMap<String, String> = BTreeMap::new();
        let mut last = String::new();
        for line in self
            .control
            .get("control")
            .into_iter()
            .flat_map(|text| text.lines())
        {
            if line.starts_with([' ', '\t']) {
                if let Some(value) = fields.get_mut(&last) {
                    value.push('\n');
                    value.push_str(line.trim());
                }
            } else if let Some((name, value)) = line.split_once(':') {
                last = name.to_owned();
                fields.insert(last.clone(), value.trim().to_owned());
            }
        }
        fields
    }
}

/// The members of an `ar` archive: 60 bytes of header each, bodies padded to even lengths.
fn archive(bytes: &[u8]) -> io::Result<Vec<(String, &[u8])>> {
    let mut rest = bytes
        .strip_prefix(b"!<arch>\n")
        .ok_or_else(|| bad("it is no ar archive"))?;
    let mut members = Vec::new();
    while rest.len() >= 60 {
        let text = |range| std::str::from_utf8(&rest[range]).unwrap_or_default().trim();
        let name = text(0..16).trim_end_matches('/').to_owned();
        let length: usize = text(48..58)
            .parse()
            .map_err(|_| bad("a length in it is no number"))?;
        let body = rest
            .get(60..60 + length)
            .ok_or_else(|| bad("it ends too soon"))?;
        members.push((name, body));
        rest = rest.get(60 + length + length % 2..).unwrap_or_default();
    }
    Ok(members)
}

fn plain<'a>(name: &str, body: &'a [u8]) -> io::Result<Box<dyn Read + 'a>> {
    Ok(match name.rsplit('.').next() {
        Some("xz") => Box::new(liblzma::read::XzDecoder::new(body)),
        Some("gz") => Box::new(flate2::read::GzDecoder::new(body)),
        Some("zst") => Box::new(zstd::stream::read::Decoder::new(body)?),
        Some("tar") => Box::new(body),
        _ => {
            return Err(bad(format!(
                "{name} is compressed in a way that is not known here"
            )));
        }
    })
}

/// The members of a `tar` archive, with GNU's long names.
fn tar(reader: &mut dyn Read) -> io::Result<Vec<Member>> {
    let mut members = Vec::new();
    let (mut long_path, mut long_target) = (None, None);
    let mut block = [0; 512];
    loop {
        reader.read_exact(&mut block)?;
        if block.iter().all(|byte| *byte == 0) {
            // What follows is padding; a compressor wants to be read to its end.
            io::copy(reader, &mut io::sink())?;
            return Ok(members);
        }
        let size = number(&block[124..136])?;
        let mut body = Vec::new();
        reader
            .take(size.next_multiple_of(512))
            .read_to_end(&mut body)?;
        body.truncate(usize::try_from(size).map_err(|_| bad("a member is too large"))?);
        let target = long_target.take().unwrap_or_else(|| text(&block[157..257]));
        let content = match block[156] {
            b'L' => {
                long_path = Some(text(&body));
                continue;
            }
            b'K' => {
                long_target = Some(text(&body));
                continue;
            }
            b'0' | 0 => Content::File(body),
            b'1' => Content::Link(relative(&target)),
            b'2' => Content::Symlink(target),
            b'5' => Content::Directory,
            // Devices and extended headers; no package of a distribution's core needs them.
            _ => continue,
        };
        let path = long_path.take().unwrap_or_else(|| match &block[345..500] {
            prefix if &block[257..263] == b"ustar\0" && prefix[0] != 0 => {
                format!("{}/{}", text(prefix), text(&block[..100]))
            }
            _ => text(&block[..100]),
        });
        members.push(Member {
            path: relative(&path),
            mode: (number(&block[100..108])? & 0o7777) as u32,
            user: text(&block[265..297]),
            group: text(&block[297..329]),
            content,
        });
    }
}

fn relative(path: &str) -> String {
    path.trim_start_matches("./").trim_matches('/').to_owned()
}

fn text(field: &[u8]) -> String {
    let end = field.iter().position(|byte| *byte == 0);
    String::from_utf8_lossy(&field[..end.unwrap_or(field.len())]).into_owned()
}

fn number(field: &[u8]) -> io::Result<u64> {
    if field[0] & 0x80 != 0 {
        return Err(bad("a member has more than eight gigabytes"));
    }
    let digits = text(field);
    match digits.trim() {
        "" => Ok(0),
        digits => u64::from_str_radix(digits, 8).map_err(|_| bad("a number is not octal")),
    }
}
