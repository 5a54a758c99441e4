//! The paths that Rust source names, without a parser: good enough to see who imports whom.

/// A path such as `crate::ids::BlobId`, and the line where it stands. Groups are spread out into one path each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    pub segments: Vec<String>,
    pub line: usize,
    /// Inline modules (`mod tests { … }`) around it.
    pub depth: usize,
    /// A `!` follows: it is a macro.
    pub call: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Word(String),
    Separator,
    Other(char),
}

/// Every path and every single word, comments and literals left out.
pub fn named(source: &str) -> Vec<Named> {
    let tokens = tokens(source);
    let mut found = Vec::new();
    let mut open = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        match &tokens[at].0 {
            Token::Word(word) => {
                let module =
                    word == "mod" && tokens.get(at + 2).is_some_and(|t| t.0 == Token::Other('{'));
                if module {
                    open.push(true);
                    at += 3;
                } else {
                    let depth = open.iter().filter(|module| **module).count();
                    path(&tokens, &mut at, &[], depth, &mut found);
                }
                continue;
            }
            Token::Other('{') => open.push(false),
            Token::Other('}') => drop(open.pop()),
            _ => {}
        }
        at += 1;
    }
    found
}

fn path(
    tokens: &[(Token, usize)],
    at: &mut usize,
    base: &[String],
    depth: usize,
    found: &mut Vec<Named>,
) {
    let mut segments = base.to_vec();
    let mut line = tokens[*at].1;
    loop {
        match tokens.get(*at) {
            Some((Token::Word(word), here)) => {
                segments.push(word.clone());
                line = *here;
            }
            Some((Token::Other('*'), here)) => {
                segments.push("*".to_owned());
                line = *here;
            }
            Some((Token::Other('{'), _)) => return group(tokens, at, &segments, depth, found),
            _ => break,
        }
        *at += 1;
        match tokens.get(*at) {
            Some((Token::Separator, _)) => *at += 1,
            _ => break,
        }
    }
    let call = tokens.get(*at).is_some_and(|t| t.0 == Token::Other('!'));
    found.push(Named {
        segments,
        line,
        depth,
        call,
    });
}

/// The members of `{a, b::c}` behind a separator.
fn group(
    tokens: &[(Token, usize)],
    at: &mut usize,
    base: &[String],
    depth: usize,
    found: &mut Vec<Named>,
) {
    *at += 1;
    while let Some((token, _)) = tokens.get(*at) {
        match token {
            Token::Other('}') => {
                *at += 1;
                return;
            }
            // The new name behind `as` is nobody's path.
            Token::Word(word) if word == "as" => *at += 2,
            Token::Word(_) | Token::Other('*') | Token::Other('{') => {
                path(tokens, at, base, depth, found)
            }
            _ => *at += 1,
        }
    }
}

/// Words, `::` and single characters, each with its line.
fn tokens(source: &str) -> Vec<(Token, usize)> {
    let text: Vec<char> = source.chars().collect();
    let mut tokens = Vec::new();
    let (mut at, mut line) = (0, 1);
    while at < text.len() {
        let start = at;
        let next = text.get(at + 1).copied();
        match text[at] {
            '/' if next == Some('/') => at = until(&text, at, |c| c == '\n'),
            '/' if next == Some('*') => at = behind_comment(&text, at),
            '"' => at = behind_string(&text, at + 1),
            '\'' => at = behind_quote(&text, at),
            ':' if next == Some(':') => {
                tokens.push((Token::Separator, line));
                at += 2;
            }
            c if c.is_alphanumeric() || c == '_' => {
                at = until(&text, at, |c| !(c.is_alphanumeric() || c == '_'));
                let word: String = text[start..at].iter().collect();
                match text.get(at) {
                    Some('"' | '#') if matches!(word.as_str(), "r" | "br" | "cr") => {
                        at = behind_raw(&text, at)
                    }
                    Some('"') if matches!(word.as_str(), "b" | "c") => {
                        at = behind_string(&text, at + 1)
                    }
                    _ => tokens.push((Token::Word(word), line)),
                }
            }
            c => {
                if !c.is_whitespace() {
                    tokens.push((Token::Other(c), line));
                }
                at += 1;
            }
        }
        line += text[start..at.min(text.len())]
            .iter()
            .filter(|c| **c == '\n')
            .count();
    }
    tokens
}

fn until(text: &[char], from: usize, stop: impl Fn(char) -> bool) -> usize {
    (from..text.len())
        .find(|&at| stop(text[at]))
        .unwrap_or(text.len())
}

fn behind_comment(text: &[char], from: usize) -> usize {
    let (mut at, mut depth) = (from, 0);
    while at + 1 < text.len() {
        match (text[at], text[at + 1]) {
            ('/', '*') => (at, depth) = (at + 2, depth + 1),
            ('*', '/') => (at, depth) = (at + 2, depth - 1),
            _ => at += 1,
        }
        if depth == 0 {
            return at;
        }
    }
    text.len()
}

fn behind_string(text: &[char], from: usize) -> usize {
    let mut at = from;
    while at < text.len() && text[at] != '"' {
        at += if text[at] == '\\' { 2 } else { 1 };
    }
    at + 1
}

/// `r"…"` and `r#"…"#`, from behind the `r`; for the raw word `r#type` just the `#` is skipped.
fn behind_raw(text: &[char], from: usize) -> usize {
    let quote = until(text, from, |c| c != '#');
    if text.get(quote) != Some(&'"') {
        return quote;
    }
    let hashes = quote - from;
    let closes = |at: &usize| {
        text[*at] == '"' && text[at + 1..].iter().take_while(|c| **c == '#').count() >= hashes
    };
    (quote + 1..text.len())
        .find(closes)
        .map_or(text.len(), |at| at + 1 + hashes)
}

/// A character literal, or only the quote of a lifetime.
fn behind_quote(text: &[char], from: usize) -> usize {
    match (text.get(from + 1), text.get(from + 2)) {
        (Some('\\'), _) => until(text, from + 3, |c| c == '\'') + 1,
        (_, Some('\'')) => from + 3,
        _ => from + 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(source: &str) -> Vec<String> {
        named(source)
            .into_iter()
            .map(|named| named.segments.join("::"))
            .collect()
    }

    #[test]
    fn groups_are_spread_out_and_literals_left_out() {
        let source = "use crate::{ids::{BlobId, path}, tree::*}; // crate::a\n/* crate::b /* */ */ \
            fn f<'a>() { let _ = (\"crate::c\\\"\", r#\"crate::\"d\"#, b'\"', '\\'', '{'); x::y() }";
        let texts = texts(source);
        assert_eq!(
            texts[..4],
            [
                "use",
                "crate::ids::BlobId",
                "crate::ids::path",
                "crate::tree::*"
            ]
        );
        assert_eq!(texts.last().unwrap(), "x::y");
        assert_eq!(
            texts
                .iter()
                .filter(|text| text.starts_with("crate"))
                .count(),
            3
        );
    }

    #[test]
    fn lines_and_inline_modules_are_counted() {
        let found = named("\"\n\n\";\nmod tests {\n  fn f() {}\n use super::x;\n}\nuse y;");
        let x = found
            .iter()
            .find(|named| named.segments == ["super", "x"])
            .unwrap();
        assert_eq!((x.line, x.depth), (6, 1));
        let y = found.last().unwrap();
        assert_eq!((y.line, y.depth), (8, 0));
    }
}
