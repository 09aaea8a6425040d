//! Requests to an authority: each on a connection of its own, as there are a dozen in two months.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_TYPE, HOST, HeaderValue, LOCATION, RETRY_AFTER, USER_AGENT};
use http::{HeaderMap, Method, Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use instant_acme::{BodyWrapper, BytesResponse, Error, HttpClient};
use parking_lot::Mutex;
use pointsman_core::address::Address;
use pointsman_core::pool::BackendProtocol;
use pointsman_core::printable::Printable;
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;

use crate::tls::{BackendHost, BackendTls, TlsStream};

/// For connecting to one address. Where IPv6 leads nowhere, the next address is tried after this.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// For a request with its answer.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// Longest answer, bytes: a chain of certificates is a few KiB.
const ANSWER_BYTES: usize = 1 << 20;

/// Who asks.
const AGENT: &str = concat!("pointsman/", env!("CARGO_PKG_VERSION"), " instant-acme");

/// Why there is no answer of an authority.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{host}: {what}")]
pub(super) struct HttpsError {
    host: String,
    what: String,
}

/// How an authority is asked.
#[derive(Debug, Clone)]
pub(super) struct Https {
    tls: Arc<BackendTls>,
    /// How long the authority wants to be left alone, if it has said so.
    wish: Arc<Mutex<Option<Duration>>>,
}

impl Https {
    pub(super) fn new(tls: Arc<BackendTls>) -> Self {
        Self { tls, wish: Arc::default() }
    }

    /// How long the authority wants to be left alone, as it has said since this was last asked.
    pub(super) fn take_wish(&self) -> Option<Duration> {
        self.wish.lock().take()
    }

    async fn ask(&self, request: Request<BodyWrapper<Bytes>>) -> Result<Response<Full<Bytes>>, HttpsError> {
        let (uri, is_get) = (request.uri().clone(), request.method() == Method::GET);
        let host = uri.authority().map(ToString::to_string).unwrap_or_default();
        let fault = |what: String| HttpsError { host: host.clone(), what };
        let answered = timeout(REQUEST_TIMEOUT, self.exchange(&uri, request)).await;
        let response =
            answered.unwrap_or_else(|_| Err("doesn't answer in time".to_owned())).map_err(fault)?;
        let headers = response.headers();
        let status = response.status();
        if matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) {
            *self.wish.lock() = retry_after(headers);
        }
        match unusable(status, headers, is_get) {
            None => Ok(response),
            Some(what) => Err(fault(what)),
        }
    }

    async fn exchange(
        &self,
        uri: &Uri,
        mut request: Request<BodyWrapper<Bytes>>,
    ) -> Result<Response<Full<Bytes>>, String> {
        let stream = self.connect(uri).await?;
        let target = uri.path_and_query().map_or("/", |target| target.as_str());
        let host = uri.authority().map_or("", |host| host.as_str()).trim_end_matches(":443");
        let host = HeaderValue::from_str(host).map_err(|error| error.to_string())?;
        *request.uri_mut() = target.parse().map_err(|error: http::uri::InvalidUri| error.to_string())?;
        let headers = request.headers_mut();
        headers.insert(HOST, host);
        headers.insert(USER_AGENT, HeaderValue::from_static(AGENT));
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
        let broken = |error: hyper::Error| format!("the connection broke ({error})");
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(broken)?;
        let connection = tokio::spawn(connection);
        let response = sender.send_request(request).await.map_err(broken);
        let (parts, body) = match response {
            Ok(response) => response.into_parts(),
            Err(error) => {
                connection.abort();
                return Err(error);
            }
        };
        let body = Limited::new(body, ANSWER_BYTES).collect().await;
        connection.abort();
        let body = body.map_err(|error| format!("the answer is cut off or too long ({error})"))?;
        Ok(Response::from_parts(parts, Full::new(body.to_bytes())))
    }

    /// A connection to the first address that takes one.
    async fn connect(&self, uri: &Uri) -> Result<Box<TlsStream>, String> {
        let host = uri.host().unwrap_or_default();
        let name = host.trim_start_matches('[').trim_end_matches(']');
        let addresses = lookup_host((name, uri.port_u16().unwrap_or(443))).await;
        let addresses: Vec<SocketAddr> =
            addresses.map_err(|error| format!("the name can't be resolved ({error})"))?.collect();
        let mut what = "the name has no address".to_owned();
        for address in addresses {
            let socket = match timeout(CONNECT_TIMEOUT, TcpStream::connect(address)).await {
                Ok(Ok(socket)) => socket,
                Ok(Err(error)) => {
                    what = format!("can't be reached at {address} ({error})");
                    continue;
                }
                Err(_) => {
                    what = format!("can't be reached at {address} in time");
                    continue;
                }
            };
            let address = Address::Tcp(address);
            let backend = BackendHost { host: Some(name), address: &address };
            return self
                .tls
                .handshake(socket.into(), backend, BackendProtocol::Http1)
                .await
                .map_err(|error| error.to_string());
        }
        Err(what)
    }
}

impl HttpClient for Https {
    fn request(
        &self,
        request: Request<BodyWrapper<Bytes>>,
    ) -> Pin<Box<dyn Future<Output = Result<BytesResponse, Error>> + Send>> {
        let client = self.clone();
        Box::pin(async move {
            let answered = client.ask(request).await;
            answered.map(BytesResponse::from).map_err(|error| Error::Other(Box::new(error)))
        })
    }
}

/// What is wrong with an answer that isn't of an authority in order: it isn't looked at for a reason in the words of ACME. Nor is one to a GET:
/// what was asked for is read then, and nothing else.
fn unusable(status: StatusCode, headers: &HeaderMap, is_get: bool) -> Option<String> {
    if status.is_redirection() {
        let to = headers.get(LOCATION).map(|to| Printable::name(String::from_utf8_lossy(to.as_bytes())));
        let to = to.as_ref().map_or("elsewhere", Printable::as_str);
        return Some(format!("leads on to {to} (status {status}); write that as `directory`"));
    }
    let media = headers.get(CONTENT_TYPE).and_then(|media| media.to_str().ok()).unwrap_or_default();
    let is_reason = media.contains("json");
    if status.is_success() || (is_reason && !is_get) {
        return None;
    }
    Some(format!("answers with status {status}{}", if is_reason { "" } else { " and no reason" }))
}

/// How long an answer wants to be waited for the next request.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    match value.parse() {
        Ok(seconds) => Some(Duration::from_secs(seconds)),
        Err(_) => httpdate::parse_http_date(value).ok()?.duration_since(SystemTime::now()).ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_that_is_none_says_what_it_is() {
        let what = |status: u16, header: (&'static str, &'static str)| {
            let headers =
                HeaderMap::from_iter([(header.0.parse().unwrap(), HeaderValue::from_static(header.1))]);
            unusable(StatusCode::from_u16(status).unwrap(), &headers, false)
        };
        for media in ["application/json", "application/problem+json"] {
            assert_eq!(what(400, ("content-type", media)), None);
        }
        assert_eq!(what(204, ("content-type", "text/html")), None);
        assert_eq!(
            what(503, ("content-type", "text/html")).unwrap(),
            "answers with status 503 Service Unavailable and no reason"
        );
        let json =
            HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"))]);
        assert_eq!(
            unusable(StatusCode::SERVICE_UNAVAILABLE, &json, true).unwrap(),
            "answers with status 503 Service Unavailable"
        );
        let moved = what(301, ("location", "https://b.test/dir\u{7f}".trim_end_matches('\u{7f}'))).unwrap();
        assert!(moved.starts_with("leads on to https://b.test/dir (status 301"), "{moved}");
    }

    #[test]
    fn what_the_authority_wishes_is_read_in_both_forms() {
        let wish = |value: &str| retry_after(&HeaderMap::from_iter([(RETRY_AFTER, value.parse().unwrap())]));
        assert_eq!(wish("120"), Some(Duration::from_secs(120)));
        assert!(wish("Fri, 31 Dec 2100 23:59:59 GMT").unwrap() > Duration::from_hours(24));
        for nothing in ["", "soon", "-1", "Fri, 31 Dec 1999 23:59:59 GMT"] {
            assert_eq!(wish(nothing), None, "{nothing}");
        }
    }
}
