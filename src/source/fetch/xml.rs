//! Small XML documents as trees: `repomd.xml` and metalinks.

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

/// Neither kind of document nests deeper than six.
const DEEPEST: usize = 32;

/// An element, by its name without the prefix.
#[derive(Debug, Default)]
pub struct Element {
    pub name: String,
    attributes: Vec<(String, String)>,
    children: Vec<Element>,
    /// Without the white space around it.
    pub text: String,
}

impl Element {
    pub fn attribute(&self, name: &str) -> Option<&str> {
        let found = self.attributes.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str())
    }

    pub fn children(&self, name: &str) -> impl Iterator<Item = &Element> {
        self.children.iter().filter(move |child| child.name == name)
    }

    pub fn child(&self, name: &str) -> Option<&Element> {
        self.children(name).next()
    }

    fn start(start: &BytesStart<'_>) -> Result<Element, String> {
        let mut attributes = Vec::new();
        for attribute in start.attributes() {
            let attribute = attribute.map_err(|error| error.to_string())?;
            let value = quick_xml::escape::unescape(&attribute.value);
            let value = value.map_err(|error| error.to_string())?;
            let key = attribute.key.local_name().into_inner().to_owned();
            attributes.push((key, value.into_owned()));
        }
        Ok(Element {
            name: start.local_name().into_inner().to_owned(),
            attributes,
            ..Element::default()
        })
    }
}

/// The root of a document, or what is wrong with it.
///
/// It takes a few times the memory that the document has.
pub fn read(document: &[u8]) -> Result<Element, String> {
    let mut reader = Reader::from_reader(document);
    reader.config_mut().expand_empty_elements = true;
    // The document itself, with the root as its only child.
    let mut open = vec![Element::default()];
    let mut buffer = Vec::new();
    loop {
        let event = reader.read_event_into(&mut buffer);
        match event.map_err(|error| format!("{error} (at byte {})", reader.error_position()))? {
            Event::Start(_) if open.len() > DEEPEST => {
                return Err(format!("elements are nested more than {DEEPEST} deep"));
            }
            Event::Start(start) => open.push(Element::start(&start)?),
            Event::End(_) => close(&mut open),
            Event::Text(text) => push(&mut open, &text.xml10_content()),
            Event::CData(text) => push(&mut open, &text.xml10_content()),
            Event::GeneralRef(name) => {
                let text = quick_xml::escape::unescape(&format!("&{};", &*name))
                    .map_err(|error| error.to_string())?
                    .into_owned();
                push(&mut open, &text);
            }
            Event::Eof => break,
            _ => {}
        }
        buffer.clear();
    }
    let root = open.pop().and_then(|mut document| document.children.pop());
    match root {
        Some(root) if open.is_empty() => Ok(root),
        Some(_) => Err("it ends in the middle of an element".to_owned()),
        None => Err("it is no XML".to_owned()),
    }
}

fn push(open: &mut [Element], text: &str) {
    if let Some(element) = open.last_mut() {
        element.text.push_str(text);
    }
}

fn close(open: &mut Vec<Element>) {
    let Some(mut element) = open.pop() else {
        return;
    };
    element.text = element.text.trim().to_owned();
    if let Some(parent) = open.last_mut() {
        parent.children.push(element);
    }
}
