//! What a terminal shows while artifacts are realized.

use std::process::{Command, Stdio};

use super::command::{bench, recipe};
use super::support::bench::{Bench, Said};

/// What a terminal shows while the program runs.
fn on_a_terminal(bench: &Bench, arguments: &[&str]) -> String {
    let mut terminal = Command::new("python3");
    terminal
        .args([
            "-c",
            "import pty, sys; sys.exit(pty.spawn(sys.argv[1:]) >> 8)",
        ])
        .arg(env!("CARGO_BIN_EXE_store"))
        .args(arguments)
        .env("STORE_DIR", bench.store())
        .env("TERM", "xterm")
        .stdin(Stdio::null())
        .current_dir(bench.path());
    Said::of(terminal.output().unwrap()).works().out
}

#[test]
fn a_terminal_shows_what_runs_and_how_long_it_may_take_if_that_is_known() {
    let bench = bench();
    bench.write("recipes/out.toml", recipe("", "sleep 2; echo 1 > $OUT/it"));
    let plan = bench.json(&["plan", "out"]);
    assert_eq!(plan["expected"]["seconds"], serde_json::Value::Null);
    assert!(plan["expected"]["unknown"].as_u64().unwrap() > 1);
    assert!(
        bench
            .print(&["plan", "out"])
            .contains("; no estimate yet\n")
    );
    let shown = on_a_terminal(&bench, &["realize", "out"]);
    assert!(shown.contains("no estimate yet"), "{shown:?}");
    assert!(shown.contains("  command out, "), "{shown:?}");

    bench.write("recipes/out.toml", recipe("", "sleep 2; echo 2 > $OUT/it"));
    let plan = bench.json(&["plan", "out"]);
    assert!(plan["expected"]["seconds"].as_f64().unwrap() > 1.0);
    assert_eq!(plan["expected"]["unknown"], 0);
    let steps = plan["steps"].as_array().unwrap().iter();
    let timed = steps.filter(|step| step["seconds"].is_number());
    assert_eq!(
        timed.map(|step| &step["kind"]).collect::<Vec<_>>(),
        ["command"]
    );
    let text = bench.print(&["plan", "out"]);
    assert!(
        text.contains("1 step to do") && text.contains(" held; about "),
        "{text}"
    );
    let shown = on_a_terminal(&bench, &["realize", "out"]);
    assert!(shown.contains("left, about "), "{shown:?}");
    assert!(shown.contains(" of about "), "{shown:?}");
    assert!(!shown.contains("no estimate"), "{shown:?}");

    // Elsewhere nothing moves: a line for each step that ran, and one at the end.
    bench.write("recipes/out.toml", recipe("", "echo 3 > $OUT/it"));
    let said = bench.run(&["realize", "out"]).works();
    assert_eq!(said.err.lines().count(), 2, "{}", said.err);
    assert!(!said.err.contains("left"), "{}", said.err);
}
