//! What has come in at each listener.

use std::fmt;

use pointsman_core::counts::ResetSide;

use super::families::Families;
use super::scrape::Scrape;
use crate::proxy_protocol::HeaderFailure;

pub(super) fn encode(scrape: &Scrape, families: &mut Families<'_>) -> fmt::Result {
    let names: Vec<String> =
        scrape.status.listeners.iter().map(|listener| listener.address.to_string()).collect();
    let rows = || names.iter().map(String::as_str).zip(&scrape.status.listeners);
    macro_rules! of_listeners {
        (|$listener:ident| $value:expr) => {
            rows().map(|(name, $listener)| ([("listener", name)], $value))
        };
    }
    let described = ("listener_connections", "Connections of clients at the moment");
    families.gauge(described, of_listeners!(|listener| listener.connections.taken() as f64))?;
    let described = ("listener_connections_limit", "Connections that clients may have at a time");
    families.gauge(described, of_listeners!(|listener| listener.connections.limit() as f64))?;
    let described = ("listener_connections_accepted", "Connections that were accepted");
    families.counter(described, of_listeners!(|listener| listener.counts.connections()))?;
    let described = (
        "listener_connections_refused",
        "Connections that found no room and had to wait, or make others close",
    );
    families.counter(described, of_listeners!(|listener| listener.connections.shortages()))?;
    let described = ("listener_requests", "Requests that have ended");
    families.counter(described, of_listeners!(|listener| listener.counts.requests()))?;
    let refused = rows().flat_map(|(name, listener)| {
        listener.counts.refused().map(move |(error, count)| ([("listener", name), ("error", error)], count))
    });
    families.counter(
        ("listener_refused_requests", "Requests that were refused before they came to a pool"),
        refused,
    )?;
    let described = (
        "listener_received_bytes",
        "Bytes that came from clients, without what TLS adds and tunnels over HTTP/1",
    );
    families.counter(described, of_listeners!(|listener| listener.counts.received_bytes()))?;
    let described = (
        "listener_sent_bytes",
        "Bytes that were sent to clients, without what TLS adds and tunnels over HTTP/1",
    );
    families.counter(described, of_listeners!(|listener| listener.counts.sent_bytes()))?;
    http2(&names, scrape, families)?;
    let headers =
        rows().filter_map(|(name, listener)| Some((name, listener.proxy_protocol.as_ref()?.counts())));
    let failed = headers.flat_map(|(name, counts)| {
        HeaderFailure::ALL
            .map(|failure| ([("listener", name), ("reason", failure.label())], counts.failed(failure)))
    });
    let described =
        ("proxy_protocol_errors", "Connections that were closed for want of a usable PROXY header");
    families.counter(described, failed)
}

fn http2(names: &[String], scrape: &Scrape, families: &mut Families<'_>) -> fmt::Result {
    let rows = || {
        let counts = scrape.status.listeners.iter().map(|listener| &listener.counts.http2);
        names.iter().map(String::as_str).zip(counts)
    };
    let connections = rows().map(|(name, counts)| ([("listener", name)], counts.connections() as f64));
    families.gauge(("listener_http2_connections", "Connections over HTTP/2 at the moment"), connections)?;
    let streams = rows().map(|(name, counts)| ([("listener", name)], counts.streams() as f64));
    families.gauge(("listener_http2_streams", "Requests over HTTP/2 at the moment"), streams)?;
    let resets = rows().flat_map(|(name, counts)| {
        ResetSide::ALL.into_iter().flat_map(move |side| {
            let codes = counts.resets(side);
            codes.map(move |(code, count)| {
                ([("listener", name), ("side", side.name()), ("code", code)], count)
            })
        })
    });
    let described = ("listener_http2_resets", "Streams that were reset, by the side that did and its code");
    families.counter(described, resets)?;
    let goaways = rows().flat_map(|(name, counts)| {
        counts.goaways().map(move |(cause, count)| ([("listener", name), ("cause", cause)], count))
    });
    families.counter(("listener_http2_goaways", "Connections that the proxy told to send no more"), goaways)
}
