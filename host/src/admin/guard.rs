//! Who may ask at all: programs, and the page that this server sent; no page of anybody else in an operator's browser.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Version, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::answer::Refused;
use super::token::{Token, TokenError};
use crate::config::AdminConfig;

/// What every answer says to browsers.
const SAFETY: [(HeaderName, HeaderValue); 4] = [
    (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
             frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
        ),
    ),
];

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// What has no secrets and needs no token.
const PROBES: [&str; 2] = ["/live", "/ready"];

/// The part of the server that needs a token.
const API: &str = "/api/";

/// The rules for requests to one admin server.
#[derive(Debug, Clone)]
pub struct Guard(Arc<Rules>);

#[derive(Debug)]
struct Rules {
    /// The address that is configured, if it is none of this machine's alone.
    address: Option<IpAddr>,
    /// Further names.
    hosts: Vec<String>,
    token: Option<Token>,
}

impl Guard {
    /// The rules of this configuration.
    ///
    /// # Errors
    ///
    /// The token can't be used.
    pub fn new(config: &AdminConfig) -> Result<Self, TokenError> {
        let address = config.address.ip().map(|ip| ip.to_canonical());
        let token = config.token_file.as_ref().map(|file| Token::read(&file.path)).transpose()?;
        Ok(Self(Arc::new(Rules { address, hosts: config.hosts.clone(), token })))
    }

    fn check(&self, request: &Request) -> Result<(), Refused> {
        let (headers, path) = (request.headers(), request.uri().path());
        let is_probe = PROBES.contains(&path);
        // Before there was HTTP/1.1 there was no such field, and load balancers still probe like that. Browsers don't.
        if !(is_probe && request.version() < Version::HTTP_11 && !headers.contains_key(header::HOST)) {
            let host = host(headers);
            self.0.check_host(host.as_ref())?;
        }
        // A target with a host in it counts more than the field.
        if let Some(authority) = request.uri().authority() {
            self.0.check_host(Some(authority))?;
        }
        check_site(headers)?;
        if is_preflight(request) {
            return Err(forbidden("preflight", "no other site's page may use this"));
        }
        match &self.0.token {
            Some(token) if path.starts_with(API) => check_token(token, headers),
            _ => Ok(()),
        }
    }
}

impl Rules {
    /// The name that a browser was told must be one of ours: else somebody's page has had its own name resolved to our address.
    fn check_host(&self, host: Option<&Authority>) -> Result<(), Refused> {
        let host = host.ok_or_else(|| forbidden("bad-host", "the field `host` is missing, or not a host"))?;
        let name = host.host().trim_end_matches('.').to_ascii_lowercase();
        let literal: Option<IpAddr> =
            name.trim_matches(['[', ']']).parse().ok().map(|ip: IpAddr| ip.to_canonical());
        let known = match literal {
            // A literal address was resolved by nobody, so any will do where all of this machine's are listened at.
            Some(ip) => {
                ip.is_loopback() || self.address.is_some_and(|ours| ours == ip || ours.is_unspecified())
            }
            None => name == "localhost" || self.hosts.contains(&name),
        };
        if known {
            return Ok(());
        }
        Err(forbidden(
            "unknown-host",
            format!("`{name}` is no name of this server; add it to `hosts` of [admin] if it is one"),
        ))
    }
}

/// The page that a browser asks for must be our own.
fn check_site(headers: &HeaderMap) -> Result<(), Refused> {
    let site = headers.get_all(SEC_FETCH_SITE);
    if site.iter().any(|site| site != "same-origin" && site != "none") {
        return Err(forbidden("cross-site", "another site's page asks for it"));
    }
    let ours = host(headers).map(|host| host.to_string().to_ascii_lowercase());
    let same = |origin: &HeaderValue| {
        let origin = origin.to_str().unwrap_or_default().to_ascii_lowercase();
        let authority = ["http://", "https://"].iter().find_map(|scheme| origin.strip_prefix(scheme));
        authority.is_some() && authority == ours.as_deref()
    };
    if headers.get_all(header::ORIGIN).iter().all(same) {
        return Ok(());
    }
    Err(forbidden("cross-origin", "another site's page asks for it"))
}

fn host(headers: &HeaderMap) -> Option<Authority> {
    let mut all = headers.get_all(header::HOST).iter();
    let host = all.next().filter(|_| all.next().is_none())?;
    Authority::try_from(host.as_bytes()).ok()
}

fn is_preflight(request: &Request) -> bool {
    request.method() == Method::OPTIONS
        && request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
}

fn check_token(token: &Token, headers: &HeaderMap) -> Result<(), Refused> {
    const SCHEME: &str = "bearer ";
    let mut all = headers.get_all(header::AUTHORIZATION).iter();
    let given = all.next().filter(|_| all.next().is_none()).map(HeaderValue::as_bytes).unwrap_or_default();
    let (scheme, given) = given.split_at_checked(SCHEME.len()).unwrap_or_default();
    if scheme.eq_ignore_ascii_case(SCHEME.as_bytes()) && token.is(given) {
        return Ok(());
    }
    Err(Refused::new(
        StatusCode::UNAUTHORIZED,
        "token",
        "send the token that `token_file` of [admin] holds, as `authorization: Bearer TOKEN`",
    ))
}

fn forbidden(error: &str, detail: impl std::fmt::Display) -> Refused {
    Refused::new(StatusCode::FORBIDDEN, error, detail)
}

/// Lets a request through to the routes or refuses it, and says to browsers what they may do with the answer.
pub(super) async fn guard(State(guard): State<Guard>, request: Request, next: Next) -> Response {
    let mut response = match guard.check(&request) {
        Ok(()) => next.run(request).await,
        Err(refused) => refused.into_response(),
    };
    if response.status() == StatusCode::UNAUTHORIZED {
        response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    for (name, value) in SAFETY {
        response.headers_mut().entry(name).or_insert(value);
    }
    response
}
