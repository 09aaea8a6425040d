//! A connection of HTTP/1.1 of the load generator.

use std::io::ErrorKind;
use std::time::Instant;

use super::outcome::Failure;
use super::request::Request;
use super::step::Step;
use crate::bench::response::ResponseReader;
use crate::bench::transport::Transport;

#[derive(Debug)]
pub(super) struct Http1 {
    transport: Transport,
    reader: ResponseReader,
    state: State,
    /// When its last request was sent.
    since: Instant,
}

#[derive(Debug, Clone, Copy)]
enum State {
    /// Without a request.
    Idle,
    /// A request is under way.
    Busy {
        /// When it should have been sent.
        due: Instant,
        /// Bytes of it that were taken.
        sent: usize,
    },
}

impl Http1 {
    pub(super) fn new(transport: Transport) -> Self {
        Self { transport, reader: ResponseReader::default(), state: State::Idle, since: Instant::now() }
    }

    pub(super) fn transport(&self) -> &Transport {
        &self.transport
    }

    /// Gives it a request.
    pub(super) fn begin(&mut self, due: Instant, now: Instant) {
        self.state = State::Busy { due, sent: 0 };
        self.since = now;
    }

    /// Sends as much of its request as the socket takes.
    pub(super) fn send(&mut self, request: &Request) -> Step {
        let State::Busy { sent, .. } = &mut self.state else { return Step::Wait };
        while *sent < request.bytes().len() {
            match self.transport.write(&request.bytes()[*sent..]) {
                Ok(written) => *sent += written,
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::NotConnected) => {
                    break;
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::ConnectionRefused => {
                    return Step::Failed(Failure::Refused);
                }
                Err(_) => return Step::Failed(Failure::Closed),
            }
        }
        Step::Wait
    }

    /// Sends and reads what can be. `ended`: the peer has sent its last byte.
    pub(super) fn go_on(&mut self, ended: bool, request: &Request, buffer: &mut [u8]) -> Step {
        if self.transport.flush().is_err() {
            return self.closed();
        }
        if let Step::Failed(failure) = self.send(request) {
            return Step::Failed(failure);
        }
        loop {
            match self.transport.read(buffer) {
                Ok(0) => return self.closed(),
                Ok(read) => match self.take(&buffer[..read]) {
                    // The end is told once: it has to be looked for beside the last bytes.
                    Step::Wait if ended || self.transport.may_have_more(read, buffer.len()) => {}
                    // With the end of a handshake there is place for more.
                    Step::Wait => return self.send(request),
                    step => return step,
                },
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::NotConnected) => {
                    return self.send(request);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return self.closed(),
            }
        }
    }

    fn closed(&self) -> Step {
        match self.state {
            State::Idle => Step::Ended,
            State::Busy { .. } => Step::Failed(Failure::Closed),
        }
    }

    fn take(&mut self, bytes: &[u8]) -> Step {
        let State::Busy { due, .. } = self.state else { return Step::Failed(Failure::Malformed) };
        match self.reader.take(bytes) {
            Ok(None) => Step::Wait,
            Ok(Some(response)) => {
                self.state = State::Idle;
                Step::Done { due, response }
            }
            Err(_) => Step::Failed(Failure::Malformed),
        }
    }

    pub(super) fn is_busy(&self) -> bool {
        matches!(self.state, State::Busy { .. })
    }

    pub(super) fn since(&self) -> Instant {
        self.since
    }
}
