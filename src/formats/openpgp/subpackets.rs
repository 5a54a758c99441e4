//! What a signature says besides: RFC 9580, section 5.2.3.7.

use super::error::Error;
use super::key::KeyId;
use super::reader::Reader;

/// What the two areas of a signature say; of the area that is not signed, only what proves itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Subpackets {
    pub created: Option<u32>,
    /// Seconds after its creation from which the signature does not count.
    pub expires_after: Option<u32>,
    /// Seconds after its creation from which the key does not count.
    pub key_expires_after: Option<u32>,
    pub key_flags: Option<u8>,
    pub revocation_reason: Option<u8>,
    pub issuers: Vec<KeyId>,
    /// The signature of a subkey that it is willing to be one.
    pub embedded: Vec<Vec<u8>>,
    /// What a reader must know and this one does not.
    pub critical: Option<String>,
}

impl Subpackets {
    pub fn read(hashed: &[u8], unhashed: &[u8]) -> Result<Subpackets, Error> {
        let mut said = Subpackets::default();
        said.area(hashed, true)?;
        said.area(unhashed, false)?;
        Ok(said)
    }

    fn area(&mut self, bytes: &[u8], signed: bool) -> Result<(), Error> {
        let mut reader = Reader(bytes);
        while !reader.is_empty() {
            let length = match reader.u8()? {
                length @ 0..192 => u32::from(length),
                255 => reader.u32()?,
                first => {
                    let second = u32::from(reader.u8()?);
                    ((u32::from(first) - 192) << 8) + second + 192
                }
            };
            let mut body = Reader(reader.take(length as usize)?);
            let kind = body.u8()?;
            self.subpacket(kind & 0x7f, kind & 0x80 != 0, body, signed)?;
        }
        Ok(())
    }

    fn subpacket(
        &mut self,
        kind: u8,
        critical: bool,
        mut body: Reader,
        signed: bool,
    ) -> Result<(), Error> {
        match kind {
            16 => self.issuers.push(KeyId(body.array()?)),
            33 => {
                let version = body.u8()?;
                self.issuers.extend(KeyId::of(version, body.rest()));
            }
            32 => self.embedded.push(body.rest().to_vec()),
            _ if !signed => {}
            2 => self.created = Some(body.u32()?),
            3 => self.expires_after = Some(body.u32()?).filter(|&seconds| seconds > 0),
            9 => self.key_expires_after = Some(body.u32()?).filter(|&seconds| seconds > 0),
            27 => self.key_flags = Some(body.u8().unwrap_or(0)),
            29 => self.revocation_reason = Some(body.u8()?),
            // Preferences, names and hints: nothing in them changes what is decided here.
            4..=7 | 11 | 12 | 21..=26 | 28 | 30 | 31 | 34 | 35 | 39 => {}
            20 if critical => self.critical = Some(format!("the notation {}", notation(body)?)),
            _ if critical => self.critical = Some(format!("subpacket {kind}")),
            _ => {}
        }
        Ok(())
    }
}

fn notation(mut body: Reader) -> Result<String, Error> {
    body.take(4)?;
    let length = usize::from(body.u16()?);
    body.u16()?;
    Ok(format!("{:?}", String::from_utf8_lossy(body.take(length)?)))
}
