//! Numbers of bytes as people read them.

use std::fmt;

/// A number of bytes; shown in powers of 1000, as disk makers and `du --si` count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Size(pub u64);

const UNITS: [&str; 6] = ["B", "kB", "MB", "GB", "TB", "PB"];

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut value = self.0 as f64;
        let mut unit = 0;
        while value >= 999.5 && unit + 1 < UNITS.len() {
            value /= 1000.0;
            unit += 1;
        }
        let text = match (unit, value < 9.95) {
            (0, _) => format!("{} B", self.0),
            (_, true) => format!("{value:.1} {}", UNITS[unit]),
            (_, false) => format!("{value:.0} {}", UNITS[unit]),
        };
        f.pad(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_read_as_people_write_them() {
        let sizes = [0, 999, 1_000, 9_949, 9_999, 999_499, 999_500, u64::MAX];
        let shown = sizes.map(|bytes| Size(bytes).to_string());
        assert_eq!(
            shown,
            [
                "0 B", "999 B", "1.0 kB", "9.9 kB", "10 kB", "999 kB", "1.0 MB", "18447 PB"
            ]
        );
    }
}
