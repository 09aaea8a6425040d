//! Handshakes, and the certificates that they are made with.

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use super::families::Families;
use super::scrape::Scrape;
use crate::tls::{HandshakeCounts, HandshakeFailure, ListenerTls};

pub(super) fn encode(scrape: &Scrape, families: &mut Families<'_>) -> fmt::Result {
    let listeners: Vec<(String, &Arc<ListenerTls>)> = scrape
        .status
        .listeners
        .iter()
        .filter_map(|listener| Some((listener.address.to_string(), listener.tls.as_ref()?)))
        .collect();
    let counts = || listeners.iter().map(|(name, tls)| (name.as_str(), tls.counts()));
    let completed = counts().flat_map(|(name, counts)| {
        [(false, false), (false, true), (true, false), (true, true)].map(|(is_13, is_resumed)| {
            let version = if is_13 { "1.3" } else { "1.2" };
            let resumed = if is_resumed { "yes" } else { "no" };
            let labels = [("listener", name), ("version", version), ("resumed", resumed)];
            (labels, HandshakeCounts::completed(counts, is_13, is_resumed))
        })
    });
    families.counter(("tls_handshakes", "Handshakes with clients that were completed"), completed)?;
    let took = counts().map(|(name, counts)| ([("listener", name)], counts.times()));
    let described = ("tls_handshake_seconds", "How long handshakes took that were completed");
    families.histogram(described, took)?;
    let failed = counts().flat_map(|(name, counts)| {
        HandshakeFailure::ALL
            .map(|failure| ([("listener", name), ("reason", failure.label())], counts.failed(failure)))
    });
    families.counter(("tls_handshakes_failed", "Handshakes with clients that failed"), failed)?;
    let unnamed = counts().map(|(name, counts)| ([("listener", name)], counts.unnamed()));
    let described = (
        "tls_handshakes_unnamed",
        "Handshakes with the default certificate, for want of one for the client's name",
    );
    families.counter(described, unnamed)?;
    let now = SystemTime::now();
    let certificates: Vec<(&str, String, f64)> = listeners
        .iter()
        .flat_map(|(name, tls)| {
            tls.validities(now).into_iter().map(|(file, left)| (name.as_str(), file, left))
        })
        .collect();
    let left =
        certificates.iter().map(|(name, file, left)| ([("listener", *name), ("certificate", file)], *left));
    families.gauge(
        ("tls_certificate_expiry_seconds", "Until the certificate expires; negative once it has"),
        left,
    )
}
