//! The order in which steps run: each as soon as its own inputs are there.

use std::collections::BTreeSet;
use std::sync::{Condvar, Mutex};

/// How a step of a schedule ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    Well,
    Failed,
    /// Something that it needed failed, or the schedule was stopped.
    Skipped,
}

struct State {
    /// Numbers of inputs still missing, by step.
    missing: Vec<usize>,
    ready: BTreeSet<usize>,
    ended: Vec<Option<Ended>>,
    left: usize,
    stopped: bool,
}

/// Calls `work` for every step after the steps it depends on, on `jobs` threads.
///
/// `work` says whether the step went well; what depends on one that did not is skipped.
/// Without `keep_going`, nothing new is begun after a failure; and none at all once `stop` says so.
/// Among the steps that could run, the one with the lowest number does, so one thread gives one order.
pub fn run(
    dependencies: &[BTreeSet<usize>],
    jobs: usize,
    keep_going: bool,
    stop: impl Fn() -> bool + Sync,
    work: impl Fn(usize) -> bool + Sync,
) -> Vec<Ended> {
    let count = dependencies.len();
    let mut dependents = vec![Vec::new(); count];
    for (step, needs) in dependencies.iter().enumerate() {
        for &need in needs {
            dependents[need].push(step);
        }
    }
    let missing: Vec<usize> = dependencies.iter().map(BTreeSet::len).collect();
    let ready = (0..count).filter(|&step| missing[step] == 0).collect();
    let state = Mutex::new(State {
        missing,
        ready,
        ended: vec![None; count],
        left: count,
        stopped: false,
    });
    let changed = Condvar::new();
    let lock = || {
        state
            .lock()
            .expect("no thread panics while it holds the schedule")
    };

    std::thread::scope(|scope| {
        for _ in 0..jobs.clamp(1, count.max(1)) {
            scope.spawn(|| {
                let _guard = StopOnPanic {
                    state: &state,
                    changed: &changed,
                };
                while let Some(step) = next(&state, &changed) {
                    if stop() {
                        lock().stopped = true;
                        changed.notify_all();
                        break;
                    }
                    let well = work(step);
                    let mut state = lock();
                    finish(
                        &mut state,
                        &dependents,
                        step,
                        if well { Ended::Well } else { Ended::Failed },
                    );
                    if !well && !keep_going {
                        state.stopped = true;
                    }
                    changed.notify_all();
                }
            });
        }
    });
    let state = state
        .into_inner()
        .expect("no thread panics while it holds the schedule");
    state
        .ended
        .into_iter()
        .map(|ended| ended.unwrap_or(Ended::Skipped))
        .collect()
}

/// Wakes the other threads when one panics, so that the panic is seen instead of a hang.
struct StopOnPanic<'a> {
    state: &'a Mutex<State>,
    changed: &'a Condvar,
}

impl Drop for StopOnPanic<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            if let Ok(mut state) = self.state.lock() {
                state.stopped = true;
            }
            self.changed.notify_all();
        }
    }
}

fn next(state: &Mutex<State>, changed: &Condvar) -> Option<usize> {
    let mut state = state
        .lock()
        .expect("no thread panics while it holds the schedule");
    loop {
        if state.left == 0 || state.stopped {
            return None;
        }
        if let Some(step) = state.ready.pop_first() {
            return Some(step);
        }
        state = changed
            .wait(state)
            .expect("no thread panics while it holds the schedule");
    }
}

fn finish(state: &mut State, dependents: &[Vec<usize>], step: usize, how: Ended) {
    let mut finished = vec![(step, how)];
    while let Some((step, how)) = finished.pop() {
        if state.ended[step].is_some() {
            continue;
        }
        state.ended[step] = Some(how);
        state.left -= 1;
        for &dependent in &dependents[step] {
            if how == Ended::Well {
                state.missing[dependent] -= 1;
                if state.missing[dependent] == 0 {
                    state.ready.insert(dependent);
                }
            } else {
                finished.push((dependent, Ended::Skipped));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn diamond() -> Vec<BTreeSet<usize>> {
        vec![[].into(), [0].into(), [0].into(), [1, 2].into(), [].into()]
    }

    #[test]
    fn every_step_comes_after_its_inputs() {
        for jobs in [1, 2, 8] {
            let order = Mutex::new(Vec::new());
            let ended = run(
                &diamond(),
                jobs,
                false,
                || false,
                |step| {
                    order.lock().unwrap().push(step);
                    true
                },
            );
            assert_eq!(ended, vec![Ended::Well; 5]);
            let order = order.into_inner().unwrap();
            let at = |step| order.iter().position(|&s| s == step).unwrap();
            assert!(at(0) < at(1) && at(0) < at(2) && at(1) < at(3) && at(2) < at(3));
        }
    }

    #[test]
    fn a_failure_skips_what_stands_on_it_and_keep_going_leaves_the_rest() {
        use Ended::{Failed, Skipped, Well};
        assert_eq!(
            run(&diamond(), 2, true, || false, |step| step != 1),
            [Well, Failed, Well, Skipped, Well]
        );
        let stopped = run(&diamond(), 1, false, || false, |step| step != 0);
        assert_eq!(stopped, [Failed, Skipped, Skipped, Skipped, Skipped]);
    }

    #[test]
    fn nothing_is_begun_once_it_is_stopped() {
        use std::sync::atomic::{AtomicUsize, Ordering};
        let ran = AtomicUsize::new(0);
        let stop = || ran.load(Ordering::Relaxed) == 2;
        let ended = run(&diamond(), 1, true, stop, |_| {
            ran.fetch_add(1, Ordering::Relaxed);
            true
        });
        let count = |how| ended.iter().filter(|ended| **ended == how).count();
        assert_eq!((count(Ended::Well), count(Ended::Skipped)), (2, 3));
    }
}
