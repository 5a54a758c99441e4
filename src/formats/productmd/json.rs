//! JSON as productmd writes it: keys sorted, and four spaces, "to read and diff easily".

use serde::Serialize;
use serde_json::Value;
use serde_json::ser::{PrettyFormatter, Serializer};

pub fn pretty(value: &Value) -> String {
    let mut text = Vec::new();
    let mut serializer =
        Serializer::with_formatter(&mut text, PrettyFormatter::with_indent(b"    "));
    value
        .serialize(&mut serializer)
        .expect("a value has text keys, and memory takes all that is written");
    text.push(b'\n');
    String::from_utf8(text).expect("JSON is text")
}
