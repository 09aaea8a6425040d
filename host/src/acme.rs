//! Certificates that the proxy orders by itself, by ACME (RFC 8555), and keeps valid.
//!
//! A separate thread orders them and writes them into files, which are followed as those of any other certificate are. Files and failures
//! are kept in a folder that several proxies may share: one orders, and the others find what it has got.

mod account;
mod challenges;
mod checks;
mod entry;
mod failure;
mod https;
mod managed;
mod order;
mod orderer;
mod presented;
mod schedule;
mod storage;

use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;

use parking_lot::Mutex;
use tokio::sync::{Notify, watch};

pub use challenges::Challenges;
pub use checks::{faults, warnings};

use crate::config::{AcmeConfig, Config};
use crate::control::watch::FileWatch;
use orderer::{Orderer, Wanted};

/// The thread that orders certificates, once some are wanted. It ends when this is dropped.
#[derive(Debug, Default)]
pub struct CertificateOrders(Mutex<Option<Running>>);

#[derive(Debug)]
struct Running {
    wanted: watch::Sender<Wanted>,
    look: Arc<Notify>,
    thread: JoinHandle<()>,
}

impl CertificateOrders {
    /// Keeps the certificates of this configuration valid from now on, and no others. Authorities are answered by `challenges`, and
    /// `files` are looked at whenever a certificate was written.
    ///
    /// # Errors
    ///
    /// No thread or no event loop.
    pub fn follow(&self, config: &Config, challenges: &Challenges, files: &Arc<FileWatch>) -> io::Result<()> {
        let of_listeners = config.listeners.iter().filter_map(|listener| listener.tls.as_ref()?.acme.clone());
        let configs: Vec<AcmeConfig> = of_listeners.collect();
        let mut running = self.0.lock();
        if running.is_none() && !configs.is_empty() {
            *running = Some(Running::start(challenges, files)?);
        }
        if let Some(running) = &*running {
            running.wanted.send_if_modified(|wanted| {
                let is_other = wanted.as_ref() != Some(&configs);
                *wanted = Some(configs);
                is_other
            });
        }
        Ok(())
    }

    /// Looks at the files now, and tries again what has failed.
    pub fn look(&self) {
        if let Some(running) = &*self.0.lock() {
            running.look.notify_one();
        }
    }

    /// Orders nothing more. An order that was begun is gone on with by the next process.
    pub fn stop(&self) {
        let running = self.0.lock().take();
        if let Some(Running { wanted, thread, .. }) = running {
            drop(wanted);
            let _ = thread.join();
        }
    }
}

impl Running {
    fn start(challenges: &Challenges, files: &Arc<FileWatch>) -> io::Result<Self> {
        let (wanted, changes) = watch::channel(Wanted::default());
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().max_blocking_threads(1).build()?;
        let look = Arc::<Notify>::default();
        let orderer = Orderer::new(challenges.clone(), Arc::clone(files), Arc::clone(&look));
        let thread = std::thread::Builder::new()
            .name("acme".into())
            .spawn(move || runtime.block_on(orderer.run(changes)))?;
        Ok(Self { wanted, look, thread })
    }
}

impl Drop for CertificateOrders {
    fn drop(&mut self) {
        self.stop();
    }
}
