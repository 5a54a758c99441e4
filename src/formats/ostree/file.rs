//! What a file object says before its bytes.
//!
//! ```text
//! length of the header (u32, big-endian)   four zero bytes   header   bytes of the file
//! ```
//!
//! That is what its checksum is taken of; an archive repository has the file's length in the header too,
//! and the bytes deflated.

use super::gvariant::{self, Value};
use super::object::{self, Malformed, Xattrs};

/// File type bits.
pub const REGULAR: u32 = 0o100000;
pub const SYMLINK: u32 = 0o120000;

/// Length of what stands before a header.
const FRAME: usize = 8;

const ARCHIVED: &str = "(tuuuusa(ayay))";

/// The metadata of a regular file or a symbolic link.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileHeader {
    pub uid: u32,
    pub gid: u32,
    /// With the file type bits.
    pub mode: u32,
    /// Where a symbolic link points to; empty for a regular file.
    pub target: String,
    pub xattrs: Xattrs,
}

impl FileHeader {
    pub const fn is_symlink(&self) -> bool {
        self.mode & !0o7777 == SYMLINK
    }

    /// The bytes that a file's checksum begins with.
    pub fn bare(&self) -> Vec<u8> {
        frame(&Value::Tuple(self.members()))
    }

    /// The bytes that the object file in an archive repository begins with.
    pub fn archived(&self, size: u64) -> Vec<u8> {
        let mut members = self.members();
        members.insert(0, Value::U64(size.swap_bytes()));
        frame(&Value::Tuple(members))
    }

    fn members(&self) -> Vec<Value> {
        vec![
            object::swapped(self.uid),
            object::swapped(self.gid),
            object::swapped(self.mode),
            // The device number, of devices that OSTree does not keep.
            Value::U32(0),
            Value::text(&self.target),
            object::write_xattrs(&self.xattrs),
        ]
    }

    /// Reads the beginning of an object file: the header, the length of the file, and where its deflated bytes begin.
    pub fn decode_archived(bytes: &[u8]) -> Result<(Self, u64, usize), Malformed> {
        let what = "file";
        let short = || Malformed::Short {
            what,
            length: bytes.len(),
        };
        let (length, rest) = bytes.split_first_chunk::<4>().ok_or_else(short)?;
        let length = usize::try_from(u32::from_be_bytes(*length)).map_err(|_| short())?;
        let (padding, rest) = rest.split_first_chunk::<4>().ok_or_else(short)?;
        if *padding != [0; 4] {
            return Err(Malformed::Shape { what });
        }
        let header = rest.get(..length).ok_or_else(short)?;
        let (header, size) = FileHeader::decode(header)?;
        Ok((header, size, FRAME + length))
    }

    fn decode(bytes: &[u8]) -> Result<(Self, u64), Malformed> {
        let what = "file";
        let [
            Value::U64(size),
            Value::U32(uid),
            Value::U32(gid),
            Value::U32(mode),
            Value::U32(0),
            Value::String(target),
            xattrs,
        ] = object::members(what, ARCHIVED, bytes)?
        else {
            return Err(Malformed::Shape { what });
        };
        let header = FileHeader {
            uid: uid.swap_bytes(),
            gid: gid.swap_bytes(),
            mode: mode.swap_bytes(),
            target,
            xattrs: object::read_xattrs(what, xattrs)?,
        };
        let size = size.swap_bytes();
        let fits = match header.mode & !0o7777 {
            REGULAR => header.target.is_empty(),
            SYMLINK => size == 0,
            _ => false,
        };
        if fits {
            Ok((header, size))
        } else {
            let mode = header.mode;
            Err(Malformed::Mode { what, mode })
        }
    }
}

fn frame(header: &Value) -> Vec<u8> {
    let header = gvariant::write(header);
    let length = u32::try_from(header.len()).expect("attributes of a file are far below 4 GiB");
    [&length.to_be_bytes()[..], &[0; 4], &header].concat()
}
