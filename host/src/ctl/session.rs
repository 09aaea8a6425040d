//! One run of a command: the admin server, and how its answers are shown.

use std::io::{self, Write as _};

use bytes::Bytes;
use serde::de::DeserializeOwned;
use tokio::runtime::{Builder, Runtime};

use super::arguments::Arguments;
use super::client::{Call, Client};
use super::failure::Failure;
use super::output::Output;
use super::target::Target;

pub(super) struct Session {
    pub(super) client: Client,
    pub(super) output: Output,
    pub(super) runtime: Runtime,
}

impl Session {
    pub(super) fn start(arguments: &Arguments) -> Result<Self, Failure> {
        let runtime = Builder::new_current_thread().enable_all().build();
        Ok(Self {
            client: Client::new(Target::find(arguments)?),
            output: Output::new(arguments.json, arguments.no_color),
            runtime: runtime.map_err(|error| Failure::Failed(format!("no event loop: {error}")))?,
        })
    }

    /// What the API answers.
    pub(super) fn call(&self, call: Call) -> Result<Bytes, Failure> {
        self.runtime.block_on(self.client.call(call))
    }

    /// What the API answers, as what it means.
    pub(super) fn ask<T: DeserializeOwned>(&self, call: Call) -> Result<T, Failure> {
        read(&self.call(call)?)
    }

    /// Shows an answer: as it is, or as `show` says it.
    pub(super) fn show<T: DeserializeOwned>(
        &self,
        answer: &Bytes,
        show: impl FnOnce(T) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        if self.output.json { self.pass_on(answer) } else { show(read(answer)?) }
    }

    /// Writes what the API said, unchanged.
    pub(super) fn pass_on(&self, answer: &Bytes) -> Result<(), Failure> {
        let mut out = io::stdout().lock();
        let written = out.write_all(answer).and_then(|()| out.write_all(b"\n")).and_then(|()| out.flush());
        match written {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                Err(Failure::Failed(format!("cannot write to standard output: {error}")))
            }
            _ => Ok(()),
        }
    }
}

/// An answer as what it means. A proxy of another version may say more, and it may say less.
pub(super) fn read<T: DeserializeOwned>(answer: &[u8]) -> Result<T, Failure> {
    serde_json::from_slice(answer).map_err(|error| {
        Failure::Failed(format!(
            "the answer isn't understood: {error}; is the proxy of the same version? `--json` shows what it said"
        ))
    })
}
