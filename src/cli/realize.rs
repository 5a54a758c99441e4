//! `store realize`

use clap::Args;
use serde::Serialize;

use super::context::{Context, network, now};
use super::exit::{Exit, Failure};
use super::output::{self, count};
use super::plan::{self, jobs};
use super::progress::{Progress, duration};
use super::stop::Stop;
use crate::ids::Name;
use crate::realize::{Error, How, Options, Report};

/// Makes what is missing of some artifacts; prints the path of each
#[derive(Args)]
pub struct Arguments {
    /// The artifacts, by the names of their recipes
    #[arg(required = true, value_name = "NAME")]
    names: Vec<Name>,
    /// Print what would be done, and do nothing
    #[arg(long)]
    dry_run: bool,
    /// Say for each step why it ran
    #[arg(long)]
    explain: bool,
    /// Compose all of it once more, fetched packages apart, and compare: what differs is an error
    #[arg(long, conflicts_with = "dry_run")]
    check: bool,
    /// Go on with what does not stand on a step that failed
    #[arg(long)]
    keep_going: bool,
    /// Make no generation: the collector may take the result at once
    #[arg(long)]
    no_root: bool,
    /// Give the generation a label, to be named as NAME@LABEL; `gc --keep-last` takes it all the same
    #[arg(long, value_name = "LABEL", value_parser = label, conflicts_with = "no_root")]
    label: Option<String>,
    /// How many steps run at once [default: one a processor]
    #[arg(short, long, value_name = "N")]
    jobs: Option<usize>,
    /// Fetch nothing: what the lock names has to be in the store, or in a directory
    #[arg(long)]
    offline: bool,
}

#[derive(Serialize)]
struct Result_<'a> {
    artifacts: Vec<Artifact<'a>>,
    steps: Steps,
    #[serde(skip_serializing_if = "Option::is_none")]
    checked: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    explained: Option<Vec<Explained<'a>>>,
    failures: Vec<Failed<'a>>,
    seconds: f64,
}

#[derive(Serialize)]
struct Artifact<'a> {
    name: &'a str,
    kind: &'a str,
    key: Option<String>,
    entry: Option<String>,
    path: Option<String>,
    generation: Option<u32>,
    status: &'static str,
}

#[derive(Serialize)]
struct Steps {
    composed: usize,
    reused: usize,
    cut_off: usize,
    fetched: usize,
    failed: usize,
}

#[derive(Serialize)]
struct Explained<'a> {
    step: String,
    status: &'static str,
    why: &'a str,
    seconds: f64,
}

#[derive(Serialize)]
struct Failed<'a> {
    step: String,
    error: &'a str,
}

impl Arguments {
    pub fn run(self, context: &Context) -> Result<Exit, Failure> {
        let jobs = jobs(self.jobs)?;
        if self.dry_run {
            return plan::show(context, &self.names, jobs, false);
        }
        let recipes = context.recipes()?;
        // Before anything is made: a slip of the pen leaves no store behind.
        crate::plan::check(&recipes, &self.names).map_err(Error::from)?;
        let lock = context.lock(&recipes)?;
        let store = context.create()?;
        let options = Options {
            jobs,
            keep_going: self.keep_going,
            no_root: self.no_root,
            label: self.label,
            check: self.check,
            explain: self.explain,
            last: true,
            now: now(),
            network: (!self.offline).then(network),
            program: std::env::current_exe().ok(),
        };
        let stop = Stop::listen().map_err(|e| Failure::new(Exit::Failed, e))?;
        let global = &context.global;
        let progress = Progress::until(stop.clone(), global.quiet, global.verbose);
        let result = crate::realize::realize(
            &store,
            &recipes,
            lock.as_ref(),
            &self.names,
            &options,
            &progress,
        );
        progress.finish();
        let report = result.map_err(|error| match error {
            Error::Stopped => Failure::new(Exit::Stopped(stop.signal()), error),
            error => error.into(),
        })?;
        // Of no use any more, and long to take apart: see `Options::last`.
        std::mem::forget(recipes);
        if context.global.json {
            output::json("realize", &document(&report, self.explain))?;
        } else {
            if self.explain {
                explain(&report);
            }
            if !context.is_quiet() {
                output::say(summary(&report));
            }
            let made = report.artifacts.iter();
            output::paths(made.filter_map(|artifact| artifact.made.as_ref()?.path.as_deref()))?;
        }
        Ok(if report.damage {
            output::say(
                "`store verify --full` finds all that is damaged; realizing again then makes it anew",
            );
            Exit::Damaged
        } else if report.failures.is_empty() {
            Exit::Done
        } else {
            Exit::Failed
        })
    }
}

/// A label is written behind the `@` of a name, where a number means a generation.
fn label(text: &str) -> Result<String, String> {
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(
            "a number names a generation; a label is more than digits, as RC1 or 1.2".to_owned(),
        );
    }
    match text.parse::<Name>() {
        Ok(name) => Ok(name.into()),
        Err(_) => Err("use letters, digits and ._+-, at most 128, as RC1".to_owned()),
    }
}

fn status(how: How) -> &'static str {
    match how {
        How::Composed => "composed",
        How::Fetched => "fetched",
        How::Reused | How::CutOff => "reused",
        How::Failed | How::Skipped => "failed",
    }
}

fn document(report: &Report, explain: bool) -> Result_<'_> {
    let artifacts = report.artifacts.iter().map(|artifact| {
        let made = artifact.made.as_ref();
        Artifact {
            name: artifact.name.as_str(),
            kind: artifact.kind,
            key: made.map(|made| made.key.to_string()),
            entry: made.map(|made| made.entry.to_string()),
            path: made.and_then(|made| Some(made.path.as_ref()?.display().to_string())),
            generation: made.and_then(|made| made.generation),
            status: status(artifact.how),
        }
    });
    let explained = report.steps.iter().map(|step| Explained {
        step: step.name.to_string(),
        status: step.how.name(),
        why: &step.why,
        seconds: step.seconds,
    });
    Result_ {
        artifacts: artifacts.collect(),
        steps: Steps {
            composed: report.count(How::Composed),
            reused: report.count(How::Reused),
            cut_off: report.count(How::CutOff),
            fetched: report.count(How::Fetched),
            failed: report.count(How::Failed) + report.count(How::Skipped),
        },
        checked: report.checked,
        explained: explain.then(|| explained.collect()),
        failures: report
            .failures
            .iter()
            .map(|(step, error)| Failed {
                step: step.to_string(),
                error,
            })
            .collect(),
        seconds: report.seconds,
    }
}

fn explain(report: &Report) {
    for step in &report.steps {
        let why = match step.how {
            How::Composed | How::Fetched => &step.why,
            How::CutOff => "an input was remade and came out as before",
            How::Reused => "nothing that it is made from changed",
            How::Failed => "it failed",
            How::Skipped => "something that it needs failed",
        };
        let (how, name) = (step.how.name(), &step.name);
        output::say(format_args!(
            "{how:<8}  {:<10} {}: {why}",
            name.kind, name.subject
        ));
    }
}

fn summary(report: &Report) -> String {
    let took = duration(std::time::Duration::from_secs_f64(report.seconds));
    let composed = report.count(How::Composed);
    let fetched = report.count(How::Fetched);
    let cut_off = report.count(How::CutOff);
    let failed = report.count(How::Failed) + report.count(How::Skipped);
    let mut text = match (composed + fetched, failed) {
        (0, 0) => "nothing to do".to_owned(),
        _ => format!("{} composed", count(composed, "step")),
    };
    if fetched > 0 {
        text.push_str(&format!(", {fetched} fetched"));
    }
    if report.count(How::Reused) > 0 {
        text.push_str(&format!(", {} reused", report.count(How::Reused)));
    }
    if cut_off > 0 {
        text.push_str(&format!(", {cut_off} cut off"));
    }
    if failed > 0 {
        text.push_str(&format!(", {failed} failed or not begun"));
    }
    if let Some(checked) = report.checked {
        text.push_str(&format!(
            "; {} composed again, the same came out",
            count(checked, "step")
        ));
    }
    format!("{text} in {took}")
}
