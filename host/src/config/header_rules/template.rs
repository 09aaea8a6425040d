//! Values of fields: texts with named values in them.

use super::super::read::{Value, closest, excerpt, list};

const BRACES: &str = "write `{{` and `}}` for braces, and a value such as `{client}`";

/// Longest text of a value, bytes.
const LONGEST: usize = 8 << 10;

/// A value as pieces, of which there is one at least.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template(pub Box<[Piece]>);

/// A piece of a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// A text that any field may hold.
    Text(Box<str>),
    /// What is known of the request only.
    Value(NamedValue),
}

/// What is known of a request under a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NamedValue {
    /// The client's address: the peer's, or what a trusted proxy says.
    Client,
    /// The other end of the connection.
    Peer,
    /// `Host` as the client wrote it.
    Host,
    /// The same without a port.
    Hostname,
    /// How the client speaks to the proxy.
    Scheme,
    /// The port that the client has connected to.
    Port,
    /// The method.
    Method,
    /// The path as the client wrote it.
    Path,
    /// The query as the client wrote it, without its question mark.
    Query,
    /// Path and query as the client wrote them.
    Uri,
    /// The request's id.
    RequestId,
    /// The route's name.
    Route,
    /// The pool's name.
    Pool,
    /// The backend's name.
    Backend,
    /// The name that the client has asked for in its TLS handshake.
    TlsServerName,
    /// The certificate by which the client is authenticated, as in `Client-Cert` (RFC 9440).
    TlsClientCert,
}

impl NamedValue {
    /// All, with their names.
    const ALL: [(&str, Self); 16] = [
        ("client", Self::Client),
        ("peer", Self::Peer),
        ("host", Self::Host),
        ("hostname", Self::Hostname),
        ("scheme", Self::Scheme),
        ("port", Self::Port),
        ("method", Self::Method),
        ("path", Self::Path),
        ("query", Self::Query),
        ("uri", Self::Uri),
        ("request_id", Self::RequestId),
        ("route", Self::Route),
        ("pool", Self::Pool),
        ("backend", Self::Backend),
        ("tls_server_name", Self::TlsServerName),
        ("tls_client_cert", Self::TlsClientCert),
    ];
}

/// Reads a value of a field.
pub(super) fn template(value: &Value<'_>) -> Option<Template> {
    if value.raw().as_str() == Some("") {
        value.fail("is empty", "name the field in `remove` to get rid of it");
        return None;
    }
    let text = value.string()?;
    if let Some(wrong) = text.chars().find(|sign| sign.is_control()) {
        let message = format!("holds {}, which no field can hold", wrong.escape_default());
        value.fail(message, "write it without control characters and line breaks");
        return None;
    }
    if text.trim() != text || text.len() > LONGEST {
        value.fail(
            format!("begins or ends with a space, or is longer than {LONGEST} bytes"),
            "spaces at the ends of a field don't count: write it without them",
        );
        return None;
    }
    match pieces(text) {
        Ok(pieces) => Some(Template(pieces.into())),
        Err((message, hint)) => {
            value.fail(message, hint);
            None
        }
    }
}

/// A text as pieces.
///
/// # Errors
///
/// What is wrong with it, and what to do.
fn pieces(text: &str) -> Result<Vec<Piece>, (String, String)> {
    let (mut pieces, mut fixed, mut rest) = (Vec::new(), String::new(), text);
    while let Some(brace) = rest.find(['{', '}']) {
        fixed.push_str(&rest[..brace]);
        let from = &rest[brace..];
        if from.starts_with("{{") || from.starts_with("}}") {
            fixed.push_str(&from[..1]);
            rest = &from[2..];
            continue;
        }
        let at = text.len() - from.len() + 1;
        let name = from.strip_prefix('{').and_then(|from| from.split_once('}'));
        let Some((name, after)) = name else {
            let message =
                format!("has a brace at character {} without its other one", text[..at].chars().count());
            return Err((message, BRACES.to_owned()));
        };
        if !fixed.is_empty() {
            pieces.push(Piece::Text(std::mem::take(&mut fixed).into()));
        }
        pieces.push(Piece::Value(named(name)?));
        rest = after;
    }
    fixed.push_str(rest);
    if !fixed.is_empty() {
        pieces.push(Piece::Text(fixed.into()));
    }
    Ok(pieces)
}

fn named(name: &str) -> Result<NamedValue, (String, String)> {
    let known = || NamedValue::ALL.iter().map(|(known, _)| *known);
    if let Some((_, value)) = NamedValue::ALL.iter().find(|(known, _)| *known == name) {
        return Ok(*value);
    }
    let hint = match closest(name, known()) {
        Some(near) => format!("did you mean `{{{near}}}`?"),
        None => format!("the values are {}; {BRACES}", list(known())),
    };
    Err((format!("there is no value `{}`", excerpt(name)), hint))
}
