//! Where one request ends and the next begins.
//!
//! Pure: bytes in, decisions out. The [`Gate`](super::Gate) feeds it and acts.

use std::sync::Arc;

use super::Refusal;
use super::chunked::Chunked;
use super::head::{self, BodyFraming, HeadFacts};
use crate::config::DownstreamLimits;

/// Follows the framing of one connection's requests.
#[derive(Debug)]
pub struct Framing {
    limits: Arc<DownstreamLimits>,
    place: Place,
    /// The request in work asks for another protocol.
    upgrade: bool,
    /// Length of the incomplete head when it was last parsed.
    parsed: usize,
}

#[derive(Debug, PartialEq, Eq)]
enum Place {
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
    /// So many bytes from the start are in order.
    pub passed: usize,
    /// So many bytes after them are empty lines before a request. They are none themselves (RFC 9112 section 2.2): dropped, as
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

impl Framing {
    /// At the start of a connection.
    #[must_use]
    pub fn new(limits: Arc<DownstreamLimits>) -> Self {
        Self { limits, place: Place::Head, upgrade: false, parsed: 0 }
    }

    /// What the client is expected to send next.
    #[must_use]
    pub fn expected(&self) -> Expected {
        match self.place {
            Place::Head => Expected::Head,
            Place::Length(_) | Place::Chunked(_) => Expected::Body,
            Place::AfterUpgradeRequest => Expected::Nothing,
        }
    }

    /// The protocol doesn't change after all: the next request follows.
    pub fn stay_with_http(&mut self) {
        self.upgrade = false;
        self.place = Place::Head;
    }

    /// Reads on in `input`, which starts with whatever didn't pass the last time.
    ///
    /// `passing` sees each head that passes, before its body, and may mask it.
    pub fn advance(&mut self, input: &mut [u8], mut passing: impl FnMut(&mut [u8], HeadFacts)) -> Advance {
        let (mut at, mut empty) = (0, 0);
        // A head in this input whose body hasn't ended: refused as a whole if the body turns out broken.
        let mut open: Option<(usize, HeadFacts)> = None;
        let stop = loop {
            if self.place == Place::Head
                && let Some((start, facts)) = open.take()
            {
                passing(&mut input[start..start + facts.length], facts);
            }
            let rest = &input[at..];
            if rest.is_empty() {
                break Stop::End;
            }
            match &mut self.place {
                Place::Head if rest.starts_with(b"\r\n") => {
                    at += 2;
                    empty += 2;
                }
                Place::Head if rest[0] == b'\n' => break Stop::RefusedRequest(Refusal::BareLineFeed),
                Place::Head => match self.read_head(rest) {
                    Ok(None) => break Stop::IncompleteHead,
                    Ok(Some(facts)) => {
                        open = Some((at, facts));
                        at += facts.length;
                        // What is followed by a whole request goes with it, instead of moving that.
                        empty = 0;
                    }
                    Err(refusal) => break Stop::RefusedRequest(refusal),
                },
                Place::Length(left) => {
                    let step = usize::try_from(*left).unwrap_or(usize::MAX).min(rest.len());
                    *left -= step as u64;
                    at += step;
                    if *left == 0 {
                        self.end_body();
                    }
                }
                Place::Chunked(chunked) => match chunked.advance(rest) {
                    Ok((step, end)) => {
                        at += step;
                        if end {
                            self.end_body();
                        }
                    }
                    Err(refusal) => match open.take() {
                        Some((start, _)) => {
                            at = start;
                            break Stop::RefusedRequest(refusal);
                        }
                        None => break Stop::RefusedBody(refusal),
                    },
                },
                Place::AfterUpgradeRequest => break Stop::Upgrade,
            }
        };
        if let Some((start, facts)) = open {
            passing(&mut input[start..start + facts.length], facts);
        }
        Advance { passed: at - empty, empty, stop }
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
            BodyFraming::Length(length) => self.place = Place::Length(length),
            BodyFraming::Chunked => self.place = Place::Chunked(Chunked::limited(self.limits.max_body)),
        }
        Ok(Some(facts))
    }

    fn end_body(&mut self) {
        self.place = if self.upgrade { Place::AfterUpgradeRequest } else { Place::Head };
    }
}

/// Whether a head, of which so much was incomplete, may have its empty line now.
fn may_end(head: &[u8], incomplete: usize) -> bool {
    let news = &head[incomplete.saturating_sub(3).min(head.len())..];
    memchr::memmem::find(news, b"\n\r\n").is_some() || memchr::memmem::find(news, b"\n\n").is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    const POST: &str = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc";
    const CHUNKED: &str =
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
    const UPGRADE: &str = "GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n";

    fn framing() -> Framing {
        Framing::new(Arc::default())
    }

    /// Feeds `input` in pieces of `size`; what doesn't pass is fed again with the next piece, as the gate does.
    fn feed(input: &[u8], size: usize) -> (usize, usize, Stop) {
        let mut framing = framing();
        let (mut taken, mut passed, mut heads, mut end, mut stop) = (0, 0, 0, 0, Stop::End);
        while end < input.len() {
            end = (end + size).min(input.len());
            let advance = framing.advance(&mut input[taken..end].to_vec(), |_, _| heads += 1);
            taken += advance.passed + advance.empty;
            passed += advance.passed;
            stop = advance.stop;
            if !matches!(stop, Stop::End | Stop::IncompleteHead) {
                break;
            }
        }
        (passed, heads, stop)
    }

    #[test]
    fn empty_lines_before_a_request_are_no_request() {
        for size in 1..200 {
            let input = [POST, "\r\n\r\n"].concat();
            assert_eq!(feed(input.as_bytes(), size), (POST.len(), 1, Stop::End), "pieces of {size}");
            let refused = Stop::RefusedRequest(Refusal::BareLineFeed);
            assert_eq!(feed(b"\r\n\r\n\n", size), (0, 0, refused), "pieces of {size}");
            assert_eq!(feed(b"\r\n\r", size), (0, 0, Stop::IncompleteHead), "pieces of {size}");
        }
        let input = ["\r\n", GET, "\r\n\r\n", CHUNKED, "\r\n", GET].concat();
        for size in 1..=input.len() {
            let (passed, heads, stop) = feed(input.as_bytes(), size);
            assert_eq!((heads, stop), (3, Stop::End), "pieces of {size}");
            assert!(passed >= 2 * GET.len() + CHUNKED.len(), "pieces of {size}");
        }
    }

    #[test]
    fn requests_pass_in_pieces_of_any_size() {
        let input = [GET, POST, CHUNKED, GET].concat();
        for size in 1..=input.len() {
            assert_eq!(feed(input.as_bytes(), size), (input.len(), 4, Stop::End), "pieces of {size}");
        }
    }

    #[test]
    fn what_follows_a_good_request_is_refused_alone() {
        let input = [GET, POST, "GET /\n\n"].concat();
        let good = GET.len() + POST.len();
        assert_eq!(
            feed(input.as_bytes(), usize::MAX),
            (good, 2, Stop::RefusedRequest(Refusal::MalformedHead))
        );
    }

    #[test]
    fn a_broken_chunk_beside_its_head_refuses_the_request_and_later_the_body() {
        let broken = CHUNKED.replace("abc\r\n", "abcd\r\n");
        let whole = [GET, broken.as_str()].concat();
        let refused = (GET.len(), 1, Stop::RefusedRequest(Refusal::Chunk));
        assert_eq!(feed(whole.as_bytes(), usize::MAX), refused);

        let mut framing = framing();
        let head = broken.find("\r\n\r\n").expect("a head") + 4;
        let mut heads = 0;
        let (mut start, mut rest) =
            (broken[..head].to_owned().into_bytes(), broken[head..].to_owned().into_bytes());
        let first = framing.advance(&mut start, |_, _| heads += 1);
        assert_eq!((first, heads), (Advance { passed: head, empty: 0, stop: Stop::End }, 1));
        assert_eq!(framing.expected(), Expected::Body);
        let second = framing.advance(&mut rest, |_, _| heads += 1);
        assert_eq!(second.stop, Stop::RefusedBody(Refusal::Chunk));
    }

    #[test]
    fn nothing_passes_after_an_upgrade_request_until_its_answer_is_known() {
        let input = [UPGRADE, GET].concat();
        let mut framing = framing();
        let advance = framing.advance(&mut input.into_bytes(), |_, facts| assert!(facts.upgrade));
        assert_eq!(advance, Advance { passed: UPGRADE.len(), empty: 0, stop: Stop::Upgrade });
        assert_eq!(framing.expected(), Expected::Nothing);
        framing.stay_with_http();
        let rest = framing.advance(&mut GET.to_owned().into_bytes(), |_, _| {});
        assert_eq!(rest, Advance { passed: GET.len(), empty: 0, stop: Stop::End });
    }

    #[test]
    fn a_head_without_end_is_refused_at_the_limit() {
        let endless = format!("GET / HTTP/1.1\r\nX: {}", "a".repeat(70 * 1024));
        for size in [1, 1000, usize::MAX] {
            let (passed, heads, stop) = feed(endless.as_bytes(), size);
            assert_eq!((passed, heads, stop), (0, 0, Stop::RefusedRequest(Refusal::HeadTooLarge)), "{size}");
        }
    }
}
