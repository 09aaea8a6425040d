//! A contender's process, from its start to its end.

use std::fs::{self, File};
use std::net::{SocketAddr, TcpListener};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use super::{Contender, plugin};
use crate::bench::generator::{Dialect, Generator, Request, Reuse};
use crate::bench::interrupt::Interrupt;
use crate::bench::placement::{Cpus, Placement};
use crate::bench::schedule::Arrivals;
use crate::bench::speech::Speech;
use crate::bench::template::{self, Values};
use crate::bench::usage::family;
use crate::certificate::Certificate;

/// How long a contender may take until it serves.
const START: Duration = Duration::from_secs(60);

/// How long it may take to end when it is asked to.
const END: Duration = Duration::from_secs(5);

/// What a contender is started with.
#[derive(Debug)]
pub(crate) struct Setup<'a> {
    /// Processes, threads.
    pub(crate) workers: usize,
    /// Client connections that it must be able to hold, or requests on them where those are more.
    pub(crate) connections: usize,
    /// What clients speak.
    pub(crate) speech: Speech,
    /// Whether there are many routes.
    pub(crate) routes: bool,
    /// Its own, for TLS.
    pub(crate) certificate: &'a Certificate,
    /// Files a process may open.
    pub(crate) files: u64,
    /// Where requests go.
    pub(crate) backends: &'a [SocketAddr],
    /// Where it runs.
    pub(crate) placement: Placement,
    /// What may be used.
    pub(crate) cpus: Cpus,
}

/// A contender that serves, until this is dropped.
#[derive(Debug)]
pub(crate) struct Running {
    /// Which one.
    pub(crate) contender: Contender,
    /// Where it listens.
    pub(crate) address: SocketAddr,
    child: Child,
    processes: Vec<u32>,
    /// Configuration and whatever it writes.
    directory: TempDir,
}

impl Running {
    /// Starts it and waits until it serves.
    pub(crate) fn start(contender: &Contender, setup: &Setup<'_>, interrupt: &Interrupt) -> Result<Self> {
        Self::try_start(contender, setup, interrupt)
            .with_context(|| format!("{} didn't start", contender.name))
    }

    fn try_start(contender: &Contender, setup: &Setup<'_>, interrupt: &Interrupt) -> Result<Self> {
        let directory = tempfile::Builder::new().prefix("pointsman-bench-").tempdir()?;
        let address = free_address()?;
        let (name, template) = contender.template();
        let configuration = directory.path().join(name);
        let values = Values {
            port: address.port(),
            workers: setup.workers,
            // Room for connections that are being opened, and to the backends.
            connections: setup.connections * 2 + setup.backends.len() + 512,
            files: setup.files,
            policy: contender.policy,
            directory: directory.path(),
            backends: setup.backends,
            speech: setup.speech,
            routes: setup.routes,
        };
        setup.certificate.write(directory.path())?;
        fs::write(&configuration, template::fill(&template, &values)?)?;
        // Apart from the plugins, whose folder is watched.
        fs::create_dir(directory.path().join("lines"))?;
        plugin::place(contender.policy, directory.path())?;
        let log = File::create(directory.path().join("log"))?;
        let mut command = contender.command(&configuration, directory.path());
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        let child = setup.cpus.as_contender(setup.placement, || command.spawn())??;
        let contender = contender.clone();
        let mut running = Self { processes: vec![child.id()], contender, address, child, directory };
        running.wait_until_it_serves(&Dialect::new(setup.speech, setup.certificate)?, interrupt)?;
        running.processes = family(running.child.id());
        Ok(running)
    }

    /// Its processes.
    pub(crate) fn processes(&self) -> &[u32] {
        &self.processes
    }

    fn wait_until_it_serves(&mut self, dialect: &Dialect, interrupt: &Interrupt) -> Result<()> {
        let deadline = Instant::now() + START;
        loop {
            interrupt.check()?;
            if let Some(status) = self.child.try_wait()? {
                bail!("it ended with {status}\n{}", self.log());
            }
            if serves(self.address, dialect, interrupt)? {
                return Ok(());
            }
            if Instant::now() > deadline {
                bail!("it doesn't serve after {START:?}\n{}", self.log());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// The end of what it has written.
    fn log(&self) -> String {
        let text = fs::read_to_string(self.directory.path().join("log")).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(10)..].join("\n")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Descendants first have to be known: an nginx that is killed leaves its workers behind.
        let family = family(self.child.id());
        signal(self.child.id(), Signal::TERM);
        let deadline = Instant::now() + END;
        while Instant::now() < deadline {
            if matches!(self.child.try_wait(), Ok(Some(_)) | Err(_)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        for process in family {
            signal(process, Signal::KILL);
        }
        // A process that was killed ends; there is nothing to be done about one that doesn't.
        let _ = self.child.wait();
    }
}

/// Sends a signal to a process that was started here.
pub(crate) fn signal(process: u32, signal: Signal) {
    if let Some(process) = i32::try_from(process).ok().and_then(Pid::from_raw) {
        // It may have ended by itself.
        let _ = kill_process(process, signal);
    }
}

/// A port that was free a moment ago.
fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind(("127.0.0.1", 0)).and_then(|listener| listener.local_addr())?)
}

/// Whether a request is answered as it should be.
fn serves(address: SocketAddr, dialect: &Dialect, interrupt: &Interrupt) -> Result<bool> {
    let reuse = if dialect.speech.is_http2() { Reuse::KeepAlive } else { Reuse::NewEachTime };
    let request = Request::new(12, 0, reuse).spoken(dialect.speech)?;
    let Ok(mut generator) = Generator::speak(dialect, address, 1, reuse, interrupt) else { return Ok(false) };
    let outcome = generator.run(&request, Arrivals::Counted { requests: 1 })?;
    Ok(outcome.failed() == 0)
}
