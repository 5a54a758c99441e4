//! Packets: a kind, a length, and bytes. RFC 9580, section 4.2.

use super::error::Error;
use super::reader::Reader;

/// The kinds of packets that mean something here.
pub mod kind {
    pub const SIGNATURE: u8 = 2;
    pub const SECRET_KEY: u8 = 5;
    pub const PUBLIC_KEY: u8 = 6;
    pub const SECRET_SUBKEY: u8 = 7;
    pub const USER_ID: u8 = 13;
    pub const PUBLIC_SUBKEY: u8 = 14;
    pub const USER_ATTRIBUTE: u8 = 17;
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Packet<'a> {
    pub kind: u8,
    pub body: &'a [u8],
}

/// The packets of binary data, one after the other.
pub struct Packets<'a>(Reader<'a>);

impl<'a> Packets<'a> {
    pub fn of(bytes: &'a [u8]) -> Self {
        Packets(Reader(bytes))
    }

    fn read(&mut self) -> Result<Packet<'a>, Error> {
        let reader = &mut self.0;
        let first = reader.u8()?;
        if first & 0x80 == 0 {
            return Err(Error::malformed(format!(
                "{first:#04x} does not begin a packet"
            )));
        }
        let (kind, length) = match first & 0x40 {
            0 => (first >> 2 & 0x0f, old_length(first & 3, reader)?),
            _ => (first & 0x3f, new_length(reader)?),
        };
        let body = reader.take(length as usize)?;
        Ok(Packet { kind, body })
    }
}

fn old_length(form: u8, reader: &mut Reader) -> Result<u32, Error> {
    match form {
        0 => reader.u8().map(u32::from),
        1 => reader.u16().map(u32::from),
        2 => reader.u32(),
        _ => Err(Error::malformed("a packet has no length")),
    }
}

/// Lengths in parts are for data, not for keys and signatures.
fn new_length(reader: &mut Reader) -> Result<u32, Error> {
    match reader.u8()? {
        length @ 0..192 => Ok(length.into()),
        first @ 192..224 => {
            let second = u32::from(reader.u8()?);
            Ok(((u32::from(first) - 192) << 8) + second + 192)
        }
        255 => reader.u32(),
        _ => Err(Error::malformed("a packet comes in parts")),
    }
}

/// What is malformed ends the packets: where the next one begins is not known then.
impl<'a> Iterator for Packets<'a> {
    type Item = Result<Packet<'a>, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let read = self.read();
        if read.is_err() {
            self.0.rest();
        }
        Some(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lengths(bytes: &[u8]) -> Result<Vec<(u8, usize)>, Error> {
        let sizes = |packet: Packet| (packet.kind, packet.body.len());
        Packets::of(bytes).map(|packet| packet.map(sizes)).collect()
    }

    #[test]
    fn each_form_of_a_length_is_read() {
        assert_eq!(lengths(&[0x88, 2, 0, 0]), Ok(vec![(2, 2)]));
        assert_eq!(lengths(&[0x99, 0, 1, 0]), Ok(vec![(6, 1)]));
        assert_eq!(lengths(&[0x9a, 0, 0, 0, 0]), Ok(vec![(6, 0)]));
        assert_eq!(
            lengths(&[0xc2, 1, 7, 0xcd, 255, 0, 0, 0, 0]),
            Ok(vec![(2, 1), (13, 0)])
        );
        let two = [&[0xc6, 192, 8][..], &[0; 200]].concat();
        assert_eq!(lengths(&two), Ok(vec![(6, 200)]));
    }

    #[test]
    fn a_length_that_lies_is_malformed_and_the_end() {
        for bytes in [
            &[0xc2, 255, 0xff, 0xff, 0xff, 0xff, 1][..],
            &[0x88, 9, 1],
            &[0x8b, 1],
            &[0xc2, 230, 1],
            &[0x02, 0],
        ] {
            assert!(lengths(bytes).is_err(), "{bytes:?}");
            assert_eq!(Packets::of(bytes).count(), 1);
        }
    }
}
