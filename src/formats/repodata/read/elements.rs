//! XML as a stream of elements, with bounds on all that a document could make large.

use std::borrow::Cow;
use std::io::{self, BufRead, BufReader, Read};
use std::sync::Arc;

use quick_xml::events::{BytesStart, Event};
use quick_xml::{Error, Reader, XmlVersion};

use super::error::{Damage, ReadError};

/// The longest single tag or text; the longest descriptions of real packages have some ten thousand bytes.
const LONGEST: usize = 1 << 20;

/// Metadata nests five deep.
const DEEPEST: usize = 64;

/// Who makes something of the elements of a document.
///
/// `depth` says how many elements an element stands in; names come without their prefixes.
/// What is wrong is told in words that go behind the name of the file.
pub(super) trait Handler {
    fn open(&mut self, depth: usize, element: &Element<'_>) -> Result<(), String>;

    /// `text` is what stands between the last tag and this one.
    fn close(&mut self, depth: usize, name: &str, text: &str) -> Result<(), String>;

    /// The package that the document is at.
    fn package(&self) -> Option<String> {
        None
    }
}

/// The start of an element.
pub(super) struct Element<'e> {
    start: BytesStart<'e>,
}

impl Element<'_> {
    pub fn name(&self) -> &str {
        self.start.local_name().into_inner()
    }

    /// Calls back with each attribute, without its prefix.
    pub fn each_attribute(
        &self,
        mut visit: impl FnMut(&str, Cow<'_, str>) -> Result<(), String>,
    ) -> Result<(), String> {
        let mut attributes = self.start.attributes();
        // Comparing each with all before it takes too long where a document has a hundred thousand.
        for attribute in attributes.with_checks(false) {
            let attribute = attribute.map_err(|error| format!("<{}>: {error}", self.name()))?;
            let value = attribute
                .normalized_value(XmlVersion::Explicit1_0)
                .map_err(|error| format!("<{}>: {error}", self.name()))?;
            visit(attribute.key.local_name().into_inner(), value)?;
        }
        Ok(())
    }

    pub fn attribute(&self, name: &str) -> Result<Option<String>, String> {
        let mut found = None;
        self.each_attribute(|key, value| {
            if key == name {
                found = Some(value.into_owned());
            }
            Ok(())
        })?;
        Ok(found)
    }

    /// An attribute that has to be there.
    pub fn need(&self, name: &str) -> Result<String, String> {
        self.attribute(name)?
            .ok_or_else(|| format!("<{}> has no {name}", self.name()))
    }
}

/// A document being read.
pub(super) struct Elements<R> {
    file: String,
    reader: Reader<Allowance<BufReader<R>>>,
    buffer: Vec<u8>,
    depth: usize,
    text: String,
}

impl<R: Read> Elements<R> {
    pub fn new(file: &str, reader: R) -> Elements<R> {
        let reader = BufReader::with_capacity(1 << 16, reader);
        let mut reader = Reader::from_reader(Allowance {
            inner: reader,
            left: 0,
        });
        reader.config_mut().expand_empty_elements = true;
        Elements {
            file: file.to_owned(),
            reader,
            buffer: Vec::new(),
            depth: 0,
            text: String::new(),
        }
    }

    /// Reads on a little; false at the end of a document that is whole.
    pub fn step(&mut self, handler: &mut impl Handler) -> Result<bool, ReadError> {
        self.buffer.clear();
        self.reader.get_mut().left = LONGEST;
        let event = match self.reader.read_event_into(&mut self.buffer) {
            Ok(event) => event,
            Err(Error::Io(source)) => {
                return Err(ReadError::Stream {
                    file: self.file.clone(),
                    source,
                });
            }
            Err(source) => {
                return Err(ReadError::Syntax {
                    file: self.file.clone(),
                    at: self.reader.error_position(),
                    source,
                });
            }
        };
        let done = match event {
            Event::Start(start) if self.depth < DEEPEST => {
                self.text.clear();
                self.depth += 1;
                handler.open(self.depth - 1, &Element { start })
            }
            Event::Start(_) => Err(format!("elements are nested more than {DEEPEST} deep")),
            Event::End(end) => {
                // The reader gives no end without its start.
                self.depth = self.depth.saturating_sub(1);
                let name = end.local_name().into_inner();
                let done = handler.close(self.depth, name, &self.text);
                self.text.clear();
                done
            }
            Event::Text(text) => {
                self.text.push_str(&text.xml10_content());
                Ok(())
            }
            Event::CData(text) => {
                self.text.push_str(&text.xml10_content());
                Ok(())
            }
            Event::GeneralRef(name) => match character(&name) {
                Some(character) => {
                    self.text.push(character);
                    Ok(())
                }
                None => Err(format!("&{}; stands for nothing", &*name)),
            },
            Event::Eof if self.depth == 0 => return Ok(false),
            Event::Eof => Err("it ends in the middle of an element".to_owned()),
            Event::Decl(_) | Event::PI(_) | Event::DocType(_) | Event::Comment(_) => Ok(()),
            Event::Empty(_) => unreachable!("expanded to start and end"),
        };
        done.map_err(|what| malformed(&self.file, handler.package(), what))?;
        if self.text.len() > LONGEST {
            let damage = Damage::Element { limit: LONGEST };
            return Err(ReadError::Stream {
                file: self.file.clone(),
                source: Arc::new(damage.into()),
            });
        }
        Ok(true)
    }

    /// What is wrong with the document as a whole, or with one package of it.
    pub fn malformed(&self, package: Option<String>, what: String) -> ReadError {
        malformed(&self.file, package, what)
    }
}

fn malformed(file: &str, package: Option<String>, what: String) -> ReadError {
    let file = file.to_owned();
    match package {
        Some(package) => ReadError::Package {
            file,
            package,
            what,
        },
        None => ReadError::Malformed { file, what },
    }
}

/// The character that an entity or a number stands for. A document's own entities are not looked at.
fn character(reference: &quick_xml::events::BytesRef<'_>) -> Option<char> {
    match &**reference {
        "lt" => Some('<'),
        "gt" => Some('>'),
        "amp" => Some('&'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => reference.resolve_char_ref().ok().flatten(),
    }
}

/// A reader that gives out so many bytes and then fails, until somebody allows for more.
struct Allowance<R> {
    inner: R,
    left: usize,
}

impl<R: BufRead> Read for Allowance<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut ready = self.fill_buf()?;
        let length = ready.read(buffer)?;
        self.consume(length);
        Ok(length)
    }
}

impl<R: BufRead> BufRead for Allowance<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.left == 0 {
            return Err(Damage::Element { limit: LONGEST }.into());
        }
        self.inner.fill_buf()
    }

    fn consume(&mut self, amount: usize) {
        self.left = self.left.saturating_sub(amount);
        self.inner.consume(amount);
    }
}
