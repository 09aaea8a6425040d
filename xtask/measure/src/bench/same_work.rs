//! That every contender does the same work: the backend has to get the same fields from each.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};

use super::backend::Backends;
use super::generator::Request;
use super::negotiated::Negotiated;
use super::participant::Participant;
use super::scenario::Scenario;
use super::schedule::Arrivals;
use super::speech::Speech;
use super::template::ROUTES;

/// Fields of a request by name, in small letters.
type Fields = BTreeMap<String, String>;

/// What a contender has agreed on in its handshakes.
#[derive(Debug, PartialEq, Eq)]
struct Agreed {
    with_client: Option<Negotiated>,
    with_backend: Option<Negotiated>,
}

/// Sends one request through each contender and compares what arrives.
///
/// # Errors
/// One of them does other work.
pub(crate) fn check(
    participants: &mut [Participant<'_>],
    backends: &Backends,
    request: &Request,
    scenario: &Scenario,
) -> Result<()> {
    let mut first: Option<(&str, Agreed)> = None;
    for participant in participants {
        let name = participant.running.contender.name;
        backends.keep_next_head();
        let outcome = participant.generator.run(request, Arrivals::Counted { requests: 1 })?;
        if outcome.failed() > 0 {
            bail!("{name} doesn't serve: {:?}", outcome.failures);
        }
        let kept = backends.kept().context("no request arrived")?;
        compare(&String::from_utf8_lossy(&kept.head), scenario.speech)
            .and_then(|fields| if scenario.has_routes() { compare_routes(&fields) } else { Ok(()) })
            .with_context(|| format!("{name} does other work"))?;
        let agreed = Agreed {
            with_client: participant.generator.negotiated().cloned(),
            with_backend: kept.negotiated,
        };
        if let Some(with_backend) = &agreed.with_backend {
            println!("{name}, to backends: {with_backend}");
        }
        match &first {
            Some((other, others)) if agreed != *others => {
                bail!(
                    "{name} and {other} don't agree on the same in their handshakes: {agreed:?}, {others:?}"
                );
            }
            Some(_) => {}
            None => first = Some((name, agreed)),
        }
    }
    Ok(())
}

/// What every contender does. Answers the fields that it sends.
fn compare(head: &str, speech: Speech) -> Result<Fields> {
    let fields: Fields = head
        .lines()
        .skip(1)
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let version = head.lines().next().unwrap_or_default();
    let expected = if speech.behind.is_http2() { "HTTP/2" } else { "HTTP/1.1" };
    if !version.ends_with(expected) {
        bail!("it sends `{version}` to backends");
    }
    let common = [
        ("host", "bench.example"),
        ("x-forwarded-for", "127.0.0.1"),
        ("x-forwarded-host", "bench.example"),
        ("x-forwarded-proto", if speech.tls { "https" } else { "http" }),
    ];
    let of_calls = [("content-type", "application/grpc"), ("te", "trailers")];
    for (name, expected) in common.into_iter().chain(of_calls.into_iter().filter(|_| speech.is_grpc())) {
        let value = fields.get(name).map_or("nothing", String::as_str);
        if value != expected {
            bail!("it sends {value} as {name} to backends, not {expected}");
        }
    }
    let via = if speech.is_http2() { "2 " } else { "1.1 " };
    if !fields.get("via").is_some_and(|sent| sent.starts_with(via)) {
        bail!("it sends no via to backends that begins with {via}");
    }
    for ended in ["x-real-ip", "forwarded"] {
        if fields.contains_key(ended) {
            bail!("it sends {ended} to backends");
        }
    }
    if fields.get("connection").is_some_and(|value| !value.eq_ignore_ascii_case("keep-alive")) {
        bail!("it doesn't keep connections to backends");
    }
    Ok(fields)
}

/// What the last of many routes makes of a request. That the backend serves it shows that the prefix is off.
fn compare_routes(fields: &Fields) -> Result<()> {
    let prefix = format!("/site-{ROUTES}");
    let field = |name| fields.get(name).map_or("", String::as_str);
    if !field("x-forwarded-uri").starts_with(&format!("{prefix}/")) || field("x-forwarded-prefix") != prefix {
        bail!("it doesn't tell backends what it has stripped: {fields:?}");
    }
    if field("x-site") != "bench" || !field("x-debug").is_empty() {
        bail!("it has other rules for fields: {fields:?}");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const RIGHT: &str = "GET /12 HTTP/1.1\r\nHost: bench.example\r\nX-Forwarded-For: 127.0.0.1\r\n\
        X-Forwarded-Host: bench.example\r\nX-Forwarded-Proto: http\r\nVia: 1.1 x\r\n\r\n";

    #[test]
    fn the_common_fields_are_right() {
        compare(RIGHT, Speech::HTTP1).unwrap();
        compare(&RIGHT.to_ascii_lowercase().replace("http/1.1", "HTTP/1.1"), Speech::HTTP1).unwrap();
    }

    #[test]
    fn other_work_is_told_from_it() {
        for (part, other) in [
            ("HTTP/1.1", "HTTP/1.0"),
            ("X-Forwarded-For: 127.0.0.1\r\n", ""),
            ("Forwarded-Proto: http", "Forwarded-Proto: https"),
            ("Via: 1.1 x", "Via2: 1.1 x"),
            ("Via:", "Connection: close\r\nVia:"),
            ("Via:", "X-Real-IP: 127.0.0.1\r\nVia:"),
        ] {
            let head = RIGHT.replace(part, other);
            assert_ne!(head, RIGHT);
            compare(&head, Speech::HTTP1).unwrap_err();
        }
    }

    #[test]
    fn the_last_route_has_its_rules() {
        let head = RIGHT.replace(
            "\r\n\r\n",
            "\r\nX-Forwarded-Uri: /site-20/12\r\nX-Forwarded-Prefix: /site-20\r\nX-Site: bench\r\n\r\n",
        );
        compare_routes(&compare(&head, Speech::HTTP1).unwrap()).unwrap();
        for (part, other) in [
            ("X-Forwarded-Uri: /site-20", "X-Forwarded-Uri: "),
            ("X-Forwarded-Prefix: /site-20", "X-Forwarded-Prefix: /site-2"),
            ("X-Site: bench\r\n", ""),
            ("X-Site:", "X-Debug: 1\r\nX-Site:"),
        ] {
            let head = head.replace(part, other);
            compare_routes(&compare(&head, Speech::HTTP1).unwrap()).unwrap_err();
        }
    }

    #[test]
    fn a_call_says_that_it_is_one() {
        let right = "HTTP/2\r\nhost: bench.example\r\nx-forwarded-for: 127.0.0.1\r\nx-forwarded-host: bench.example\r\n\
            x-forwarded-proto: http\r\nvia: 2 x\r\nte: trailers\r\ncontent-type: application/grpc\r\n";
        compare(right, Speech::grpc(1)).unwrap();
        for other in ["te: trailers\r\n", "content-type: application/grpc\r\n"] {
            compare(&right.replace(other, ""), Speech::grpc(1)).unwrap_err();
        }
        compare(&right.replace("HTTP/2", "HTTP/1.1"), Speech::grpc(1)).unwrap_err();
    }
}
