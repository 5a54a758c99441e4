//! XML with the characters that it forbids left out, and counted.

use std::borrow::Cow;

use quick_xml::Writer;
use quick_xml::events::{BytesEnd, BytesStart, BytesText, Event};

use super::Fragment;

/// An XML fragment being written, indented by two spaces.
pub struct Xml {
    writer: Writer<Vec<u8>>,
    dropped: usize,
}

impl Xml {
    pub fn new() -> Self {
        Xml {
            writer: Writer::new_with_indent(Vec::new(), b' ', 2),
            dropped: 0,
        }
    }

    pub fn open(&mut self, name: &str, attributes: &[(&str, &str)]) {
        let start = self.start(name, attributes);
        self.put(Event::Start(start));
    }

    pub fn close(&mut self, name: &str) {
        self.put(Event::End(BytesEnd::new(name)));
    }

    pub fn empty(&mut self, name: &str, attributes: &[(&str, &str)]) {
        let start = self.start(name, attributes);
        self.put(Event::Empty(start));
    }

    /// An element that holds text and nothing else.
    pub fn text(&mut self, name: &str, attributes: &[(&str, &str)], text: &str) {
        let start = self.start(name, attributes);
        let text = self.clean(text).into_owned();
        self.put(Event::Start(start));
        self.put(Event::Text(BytesText::from_escaped(
            quick_xml::escape::partial_escape(text),
        )));
        self.put(Event::End(BytesEnd::new(name)));
    }

    pub fn finish(self) -> Fragment {
        let mut xml = self.writer.into_inner();
        xml.push(b'\n');
        Fragment {
            xml,
            dropped: self.dropped,
        }
    }

    fn start(&mut self, name: &str, attributes: &[(&str, &str)]) -> BytesStart<'static> {
        let mut start = BytesStart::new(name.to_owned());
        for (key, value) in attributes {
            start.push_attribute((*key, self.clean(value)));
        }
        start
    }

    fn put(&mut self, event: Event<'_>) {
        self.writer
            .write_event(event)
            .expect("writing to memory does not fail");
    }

    fn clean<'a>(&mut self, text: &'a str) -> Cow<'a, str> {
        let forbidden = text.chars().filter(|c| !allowed(*c)).count();
        if forbidden == 0 {
            return Cow::Borrowed(text);
        }
        self.dropped += forbidden;
        Cow::Owned(text.chars().filter(|c| allowed(*c)).collect())
    }
}

/// XML 1.0, production `Char`.
fn allowed(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
}

#[cfg(test)]
mod tests {
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
}
