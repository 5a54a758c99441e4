//! YAML as a tree of source text: a scalar is what stands there, never what it might mean.
//!
//! The stream `1.10` is no number, and the version is one only because modulemd says so.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, Span, StrInput};
use serde::{Deserialize, Serialize};

/// Deeper than any honest document; what recurses over a tree relies on it.
const DEPTH: usize = 64;

/// Values in one stream of documents, the copies that aliases make of some among them.
const VALUES: usize = 1_000_000;

/// Of those, and of their bytes of text, aliases may make so many.
const COPIES: usize = 100_000;
const COPIED: usize = 4 << 20;

/// How much is read again while scalars of one stream are indented anew: after each its document is.
const AGAIN: usize = 64 << 20;

/// What indenting scalars anew may add to a text, beside its own length.
const GROWTH: usize = 64 << 10;

/// A place in a text, both counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Position {
    pub line: usize,
    pub column: usize,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)
    }
}

/// The text is not YAML, or more than is good for us.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{at}: {reason}")]
pub struct Syntax {
    pub at: Position,
    pub reason: Cow<'static, str>,
}

/// A value of a document, and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    pub at: Position,
    pub kind: Kind,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    Scalar {
        text: String,
        plain: bool,
    },
    List(Vec<Node>),
    /// In the order of the text; every key is a scalar. One that is there twice is for its reader to refuse.
    Map(Vec<(Node, Node)>),
}

/// A value without its place: for the parts of a document that are kept and not understood.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Yaml {
    /// Written without quotes: a number, a truth value, or text all the same.
    Plain(String),
    /// Text, whatever it looks like.
    Text(String),
    List(Vec<Yaml>),
    /// The order of keys means nothing.
    Map(BTreeMap<String, Yaml>),
}

impl Node {
    /// What kind of value this is, for messages.
    pub fn what(&self) -> &'static str {
        match &self.kind {
            Kind::Scalar { .. } => "a scalar",
            Kind::List(_) => "a list",
            Kind::Map(_) => "a map",
        }
    }

    /// The value without places; of a key that is there twice the last value.
    pub fn to_yaml(&self) -> Yaml {
        match &self.kind {
            Kind::Scalar { text, plain: true } => Yaml::Plain(text.clone()),
            Kind::Scalar { text, plain: false } => Yaml::Text(text.clone()),
            Kind::List(items) => Yaml::List(items.iter().map(Node::to_yaml).collect()),
            Kind::Map(pairs) => {
                let pair = |(key, value): &(Node, Node)| match &key.kind {
                    Kind::Scalar { text, .. } => Some((text.clone(), value.to_yaml())),
                    // Refused when the text was read.
                    _ => None,
                };
                Yaml::Map(pairs.iter().filter_map(pair).collect())
            }
        }
    }

    /// How many values it has with all in it, and how many bytes of text.
    fn size(&self) -> (usize, usize) {
        let all = |sizes: &mut dyn Iterator<Item = (usize, usize)>| {
            sizes.fold((1, 0), |sum, size| (sum.0 + size.0, sum.1 + size.1))
        };
        match &self.kind {
            Kind::Scalar { text, .. } => (1, text.len()),
            Kind::List(items) => all(&mut items.iter().map(Node::size)),
            Kind::Map(pairs) => all(&mut pairs
                .iter()
                .flat_map(|(key, value)| [key.size(), value.size()])),
        }
    }
}

/// Reads a stream of documents.
pub fn parse(text: &str) -> Result<Vec<Node>, Syntax> {
    match load(text) {
        Ok(documents) => documents,
        Err(_) => load(&repaired(text)).map_err(|error| syntax(&error))?,
    }
}

/// A stream whose quoted scalars are indented as YAML wants them, as far as that is all that is wrong.
fn repaired(text: &str) -> String {
    let mut most = text.len().saturating_mul(2).saturating_add(GROWTH);
    let mut left = AGAIN;
    let mut whole = String::with_capacity(text.len());
    for document in documents(text) {
        let mut document = Cow::Borrowed(document);
        // Where the last one was that was indented: one that did not help is not tried again.
        let mut last = None;
        while let Some(rest) = left.checked_sub(document.len()) {
            left = rest;
            let Err(error) = load(&document) else { break };
            let at = Some(error.marker().index());
            match indent_quoted(&document, &error, most) {
                Some(text) if at > last => (document, last) = (Cow::Owned(text), at),
                _ => break,
            }
        }
        most = most.saturating_sub(document.len());
        whole.push_str(&document);
    }
    whole
}

/// The documents of a stream, each with its `---`, which no scalar can have at the start of a line (YAML 1.2, 9.1.2).
fn documents(text: &str) -> impl Iterator<Item = &str> {
    let ends_word = |at: usize| text[at..].chars().next().is_none_or(char::is_whitespace);
    let starts = text.match_indices("\n---").map(|(at, _)| at + 1);
    let starts = starts.filter(move |at| ends_word(at + 3));
    let ends = starts.clone().chain([text.len()]);
    [0].into_iter()
        .chain(starts)
        .zip(ends)
        .map(|(start, end)| &text[start..end])
}

/// Scanning fails with the error outside, where it may be repaired; building with the one inside.
fn load(text: &str) -> Result<Result<Vec<Node>, Syntax>, ScanError> {
    let mut loader = Loader {
        parser: Parser::new_from_str(text),
        anchors: BTreeMap::new(),
        values: 0,
        copies: 0,
        copied: 0,
        broken: None,
    };
    let documents = loader.documents();
    match loader.broken {
        Some(error) => Err(error),
        None => Ok(documents),
    }
}

fn syntax(error: &ScanError) -> Syntax {
    Syntax {
        at: position(*error.marker()),
        reason: Cow::Owned(error.info().to_owned()),
    }
}

/// Indents the lines of a quoted scalar that begin left of where YAML wants them.
///
/// Module metadata of Fedora has them by the hundred: the emitter of libyaml wrote them, its scanner takes them.
/// Space at the start of such a line means nothing, so only columns within it move.
///
/// A document that would be longer than `most` stays what it is.
fn indent_quoted(text: &str, error: &ScanError, most: usize) -> Option<String> {
    if error.info() != "invalid indentation in quoted scalar" {
        return None;
    }
    let (start, quote) = text.char_indices().nth(error.marker().index())?;
    let mut end = start + 1;
    let mut rest = text[end..].chars();
    loop {
        match rest.next()? {
            '\\' if quote == '"' => drop(rest.next()),
            '\'' if quote == '\'' && rest.as_str().starts_with('\'') => drop(rest.next()),
            c if c == quote => break,
            _ => {}
        }
    }
    end += text.len() - end - rest.as_str().len();
    let width = error.marker().col() + 1;
    let lines = text[start..end].matches('\n').count();
    if lines.saturating_mul(width).saturating_add(text.len()) > most {
        return None;
    }
    let indent = format!("\n{}", " ".repeat(width));
    let inside = text[start..end].replace('\n', &indent);
    Some([&text[..start], &inside, &text[end..]].concat())
}

struct Loader<'a> {
    parser: Parser<'a, StrInput<'a>>,
    anchors: BTreeMap<usize, Node>,
    values: usize,
    copies: usize,
    copied: usize,
    broken: Option<ScanError>,
}

impl<'a> Loader<'a> {
    fn documents(&mut self) -> Result<Vec<Node>, Syntax> {
        let mut documents = Vec::new();
        while let Some((event, span)) = self.next()? {
            match event {
                Event::DocumentStart(_) => self.anchors.clear(),
                Event::StreamStart | Event::StreamEnd | Event::DocumentEnd | Event::Nothing => {}
                event => documents.push(self.node(event, span, 0)?),
            }
        }
        Ok(documents)
    }

    fn next(&mut self) -> Result<Option<(Event<'a>, Span)>, Syntax> {
        self.parser.next_event().transpose().map_err(|error| {
            let syntax = syntax(&error);
            self.broken = Some(error);
            syntax
        })
    }

    fn node(&mut self, event: Event<'a>, span: Span, depth: usize) -> Result<Node, Syntax> {
        let at = position(span.start);
        let fail = |reason| {
            Err(Syntax {
                at,
                reason: Cow::Borrowed(reason),
            })
        };
        if depth > DEPTH {
            return fail("nested too deeply");
        }
        self.values += 1;
        if self.values > VALUES {
            return fail("this stream of documents has too many values");
        }
        let (kind, anchor) = match event {
            Event::Scalar(text, style, anchor, _) => {
                let plain = style == ScalarStyle::Plain;
                let text = text.into_owned();
                (Kind::Scalar { text, plain }, anchor)
            }
            Event::SequenceStart(anchor, _) => (Kind::List(self.list(depth)?), anchor),
            Event::MappingStart(anchor, _) => (Kind::Map(self.map(depth)?), anchor),
            Event::Alias(anchor) => {
                let Some(node) = self.anchors.get(&anchor) else {
                    return fail("this alias stands inside of what it names");
                };
                let size = node.size();
                self.count_copy(size, at)?;
                return Ok(self.anchors[&anchor].clone());
            }
            _ => return fail("a value is expected here"),
        };
        let node = Node { at, kind };
        if anchor != 0 {
            self.count_copy(node.size(), at)?;
            self.anchors.insert(anchor, node.clone());
        }
        Ok(node)
    }

    /// Counts what is about to be copied, for an alias or for what aliases may name.
    fn count_copy(&mut self, (values, bytes): (usize, usize), at: Position) -> Result<(), Syntax> {
        self.values += values;
        self.copies += values;
        self.copied += bytes;
        match self.copies > COPIES || self.copied > COPIED {
            true => Err(Syntax {
                at,
                reason: Cow::Borrowed("aliases make this document too large"),
            }),
            false => Ok(()),
        }
    }

    fn list(&mut self, depth: usize) -> Result<Vec<Node>, Syntax> {
        let mut items = Vec::new();
        while let Some((event, span)) = self.next()? {
            if event == Event::SequenceEnd {
                break;
            }
            items.push(self.node(event, span, depth + 1)?);
        }
        Ok(items)
    }

    fn map(&mut self, depth: usize) -> Result<Vec<(Node, Node)>, Syntax> {
        let mut pairs = Vec::new();
        while let Some((event, span)) = self.next()? {
            if event == Event::MappingEnd {
                break;
            }
            let key = self.node(event, span, depth + 1)?;
            if !matches!(key.kind, Kind::Scalar { .. }) {
                return Err(Syntax {
                    at: key.at,
                    reason: Cow::Borrowed("a key must be a scalar"),
                });
            }
            let Some((event, span)) = self.next()? else {
                break;
            };
            let value = self.node(event, span, depth + 1)?;
            pairs.push((key, value));
        }
        Ok(pairs)
    }
}

fn position(marker: saphyr_parser::Marker) -> Position {
    Position {
        line: marker.line(),
        column: marker.col() + 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scalars_keep_their_source_text() {
        let documents = parse("stream: 1.10\nversion: 0x10\nquoted: \"1.10\"\n").unwrap();
        let Yaml::Map(map) = documents[0].to_yaml() else {
            panic!("a map")
        };
        assert_eq!(map["stream"], Yaml::Plain("1.10".into()));
        assert_eq!(map["version"], Yaml::Plain("0x10".into()));
        assert_eq!(map["quoted"], Yaml::Text("1.10".into()));
    }

    #[test]
    fn mistakes_have_a_line_and_a_column() {
        let error = parse("a: 1\nb: [1\nc: }").unwrap_err();
        assert!(error.at.line >= 2, "{error}");
    }

    #[test]
    fn quoted_text_may_begin_left_of_its_key() {
        let text = "a:\n  b: 'one\n\n    two ''x''\n\n'\n  c: \"3 \\\"\n\"\n";
        let Yaml::Map(map) = parse(text).unwrap()[0].to_yaml() else {
            panic!("a map")
        };
        let inner = [("b", "one\ntwo 'x'\n"), ("c", "3 \" ")];
        let inner = inner.map(|(key, text)| (key.to_owned(), Yaml::Text(text.to_owned())));
        assert_eq!(map["a"], Yaml::Map(inner.into()));
    }

    #[test]
    fn a_stream_may_have_any_number_of_such_texts() {
        let document = "---\na: 'one\n\nmore'\nb:\n  c: \"two\n\n more\"\n...\n";
        assert!(load(document).is_err(), "it is read as it is");
        let stream = format!("%YAML 1.2\n{}", document.repeat(300));
        let documents = parse(&stream).unwrap();
        assert_eq!(documents.len(), 300);
        let first = documents[0].to_yaml();
        assert!(documents.iter().all(|d| d.to_yaml() == first), "{first:?}");
        // What else is wrong is told as it is.
        let broken = parse(&format!("{stream}---\n]")).unwrap_err();
        let alone = parse("---\n]").unwrap_err();
        assert_eq!(broken.reason, alone.reason);
    }

    #[test]
    fn hostile_documents_are_errors() {
        for deep in ["[", "- ", "{a: ", "? "] {
            assert!(parse(&deep.repeat(50_000)).is_err(), "{deep}");
        }
        let mut bomb = "a0: &a0 [x]\n".to_owned();
        for i in 1..40 {
            bomb += &format!("a{i}: &a{i} [*a{0}, *a{0}]\n", i - 1);
        }
        assert!(parse(&bomb).unwrap_err().reason.contains("too large"));
        // Few values, but of much text.
        let long = format!("a: &a \"{}\"\n", "x".repeat(1 << 20));
        let bomb = long.clone() + &"b: *a\n".repeat(100);
        assert!(parse(&bomb).unwrap_err().reason.contains("too large"));
        assert!(parse(&(long + &"b: *a\n".repeat(2))).is_ok());
        let nested = format!("{}\"{}\"", "- &a\n ".repeat(60), "x".repeat(1 << 20));
        assert!(parse(&nested).is_err());
        let many = format!("[{}]", "a,".repeat(VALUES));
        assert!(parse(&many).unwrap_err().reason.contains("too many values"));
    }
}
