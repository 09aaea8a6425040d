//! The admin server of a running proxy: its socket, and what it needs beside the proxy's status.

use std::convert::Infallible;
use std::net::{SocketAddr, TcpListener};

use anyhow::{Context, Result};
use pointsman_core::clock::Clock;

use crate::admin::{self, AdminState};
use crate::control::status::StatusView;
use crate::listener::{Inherited, Role};
use crate::log::LogControls;
use crate::open_files::OpenFiles;

/// The admin server, if one is configured.
#[derive(Debug)]
pub(super) struct AdminServer {
    /// The address that is configured for it, and its socket.
    bound: Option<(SocketAddr, TcpListener)>,
    clock: Clock,
    log: LogControls,
}

impl AdminServer {
    /// Takes the inherited socket of this address, or binds it.
    pub(super) fn bind(
        address: Option<SocketAddr>,
        inherited: &mut Inherited,
        clock: Clock,
        log: LogControls,
    ) -> Result<Self> {
        let bind = |address: SocketAddr| {
            let socket = match inherited.take(Role::Admin, address).into_iter().next() {
                Some(socket) => socket,
                None => {
                    admin::bind(address).with_context(|| format!("cannot listen on {address} (admin)"))?
                }
            };
            socket.set_nonblocking(true)?;
            anyhow::Ok((address, socket))
        };
        Ok(Self { bound: address.map(bind).transpose()?, clock, log })
    }

    pub(super) fn log_address(&self) -> Result<()> {
        if let Some((_, socket)) = &self.bound {
            tracing::info!(event = "admin-bound", address = %socket.local_addr()?, "admin listening");
        }
        Ok(())
    }

    /// A duplicate of the socket, with the address that is configured for it.
    pub(super) fn duplicate(&self) -> std::io::Result<Option<(SocketAddr, TcpListener)>> {
        self.bound.as_ref().map(|(address, socket)| Ok((*address, socket.try_clone()?))).transpose()
    }

    /// Serves, if there is something to serve at. Never ends but by an error.
    pub(super) fn serve(
        &self,
        status: StatusView,
    ) -> impl Future<Output = std::io::Result<Infallible>> + use<> {
        let socket = self.bound.as_ref().map(|(_, socket)| socket.try_clone());
        let router = admin::router(AdminState::new(status, self.clock, self.log.clone()));
        async move {
            if let Some(socket) = socket {
                admin::serve(socket?, router, OpenFiles::of_process().for_admin()).await?;
            }
            std::future::pending().await
        }
    }
}
