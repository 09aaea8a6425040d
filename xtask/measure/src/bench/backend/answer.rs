//! What a backend answers over HTTP/2, in frames that its peer can read.

use super::request::Malformed;
use crate::bench::grpc;
use crate::bench::response::report;
use crate::http2::{
    DATA, END_HEADERS, END_STREAM, Field, HEADERS, first_block, next_block, plain_block, put_frame,
};

/// Status 200, which is in everybody's table.
const STATUS: u8 = 0x88;

/// Says that a table has no place any more (RFC 7541 section 6.3).
const NO_TABLE: u8 = 0x20;

/// Bytes of a table that nobody has said anything about.
const TABLE: u32 = 4096;

/// The setting of how large the table may be (RFC 9113 section 6.5.2).
const HEADER_TABLE_SIZE: [u8; 2] = [0, 1];

/// What is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    /// A response of twelve bytes with the fields of an ordinary one.
    Plain,
    /// That of a gRPC call: one message of twelve bytes, and trailers.
    Call,
}

impl Answer {
    /// The fields before the body, beside the status.
    fn head(self) -> &'static [Field] {
        match self {
            Self::Plain => &[
                ("server", "backend"),
                ("date", "Sat, 01 Jan 2000 00:00:00 GMT"),
                ("content-type", "text/plain"),
                ("content-length", "12"),
            ],
            Self::Call => &[("content-type", "application/grpc")],
        }
    }

    /// The fields behind the body.
    fn trailers(self) -> &'static [Field] {
        match self {
            Self::Plain => &[],
            Self::Call => &[("grpc-status", "0")],
        }
    }
}

/// Writes the answers of one connection.
#[derive(Debug)]
pub(super) struct Answers {
    answer: Answer,
    table: PeersTable,
}

/// What the peer remembers of earlier answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum PeersTable {
    /// Nothing yet.
    Empty,
    /// The fields of an answer.
    Filled,
    /// Nothing, and the peer waits to be told that nothing will be.
    Refused,
    /// Nothing, and it was told.
    Closed,
}

impl Answers {
    pub(super) fn new(answer: Answer) -> Self {
        Self { answer, table: PeersTable::Empty }
    }

    /// Takes the peer's settings.
    pub(super) fn take_settings(&mut self, payload: &[u8]) -> Result<(), Malformed> {
        let (settings, []) = payload.as_chunks::<6>() else { return Err(Malformed) };
        for [a, b, value @ ..] in settings {
            if [*a, *b] == HEADER_TABLE_SIZE && u32::from_be_bytes(*value) < TABLE {
                self.table = PeersTable::Refused;
            }
        }
        Ok(())
    }

    /// Appends the answer to a request that had `received` bytes of body. Answers how many its own has.
    pub(super) fn put(&mut self, to: &mut Vec<u8>, stream: u32, received: u64) -> Result<usize, Malformed> {
        let (head, trailers) = self.blocks().map_err(|_| Malformed)?;
        put_frame(to, HEADERS, END_HEADERS, stream, &head);
        let report = report(received);
        match self.answer {
            Answer::Plain => {
                put_frame(to, DATA, END_STREAM, stream, &report);
                Ok(report.len())
            }
            Answer::Call => {
                let message = grpc::message(&report);
                put_frame(to, DATA, 0, stream, &message);
                put_frame(to, HEADERS, END_STREAM | END_HEADERS, stream, &trailers);
                Ok(message.len())
            }
        }
    }

    /// The blocks of fields before and behind the body.
    fn blocks(&mut self) -> anyhow::Result<(Vec<u8>, Vec<u8>)> {
        let (head, trailers) = (self.answer.head(), self.answer.trailers());
        let mut block = Vec::with_capacity(64);
        if self.table == PeersTable::Refused {
            self.table = PeersTable::Closed;
            block.push(NO_TABLE);
        }
        block.push(STATUS);
        let (head, trailers) = match self.table {
            PeersTable::Empty => (first_block(head)?, first_block(trailers)?),
            PeersTable::Filled => {
                let mut both = next_block(head.len() + trailers.len())?;
                let trailers = both.split_off(head.len());
                (both, trailers)
            }
            PeersTable::Refused | PeersTable::Closed => (plain_block(head)?, plain_block(trailers)?),
        };
        if self.table == PeersTable::Empty {
            self.table = PeersTable::Filled;
        }
        block.extend_from_slice(&head);
        Ok((block, trailers))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::hpack::Table;
    use crate::http2::Frame;

    /// The kinds of an answer's frames, and the fields that are in it.
    fn read(mut bytes: &[u8], table: &mut Table) -> (Vec<u8>, String) {
        let (mut kinds, mut text) = (Vec::new(), String::new());
        while let Some(frame) = Frame::parse(bytes) {
            kinds.push(frame.kind);
            if frame.kind == HEADERS {
                for (name, value) in table.read(frame.block().unwrap(), true).unwrap() {
                    let line = [&name[..], b": ", &value, b"\n"].concat();
                    text.push_str(std::str::from_utf8(&line).unwrap());
                }
            } else {
                text.push_str(&frame.payload.escape_ascii().to_string());
                text.push('\n');
            }
            bytes = &bytes[frame.length()..];
        }
        (kinds, text)
    }

    const CALL: &str = ":status: 200\ncontent-type: application/grpc\n\
        \\x00\\x00\\x00\\x00\\x0c000000000017\ngrpc-status: 0\n";

    #[test]
    fn a_call_is_answered_with_a_message_and_trailers() {
        let (mut answers, mut table) = (Answers::new(Answer::Call), Table::default());
        let mut lengths = Vec::new();
        for stream in [1, 3, 5] {
            let mut bytes = Vec::new();
            assert_eq!(answers.put(&mut bytes, stream, 17), Ok(17));
            assert_eq!(read(&bytes, &mut table), (vec![HEADERS, DATA, HEADERS], CALL.to_owned()));
            lengths.push(bytes.len());
        }
        assert!(lengths[1] < lengths[0] && lengths[2] == lengths[1], "{lengths:?}");
    }

    #[test]
    fn a_request_is_answered_with_its_report() {
        let (mut answers, mut table) = (Answers::new(Answer::Plain), Table::default());
        for _ in 0..2 {
            let mut bytes = Vec::new();
            assert_eq!(answers.put(&mut bytes, 1, 0), Ok(12));
            let (kinds, text) = read(&bytes, &mut table);
            assert_eq!(kinds, [HEADERS, DATA]);
            assert!(text.ends_with("content-length: 12\n000000000000\n"), "{text}");
        }
    }

    #[test]
    fn a_peer_without_a_table_is_told_so_and_gets_all_fields_each_time() {
        let mut answers = Answers::new(Answer::Call);
        // As nginx begins.
        answers.take_settings(b"\0\x01\0\0\0\0\0\x02\0\0\0\0\0\x04\x7f\xff\xff\xff").unwrap();
        for first in [Some(NO_TABLE), None] {
            let mut bytes = Vec::new();
            answers.put(&mut bytes, 1, 17).unwrap();
            let block = Frame::parse(&bytes).unwrap().payload;
            assert!(block.starts_with(&[first.as_slice(), &[STATUS, 0]].concat()), "{block:x?}");
            // Read by a table that is new each time.
            assert_eq!(read(&bytes, &mut Table::default()).1, CALL);
        }
    }

    #[test]
    fn settings_that_leave_the_table_change_nothing() {
        let mut answers = Answers::new(Answer::Call);
        answers.take_settings(b"").unwrap();
        answers.take_settings(b"\0\x01\0\0\x10\0").unwrap();
        assert_eq!(answers.table, PeersTable::Empty);
        assert_eq!(answers.take_settings(b"\0\x01\0"), Err(Malformed));
    }
}
