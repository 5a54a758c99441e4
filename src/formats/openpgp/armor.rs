//! Binary data as text: RFC 9580, section 6.

use std::borrow::Cow;

use data_encoding::BASE64;

use super::error::Error;

const BEGIN: &str = "-----BEGIN PGP ";
const END: &str = "-----END PGP ";
const DASHES: &str = "-----";

/// The binary data of a file: itself, or that of every armored block in it, joined.
///
/// Text around and between the blocks is passed over, as distributions put remarks there.
pub fn binary<'a>(bytes: &'a [u8], what: &'static str) -> Result<Cow<'a, [u8]>, Error> {
    // No text begins with the high bit that begins every packet.
    if bytes.first().is_some_and(|byte| byte & 0x80 != 0) && !bytes.starts_with(b"\xef\xbb\xbf") {
        return Ok(Cow::Borrowed(bytes));
    }
    let text = String::from_utf8_lossy(bytes);
    let mut lines = text.lines().map(str::trim_end);
    let mut joined = Vec::new();
    let mut blocks = 0;
    while let Some(line) = lines.next() {
        if line.trim_start_matches('\u{feff}').starts_with(BEGIN) && line.ends_with(DASHES) {
            joined.extend(block(&mut lines)?);
            blocks += 1;
        }
    }
    match blocks {
        0 => Err(Error::Nothing { what }),
        _ => Ok(Cow::Owned(joined)),
    }
}

/// One block, from behind its first line to its last.
fn block<'a>(lines: &mut impl Iterator<Item = &'a str>) -> Result<Vec<u8>, Error> {
    let mut body = String::new();
    let mut checksum = None;
    let mut headers = true;
    for line in lines {
        if line.starts_with(END) {
            return decoded(&body, checksum);
        }
        // Of a header without a value the space behind the colon is gone here; base64 has no colon.
        if headers && (line.is_empty() || line.contains(':')) {
            headers = !line.is_empty();
            continue;
        }
        headers = false;
        match line.strip_prefix('=') {
            // Padding may stand in a line of its own; a checksum has four digits.
            Some(sum) if sum.len() == 4 => checksum = Some(sum),
            _ => body.push_str(line.trim()),
        }
    }
    Err(Error::malformed("an armored block has no end"))
}

fn decoded(body: &str, checksum: Option<&str>) -> Result<Vec<u8>, Error> {
    let bytes = BASE64
        .decode(body.as_bytes())
        .map_err(|error| Error::malformed(format!("its base64: {error}")))?;
    let stated = checksum.map(|sum| BASE64.decode(sum.as_bytes()));
    match stated {
        Some(Ok(sum)) if sum != crc24(&bytes) => {
            Err(Error::malformed("its checksum does not fit its text"))
        }
        Some(Err(_)) => Err(Error::malformed("its checksum is not base64")),
        _ => Ok(bytes),
    }
}

fn crc24(bytes: &[u8]) -> [u8; 3] {
    let mut crc: u32 = 0xb7_04ce;
    for &byte in bytes {
        crc ^= u32::from(byte) << 16;
        for _ in 0..8 {
            crc <<= 1;
            if crc & 0x100_0000 != 0 {
                crc ^= 0x186_4cfb;
            }
        }
    }
    let [_, a, b, c] = crc.to_be_bytes();
    [a, b, c]
}

#[cfg(test)]
mod tests {
    use super::*;

    const BLOCK: &str =
        "-----BEGIN PGP SIGNATURE-----\nVersion: x\n\nAQID\n=fRqK\n-----END PGP SIGNATURE-----\n";

    fn good() -> String {
        let sum = BASE64.encode(&crc24(&[1, 2, 3]));
        BLOCK.replace("fRqK", &sum)
    }

    #[test]
    fn blocks_are_joined_and_the_text_around_them_passed_over() {
        let text = format!(
            "pub remark\n{}more\r\n{}",
            good(),
            good().replace('\n', "\r\n")
        );
        assert_eq!(
            *binary(text.as_bytes(), "keys").unwrap(),
            [1, 2, 3, 1, 2, 3]
        );
        let valueless = good().replace("Version: x", "Comment: ");
        assert_eq!(*binary(valueless.as_bytes(), "keys").unwrap(), [1, 2, 3]);
        assert_eq!(crc24(b"123456789"), [0x21, 0xcf, 0x02]);
    }

    #[test]
    fn what_is_broken_is_said() {
        let broken = |text: &str| binary(text.as_bytes(), "keys").unwrap_err().to_string();
        assert!(broken("hello").contains("no OpenPGP keys"));
        assert!(broken(BLOCK).contains("checksum"));
        assert!(broken(&good().replace("AQID", "AQ!D")).contains("base64"));
        let cut = good();
        assert!(broken(&cut[..cut.len() - 30]).contains("no end"));
    }
}
