//! Fields that hold one value and no text: truth, numbers, dates.

use toml::de::DeValue;
use toml::value::{Datetime, Offset};

use super::{Fields, Found};
use crate::recipe::date::Date;

impl Fields<'_, '_> {
    pub fn boolean(&self, field: &'static str, otherwise: bool) -> bool {
        let Some(value) = self.get(field) else {
            return otherwise;
        };
        value.get_ref().as_bool().unwrap_or_else(|| {
            self.mismatch(field, "true or false", value);
            otherwise
        })
    }

    /// A whole number, not negative, no greater than `most`.
    pub fn number(&self, field: &'static str, most: u64) -> Option<Found<u64>> {
        let value = self.get(field)?;
        let Some(integer) = value.get_ref().as_integer() else {
            self.mismatch(field, "a whole number", value);
            return None;
        };
        let at = value.span().start;
        match u64::from_str_radix(integer.as_str(), integer.radix()) {
            Ok(value) if value <= most => Some(Found { value, at }),
            _ => {
                let reason = format!("it must lie between 0 and {most}");
                self.invalid(at, &integer.to_string(), "the number here", reason);
                None
            }
        }
    }

    pub fn date(&self, field: &'static str) -> Option<Date> {
        let value = self.get(field)?;
        match value.get_ref() {
            DeValue::Datetime(Datetime {
                date: Some(date),
                time: None,
                offset: None,
            }) if date.year >= 1970 => Some(day(*date)),
            _ => {
                self.mismatch(
                    field,
                    "a date from 1970 on, as 2026-11-01 without quotes",
                    value,
                );
                None
            }
        }
    }

    /// A date, or a date and time with its offset from UTC, as seconds since 1970.
    pub fn moment(&self, field: &'static str) -> Option<Found<i64>> {
        let value = self.get(field)?;
        let at = value.span().start;
        let seconds = match value.get_ref() {
            DeValue::Datetime(datetime) => moment(datetime),
            _ => None,
        };
        // RPM has 32 bits for a time.
        match seconds {
            Some(value) if (0..=i64::from(u32::MAX)).contains(&value) => Some(Found { value, at }),
            _ => {
                let expected = "a date from 1970 to 2106, as 2026-11-01, or 2026-11-01T12:00:00Z, without quotes";
                self.mismatch(field, expected, value);
                None
            }
        }
    }
}

fn day(date: toml::value::Date) -> Date {
    let toml::value::Date { year, month, day } = date;
    Date { year, month, day }
}

/// Fractions of a second are cut off; a time without an offset is no moment.
fn moment(datetime: &Datetime) -> Option<i64> {
    let start = day(datetime.date?).seconds();
    match (datetime.time, datetime.offset) {
        (None, None) => Some(start),
        (Some(time), Some(offset)) => {
            let minutes = match offset {
                Offset::Z => 0,
                Offset::Custom { minutes } => i64::from(minutes),
            };
            let second = i64::from(time.second.unwrap_or(0));
            let of_day = (i64::from(time.hour) * 60 + i64::from(time.minute)) * 60 + second;
            Some(start + of_day - minutes * 60)
        }
        _ => None,
    }
}
