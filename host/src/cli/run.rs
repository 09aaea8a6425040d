//! `pointsman run`.

use std::convert::Infallible;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result};
use rustix::process::{Resource, Rlimit};

use crate::app::{App, Circumstances};
use crate::config::Config;
use crate::control::signals::{Request, Signals};
use crate::worker::Drained;

/// Serves until a signal ends it.
pub(super) fn run(path: &Path, workers: Option<usize>) -> Result<ExitCode> {
    let config = match Config::load(path) {
        Ok(config) => config,
        Err(errors) => {
            eprintln!("{errors}");
            return Ok(ExitCode::FAILURE);
        }
    };
    log_to_stderr();
    raise_file_limit();

    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().context("no event loop")?;
    runtime.block_on(async {
        // Before anything else, so that no signal meets the default action once the sockets are bound.
        let mut signals = Signals::listen().context("cannot listen to signals")?;
        let drain_timeout = config.drain_timeout;
        let circumstances = Circumstances { workers, ..Circumstances::default() };
        let app = App::start(config, path, circumstances)?;
        let admin = app.serve_admin();
        tokio::pin!(admin);
        loop {
            tokio::select! {
                error = failed(&mut admin) => return Err(error.context("the admin server failed")),
                request = signals.next() => match request {
                    Request::Reload => {
                        app.look_at_plugins();
                        drop(app.reload());
                    }
                    Request::End => break,
                },
            }
        }
        tracing::info!(timeout = ?drain_timeout, "draining");
        app.start_drain();
        // The workers end on their own threads; meanwhile the admin server goes on saying that we aren't ready.
        let drained = tokio::task::spawn_blocking(move || app.join());
        tokio::select! {
            drained = drained => Ok(ended(drained.context("a worker failed")??)),
            error = failed(admin) => Err(error.context("the admin server failed")),
            () = second_request(&mut signals) => {
                tracing::warn!("ended by a second signal; requests in work are lost");
                std::process::exit(1);
            }
        }
    })
}

/// Waits for a failure of what can't end otherwise.
async fn failed(server: impl Future<Output = std::io::Result<Infallible>>) -> anyhow::Error {
    match server.await {
        Ok(never) => match never {},
        Err(error) => error.into(),
    }
}

async fn second_request(signals: &mut Signals) {
    while signals.next().await != Request::End {}
}

fn ended(drained: Drained) -> ExitCode {
    match drained {
        Drained::Clean => tracing::info!("drained"),
        Drained::CutOff(connections) => {
            tracing::warn!(connections, "drain timeout: connections were cut off");
        }
    }
    ExitCode::SUCCESS
}

/// Takes as many file descriptors as the system allows: every connection is one, and the usual limit of 1024 is there for
/// programs that know no better than select(2).
fn raise_file_limit() {
    let limit = rustix::process::getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    if let Err(error) = rustix::process::setrlimit(Resource::Nofile, raised) {
        tracing::warn!(%error, limit = ?limit.current, "cannot raise the limit of open files");
    }
}

fn log_to_stderr() {
    let ansi = std::io::IsTerminal::is_terminal(&std::io::stderr());
    tracing_subscriber::fmt().with_writer(std::io::stderr).with_ansi(ansi).with_target(false).init();
}
