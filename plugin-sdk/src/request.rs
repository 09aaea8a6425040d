//! The request that a backend is picked for.

use crate::abi::{hash_source, request_field};
use crate::buffers;
use crate::imports::number;
use crate::link::host;
use crate::percent;
use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU64;

/// The request that a backend is picked for.
///
/// Like [`Backends`](crate::Backends) it is a handle without content: nothing of a request is copied before a
/// policy asks. Methods that answer a `String` allocate; [`hash`](Self::hash) gives a number instead, computed by
/// the host.
///
/// ```
/// use pointsman_sdk::testing::{TestHost, TestRequest};
///
/// let get = TestRequest::new().path("/v1/users").query("id=7").header("Accept", "text/html").client_ip([10, 0, 0, 7]);
/// TestHost::new().ask(&get, |request, _| {
///     assert_eq!(request.method(), "GET");
///     assert_eq!(request.path(), "/v1/users");
///     assert_eq!(request.query().as_deref(), Some("id=7"));
///     assert_eq!(request.header("accept").as_deref(), Some("text/html"));
///     assert_eq!(request.client_ip(), Some([10, 0, 0, 7].into()));
/// });
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Request(());

impl Request {
    /// The request that the policy is being called for.
    pub(crate) fn current() -> Self {
        Self(())
    }

    /// `GET`, `POST` …
    #[must_use]
    pub fn method(&self) -> String {
        self.text(request_field::METHOD).unwrap_or_default()
    }

    /// `http` or `https`, as the client spoke to the proxy.
    #[must_use]
    pub fn scheme(&self) -> String {
        self.text(request_field::SCHEME).unwrap_or_default()
    }

    /// `HTTP/1.0`, `HTTP/1.1` or `HTTP/2`, as the client speaks to the proxy, whatever the backend is asked by.
    ///
    /// Empty in a proxy that is older than this function.
    ///
    /// ```
    /// use pointsman_sdk::testing::{TestHost, TestRequest};
    ///
    /// let host = TestHost::new();
    /// let protocol = |request| host.ask(&request, |request, _| request.protocol());
    /// assert_eq!(protocol(TestRequest::new()), "HTTP/1.1");
    /// assert_eq!(protocol(TestRequest::new().protocol("HTTP/2")), "HTTP/2");
    /// ```
    #[must_use]
    pub fn protocol(&self) -> String {
        self.text(request_field::PROTOCOL).unwrap_or_default()
    }

    /// What the route is called that the request takes: the `name` of a `[[route]]`. Nothing if it has none, and in a proxy that is
    /// older than this function.
    ///
    /// ```
    /// use pointsman_sdk::testing::{TestHost, TestRequest};
    ///
    /// let host = TestHost::new();
    /// let route = |request| host.ask(&request, |request, _| request.route());
    /// assert_eq!(route(TestRequest::new()), None);
    /// assert_eq!(route(TestRequest::new().route("checkout")).as_deref(), Some("checkout"));
    /// ```
    #[must_use]
    pub fn route(&self) -> Option<String> {
        self.text(request_field::ROUTE)
    }

    /// Host and port that the client asked for.
    #[must_use]
    pub fn authority(&self) -> String {
        self.text(request_field::AUTHORITY).unwrap_or_default()
    }

    /// Path, without the query.
    #[must_use]
    pub fn path(&self) -> String {
        self.text(request_field::PATH).unwrap_or_default()
    }

    /// Query, without the question mark, if there is one.
    #[must_use]
    pub fn query(&self) -> Option<String> {
        self.text(request_field::QUERY)
    }

    /// First value of the query's parameter `name`, decoded, if there is one. A parameter without `=` is empty.
    ///
    /// ```
    /// use pointsman_sdk::testing::{TestHost, TestRequest};
    ///
    /// let get = TestRequest::new().query("lang=en&file=a%2Fb+c");
    /// assert_eq!(TestHost::new().ask(&get, |request, _| request.parameter("file")).as_deref(), Some("a/b c"));
    /// ```
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<String> {
        percent::parameter(&self.query()?, name)
    }

    /// First value of the header `name`, if there is one. Case does not matter in the name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<String> {
        buffers::text(|buf| host().header(name, buf)).ok()
    }

    /// Address of the client. IPv4 is IPv4 even where the listener speaks both.
    #[must_use]
    pub fn client_ip(&self) -> Option<IpAddr> {
        let mut octets = [0; 16];
        let family = host().client_ip(&mut octets);
        matches!(family, 4 | 6).then(|| Ipv6Addr::from(octets).to_canonical())
    }

    /// Stable hash of a part of the request; `None` if the request has no such part.
    ///
    /// The seed comes from the pool's configuration, so all workers, and all proxies with the same
    /// configuration, agree on the hash.
    ///
    /// ```
    /// use pointsman_sdk::HashKey;
    /// use pointsman_sdk::testing::{TestHost, TestRequest};
    ///
    /// let host = TestHost::new();
    /// let hash = |user| host.ask(&TestRequest::new().header("x-user", user), |request, _| request.hash(HashKey::Header("x-user")));
    /// assert_eq!(hash("ada"), hash("ada"));
    /// assert_ne!(hash("ada"), hash("bob"));
    /// assert_eq!(host.ask(&TestRequest::new(), |request, _| request.hash(HashKey::Cookie("session"))), None);
    /// ```
    #[must_use]
    pub fn hash(&self, key: HashKey<'_>) -> Option<NonZeroU64> {
        let (source, name) = match key {
            HashKey::ClientIp => (hash_source::CLIENT_IP, ""),
            HashKey::Header(name) => (hash_source::HEADER, name),
            HashKey::Cookie(name) => (hash_source::COOKIE, name),
            HashKey::Path => (hash_source::PATH, ""),
            HashKey::Query(name) => (hash_source::QUERY, name),
        };
        NonZeroU64::new(host().hash(source, name).cast_unsigned())
    }

    /// 0 for the first attempt, 1 for the first retry and so on.
    #[must_use]
    pub fn attempt(&self) -> u32 {
        u32::try_from(host().attempt()).unwrap_or(0)
    }

    /// Whether this request may not use the backend again, because it was tried or found full.
    ///
    /// Ask in the first attempt too: a backend found full is marked there.
    ///
    /// ```
    /// use pointsman_sdk::testing::{TestHost, TestRequest};
    ///
    /// let retry = TestRequest::new().attempt(1).tried("a");
    /// TestHost::new().backend("a").backend("b").ask(&retry, |request, _| {
    ///     assert_eq!((request.attempt(), request.tried(0), request.tried(1)), (1, true, false));
    /// });
    /// ```
    #[must_use]
    pub fn tried(&self, index: usize) -> bool {
        host().tried(number(index)) > 0
    }

    fn text(&self, field: i32) -> Option<String> {
        buffers::text(|buf| host().request_text(field, buf)).ok()
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Request")
    }
}

/// What [`Request::hash`] hashes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HashKey<'a> {
    /// The client's address, without its port.
    ClientIp,
    /// The first value of this header.
    Header(&'a str),
    /// The value of this cookie.
    Cookie(&'a str),
    /// The path, without the query.
    Path,
    /// The first value of this query parameter, as it was sent.
    Query(&'a str),
}
