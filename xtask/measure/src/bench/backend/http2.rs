//! A backend's side of HTTP/2: each request is answered when it is whole.

use std::io::ErrorKind;
use std::sync::atomic::Ordering;

use super::hpack::{Field, Table};
use super::request::Malformed;
use super::shared::{Kept, Shared};
use crate::bench::response::KEPT;
use crate::bench::transport::Transport;
use crate::http2::{
    DATA, END_HEADERS, END_STREAM, Frame, HEADERS, PING, PREFACE, SETTINGS, SETTINGS_ACK, WINDOW_UPDATE,
    first_block, next_block, put_frame,
};

/// What the peer may send on a connection before it is told that it may send more; half of it is told at a time.
const WINDOW: u32 = 1 << 30;

/// Status 200, which is in everybody's table.
const STATUS: u8 = 0x88;

/// The other fields of a response.
const FIELDS: [(&str, &str); 4] = [
    ("server", "backend"),
    ("date", "Sat, 01 Jan 2000 00:00:00 GMT"),
    ("content-type", "text/plain"),
    ("content-length", "12"),
];

/// A connection of HTTP/2 to a backend, whose responses have twelve bytes.
#[derive(Debug)]
pub(super) struct Http2 {
    backend: usize,
    unsent: Vec<u8>,
    /// The beginning of a frame that hasn't come whole.
    partial: Vec<u8>,
    /// Whether the preface has come.
    begun: bool,
    table: Table,
    /// Whether the peer has the fields of a response in its table.
    has_answered: bool,
    /// Requests whose bodies aren't whole.
    open: Vec<u32>,
    /// Bytes of bodies since the connection's window was last opened.
    received: u32,
    /// What may be sent on the connection. Responses are small: peers that open it in time never let it run out.
    window: i64,
}

impl Http2 {
    pub(super) fn new(backend: usize) -> Self {
        let mut unsent = Vec::new();
        put_frame(&mut unsent, SETTINGS, 0, 0, &[]);
        put_frame(&mut unsent, WINDOW_UPDATE, 0, 0, &WINDOW.to_be_bytes());
        Self {
            backend,
            unsent,
            partial: Vec::new(),
            begun: false,
            table: Table::default(),
            has_answered: false,
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
            SETTINGS if frame.flags == 0 => self.unsent.extend_from_slice(SETTINGS_ACK),
            PING if frame.flags == 0 => put_frame(&mut self.unsent, PING, 1, 0, frame.payload),
            WINDOW_UPDATE if frame.stream == 0 => {
                let more: [u8; 4] = frame.payload.try_into().map_err(|_| Malformed)?;
                self.window += i64::from(u32::from_be_bytes(more));
            }
            HEADERS if frame.flags & END_HEADERS == 0 => return Err(Malformed),
            HEADERS => {
                let keep = shared.wanted.swap(false, Ordering::AcqRel);
                let fields = self.table.read(block(frame)?, keep)?;
                if keep && let Ok(mut kept) = shared.kept.lock() {
                    *kept = Some(Kept { head: head(&fields), negotiated: None });
                }
                if frame.flags & END_STREAM == 0 {
                    self.open.push(frame.stream);
                } else {
                    self.answer(frame.stream, shared)?;
                }
            }
            DATA => {
                self.received += u32::try_from(frame.payload.len()).map_err(|_| Malformed)?;
                if self.received > WINDOW / 2 {
                    put_frame(&mut self.unsent, WINDOW_UPDATE, 0, 0, &self.received.to_be_bytes());
                    self.received = 0;
                }
                if frame.flags & END_STREAM != 0 {
                    let place = self.open.iter().position(|stream| *stream == frame.stream);
                    self.open.swap_remove(place.ok_or(Malformed)?);
                    self.answer(frame.stream, shared)?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn answer(&mut self, stream: u32, shared: &Shared) -> Result<(), Malformed> {
        let fields = if self.has_answered { next_block(FIELDS.len()) } else { first_block(&FIELDS) };
        self.has_answered = true;
        let block = [&[STATUS], &fields.map_err(|_| Malformed)?[..]].concat();
        put_frame(&mut self.unsent, HEADERS, END_HEADERS, stream, &block);
        self.window -= KEPT as i64;
        if self.window < 0 {
            return Err(Malformed);
        }
        put_frame(&mut self.unsent, DATA, END_STREAM, stream, &[b'0'; KEPT]);
        shared.requests[self.backend].fetch_add(1, Ordering::AcqRel);
        Ok(())
    }
}

/// The block of a frame, without what may stand around it (RFC 9113 section 6.2).
fn block<'a>(frame: &Frame<'a>) -> Result<&'a [u8], Malformed> {
    let mut block = frame.payload;
    let mut padding = 0;
    if frame.flags & 8 != 0 {
        let (length, rest) = block.split_first().ok_or(Malformed)?;
        (padding, block) = (usize::from(*length), rest);
    }
    if frame.flags & 0x20 != 0 {
        block = block.get(5..).ok_or(Malformed)?;
    }
    block.get(..block.len().checked_sub(padding).ok_or(Malformed)?).ok_or(Malformed)
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
