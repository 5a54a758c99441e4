//! Rich dependencies: `(a >= 1 and (b or c))`, `(x if y else z)`.

use super::relation::{Range, sense};
use crate::formats::rpm::{Dependency, Sense};
use crate::ids::Evr;

/// Nesting beyond this is refused; RPM's own packages stay below four.
const DEEPEST: usize = 32;

/// A dependency with its structure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Expression {
    Plain {
        name: String,
        version: Option<(Sense, Evr)>,
    },
    And(Vec<Expression>),
    Or(Vec<Expression>),
    /// `(A if B)`, `(A if B else C)`.
    If(Box<Expression>, Box<Expression>, Option<Box<Expression>>),
    /// `(A unless B)`, `(A unless B else C)`.
    Unless(Box<Expression>, Box<Expression>, Option<Box<Expression>>),
    /// One package has to satisfy all of them.
    With(Vec<Expression>),
    /// One package has to satisfy the first and not the second.
    Without(Box<Expression>, Box<Expression>),
}

impl Expression {
    /// Reads a dependency: rich if its name begins with a parenthesis.
    pub fn of(dependency: &Dependency) -> Result<Expression, String> {
        if dependency.name.starts_with('(') {
            return parse(&dependency.name);
        }
        Ok(Expression::Plain {
            name: dependency.name.clone(),
            version: dependency.version.clone(),
        })
    }

    /// Whether it is one of several capabilities, and nothing else.
    pub fn is_choice(&self) -> bool {
        let is_plain = |part: &Expression| matches!(part, Expression::Plain { .. });
        matches!(self, Expression::Or(list) if list.iter().all(is_plain))
    }

    /// Calls back with the name and range of each plain dependency in it.
    pub fn each_plain<'e>(&'e self, visit: &mut impl FnMut(&'e str, Range<'e>)) {
        match self {
            Expression::Plain { name, version } => visit(name, version.as_ref()),
            Expression::And(list) | Expression::Or(list) | Expression::With(list) => {
                for expression in list {
                    expression.each_plain(visit);
                }
            }
            Expression::If(a, b, c) | Expression::Unless(a, b, c) => {
                a.each_plain(visit);
                b.each_plain(visit);
                if let Some(c) = c {
                    c.each_plain(visit);
                }
            }
            Expression::Without(a, b) => {
                a.each_plain(visit);
                b.each_plain(visit);
            }
        }
    }
}

/// Reads a dependency as it is written: rich, or `NAME`, or `NAME >= VERSION`.
pub(super) fn parse(text: &str) -> Result<Expression, String> {
    let mut reader = Reader { rest: text.trim() };
    let expression = if reader.rest.starts_with('(') {
        reader.group(0)?
    } else {
        reader.plain()?
    };
    match reader.rest.trim() {
        "" => Ok(expression),
        rest => Err(format!("`{rest}` is left over behind the dependency")),
    }
}

struct Reader<'t> {
    rest: &'t str,
}

impl<'t> Reader<'t> {
    fn skip(&mut self) {
        self.rest = self.rest.trim_start();
    }

    /// The word ahead: up to white space, or to a parenthesis that it did not open itself.
    fn peek(&self) -> &'t str {
        let mut open = 0usize;
        for (at, c) in self.rest.char_indices() {
            match c {
                '(' => open += 1,
                ')' if open == 0 => return &self.rest[..at],
                ')' => open -= 1,
                c if c.is_whitespace() => return &self.rest[..at],
                _ => {}
            }
        }
        self.rest
    }

    fn word(&mut self) -> &'t str {
        self.skip();
        let word = self.peek();
        self.rest = &self.rest[word.len()..];
        word
    }

    fn plain(&mut self) -> Result<Expression, String> {
        let name = self.word();
        if name.is_empty() {
            return Err("a name is missing".to_owned());
        }
        self.skip();
        let version = match sense(self.peek()) {
            None => None,
            Some(sense) => {
                self.word();
                let version = self.word();
                if version.is_empty() {
                    return Err(format!("a version is missing behind `{name}`"));
                }
                Some((sense, Evr::parse(version)))
            }
        };
        Ok(Expression::Plain {
            name: name.to_owned(),
            version,
        })
    }

    fn operand(&mut self, depth: usize) -> Result<Expression, String> {
        self.skip();
        if self.rest.starts_with('(') {
            self.group(depth + 1)
        } else {
            self.plain()
        }
    }

    fn group(&mut self, depth: usize) -> Result<Expression, String> {
        if depth >= DEEPEST {
            return Err(format!("nested deeper than {DEEPEST}"));
        }
        self.rest = &self.rest[1..];
        let first = self.operand(depth)?;
        self.skip();
        if let Some(rest) = self.rest.strip_prefix(')') {
            self.rest = rest;
            return Ok(first);
        }
        let operator = self.word();
        let expression = match operator {
            "and" | "or" | "with" => {
                let mut list = vec![first, self.operand(depth)?];
                while self.next_is(operator)? {
                    list.push(self.operand(depth)?);
                }
                match operator {
                    "and" => Expression::And(list),
                    "or" => Expression::Or(list),
                    _ => Expression::With(list),
                }
            }
            "if" | "unless" => {
                let condition = Box::new(self.operand(depth)?);
                let otherwise = match self.next_is("else")? {
                    true => Some(Box::new(self.operand(depth)?)),
                    false => None,
                };
                match operator {
                    "if" => Expression::If(Box::new(first), condition, otherwise),
                    _ => Expression::Unless(Box::new(first), condition, otherwise),
                }
            }
            "without" => Expression::Without(Box::new(first), Box::new(self.operand(depth)?)),
            "" => return Err("a closing parenthesis is missing".to_owned()),
            other => return Err(format!("`{other}` is no operator")),
        };
        self.skip();
        match self.rest.strip_prefix(')') {
            Some(rest) => {
                self.rest = rest;
                Ok(expression)
            }
            None => Err("a closing parenthesis is missing".to_owned()),
        }
    }

    /// Takes the operator if it comes next; another one here would need parentheses.
    fn next_is(&mut self, operator: &str) -> Result<bool, String> {
        self.skip();
        if self.rest.is_empty() || self.rest.starts_with(')') {
            return Ok(false);
        }
        match self.word() {
            word if word == operator => Ok(true),
            word => Err(format!("`{word}` where `{operator}` or `)` belongs")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(name: &str) -> Expression {
        Expression::Plain {
            name: name.to_owned(),
            version: None,
        }
    }

    #[test]
    fn rich_dependencies_keep_their_structure() {
        assert_eq!(
            parse("(a and b and libc.so.6()(64bit))").unwrap(),
            Expression::And(vec![plain("a"), plain("b"), plain("libc.so.6()(64bit)")])
        );
        assert_eq!(
            parse("((a or b) if c(x:y) else d)").unwrap(),
            Expression::If(
                Box::new(Expression::Or(vec![plain("a"), plain("b")])),
                Box::new(plain("c(x:y)")),
                Some(Box::new(plain("d")))
            )
        );
        assert!(matches!(
            parse("(a >= 1 with a < 2)").unwrap(),
            Expression::With(list) if list.len() == 2
        ));
    }

    #[test]
    fn malformed_dependencies_are_refused() {
        for text in [
            "(",
            "()",
            "(a and)",
            "(a and b or c)",
            "(a b)",
            "(a) b",
            "(a >= )",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
        let deep = "(".repeat(100_000) + "a" + &")".repeat(100_000);
        assert!(parse(&deep).unwrap_err().contains("deeper"));
    }
}
