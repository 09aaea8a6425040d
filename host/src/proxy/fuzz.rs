//! A fuzz target: fields that end here, and those that tell of the client.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use http::header::{HOST, TE};
use http::{HeaderMap, HeaderName, HeaderValue};
use ipnet::IpNet;
use pointsman_core::clock::Clock;

use super::forwarding::{self, Spelling, rewrite, spelling};
use super::hop_by_hop::{HeaderScan, strip, strip_trailers, tokens};

use crate::config::DownstreamLimits;
use crate::deadline::Deadlines;
use crate::downstream::{ClientConnection, Scheme};

const FORWARDED_FOR: &str = "x-forwarded-for";
const HOP_BY_HOP: [&str; 7] = [
    "connection",
    "upgrade",
    "keep-alive",
    "proxy-connection",
    "proxy-authenticate",
    "proxy-authorization",
    "transfer-encoding",
];

/// Header fields, one in each line. The first byte says who sends them.
pub(crate) fn header_fields(input: &[u8]) {
    let Some((&sender, input)) = input.split_first() else { return };
    let headers = parse(input);
    check_strip(&headers);
    check_scan(&headers);
    check_forwarding(&headers, sender);
}

fn parse(input: &[u8]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for line in input.split(|&byte| byte == b'\n').take(100) {
        let mut parts = line.splitn(2, |&byte| byte == b':');
        let (name, value) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        if let (Ok(name), Ok(value)) =
            (HeaderName::from_bytes(name), HeaderValue::from_bytes(value.trim_ascii()))
        {
            headers.append(name, value);
        }
    }
    headers
}

fn check_strip(before: &HeaderMap) {
    let mut after = before.clone();
    strip(&mut after);
    let mut twice = after.clone();
    strip(&mut twice);
    assert_eq!(twice, after, "stripped twice");
    assert!(HOP_BY_HOP.iter().all(|name| !after.contains_key(*name)), "a field of this hop is left");
    assert!(after.get_all(TE).iter().all(|te| te == "trailers"));
    for (name, value) in before {
        let is_kept = after.get_all(name).iter().any(|kept| kept == value);
        let is_named =
            tokens(before, http::header::CONNECTION).any(|token| token.eq_ignore_ascii_case(name.as_str()));
        let ends_here = HOP_BY_HOP.contains(&name.as_str()) || *name == TE || *name == "content-length";
        assert!(is_kept || is_named || ends_here, "{name} is lost");
        let is_protected = spelling(name.as_str()).is_some() || *name == HOST || *name == "cookie";
        assert!(is_kept || !is_protected, "{name} was named away");
    }
    let mut trailers = before.clone();
    strip_trailers(&mut trailers);
    let mut twice = trailers.clone();
    strip_trailers(&mut twice);
    assert_eq!(twice, trailers, "trailers stripped twice");
}

/// One look finds what looking for each name finds.
fn check_scan(headers: &HeaderMap) {
    let scan = HeaderScan::of_request(headers);
    let has = |name: &str| headers.contains_key(name);
    assert_eq!(scan.hop_by_hop, HOP_BY_HOP.iter().any(|name| has(name)) || has("te"));
    assert_eq!(scan.upgrade, has("upgrade"));
    assert_eq!(scan.expect, has("expect"));
    assert_eq!(scan.authorization, has("authorization"));
    assert_eq!(scan.via, has("via"));
    assert_eq!(scan.forwarding, worst(headers));
    let in_response = HeaderScan::of_response(headers);
    assert_eq!((in_response.hop_by_hop, in_response.upgrade), (scan.hop_by_hop, scan.upgrade));
}

fn worst(headers: &HeaderMap) -> Option<Spelling> {
    headers.keys().filter_map(|name| spelling(name.as_str())).max()
}

fn check_forwarding(before: &HeaderMap, sender: u8) {
    let is_trusted = sender & 1 == 1;
    let peer = if sender & 2 == 0 {
        IpAddr::from([10, 0, 0, 1])
    } else {
        IpAddr::from([0xfd00, 0, 0, 0, 0, 0, 0, 1])
    };
    let networks = ["10.0.0.0/8", "fd00::/16"].map(|network| network.parse::<IpNet>().expect("a network"));
    let trusted = if is_trusted { networks.to_vec() } else { Vec::new() };
    let client = ClientConnection::new(
        SocketAddr::new(peer, 1),
        ([127, 0, 0, 1], 80).into(),
        Scheme::Http,
        Arc::new(DownstreamLimits::default()),
        trusted.into(),
        std::rc::Rc::default(),
        &Deadlines::new(Clock::start()),
    );
    let mut after = before.clone();
    let address = rewrite(&mut after, &client, worst(before));
    let lines: Vec<&[u8]> = after.get_all(FORWARDED_FOR).iter().map(HeaderValue::as_bytes).collect();
    let [line] = lines[..] else { panic!("{} lines of X-Forwarded-For", lines.len()) };
    assert!(line.ends_with(peer.to_string().as_bytes()), "the peer comes last");
    assert_ne!(worst(&after), Some(Spelling::Disguised));
    if !is_trusted {
        assert_eq!((address, line), (peer, peer.to_string().as_bytes()), "a stranger is believed");
        let ours = [FORWARDED_FOR, "x-forwarded-proto", "x-forwarded-host"];
        let others = after.keys().filter(|name| spelling(name.as_str()).is_some());
        assert!(others.into_iter().all(|name| ours.contains(&name.as_str())), "a stranger's field is left");
    }
    forwarding::remove(&mut after, |_| true);
    assert_eq!(worst(&after), None);
}
