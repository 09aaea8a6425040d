//! The admin server of a running proxy: its socket, and what it needs beside the proxy's status.

use std::io;
use std::path::Path;
use std::sync::Arc;

use anyhow::Result;
use parking_lot::Mutex;
use pointsman_core::address::Address;
use pointsman_core::clock::Clock;
use tokio::sync::watch;

use crate::admin::{self, AdminState, Guard};
use crate::config::{AdminConfig, ConfigErrors};
use crate::control::change::ChangeQueue;
use crate::control::status::StatusView;
use crate::control::take_over::HandedOver;
use crate::insight::Explanations;
use crate::listener::{BindError, Inherited, ListeningSocket, Role, SocketFile};
use crate::log::LogControls;
use crate::metrics::Scrapes;
use crate::open_files::OpenFiles;

use super::foreseen;

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
    /// If that has a path which is this process's to remove.
    file: Option<Mutex<SocketFile>>,
    guard: Guard,
}

impl AdminServer {
    /// Reads the token, and takes the inherited socket of this address, or binds it.
    pub(super) fn bind(
        config: Option<&AdminConfig>,
        file: &Path,
        inherited: &mut Inherited,
        clock: Clock,
        log: LogControls,
    ) -> Result<Self> {
        let asked = config.filter(|config| !config.explain_from.is_empty());
        let explanations = asked.map(|config| Arc::new(Explanations::new(&config.explain_from)));
        let bound = config.map(|config| bind(config, file, inherited)).transpose()?;
        Ok(Self { bound, clock, log, explanations, leaves: watch::Sender::default() })
    }

    /// Where workers keep why requests went where they went; `None` if nobody may ask for that.
    pub(super) fn explanations(&self) -> Option<&Arc<Explanations>> {
        self.explanations.as_ref()
    }

    /// The servers beside the data path accept nothing more from now on.
    pub(super) fn leave(&self) {
        self.with_file(SocketFile::leave);
        self.leaves.send_replace(true);
    }

    /// The file of a socket that was taken over is removed with it from now on.
    pub(super) fn own_file(&self) {
        self.with_file(SocketFile::own);
    }

    fn with_file(&self, change: impl Fn(&mut SocketFile)) {
        if let Some(file) = self.bound.as_ref().and_then(|bound| bound.file.as_ref()) {
            change(&mut file.lock());
        }
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
        let Some(Bound { configured, socket, file, .. }) = &self.bound else { return Ok(()) };
        let (address, socket) = (configured.clone(), socket.try_clone()?);
        all.push(HandedOver { role: Role::Admin, address, socket, is_lent: file.is_none() });
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
            let counters = admin::follow_counters(&state);
            (bound.socket.try_clone(), admin::router(state, bound.guard.clone()), counters)
        });
        let leaving = self.leaving();
        async move {
            match served {
                Some((socket, router, counters)) => {
                    let most = OpenFiles::of_process().for_admin();
                    tokio::select! {
                        served = admin::serve(socket?, router, most, leaving.wait()) => served,
                        never = counters => match never {},
                    }
                }
                None => {
                    leaving.wait().await;
                    Ok(())
                }
            }
        }
    }
}

fn bind(config: &AdminConfig, file: &Path, inherited: &mut Inherited) -> Result<Bound, ConfigErrors> {
    let guard = foreseen::guard(config, file)?;
    let (socket, file) = listen(&config.address, Role::Admin, inherited)
        .map_err(|error| foreseen::fault(file, config.line, "admin.address", error))?;
    Ok(Bound { configured: config.address.clone(), socket, file: file.map(Mutex::new), guard })
}

/// The inherited socket of this address, or a new one; and its file, if that is this process's. Until it serves, the file of one that was
/// handed over is the process's before.
pub(super) fn listen(
    address: &Address,
    role: Role,
    inherited: &mut Inherited,
) -> Result<(ListeningSocket, Option<SocketFile>), BindError> {
    let taken = inherited.take(role, address);
    let (is_lent, taken) = (taken.is_lent, taken.sockets.into_iter().next());
    let is_new = taken.is_none();
    let socket = taken.map_or_else(|| ListeningSocket::bind(address, SOCKET_MODE), Ok);
    let prepared = socket.and_then(|socket| socket.set_nonblocking().map(|()| socket));
    let socket = prepared.map_err(|error| BindError::new(address, error))?;
    let mut file = match address {
        Address::Unix(path) if !is_lent => SocketFile::at(path),
        _ => None,
    };
    if let Some(file) = file.as_mut().filter(|_| !is_new) {
        file.leave();
    }
    Ok((socket, file))
}
