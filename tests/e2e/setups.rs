//! Set-ups of well-known services, written anew: which pool gets the requests that matter there, what arrives, and what is answered.
//!
//! A configuration has `<NAME>` where the address of a backend belongs, and `<folder>` for the proxy's own folder. What a set-up does over TLS it does in the names of its site.

mod argo_cd;
mod collabora;
mod discourse;
mod gitlab;
mod jitsi;
mod kubespray;
mod lemmy;
mod mastodon;
mod minio;
mod nextcloud;
mod opensuse;
mod python_org;
mod synapse;
mod vllm;
mod wikimedia;

use std::fmt::Write as _;
use std::io::{Read, Write};

use harness::{Authority, Backend, Client, Exchange, Leaf, Proxy, Request, Response, Tls};

/// A request, who answers it, and what both sides get.
///
/// The request is its method and URL, with a field on each further line; `https` chooses the listener with TLS, which comes last. It is
/// answered by a backend of this name, or by the proxy with this status. Then the lines that the backend gets, the target among them,
/// and those of the client. A line that begins with `-` is the name of a field that must not be there.
type Row<'a> = (&'a str, &'a str, &'a [&'a str], &'a [&'a str]);

/// A proxy, and the backends in its configuration.
struct Scene {
    proxy: Proxy,
    backends: Vec<(&'static str, Backend)>,
    tls: Option<Tls>,
}

impl Scene {
    /// In clear.
    fn start(configuration: &str, backends: &[&'static str]) -> Self {
        Self::start_for(&[], configuration, backends)
    }

    /// With a certificate for these names in `site.crt` and `site.key`.
    fn start_for(names: &[&str], configuration: &str, backends: &[&'static str]) -> Self {
        let folder = tempfile::tempdir().expect("a directory");
        let authority = (!names.is_empty()).then(|| Authority::new("root"));
        if let Some(authority) = &authority {
            authority.issue(&Leaf { names, ..Leaf::default() }).write(folder.path(), "site");
        }
        let start = |name: &&'static str| (*name, Backend::start(|exchange| answer(name, exchange)));
        let backends: Vec<_> = backends.iter().map(start).collect();
        let mut text = configuration.replace("<folder>", &folder.path().display().to_string());
        for (name, backend) in &backends {
            text = text.replace(&format!("<{name}>"), &backend.address().to_string());
        }
        Self { proxy: Proxy::start_in(folder, &text), backends, tls: authority.as_ref().map(Tls::trusting) }
    }

    /// Holds what comes of requests against what has to.
    #[track_caller]
    fn check(&self, rows: &[Row<'_>]) {
        for row in rows {
            let before = self.asked().len();
            let (response, name) = self.ask(row.0);
            let (ask, by, arrives, answers) = *row;
            assert_eq!(name.unwrap_or_else(|| response.status().to_string()), by, "{ask}\n{response:?}");
            compare(ask, answers, response.headers());
            let asked = self.asked();
            let is_asked = by.parse::<u16>().is_err();
            assert_eq!(asked.len() - before, usize::from(is_asked), "{ask} reaches a backend once or never");
            if is_asked {
                let backend = self.backends.iter().find(|(name, _)| *name == by).expect("a backend");
                let request = backend.1.requests().pop().expect("a request");
                let mut lines = request.headers().to_vec();
                lines.push((request.target().to_owned(), String::new()));
                compare(ask, arrives, &lines);
            }
        }
    }

    /// All requests that backends have got.
    fn asked(&self) -> Vec<Request> {
        self.backends.iter().flat_map(|(_, backend)| backend.requests()).collect()
    }

    /// What comes of a request, and which backend answers it.
    fn ask(&self, ask: &str) -> (Response, Option<String>) {
        let (first, fields) = ask.split_once('\n').unwrap_or((ask, ""));
        let (method, url) = first.split_once(' ').expect("a method and a URL");
        let (scheme, rest) = url.split_once("://").expect("a scheme");
        let (host, path) = rest.split_at(rest.find('/').expect("a path"));
        let mut bytes = format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\n");
        fields.lines().for_each(|line| write!(bytes, "{}\r\n", line.trim()).expect("room"));
        if matches!(method, "POST" | "PUT") && !fields.to_ascii_lowercase().contains("content-length") {
            bytes += "Content-Length: 0\r\n";
        }
        bytes += "\r\n";
        let addresses = self.proxy.addresses();
        if scheme == "http" {
            exchange(&mut Client::connect(addresses[0]), method, &bytes)
        } else {
            let tls = self.tls.as_ref().expect("a certificate");
            let name = host.split(':').next().unwrap_or_default();
            exchange(&mut tls.connect(*addresses.last().expect("a listener"), name), method, &bytes)
        }
    }
}

/// Sends a request and reads the answer. A tunnel has to carry bytes both ways.
fn exchange<S: Read + Write>(
    client: &mut Client<S>,
    method: &str,
    bytes: &str,
) -> (Response, Option<String>) {
    client.send(bytes);
    let response = client.response(method);
    if response.status() == 101 {
        client.send("over the tunnel");
        assert_eq!(client.read_exactly(15), b"over the tunnel");
    }
    let name = response.header("x-answered-by").map(str::to_owned);
    (response, name)
}

/// What all backends do: they say who they are and more than clients need to know, and change the protocol where they are asked to.
fn answer(name: &str, exchange: &mut Exchange<'_>) {
    exchange.read_body();
    if exchange.request.header("upgrade").is_some() {
        exchange.send(format!(
            "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nX-Answered-By: {name}\r\n\r\n"
        ));
        let mut bytes = [0; 100];
        while let Ok(read @ 1..) = exchange.reader.read(&mut bytes) {
            exchange.send(&bytes[..read]);
        }
        exchange.keep_alive = false;
        return;
    }
    exchange.send(format!(
        "HTTP/1.1 200 OK\r\nServer: backend\r\nX-Powered-By: backend\r\nX-Answered-By: {name}\r\nContent-Type: text/html\r\n\
         Content-Length: {}\r\n\r\n{}",
        if exchange.request.method() == "HEAD" { 0 } else { name.len() },
        if exchange.request.method() == "HEAD" { "" } else { name },
    ));
}

/// Each line is one of the fields; what begins with `-` is the name of none.
#[track_caller]
fn compare(ask: &str, expected: &[&str], fields: &[(String, String)]) {
    for line in expected {
        let holds = match line.strip_prefix('-') {
            Some(name) => fields.iter().all(|(other, _)| !other.eq_ignore_ascii_case(name)),
            None => {
                let (name, value) = line.split_once(": ").unwrap_or((line, ""));
                fields.iter().any(|(other, found)| other.eq_ignore_ascii_case(name) && found == value)
            }
        };
        assert!(holds, "{ask}\n`{line}` doesn't hold in {fields:#?}");
    }
}
