//! The tasks that serve connections, each one after another.
//!
//! What a connection keeps on its way lives in its task, which is some kilobytes. Making and moving them for every
//! connection costs more than accepting it.

use std::cell::RefCell;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::rc::Rc;
use std::task::{Poll, Waker};

use pointsman_core::clock::Clock;
use tokio::net::TcpStream;

use crate::drain::DrainGuard;
use crate::listener::{ConnectionPermit, IdleClients, Listener};
use crate::proxy::Current;
use crate::serve;

/// So many tasks are kept for connections to come.
const SPARE: usize = 64;

/// A worker's tasks.
#[derive(Debug)]
pub(super) struct Crew {
    current: Rc<Current>,
    spare: RefCell<Vec<Rc<Post>>>,
}

/// A connection that was accepted.
#[derive(Debug)]
pub(super) struct Accepted {
    /// Where, and with which limits.
    pub(super) listener: Rc<Listener>,
    /// Its part in the drain.
    pub(super) guard: DrainGuard,
    /// Those who wait for a request as it will.
    pub(super) idle: Rc<IdleClients>,
    /// Its part in the listener's limit.
    pub(super) permit: ConnectionPermit,
    /// Its socket.
    pub(super) stream: TcpStream,
    /// The other end.
    pub(super) peer: SocketAddr,
}

/// Where a task that has nothing to do gets its next connection from.
#[derive(Debug)]
struct Post {
    next: RefCell<Option<Accepted>>,
    waker: RefCell<Waker>,
}

impl Crew {
    /// No tasks yet. Connections are served with what is current when their requests begin.
    pub(super) fn new(current: &Rc<Current>) -> Rc<Self> {
        Rc::new(Self { current: Rc::clone(current), spare: RefCell::default() })
    }

    /// The time.
    pub(super) fn clock(&self) -> Clock {
        self.current.get().deadlines.clock()
    }

    /// Serves a connection. Needs a local tokio runtime.
    pub(super) fn serve(self: &Rc<Self>, accepted: Accepted) {
        let spare = self.spare.borrow_mut().pop();
        if let Some(post) = spare {
            post.next.replace(Some(accepted));
            post.waker.borrow().wake_by_ref();
        } else {
            let waker = RefCell::new(Waker::noop().clone());
            let post = Rc::new(Post { next: RefCell::new(Some(accepted)), waker });
            tokio::task::spawn_local(serve_all(Rc::clone(self), post));
        }
    }
}

async fn serve_all(crew: Rc<Crew>, post: Rc<Post>) {
    loop {
        let Accepted { listener, guard, idle, permit, stream, peer } = post.next().await;
        serve::connection(Rc::clone(&crew.current), listener, guard, idle, stream, peer).await;
        drop(permit);
        let mut spare = crew.spare.borrow_mut();
        if spare.len() == SPARE {
            return;
        }
        spare.push(Rc::clone(&post));
    }
}

impl Post {
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
