//! Requests to the admin server: each on a connection of its own, so that one which is gone costs nothing.

use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HOST, HeaderName, HeaderValue, IF_MATCH};
use http::{Method, Request};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::timeout;

use super::failure::Failure;
use super::target::{Address, Target};

/// For connecting.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// For an answer: a swap is answered when the plugin is compiled and serves, and a reload when all of them are.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(120);

/// Longest answer, bytes: ten thousand backends with their histograms are a few MiB.
const ANSWER_BYTES: usize = 64 << 20;

/// What is asked of the admin server.
#[derive(Debug)]
pub(super) struct Call {
    method: Method,
    path: String,
    content: Option<(HeaderValue, Bytes)>,
    replaces: Option<String>,
}

impl Call {
    pub(super) fn get(path: String) -> Self {
        Self { method: Method::GET, path, content: None, replaces: None }
    }

    /// A change that is said as JSON.
    pub(super) fn json(method: Method, path: String, content: &serde_json::Value) -> Self {
        let content = (HeaderValue::from_static("application/json"), content.to_string().into());
        Self { method, path, content: Some(content), replaces: None }
    }

    /// A plugin in place of what is there.
    pub(super) fn plugin(path: String, plugin: Vec<u8>) -> Self {
        let content = (HeaderValue::from_static("application/wasm"), plugin.into());
        Self { method: Method::PUT, path, content: Some(content), replaces: None }
    }

    /// Only if this version is what is replaced.
    pub(super) fn replacing(self, version: Option<&str>) -> Self {
        Self { replaces: version.map(|version| format!("\"{version}\"")), ..self }
    }
}

/// Speaks with one admin server.
#[derive(Debug, Clone)]
pub(super) struct Client {
    target: Target,
}

impl Client {
    pub(super) fn new(target: Target) -> Self {
        Self { target }
    }

    /// Where it speaks to.
    pub(super) fn address(&self) -> String {
        match &self.target.address {
            Address::Tcp(address) => address.clone(),
            Address::Unix(path) => format!("unix:{}", path.display()),
        }
    }

    /// The content of the answer.
    ///
    /// # Errors
    ///
    /// There is no answer, or it isn't a success.
    pub(super) async fn call(&self, call: Call) -> Result<Bytes, Failure> {
        let request = self.request(call)?;
        let connected = async {
            match &self.target.address {
                Address::Tcp(address) => TcpStream::connect(address).await.map(Stream::Tcp),
                Address::Unix(path) => UnixStream::connect(path).await.map(Stream::Unix),
            }
        };
        let stream = match timeout(CONNECT_TIMEOUT, connected).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => return Err(self.unreachable(error)),
            Err(_) => return Err(self.unreachable("connecting takes too long")),
        };
        let answered = async {
            match stream {
                Stream::Tcp(stream) => self.exchange(stream, request).await,
                Stream::Unix(stream) => self.exchange(stream, request).await,
            }
        };
        timeout(ANSWER_TIMEOUT, answered)
            .await
            .unwrap_or_else(|_| Err(self.unreachable("the answer takes too long")))
    }

    fn request(&self, call: Call) -> Result<Request<Full<Bytes>>, Failure> {
        let invalid = |error: http::Error| Failure::Usage(error.to_string());
        let host = match &self.target.address {
            Address::Tcp(address) => address.as_str(),
            Address::Unix(_) => "localhost",
        };
        let mut request = Request::builder().method(call.method).uri(call.path).header(HOST, host);
        let mut add = |name: HeaderName, value: Result<HeaderValue, http::Error>| {
            value.map(|value| request.headers_mut().map(|headers| headers.insert(name, value)))
        };
        let read = |text: &str| HeaderValue::from_str(text).map_err(http::Error::from);
        add(ACCEPT, Ok(HeaderValue::from_static("application/json"))).map_err(invalid)?;
        if let Some(token) = &self.target.token {
            let secret = read(&format!("Bearer {token}")).map(|mut value| {
                value.set_sensitive(true);
                value
            });
            add(AUTHORIZATION, secret).map_err(invalid)?;
        }
        if let Some(version) = &call.replaces {
            add(IF_MATCH, read(version)).map_err(invalid)?;
        }
        let (kind, content) = call.content.unzip();
        if let Some(kind) = kind {
            add(CONTENT_TYPE, Ok(kind)).map_err(invalid)?;
        }
        request.body(Full::new(content.unwrap_or_default())).map_err(invalid)
    }

    async fn exchange<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
        &self,
        stream: S,
        request: Request<Full<Bytes>>,
    ) -> Result<Bytes, Failure> {
        let lost = |error: hyper::Error| self.unreachable(format_args!("{error}: is it an admin server?"));
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(lost)?;
        let driver = tokio::spawn(connection);
        let answer = sender.send_request(request).await.map_err(lost)?;
        let status = answer.status();
        let body = Limited::new(answer.into_body(), ANSWER_BYTES).collect().await;
        driver.abort();
        let body =
            body.map_err(|error| self.unreachable(format_args!("the answer broke off: {error}")))?.to_bytes();
        if status.is_success() { Ok(body) } else { Err(Failure::of_answer(status, &body)) }
    }

    fn unreachable(&self, why: impl std::fmt::Display) -> Failure {
        Failure::Unreachable(format!(
            "cannot reach the admin server at {}: {why}; is the proxy running, with `[admin]` in its configuration? If \
             that address was changed, the proxy keeps the one before until a restart: name it with `--address`",
            self.address()
        ))
    }
}

enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}
