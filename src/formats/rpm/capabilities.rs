//! File capabilities: the text in a header, and the bytes in the attribute `security.capability`.
//!
//! Text as in `cap_from_text(3)`; bytes as in `linux/capability.h`, `vfs_cap_data` of revision 2:
//!
//! ```text
//! 00 00 00 02 │ permitted 0-31 │ inheritable 0-31 │ permitted 32-63 │ inheritable 32-63    little endian
//!          01   in the first word: effective too
//! ```

use super::Error;

/// The attribute that carries them.
pub const ATTRIBUTE: &[u8] = b"security.capability";

const REVISION_2: u32 = 0x0200_0000;
const EFFECTIVE: u32 = 1;

/// By number. What `all` means must not hang on the kernel that runs, so it is these.
const NAMES: [&str; 41] = [
    "chown",
    "dac_override",
    "dac_read_search",
    "fowner",
    "fsetid",
    "kill",
    "setgid",
    "setuid",
    "setpcap",
    "linux_immutable",
    "net_bind_service",
    "net_broadcast",
    "net_admin",
    "net_raw",
    "ipc_lock",
    "ipc_owner",
    "sys_module",
    "sys_rawio",
    "sys_chroot",
    "sys_ptrace",
    "sys_pacct",
    "sys_admin",
    "sys_boot",
    "sys_nice",
    "sys_resource",
    "sys_time",
    "sys_tty_config",
    "mknod",
    "lease",
    "audit_write",
    "audit_control",
    "setfcap",
    "mac_override",
    "mac_admin",
    "syslog",
    "wake_alarm",
    "block_suspend",
    "audit_read",
    "perfmon",
    "bpf",
    "checkpoint_restore",
];

const ALL: u64 = (1 << NAMES.len()) - 1;

/// Sets of capabilities, a bit for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Capabilities {
    pub effective: u64,
    pub permitted: u64,
    pub inheritable: u64,
}

impl Capabilities {
    pub fn parse(text: &str) -> Result<Self, Error> {
        let bad = |reason: String| Error::Capabilities {
            text: text.to_owned(),
            reason,
        };
        let mut sets = Capabilities::default();
        for clause in text.split_ascii_whitespace() {
            sets.apply(clause).map_err(bad)?;
        }
        Ok(sets)
    }

    /// A clause is a list of names and one or more of `=ep`, `+i`, `-e`.
    fn apply(&mut self, clause: &str) -> Result<(), String> {
        let operators = ['=', '+', '-'];
        let at = clause
            .find(operators)
            .ok_or_else(|| format!("{clause:?} has none of = + -"))?;
        let (names, mut actions) = clause.split_at(at);
        let named = match names {
            "" if actions.starts_with('=') => ALL,
            "" => return Err(format!("{clause:?} names no capability")),
            names => names
                .split(',')
                .try_fold(0, |set, name| number(name).map(|bits| set | bits))?,
        };
        while let Some(operator) = actions.chars().next() {
            let rest = &actions[1..];
            let end = rest.find(operators).unwrap_or(rest.len());
            self.act(operator, &rest[..end], named)?;
            actions = &rest[end..];
        }
        Ok(())
    }

    fn act(&mut self, operator: char, flags: &str, named: u64) -> Result<(), String> {
        if operator == '=' {
            self.effective &= !named;
            self.permitted &= !named;
            self.inheritable &= !named;
        }
        for flag in flags.chars() {
            let set = match flag {
                'e' => &mut self.effective,
                'p' => &mut self.permitted,
                'i' => &mut self.inheritable,
                _ => return Err(format!("{flag:?} is none of e, i, p")),
            };
            match operator {
                '-' => *set &= !named,
                _ => *set |= named,
            }
        }
        Ok(())
    }

    /// The bytes of the attribute. A file has one bit for "effective": all of what it has, or nothing.
    pub fn to_attribute(self) -> Result<Vec<u8>, Error> {
        let had = self.permitted | self.inheritable;
        if self.effective != 0 && self.effective != had {
            return Err(Error::Capabilities {
                text: self.to_string(),
                reason: "on a file, either all or none of them can be effective".to_owned(),
            });
        }
        let effective = if self.effective == 0 { 0 } else { EFFECTIVE };
        let words = [
            REVISION_2 | effective,
            self.permitted as u32,
            self.inheritable as u32,
            (self.permitted >> 32) as u32,
            (self.inheritable >> 32) as u32,
        ];
        Ok(words.into_iter().flat_map(u32::to_le_bytes).collect())
    }

    /// Reads the bytes of the attribute back; `None` if they are of another revision.
    pub fn from_attribute(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; 20] = bytes.try_into().ok()?;
        let word = |i: usize| {
            u64::from(u32::from_le_bytes(
                bytes[i * 4..][..4]
                    .try_into()
                    .expect("four bytes were sliced"),
            ))
        };
        let permitted = word(1) | word(3) << 32;
        let inheritable = word(2) | word(4) << 32;
        let effective = match word(0) as u32 {
            REVISION_2 => 0,
            first if first == REVISION_2 | EFFECTIVE => permitted | inheritable,
            _ => return None,
        };
        Some(Capabilities {
            effective,
            permitted,
            inheritable,
        })
    }
}

fn number(name: &str) -> Result<u64, String> {
    let lower = name.to_ascii_lowercase();
    if lower == "all" {
        return Ok(ALL);
    }
    let known = lower.strip_prefix("cap_");
    let known = known.and_then(|name| NAMES.iter().position(|known| *known == name));
    let bit = known.or_else(|| lower.parse().ok().filter(|&number| number < 64));
    bit.map(|bit| 1 << bit)
        .ok_or_else(|| format!("{name:?} is not a capability"))
}

/// One clause for each capability that is in a set.
impl std::fmt::Display for Capabilities {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut gap = "";
        for bit in 0..64 {
            let sets = [
                ('e', self.effective),
                ('i', self.inheritable),
                ('p', self.permitted),
            ];
            let flags = sets.iter().filter(|(_, set)| set >> bit & 1 == 1);
            let flags: String = flags.map(|(flag, _)| flag).collect();
            if flags.is_empty() {
                continue;
            }
            match NAMES.get(bit) {
                Some(name) => write!(f, "{gap}cap_{name}={flags}")?,
                None => write!(f, "{gap}{bit}={flags}")?,
            }
            gap = " ";
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(text: &str) -> String {
        let attribute = Capabilities::parse(text).unwrap().to_attribute().unwrap();
        data_encoding::HEXLOWER.encode(&attribute)
    }

    /// As `setcap TEXT FILE; getfattr -e hex -n security.capability FILE` shows them.
    #[test]
    fn the_bytes_are_those_that_setcap_writes() {
        assert_eq!(
            bytes("cap_net_raw+ep"),
            "0100000200200000000000000000000000000000"
        );
        assert_eq!(
            bytes("= cap_net_raw+p"),
            "0000000200200000000000000000000000000000"
        );
        assert_eq!(
            bytes("cap_chown,cap_bpf=ep cap_kill=ei"),
            "0100000201000000200000008000000000000000"
        );
        assert_eq!(bytes("="), "0000000200000000000000000000000000000000");
    }

    #[test]
    fn later_clauses_change_earlier_ones() {
        let parsed = Capabilities::parse("=eip cap_chown-i CAP_KILL=p 3=").unwrap();
        assert_eq!(parsed.inheritable, ALL & !(1 | 1 << 5 | 1 << 3));
        assert_eq!(parsed.permitted, ALL & !(1 << 3));
        assert_eq!(Capabilities::parse(&parsed.to_string()).unwrap(), parsed);
    }

    #[test]
    fn nonsense_is_refused_with_its_reason() {
        for text in ["cap_net_raw", "cap_fly=ep", "cap_chown=x", "+ep"] {
            assert!(Capabilities::parse(text).is_err(), "{text}");
        }
        let partial = Capabilities::parse("cap_chown=ep cap_kill=p").unwrap();
        assert!(partial.to_attribute().is_err());
        let attribute = Capabilities::parse("cap_chown=ep").unwrap().to_attribute();
        let read = Capabilities::from_attribute(&attribute.unwrap()).unwrap();
        assert_eq!(read.to_string(), "cap_chown=ep");
    }
}
