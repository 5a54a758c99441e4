//! Days of the calendar, for formats that write them out.

/// A second of UTC, as clocks on a wall show it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    pub year: u32,
    pub month: u8,
    pub day: u8,
    pub hour: u8,
    pub minute: u8,
    pub second: u8,
}

impl Moment {
    /// Of seconds since 1970; what lies outside of the years 1970 to 9999 counts as the nearest second inside.
    pub fn of(seconds: i64) -> Self {
        const LAST: i64 = 253_402_300_799;
        let seconds = seconds.clamp(0, LAST);
        let (days, rest) = (seconds / 86_400, seconds % 86_400);
        let (year, month, day) = civil(days);
        Moment {
            year: year as u32,
            month: month as u8,
            day: day as u8,
            hour: (rest / 3600) as u8,
            minute: (rest / 60 % 60) as u8,
            second: (rest % 60) as u8,
        }
    }

    /// `20261101T123059` without the letter: as ISO 9660, `.buildstamp` and others have it.
    pub fn digits(&self) -> String {
        let Moment {
            year,
            month,
            day,
            hour,
            minute,
            second,
        } = self;
        format!("{year:04}{month:02}{day:02}{hour:02}{minute:02}{second:02}")
    }
}

/// Year, month and day of a day that is counted from 1970.
pub fn civil(days: i64) -> (i64, i64, i64) {
    /// Days in 400 years, after which the calendar begins again.
    const CYCLE: i64 = 146_097;
    // Years begin in March, so that a leap day is the last of its year.
    let days = days + 719_468;
    let (cycle, day) = (days.div_euclid(CYCLE), days.rem_euclid(CYCLE));
    let year = (day - day / 1460 + day / 36_524 - day / (CYCLE - 1)) / 365;
    let of_year = day - (365 * year + year / 4 - year / 100);
    let from_march = (5 * of_year + 2) / 153;
    let month = (from_march + 2) % 12 + 1;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    (cycle * 400 + year + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Checked with `date -u -d @SECONDS +%Y%m%d%H%M%S`.
    #[test]
    fn moments_agree_with_date() {
        let digits = |seconds| Moment::of(seconds).digits();
        assert_eq!(digits(0), "19700101000000");
        assert_eq!(digits(951_782_399), "20000228235959");
        assert_eq!(digits(951_782_400), "20000229000000");
        assert_eq!(digits(1_793_495_459), "20261101011059");
        assert_eq!(digits(4_107_542_400), "21000301000000");
        assert_eq!(digits(-5), "19700101000000");
        assert_eq!(digits(i64::MAX), "99991231235959");
    }
}
