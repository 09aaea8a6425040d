//! `[listener.tls]`: certificates, and what is asked of handshakes.

use std::ops::RangeInclusive;
use std::time::Duration;

use http::HeaderValue;

use super::acme::{AcmeConfig, Around, acme};
use super::certificate_files::{CertificateFiles, NamedFile, certificate, file};
use super::listener_http2::Http2Use;
use super::read::{Section, Value, choice, excerpt};

const TLS: &str = "write `[listener.tls]` below its `[[listener]]`";
const CERTIFICATES: &str = "write `certificates = [{ cert = \"site.crt\", key = \"site.key\" }]`";

/// Range of `handshake_timeout`.
const HANDSHAKE: RangeInclusive<Duration> = Duration::from_millis(100)..=Duration::from_secs(300);

/// TLS of a listener.
#[derive(Debug, Clone, PartialEq)]
pub struct TlsConfig {
    /// At least one; the first is the default. Those that are ordered come last.
    pub certificates: Vec<CertificateFiles>,
    /// How certificates are ordered. `acme`, none.
    pub acme: Option<AcmeConfig>,
    /// The oldest version that is spoken. `min_version`, 1.2.
    pub min_version: TlsVersion,
    /// What becomes of a client that asks for a name without a certificate. `unknown_name`, the default certificate.
    pub unknown_name: UnknownName,
    /// From accepting a connection, or from the end of its PROXY header, to the end of its handshake. `handshake_timeout`, 10 s.
    pub handshake_timeout: Duration,
    /// Whether sessions go on by tickets. `tickets`, true.
    pub tickets: bool,
    /// Files with keys of tickets; the first one makes tickets. Random ones if there are none.
    pub ticket_keys: Vec<NamedFile>,
    /// How clients are authenticated. They aren't asked for certificates if there is none.
    pub client_auth: Option<ClientAuthConfig>,
    /// `Strict-Transport-Security` of responses that have none. `hsts`, none.
    pub hsts: Option<HeaderValue>,
    /// Whether handshakes offer HTTP/2. `http2` of the listener.
    pub http2: Http2Use,
}

/// Authentication of clients by certificates.
#[derive(Debug, Clone, PartialEq)]
pub struct ClientAuthConfig {
    /// The authorities whose certificates are accepted, in PEM form.
    pub ca: NamedFile,
    /// Their lists of revoked certificates, in PEM form.
    pub crl: Option<NamedFile>,
    /// Whether a client may have none. `mode`, required.
    pub mode: ClientAuthMode,
    /// How backends are told of the client's certificate. `client_cert_header` of the listener's TLS, `Client-Cert`.
    pub header: ClientCertHeader,
}

/// Whether a client may have no certificate. One that isn't accepted ends the handshake in any case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientAuthMode {
    /// It has to have one.
    Required,
    /// It may have none.
    Optional,
}

/// How backends are told of a client's certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientCertHeader {
    /// `Client-Cert` (RFC 9440): the certificate itself.
    ClientCert,
    /// `X-Forwarded-Client-Cert`: its hash and names, as Envoy does it.
    Xfcc,
    /// Not at all.
    None,
}

/// A version of TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TlsVersion {
    /// TLS 1.2 (RFC 5246).
    Tls12,
    /// TLS 1.3 (RFC 8446).
    Tls13,
}

/// What becomes of a client that asks for a name without a certificate, or for none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnknownName {
    /// It gets the default certificate.
    Default,
    /// Its handshake is refused.
    Refuse,
}

/// Reads the section of a listener that speaks HTTP/2 or not.
pub(super) fn tls(value: &Value<'_>, http2: Http2Use, around: Around<'_>) -> Option<TlsConfig> {
    Section::read(value, TLS, |section| {
        let certificates = certificates(section);
        let acme = section.get("acme").map_or(Some(None), |value| acme(&value, around).map(Some));
        let versions = [("1.2", TlsVersion::Tls12), ("1.3", TlsVersion::Tls13)];
        let min_version = choice(section, "min_version", TlsVersion::Tls12, &versions);
        let names = [("default", UnknownName::Default), ("refuse", UnknownName::Refuse)];
        let unknown_name = choice(section, "unknown_name", UnknownName::Default, &names);
        let handshake_timeout = section.duration("handshake_timeout", Duration::from_secs(10), HANDSHAKE);
        let tickets = section.boolean("tickets", true);
        let ticket_keys = ticket_keys(section, tickets);
        let client_auth = client_auth(section);
        let hsts = section.get("hsts").map_or(Some(None), |value| hsts(&value).map(Some));
        let (mut certificates, acme) = (certificates?, acme?);
        certificates.extend(acme.iter().flat_map(AcmeConfig::certificates));
        Some(TlsConfig {
            certificates,
            acme,
            min_version: min_version?,
            unknown_name: unknown_name?,
            handshake_timeout,
            tickets,
            ticket_keys: ticket_keys?,
            client_auth: client_auth?,
            hsts: hsts?,
            http2,
        })
    })
}

fn certificates(section: &mut Section<'_>) -> Option<Vec<CertificateFiles>> {
    let Some(value) = section.get("certificates") else {
        if section.get("acme").is_some() {
            return Some(Vec::new());
        }
        section.fail("certificates", "is missing", CERTIFICATES);
        return None;
    };
    let items = value.items(CERTIFICATES)?;
    if items.is_empty() {
        value.fail("there is no certificate", CERTIFICATES);
        return None;
    }
    let files: Vec<_> = items.iter().map(certificate).collect();
    files.into_iter().collect()
}

/// A value of `Strict-Transport-Security` (RFC 6797 section 6.1).
fn hsts(value: &Value<'_>) -> Option<HeaderValue> {
    let text = value.string()?;
    let mut directives = text.split(';').map(str::trim);
    let is_number =
        |age: &str| (1..=10).contains(&age.len()) && age.bytes().all(|digit| digit.is_ascii_digit());
    let has_age = directives.next().and_then(|first| first.strip_prefix("max-age=")).is_some_and(is_number);
    let are_known = directives.all(|directive| ["includeSubDomains", "preload"].contains(&directive));
    if !has_age || !are_known {
        let message = format!("`{}` is no value of Strict-Transport-Security", excerpt(text));
        value.fail(
            message,
            "write `\"max-age=31536000\"`, with `; includeSubDomains` if it is for all hosts below, too",
        );
        return None;
    }
    HeaderValue::from_str(text).ok()
}

fn ticket_keys(section: &mut Section<'_>, tickets: bool) -> Option<Vec<NamedFile>> {
    let Some(value) = section.get("ticket_keys") else { return Some(Vec::new()) };
    let items = value.items("write `ticket_keys = [\"new.key\", \"old.key\"]`")?;
    if !tickets && !items.is_empty() {
        value.fail("is for tickets, which are off", "leave it out, or `tickets = false`");
    }
    let files: Vec<_> = items.iter().map(file).collect();
    files.into_iter().collect()
}

fn client_auth(section: &mut Section<'_>) -> Option<Option<ClientAuthConfig>> {
    let headers = [
        ("client-cert", ClientCertHeader::ClientCert),
        ("xfcc", ClientCertHeader::Xfcc),
        ("none", ClientCertHeader::None),
    ];
    let value = section.get("client_auth");
    let header = choice(section, "client_cert_header", ClientCertHeader::ClientCert, &headers);
    let Some(value) = value else {
        if section.get("client_cert_header").is_some() {
            let hint = "leave it out, or add `client_auth = { ca = \"clients.crt\" }`";
            section.fail("client_cert_header", "is for client certificates, which nobody is asked for", hint);
        }
        return Some(None);
    };
    Section::read(&value, "write `client_auth = { ca = \"clients.crt\" }`", |section| {
        let ca = section.required("ca", "ca = \"clients.crt\"").and_then(|value| file(&value));
        let crl = section.get("crl").map_or(Some(None), |value| file(&value).map(Some));
        let modes = [("required", ClientAuthMode::Required), ("optional", ClientAuthMode::Optional)];
        let mode = choice(section, "mode", ClientAuthMode::Required, &modes);
        Some(Some(ClientAuthConfig { ca: ca?, crl: crl?, mode: mode?, header: header? }))
    })
}
