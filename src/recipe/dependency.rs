//! Dependencies between packages, as people write them.

use std::fmt;
use std::str::FromStr;

use crate::ids::Evr;

/// A dependency: `name`, `/a/path`, `name >= 1.0-1`, `font(:lang=en)`, or a rich one in parentheses.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Dependency {
    /// The whole expression, if it is a rich one.
    pub name: String,
    pub version: Option<(Comparison, Evr)>,
}

/// How a version is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Comparison {
    Less,
    LessOrEqual,
    Equal,
    GreaterOrEqual,
    Greater,
}

impl Comparison {
    pub const fn sign(self) -> &'static str {
        match self {
            Comparison::Less => "<",
            Comparison::LessOrEqual => "<=",
            Comparison::Equal => "=",
            Comparison::GreaterOrEqual => ">=",
            Comparison::Greater => ">",
        }
    }

    fn read(sign: &str) -> Option<Self> {
        Some(match sign {
            "<" => Comparison::Less,
            "<=" => Comparison::LessOrEqual,
            "=" | "==" => Comparison::Equal,
            ">=" => Comparison::GreaterOrEqual,
            ">" => Comparison::Greater,
            _ => return None,
        })
    }
}

impl Dependency {
    /// Whether it is an expression in parentheses.
    pub fn is_rich(&self) -> bool {
        self.name.starts_with('(')
    }
}

impl fmt::Display for Dependency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        match &self.version {
            Some((comparison, evr)) => write!(f, " {} {evr}", comparison.sign()),
            None => Ok(()),
        }
    }
}

/// The words that join rich dependencies, in rpm's grammar.
const OPERATORS: [&str; 7] = ["and", "or", "if", "unless", "with", "without", "else"];

/// Rich dependencies may be nested so deep and no deeper.
const DEPTH: usize = 32;

/// Reads a dependency; the error says what is wrong with the text.
impl FromStr for Dependency {
    type Err = String;

    fn from_str(text: &str) -> Result<Dependency, String> {
        let text = text.trim();
        if text.contains(|c: char| c.is_control()) {
            return Err("it holds a control character".into());
        }
        if text.starts_with('(') {
            let words = words(text);
            let mut reader = Rich { words: &words };
            reader.group(0)?;
            return match reader.words {
                [] => Ok(Dependency {
                    name: text.to_owned(),
                    version: None,
                }),
                [word, ..] => Err(format!("{word:?} stands behind the last parenthesis")),
            };
        }
        let words: Vec<&str> = text.split_whitespace().collect();
        simple(&words)
    }
}

/// `NAME`, or `NAME SIGN VERSION`.
fn simple(words: &[&str]) -> Result<Dependency, String> {
    let (name, version) = match words {
        [] => return Err("it is empty".into()),
        [name] => (name, None),
        [name, sign, evr] => match Comparison::read(sign) {
            Some(comparison) => (name, Some((comparison, version(evr)?))),
            None => return Err(format!("{sign:?} is none of < <= = >= >")),
        },
        _ => return Err("write NAME, or NAME >= VERSION with spaces, or (A if B)".into()),
    };
    check_name(name)?;
    Ok(Dependency {
        name: (*name).to_owned(),
        version,
    })
}

fn version(text: &str) -> Result<Evr, String> {
    let evr = Evr::parse(text);
    check_version(&evr.version)?;
    if text.contains('-') {
        check_version(&evr.release)?;
    }
    Ok(evr)
}

/// Says why a text can't be a version or a release.
pub fn check_version(text: &str) -> Result<(), String> {
    if text.is_empty() {
        return Err("a version is empty".into());
    }
    match text
        .chars()
        .find(|c| !c.is_ascii_alphanumeric() && !"._+~^%{}".contains(*c))
    {
        Some(c) => Err(format!("a version can't hold {c:?}")),
        None => Ok(()),
    }
}

fn check_name(name: &str) -> Result<(), String> {
    let first = name.chars().next();
    if !first.is_some_and(|c| c.is_alphanumeric() || "/_.".contains(c)) {
        return Err(format!("{name:?} begins like no name"));
    }
    if name.contains(['<', '>', '=']) && !name.contains('(') {
        return Err(format!("{name:?} needs spaces around the sign"));
    }
    let depth = name.chars().try_fold(0usize, |depth, c| match c {
        '(' => Some(depth + 1),
        ')' => depth.checked_sub(1),
        _ => Some(depth),
    });
    match depth {
        Some(0) => Ok(()),
        _ => Err(format!("the parentheses of {name:?} do not match")),
    }
}

/// Words and the parentheses of groups; those within a name, as in `libc.so.6(GLIBC_2.4)`, stay with it.
fn words(text: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let mut start = None;
    let mut inner = 0usize;
    for (at, c) in text.char_indices() {
        let ends = c.is_whitespace() || (c == ')' && inner == 0);
        match start {
            Some(from) if ends => {
                words.push(&text[from..at]);
                start = None;
                inner = 0;
            }
            Some(_) => match c {
                '(' => inner += 1,
                ')' => inner -= 1,
                _ => {}
            },
            None if c == '(' => words.push(&text[at..at + 1]),
            None if !ends => start = Some(at),
            None => {}
        }
        if c == ')' && start.is_none() {
            words.push(&text[at..at + 1]);
        }
    }
    words.extend(start.map(|from| &text[from..]));
    words
}

/// Reads `( OPERAND OPERATOR OPERAND … )`, for the syntax alone.
struct Rich<'w, 't> {
    words: &'w [&'t str],
}

impl<'t> Rich<'_, 't> {
    fn next(&mut self) -> Option<&'t str> {
        let (first, rest) = self.words.split_first()?;
        self.words = rest;
        Some(first)
    }

    fn group(&mut self, depth: usize) -> Result<(), String> {
        if depth == DEPTH {
            return Err(format!("parentheses are nested deeper than {DEPTH}"));
        }
        // The opening parenthesis.
        self.next();
        let mut chained: Option<&str> = None;
        loop {
            self.operand(depth)?;
            let word = self.next().ok_or("a closing parenthesis is missing")?;
            if word == ")" {
                return match chained {
                    Some(_) => Ok(()),
                    None => Err("a single dependency needs no parentheses".into()),
                };
            }
            if !OPERATORS.contains(&word) {
                return Err(format!("{word:?} is none of {}", OPERATORS.join(", ")));
            }
            if !follows(chained, word) {
                return Err(format!("{word:?} can't follow; use parentheses"));
            }
            chained = Some(word);
        }
    }

    fn operand(&mut self, depth: usize) -> Result<(), String> {
        if self.words.first() == Some(&"(") {
            return self.group(depth + 1);
        }
        let length = self
            .words
            .iter()
            .position(|word| matches!(*word, "(" | ")") || OPERATORS.contains(word))
            .unwrap_or(self.words.len());
        let (operand, rest) = self.words.split_at(length);
        simple(operand).map_err(|reason| match operand {
            [] => "a dependency is missing beside an operator".to_owned(),
            _ => reason,
        })?;
        self.words = rest;
        Ok(())
    }
}

/// Whether rpm lets `next` come after `before` in one group.
fn follows(before: Option<&str>, next: &str) -> bool {
    match before {
        None => next != "else",
        Some("if" | "unless") => next == "else",
        Some(before @ ("and" | "or" | "with")) => before == next,
        Some(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good_dependencies_read_back_as_they_were_written() {
        for text in [
            "bash",
            "/usr/bin/sh",
            "system-release = 1",
            "glibc >= 2:2.40-1.fc41",
            "libc.so.6(GLIBC_2.4)(64bit)",
            "font(:lang=en)",
            "(a if b)",
            "(a >= 1 if b else c)",
            "(a and b and (c or d))",
            "(libc.so.6(GLIBC_2.4)(64bit) with kernel(x))",
        ] {
            let read = Dependency::from_str(text);
            assert_eq!(read.map(|d| d.to_string()), Ok(text.to_owned()));
        }
    }

    #[test]
    fn bad_dependencies_are_refused() {
        for text in [
            "",
            "a b",
            "a >=",
            "a >> 1",
            "a>=1",
            ">= 1",
            "a = ",
            "a = 1-",
            "a = 1_2-3/4",
            "(a)",
            "(a if",
            "(a if b",
            "(a if b))",
            "(if b)",
            "(a or b and c)",
            "(a nor b)",
            "()",
            "(",
            "(a else b)",
            "a)b(",
            "a\nb",
            "foo(",
            "((((",
        ] {
            assert!(Dependency::from_str(text).is_err(), "{text:?}");
        }
        assert!(Dependency::from_str(&"(".repeat(100_000)).is_err());
        assert!(Dependency::from_str(&"(a if ".repeat(100_000)).is_err());
    }
}
