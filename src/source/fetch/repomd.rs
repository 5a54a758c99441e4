//! What `repomd.xml` says of the files beside it.

use super::xml::{Element, read};
use crate::ids::{Algorithm, Digest};

/// A file of the metadata.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// `primary`, `filelists`, `modules`, `group`, …
    pub kind: String,
    /// Counted from the base of the repository, or a whole URL.
    pub location: String,
    pub digest: Digest,
    pub size: Option<u64>,
}

/// The parts in the order of the document, or why it is no index.
pub fn parts(document: &[u8]) -> Result<Vec<Part>, String> {
    let root = read(document)?;
    if root.name != "repomd" {
        return Err(format!("it begins with <{}>, not <repomd>", root.name));
    }
    root.children("data").map(part).collect()
}

fn part(data: &Element) -> Result<Part, String> {
    let kind = data.attribute("type").ok_or("a <data> has no type")?;
    let lacks = |what: &str| format!("the file {kind:?} has no {what}");
    let location = data.child("location").ok_or_else(|| lacks("location"))?;
    let href = location
        .attribute("href")
        .ok_or_else(|| lacks("location"))?;
    let location = match location.attribute("base") {
        Some(base) => format!("{}/{href}", base.trim_end_matches('/')),
        None => href.to_owned(),
    };
    let checksum = data.child("checksum").ok_or_else(|| lacks("checksum"))?;
    let algorithm = checksum.attribute("type").unwrap_or_default();
    let size = data.child("size").map(|size| size.text.parse());
    Ok(Part {
        kind: kind.to_owned(),
        location,
        digest: digest(algorithm, &checksum.text)?,
        size: size
            .transpose()
            .map_err(|_| lacks("size that is a number"))?,
    })
}

/// A checksum as metadata spells it.
pub fn digest(algorithm: &str, hex: &str) -> Result<Digest, String> {
    let algorithm: Algorithm = algorithm.parse().map_err(|error| format!("{error}"))?;
    let hex = hex.to_ascii_lowercase();
    let whole = hex.len() == algorithm.bytes() * 2;
    if !whole || !hex.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(format!("{hex:?} is no {} checksum", algorithm.name()));
    }
    Ok(Digest { algorithm, hex })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(data: &str) -> Result<Vec<Part>, String> {
        parts(format!("<repomd><data type=\"primary\">{data}</data></repomd>").as_bytes())
    }

    #[test]
    fn old_and_new_spellings_of_a_checksum_are_read() {
        let hex = "0123456789ABCDEF0123456789abcdef01234567";
        let location = "<location xml:base=\"http://h/a/\" href=\"repodata/p&amp;q.gz\"/>";
        for spelling in ["sha", "sha1", "SHA1"] {
            let text = format!(
                "<checksum type=\"{spelling}\"> {hex}\n</checksum>{location}<size>7</size>"
            );
            let part = of(&text).unwrap().remove(0);
            assert_eq!(part.digest.algorithm, Algorithm::Sha1);
            assert_eq!(part.digest.hex, hex.to_lowercase());
            assert_eq!(part.location, "http://h/a/repodata/p&q.gz");
            assert_eq!(part.size, Some(7));
        }
    }

    #[test]
    fn what_is_no_index_is_told_and_never_panics() {
        let whole = "<checksum type=\"md5\">00112233445566778899aabbccddeeff</checksum><location href=\"x\"/>";
        assert!(of(whole).is_ok());
        for (broken, why) in [
            (whole.replace("md5", "crc"), "unknown checksum type \"crc\""),
            (whole.replace("ff<", "f<"), "is no md5 checksum"),
            (whole.replace("location", "place"), "has no location"),
            (
                whole.replace("<location", "<size>x</size><location"),
                "size that is a number",
            ),
        ] {
            let error = of(&broken).unwrap_err();
            assert!(error.contains(why), "{error}");
        }
        for broken in ["", "<html>", "<repomd><data", "<a></b>", "\u{1f}\u{8b}"] {
            assert!(parts(broken.as_bytes()).is_err(), "{broken}");
        }
        assert!(parts("<repomd>".repeat(1000).as_bytes()).is_err());
    }
}
