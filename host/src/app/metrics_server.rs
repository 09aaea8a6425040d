//! The listener for those who collect metrics, which answers nothing else but probes; and the load that it tells of.

use std::io;
use std::path::Path;
use std::sync::Arc;

use anyhow::Result;
use pointsman_core::address::Address;
use pointsman_core::clock::Clock;

use crate::admin;
use crate::config::{Config, ConfigErrors};
use crate::control::status::StatusView;
use crate::control::take_over::HandedOver;
use crate::insight::trace::Tracer;
use crate::listener::{Inherited, ListeningSocket, Role};
use crate::metrics::{Saturation, Scrapes};
use crate::open_files::OpenFiles;
use crate::reports::WorkerVitals;

use super::admin_server::{Leaving, listen};
use super::foreseen;

/// The metrics of a running proxy, and the listener for them, if one is configured.
#[derive(Debug)]
pub(super) struct MetricsServer {
    /// The address that is configured for it, and its socket.
    bound: Option<(Address, ListeningSocket)>,
    clock: Clock,
    saturation: Arc<Saturation>,
    tracer: Option<Arc<Tracer>>,
    /// How each worker is.
    pub(super) workers: Arc<[Arc<WorkerVitals>]>,
}

impl MetricsServer {
    /// Takes the inherited socket of this address, or binds it.
    pub(super) fn bind(
        config: &Config,
        file: &Path,
        inherited: &mut Inherited,
        clock: Clock,
        tracer: Option<Arc<Tracer>>,
    ) -> Result<Self> {
        let bind = |address| {
            let address = Address::Tcp(address);
            let (socket, _) = listen(&address, Role::Metrics, inherited)
                .map_err(|error| foreseen::fault(file, config.metrics.line, "metrics.address", error))?;
            Ok::<_, ConfigErrors>((address, socket))
        };
        let workers = (0..config.workers).map(|_| Arc::default()).collect();
        let (bound, saturation) = (config.metrics.address.map(bind).transpose()?, Arc::default());
        Ok(Self { bound, clock, saturation, tracer, workers })
    }

    pub(super) fn log_address(&self) {
        if let Some((_, socket)) = &self.bound {
            tracing::info!(event = "metrics-bound", address = %socket, "metrics listening");
        }
    }

    /// Adds a duplicate of the socket to what another process gets.
    pub(super) fn hand_over(&self, all: &mut Vec<HandedOver>) -> io::Result<()> {
        if let Some((address, socket)) = &self.bound {
            let (address, socket) = (address.clone(), socket.try_clone()?);
            all.push(HandedOver { role: Role::Metrics, address, socket, is_lent: false });
        }
        Ok(())
    }

    /// The metrics of this proxy.
    pub(super) fn scrapes(&self, status: StatusView) -> Scrapes {
        let (workers, saturation) = (Arc::clone(&self.workers), Arc::clone(&self.saturation));
        Scrapes::new(status, workers, saturation, self.tracer.clone(), self.clock)
    }

    /// Serves, if there is something to serve at, and follows the workers' load, until `leaving` is ready.
    pub(super) fn serve(
        &self,
        status: StatusView,
        leaving: Leaving,
    ) -> impl Future<Output = io::Result<()>> + use<> {
        let socket = self.bound.as_ref().map(|(_, socket)| socket.try_clone());
        let router = admin::metrics_router(&status, self.scrapes(status.clone()));
        let load = Arc::clone(&self.saturation).follow(Arc::clone(&self.workers));
        async move {
            let served = async {
                match socket {
                    Some(socket) => {
                        let most = OpenFiles::of_process().for_admin();
                        admin::serve(socket?, router, most, leaving.wait()).await
                    }
                    None => {
                        leaving.wait().await;
                        Ok(())
                    }
                }
            };
            tokio::select! {
                served = served => served,
                () = load => std::future::pending().await,
            }
        }
    }
}
