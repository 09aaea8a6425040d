//! Programs that others wrote. One that isn't installed is skipped, and says so.

use std::path::Path;
use std::process::{Command, Output, Stdio};

/// What a program prints, run in this folder; `None` if there is no such program.
pub(crate) fn run(folder: &Path, program: &str, arguments: &[&str]) -> Option<Output> {
    let mut command = Command::new(program);
    command.args(arguments).current_dir(folder).stdin(Stdio::null());
    match command.output() {
        Ok(output) => Some(output),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            eprintln!("skipped: {program} isn't installed");
            None
        }
        Err(error) => panic!("{program}: {error}"),
    }
}

/// Both outputs as text.
pub(crate) fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}
