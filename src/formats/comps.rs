//! Groups of packages: the comps document that repodata calls `group`.

use quick_xml::Reader;
use quick_xml::events::Event;

/// Why a document can't be group metadata.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("line {line} of the comps document is not well-formed XML")]
    Syntax {
        line: usize,
        source: quick_xml::Error,
    },
    #[error("the comps document begins with <{found}> in line {line}, where <comps> is expected")]
    Root { line: usize, found: String },
    #[error("the comps document has no <comps> element")]
    Empty,
    #[error("the comps document ends before its elements do")]
    CutOff,
}

/// Checks that a document is well-formed and is one of groups; what is in the groups, its readers judge.
pub fn check(document: &[u8]) -> Result<(), Error> {
    let mut reader = Reader::from_reader(document);
    let mut buffer = Vec::new();
    let (mut depth, mut seen) = (0i64, false);
    let line = |at: u64| {
        let before = document
            .iter()
            .take(usize::try_from(at).unwrap_or(usize::MAX));
        before.filter(|byte| **byte == b'\n').count() + 1
    };
    loop {
        let event = reader
            .read_event_into(&mut buffer)
            .map_err(|source| Error::Syntax {
                line: line(reader.error_position()),
                source,
            })?;
        match event {
            Event::Start(ref start) | Event::Empty(ref start)
                if !seen && start.name().0 != "comps" =>
            {
                let found = start.name().0.to_owned();
                let line = line(reader.buffer_position());
                return Err(Error::Root { line, found });
            }
            Event::Start(_) => (depth, seen) = (depth + 1, true),
            Event::Empty(_) => seen = true,
            // The reader has seen to it that every end has its start.
            Event::End(_) => depth -= 1,
            Event::Eof if !seen => return Err(Error::Empty),
            Event::Eof if depth != 0 => return Err(Error::CutOff),
            Event::Eof => return Ok(()),
            _ => {}
        }
        buffer.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_comps_are_comps() {
        check(b"<?xml version=\"1.0\"?>\n<comps><group><id>core</id></group></comps>\n").unwrap();
        assert!(matches!(check(b"<metadata/>"), Err(Error::Root { .. })));
        assert!(matches!(
            check(b"<comps><group></comps>"),
            Err(Error::Syntax { line: 1, .. })
        ));
        assert!(matches!(
            check(b"<?xml version=\"1.0\"?>\n<comps>\n<group>\n</comps>\n"),
            Err(Error::Syntax { line: 4, .. })
        ));
        assert!(matches!(
            check(b"\n\n<metadata/>"),
            Err(Error::Root { line: 3, .. })
        ));
        assert!(matches!(check(b""), Err(Error::Empty)));
        assert!(matches!(check(b"<comps><group>"), Err(Error::CutOff)));
    }
}
