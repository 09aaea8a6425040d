//! The request of a native test.

use std::collections::BTreeMap;
use std::net::IpAddr;

/// A request to pick for: `GET http://test.example/` over HTTP/1.1 from 203.0.113.1 unless the test says otherwise.
///
/// ```
/// use pointsman_sdk::testing::{TestHost, TestRequest};
///
/// let request = TestRequest::new().method("POST").header("cookie", "lang=en; session=s7").no_client_ip();
/// TestHost::new().ask(&request, |request, _| {
///     assert_eq!((request.method().as_str(), request.client_ip()), ("POST", None));
///     assert_eq!(request.header("Cookie").as_deref(), Some("lang=en; session=s7"));
/// });
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TestRequest {
    pub(super) method: String,
    pub(super) scheme: String,
    pub(super) protocol: String,
    pub(super) route: Option<String>,
    pub(super) authority: String,
    pub(super) path: String,
    pub(super) query: Option<String>,
    /// Keys in lower case.
    pub(super) headers: BTreeMap<String, String>,
    pub(super) client_ip: Option<IpAddr>,
    pub(super) attempt: u32,
    /// Names of backends.
    pub(super) tried: Vec<String>,
}

impl TestRequest {
    /// The first attempt of a plain `GET /`.
    #[must_use]
    pub fn new() -> Self {
        Self {
            method: "GET".to_owned(),
            scheme: "http".to_owned(),
            protocol: "HTTP/1.1".to_owned(),
            route: None,
            authority: "test.example".to_owned(),
            path: "/".to_owned(),
            query: None,
            headers: BTreeMap::new(),
            client_ip: Some([203, 0, 113, 1].into()),
            attempt: 0,
            tried: Vec::new(),
        }
    }

    /// Sets the method.
    #[must_use]
    pub fn method(self, method: &str) -> Self {
        Self { method: method.to_owned(), ..self }
    }

    /// Sets the scheme: `http` or `https`.
    #[must_use]
    pub fn scheme(self, scheme: &str) -> Self {
        Self { scheme: scheme.to_owned(), ..self }
    }

    /// Sets what the route is called that it takes.
    #[must_use]
    pub fn route(self, name: &str) -> Self {
        Self { route: Some(name.to_owned()), ..self }
    }

    /// Sets the protocol: `HTTP/1.0`, `HTTP/1.1` or `HTTP/2`.
    #[must_use]
    pub fn protocol(self, protocol: &str) -> Self {
        Self { protocol: protocol.to_owned(), ..self }
    }

    /// Sets the host and port that the client asks for.
    #[must_use]
    pub fn authority(self, authority: &str) -> Self {
        Self { authority: authority.to_owned(), ..self }
    }

    /// Sets the path, without a query.
    #[must_use]
    pub fn path(self, path: &str) -> Self {
        Self { path: path.to_owned(), ..self }
    }

    /// Sets the query, without the question mark.
    #[must_use]
    pub fn query(self, query: &str) -> Self {
        Self { query: Some(query.to_owned()), ..self }
    }

    /// Sets a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.insert(name.to_ascii_lowercase(), value.to_owned());
        self
    }

    /// Sets the client's address: an [`IpAddr`], or its four bytes or eight groups.
    #[must_use]
    pub fn client_ip(self, address: impl Into<IpAddr>) -> Self {
        Self { client_ip: Some(address.into()), ..self }
    }

    /// A request whose client has no address, such as one over a Unix socket.
    #[must_use]
    pub fn no_client_ip(self) -> Self {
        Self { client_ip: None, ..self }
    }

    /// Sets the number of the attempt: 1 for the first retry.
    #[must_use]
    pub fn attempt(self, attempt: u32) -> Self {
        Self { attempt, ..self }
    }

    /// Marks a backend as tried, or found full, by this request.
    #[must_use]
    pub fn tried(mut self, backend: &str) -> Self {
        self.tried.push(backend.to_owned());
        self
    }

    pub(super) fn cookie(&self, name: &str) -> Option<&str> {
        let cookies = self.headers.get("cookie")?.split(';');
        cookies
            .filter_map(|cookie| cookie.trim().split_once('='))
            .find(|(key, _)| *key == name)
            .map(|(_, value)| value)
    }

    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        let parameters = self.query.as_deref()?.split('&');
        parameters
            .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
            .find(|(key, _)| *key == name)
            .map(|(_, value)| value)
    }
}

impl Default for TestRequest {
    fn default() -> Self {
        Self::new()
    }
}
