//! Rock Ridge: what a POSIX system says of a file, in the fields that ISO 9660 leaves to its users.

use super::numbers::{both32, short_date};
use super::{BLOCK, record};
use crate::tree::{Content, Meta};

/// Identifier, description and source of the extension: version 1.12, whose `PX` fields number the files.
const EXTENSION: [&[u8]; 3] = [
    b"IEEE_1282",
    b"THE IEEE 1282 PROTOCOL PROVIDES SUPPORT FOR POSIX FILE SYSTEM SEMANTICS",
    b"PLEASE CONTACT THE IEEE STANDARDS DEPARTMENT, PISCATAWAY, NJ, USA FOR THE 1282 SPECIFICATION.",
];

/// Length of a `CE` field: block, offset and length of what follows elsewhere.
const CONTINUATION: usize = 28;
/// Longest field.
const LONGEST: usize = 255;

/// Of a target's fields and components: the next one is part of this.
const GOES_ON: u8 = 1;
/// The shortest component that says something.
const SPLIT: usize = 3;

/// File types of POSIX, as `PX` has them.
pub const DIRECTORY: u32 = 0o040_000;
const REGULAR: u32 = 0o100_000;
const SYMLINK: u32 = 0o120_000;
const CHARACTER: u32 = 0o020_000;
const BLOCK_DEVICE: u32 = 0o060_000;
const FIFO: u32 = 0o010_000;
const SOCKET: u32 = 0o140_000;

/// The number of the root.
pub const ROOT: u32 = 1;

/// The fields of one directory record: some inside, the others in continuation areas.
#[derive(Debug, Default)]
pub struct Fields(Vec<Vec<u8>>);

impl Fields {
    /// Of a directory's own record, `.`; that of the root announces the protocol.
    pub fn own(meta: &Meta, links: u32, time: i64, serial: u32) -> Self {
        let is_root = serial == ROOT;
        let mut fields = Fields::default();
        if is_root {
            // Checked by its two bytes; no bytes are to be skipped.
            fields.push(b"SP", &[0xbe, 0xef, 0]);
        }
        fields.attributes(DIRECTORY, meta, links, time, serial);
        if is_root {
            let mut bytes = EXTENSION.map(|text| text.len() as u8).to_vec();
            bytes.push(1);
            bytes.extend(EXTENSION.concat());
            fields.push(b"ER", &bytes);
        }
        fields
    }

    /// Of the record `..`.
    pub fn parent(meta: &Meta, links: u32, time: i64, serial: u32) -> Self {
        let mut fields = Fields::default();
        fields.attributes(DIRECTORY, meta, links, time, serial);
        fields
    }

    pub fn directory(name: &[u8], meta: &Meta, links: u32, time: i64, serial: u32) -> Self {
        let mut fields = Fields::parent(meta, links, time, serial);
        fields.name(name);
        fields
    }

    pub fn leaf(name: &[u8], meta: &Meta, content: &Content, time: i64, serial: u32) -> Self {
        let mut fields = Fields::default();
        let kind = match content {
            Content::File { .. } => REGULAR,
            Content::Symlink { .. } => SYMLINK,
            Content::Character { .. } => CHARACTER,
            Content::Block { .. } => BLOCK_DEVICE,
            Content::Fifo => FIFO,
            Content::Socket => SOCKET,
        };
        fields.attributes(kind, meta, 1, time, serial);
        match content {
            Content::Character { major, minor } | Content::Block { major, minor } => {
                let device = [both32(*major), both32(*minor)].concat();
                fields.push(b"PN", &device);
            }
            Content::Symlink { target } => fields.target(target),
            _ => {}
        }
        fields.name(name);
        fields
    }

    fn push(&mut self, signature: &[u8; 2], bytes: &[u8]) {
        let mut field = signature.to_vec();
        field.extend([(bytes.len() + 4) as u8, 1]);
        field.extend_from_slice(bytes);
        self.0.push(field);
    }

    /// Mode, links, owners and number, and the time as that of the last change, of access and of attributes.
    ///
    /// Readers take files of one number for one file, and without numbers those that share their bytes.
    fn attributes(&mut self, kind: u32, meta: &Meta, links: u32, time: i64, serial: u32) {
        let numbers = [kind | meta.mode, links, meta.uid, meta.gid, serial];
        self.push(b"PX", &numbers.map(both32).concat());
        let date = short_date(meta.mtime.unwrap_or(time));
        self.push(b"TF", &[&[0x0e][..], &date, &date, &date].concat());
    }

    fn name(&mut self, name: &[u8]) {
        let mut chunks = name.chunks(LONGEST - 5).peekable();
        while let Some(chunk) = chunks.next() {
            let goes_on = u8::from(chunks.peek().is_some());
            self.push(b"NM", &[&[goes_on], chunk].concat());
        }
    }

    /// The target of a link, as components: a flag, a length, and the bytes.
    fn target(&mut self, target: &[u8]) {
        let mut fields: Vec<Vec<u8>> = vec![Vec::new()];
        let components = components(target);
        let last = components.len().saturating_sub(1);
        for (number, (flag, text)) in components.into_iter().enumerate() {
            let mut text = text;
            loop {
                let field = fields.last_mut().expect("there is one from the start");
                let room = LONGEST - 5 - field.len();
                // Some readers forget the slash between two fields: where one ends is best in the midst of a name.
                let whole = text.len() + 2;
                if whole + SPLIT <= room || (number == last && whole <= room) {
                    field.extend([flag, text.len() as u8]);
                    field.extend_from_slice(text);
                    break;
                }
                let most = text.len().saturating_sub(1).min(room.saturating_sub(2));
                if flag == 0 && most > 0 {
                    let (now, later) = text.split_at(most);
                    field.extend([GOES_ON, now.len() as u8]);
                    field.extend_from_slice(now);
                    text = later;
                }
                fields.push(Vec::new());
            }
        }
        let last = fields.len() - 1;
        for (number, field) in fields.iter().enumerate() {
            let goes_on = if number < last { GOES_ON } else { 0 };
            self.push(b"SL", &[&[goes_on], field.as_slice()].concat());
        }
    }

    /// Divides the fields among a record that has some room, and continuation areas that begin at some byte of a directory.
    ///
    /// No area crosses the end of a block. Areas are added to `areas`, which begins at block `first`.
    pub fn place(self, room: usize, first: u64, areas: &mut Vec<u8>) -> Vec<u8> {
        let mut inside = Vec::new();
        let mut fields = self.0.into_iter().peekable();
        let total: usize = fields.clone().map(|field| field.len()).sum();
        let mut limit = if total <= room {
            room
        } else {
            room - CONTINUATION
        };
        while let Some(field) = fields.next_if(|field| inside.len() + field.len() <= limit) {
            inside.extend(field);
        }
        let mut record = inside;
        let mut target: Option<usize> = None;
        // The room left in a block decides how much of the rest an area takes.
        while fields.peek().is_some() {
            let block = BLOCK as usize;
            if block - areas.len() % block < LONGEST + CONTINUATION {
                areas.resize(areas.len().next_multiple_of(block), 0);
            }
            let start = areas.len();
            let space = block - start % block;
            let left: usize = fields.clone().map(|field| field.len()).sum();
            limit = if left <= space {
                space
            } else {
                space - CONTINUATION
            };
            let mut area = Vec::new();
            while let Some(field) = fields.next_if(|field| area.len() + field.len() <= limit) {
                area.extend(field);
            }
            let more = fields.peek().is_some();
            let length = area.len() + if more { CONTINUATION } else { 0 };
            let mut field = b"CE".to_vec();
            field.extend([CONTINUATION as u8, 1]);
            field.extend(both32(record::narrow(first + (start / block) as u64)));
            field.extend(both32((start % block) as u32));
            field.extend(both32(length as u32));
            match target {
                None => record.extend(field),
                Some(at) => areas[at..at + CONTINUATION].copy_from_slice(&field),
            }
            areas.extend(area);
            if more {
                target = Some(areas.len());
                areas.extend([0; CONTINUATION]);
            }
        }
        record
    }
}

/// The components of a target, each with its flag: 8 is the root, 2 and 4 are `.` and `..`, 0 is a name.
///
/// Nothing between two slashes, or behind the last one, means nothing.
fn components(target: &[u8]) -> Vec<(u8, &[u8])> {
    let mut components: Vec<(u8, &[u8])> = Vec::new();
    if target.starts_with(b"/") {
        components.push((8, b""));
    }
    let names = target.split(|&byte| byte == b'/');
    components.extend(
        names
            .filter(|name| !name.is_empty())
            .map(|name| match name {
                b"." => (2, &b""[..]),
                b".." => (4, &b""[..]),
                name => (0, name),
            }),
    );
    components
}
