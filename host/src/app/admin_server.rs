//! The admin server of a running proxy: its socket, and what it needs beside the proxy's status.

use std::io;
use std::sync::Arc;

use anyhow::{Context, Result};
use pointsman_core::address::Address;
use pointsman_core::clock::Clock;
use tokio::sync::watch;

use crate::admin::{self, AdminState, Guard};
use crate::config::AdminConfig;
use crate::control::change::ChangeQueue;
use crate::control::status::StatusView;
use crate::control::take_over::HandedOver;
use crate::insight::Explanations;
use crate::listener::{Inherited, ListeningSocket, Role};
use crate::log::LogControls;
use crate::metrics::Scrapes;
use crate::open_files::OpenFiles;

/// Who may open the admin socket if it has a path: its owner and its group.
const SOCKET_MODE: u32 = 0o660;

/// When the servers beside the data path are to accept nothing more, as another process does.
#[derive(Debug, Clone)]
pub(super) struct Leaving(watch::Receiver<bool>);

impl Leaving {
    pub(super) async fn wait(mut self) {
        if self.0.wait_for(|leaving| *leaving).await.is_err() {
            // Nobody will say so: they serve to the end.
            std::future::pending().await
        }
    }
}

/// The admin server, if one is configured.
#[derive(Debug)]
pub(super) struct AdminServer {
    bound: Option<Bound>,
    clock: Clock,
    log: LogControls,
    /// Why requests went where they went, if anybody may ask for that.
    explanations: Option<Arc<Explanations>>,
    leaves: watch::Sender<bool>,
}

#[derive(Debug)]
struct Bound {
    configured: Address,
    socket: ListeningSocket,
    guard: Guard,
}

impl AdminServer {
    /// Reads the token, and takes the inherited socket of this address, or binds it.
    pub(super) fn bind(
        config: Option<&AdminConfig>,
        inherited: &mut Inherited,
        clock: Clock,
        log: LogControls,
    ) -> Result<Self> {
        let asked = config.filter(|config| !config.explain_from.is_empty());
        let explanations = asked.map(|config| Arc::new(Explanations::new(&config.explain_from)));
        let bound = config.map(|config| bind(config, inherited)).transpose()?;
        Ok(Self { bound, clock, log, explanations, leaves: watch::Sender::default() })
    }

    /// Where workers keep why requests went where they went; `None` if nobody may ask for that.
    pub(super) fn explanations(&self) -> Option<&Arc<Explanations>> {
        self.explanations.as_ref()
    }

    /// The servers beside the data path accept nothing more from now on.
    pub(super) fn leave(&self) {
        self.leaves.send_replace(true);
    }

    /// When that is so.
    pub(super) fn leaving(&self) -> Leaving {
        Leaving(self.leaves.subscribe())
    }

    pub(super) fn log_address(&self) {
        if let Some(Bound { socket, .. }) = &self.bound {
            tracing::info!(event = "admin-bound", address = %socket, "admin listening");
        }
    }

    /// Adds a duplicate of the socket to what another process gets.
    pub(super) fn hand_over(&self, all: &mut Vec<HandedOver>) -> io::Result<()> {
        let Some(Bound { configured, socket, .. }) = &self.bound else { return Ok(()) };
        let (address, socket) = (configured.clone(), socket.try_clone()?);
        all.push(HandedOver { role: Role::Admin, address, socket, is_lent: false });
        Ok(())
    }

    /// Serves, if there is something to serve at, until [`leave`](Self::leave).
    pub(super) fn serve(
        &self,
        status: StatusView,
        changes: ChangeQueue,
        scrapes: Scrapes,
    ) -> impl Future<Output = io::Result<()>> + use<> {
        let served = self.bound.as_ref().map(|bound| {
            let explanations = self.explanations.clone();
            let state = AdminState::new(status, changes, self.clock, self.log.clone(), scrapes, explanations);
            (bound.socket.try_clone(), admin::router(state, bound.guard.clone()))
        });
        let leaving = self.leaving();
        async move {
            match served {
                Some((socket, router)) => {
                    admin::serve(socket?, router, OpenFiles::of_process().for_admin(), leaving.wait()).await
                }
                None => {
                    leaving.wait().await;
                    Ok(())
                }
            }
        }
    }
}

fn bind(config: &AdminConfig, inherited: &mut Inherited) -> Result<Bound> {
    let guard = Guard::new(config).with_context(|| match &config.token_file {
        Some(file) => format!("admin.token_file: {}", file.display()),
        None => "admin".to_owned(),
    })?;
    let socket = listen(&config.address, Role::Admin, inherited)
        .with_context(|| format!("cannot listen on {} (admin)", config.address))?;
    Ok(Bound { configured: config.address.clone(), socket, guard })
}

/// The inherited socket of this address, or a new one.
pub(super) fn listen(
    address: &Address,
    role: Role,
    inherited: &mut Inherited,
) -> io::Result<ListeningSocket> {
    let taken = inherited.take(role, address).sockets.into_iter().next();
    let socket = taken.map_or_else(|| ListeningSocket::bind(address, SOCKET_MODE), Ok)?;
    socket.set_nonblocking()?;
    Ok(socket)
}
