//! One listener on one worker: from accept to the end of its connections.

use std::cell::RefCell;
use std::io;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use pointsman_core::local::Local;
use pointsman_core::reminder::Reminder;
use tokio::task::JoinHandle;

use super::connection_tasks::{Accepted, ConnectionTasks};
use super::incoming::Incoming;
use crate::drain::Drain;
use crate::listener::{ConnectionPermit, IdleClients, Listener, ListeningSocket};
use crate::open_files::OpenFiles;
use crate::reports::{ListenerReports, WorkerReports};

/// How long accepting pauses when the process has run out of file descriptors or memory.
const EXHAUSTED_PAUSE: Duration = Duration::from_millis(100);

/// The same if an idle connection is closed to make room.
const ROOM_PAUSE: Duration = Duration::from_millis(5);

/// How often another idle connection is closed for a client that found no room, if closing the one before didn't help.
const ASK_AGAIN: Duration = Duration::from_millis(50);

/// A listener that accepts, with its connections.
#[derive(Debug)]
pub(super) struct Acceptor {
    shared: Rc<Shared>,
    tasks: Vec<JoinHandle<()>>,
    /// Closes idle connections when others need the room.
    making_room: JoinHandle<()>,
    /// Ends connections whose clients were authenticated in another way than clients are now.
    authentication: RefCell<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    /// The settings for the next connection.
    listener: RefCell<Rc<Listener>>,
    connection_tasks: Rc<ConnectionTasks>,
    drain: Drain,
    idle: Rc<IdleClients>,
    reports: Rc<ListenerReports>,
    /// Connections that couldn't be accepted.
    exhausted: Reminder,
}

impl Acceptor {
    /// Accepts on these sockets. Needs a local tokio runtime.
    ///
    /// # Errors
    ///
    /// The event loop doesn't take a socket.
    pub(super) fn start(
        listener: Listener,
        sockets: Vec<ListeningSocket>,
        connection_tasks: &Rc<ConnectionTasks>,
        reports: &Rc<WorkerReports>,
    ) -> io::Result<Self> {
        let sockets: Vec<Incoming> = sockets.into_iter().map(Incoming::new).collect::<io::Result<_>>()?;
        let idle = IdleClients::new(&listener.connections);
        let counts = Local::new(Arc::clone(&listener.counts));
        let reports = ListenerReports::new(reports, counts, listener.configured.clone());
        let shared = Rc::new(Shared {
            listener: RefCell::new(Rc::new(listener)),
            connection_tasks: Rc::clone(connection_tasks),
            drain: Drain::default(),
            idle: Rc::clone(&idle),
            reports,
            exhausted: Reminder::default(),
        });
        let accept = |socket| tokio::task::spawn_local(accept(Rc::clone(&shared), socket));
        let tasks = sockets.into_iter().map(accept).collect();
        let clock = connection_tasks.clock();
        let making_room = tokio::task::spawn_local(async move { idle.make_room(clock).await });
        let authentication = RefCell::new(follow_authentication(&shared));
        Ok(Self { shared, tasks, making_room, authentication })
    }

    /// Whether this accepts for a listener, whatever its limits.
    pub(super) fn is_for(&self, listener: &Listener) -> bool {
        Arc::ptr_eq(&self.shared.listener.borrow().connections, &listener.connections)
    }

    /// Applies other settings to new connections. Those whose clients would be authenticated in another way, or whose requests would be
    /// taken in another way, come to an end.
    pub(super) fn set_listener(&self, listener: Listener) {
        let before = self.shared.listener.replace(Rc::new(listener));
        let now = self.shared.listener.borrow();
        if !now.takes_requests_as(&before) || !now.authenticates_as(&before) {
            self.shared.drain.end_present();
        }
        let has_same_tls = match (&before.tls, &now.tls) {
            (Some(before), Some(now)) => Arc::ptr_eq(before, now),
            (None, None) => true,
            _ => false,
        };
        drop(now);
        if !has_same_tls {
            self.authentication.replace(follow_authentication(&self.shared)).abort();
        }
    }

    /// Accepts on, and asks clients to come back elsewhere.
    pub(super) fn leave(&self) {
        self.shared.drain.leave();
    }

    /// Accepts only what the kernel has already accepted, and ends the connections.
    pub(super) fn start_drain(&self) {
        self.shared.drain.start();
    }

    /// Connections at this moment.
    pub(super) fn connections(&self) -> usize {
        self.shared.drain.connections()
    }

    /// Whether a drain has come to its end.
    pub(super) fn is_over(&self) -> bool {
        self.tasks.iter().all(JoinHandle::is_finished) && self.connections() == 0
    }

    /// Waits for the end of a drain.
    pub(super) async fn finished(&mut self) {
        for task in &mut self.tasks {
            // It can only panic together with a connection, which then has ended.
            let _ = task.await;
        }
        self.tasks.clear();
        self.shared.drain.finished().await;
    }
}

impl Drop for Acceptor {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
        self.making_room.abort();
        self.authentication.get_mut().abort();
    }
}

/// Ends the connections of each moment at which clients are authenticated in another way from then on.
fn follow_authentication(shared: &Rc<Shared>) -> JoinHandle<()> {
    // Heard from now on, whenever the task gets its turn.
    let authentication = shared.listener.borrow().tls.as_ref().map(|tls| tls.authentication());
    let shared = Rc::clone(shared);
    tokio::task::spawn_local(async move {
        let Some(mut authentication) = authentication else { return };
        while authentication.changed().await.is_ok() {
            shared.drain.end_present();
        }
    })
}

/// Accepts until the drain begins, and then the connections that the kernel has already accepted.
async fn accept(shared: Rc<Shared>, socket: Incoming) {
    let mut exhausted = false;
    loop {
        let accepted = tokio::select! {
            biased;
            accepted = socket.accept() => accepted,
            () = shared.drain.started() => return,
        };
        let listener = Rc::clone(&shared.listener.borrow());
        match accepted {
            Ok((socket, peer)) => {
                // After accepting: a worker without clients must not keep a permit from those that have some. An accepted
                // connection is served, drain or not.
                let permit = match listener.connections.try_acquire() {
                    Some(permit) => permit,
                    None => shared.wait_for_room(&listener).await,
                };
                // Waiting may have taken long; the settings may be others.
                let listener = Rc::clone(&shared.listener.borrow());
                let (guard, idle) = (shared.drain.guard(), Rc::clone(&shared.idle));
                let reports = Rc::clone(&shared.reports);
                reports.count().connections.add(1);
                shared.connection_tasks.serve(Accepted {
                    listener,
                    guard,
                    idle,
                    reports,
                    permit,
                    socket,
                    peer,
                });
                if std::mem::take(&mut exhausted) {
                    // The other file that was freed is for its backend, so it gets its turn before another client is accepted.
                    tokio::task::yield_now().await;
                }
            }
            Err(error) if is_about_the_peer(&error) => {}
            Err(error) => {
                exhausted = true;
                shared.pause(&listener, &error).await;
            }
        }
    }
}

impl Shared {
    /// Waits for room for a client. The connection that has been idle for the longest is closed to make room.
    async fn wait_for_room(&self, listener: &Listener) -> ConnectionPermit {
        let connections = &listener.connections;
        let mut room = pin!(connections.acquire());
        let clock = self.connection_tasks.clock();
        if let Some(clients) = connections.count_shortage(clock.now()) {
            tracing::warn!(
                event = "connection-limit-reached",
                address = %listener.address,
                limit = connections.limit(),
                clients,
                "no room for new clients: the longest idle ones are closed, or else the new ones wait"
            );
        }
        loop {
            connections.ask_for_room(clock.now());
            tokio::select! {
                biased;
                permit = &mut room => return permit,
                () = tokio::time::sleep(ASK_AGAIN) => {}
            }
        }
    }

    /// Pauses, because the system has no file or memory for another connection.
    async fn pause(&self, listener: &Listener, error: &io::Error) {
        let now = self.connection_tasks.clock().now();
        if let Some(times) = self.exhausted.count(now) {
            let open_files = OpenFiles::of_process().limit();
            tracing::warn!(
                event = "accept-failed", address = %listener.address, %error, open_files, times,
                "cannot accept; pausing"
            );
        }
        // One for the client, one for its backend.
        let makes_room = listener.connections.ask_for_room(now) && listener.connections.ask_for_room(now);
        tokio::time::sleep(if makes_room { ROOM_PAUSE } else { EXHAUSTED_PAUSE }).await;
    }
}

/// The connection is gone before it was accepted; the next one is unaffected.
fn is_about_the_peer(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset | io::ErrorKind::Interrupted
    )
}
