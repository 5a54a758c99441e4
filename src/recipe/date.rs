//! Days of the calendar.

use std::fmt;

/// A day of the Gregorian calendar, from 1970 to 9999.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date {
    pub year: u16,
    pub month: u8,
    pub day: u8,
}

/// From 0000-03-01 to 1970-01-01.
const DAYS_BEFORE_1970: i64 = 719_468;

impl Date {
    /// The day that a moment lies in, in UTC; from 1970 to 9999.
    pub fn of(seconds: i64) -> Self {
        let days = seconds.div_euclid(86_400) + DAYS_BEFORE_1970;
        // Eras of 400 years, which all have the same days.
        let (era, day) = (days.div_euclid(146_097), days.rem_euclid(146_097));
        let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
        let day_of_year = day - (365 * year + year / 4 - year / 100);
        let month_from_march = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
        let month = (month_from_march + 2) % 12 + 1;
        let year = era * 400 + year + i64::from(month <= 2);
        Date {
            year: year as u16,
            month: month as u8,
            day: day as u8,
        }
    }

    /// `YYYYMMDD`.
    pub fn compact(self) -> String {
        let Date { year, month, day } = self;
        format!("{year:04}{month:02}{day:02}")
    }

    /// Seconds from 1970 to the beginning of the day, in UTC.
    pub fn seconds(self) -> i64 {
        let (month, day) = (i64::from(self.month), i64::from(self.day));
        // Years begin in March, so that a leap day is the last of its year.
        let year = i64::from(self.year) - i64::from(month <= 2);
        let month_from_march = (month + 9) % 12;
        let day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
        let days = 365 * year + year / 4 - year / 100 + year / 400 + day_of_year;
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

    #[test]
    fn a_day_is_found_again_by_each_of_its_seconds() {
        for days in 0..60_000 {
            let date = Date::of(days * 86_400);
            assert_eq!(date.seconds(), days * 86_400, "{date}");
            assert_eq!(Date::of(days * 86_400 + 86_399), date);
        }
    }
}
