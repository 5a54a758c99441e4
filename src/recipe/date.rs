//! Days of the calendar.

use std::fmt;

/// A day of the Gregorian calendar, from 1970 to 9999.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date {
    pub year: u16,
    pub month: u8,
    pub day: u8,
}

impl Date {
    /// Seconds from 1970 to the beginning of the day, in UTC.
    pub fn seconds(self) -> i64 {
        let (month, day) = (i64::from(self.month), i64::from(self.day));
        // Years begin in March, so that a leap day is the last of its year.
        let year = i64::from(self.year) - i64::from(month <= 2);
        let month_from_march = (month + 9) % 12;
        let day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
        let days = 365 * year + year / 4 - year / 100 + year / 400 + day_of_year;
        /// From 0000-03-01 to 1970-01-01.
        const DAYS_BEFORE_1970: i64 = 719_468;
        (days - DAYS_BEFORE_1970) * 86_400
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Checked with `date -u -d DATE +%s`.
    #[test]
    fn seconds_agree_with_date() {
        let seconds = |year, month, day| Date { year, month, day }.seconds();
        assert_eq!(seconds(1970, 1, 1), 0);
        assert_eq!(seconds(2000, 2, 29), 951_782_400);
        assert_eq!(seconds(2000, 3, 1), 951_868_800);
        assert_eq!(seconds(2026, 11, 1), 1_793_491_200);
        assert_eq!(seconds(2100, 12, 31), 4_133_894_400);
    }
}
