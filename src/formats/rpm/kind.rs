//! The types that a value in a header can have, by their numbers.

/// The types that a value can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Null,
    Char,
    Int8,
    Int16,
    Int32,
    Int64,
    String,
    Binary,
    StringArray,
    I18nString,
}

impl Kind {
    pub(super) fn from_number(number: u32) -> Option<Kind> {
        use Kind::*;
        const KINDS: [Kind; 10] = [
            Null,
            Char,
            Int8,
            Int16,
            Int32,
            Int64,
            String,
            Binary,
            StringArray,
            I18nString,
        ];
        KINDS.get(usize::try_from(number).ok()?).copied()
    }

    pub const fn number(self) -> u32 {
        self as u32
    }

    /// Bytes of one value; `None` for strings, which say so themselves.
    pub const fn width(self) -> Option<usize> {
        match self {
            Kind::Null => Some(0),
            Kind::Char | Kind::Int8 | Kind::Binary => Some(1),
            Kind::Int16 => Some(2),
            Kind::Int32 => Some(4),
            Kind::Int64 => Some(8),
            Kind::String | Kind::StringArray | Kind::I18nString => None,
        }
    }
}
