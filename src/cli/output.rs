//! How results look: JSON documents, sizes, errors with their causes.

use std::borrow::Cow;
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use serde::Serialize;

use super::exit::{Exit, Failure};
use crate::formats::calendar::civil;

/// Writes a result to stdout. A reader that went away has read enough.
pub fn print(text: impl std::fmt::Display) -> Result<(), Failure> {
    write(&harmless(&text.to_string(), &['\n', '\t']))
}

fn write(text: &str) -> Result<(), Failure> {
    finish(write!(io::stdout().lock(), "{text}").and_then(|()| io::stdout().flush()))
}

/// Writes paths, a line each, as their bytes are: they are for other programs to open.
pub fn paths<'p>(paths: impl IntoIterator<Item = &'p Path>) -> Result<(), Failure> {
    let mut lines = Vec::new();
    for path in paths {
        lines.extend_from_slice(path.as_os_str().as_bytes());
        lines.push(b'\n');
    }
    let mut out = io::stdout().lock();
    finish(out.write_all(&lines).and_then(|()| out.flush()))
}

/// A text from a package or a file name as a part of one line.
pub fn part(text: &str) -> Cow<'_, str> {
    harmless(text, &[])
}

/// Escapes what moves the cursor of a terminal, colours it or turns the direction of writing.
fn harmless<'a>(text: &'a str, allowed: &[char]) -> Cow<'a, str> {
    let hostile = |c: char| {
        !allowed.contains(&c)
            && (c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'))
    };
    if !text.contains(hostile) {
        return Cow::Borrowed(text);
    }
    let show = |c: char| match hostile(c) {
        true => c.escape_default().to_string(),
        false => c.to_string(),
    };
    Cow::Owned(text.chars().map(show).collect())
}

/// Writes a value that carries its own schema to stdout.
pub fn document(value: &impl Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(value).map_err(|e| Failure::new(Exit::Internal, e))?;
    // JSON escapes control characters itself.
    write(&format!("{text}\n"))
}

/// Writes one JSON document to stdout, its schema first.
pub fn json(command: &str, value: &impl Serialize) -> Result<(), Failure> {
    #[derive(Serialize)]
    struct Document<'a, T> {
        schema: String,
        #[serde(flatten)]
        value: &'a T,
    }
    document(&Document {
        schema: format!("store/{command}/1"),
        value,
    })
}

pub fn finish(result: io::Result<()>) -> Result<(), Failure> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        Err(error) => Err(Failure::new(
            Exit::Failed,
            format!("writing the result: {error}"),
        )),
        Ok(()) => Ok(()),
    }
}

/// A line of talk on stderr.
pub fn say(text: impl std::fmt::Display) {
    let text = text.to_string();
    let _ = writeln!(io::stderr().lock(), "{}", harmless(&text, &['\n', '\t']));
}

/// An error: what was tried, then why it failed, then what to do.
pub fn failure(failure: &Failure, as_json: bool) {
    let mut text = failure.error.to_string();
    let mut source = failure.error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        // Transparent variants repeat their source; people need not read it twice.
        if !text.ends_with(&cause_text) {
            text.push_str(&format!("\n  because: {cause_text}"));
        }
        source = cause.source();
    }
    if let Some(hint) = &failure.hint {
        text.push_str(&format!("\n  hint: {hint}"));
    }
    if as_json {
        refusal(&text, failure.exit);
    }
    say(format_args!("store: {text}"));
}

/// What takes the place of a result where there is none.
pub fn refusal(error: &str, exit: Exit) {
    #[derive(Serialize)]
    struct Refusal<'a> {
        error: &'a str,
        exit: u8,
    }
    let exit = exit.code();
    let _ = json("error", &Refusal { error, exit });
}

/// `3 packages`, `1 package`.
pub fn count(number: usize, noun: &str) -> String {
    match (number, noun) {
        (1, "entry") | (1, _) => format!("1 {noun}"),
        (_, "entry") => format!("{number} entries"),
        _ => format!("{number} {noun}s"),
    }
}

/// What there is to say of the bytes of an entry, where not all of them are here to stay.
pub const fn gone(complete: bool, condemned: bool) -> &'static str {
    match (complete, condemned) {
        (true, _) => "",
        (false, true) => "  (waits to be collected; `store gc --undo` takes it back)",
        (false, false) => "  (bytes collected)",
    }
}

/// `2026-11-24 10:35:02 UTC`.
pub fn time(seconds: i64) -> String {
    let days = seconds.div_euclid(86_400);
    let rest = seconds.rem_euclid(86_400);
    let (year, month, day) = civil(days);
    format!(
        "{year:04}-{month:02}-{day:02} {:02}:{:02}:{:02} UTC",
        rest / 3600,
        rest / 60 % 60,
        rest % 60
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_from_a_package_moves_the_cursor() {
        assert_eq!(part("a\x1b[2J\nü\u{9b}"), "a\\u{1b}[2J\\nü\\u{9b}");
        assert_eq!(harmless("a\n\tb\r", &['\n', '\t']), "a\n\tb\\r");
    }

    #[test]
    fn times_are_gregorian() {
        assert_eq!(time(0), "1970-01-01 00:00:00 UTC");
        assert_eq!(time(951_782_400), "2000-02-29 00:00:00 UTC");
        assert_eq!(time(1_793_491_200), "2026-11-01 00:00:00 UTC");
    }
}
