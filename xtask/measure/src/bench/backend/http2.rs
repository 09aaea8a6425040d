//! A backend's side of HTTP/2: each request is answered when it is whole.

use std::io::ErrorKind;
use std::sync::atomic::Ordering;

use super::answer::{Answer, Answers};
use super::request::Malformed;
use super::shared::{Kept, Shared};
use crate::bench::hpack::{Field, Table};
use crate::bench::transport::Transport;
use crate::http2::{
    DATA, END_HEADERS, END_STREAM, Frame, HEADERS, PING, PREFACE, SETTINGS, SETTINGS_ACK, WINDOW_UPDATE,
    put_frame,
};

/// What the peer may send on a connection before it is told that it may send more; half of it is told at a time.
const WINDOW: u32 = 1 << 30;

/// A connection of HTTP/2 to a backend, whose responses have twelve bytes, or one message of as many.
#[derive(Debug)]
pub(super) struct Http2 {
    backend: usize,
    unsent: Vec<u8>,
    /// The beginning of a frame that hasn't come whole.
    partial: Vec<u8>,
    /// Whether the preface has come.
    begun: bool,
    table: Table,
    answers: Answers,
    /// Requests whose bodies aren't whole, by stream, and what has come of those.
    open: Vec<(u32, u64)>,
    /// Bytes of bodies since the connection's window was last opened.
    received: u32,
    /// What may be sent on the connection. Responses are small: peers that open it in time never let it run out.
    window: i64,
}

impl Http2 {
    pub(super) fn new(backend: usize, answer: Answer) -> Self {
        let mut unsent = Vec::new();
        put_frame(&mut unsent, SETTINGS, 0, 0, &[]);
        put_frame(&mut unsent, WINDOW_UPDATE, 0, 0, &WINDOW.to_be_bytes());
        Self {
            backend,
            unsent,
            partial: Vec::new(),
            begun: false,
            table: Table::default(),
            answers: Answers::new(answer),
            open: Vec::new(),
            received: 0,
            window: 65_535,
        }
    }

    fn is_idle(&self) -> bool {
        self.open.is_empty() && self.unsent.is_empty()
    }

    /// Sends and reads what can be, until the socket is empty. Answers whether the connection stays open.
    pub(super) fn turn(
        &mut self,
        transport: &mut Transport,
        shared: &Shared,
        buffer: &mut [u8],
    ) -> Result<bool, Malformed> {
        loop {
            match transport.read(buffer) {
                Ok(0) if self.is_idle() => return Ok(false),
                Ok(0) => return Err(Malformed),
                Ok(read) => {
                    self.take(&buffer[..read], shared)?;
                    if !transport.may_have_more(read, buffer.len()) {
                        break;
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) if self.is_idle() => return Ok(false),
                Err(_) => return Err(Malformed),
            }
        }
        self.send(transport)?;
        Ok(true)
    }

    fn send(&mut self, transport: &mut Transport) -> Result<(), Malformed> {
        let mut sent = 0;
        while sent < self.unsent.len() {
            match transport.write(&self.unsent[sent..]) {
                Ok(written) => sent += written,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return Err(Malformed),
            }
        }
        self.unsent.drain(..sent);
        Ok(())
    }

    fn take(&mut self, bytes: &[u8], shared: &Shared) -> Result<(), Malformed> {
        let mut partial = std::mem::take(&mut self.partial);
        partial.extend_from_slice(bytes);
        let mut taken = 0;
        if !self.begun && partial.len() >= PREFACE.len() {
            if !partial.starts_with(PREFACE) {
                return Err(Malformed);
            }
            (self.begun, taken) = (true, PREFACE.len());
        }
        while self.begun
            && let Some(frame) = Frame::parse(&partial[taken..])
        {
            self.take_frame(&frame, shared)?;
            taken += frame.length();
        }
        partial.drain(..taken);
        self.partial = partial;
        Ok(())
    }

    fn take_frame(&mut self, frame: &Frame<'_>, shared: &Shared) -> Result<(), Malformed> {
        match frame.kind {
            SETTINGS if frame.flags == 0 => {
                self.answers.take_settings(frame.payload)?;
                self.unsent.extend_from_slice(SETTINGS_ACK);
            }
            PING if frame.flags == 0 => put_frame(&mut self.unsent, PING, 1, 0, frame.payload),
            WINDOW_UPDATE if frame.stream == 0 => {
                let more: [u8; 4] = frame.payload.try_into().map_err(|_| Malformed)?;
                self.window += i64::from(u32::from_be_bytes(more));
            }
            HEADERS if frame.flags & END_HEADERS == 0 => return Err(Malformed),
            HEADERS => {
                let keep = shared.wanted.swap(false, Ordering::AcqRel);
                let block = frame.block().ok_or(Malformed)?;
                let fields = self.table.read(block, keep).map_err(|_| Malformed)?;
                if keep && let Ok(mut kept) = shared.kept.lock() {
                    *kept = Some(Kept { head: head(&fields), negotiated: None });
                }
                if frame.flags & END_STREAM == 0 {
                    self.open.push((frame.stream, 0));
                } else {
                    self.answer(frame.stream, 0, shared)?;
                }
            }
            DATA => self.take_body(frame, shared)?,
            _ => {}
        }
        Ok(())
    }

    fn take_body(&mut self, frame: &Frame<'_>, shared: &Shared) -> Result<(), Malformed> {
        let bytes = u32::try_from(frame.payload.len()).map_err(|_| Malformed)?;
        self.received += bytes;
        if self.received > WINDOW / 2 {
            put_frame(&mut self.unsent, WINDOW_UPDATE, 0, 0, &self.received.to_be_bytes());
            self.received = 0;
        }
        let place = self.open.iter().position(|(stream, _)| *stream == frame.stream).ok_or(Malformed)?;
        self.open[place].1 += u64::from(bytes);
        if frame.flags & END_STREAM != 0 {
            let (stream, received) = self.open.swap_remove(place);
            self.answer(stream, received, shared)?;
        }
        Ok(())
    }

    fn answer(&mut self, stream: u32, received: u64, shared: &Shared) -> Result<(), Malformed> {
        self.window -= self.answers.put(&mut self.unsent, stream, received)? as i64;
        if self.window < 0 {
            return Err(Malformed);
        }
        shared.requests[self.backend].fetch_add(1, Ordering::AcqRel);
        Ok(())
    }
}

/// The fields as HTTP/1.1 would have them, to be looked at.
fn head(fields: &[Field]) -> Vec<u8> {
    let mut head = b"HTTP/2\r\n".to_vec();
    for (name, value) in fields {
        let name = if name == b":authority" { b"host" } else { &name[..] };
        if !name.starts_with(b":") {
            head.extend_from_slice(&[name, b": ", value, b"\r\n"].concat());
        }
    }
    head
}
