//! The program `yitu`.

use std::process::ExitCode;

fn main() -> ExitCode {
    yitu::cli::main()
}
