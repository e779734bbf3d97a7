//! Arguments become a command, a command becomes an exit code. All else is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    backorderd::cli::main()
}
