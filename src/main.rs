//! The `store` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    store::cli::main()
}
