//! `store lint`

use clap::Args;
use serde::Serialize;

use super::context::Context;
use super::exit::{Exit, Failure};
use super::output::{self, count};
use super::plan::jobs;
use super::progress::Progress;
use crate::ids::Name;
use crate::plan::Holdings;
use crate::recipe::Recipes;
use crate::relate::{Finding, Severity, lint};

/// So many findings of one kind are shown of a recipe.
const SHOWN: usize = 10;

/// Judges recipes by what their modules hold; fetches nothing, and keeps nothing
///
/// Exits with 1 if there is an error. What could not be checked is told as a warning.
#[derive(Args)]
pub struct Arguments {
    /// What to judge, with all that it is made of; every recipe if none is named
    #[arg(value_name = "NAME")]
    names: Vec<Name>,
    /// Exit with 1 if there is a warning, too
    #[arg(long)]
    strict: bool,
    /// How many packages are read at once [default: one a processor]
    #[arg(short, long, value_name = "N")]
    jobs: Option<usize>,
}

#[derive(Serialize)]
struct Document<'a> {
    errors: usize,
    warnings: usize,
    notes: usize,
    /// Packages that modules hold, as far as they are known.
    packages: usize,
    findings: &'a [Finding],
}

impl Arguments {
    pub fn run(self, context: &Context) -> Result<Exit, Failure> {
        let recipes = context.recipes()?;
        let unknown = |name: &&Name| recipes.get(name).is_none();
        if let Some(name) = self.names.iter().find(unknown) {
            let unknown = format!("there is no recipe named {name}");
            return Err(Failure::new(Exit::NotFound, unknown));
        }
        let lock = context.lock(&recipes)?;
        let store = context.store()?;
        let jobs = jobs(self.jobs)?;
        let progress = Progress::new(context.global.quiet, context.global.verbose);
        let holdings = crate::realize::survey(&store, &recipes, lock.as_ref(), jobs, &progress);
        progress.finish();
        let findings = lint(&recipes, &self.names, &holdings);
        let document = Document {
            errors: number(&findings, Severity::Error),
            warnings: number(&findings, Severity::Warning),
            notes: number(&findings, Severity::Note),
            packages: packages(&holdings),
            findings: &findings,
        };
        match context.global.json {
            true => output::json("lint", &document)?,
            false => output::print(text(&recipes, &document, context.global.verbose))?,
        }
        let failed = document.errors > 0 || (self.strict && document.warnings > 0);
        Ok(if failed { Exit::Failed } else { Exit::Done })
    }
}

fn number(findings: &[Finding], severity: Severity) -> usize {
    let of = |finding: &&Finding| finding.severity == severity;
    findings.iter().filter(of).count()
}

fn packages(holdings: &Holdings) -> usize {
    let modules = holdings.modules.values();
    modules.map(|holding| holding.packages.len()).sum()
}

/// Findings under the recipe that each is about, the worst first.
fn text(recipes: &Recipes, document: &Document, all: bool) -> String {
    let mut text = String::new();
    let findings = document.findings;
    for of_recipe in findings.chunk_by(|a, b| a.recipe == b.recipe) {
        let name = &of_recipe[0].recipe;
        let kind = recipes.get(name).map_or("", |recipe| recipe.kind.name());
        text.push_str(&format!("{kind} {name}\n"));
        for of_code in of_recipe.chunk_by(|a, b| a.code == b.code) {
            let shown = if all { of_code.len() } else { SHOWN };
            for finding in of_code.iter().take(shown) {
                text.push_str(&line(finding));
            }
            if of_code.len() > shown {
                let more = of_code.len() - shown;
                let (severity, code) = (of_code[0].severity.name(), of_code[0].code);
                text.push_str(&format!(
                    "  {severity} [{code}]: {more} more; --verbose shows all\n"
                ));
            }
        }
    }
    text.push_str(&format!(
        "{}, {}, {}; {} in modules looked at\n",
        count(document.errors, "error"),
        count(document.warnings, "warning"),
        count(document.notes, "note"),
        count(document.packages, "package")
    ));
    text
}

fn line(finding: &Finding) -> String {
    let Finding {
        severity,
        code,
        place,
        message,
        hint,
        ..
    } = finding;
    let message = message.replace('\n', "\n    ");
    let mut text = format!(
        "  {} [{code}]: {message}\n    at {place}\n",
        severity.name()
    );
    if let Some(hint) = hint {
        text.push_str(&format!("    hint: {hint}\n"));
    }
    text
}
