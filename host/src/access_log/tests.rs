//! Lines, of records that are made here.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

use http::{HeaderValue, Request, StatusCode};
use pointsman_core::address::Address;
use pointsman_core::backend::{Backend, TopologyGeneration};
use pointsman_core::clock::{Clock, Moment};
use pointsman_core::local::Local;
use pointsman_core::record::{
    AttemptRecord, Choice, ChosenBy, Connection, PolicyLabel, RequestRecord, RequestTimes, RouteIndex,
    TakenRoute,
};
use pointsman_sdk::abi::outcome;
use serde_json::Value;

use super::choice_texts::{ChoiceTexts, Render};
use super::line::LineContext;
use super::time::{TimeFormat, TimeWriter};
use super::*;
use crate::config::Detail;

/// An attempt that got no connection.
fn attempt(name: &str) -> AttemptRecord {
    let policy = Some(Arc::new(PolicyLabel { name: "least-conn".into(), version: "0123456789ab".into() }));
    AttemptRecord {
        backend: Local::new(Arc::new(Backend::new(name, ([10, 0, 0, 1], 80)))),
        choice: Choice { by: ChosenBy::Policy, policy, topology: TopologyGeneration(7) },
        began: Moment(20_000),
        connection: Connection::None,
        answered: None,
        total: Duration::from_millis(1),
        outcome: outcome::CONNECT_FAILURE,
        error: Some("connect-failed"),
    }
}

fn last(record: &mut RequestRecord) -> &mut AttemptRecord {
    record.last_attempt_mut().expect("there is one")
}

/// A request with two attempts: no connection, and then a response.
fn record() -> RequestRecord {
    let mut record = RequestRecord::default();
    record.times = RequestTimes {
        first_byte: Some(Moment(10_000)),
        head_read: Some(Moment(12_000)),
        began: Some(Moment(12_000)),
        queued: Some(Duration::from_micros(8_000)),
        ended: Some(Moment(40_000)),
    };
    record.route = Some(TakenRoute { index: RouteIndex(3), name: Some("api".into()) });
    record.status = Some(StatusCode::OK);
    record.bytes.received = 100;
    record.bytes.body = 5;
    record.ids.request = Some(HeaderValue::from_static("id-1"));
    record.add(attempt("b1"));
    record.add(AttemptRecord {
        began: Moment(22_000),
        connection: Connection::Opened(Duration::from_millis(1)),
        answered: Some((StatusCode::OK, Duration::from_millis(8))),
        outcome: outcome::COMPLETE,
        error: None,
        ..attempt("b2")
    });
    record
}

fn texts(user_agent: &[u8]) -> RequestTexts {
    let builder = Request::put("/a?b=c&d=e").header("host", "h.example").header("user-agent", user_agent);
    let (parts, ()) = builder.body(()).expect("a request").into_parts();
    let mut texts = RequestTexts::default();
    texts.keep(&parts, None);
    texts
}

fn entry<'a>(record: &'a RequestRecord, texts: &'a RequestTexts) -> Entry<'a> {
    const LISTENER: Address = Address::Tcp(SocketAddr::new(IpAddr::V4(Ipv4Addr::new(10, 0, 0, 2)), 8080));
    let (peer, listener) = (([192, 0, 2, 7], 4711).into(), &LISTENER);
    Entry { event: LineEvent::Request, record, texts, peer, listener, scheme: "https", tunnel: None }
}

type Format = fn(&mut Vec<u8>, &Entry<'_>, &mut LineContext<'_>);

fn line(entry: &Entry<'_>, format: Format, query: Detail, client: Detail) -> String {
    let (times, choice): (_, Render) = if format as usize == json::write as Format as usize {
        (TimeFormat::Rfc3339, json::only_choice)
    } else {
        (TimeFormat::Common, text::only_choice)
    };
    let mut time = TimeWriter::at_unix_epoch(Clock::manual().0, times);
    let mut masked = Vec::new();
    let (mut choices, masked) = (ChoiceTexts::new(choice), &mut masked);
    let (time, choices) = (&mut time, &mut choices);
    let mut context = LineContext { time, worker: 1, sample_rate: b"1", query, client, masked, choices };
    let mut line = Vec::new();
    format(&mut line, entry, &mut context);
    let line = String::from_utf8(line).expect("UTF-8");
    assert_eq!(line.find('\n'), Some(line.len() - 1), "one line: {line}");
    line
}

fn as_json(entry: &Entry<'_>) -> Value {
    let line = line(entry, json::write, Detail::Keep, Detail::Keep);
    serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"))
}

fn as_text(entry: &Entry<'_>) -> String {
    line(entry, text::write, Detail::Keep, Detail::Keep)
}

#[test]
fn a_line_of_json_has_every_field() {
    let (record, texts) = (record(), texts(b"agent"));
    let expected = r#"{"time":"1970-01-01T00:00:00.010000Z","request_id":"id-1","trace_id":null,"span_id":null,
        "client":"192.0.2.7","peer":null,"listener":"10.0.0.2:8080","worker":1,"method":"PUT","scheme":"https",
        "host":"h.example","path":"/a","query":"b=c&d=e","protocol":"HTTP/1.1","referer":null,"user_agent":"agent",
        "status":200,"bytes_received":100,"body_bytes_sent":5,"error":null,"ended_by":null,"phase":null,
        "route":3,"route_name":"api","pool":null,"backend":"b2","address":"10.0.0.1:80",
        "policy":"least-conn","version":"0123456789ab","chosen_by":"policy","topology":7,
        "attempts":[{"backend":"b1","error":"connect-failed","status":null,"connect_us":null,"head_us":null,"reused":null},
        {"backend":"b2","error":null,"status":200,"connect_us":1000,"head_us":8000,"reused":false}],
        "head_read_us":2000,"queue_us":8000,"connect_us":1000,"head_us":8000,"total_us":30000,
        "event":"request","sample_rate":1}"#;
    let expected: String = expected.lines().map(str::trim_start).collect();
    assert_eq!(line(&entry(&record, &texts), json::write, Detail::Keep, Detail::Keep), expected + "\n");
}

#[test]
fn a_line_of_text_is_the_combined_format_and_more() {
    let (record, texts) = (record(), texts(b"agent \"x\" \xff"));
    assert_eq!(
        as_text(&entry(&record, &texts)),
        "192.0.2.7 - - [01/Jan/1970:00:00:00 +0000] \"PUT /a?b=c&d=e HTTP/1.1\" 200 5 \"-\" \
         \"agent \\x22x\\x22 \\xFF\" rid=id-1 pool=- backend=b2 policy=least-conn@0123456789ab by=policy \
         attempts=2 error=- TR/Tw/Tc/Tr/Ta=2/8/1/7/30\n"
    );
}

#[test]
fn a_request_that_got_nowhere_says_so() {
    let mut record = RequestRecord::default();
    (record.error, record.status) = (Some("host"), Some(StatusCode::BAD_REQUEST));
    let texts = RequestTexts::default();
    let line = as_json(&entry(&record, &texts));
    assert_eq!((&line["status"], &line["error"]), (&400.into(), &"host".into()));
    assert_eq!((&line["ended_by"], &line["phase"]), (&"client".into(), &"head".into()));
    assert_eq!(
        (&line["method"], &line["backend"], &line["queue_us"]),
        (&Value::Null, &Value::Null, &Value::Null)
    );
    assert_eq!(
        as_text(&entry(&record, &texts)),
        "192.0.2.7 - - [01/Jan/1970:00:00:00 +0000] \"- - HTTP/1.1\" 400 0 \"-\" \"-\" rid=- pool=- backend=- policy=- \
         by=- attempts=0 error=host TR/Tw/Tc/Tr/Ta=-1/-1/-1/-1/0\n"
    );
}

#[test]
fn a_client_that_left_is_told_from_one_that_got_something() {
    let texts = texts(b"");
    let mut left = record();
    last(&mut left).outcome = outcome::CLIENT_ABORT;
    for (status, expected) in [(None, 499), (Some(StatusCode::OK), 200)] {
        left.status = status;
        let line = as_json(&entry(&left, &texts));
        assert_eq!((&line["status"], &line["error"]), (&expected.into(), &"client-abort".into()));
        assert_eq!((&line["ended_by"], &line["phase"]), (&"client".into(), &"body".into()));
    }
    last(&mut left).answered = None;
    assert_eq!(as_json(&entry(&left, &texts))["phase"], "response");
}

#[test]
fn who_ended_a_request_is_told() {
    let texts = texts(b"");
    let check = |error: &'static str, outcome, by: &str, phase: &str| {
        let mut record = record();
        record.error = Some(error);
        (last(&mut record).outcome, last(&mut record).answered) = (outcome, None);
        let line = as_json(&entry(&record, &texts));
        assert_eq!((&line["ended_by"], &line["phase"]), (&by.into(), &phase.into()), "{error}");
    };
    check("response-timeout", outcome::TIMEOUT, "backend", "response");
    check("client-stalled", outcome::CLIENT_ABORT, "client", "response");
    check("no-backend", outcome::CONNECT_FAILURE, "proxy", "queue");
    check("policy-reject", outcome::COMPLETE, "policy", "queue");
}

#[test]
fn what_tells_of_people_is_left_out_as_configured() {
    let (record, mut texts) = (record(), texts(b""));
    texts.client = Some(([203, 0, 113, 9], 0).into()).map(|address: SocketAddr| address.ip());
    let entry = entry(&record, &texts);
    for (detail, query, client, peer) in [
        (Detail::Keep, Value::from("b=c&d=e"), Value::from("203.0.113.9"), Value::from("192.0.2.7")),
        (Detail::Mask, "b=*&d=*".into(), "203.0.113.0".into(), "192.0.2.0".into()),
        (Detail::Drop, Value::Null, Value::Null, Value::Null),
    ] {
        let line: Value = serde_json::from_str(&line(&entry, json::write, detail, detail)).unwrap();
        assert_eq!((&line["query"], &line["client"], &line["peer"]), (&query, &client, &peer));
    }
    let text = line(&entry, text::write, Detail::Drop, Detail::Drop);
    assert!(text.starts_with("- - - [") && text.contains("\"PUT /a HTTP/1.1\""), "{text}");
}

#[test]
fn a_tunnel_is_told_of_with_what_it_has_carried() {
    let (record, texts) = (record(), texts(b""));
    let end = TunnelEnd { at: Moment(1_010_000), received: 10, sent: 20, error: Some("tunnel-timeout") };
    let entry = Entry { event: LineEvent::TunnelClose, tunnel: Some(end), ..entry(&record, &texts) };
    let line = as_json(&entry);
    assert_eq!((&line["event"], &line["phase"]), (&"tunnel-close".into(), &"tunnel".into()));
    assert_eq!((&line["bytes_received"], &line["body_bytes_sent"]), (&110.into(), &25.into()));
    assert_eq!((&line["total_us"], &line["error"]), (&1_000_000.into(), &"tunnel-timeout".into()));
    assert!(as_text(&entry).ends_with("/1000 event=tunnel-close\n"));
}

/// However long what a client has sent.
#[test]
fn a_line_fits_into_what_is_left_of_a_block() {
    let long = [0xff; 4_000];
    let builder = Request::builder().method("PUT").uri(format!("/{0}?{0}", "x".repeat(4_000)));
    let builder =
        builder.header("host", &long[..]).header("user-agent", &long[..]).header("referer", &long[..]);
    let (parts, ()) = builder.body(()).expect("a request").into_parts();
    let (mut record, mut texts) = (record(), RequestTexts::default());
    texts.keep(&parts, None);
    for _ in 0..10 {
        let attempt = attempt("b1");
        record.add(AttemptRecord {
            backend: Local::new(Arc::new(Backend::new("ü".repeat(128), ([10, 0, 0, 1], 80)))),
            ..attempt
        });
    }
    let entry = entry(&record, &texts);
    for format in [json::write as Format, text::write] {
        assert!(line(&entry, format, Detail::Mask, Detail::Keep).len() <= worker_log::LONGEST);
    }
}

/// The table of the documentation names the fields of a line, in their order.
#[test]
fn every_field_is_documented() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/access-log.md");
    let document = std::fs::read_to_string(path).expect("the documentation");
    let documented: Vec<&str> = document
        .lines()
        .filter_map(|row| row.strip_prefix("| `")?.split_once("` | "))
        .map(|(name, _)| name)
        .collect();
    let (record, texts) = (record(), texts(b""));
    let line = line(&entry(&record, &texts), json::write, Detail::Keep, Detail::Keep);
    let mut places: Vec<(usize, String)> = Vec::new();
    let fields: serde_json::Map<String, Value> = serde_json::from_str(&line).unwrap();
    for name in fields.keys() {
        // The last one: those of attempts come before those of the line.
        places.push((line.rfind(&format!("\"{name}\":")).expect("it is there"), name.clone()));
    }
    let attempts = line.find("\"attempts\":").expect("it is there");
    places.iter_mut().filter(|(_, name)| name == "backend" || name == "error" || name == "status").for_each(
        |(place, name)| {
            *place = line[..attempts].find(&format!("\"{name}\":")).expect("it is there");
        },
    );
    places.sort();
    assert_eq!(documented, places.iter().map(|(_, name)| name).collect::<Vec<_>>());
}
