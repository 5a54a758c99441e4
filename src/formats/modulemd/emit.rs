//! Writing YAML: block style, two spaces, keys sorted, and no text that could be taken for a number.

use super::yaml::Yaml;

/// One document, from `---` to `...`; what says which kind it is goes first.
pub fn document(yaml: &Yaml) -> String {
    let mut out = "---\n".to_owned();
    match yaml {
        Yaml::Map(map) if !map.is_empty() => {
            let first = ["document", "version"];
            let pairs = first.iter().filter_map(|key| map.get_key_value(*key));
            let rest = map.iter().filter(|(key, _)| !first.contains(&key.as_str()));
            entries(&mut out, pairs.chain(rest), 0);
        }
        other => {
            out.push_str(&inline(other));
            out.push('\n');
        }
    }
    out.push_str("...\n");
    out
}

fn entries<'a>(
    out: &mut String,
    pairs: impl IntoIterator<Item = (&'a String, &'a Yaml)>,
    indent: usize,
) {
    for (key, value) in pairs {
        pad(out, indent);
        out.push_str(&text(key));
        out.push(':');
        below(out, value, indent);
    }
}

/// What follows a key or a dash that stands at `indent`.
fn below(out: &mut String, value: &Yaml, indent: usize) {
    match value {
        Yaml::Map(map) if !map.is_empty() => {
            out.push('\n');
            entries(out, map, indent + 2);
        }
        Yaml::List(items) if !items.is_empty() => {
            out.push('\n');
            items.iter().for_each(|item| dash(out, item, indent));
        }
        Yaml::Text(text) if is_block(text) => block(out, text, indent + 2),
        Yaml::Plain(plain) if is_block(plain) => block(out, plain, indent + 2),
        value => {
            let inline = inline(value);
            if !inline.is_empty() {
                out.push(' ');
                out.push_str(&inline);
            }
            out.push('\n');
        }
    }
}

/// An item of a list; the first key of a map stands beside the dash.
fn dash(out: &mut String, item: &Yaml, indent: usize) {
    let start = out.len() + indent;
    match item {
        Yaml::Map(map) if !map.is_empty() => {
            entries(out, map, indent + 2);
            out.replace_range(start..=start, "-");
        }
        item => {
            pad(out, indent);
            out.push('-');
            below(out, item, indent + 2);
        }
    }
}

fn inline(value: &Yaml) -> String {
    match value {
        Yaml::List(_) => "[]".to_owned(),
        Yaml::Map(_) => "{}".to_owned(),
        Yaml::Text(string) => text(string),
        // What can't stand as it is, outside the brackets that it may have stood in, was text.
        Yaml::Plain(plain) if plain.contains('\n') || is_marked(plain) => quoted(plain),
        Yaml::Plain(plain) => plain.clone(),
    }
}

/// Whether text would be read as something else for what it begins with (YAML 1.2 §5.3, indicators).
fn is_marked(text: &str) -> bool {
    let (mut chars, ends) = (text.chars(), [None, Some(' '), Some('\t')]);
    match chars.next() {
        Some('-' | '?' | ':') => ends.contains(&chars.next()),
        Some(first) => ",[]{}#&*!|>'\"%@`".contains(first),
        None => false,
    }
}

fn pad(out: &mut String, indent: usize) {
    out.extend(std::iter::repeat_n(' ', indent));
}

/// Whether text of several lines can stand as a literal block.
fn is_block(text: &str) -> bool {
    let body = text.strip_suffix('\n').unwrap_or(text);
    body.contains('\n')
        && !body.starts_with([' ', '\n', '\t'])
        && !body.ends_with('\n')
        && body.chars().all(|c| c == '\n' || printable(c))
        && body.lines().all(|line| !line.ends_with(' '))
}

fn block(out: &mut String, text: &str, indent: usize) {
    out.push_str(if text.ends_with('\n') {
        " |\n"
    } else {
        " |-\n"
    });
    for line in text.lines() {
        if !line.is_empty() {
            pad(out, indent);
            out.push_str(line);
        }
        out.push('\n');
    }
}

fn printable(c: char) -> bool {
    matches!(c, ' '..='~' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fefe}' | '\u{ff00}'..='\u{fffd}' | '\u{10000}'..)
        && !matches!(c, '\u{2028}' | '\u{2029}')
}

/// Text on one line: bare where nobody can mistake it, else in double quotes.
fn text(text: &str) -> String {
    if is_bare(text) {
        text.to_owned()
    } else {
        quoted(text)
    }
}

fn is_bare(text: &str) -> bool {
    const TAKEN: [&str; 9] = ["true", "false", "yes", "no", "on", "off", "null", "y", "n"];
    let inner = |c: char| c.is_ascii_alphanumeric() || " _./+~@:()%^,;'!?-".contains(c);
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/')
        && text.chars().all(inner)
        && !text.contains(": ")
        && !text.ends_with([':', ' '])
        && !TAKEN.contains(&text.to_ascii_lowercase().as_str())
}

fn quoted(text: &str) -> String {
    let mut out = String::from('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            c if printable(c) => out.push(c),
            c if u32::from(c) <= 0xffff => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push_str(&format!("\\U{:08x}", u32::from(c))),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::yaml::parse;
    use super::*;

    #[test]
    fn what_is_written_reads_back() {
        let texts = [
            "",
            "1.10",
            "true",
            "No",
            "a b",
            "a: b",
            "a #b",
            "#",
            "- x",
            "[",
            "f29",
            "é",
            "\u{7}",
            "x\ny",
            "x\ny\n",
            "x\n\ny\n\n",
            " x\ny",
            "x \ny",
            "\"q\"",
            "it's",
            "nodejs-1:10.11.0-1.x86_64",
            "https://example.com/#a",
            "null",
            "~",
            "'",
            "a:",
            "tab\there",
            "key\t: x",
            "\u{feff}",
            "\u{1f600}",
            "%x",
            "!x",
            "x\r\ny",
        ];
        let list = Yaml::List(texts.iter().map(|t| Yaml::Text((*t).into())).collect());
        let keys = texts
            .iter()
            .map(|t| ((*t).to_owned(), Yaml::Plain("1".into())))
            .collect();
        let nested = Yaml::List(vec![
            list.clone(),
            Yaml::Map(BTreeMap::new()),
            Yaml::List(vec![]),
            Yaml::List(vec![list.clone()]),
            Yaml::Map(
                [
                    ("a".to_owned(), list.clone()),
                    ("b".to_owned(), Yaml::Text("c".into())),
                ]
                .into(),
            ),
        ]);
        let whole = Yaml::Map(
            [
                ("list".to_owned(), nested),
                ("keys".to_owned(), Yaml::Map(keys)),
            ]
            .into(),
        );
        let written = document(&whole);
        let read = parse(&written).unwrap_or_else(|e| panic!("{e}\n{written}"));
        assert_eq!(as_text(&read[0].to_yaml()), as_text(&whole), "{written}");
    }

    /// Bare and quoted text are the same text.
    fn as_text(yaml: &Yaml) -> Yaml {
        match yaml {
            Yaml::Plain(text) | Yaml::Text(text) => Yaml::Text(text.clone()),
            Yaml::List(items) => Yaml::List(items.iter().map(as_text).collect()),
            Yaml::Map(map) => Yaml::Map(map.iter().map(|(k, v)| (k.clone(), as_text(v))).collect()),
        }
    }
}
