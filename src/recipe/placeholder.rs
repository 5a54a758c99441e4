//! Placeholders in the strings of a recipe: `{version}` and its like.

use super::error::Fault;
use super::release::Release;

/// What a placeholder may be called.
pub const KNOWN: [&str; 4] = ["name", "short", "version", "arch"];

/// Fills in what the release says; `{{` and `}}` stand for plain braces.
///
/// A brace that is neither is an error, so no text ever changes in silence.
/// The offset in the error counts bytes of `text`.
pub fn fill(text: &str, release: &Release) -> Result<String, Fault> {
    let mut filled = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['{', '}']) {
        filled.push_str(&rest[..at]);
        let brace = if rest[at..].starts_with('{') {
            '{'
        } else {
            '}'
        };
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix(brace) {
            filled.push(brace);
            rest = after;
            continue;
        }
        let name = match rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_') {
            Some(end) if brace == '{' && end > 0 && rest[end..].starts_with('}') => &rest[..end],
            _ => return Err(Fault::Brace { brace }),
        };
        filled.push_str(value(name, release)?);
        rest = &rest[name.len() + 1..];
    }
    filled.push_str(rest);
    Ok(filled)
}

fn value<'r>(name: &str, release: &'r Release) -> Result<&'r str, Fault> {
    Ok(match name {
        "name" => &release.name,
        "short" => &release.short,
        "version" => &release.version,
        "arch" => &release.arch,
        _ => {
            return Err(Fault::UnknownPlaceholder {
                name: name.to_owned(),
                known: KNOWN.to_vec(),
            });
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(text: &str) -> Result<String, String> {
        let release = Release {
            name: "Sampler".into(),
            short: "sampler".into(),
            version: "1".into(),
            arch: "x86_64".into(),
            epoch: 0,
        };
        fill(text, &release).map_err(|fault| fault.to_string())
    }

    #[test]
    fn a_doubled_brace_is_a_plain_one_and_a_single_one_an_error() {
        assert_eq!(filled("{short}/{version}"), Ok("sampler/1".into()));
        assert_eq!(
            filled("${{HOME}} {{{arch}}}"),
            Ok("${HOME} {x86_64}".into())
        );
        for bad in ["{", "}", "a { b", "{}", "{version", "{version }", "x}"] {
            assert!(filled(bad).unwrap_err().starts_with("a single"), "{bad}");
        }
        assert_eq!(
            filled("{verson}").unwrap_err(),
            "unknown placeholder {verson}; did you mean \"version\"?; for a plain brace write it twice"
        );
    }
}
