//! Progress: what runs, how far, how long. On a terminal it moves; elsewhere it is plain lines.

use std::collections::BTreeMap;
use std::error::Error;
use std::io::IsTerminal;
use std::sync::Mutex;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::output::say;
use crate::realize::{How, Observer, StepName};
use crate::relate::Size;

/// Tells people on stderr what is going on.
pub struct Progress {
    bar: Option<ProgressBar>,
    running: Mutex<Vec<StepName>>,
    /// Of each file on its way, how much is here.
    coming: Mutex<BTreeMap<String, (u64, Option<u64>)>>,
    quiet: bool,
    verbose: bool,
}

impl Progress {
    pub fn new(quiet: bool, verbose: bool) -> Self {
        let terminal = std::io::stderr().is_terminal();
        let bar = (terminal && !quiet).then(|| {
            let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr());
            let style =
                ProgressStyle::with_template("{elapsed:>4} {bar:20} {pos}/{len} {wide_msg}");
            bar.set_style(style.expect("the template is well-formed"));
            bar.enable_steady_tick(Duration::from_millis(250));
            bar
        });
        Progress {
            bar,
            running: Mutex::new(Vec::new()),
            coming: Mutex::default(),
            quiet,
            verbose,
        }
    }

    /// Takes the moving part away, before the result is printed.
    pub fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }

    fn line(&self, text: impl std::fmt::Display) {
        match &self.bar {
            Some(bar) => bar.suspend(|| say(text)),
            None => say(text),
        }
    }

    fn show_running(&self, change: impl FnOnce(&mut Vec<StepName>)) {
        let mut running = self
            .running
            .lock()
            .expect("no thread panics while it tells of a step");
        change(&mut running);
        if let Some(bar) = &self.bar {
            let names: Vec<String> = running.iter().map(StepName::to_string).collect();
            bar.set_message(names.join(", "));
        }
    }
}

/// A duration as people read it: `0.4 s`, `12 s`, `3 min 20 s`.
pub fn duration(took: Duration) -> String {
    let seconds = took.as_secs_f64();
    if seconds < 9.95 {
        format!("{seconds:.1} s")
    } else if seconds < 119.5 {
        format!("{seconds:.0} s")
    } else {
        format!("{} min {} s", took.as_secs() / 60, took.as_secs() % 60)
    }
}

impl Observer for Progress {
    fn reading(&self, source: &str, done: usize, of: usize) {
        if let Some(bar) = &self.bar {
            bar.set_length(of as u64);
            bar.set_position(done as u64);
            bar.set_message(format!("reading source {source}"));
        } else if !self.quiet && done == 0 && of > 0 {
            say(format_args!(
                "reading {} of source {source}",
                super::output::count(of, "package")
            ));
        }
    }

    fn planned(&self, steps: usize) {
        if let Some(bar) = &self.bar {
            bar.set_position(0);
            bar.set_length(steps as u64);
        }
    }

    fn started(&self, step: &StepName) {
        self.show_running(|running| running.push(step.clone()));
    }

    fn finished(&self, step: &StepName, how: How, took: Duration, notes: &[String]) {
        self.show_running(|running| running.retain(|other| other != step));
        if let Some(bar) = &self.bar {
            bar.inc(1);
        }
        if how.ran() && !self.quiet {
            self.line(format_args!("{step}: {} in {}", how.name(), duration(took)));
            if self.verbose {
                for note in notes {
                    self.line(format_args!("  {}", super::output::part(note)));
                }
            } else if !notes.is_empty() {
                let lines = super::output::count(notes.len(), "line");
                self.line(format_args!("  {lines} in the log (`store log`, or -v)"));
            }
        } else if how == How::CutOff && !self.quiet {
            self.line(format_args!(
                "{step}: cut off, its inputs came out as before"
            ));
        }
    }

    fn fetching(&self, what: &str, here: u64, of: Option<u64>) {
        let Some(bar) = &self.bar else { return };
        let coming = self.coming.lock();
        let mut coming = coming.expect("no thread panics while it tells of a file");
        match of {
            Some(of) if here >= of => drop(coming.remove(what)),
            _ => drop(coming.insert(what.to_owned(), (here, of))),
        }
        let here: u64 = coming.values().map(|(here, _)| here).sum();
        let of: u64 = coming.values().map(|(here, of)| of.unwrap_or(*here)).sum();
        let names: Vec<&str> = coming.keys().map(String::as_str).collect();
        let (here, of, names) = (Size(here), Size(of), names.join(", "));
        bar.set_message(format!("fetching {here} of {of}: {names}"));
    }

    fn failed(&self, step: &StepName, error: &dyn Error) {
        self.show_running(|running| running.retain(|other| other != step));
        let mut text = format!("{step}: failed: {error}");
        let mut source = error.source();
        while let Some(cause) = source {
            text.push_str(&format!("\n  because: {cause}"));
            source = cause.source();
        }
        self.line(text);
    }

    fn warning(&self, text: &str) {
        self.line(format_args!("warning: {text}"));
    }
}
