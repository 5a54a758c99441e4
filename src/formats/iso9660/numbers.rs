//! Numbers and dates as descriptors and records have them.

use crate::formats::calendar::Moment;

/// Both byte orders, one after the other (ECMA-119, 8.3.3 and 7.2.3).
pub fn both16(value: u16) -> [u8; 4] {
    let ([a, b], [c, d]) = (value.to_le_bytes(), value.to_be_bytes());
    [a, b, c, d]
}

pub fn both32(value: u32) -> [u8; 8] {
    let mut bytes = [0; 8];
    bytes[..4].copy_from_slice(&value.to_le_bytes());
    bytes[4..].copy_from_slice(&value.to_be_bytes());
    bytes
}

/// The seven bytes of a date in a directory record or a Rock Ridge field (ECMA-119, 10.1.6); later than 2155 is 2155.
pub fn short_date(seconds: i64) -> [u8; 7] {
    let moment = Moment::of(seconds);
    let year = u8::try_from(moment.year.saturating_sub(1900)).unwrap_or(u8::MAX);
    [
        year,
        moment.month,
        moment.day,
        moment.hour,
        moment.minute,
        moment.second,
        0,
    ]
}

/// The seventeen bytes of a date in a volume descriptor (ECMA-119, 9.4.27.2): digits, hundredths, offset from UTC.
pub fn long_date(seconds: i64) -> [u8; 17] {
    let mut bytes = [b'0'; 17];
    bytes[..14].copy_from_slice(Moment::of(seconds).digits().as_bytes());
    bytes[16] = 0;
    bytes
}

/// No date.
pub const NO_DATE: [u8; 17] = {
    let mut bytes = [b'0'; 17];
    bytes[16] = 0;
    bytes
};
