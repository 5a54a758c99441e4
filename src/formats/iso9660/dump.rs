//! An image as text, for people and for tests.

use std::fmt::{self, Display};

use super::read::Contents;

/// Of everything but the bytes of files: a line for the volume, for each boot entry, for each file.
impl Display for Contents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "volume {}: {} blocks", self.volume_id, self.blocks)?;
        for entry in &self.boot {
            let what = match entry.platform {
                0 => "BIOS".to_owned(),
                0xef => "UEFI".to_owned(),
                other => format!("platform {other:#x}"),
            };
            let not = if entry.bootable {
                ""
            } else {
                " (not bootable)"
            };
            writeln!(
                f,
                "boot {what}: block {}, {} sectors{not}",
                entry.block, entry.sectors
            )?;
        }
        for file in &self.files {
            let path = String::from_utf8_lossy(&file.path);
            write!(f, "{:06o} {}:{} {path}", file.mode, file.uid, file.gid)?;
            if !file.target.is_empty() {
                write!(f, " -> {}", String::from_utf8_lossy(&file.target))?;
            } else if file.mode & 0o170_000 == 0o100_000 {
                write!(f, " {}", file.size())?;
            }
            writeln!(f)?;
        }
        Ok(())
    }
}
