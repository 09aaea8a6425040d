//! What has come in at each listener.

use std::fmt;

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
