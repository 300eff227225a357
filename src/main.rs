//! The program `yitu`.

use std::process::ExitCode;

/// Tiles are many short allocations and some of megabytes: both cost a tenth of the time with the C library's own.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    yitu::cli::main()
}
