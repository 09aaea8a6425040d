//! Fuzz targets of what the gate reads: verdicts don't depend on how the bytes are cut, and hyper sees what passes in the same way.

use std::sync::Arc;

use http::header::{CONNECTION, HeaderMap};

use super::Refusal;
use super::http1::chunked::Chunked;
use super::http1::framing::{Framing, Stop};
use super::http1::head::{self, BodyFraming, HeadFacts};
use super::target;
use crate::config::DownstreamLimits;
use crate::fuzzing::wire;

/// Where an input is cut: everywhere if it is short.
fn cuts(length: usize) -> impl Iterator<Item = usize> {
    (0..length).step_by((length / 64).max(1))
}

/// One request head.
pub(crate) fn request_head(input: &[u8]) {
    let limits = DownstreamLimits::default();
    let read = head::read(input, &limits);
    for cut in cuts(input.len()) {
        match head::read(&input[..cut], &limits) {
            Ok(None) => {}
            Ok(Some(facts)) => assert_eq!(read, Ok(Some(facts)), "whole after {cut} bytes"),
            Err(_) => assert!(read.is_err(), "refused after {cut} bytes, and then read"),
        }
    }
    let Ok(Some(facts)) = read else { return };
    let whole = &input[..facts.length];
    assert_eq!(head::read(whole, &limits), Ok(Some(facts)), "without what follows");
    assert_eq!(head::read(&input[..facts.length - 1], &limits), Ok(None), "without its last byte");
    let masked = masked(whole, facts);
    let rebuilt = head::rebuild(&masked).expect("what passes can be built again");
    let (seen, error) = wire::requests(&masked);
    assert!(error.is_none(), "hyper refuses it: {error:?}");
    let [seen] = &seen[..] else { panic!("hyper sees {} requests", seen.len()) };
    assert_eq!(seen.head.method, rebuilt.method);
    assert_eq!(seen.head.uri, rebuilt.uri);
    assert_eq!(seen.head.version, rebuilt.version);
    assert_eq!(seen.head.headers, rebuilt.headers);
    assert_eq!(seen.whole, facts.body == BodyFraming::None, "whether there is a body");
}

/// A head as the gate passes it on.
fn masked(head: &[u8], facts: HeadFacts) -> Vec<u8> {
    let mut masked = head.to_vec();
    if facts.exact_target {
        let exact = target::take_exact(&mut masked).expect("an exact target");
        assert!(matches!(exact.bytes(), [b'/', ..] | b"*"), "an exact target is a path");
    }
    masked
}

/// The requests of one connection. The first byte says how the rest is cut.
pub(crate) fn framing(input: &[u8]) {
    let Some((&size, input)) = input.split_first() else { return };
    let (whole, in_pieces) = (feed(input, usize::MAX), feed(input, usize::from(size).max(1)));
    assert!(whole.passed.len() <= input.len());
    // A body that breaks takes its head along only if both come at once, so in pieces at least as many pass.
    assert!(in_pieces.heads.starts_with(&whole.heads), "other heads in pieces of {size}");
    let is_refused = |stop| matches!(stop, Stop::RefusedRequest(_) | Stop::RefusedBody(_));
    // A head that comes in pieces isn't looked at for each of them.
    let as_good =
        is_refused(whole.stop) == is_refused(in_pieces.stop) || in_pieces.stop == Stop::IncompleteHead;
    assert!(as_good, "{:?}, and in pieces of {size} {:?}", whole.stop, in_pieces.stop);
    same_for_hyper(&whole);
    same_for_hyper(&in_pieces);
}

/// What has passed of a connection's bytes.
struct Fed {
    passed: Vec<u8>,
    heads: Vec<HeadFacts>,
    stop: Stop,
}

/// Feeds the bytes as the gate does: what doesn't pass is fed again with the next piece.
fn feed(input: &[u8], size: usize) -> Fed {
    let mut framing = Framing::new(Arc::new(DownstreamLimits::default()));
    let mut input = input.to_vec();
    let mut fed = Fed { passed: Vec::new(), heads: Vec::new(), stop: Stop::End };
    let (mut at, mut end) = (0, 0);
    while end < input.len() {
        end = end.saturating_add(size).min(input.len());
        let heads = &mut fed.heads;
        let advance = framing.advance(&mut input[at..end], |head, facts, _| {
            if facts.exact_target {
                target::take_exact(head).expect("an exact target");
            }
            heads.push(facts);
        });
        fed.passed.extend_from_slice(&input[at..at + advance.passed]);
        at += advance.passed + advance.empty;
        fed.stop = advance.stop;
        if !matches!(fed.stop, Stop::End | Stop::IncompleteHead) {
            break;
        }
    }
    fed
}

/// hyper finds the same requests, with bodies of the same length.
fn same_for_hyper(fed: &Fed) {
    let (seen, error) = wire::requests(&fed.passed);
    // A broken body may have passed in part.
    let is_broken = matches!(fed.stop, Stop::RefusedBody(_));
    assert!(error.is_none() || is_broken, "hyper refuses what passes: {error:?}");
    for (seen, facts) in seen.iter().zip(&fed.heads) {
        match facts.body {
            BodyFraming::None => assert!(seen.whole && seen.body == 0, "no body"),
            BodyFraming::Length(length) => assert_eq!(seen.body as u64 == length, seen.whole, "a length"),
            BodyFraming::Chunked => {}
        }
    }
    // hyper stops where the connection is to be closed.
    let ends = |headers: &HeaderMap| headers.contains_key(CONNECTION);
    let may_end =
        seen.iter().any(|seen| seen.head.version == http::Version::HTTP_10 || ends(&seen.head.headers));
    assert!(
        seen.len() == fed.heads.len() || (may_end && seen.len() < fed.heads.len()),
        "hyper sees other requests"
    );
}

/// One chunked body. The first byte says how the rest is cut.
pub(crate) fn chunked(input: &[u8]) {
    let Some((&size, body)) = input.split_first() else { return };
    let whole = Chunked::default().advance(body);
    let in_pieces = advance_in_pieces(body, usize::from(size).max(1));
    assert_eq!(whole, in_pieces, "in pieces of {size}");
    let Ok((length, true)) = whole else { return };
    let body = &body[..length];
    assert_eq!(Chunked::default().advance(&body[..length - 1]), Ok((length - 1, false)));

    let head = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    let next = b"GET /next HTTP/1.1\r\nHost: a\r\n\r\n";
    let (seen, error) = wire::requests(&[head, body, next].concat());
    assert!(error.is_none(), "hyper refuses the body: {error:?}");
    let [with_body, next] = &seen[..] else { panic!("hyper sees {} requests", seen.len()) };
    assert!(with_body.whole);
    assert_eq!(next.head.uri, "/next");
}

fn advance_in_pieces(body: &[u8], size: usize) -> Result<(usize, bool), Refusal> {
    let mut chunked = Chunked::default();
    let mut at = 0;
    for piece in body.chunks(size) {
        let (step, end) = chunked.advance(piece)?;
        at += step;
        if end {
            return Ok((at, true));
        }
    }
    Ok((at, false))
}
