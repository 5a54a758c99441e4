//! Progress: what runs, how far, how long. On a terminal it moves; elsewhere it is plain lines.

use std::collections::BTreeSet;
use std::error::Error;
use std::fmt::Write;
use std::io::IsTerminal;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

use super::coming::Coming;
use super::output::say;
use super::stop::Stop;
use crate::realize::{How, Left, Observer, StepName};

/// Tells people on stderr what is going on.
pub struct Progress {
    bar: Option<ProgressBar>,
    now: Arc<Mutex<Now>>,
    coming: Mutex<Coming>,
    quiet: bool,
    verbose: bool,
}

/// What is shown whenever the bar is drawn.
#[derive(Default)]
struct Now {
    running: Vec<Running>,
    /// As it was told, and when.
    left: Option<(Left, Instant)>,
    /// Of this round.
    ended: BTreeSet<StepName>,
    stop: Stop,
}

struct Running {
    step: StepName,
    begun: Instant,
    expected: Option<Duration>,
}

/// More running steps than this are counted, not named.
const NAMED: usize = 8;

impl Now {
    /// Behind the bar: how much is left.
    fn first(&self) -> String {
        if self.stop.is_asked() {
            return "ending; once more ends it at once".to_owned();
        }
        let Some((left, told)) = &self.left else {
            return String::new();
        };
        shown(left, told.elapsed())
    }

    /// Below the bar: a line for each step that runs.
    fn lines(&self) -> String {
        let mut text = String::new();
        for running in self.running.iter().take(NAMED) {
            let step = running.step.to_string();
            let took = duration(running.begun.elapsed());
            text.push_str(&format!("\n  {}, {took}", super::output::part(&step)));
            let expected = running.expected.map(|expected| expected.as_secs_f64());
            let worth = expected.filter(|expected| *expected >= WORTH_TELLING);
            if let Some(expected) = estimate(worth) {
                text.push_str(&format!(" of {expected}"));
            }
        }
        if self.running.len() > NAMED {
            text.push_str(&format!("\n  and {} more", self.running.len() - NAMED));
        }
        text
    }
}

/// Of one step, an estimate of fewer seconds helps nobody.
pub const WORTH_TELLING: f64 = 1.0;

/// What is left, some time after that was told.
fn shown(left: &Left, since: Duration) -> String {
    let mut text = format!("{} left", left.steps);
    match estimate(left.seconds.map(|seconds| seconds - since.as_secs_f64())) {
        None => text.push_str(", no estimate yet"),
        Some(estimate) => {
            text.push_str(&format!(", {estimate}"));
            if left.unknown > 0 {
                text.push_str(&format!(" and {}", unknown(left.unknown)));
            }
        }
    }
    if left.more {
        text.push_str(", then more is planned");
    }
    text
}

/// `about 12 s`; `None` if nothing is known.
pub fn estimate(seconds: Option<f64>) -> Option<String> {
    let seconds = seconds?.max(0.0).round();
    Some(match seconds as u64 {
        _ if !seconds.is_finite() => return None,
        0 => "less than a second".to_owned(),
        // Tenths of a second would say more than anybody knows.
        seconds @ 1..120 => format!("about {seconds} s"),
        seconds => format!("about {} min", (seconds + 30) / 60),
    })
}

/// Steps that no estimate has.
pub fn unknown(steps: usize) -> String {
    format!("{} of unknown length", super::output::count(steps, "step"))
}

impl Progress {
    pub fn new(quiet: bool, verbose: bool) -> Self {
        Self::until(Stop::default(), quiet, verbose)
    }

    /// The same of what ends early, should somebody ask for that.
    pub fn until(stop: Stop, quiet: bool, verbose: bool) -> Self {
        let terminal = std::io::stderr().is_terminal();
        let now = Now {
            stop,
            ..Now::default()
        };
        let now = Arc::new(Mutex::new(now));
        let bar = (terminal && !quiet).then(|| {
            let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr());
            let style = ProgressStyle::with_template(
                "{elapsed:>4} {bar:20} {pos}/{len} {left}{msg}{running}",
            );
            let style = style.expect("the template is well-formed");
            let style = style.with_key("left", key(&now, Now::first));
            bar.set_style(style.with_key("running", key(&now, Now::lines)));
            bar.enable_steady_tick(Duration::from_millis(250));
            bar
        });
        Progress {
            bar,
            now,
            coming: Mutex::new(Coming::NONE),
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

    fn now(&self) -> std::sync::MutexGuard<'_, Now> {
        self.now
            .lock()
            .expect("no thread panics while it tells of a step")
    }

    fn ended(&self, step: &StepName) {
        let mut now = self.now();
        let place = now.running.iter().position(|running| running.step == *step);
        if let Some(place) = place {
            now.running.remove(place);
        }
    }
}

/// A part of the bar that is made when it is drawn.
fn key(
    now: &Arc<Mutex<Now>>,
    text: fn(&Now) -> String,
) -> impl Fn(&ProgressState, &mut dyn Write) + Clone + Send + Sync + 'static {
    let now = Arc::clone(now);
    move |_: &ProgressState, out: &mut dyn Write| {
        if let Ok(now) = now.lock() {
            // Drawing never fails: it goes to a text in memory.
            let _ = out.write_str(&text(&now));
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
        self.now().ended.clear();
        if let Some(bar) = &self.bar {
            bar.set_message("");
            bar.set_position(0);
            bar.set_length(steps as u64);
        }
    }

    fn started(&self, step: &StepName, expected: Option<Duration>) {
        self.now().running.push(Running {
            step: step.clone(),
            begun: Instant::now(),
            expected,
        });
        if let Some(bar) = &self.bar {
            bar.set_message("");
        }
    }

    fn waiting(&self, step: &StepName) {
        if !self.quiet {
            self.line(format_args!("{step}: another process makes it; waiting"));
        }
    }

    fn left(&self, left: &Left) {
        self.now().left = Some((*left, Instant::now()));
    }

    fn finished(&self, step: &StepName, how: How, took: Duration, notes: &[String]) {
        self.ended(step);
        // One that was reused may run after all, when its bytes turn out to be needed.
        let first = self.now().ended.insert(step.clone());
        if let Some(bar) = self.bar.as_ref().filter(|_| first) {
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
        let coming = self.coming.lock();
        let mut coming = coming.expect("no thread panics while it tells of a file");
        coming.note(what, here, of);
        match &self.bar {
            Some(bar) => {
                let text = coming.text().map(|text| format!("; {text}"));
                bar.set_message(text.unwrap_or_default());
            }
            None if self.quiet => {}
            None => coming.due(Instant::now()).into_iter().for_each(say),
        }
    }

    fn failed(&self, step: &StepName, error: &dyn Error) {
        self.ended(step);
        let mut text = format!("{step}: failed: {error}");
        let mut source = error.source();
        while let Some(cause) = source {
            text.push_str(&format!("\n  because: {cause}"));
            source = cause.source();
        }
        self.line(text);
    }

    fn is_stopped(&self) -> bool {
        self.now().stop.is_asked()
    }

    fn warning(&self, text: &str) {
        self.line(format_args!("warning: {text}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_is_told_as_far_as_it_is_known() {
        let left = |seconds, unknown, more| Left {
            steps: 7,
            unknown,
            seconds,
            more,
        };
        let shown = |left: Left, since| shown(&left, Duration::from_secs(since));
        assert_eq!(shown(left(None, 7, false), 3), "7 left, no estimate yet");
        assert_eq!(shown(left(Some(100.0), 0, false), 40), "7 left, about 60 s");
        assert_eq!(
            shown(left(Some(200.0), 1, true), 0),
            "7 left, about 3 min and 1 step of unknown length, then more is planned"
        );
        assert_eq!(
            shown(left(Some(5.0), 0, false), 9),
            "7 left, less than a second"
        );
    }
}
