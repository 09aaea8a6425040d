//! Ctrl-C and SIGTERM: the run ends as after an error, which ends all child processes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, Result, bail};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

/// Knows whether the run was interrupted.
#[derive(Debug, Clone)]
pub(crate) struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// Takes over both signals. A second one ends the process at once.
    pub(crate) fn listen() -> Result<Self> {
        let came = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM] {
            flag::register_conditional_default(signal, Arc::clone(&came)).context("cannot watch signals")?;
            flag::register(signal, Arc::clone(&came)).context("cannot watch signals")?;
        }
        Ok(Self(came))
    }

    /// One that no signal sets.
    #[cfg(test)]
    pub(crate) fn never() -> Self {
        Self(Arc::default())
    }

    /// Goes on, or fails if a signal has come.
    ///
    /// # Errors
    /// A signal has come.
    pub(crate) fn check(&self) -> Result<()> {
        if self.0.load(Ordering::Relaxed) {
            bail!("interrupted");
        }
        Ok(())
    }
}
