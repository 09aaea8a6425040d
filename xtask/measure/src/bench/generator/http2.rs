//! A connection of HTTP/2 of the load generator: several requests at a time, each on a stream.

use std::collections::VecDeque;
use std::io::ErrorKind;
use std::time::Instant;

use super::outcome::Failure;
use super::request::Request;
use super::step::Step;
use crate::bench::hpack::{Field, Table};
use crate::bench::response::{KEPT, Response};
use crate::bench::transport::Transport;
use crate::http2::{
    DATA, END_HEADERS, END_STREAM, Frame, GOAWAY, HEADERS, PING, PREFACE, RST_STREAM, SETTINGS, SETTINGS_ACK,
    WINDOW_UPDATE, put_frame,
};

/// Windows are never what is waited for: a gigabyte for each stream, and for all together again when half of it is used.
const WINDOW: u32 = 1 << 30;

/// Settings: nothing is pushed, and windows of streams.
const OUR_SETTINGS: [u8; 12] = [0, 2, 0, 0, 0, 0, 0, 4, 0x40, 0, 0, 0];

#[derive(Debug)]
pub(super) struct Http2 {
    transport: Transport,
    unsent: Vec<u8>,
    /// The beginning of a frame that hasn't come whole.
    partial: Vec<u8>,
    /// Requests that were begun.
    begun: u32,
    /// For calls: the fields that responses have had.
    table: Option<Table>,
    /// Requests under way, oldest first.
    streams: VecDeque<Stream>,
    /// Responses that weren't handed out yet.
    finished: VecDeque<(Instant, Response)>,
    /// Bytes of bodies since the connection's window was last opened.
    received: u32,
    /// When its last request was sent.
    since: Instant,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Something has to happen on the socket.
    Waiting,
    /// All that had come was read, and is handed out.
    Read,
    /// The same, and the peer sends nothing more.
    Closed,
}

/// A request under way.
#[derive(Debug)]
struct Stream {
    id: u32,
    due: Instant,
    sent: Instant,
    response: Response,
}

impl Http2 {
    /// Of requests, or of gRPC calls.
    pub(super) fn new(transport: Transport, of_calls: bool) -> Self {
        let mut unsent = PREFACE.to_vec();
        put_frame(&mut unsent, SETTINGS, 0, 0, &OUR_SETTINGS);
        put_frame(&mut unsent, WINDOW_UPDATE, 0, 0, &WINDOW.to_be_bytes());
        Self {
            transport,
            unsent,
            partial: Vec::new(),
            begun: 0,
            table: of_calls.then(Table::default),
            streams: VecDeque::new(),
            finished: VecDeque::new(),
            received: 0,
            since: Instant::now(),
            state: State::Waiting,
        }
    }

    pub(super) fn transport(&self) -> &Transport {
        &self.transport
    }

    pub(super) fn in_flight(&self) -> usize {
        self.streams.len() + self.finished.len()
    }

    pub(super) fn since(&self) -> Instant {
        self.streams.front().map_or(self.since, |stream| stream.sent)
    }

    /// Gives it a request, to be sent together with others.
    pub(super) fn begin(&mut self, request: &Request, due: Instant, now: Instant) {
        let (id, blocks) = (self.begun * 2 + 1, request.blocks());
        let block = if self.begun == 0 { &blocks.first } else { &blocks.next };
        self.begun += 1;
        if blocks.body.is_empty() {
            put_frame(&mut self.unsent, HEADERS, END_STREAM | END_HEADERS, id, block);
        } else {
            put_frame(&mut self.unsent, HEADERS, END_HEADERS, id, block);
            put_frame(&mut self.unsent, DATA, END_STREAM, id, &blocks.body);
        }
        self.streams.push_back(Stream { id, due, sent: now, response: Response::new(0) });
        self.since = now;
    }

    pub(super) fn send(&mut self) -> Step {
        let mut sent = 0;
        while sent < self.unsent.len() {
            match self.transport.write(&self.unsent[sent..]) {
                Ok(written) => sent += written,
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
        self.unsent.drain(..sent);
        Step::Wait
    }

    /// Reads all that has come, and hands out one response with each call until there is none.
    pub(super) fn go_on(&mut self, ended: bool, buffer: &mut [u8]) -> Step {
        if self.state == State::Waiting {
            match self.read_all(ended, buffer) {
                Ok(state) => self.state = state,
                Err(failure) => return Step::Failed(failure),
            }
        }
        if let Some((due, response)) = self.finished.pop_front() {
            return Step::Done { due, response };
        }
        if self.state == State::Closed {
            return if self.streams.is_empty() { Step::Ended } else { Step::Failed(Failure::Closed) };
        }
        self.state = State::Waiting;
        Step::Wait
    }

    fn read_all(&mut self, ended: bool, buffer: &mut [u8]) -> Result<State, Failure> {
        if self.transport.flush().is_err() {
            return Ok(State::Closed);
        }
        if let Step::Failed(failure) = self.send() {
            return Err(failure);
        }
        loop {
            match self.transport.read(buffer) {
                Ok(0) => return Ok(State::Closed),
                Ok(read) => {
                    self.take(&buffer[..read])?;
                    if !ended && !self.transport.may_have_more(read, buffer.len()) {
                        break;
                    }
                }
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::NotConnected) => {
                    break;
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return Ok(State::Closed),
            }
        }
        if let Step::Failed(failure) = self.send() {
            return Err(failure);
        }
        Ok(State::Read)
    }

    fn take(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        let mut partial = std::mem::take(&mut self.partial);
        partial.extend_from_slice(bytes);
        let mut taken = 0;
        while let Some(frame) = Frame::parse(&partial[taken..]) {
            self.take_frame(&frame)?;
            taken += frame.length();
        }
        partial.drain(..taken);
        self.partial = partial;
        Ok(())
    }

    fn take_frame(&mut self, frame: &Frame<'_>) -> Result<(), Failure> {
        match frame.kind {
            SETTINGS if frame.flags == 0 => self.unsent.extend_from_slice(SETTINGS_ACK),
            PING if frame.flags == 0 => put_frame(&mut self.unsent, PING, 1, 0, frame.payload),
            HEADERS | DATA => return self.take_response(frame),
            // Nothing is on the connection that the peer would have to refuse.
            RST_STREAM => return Err(Failure::Closed),
            GOAWAY if !self.streams.is_empty() => return Err(Failure::Closed),
            _ => {}
        }
        Ok(())
    }

    fn take_response(&mut self, frame: &Frame<'_>) -> Result<(), Failure> {
        let place = self.streams.iter().position(|stream| stream.id == frame.stream);
        let place = place.ok_or(Failure::Malformed)?;
        let response = &mut self.streams[place].response;
        if frame.kind == HEADERS {
            // The first are the response's, others are trailers.
            let is_first = response.status == 0;
            if is_first {
                response.status = status(frame.payload);
            }
            if let Some(table) = &mut self.table {
                let said = table.read(frame.block().ok_or(Failure::Malformed)?, !is_first);
                response.called = succeeded(&said.map_err(|_| Failure::Malformed)?);
            }
        } else {
            if let Some(kept) = usize::try_from(response.length).ok().filter(|&kept| kept < KEPT) {
                let more = frame.payload.len().min(KEPT - kept);
                response.start[kept..kept + more].copy_from_slice(&frame.payload[..more]);
            }
            response.length += frame.payload.len() as u64;
            self.received += u32::try_from(frame.payload.len()).unwrap_or(u32::MAX);
            if self.received > WINDOW / 2 {
                put_frame(&mut self.unsent, WINDOW_UPDATE, 0, 0, &self.received.to_be_bytes());
                self.received = 0;
            }
        }
        if frame.flags & END_STREAM != 0
            && let Some(stream) = self.streams.remove(place)
        {
            self.finished.push_back((stream.due, stream.response));
        }
        Ok(())
    }
}

/// 200 if the block begins with what stands for that in everybody's table (RFC 7541 appendix A), behind new sizes of the table.
fn status(block: &[u8]) -> u16 {
    let first = block.iter().find(|byte| **byte & 0xe0 != 0x20);
    if first == Some(&0x88) { 200 } else { 1 }
}

/// Whether trailers say that a call has succeeded.
fn succeeded(trailers: &[Field]) -> bool {
    trailers.iter().any(|(name, value)| name == b"grpc-status" && value == b"0")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_status_0_is_a_success_of_a_call() {
        let field = |name: &str, value: &str| (name.as_bytes().to_vec(), value.as_bytes().to_vec());
        assert!(succeeded(&[field("grpc-message", ""), field("grpc-status", "0")]));
        assert!(!succeeded(&[field("grpc-status", "14")]));
        assert!(!succeeded(&[field("x-grpc-status", "0")]));
        assert!(!succeeded(&[]));
    }

    #[test]
    fn only_the_status_200_is_a_success() {
        assert_eq!(status(b"\x88\x61"), 200);
        assert_eq!(status(b"\x20\x88"), 200);
        assert_eq!(status(b"\x8d"), 1, "404");
        assert_eq!(status(b"\x48\x03502"), 1);
        assert_eq!(status(b""), 1);
    }
}
