//! The load generator: one thread, its connections in one epoll loop, every response looked at.

use std::collections::VecDeque;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::interrupt::Interrupt;
use super::negotiated::Negotiated;
use super::poller::{Events, Poller};
use super::schedule::Arrivals;
use connection::Connection;
pub(crate) use dialect::Dialect;
pub(crate) use outcome::{Failure, Outcome};
pub(crate) use request::{Request, Reuse};
use step::Step;

mod connection;
mod dialect;
mod http1;
mod http2;
mod outcome;
mod request;
mod step;

/// A request that takes longer has failed.
const PATIENCE: Duration = Duration::from_secs(10);

/// How often the loop looks for requests that take too long.
const LOOK: Duration = Duration::from_millis(100);

/// The address of a client, from 127.0.0.1 on. Each has its own, so that a policy that goes by addresses spreads them over the
/// backends; all of 127.0.0.0/8 is loopback.
fn client(slot: usize) -> Ipv4Addr {
    let slot = u32::try_from(slot % (1 << 24)).unwrap_or_default();
    Ipv4Addr::from_bits(Ipv4Addr::LOCALHOST.to_bits() + slot)
}

/// Connections to a contender.
#[derive(Debug)]
pub(crate) struct Generator<'a> {
    address: SocketAddr,
    reuse: Reuse,
    dialect: Dialect,
    interrupt: &'a Interrupt,
    poller: Poller,
    /// By token. `None`: to be opened when it is needed.
    connections: Vec<Option<Connection>>,
    /// Those that can take a request, longest first; several times if they can take several.
    idle: VecDeque<usize>,
    /// Those that were given requests which are sent together.
    unsent: Vec<usize>,
    /// Of the first connection that has served.
    negotiated: Option<Negotiated>,
    buffer: Vec<u8>,
}

impl<'a> Generator<'a> {
    /// Opens the connections, unless each request has its own, for HTTP/1.1 in clear.
    pub(crate) fn connect(
        address: SocketAddr,
        count: usize,
        reuse: Reuse,
        interrupt: &'a Interrupt,
    ) -> Result<Self> {
        Self::speak(&Dialect::plain(), address, count, reuse, interrupt)
    }

    /// The same, for this.
    pub(crate) fn speak(
        dialect: &Dialect,
        address: SocketAddr,
        count: usize,
        reuse: Reuse,
        interrupt: &'a Interrupt,
    ) -> Result<Self> {
        let mut generator = Self {
            address,
            reuse,
            dialect: dialect.clone(),
            interrupt,
            poller: Poller::new()?,
            connections: (0..count).map(|_| None).collect(),
            idle: (0..dialect.speech.streams()).flat_map(|_| 0..count).collect(),
            unsent: Vec::new(),
            negotiated: None,
            buffer: vec![0; 256 * 1024],
        };
        if reuse == Reuse::KeepAlive {
            for slot in 0..count {
                generator.open(slot).context("cannot connect to the contender")?;
            }
        }
        Ok(generator)
    }

    /// Offers requests and waits for all responses. No request is under way before or after.
    ///
    /// # Errors
    /// It was interrupted, or the system refuses sockets.
    pub(crate) fn run(&mut self, request: &Request, arrivals: Arrivals) -> Result<Outcome> {
        let mut outcome = Outcome::new()?;
        let mut events = Events::default();
        // Connections that the contender has closed meanwhile.
        self.poller.wait_about(&mut events, Duration::ZERO)?;
        for ready in events.iter() {
            self.go_on(ready.token as usize, ready.ended, request, &mut outcome);
        }
        let start = Instant::now();
        // An overloaded contender makes an open loop late; at twice its time the rest isn't sent.
        let give_up = start + arrivals.length().map_or(Duration::from_secs(120), |length| length * 2 + LOOK);
        let (mut sent, mut next_look) = (0, start + LOOK);
        loop {
            let now = Instant::now();
            if now >= next_look {
                self.interrupt.check()?;
                self.drop_overdue(now, &mut outcome);
                next_look = now + LOOK;
            }
            let mut due = None;
            while !self.idle.is_empty() && now < give_up {
                due = arrivals.due(sent, now.saturating_duration_since(start)).map(|due| start + due);
                let Some(now_due) = due.filter(|&due| due <= now) else { break };
                let Some(slot) = self.idle.pop_front() else { break };
                sent += 1;
                self.send(slot, request, now_due, now, &mut outcome)?;
                due = None;
            }
            self.send_together(request, &mut outcome);
            if due.is_none() && self.idle.len() == self.requests_at_a_time() {
                let more = arrivals.due(sent, now.saturating_duration_since(start)).is_some();
                if !more || now >= give_up {
                    break;
                }
            }
            match due {
                Some(due) => self.poller.wait_until(&mut events, due.min(next_look))?,
                None => self.poller.wait_about(&mut events, LOOK)?,
            }
            for ready in events.iter() {
                let slot = ready.token as usize;
                self.go_on(slot, ready.ended, request, &mut outcome);
            }
        }
        outcome.finish(start.elapsed(), arrivals, sent);
        Ok(outcome)
    }

    fn open(&mut self, slot: usize) -> io::Result<()> {
        let from = (self.reuse == Reuse::KeepAlive).then(|| client(slot));
        let connection = Connection::open(self.address, from, &self.dialect)?;
        self.poller.add(connection.stream(), slot as u64)?;
        self.connections[slot] = Some(connection);
        Ok(())
    }

    fn send(
        &mut self,
        slot: usize,
        request: &Request,
        due: Instant,
        now: Instant,
        outcome: &mut Outcome,
    ) -> Result<()> {
        if self.connections[slot].is_none()
            && let Err(error) = self.open(slot)
        {
            if error.kind() != io::ErrorKind::ConnectionRefused {
                bail!("cannot connect to the contender: {error}");
            }
            outcome.fail(Failure::Refused);
            self.idle.push_back(slot);
            return Ok(());
        }
        let Some(connection) = &mut self.connections[slot] else { return Ok(()) };
        connection.begin(request, due, now);
        if self.dialect.speech.is_http2() {
            self.unsent.push(slot);
        } else if let Step::Failed(failure) = connection.send(request) {
            self.fail(slot, failure, outcome);
        }
        Ok(())
    }

    /// Sends what connections of HTTP/2 were given, the requests of each at once.
    fn send_together(&mut self, request: &Request, outcome: &mut Outcome) {
        let mut unsent = std::mem::take(&mut self.unsent);
        for slot in unsent.drain(..) {
            let Some(connection) = &mut self.connections[slot] else { continue };
            if let Step::Failed(failure) = connection.send(request) {
                self.fail(slot, failure, outcome);
            }
        }
        self.unsent = unsent;
    }

    /// Ends a connection, with whatever is on it.
    fn fail(&mut self, slot: usize, failure: Failure, outcome: &mut Outcome) {
        let Some(connection) = self.connections[slot].take() else { return };
        (0..connection.in_flight().max(1)).for_each(|_| outcome.fail(failure));
        self.idle.extend((0..self.unqueued(&connection)).map(|_| slot));
    }

    /// How often a connection isn't in the queue, though it will be. One that serves a single request makes place when it is closed.
    fn unqueued(&self, connection: &Connection) -> usize {
        match self.reuse {
            Reuse::KeepAlive => connection.in_flight(),
            Reuse::NewEachTime => 1,
        }
    }

    /// As many as all connections together can take.
    fn requests_at_a_time(&self) -> usize {
        self.connections.len() * self.dialect.speech.streams()
    }

    /// What was agreed on, once a request was served over TLS.
    pub(crate) fn negotiated(&self) -> Option<&Negotiated> {
        self.negotiated.as_ref()
    }

    /// Something happened on a connection. `ended`: the contender has sent its last byte.
    fn go_on(&mut self, slot: usize, ended: bool, request: &Request, outcome: &mut Outcome) {
        let keep_alive = self.reuse == Reuse::KeepAlive;
        loop {
            let Some(connection) = &mut self.connections[slot] else { return };
            match connection.go_on(ended, request, &mut self.buffer) {
                Step::Wait => return,
                Step::Ended => {
                    // One that is kept for later is in the queue already.
                    self.idle.extend((!keep_alive).then_some(slot));
                    self.connections[slot] = None;
                    outcome.reopened += u64::from(keep_alive);
                }
                Step::Done { due, response } => {
                    match request.check(&response) {
                        Ok(()) => outcome.succeed(due.elapsed()),
                        Err(failure) => outcome.fail(failure),
                    }
                    if self.negotiated.is_none() {
                        self.negotiated = connection.negotiated();
                    }
                    let is_http1 = matches!(connection, Connection::Http1(_));
                    // What announces its end takes no further request; one that serves a single request is waited for.
                    let closed = is_http1 && (ended || (response.closes && keep_alive));
                    if closed {
                        self.connections[slot] = None;
                        outcome.reopened += u64::from(keep_alive);
                    }
                    self.idle.extend((closed || keep_alive).then_some(slot));
                    if is_http1 {
                        return;
                    }
                }
                Step::Failed(failure) => {
                    self.fail(slot, failure, outcome);
                    outcome.reopened += u64::from(keep_alive);
                }
            }
        }
    }

    fn drop_overdue(&mut self, now: Instant, outcome: &mut Outcome) {
        for slot in 0..self.connections.len() {
            let Some(connection) = &self.connections[slot] else { continue };
            let waited_for = self.unqueued(connection) > 0;
            if waited_for && now.saturating_duration_since(connection.since()) > PATIENCE {
                self.fail(slot, Failure::TimedOut, outcome);
            }
        }
    }
}

#[cfg(test)]
mod tests;
