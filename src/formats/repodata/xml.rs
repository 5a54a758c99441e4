//! XML with the characters that it forbids left out, and counted.

use super::Fragment;

/// An XML fragment being written, indented by two spaces.
pub struct Xml {
    xml: Vec<u8>,
    depth: usize,
    dropped: usize,
}

/// Where text stands decides what is escaped in it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Element,
    Attribute,
}

impl Xml {
    pub fn new() -> Self {
        Xml {
            xml: Vec::new(),
            depth: 0,
            dropped: 0,
        }
    }

    pub fn open(&mut self, name: &str, attributes: &[(&str, &str)]) {
        self.start(name, attributes);
        self.xml.push(b'>');
        self.depth += 1;
    }

    pub fn close(&mut self, name: &str) {
        self.depth -= 1;
        self.line();
        self.end(name);
    }

    pub fn empty(&mut self, name: &str, attributes: &[(&str, &str)]) {
        self.start(name, attributes);
        self.xml.extend_from_slice(b"/>");
    }

    /// An element that holds text and nothing else.
    pub fn text(&mut self, name: &str, attributes: &[(&str, &str)], text: &str) {
        self.start(name, attributes);
        self.xml.push(b'>');
        self.escape(text, Place::Element);
        self.end(name);
    }

    pub fn finish(mut self) -> Fragment {
        self.xml.push(b'\n');
        Fragment {
            xml: self.xml,
            dropped: self.dropped,
        }
    }

    fn line(&mut self) {
        if !self.xml.is_empty() {
            self.xml.push(b'\n');
            let spaces = self.xml.len() + 2 * self.depth;
            self.xml.resize(spaces, b' ');
        }
    }

    fn start(&mut self, name: &str, attributes: &[(&str, &str)]) {
        self.line();
        self.xml.push(b'<');
        self.xml.extend_from_slice(name.as_bytes());
        for (key, value) in attributes {
            self.xml.push(b' ');
            self.xml.extend_from_slice(key.as_bytes());
            self.xml.extend_from_slice(b"=\"");
            self.escape(value, Place::Attribute);
            self.xml.push(b'"');
        }
    }

    fn end(&mut self, name: &str) {
        self.xml.extend_from_slice(b"</");
        self.xml.extend_from_slice(name.as_bytes());
        self.xml.push(b'>');
    }

    /// Copies stretches of text between what is escaped or dropped.
    fn escape(&mut self, text: &str, place: Place) {
        let bytes = text.as_bytes();
        let (mut done, mut at) = (0, 0);
        while at < bytes.len() {
            let (length, instead) = match special(&bytes[at..], place) {
                Some(found) => found,
                None => {
                    at += 1;
                    continue;
                }
            };
            self.xml.extend_from_slice(&bytes[done..at]);
            self.xml.extend_from_slice(instead.as_bytes());
            self.dropped += usize::from(instead.is_empty());
            at += length;
            done = at;
        }
        self.xml.extend_from_slice(&bytes[done..]);
    }
}

/// What text begins with and can't hold: its length, and what stands for it; nothing, where XML 1.0 forbids it (production `Char`).
fn special(bytes: &[u8], place: Place) -> Option<(usize, &'static str)> {
    let attribute = place == Place::Attribute;
    Some(match bytes {
        [b'<', ..] => (1, "&lt;"),
        [b'>', ..] => (1, "&gt;"),
        [b'&', ..] => (1, "&amp;"),
        [b'\r', ..] => (1, "&#13;"),
        [b'"', ..] if attribute => (1, "&quot;"),
        [b'\'', ..] if attribute => (1, "&apos;"),
        [b'\n', ..] if attribute => (1, "&#10;"),
        [b'\t', ..] if attribute => (1, "&#9;"),
        [b'\n' | b'\t', ..] => return None,
        [0..b' ', ..] => (1, ""),
        // U+FFFE and U+FFFF.
        [0xef, 0xbf, 0xbe | 0xbf, ..] => (3, ""),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use quick_xml::events::{BytesEnd, BytesStart, BytesText, Event};

    use super::*;

    #[test]
    fn what_xml_forbids_is_dropped_and_counted() {
        let mut xml = Xml::new();
        xml.text("a", &[("b", "x\u{1}\n\"y")], "bell\u{7} & <tab>\t\u{ffff}");
        let fragment = xml.finish();
        assert_eq!(
            String::from_utf8(fragment.xml).unwrap(),
            "<a b=\"x&#10;&quot;y\">bell &amp; &lt;tab&gt;\t</a>\n"
        );
        assert_eq!(fragment.dropped, 3);
    }

    fn allowed(c: &char) -> bool {
        matches!(c, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
    }

    fn text() -> impl Strategy<Value = String> {
        let few = prop::sample::select(
            &[
                '<', '>', '&', '"', '\'', '\n', '\t', '\r', '\0', '\u{fffd}', '\u{fffe}',
                '\u{ffff}', 'ü',
            ][..],
        );
        let any = prop_oneof![few, any::<char>()];
        prop::collection::vec(any, 0..12).prop_map(String::from_iter)
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn elements_are_written_as_a_library_would(value in text(), inner in text()) {
            let mut ours = Xml::new();
            ours.open("top", &[("key", &value)]);
            ours.empty("none", &[("key", &value), ("other", "")]);
            ours.text("text", &[], &inner);
            ours.close("top");
            let ours = ours.finish();

            let clean = |text: &str| text.chars().filter(allowed).collect::<String>();
            let mut theirs = quick_xml::Writer::new_with_indent(Vec::new(), b' ', 2);
            let (value_left, inner_left) = (clean(&value), clean(&inner));
            let key = ("key", value_left.as_str());
            let events = [
                Event::Start(BytesStart::new("top").with_attributes([key])),
                Event::Empty(BytesStart::new("none").with_attributes([key, ("other", "")])),
                Event::Start(BytesStart::new("text")),
                Event::Text(BytesText::from_escaped(quick_xml::escape::partial_escape(inner_left.as_str()))),
                Event::End(BytesEnd::new("text")),
                Event::End(BytesEnd::new("top")),
            ];
            for event in events {
                theirs.write_event(event).unwrap();
            }
            let mut theirs = theirs.into_inner();
            theirs.push(b'\n');
            prop_assert_eq!(String::from_utf8(ours.xml), String::from_utf8(theirs));
            let count = |text: &str| text.chars().filter(|c| !allowed(c)).count();
            prop_assert_eq!(ours.dropped, 2 * count(&value) + count(&inner));
        }
    }
}
