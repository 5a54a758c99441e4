//! Kind `disk`: a bootable disk image with a tree deployed on it.

use super::fields::{Fields, Found};
use super::installer::{self, Updates};
use crate::ids::Name;

const MIB: u64 = 1 << 20;
/// A smaller disk has no room for its own tables, boot files and a tree.
const LEAST: u64 = 256 * MIB;
/// What fits the numbers of a boot record.
const MOST: u64 = 2 << 40;
const USUAL: u64 = 8 << 30;
/// Seconds that the boot menu waits unless the recipe says otherwise.
const PATIENCE: u32 = 5;

/// A disk image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disk {
    /// The tree that is deployed.
    pub payload: Name,
    /// Bytes of the disk.
    pub size: u64,
    pub format: DiskFormat,
    /// Further arguments of the kernel.
    pub arguments: Vec<String>,
    /// Seconds that the boot menu waits.
    pub timeout: u32,
    /// Where the machine has its updates from.
    pub updates: Option<Updates>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DiskFormat {
    /// The bytes of the disk.
    Raw,
    /// What QEMU and clouds take: only what is not zeros.
    Qcow2,
}

impl DiskFormat {
    /// As in the recipe, and behind the file's name.
    pub const fn name(self) -> &'static str {
        match self {
            DiskFormat::Raw => "raw",
            DiskFormat::Qcow2 => "qcow2",
        }
    }
}

pub(super) fn read(fields: &Fields) -> Option<Disk> {
    fields.demand("payload");
    let payload = fields.parsed("payload", "a recipe's name");
    let timeout = fields.number("timeout", installer::MOST_PATIENCE);
    let timeout = timeout.and_then(|found| u32::try_from(found.value).ok());
    let disk = Disk {
        payload: "nothing".parse().expect("it is made of letters"),
        size: size(fields),
        format: format(fields),
        arguments: installer::arguments(fields),
        timeout: timeout.unwrap_or(PATIENCE),
        updates: fields.table("updates").map(installer::updates),
    };
    let payload = payload?.value;
    Some(Disk { payload, ..disk })
}

fn size(fields: &Fields) -> u64 {
    let Some(Found { value, at }) = fields.string("size") else {
        return USUAL;
    };
    let told = bytes(&value).filter(|size| (LEAST..=MOST).contains(size));
    told.unwrap_or_else(|| {
        let reason = "write a whole number of MiB, GiB or TiB, from \"256 MiB\" to \"2 TiB\"";
        fields.invalid(at, &value, "the size of a disk", reason);
        USUAL
    })
}

/// `8 GiB`.
fn bytes(text: &str) -> Option<u64> {
    let end = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(end);
    let unit = match unit.trim_start() {
        "MiB" => MIB,
        "GiB" => MIB << 10,
        "TiB" => MIB << 20,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(unit)
}

fn format(fields: &Fields) -> DiskFormat {
    let Some(Found { value, at }) = fields.string("format") else {
        return DiskFormat::Raw;
    };
    match value.as_str() {
        "raw" => DiskFormat::Raw,
        "qcow2" => DiskFormat::Qcow2,
        _ => {
            let reason = "write \"raw\", or \"qcow2\" for virtual machines";
            fields.invalid(at, &value, "a format of disks", reason);
            DiskFormat::Raw
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_numbers_with_a_unit() {
        assert_eq!(bytes("8 GiB"), Some(8 << 30));
        assert_eq!(bytes("8GiB"), Some(8 << 30));
        assert_eq!(bytes("512 MiB"), Some(512 << 20));
        for wrong in [
            "8",
            "GiB",
            "8 GB",
            "-1 GiB",
            "1.5 GiB",
            "99999999999999999999 MiB",
            "",
        ] {
            assert_eq!(bytes(wrong), None, "{wrong}");
        }
    }
}
