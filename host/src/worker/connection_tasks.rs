//! The tasks that serve connections. A task whose connection has ended serves another one.
//!
//! The state of a connection lives in its task, about 2 KiB that a task of its own would allocate, move and free for every
//! connection. Measured (`perf stat` of the worker, one request on each of 3,000 connections): 58,900 instructions in user mode for each,
//! and 62,300 with a task for each connection; 98,000 in the kernel either way.

use std::cell::RefCell;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::rc::Rc;
use std::task::{Poll, Waker};

use pointsman_core::clock::Clock;

use crate::drain::DrainGuard;
use crate::listener::{ConnectionPermit, IdleClients, Listener};
use crate::proxy::Current;
use crate::reports::ListenerReports;
use crate::serve;
use crate::socket::Socket;
use crate::stream::Stream;

/// How many idle tasks are kept.
const MOST_IDLE: usize = 64;

/// A worker's connection tasks.
#[derive(Debug)]
pub(super) struct ConnectionTasks {
    current: Rc<Current>,
    idle: RefCell<Vec<Rc<IdleTask>>>,
}

/// An accepted connection.
#[derive(Debug)]
pub(super) struct Accepted {
    /// The listener with the limits for it.
    pub(super) listener: Rc<Listener>,
    /// Its part in the drain.
    pub(super) guard: DrainGuard,
    /// The listener's idle connections, which it is one of while it waits for a request.
    pub(super) idle: Rc<IdleClients>,
    /// Where it is reported.
    pub(super) reports: Rc<ListenerReports>,
    /// Its part in the listener's limit.
    pub(super) permit: ConnectionPermit,
    /// Its socket.
    pub(super) socket: Socket,
    /// The other end.
    pub(super) peer: SocketAddr,
}

/// Where an idle task gets its next connection.
#[derive(Debug)]
struct IdleTask {
    next: RefCell<Option<Accepted>>,
    waker: RefCell<Waker>,
}

impl ConnectionTasks {
    /// No tasks yet. Requests are served with the configuration that is current when they begin.
    pub(super) fn new(current: &Rc<Current>) -> Rc<Self> {
        Rc::new(Self { current: Rc::clone(current), idle: RefCell::default() })
    }

    /// The time.
    pub(super) fn clock(&self) -> Clock {
        self.current.get().deadlines.clock()
    }

    /// Serves a connection. Needs a local tokio runtime.
    pub(super) fn serve(self: &Rc<Self>, accepted: Accepted) {
        let idle = self.idle.borrow_mut().pop();
        if let Some(task) = idle {
            task.next.replace(Some(accepted));
            task.waker.borrow().wake_by_ref();
        } else {
            let waker = RefCell::new(Waker::noop().clone());
            let task = Rc::new(IdleTask { next: RefCell::new(Some(accepted)), waker });
            tokio::task::spawn_local(serve_all(Rc::clone(self), task));
        }
    }
}

async fn serve_all(tasks: Rc<ConnectionTasks>, task: Rc<IdleTask>) {
    loop {
        let Accepted { listener, guard, idle: clients, reports, permit, socket, peer } = task.next().await;
        let stream = Stream::Plain(socket);
        let (current, connected) = (Rc::clone(&tasks.current), reports.worker().vitals.connect());
        serve::connection(current, listener, guard, clients, reports, stream, peer).await;
        drop((permit, connected));
        let mut idle = tasks.idle.borrow_mut();
        if idle.len() == MOST_IDLE {
            return;
        }
        idle.push(Rc::clone(&task));
    }
}

impl IdleTask {
    async fn next(&self) -> Accepted {
        poll_fn(|cx| {
            if let Some(accepted) = self.next.take() {
                return Poll::Ready(accepted);
            }
            self.waker.borrow_mut().clone_from(cx.waker());
            Poll::Pending
        })
        .await
    }
}
