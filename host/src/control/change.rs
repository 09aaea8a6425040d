//! Changes that can be asked for while the proxy runs, and the answers to them.

use std::fmt::{self, Display};
use std::sync::mpsc::Sender;

use pointsman_core::backend::ConfigurationGeneration;
use tokio::sync::oneshot;

use super::watch::Hint;
use crate::config::ConfigErrors;

/// A change that the control thread (`reconfigure`) is asked to make.
///
/// It makes one change after the other, in the order in which they were asked for, and answers each one with its outcome.
#[derive(Debug)]
pub enum Change {
    /// Read the configuration file again, whether or not it seems to have changed.
    Reload(Reply<Reload>),
}

/// The channel for the answer to a change.
#[derive(Debug)]
pub struct Reply<T>(oneshot::Sender<T>);

impl<T> Reply<T> {
    /// Answers. Nothing happens if the caller has stopped waiting.
    pub fn send(self, answer: T) {
        let _ = self.0.send(answer);
    }
}

/// The outcome of a reload.
#[derive(Debug, Clone, PartialEq)]
pub enum Reload {
    /// All workers serve with this configuration.
    Done(ConfigurationGeneration),
    /// The file says what is served already.
    Unchanged,
    /// The file can't be served; the old configuration serves on.
    Refused(ConfigErrors),
}

impl Display for Reload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Done(generation) => write!(f, "configuration {} serves", generation.0),
            Self::Unchanged => f.write_str("what the file says serves"),
            Self::Refused(_) => f.write_str("the file is refused; the configuration before it serves on"),
        }
    }
}

/// The queue of the control thread. All clones lead to the same thread.
#[derive(Debug, Clone)]
pub struct ChangeQueue(Sender<Hint<Change>>);

impl ChangeQueue {
    /// The queue whose other end the thread reads.
    #[must_use]
    pub fn new(hints: Sender<Hint<Change>>) -> Self {
        Self(hints)
    }

    /// Asks for a reload. The future is ready when all workers serve with the configuration that the file holds, or it is known
    /// why they can't; `None` if the thread ends before that.
    pub fn reload(&self) -> impl Future<Output = Option<Reload>> + Send + use<> {
        let answer = self.ask(Change::Reload);
        async { answer.await.ok() }
    }

    /// Asks for a change that is answered with a `T`. There is no answer if the thread has ended.
    fn ask<T>(&self, change: impl FnOnce(Reply<T>) -> Change) -> oneshot::Receiver<T> {
        let (reply, answer) = oneshot::channel();
        let _ = self.0.send(Hint::Asked(change(Reply(reply))));
        answer
    }

    /// Ends the thread, after the change that it is making.
    pub fn close(&self) {
        let _ = self.0.send(Hint::End);
    }
}
