//! The signals that the process acts on.

use tokio::signal::unix::{Signal, SignalKind, signal};

/// What a signal asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Request {
    /// SIGTERM or SIGINT: finish what runs and end; a second one means at once.
    End,
    /// SIGHUP: read the configuration and the plugin files again.
    Reload,
    /// SIGUSR1: open log files anew.
    ReopenLogs,
    /// SIGUSR2: start the program again and let it take over.
    Replace,
}

/// The signals that the process listens to.
#[derive(Debug)]
pub struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
    user1: Signal,
    user2: Signal,
    /// A request to end that came before it could be followed.
    end_held: bool,
}

impl Signals {
    /// Takes the signals over from their default actions. Needs a tokio runtime.
    ///
    /// # Errors
    ///
    /// The handlers can't be set up.
    pub fn listen() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
            user1: signal(SignalKind::user_defined1())?,
            user2: signal(SignalKind::user_defined2())?,
            end_held: false,
        })
    }

    /// Waits for a request to end. Others wait for [`next`](Self::next).
    pub async fn end(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }

    /// Makes a request to end that was taken by [`end`](Self::end) the next one again.
    pub fn hold_end(&mut self) {
        self.end_held = true;
    }

    /// The next request.
    pub async fn next(&mut self) -> Request {
        if std::mem::take(&mut self.end_held) {
            return Request::End;
        }
        tokio::select! {
            _ = self.terminate.recv() => Request::End,
            _ = self.interrupt.recv() => Request::End,
            _ = self.hangup.recv() => Request::Reload,
            _ = self.user1.recv() => Request::ReopenLogs,
            _ = self.user2.recv() => Request::Replace,
        }
    }
}
