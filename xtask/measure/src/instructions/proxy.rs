//! The proxy that is counted.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, bail};
use nix::unistd::Pid;
use tempfile::TempDir;

use super::subject::Subject;
use crate::certificate::Certificate;

/// Has the C library copy and compare memory by the same code on all processors of the last ten years: the figures of one machine
/// can be held against those of another.
pub(super) const C_LIBRARY: (&str, &str) =
    ("GLIBC_TUNABLES", "glibc.cpu.hwcaps=-AVX512F,-AVX512VL,-AVX512BW,-ERMS,-FSRM");

/// A proxy with one worker, until this is dropped.
#[derive(Debug)]
pub(crate) struct Proxy {
    pub(crate) address: SocketAddr,
    child: Child,
    /// Where its configuration is.
    _directory: TempDir,
}

impl Proxy {
    /// Starts it and waits until it listens.
    pub(crate) fn start(
        binary: &Path,
        subject: Subject,
        tls: Option<&Certificate>,
        backends: &[SocketAddr],
    ) -> Result<Self> {
        let directory = tempfile::Builder::new().prefix("pointsman-instructions-").tempdir()?;
        let file = directory.path().join("pointsman.toml");
        if let Some(certificate) = tls {
            certificate.write(directory.path())?;
        }
        fs::write(&file, configuration(subject, tls.is_some(), backends))?;
        let mut command = Command::new(binary);
        command
            .arg("run")
            .arg("--config")
            .arg(&file)
            .env("RUST_LOG", "info")
            .env(C_LIBRARY.0, C_LIBRARY.1)
            .stdin(Stdio::null());
        let child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn();
        let mut child = child.with_context(|| format!("cannot start {}", binary.display()))?;
        let log = BufReader::new(child.stderr.take().context("no log")?);
        match listening(log) {
            Ok(address) => Ok(Self { address, child, _directory: directory }),
            Err(error) => {
                let _ = child.kill();
                let _ = child.wait();
                Err(error)
            }
        }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// The thread of this name.
    pub(crate) fn thread(&self, name: &str) -> Result<Pid> {
        for thread in fs::read_dir(format!("/proc/{}/task", self.id()))? {
            let thread = thread?;
            if fs::read_to_string(thread.path().join("comm"))?.trim() == name {
                return Ok(Pid::from_raw(thread.file_name().to_string_lossy().parse()?));
            }
        }
        bail!("the proxy has no thread {name}")
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        // There is nothing to finish.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Without health checks and with all the time that a guest may have: step by step, all takes long.
fn configuration(subject: Subject, tls: bool, backends: &[SocketAddr]) -> String {
    let backends: Vec<String> = backends
        .iter()
        .enumerate()
        .map(|(place, address)| format!("{{ name = \"b{place}\", address = \"{address}\" }}"))
        .collect();
    let tls = if tls {
        "[listener.tls]\ncertificates = [{ cert = \"site.crt\", key = \"site.key\" }]\n"
    } else {
        ""
    };
    // Lines go to standard output, which goes nowhere.
    let log = subject.log.map(|format| format!("[access_log]\nformat = \"{format}\"\n")).unwrap_or_default();
    let policy = subject.policy;
    format!(
        "workers = 1\n{log}[[listener]]\naddress = \"127.0.0.1:0\"\n{tls}[pool.backends]\n\
         policy = {{ name = \"{policy}\", deadline = \"1s\" }}\nresponse_timeout = \"1h\"\nbackends = [{}]\n{}",
        backends.join(", "),
        subject.routes.text()
    )
}

/// The address that it says it listens on.
fn listening(log: impl BufRead + Send + 'static) -> Result<SocketAddr> {
    let mut said = String::new();
    let mut lines = log.lines();
    while let Some(Ok(line)) = lines.next() {
        let address =
            line.split_once("event=\"listener-bound\" address=").and_then(|(_, rest)| rest.split(' ').next());
        if let Some(address) = address.and_then(|address| address.parse().ok()) {
            // A log that nobody reads would stop it.
            std::thread::spawn(move || lines.for_each(drop));
            return Ok(address);
        }
        said.push_str(&line);
        said.push('\n');
    }
    bail!("the proxy didn't start:\n{said}")
}
