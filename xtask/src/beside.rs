//! Checks that run beside others, with what those leave of the machine.

use std::process::{Child, Command, Output, Stdio};
use std::thread::JoinHandle;

/// Checks in a process of their own, of the least priority. What they print is shown when they have ended, as it would be mixed with what
/// the others print.
pub(crate) struct Beside(Option<JoinHandle<std::io::Result<Output>>>);

impl Beside {
    /// Starts the checks of these names.
    pub(crate) fn start(checks: &[&str]) -> Result<Self, String> {
        if checks.is_empty() {
            return Ok(Self(None));
        }
        eprintln!("xtask: beside the tests: {}", checks.join(", "));
        let program =
            std::env::current_exe().map_err(|error| format!("cannot find this program: {error}"))?;
        let mut nice = Command::new("nice");
        nice.args(["-n", "19"]).arg(program).arg("test").args(checks);
        let child = nice.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let child = child.map_err(|error| format!("cannot run {nice:?}: {error}"))?;
        // Read while it runs: a full pipe would stop it.
        Ok(Self(Some(std::thread::spawn(move || Child::wait_with_output(child)))))
    }

    /// Waits for their end, and shows what they have printed.
    pub(crate) fn finish(self) -> Result<(), String> {
        let Some(reader) = self.0 else { return Ok(()) };
        let output = reader.join().map_err(|_| "the checks beside the tests can't be read".to_owned())?;
        let output = output.map_err(|error| format!("the checks beside the tests can't be read: {error}"))?;
        for printed in [&output.stdout, &output.stderr] {
            eprint!("{}", String::from_utf8_lossy(printed));
        }
        if output.status.success() { Ok(()) } else { Err("a check beside the tests failed".to_owned()) }
    }
}
