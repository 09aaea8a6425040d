//! What all lines of a worker have in common.

use std::net::IpAddr;

use pointsman_core::clock::micros;
use pointsman_core::record::{AttemptRecord, Connection};

use super::choice_texts::ChoiceTexts;
use super::entry::Entry;
use super::mask;
use super::texts::{Kept, RequestTexts};
use super::time::TimeWriter;
use crate::config::Detail;

/// What lines are written with.
#[derive(Debug)]
pub(super) struct LineContext<'a> {
    pub(super) time: &'a mut TimeWriter,
    pub(super) worker: u64,
    /// The share of requests that have lines, as it is written.
    pub(super) sample_rate: &'a [u8],
    pub(super) query: Detail,
    pub(super) client: Detail,
    /// Memory for a query that is masked.
    pub(super) masked: &'a mut Vec<u8>,
    /// What lines have in common that tell of the same choice.
    pub(super) choices: &'a mut ChoiceTexts,
}

impl LineContext<'_> {
    /// What is written of an address.
    pub(super) fn client(&self, address: IpAddr) -> Option<IpAddr> {
        match self.client {
            Detail::Keep => Some(address),
            Detail::Mask => Some(mask::network(address)),
            Detail::Drop => None,
        }
    }

    /// What is written of a query.
    pub(super) fn query<'a>(&'a mut self, texts: &'a RequestTexts) -> Option<Kept<'a>> {
        let query = texts.query()?;
        match self.query {
            Detail::Keep => Some(query),
            Detail::Mask => {
                mask::values(query, self.masked);
                Some(Kept { text: self.masked, ..query })
            }
            Detail::Drop => None,
        }
    }
}

/// Times of a request, µs; `None` where it never got there.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Times {
    /// From the first byte of its head to the last.
    pub(super) head_read: Option<u64>,
    /// In the queue.
    pub(super) queue: Option<u64>,
    /// Of the last attempt.
    pub(super) connect: Option<u64>,
    /// Of the last attempt, from its start to the head of the response.
    pub(super) head: Option<u64>,
    /// From the first byte to the end.
    pub(super) total: u64,
}

impl Times {
    pub(super) fn of(entry: &Entry<'_>) -> Self {
        let times = &entry.record.times;
        let head_read =
            times.first_byte.zip(times.head_read).map(|(first, last)| last.0.saturating_sub(first.0));
        let last = entry.record.attempts().last();
        let queued = times.queued.map(micros);
        let (connect, head) = last.map_or((None, None), Self::of_attempt);
        Self { head_read, queue: queued.or_else(|| last.map(|_| 0)), connect, head, total: entry.total() }
    }

    /// Until there was a connection, and until there was a head.
    pub(super) fn of_attempt(attempt: &AttemptRecord) -> (Option<u64>, Option<u64>) {
        let connect = match attempt.connection {
            Connection::None => None,
            Connection::Reused => Some(0),
            Connection::Opened(after) => Some(micros(after)),
        };
        (connect, attempt.answered.map(|(_, after)| micros(after)))
    }
}
