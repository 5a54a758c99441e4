//! A difference as people read it.
//!
//! ```text
//! server@3 → server@4
//!
//! Packages: 1 upgraded, 1 added
//!   upgraded  bash.x86_64  5.2.15-1 → 5.2.21-1  +12 kB
//!   added     nano.x86_64  7.2-1                +2.4 MB
//! ```

use std::collections::BTreeMap;
use std::fmt;

use super::{ArtifactChange, Change, Diff, FileChange, FileKind};
use crate::relate::Size;

/// Lines of one section; the rest is counted, and stands in the JSON form.
const LINES: usize = 60;

impl fmt::Display for Diff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (from, to) = (&self.from, &self.to);
        if self.is_empty() {
            return writeln!(f, "{} and {} are equal", from.name, to.name);
        }
        writeln!(f, "{} → {}", from.name, to.name)?;
        self.modules(f)?;
        self.packages(f)?;
        self.artifacts(f)?;
        self.parameters(f)?;
        self.files(f)?;
        writeln!(
            f,
            "\nBytes: {} → {} ({})",
            Size(self.bytes.from),
            Size(self.bytes.to),
            signed(self.bytes.delta)
        )
    }
}

impl Diff {
    fn modules(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut section = Section::new("Modules");
        for module in &self.modules {
            let versions = match (module.from.as_deref(), module.to.as_deref()) {
                (Some(from), Some(to)) if from == to => to.to_owned(),
                (from, to) => arrow(from, to),
            };
            section.row(word(module.change), [module.name.clone(), versions]);
        }
        section.write(f)
    }

    fn packages(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut section = Section::new("Packages");
        for package in &self.packages {
            let [from, to] =
                [&package.from, &package.to].map(|evr| evr.as_ref().map(<_>::to_string));
            let name = format!("{}.{}", package.name, package.arch);
            let versions = match (from, to) {
                (Some(from), Some(to)) if from == to => to,
                (from, to) => arrow(from.as_deref(), to.as_deref()),
            };
            let bytes = bytes(package.bytes);
            section.row(word(package.change), [name, versions, bytes]);
        }
        section.write(f)
    }

    fn artifacts(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut section = Section::new("Artifacts");
        for artifact in &self.artifacts {
            let change = match artifact.change {
                ArtifactChange::Added => "added",
                ArtifactChange::Removed => "removed",
                ArtifactChange::Changed => "changed",
            };
            let [from, to] = [artifact.from, artifact.to].map(|id| id.map(|id| id.short()));
            let name = match artifact.kind == artifact.role {
                true => artifact.kind.clone(),
                false => format!("{} ({})", artifact.role, artifact.kind),
            };
            section.row(change, [name, arrow(from.as_deref(), to.as_deref())]);
        }
        section.write(f)
    }

    fn parameters(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut section = Section::new("Parameters");
        for parameter in &self.parameters {
            let values = format!("{} → {}", parameter.from, parameter.to);
            section.row("changed", [parameter.name.clone(), values]);
        }
        section.write(f)
    }

    fn files(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut section = Section::new("Files");
        for file in &self.files.list {
            let change = match file.change {
                FileChange::Added => "added",
                FileChange::Removed => "removed",
                FileChange::Changed => "changed",
            };
            let slash = if file.kind == FileKind::Directory {
                "/"
            } else {
                ""
            };
            let path = format!("{}{slash}", printable(&file.path.path));
            let what: Vec<String> = file
                .what
                .iter()
                .map(|what| format!("{what:?}").to_lowercase())
                .collect();
            section.row(change, [path, what.join(", "), bytes(file.bytes)]);
        }
        section.write(f)
    }
}

/// A title with totals, and rows in columns.
struct Section<const N: usize> {
    title: &'static str,
    rows: Vec<(&'static str, [String; N])>,
}

impl<const N: usize> Section<N> {
    fn new(title: &'static str) -> Self {
        Section {
            title,
            rows: Vec::new(),
        }
    }

    fn row(&mut self, change: &'static str, columns: [String; N]) {
        self.rows.push((change, columns));
    }

    fn write(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.rows.is_empty() {
            return Ok(());
        }
        let mut totals: BTreeMap<&str, usize> = BTreeMap::new();
        for (change, _) in &self.rows {
            *totals.entry(change).or_default() += 1;
        }
        let totals: Vec<String> = totals
            .iter()
            .map(|(change, count)| format!("{count} {change}"))
            .collect();
        writeln!(f, "\n{}: {}", self.title, totals.join(", "))?;
        let shown = &self.rows[..self.rows.len().min(LINES)];
        let width = |column: usize| {
            let lengths = shown
                .iter()
                .map(|(_, columns)| columns[column].chars().count());
            lengths.max().unwrap_or(0)
        };
        let widths: [usize; N] = std::array::from_fn(width);
        let first = shown
            .iter()
            .map(|(change, _)| change.len())
            .max()
            .unwrap_or(0);
        for (change, columns) in shown {
            let mut line = format!("  {change:first$}");
            for (text, width) in columns.iter().zip(widths) {
                line += &format!("  {text:width$}");
            }
            writeln!(f, "{}", line.trim_end())?;
        }
        match self.rows.len() - shown.len() {
            0 => Ok(()),
            more => writeln!(f, "  … and {more} more, which --json lists"),
        }
    }
}

fn word(change: Change) -> &'static str {
    match change {
        Change::Added => "added",
        Change::Removed => "removed",
        Change::Upgraded => "upgraded",
        Change::Downgraded => "downgraded",
        Change::Switched => "switched",
        Change::Rebuilt => "rebuilt",
        Change::Resigned => "resigned",
    }
}

fn arrow(from: Option<&str>, to: Option<&str>) -> String {
    match (from, to) {
        (Some(from), Some(to)) if from == to => from.to_owned(),
        (Some(from), Some(to)) => format!("{from} → {to}"),
        (from, to) => from.or(to).unwrap_or_default().to_owned(),
    }
}

/// A difference of bytes; nothing where there is none.
fn bytes(delta: i64) -> String {
    match delta {
        0 => String::new(),
        delta => signed(delta),
    }
}

fn signed(delta: i64) -> String {
    let sign = match delta.signum() {
        -1 => "−",
        0 => "±",
        _ => "+",
    };
    format!("{sign}{}", Size(delta.unsigned_abs()))
}

/// A path can hold what would move the cursor of a terminal.
fn printable(path: &str) -> String {
    let show = |c: char| match c.is_control() {
        true => c.escape_default().to_string(),
        false => c.to_string(),
    };
    match path {
        "" => ".".to_owned(),
        path => path.chars().map(show).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_do_not_reach_the_terminal() {
        assert_eq!(printable("a\x1b[2J\nü"), "a\\u{1b}[2J\\nü");
    }
}
