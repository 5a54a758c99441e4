//! Arguments in, text or JSON out. Alone prints, reads the environment, and exits.
//!
//! A command is two things: its arguments, whose doc comments are the help,
//! and a `run` that calls the library and prints one value.

mod add;
mod cat;
mod closure;
mod coming;
mod context;
mod diff;
mod exit;
mod fault;
mod files;
mod gc;
mod generations;
mod lint;
mod log;
mod output;
mod plan;
mod plan_why;
mod progress;
mod realize;
mod roots;
mod show;
mod stop;
mod update;
mod verify;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use context::{Context, Global};
use exit::{Exit, Failure};

/// Composes operating-system artifacts, and keeps them.
///
/// Every artifact is an entry addressed by a hash, made from its recipe and the content of its inputs:
/// made again only when something changed, equal to the bit wherever it is made,
/// and the store knows for ever which step used which input.
#[derive(Parser)]
#[command(name = "store", version, after_help = exit::TABLE, max_term_width = 100)]
struct Arguments {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Realize(realize::Arguments),
    Plan(plan::Arguments),
    Lint(lint::Arguments),
    Update(update::Arguments),
    Diff(diff::Arguments),
    Gc(gc::Arguments),
    Roots(roots::Arguments),
    Generations(generations::Arguments),
    Show(show::Arguments),
    Closure(closure::Arguments),
    Files(files::Arguments),
    Cat(cat::Arguments),
    Log(log::Arguments),
    Verify(verify::Arguments),
    Add(add::Arguments),
}

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    // Before anything else is done: it has to be alone in its process.
    if let Some(code) = crate::compose::command::help(std::env::args_os().nth(1).as_deref()) {
        return code;
    }
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help and version are answers, not errors; clap knows which stream each belongs to.
            let asked = !error.use_stderr();
            let exit = if asked { Exit::Done } else { Exit::Usage };
            if !asked && wants_json(std::env::args_os()) {
                let text = error.to_string();
                let text = text.trim_end();
                output::refusal(text.strip_prefix("error: ").unwrap_or(text), exit);
            }
            let _ = error.print();
            return exit.into();
        }
    };
    fault::arm();
    stop::outlive_limits();
    let json = arguments.global.json;
    // The message was printed by then; this gives it its exit code.
    let caught = std::panic::catch_unwind(|| {
        Context::new(arguments.global).and_then(|context| run(arguments.command, &context))
    });
    let Ok(result) = caught else {
        return Exit::Internal.into();
    };
    match result {
        Ok(exit) => exit.into(),
        Err(failure) => {
            output::failure(&failure, json);
            failure.exit.into()
        }
    }
}

/// Whether arguments that can't be read ask for JSON: a program that does wants to read why.
fn wants_json(arguments: impl Iterator<Item = OsString>) -> bool {
    let mut options = arguments.take_while(|argument| argument != "--");
    options.any(|argument| argument == "--json")
}

fn run(command: Command, context: &Context) -> Result<Exit, Failure> {
    match command {
        Command::Realize(arguments) => arguments.run(context),
        Command::Plan(arguments) => arguments.run(context),
        Command::Lint(arguments) => arguments.run(context),
        Command::Update(arguments) => arguments.run(context),
        Command::Diff(arguments) => arguments.run(context),
        Command::Gc(arguments) => arguments.run(context),
        Command::Roots(arguments) => arguments.run(context),
        Command::Generations(arguments) => arguments.run(context),
        Command::Show(arguments) => arguments.run(context),
        Command::Closure(arguments) => arguments.run(context),
        Command::Files(arguments) => arguments.run(context),
        Command::Cat(arguments) => arguments.run(context),
        Command::Log(arguments) => arguments.run(context),
        Command::Verify(arguments) => arguments.run(context),
        Command::Add(arguments) => arguments.run(context),
    }
}
