//! What an operating system calls itself: `os-release`.

use super::Error;
use super::sysroot::path;
use crate::compose::Workspace;
use crate::tree::{Builder, Child, Content, Leaf};

/// A deployment's title in the boot menu, without its number: as OSTree makes it, so that the first one reads as the next.
pub fn title(
    tree: &Builder,
    version: &str,
    product: &str,
    workspace: &dyn Workspace,
) -> Result<String, Error> {
    let mut name = None;
    for at in ["usr/etc/os-release", "usr/lib/os-release"] {
        if let Some(Child::Leaf(Leaf {
            content: Content::File { blob, .. },
            ..
        })) = tree.get(&path(at))
        {
            let text = workspace.bytes(*blob)?;
            let text = String::from_utf8_lossy(&text);
            name = value(&text, "PRETTY_NAME").or_else(|| value(&text, "ID"));
            break;
        }
    }
    let name = name.unwrap_or_else(|| product.to_owned());
    Ok(match version.is_empty() || name.contains(version) {
        true => name,
        false => format!("{name} {version}"),
    })
}

/// The value of a line, without its quotes.
fn value(text: &str, key: &str) -> Option<String> {
    let mut lines = text.lines();
    let value = lines.find_map(|line| line.trim().strip_prefix(key)?.strip_prefix('='))?;
    let value = value.trim();
    let quoted = ['"', '\''].iter().find_map(|&quote| {
        let inside = value.strip_prefix(quote)?.strip_suffix(quote)?;
        Some(inside)
    });
    // GRUB reads a boot entry as a script.
    let plain = |c: &char| c.is_alphanumeric() || " ()-_.,:+/".contains(*c);
    let value: String = quoted.unwrap_or(value).chars().filter(plain).collect();
    (!value.is_empty()).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::value;

    #[test]
    fn values_are_read_with_and_without_quotes() {
        let text = "# PRETTY_NAME=no\nID=sampler\nPRETTY_NAME=\"Sampler 1\"\nNAME='S'\n";
        assert_eq!(value(text, "PRETTY_NAME").as_deref(), Some("Sampler 1"));
        assert_eq!(value(text, "NAME").as_deref(), Some("S"));
        assert_eq!(value(text, "ID").as_deref(), Some("sampler"));
        assert_eq!(value(text, "VERSION"), None);
        let text = "PRETTY_NAME=\"Bob's & Co. Linux; 1\"\n";
        let plain = value(text, "PRETTY_NAME");
        assert_eq!(plain.as_deref(), Some("Bobs  Co. Linux 1"));
    }
}
