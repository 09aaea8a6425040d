//! The id by which a request is found again: in logs and traces, at its backend and at its client.

use http::{HeaderMap, HeaderName, HeaderValue};

use super::forwarding::is_trusted;
use crate::config::RequestIdUse;
use crate::downstream::ClientConnection;
use crate::ids::IdGenerator;

/// Its field, in requests and in responses.
pub(super) static X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Longest id that passes.
const LONGEST: usize = 128;

/// The id of a request with these fields: a trusted proxy's own if it is a plain one, or else a new one. `None` if the listener gives
/// none.
pub(super) fn choose(
    headers: &HeaderMap,
    client: &ClientConnection,
    ids: &IdGenerator,
) -> Option<HeaderValue> {
    let passed = match client.limits.request_id {
        RequestIdUse::Pass if !client.trusted_proxies.is_empty() => passed(headers, client),
        RequestIdUse::Pass | RequestIdUse::Replace => None,
        RequestIdUse::Off => return None,
    };
    Some(passed.unwrap_or_else(|| ids.request_id()))
}

/// The id that a trusted proxy has given the request.
fn passed(headers: &HeaderMap, client: &ClientConnection) -> Option<HeaderValue> {
    if !is_trusted(client.peer.ip().to_canonical(), &client.trusted_proxies) {
        return None;
    }
    let mut ids = headers.get_all(&X_REQUEST_ID).iter();
    // Two ids are none: each reader would take another one.
    ids.next().filter(|id| ids.next().is_none() && is_plain(id.as_bytes())).cloned()
}

/// Whether an id may stand in a log, a URL or a command as it is.
fn is_plain(id: &[u8]) -> bool {
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"._:/+=-".contains(byte);
    (1..=LONGEST).contains(&id.len()) && id.iter().all(is_plain)
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;
    use std::sync::Arc;

    use super::*;
    use crate::config::DownstreamLimits;
    use crate::deadline::Deadlines;
    use crate::downstream::Scheme;
    use pointsman_core::clock::Clock;

    /// Which id a request from `peer` gets that has these; the listener trusts 10.0.0.0/8. `None` = a new one.
    fn check(request_id: RequestIdUse, peer: [u8; 4], sent: &[&[u8]], expected: Option<&str>) {
        let limits = Arc::new(DownstreamLimits { request_id, ..DownstreamLimits::default() });
        let trusted = ["10.0.0.0/8".parse().unwrap()].into();
        let deadlines = Deadlines::new(Clock::manual().0);
        let local = ([127, 0, 0, 1], 80).into();
        let client = ClientConnection::new(
            (peer, 5).into(),
            local,
            Scheme::Http,
            limits,
            trusted,
            Rc::default(),
            &deadlines,
        );
        let values = sent.iter().map(|id| (X_REQUEST_ID.clone(), HeaderValue::from_bytes(id).unwrap()));
        let id = choose(&values.collect(), &client, &IdGenerator::seeded(7)).expect("an id");
        let fresh = IdGenerator::seeded(7).request_id();
        assert_eq!(id, expected.map_or(fresh, |id| HeaderValue::from_str(id).unwrap()), "{sent:?}");
    }

    #[test]
    fn a_trusted_proxys_id_passes_byte_for_byte_if_it_is_plain() {
        let (ours, stranger) = ([10, 1, 2, 3], [192, 0, 2, 1]);
        let longest = "x".repeat(128);
        for good in ["a", "Root=1-67891233-abcdef012345678912345678", "AZaz09._:/+=-", &longest] {
            check(RequestIdUse::Pass, ours, &[good.as_bytes()], Some(good));
            check(RequestIdUse::Replace, ours, &[good.as_bytes()], None);
            check(RequestIdUse::Pass, stranger, &[good.as_bytes()], None);
        }
    }

    #[test]
    fn an_id_that_is_none_is_replaced() {
        let ours = [10, 1, 2, 3];
        let too_long = "x".repeat(129);
        let bad: [&[u8]; 12] = [
            b"",
            b"a b",
            b"a\tb",
            b" ",
            b"a,b",
            b"a;b",
            b"a\"b",
            b"a%20b",
            b"a\x80b",
            b"\xc3\xa9",
            b"<a>",
            too_long.as_bytes(),
        ];
        for bad in bad {
            check(RequestIdUse::Pass, ours, &[bad], None);
        }
        check(RequestIdUse::Pass, ours, &[], None);
        check(RequestIdUse::Pass, ours, &[b"a", b"b"], None);
        check(RequestIdUse::Pass, ours, &[b"a", b"a"], None);
    }

    #[test]
    fn fresh_ids_are_128_bits_in_hex() {
        let id = IdGenerator::seeded(7).request_id();
        assert!(id.len() == 32 && is_plain(id.as_bytes()));
    }
}
