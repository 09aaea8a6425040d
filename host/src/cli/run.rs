//! `pointsman run`.

use std::future::{pending, ready};
use std::mem;
use std::path::Path;
use std::pin::Pin;
use std::process::ExitCode;

use anyhow::{Context, Result};
use tracing_subscriber::filter::{LevelFilter, Targets};

use crate::app::{App, StartOptions};
use crate::config::{Config, ConfigErrors};
use crate::control::change::Reload;
use crate::control::service;
use crate::control::signals::{Request, Signals};
use crate::control::start_gate::StartGate;
use crate::control::take_over::{self, Successor};
use crate::log::{self, Log};
use crate::open_files::OpenFiles;
use crate::worker::Drained;

/// The admin server. It ends by an error, or when another process serves in the place of this one.
type Admin = Pin<Box<dyn Future<Output = std::io::Result<()>>>>;

/// Why to stop serving.
enum End {
    /// A signal asked for it.
    Asked,
    /// Another process serves in the place of this one.
    Replaced(Successor),
}

/// Serves until a signal ends it. Everything is said through the log, so nothing here waits for the reader of standard error.
pub(super) fn run(path: &Path, workers: Option<usize>, filter: Option<Targets>) -> Result<ExitCode> {
    let (filter, misread) = filter.map_or_else(filter_from_environment, |filter| (filter, None));
    let log = Log::start(filter).context("no log")?;
    if let Some(error) = misread {
        tracing::warn!(event = "log-filter-refused", "RUST_LOG isn't followed: {error}");
    }
    let result = serve_until_told(path, workers, &log);
    Ok(result.unwrap_or_else(|error| {
        match error.downcast_ref::<ConfigErrors>() {
            Some(errors) => errors.iter().for_each(|error| log.say(error)),
            None => log.say(format_args!("pointsman: {error:#}")),
        }
        ExitCode::FAILURE
    }))
}

/// What `RUST_LOG` says, or the default and what is wrong with it.
fn filter_from_environment() -> (Targets, Option<String>) {
    let default = log::filter_from_level(LevelFilter::INFO);
    match std::env::var("RUST_LOG") {
        Ok(text) if !text.is_empty() => match log::parse_filter(&text) {
            Ok(filter) => (filter, None),
            Err(error) => (default, Some(error)),
        },
        _ => (default, None),
    }
}

fn serve_until_told(path: &Path, workers: Option<usize>, log: &Log) -> Result<ExitCode> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().context("no event loop")?;
    let result = runtime.block_on(async {
        // Before anything else, so that no signal meets its default action.
        let mut signals = Signals::listen().context("cannot listen to signals")?;
        let (inherited, mut predecessor) =
            take_over::inherited().context("cannot use the sockets that this process was started with")?;
        let state_lock = predecessor.state_lock.take();
        let gate = StartGate::default();
        let start = StartOptions { workers, inherited, state_lock, log: log.controls(), gate };
        let Some(app) = start_listening(path, start, &mut signals).await? else {
            return Ok(None);
        };
        let mut admin: Admin = Box::pin(app.serve_admin());
        // What is left of it once another process serves.
        let mut farewell: Admin = Box::pin(ready(Ok(())));
        service::serving(&Reload::Done(app.configuration().generation).to_string());
        app.own_addresses();
        predecessor.tell();

        match serve(&app, &mut signals, &mut admin).await? {
            End::Asked => {
                service::stopping();
                tokio::select! {
                    () = leave(&app) => {}
                    error = failed(&mut admin) => return Err(error.context("the admin server failed")),
                    () = signals.end() => abort(log),
                }
            }
            End::Replaced(successor) => {
                service::replaced_by(successor.id());
                tracing::info!(
                    event = "process-replaced",
                    process = successor.id(),
                    "another process has taken over"
                );
                // Whether the service is ready is for that process to say.
                app.leave_addresses();
                farewell = mem::replace(&mut admin, Box::pin(pending()));
            }
        }
        app.start_drain();
        tracing::info!(event = "drain-started", timeout = ?app.configuration().drain.timeout, "draining");
        // The workers end on their own threads; meanwhile the admin server goes on saying that we aren't ready.
        let drained = tokio::task::spawn_blocking(move || app.join());
        let drained = async { tokio::join!(drained, farewell).0 };
        tokio::select! {
            drained = drained => Ok(Some(ended(drained.context("a worker failed")??))),
            error = failed(admin) => Err(error.context("the admin server failed")),
            () = signals.end() => abort(log),
        }
    });
    if matches!(result, Ok(None)) {
        // The start that was given up may still be waiting for something.
        runtime.shutdown_background();
    }
    Ok(result?.unwrap_or(ExitCode::SUCCESS))
}

/// Starts the proxy, which may take long: a configuration and its plugins are loaded. `None` if a signal ends the process before
/// that. Other signals wait until it serves, as does one to end that comes when connections may have been accepted.
async fn start_listening(path: &Path, start: StartOptions, signals: &mut Signals) -> Result<Option<App>> {
    let (path, gate) = (path.to_owned(), start.gate.clone());
    let mut app = tokio::task::spawn_blocking(move || {
        let config = Config::load(&path)?;
        if let Err(error) = OpenFiles::raise_limit() {
            let limit = OpenFiles::of_process().limit();
            tracing::warn!(
                event = "open-files-raise-failed", %error, limit,
                "cannot raise the limit of open files"
            );
        }
        App::start(config, &path, start)
    });
    let app = tokio::select! {
        app = &mut app => app,
        () = signals.end() => {
            if gate.pass() {
                tracing::info!(event = "start-aborted", "told to end before it served");
                return Ok(None);
            }
            signals.hold_end();
            app.await
        }
    };
    Ok(Some(app.context("the start failed")??))
}

/// Does what signals ask for until there is a reason to stop.
async fn serve(app: &App, signals: &mut Signals, admin: &mut Admin) -> Result<End> {
    let mut successor = None;
    loop {
        tokio::select! {
            error = failed(&mut *admin) => return Err(error.context("the admin server failed")),
            request = signals.next() => match request {
                Request::End => return Ok(End::Asked),
                Request::Reload => reload(app),
                Request::ReopenLogs => app.reopen_access_log(),
                Request::Replace if successor.is_some() => {
                    tracing::warn!(
                        event = "replacement-ignored",
                        "another process is about to take over already"
                    );
                }
                Request::Replace => successor = replace(app),
            },
            took_over = serves(&mut successor) => match (took_over, successor.take()) {
                (Ok(()), Some(successor)) => return Ok(End::Replaced(successor)),
                (Err(error), _) => tracing::error!(
                    event = "replacement-failed",
                    "not replaced: {error}; this process serves on"
                ),
                (Ok(()), None) => {}
            },
        }
    }
}

/// Goes on serving for the configured time, in which those who route to this proxy learn that it is about to end: a connection
/// that they still send meanwhile isn't refused.
async fn leave(app: &App) {
    let delay = app.configuration().drain.delay;
    if delay.is_zero() {
        return;
    }
    app.start_leaving();
    tracing::info!(event = "drain-delayed", ?delay, "not ready any more; accepting on before the drain");
    tokio::time::sleep(delay).await;
}

/// Ends the process now, as somebody has asked for its end twice.
fn abort(log: &Log) -> ! {
    tracing::warn!(event = "drain-aborted", "ended by a second signal; requests in work are lost");
    log.flush();
    std::process::exit(1);
}

/// Reads everything again, and tells the service manager when that is done.
fn reload(app: &App) {
    service::reloading();
    app.scan_files();
    let reloaded = app.reload();
    tokio::spawn(async move {
        // If there is no answer, the process is ending.
        if let Some(reload) = reloaded.await {
            service::serving(&reload.to_string());
        }
    });
}

fn replace(app: &App) -> Option<Successor> {
    if app.configuration().file.read_once {
        tracing::error!(
            event = "replacement-failed",
            "not replaced: the configuration was read once, so a new process can't read it; this process serves on"
        );
        return None;
    }
    let (backends, policies) = app.fleeting_overrides();
    if backends + policies > 0 {
        tracing::warn!(
            event = "overrides-not-handed-over",
            backends,
            policies,
            "what operators have changed ends with this process; with a `state_dir` it would be kept"
        );
    }
    let handed_over = app.sockets().and_then(|sockets| Ok((sockets, app.state_lock()?)));
    let started = handed_over.map_err(take_over::TakeOverError::from);
    match started.and_then(|(sockets, lock)| take_over::start(sockets, lock.as_ref())) {
        Ok(successor) => {
            tracing::info!(
                event = "replacement-started",
                process = successor.id(),
                "started a process that takes over"
            );
            Some(successor)
        }
        Err(error) => {
            tracing::error!(event = "replacement-failed", "not replaced: {error}; this process serves on");
            None
        }
    }
}

/// Waits until the process that is to take over serves, if there is one.
async fn serves(successor: &mut Option<Successor>) -> Result<(), take_over::TakeOverError> {
    match successor {
        Some(successor) => successor.serves().await,
        None => pending().await,
    }
}

/// Waits for a failure of what can't end otherwise.
async fn failed(server: impl Future<Output = std::io::Result<()>>) -> anyhow::Error {
    match server.await {
        Ok(()) => pending().await,
        Err(error) => error.into(),
    }
}

fn ended(drained: Drained) -> ExitCode {
    match drained {
        Drained::Clean => tracing::info!(event = "drain-finished", "drained"),
        Drained::CutOff(connections) => {
            tracing::warn!(event = "drain-timed-out", connections, "drain timeout: connections were cut off");
        }
    }
    ExitCode::SUCCESS
}
