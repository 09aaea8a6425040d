//! Duplicates of the workers' listening sockets, kept for the process that takes over from this one.

use std::path::Path;
use std::sync::Arc;

use parking_lot::Mutex;
use pointsman_core::address::Address;

use crate::config::{Config, ConfigError, ListenerConfig};
use crate::control::take_over::HandedOver;
use crate::listener::{self, BoundSockets, Inherited, Listener, ListeningSocket, Role, SocketFile};
use crate::open_files::{self, OpenFiles};
use crate::tls::ListenerTls;

/// The listening sockets of the running configuration.
#[derive(Debug, Default)]
pub(super) struct Sockets(Mutex<Held>);

#[derive(Debug, Default)]
struct Held {
    listeners: Vec<HeldListener>,
    /// Whether the process is ending, and keeps no sockets any more.
    closed: bool,
}

#[derive(Debug)]
struct HeldListener {
    /// As it stands in the configuration; the port may be 0.
    configured: Address,
    bound: Address,
    /// Who may connect to a Unix socket.
    mode: u32,
    sockets: BoundSockets,
}

/// A listener that is bound, but doesn't accept yet.
#[derive(Debug)]
pub(super) struct Bound {
    held: HeldListener,
    /// For each worker.
    pub(super) shares: Vec<Vec<ListeningSocket>>,
}

/// Binds the listeners of a configuration, each with its TLS. Those of `before` that stay are kept; what can't be bound goes to `faults`.
pub(super) fn bind(
    config: &Config,
    tls: &[Option<Arc<ListenerTls>>],
    file: &Path,
    workers: usize,
    before: &[(ListenerConfig, Listener)],
    inherited: &mut Inherited,
    faults: &mut Vec<ConfigError>,
) -> Vec<(Listener, Option<Bound>)> {
    let own: Vec<Address> = before.iter().map(|(_, listener)| listener.address.clone()).collect();
    let mut left: Vec<&(ListenerConfig, Listener)> = before.iter().collect();
    let bind = |(index, listener): (usize, &ListenerConfig)| {
        let tls = tls.get(index).cloned().flatten();
        if let Some(place) = left.iter().position(|(old, _)| old.address == listener.address) {
            let (old, active) = left.remove(place);
            let same = old.has_settings_of(listener);
            return Ok((if same { active.clone() } else { active.with(listener, tls) }, None));
        }
        let fault = |message: String| ConfigError {
            file: file.into(),
            line: Some(listener.line),
            key: format!("listener[{index}].address"),
            message,
            hint: String::new(),
        };
        let inherited = inherited.take(Role::Listener, &listener.address);
        let (bound, sockets) = Listener::bind(listener, tls, workers, inherited, &own)
            .map_err(|error| fault(error.to_string()))?;
        let shares = listener::shares(&sockets.sockets, workers)
            .map_err(|error| fault(format!("cannot share its sockets: {error}")))?;
        let held = HeldListener {
            configured: listener.address.clone(),
            bound: bound.address.clone(),
            mode: listener.mode,
            sockets,
        };
        Ok((bound, Some(Bound { held, shares })))
    };
    let bound = config.listeners.iter().enumerate().map(bind);
    bound.filter_map(|bound| bound.map_err(|fault| faults.push(fault)).ok()).collect()
}

/// Sets each listener's limit of connections: the configured one, or what the limit of open files allows.
pub(super) fn limit_connections<'a>(listeners: impl Iterator<Item = &'a Listener>, workers: usize) {
    let listeners: Vec<&Listener> = listeners.collect();
    let wanted: Vec<usize> = listeners.iter().map(|listener| listener.limits.max_connections).collect();
    let files = OpenFiles::of_process();
    let available = files.for_clients(workers, listeners.len());
    for (listener, allowed) in listeners.iter().zip(open_files::divide(available, &wanted)) {
        let before = listener.connections.limit();
        listener.connections.set(allowed);
        if allowed < listener.limits.max_connections && allowed != before {
            let needed = files.needed(wanted.iter().sum(), workers, listeners.len());
            tracing::warn!(
                event = "connection-limit-lowered",
                address = %listener.address,
                max_connections = listener.limits.max_connections,
                allowed,
                open_files = files.limit(),
                "too few open files for max_connections, as each client may need a connection to a backend; raise their \
                 limit (LimitNOFILE= of the service, or ulimit -n) to {needed}, or lower max_connections"
            );
        }
    }
}

/// Closes inherited sockets that nothing has taken.
pub(super) fn close(inherited: Inherited) {
    for address in inherited.left() {
        tracing::warn!(
            event = "inherited-socket-closed", %address,
            "no listener has the address of this inherited socket; it is closed"
        );
    }
}

impl Bound {
    /// Each worker's share, and what is kept.
    fn split(self) -> (HeldListener, Vec<Vec<ListeningSocket>>) {
        (self.held, self.shares)
    }
}

impl HeldListener {
    fn duplicates(&self) -> impl Iterator<Item = std::io::Result<HandedOver>> {
        let is_lent = self.sockets.file.is_none();
        self.sockets.sockets.iter().map(move |socket| {
            let (address, socket) = (self.configured.clone(), socket.try_clone()?);
            Ok(HandedOver { role: Role::Listener, address, socket, is_lent })
        })
    }

    fn set_mode(&mut self, mode: u32) {
        if self.mode == mode {
            return;
        }
        match self.sockets.set_mode(mode) {
            Ok(()) => self.mode = mode,
            Err(error) => tracing::warn!(
                event = "socket-mode-failed", address = %self.bound, %error,
                "cannot change who may connect; the socket stays as it is"
            ),
        }
    }
}

impl Sockets {
    /// Keeps the sockets of these listeners and closes all others. Returns each worker's share of the new ones.
    pub(super) fn keep(
        &self,
        listeners: Vec<(Listener, Option<Bound>)>,
    ) -> Vec<(Listener, Option<Vec<Vec<ListeningSocket>>>)> {
        let mut held = self.0.lock();
        let mut before = std::mem::take(&mut held.listeners);
        let mut kept = Vec::new();
        let shares = listeners.into_iter().map(|(listener, bound)| {
            let place = before.iter().position(|held| held.bound == listener.address);
            let mut old = place.map(|place| before.swap_remove(place));
            if let Some(old) = &mut old {
                old.set_mode(listener.mode);
            }
            let (new, shares) = bound.map(Bound::split).unzip();
            kept.extend(new.or(old));
            (listener, shares)
        });
        let shares = shares.collect();
        if !held.closed {
            held.listeners = kept;
        }
        shares
    }

    /// Closes all, and keeps none from now on. New connections are then refused as soon as the workers stop accepting,
    /// instead of waiting in a queue that nobody reads.
    pub(super) fn close(&self) {
        *self.0.lock() = Held { listeners: Vec::new(), closed: true };
    }

    /// Duplicates for another process, each with the address that is configured for it.
    ///
    /// # Errors
    ///
    /// The process has run out of file descriptors.
    pub(super) fn duplicates(&self) -> std::io::Result<Vec<HandedOver>> {
        let held = self.0.lock();
        held.listeners.iter().flat_map(HeldListener::duplicates).collect()
    }

    /// The files of Unix sockets that were taken over are removed with the sockets from now on.
    pub(super) fn own_files(&self) {
        self.each_file(|file| file.own());
    }

    /// Leaves the files of Unix sockets where they are, whatever becomes of the sockets: another process listens on them.
    pub(super) fn leave_files(&self) {
        self.each_file(|file| file.leave());
    }

    fn each_file(&self, change: impl Fn(&mut SocketFile)) {
        let mut held = self.0.lock();
        held.listeners.iter_mut().filter_map(|listener| listener.sockets.file.as_mut()).for_each(change);
    }

    /// Where the listeners are bound, in the order of the configuration.
    pub(super) fn addresses(&self) -> Vec<Address> {
        self.0.lock().listeners.iter().map(|held| held.bound.clone()).collect()
    }
}
