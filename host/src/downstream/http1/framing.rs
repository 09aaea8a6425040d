//! Where one request ends and the next begins.
//!
//! Pure: bytes in, decisions out. The [`Gate`](super::gate::Gate) feeds it and acts.

use std::sync::Arc;

use super::chunked::Chunked;
use super::head::{self, BodyFraming, HeadFacts};
use crate::config::DownstreamLimits;
use crate::downstream::Refusal;

/// Follows the framing of one connection's requests.
#[derive(Debug)]
pub struct Framing {
    limits: Arc<DownstreamLimits>,
    state: ParserState,
    /// The request in work asks for another protocol.
    upgrade: bool,
    /// Length of the incomplete head when it was last parsed.
    parsed: usize,
}

#[derive(Debug, PartialEq, Eq)]
enum ParserState {
    Head,
    Length(u64),
    Chunked(Chunked),
    AfterUpgradeRequest,
}

/// What the client is expected to send next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// A request head, or more of one.
    Head,
    /// More of a request body.
    Body,
    /// Nothing may be read before it is known whether the protocol changes.
    Nothing,
}

/// How far the input may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Advance {
    /// Number of bytes from the start that pass.
    pub passed: usize,
    /// Number of bytes after them that are empty lines before a request. These are no requests (RFC 9112 section 2.2): dropped, as
    /// hyper would take a connection with unread bytes for a busy one.
    pub empty: usize,
    /// What stops the rest.
    pub stop: Stop,
}

/// Why not everything passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// Nothing: everything passed.
    End,
    /// The rest is the beginning of a head.
    IncompleteHead,
    /// The rest follows a request that asked for another protocol.
    Upgrade,
    /// The rest, a whole request, is refused.
    RefusedRequest(Refusal),
    /// The body in work is broken off here; its request has passed before.
    RefusedBody(Refusal),
}

/// What comes next in the input.
enum Step {
    /// An empty line before a request.
    EmptyLine,
    /// A whole head.
    Head(HeadFacts),
    /// This many bytes of a body.
    Body(usize),
    /// Nothing that passes.
    Stop(Stop),
}

impl Framing {
    /// At the start of a connection.
    #[must_use]
    pub fn new(limits: Arc<DownstreamLimits>) -> Self {
        Self { limits, state: ParserState::Head, upgrade: false, parsed: 0 }
    }

    /// What the client is expected to send next.
    #[must_use]
    pub fn expected(&self) -> Expected {
        match self.state {
            ParserState::Head => Expected::Head,
            ParserState::Length(_) | ParserState::Chunked(_) => Expected::Body,
            ParserState::AfterUpgradeRequest => Expected::Nothing,
        }
    }

    /// The protocol doesn't change after all: the next request follows.
    pub fn stay_with_http(&mut self) {
        self.upgrade = false;
        self.state = ParserState::Head;
    }

    /// Reads on in `input`, which starts with what didn't pass the last time.
    ///
    /// `passing` sees each head that passes, before its body, and may mask it. It also hears whether anything of the body follows in
    /// this input.
    pub fn advance(
        &mut self,
        input: &mut [u8],
        mut passing: impl FnMut(&mut [u8], HeadFacts, bool),
    ) -> Advance {
        let (mut at, mut empty) = (0, 0);
        // A head in this input whose body hasn't ended: refused as a whole if the body turns out broken.
        let mut open: Option<(usize, HeadFacts)> = None;
        let mut pass = |input: &mut [u8], (start, facts): (usize, HeadFacts), at: usize| {
            passing(&mut input[start..start + facts.length], facts, at > start + facts.length);
        };
        let stop = loop {
            if self.state == ParserState::Head
                && let Some(head) = open.take()
            {
                pass(input, head, at);
            }
            let rest = &input[at..];
            if rest.is_empty() {
                break Stop::End;
            }
            match self.step(rest) {
                Step::EmptyLine => {
                    at += 2;
                    empty += 2;
                }
                Step::Head(facts) => {
                    open = Some((at, facts));
                    at += facts.length;
                    // What is followed by a whole request goes with it, instead of moving that.
                    empty = 0;
                }
                Step::Body(length) => at += length,
                Step::Stop(Stop::RefusedBody(refusal)) => match open.take() {
                    Some((start, _)) => {
                        at = start;
                        break Stop::RefusedRequest(refusal);
                    }
                    None => break Stop::RefusedBody(refusal),
                },
                Step::Stop(stop) => break stop,
            }
        };
        if let Some(head) = open {
            pass(input, head, at);
        }
        Advance { passed: at - empty, empty, stop }
    }

    /// Takes what comes next in `rest`, which isn't empty.
    fn step(&mut self, rest: &[u8]) -> Step {
        match &mut self.state {
            ParserState::Head if rest.starts_with(b"\r\n") => Step::EmptyLine,
            ParserState::Head if rest[0] == b'\n' => Step::Stop(Stop::RefusedRequest(Refusal::BareLineFeed)),
            ParserState::Head => match self.read_head(rest) {
                Ok(None) => Step::Stop(Stop::IncompleteHead),
                Ok(Some(facts)) => Step::Head(facts),
                Err(refusal) => Step::Stop(Stop::RefusedRequest(refusal)),
            },
            ParserState::Length(left) => {
                let step = usize::try_from(*left).unwrap_or(usize::MAX).min(rest.len());
                *left -= step as u64;
                if *left == 0 {
                    self.end_body();
                }
                Step::Body(step)
            }
            ParserState::Chunked(chunked) => match chunked.advance(rest) {
                Ok((step, end)) => {
                    if end {
                        self.end_body();
                    }
                    Step::Body(step)
                }
                Err(refusal) => Step::Stop(Stop::RefusedBody(refusal)),
            },
            ParserState::AfterUpgradeRequest => Step::Stop(Stop::Upgrade),
        }
    }

    fn read_head(&mut self, rest: &[u8]) -> Result<Option<HeadFacts>, Refusal> {
        // A head that trickles in isn't parsed anew for each byte: only when it may be complete, or has doubled.
        if self.parsed > 0
            && rest.len() < (2 * self.parsed).min(self.limits.max_header_bytes)
            && !may_end(rest, self.parsed)
        {
            return Ok(None);
        }
        let facts = head::read(rest, &self.limits)?;
        let Some(facts) = facts else {
            self.parsed = rest.len();
            return Ok(None);
        };
        self.parsed = 0;
        self.upgrade = facts.upgrade;
        match facts.body {
            BodyFraming::None => self.end_body(),
            BodyFraming::Length(length) => self.state = ParserState::Length(length),
            BodyFraming::Chunked => self.state = ParserState::Chunked(Chunked::default()),
        }
        Ok(Some(facts))
    }

    fn end_body(&mut self) {
        self.state = if self.upgrade { ParserState::AfterUpgradeRequest } else { ParserState::Head };
    }
}

/// Whether a head whose first `incomplete` bytes had no empty line may have it now.
fn may_end(head: &[u8], incomplete: usize) -> bool {
    let news = &head[incomplete.saturating_sub(3).min(head.len())..];
    memchr::memmem::find(news, b"\n\r\n").is_some() || memchr::memmem::find(news, b"\n\n").is_some()
}

#[cfg(test)]
mod tests;
