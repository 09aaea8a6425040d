//! All that may change while a process serves, and its replacement by another one, under connections of every protocol: no request is
//! lost, and none is sent twice.

use std::io::{Read, Write};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};

use harness::{
    Authority, Backend, Client, Http2Backend, Http2Client, Leaf, LogLine, Proxy, Running, Tls, constant,
    is_unserved, keep_busy, revised, send_signal, wait_until,
};

use crate::measured::alone;

/// Of each protocol.
const CONNECTIONS: usize = 64;

/// What a connection speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Protocol {
    Http1,
    Http1OverTls,
    Http2,
    Http2OverTls,
}

const PROTOCOLS: [Protocol; 4] =
    [Protocol::Http1, Protocol::Http1OverTls, Protocol::Http2, Protocol::Http2OverTls];

/// More than one frame.
const BODY: &[u8] = &[b'x'; 40_000];

/// What is sent: both methods to each pool.
const REQUESTS: [(&str, &[u8]); 4] = [("/1", &[]), ("/2", BODY), ("/2", &[]), ("/1", BODY)];

/// Two backends of HTTP/1, of which a policy takes one, and one of HTTP/2.
struct Backends {
    http1: [Backend; 2],
    http2: Http2Backend,
}

impl Backends {
    /// The configuration at a step.
    fn configuration(&self, step: usize) -> String {
        let [first, second] = self.http1.each_ref().map(Backend::address);
        let third = self.http2.address();
        // Connections end all the time, so that others are made.
        let requests = 8 + step % 7;
        let timeout = 20 + step % 3;
        // The load is such that a backend is late on a busy machine.
        let connect = "connect_timeout = \"20s\"\n";
        format!(
            "workers = 2\n\
             [[listener]]\naddress = \"127.0.0.1:0\"\nkeepalive_requests = {requests}\n\
             [[listener]]\naddress = \"127.0.0.2:0\"\nkeepalive_requests = {requests}\n\
             tls = {{ certificates = [{{ cert = \"site.crt\", key = \"site.key\" }}] }}\n\
             [[route]]\npath = \"/1\"\npool = \"one\"\n[[route]]\npath = \"/2\"\npool = \"two\"\n\
             [pool.one]\n{connect}policy = {{ file = \"p.wasm\" }}\nbackends = [\"{first}\", \"{second}\"]\n\
             [pool.two]\n{connect}protocol = \"h2\"\nidle_timeout = \"{timeout}s\"\nbackends = [\"{third}\"]\n"
        )
    }

    fn count(&self) -> usize {
        self.http1.iter().map(Backend::count).sum::<usize>() + self.http2.heads().len()
    }
}

/// What the clients connect to, and how many of their requests were served, by protocol.
struct Load<'a> {
    addresses: [SocketAddr; 2],
    tls: &'a Tls,
    served: [AtomicUsize; 4],
}

impl Load<'_> {
    /// Sends requests until it is told to stop. Answers how many connections have told it that they end.
    fn send(&self, protocol: Protocol, running: &Running) -> usize {
        let [clear, over_tls] = self.addresses;
        match protocol {
            Protocol::Http1 => self.send_http1(protocol, || Client::connect(clear), running),
            Protocol::Http1OverTls => {
                self.send_http1(protocol, || self.tls.connect(over_tls, "test"), running)
            }
            Protocol::Http2 => {
                let connect = || Http2Client::connect(clear).expect("a connection");
                self.send_http2(protocol, connect, running)
            }
            Protocol::Http2OverTls => {
                let tls = self.tls.clone().offering(&["h2"]);
                let connect = || Http2Client::connect_tls(over_tls, &tls, "test").expect("a connection");
                self.send_http2(protocol, connect, running)
            }
        }
    }

    fn send_http1<S: Read + Write>(
        &self,
        protocol: Protocol,
        connect: impl Fn() -> Client<S>,
        running: &Running,
    ) -> usize {
        let (mut client, mut ends) = (connect(), 0);
        while running.goes_on() {
            for (target, body) in REQUESTS {
                let response = if body.is_empty() { client.get(target) } else { client.post(target, body) };
                assert!(response.whole, "{protocol:?}: {response:?}");
                self.note(protocol, target, response.status(), &response.body);
                if response.header("connection") == Some("close") {
                    client = connect();
                    ends += 1;
                }
            }
        }
        ends
    }

    fn send_http2(&self, protocol: Protocol, connect: impl Fn() -> Http2Client, running: &Running) -> usize {
        let (mut client, mut ends) = (connect(), 0);
        while running.goes_on() {
            let mut unserved = REQUESTS.to_vec();
            while !unserved.is_empty() {
                let results = client.ask_all(&unserved);
                let results: Vec<_> = unserved.drain(..).zip(results).collect();
                for (request, result) in results {
                    match result {
                        Ok(response) => {
                            self.note(protocol, request.0, response.status().as_u16(), response.body());
                        }
                        Err(error) if is_unserved(&error) => unserved.push(request),
                        Err(error) => panic!("{protocol:?}: {error:?}"),
                    }
                }
                if !unserved.is_empty() {
                    client = connect();
                    ends += 1;
                }
            }
        }
        ends
    }

    /// A response that is whole.
    fn note(&self, protocol: Protocol, target: &str, status: u16, body: &[u8]) {
        assert!(status == 200 && body == target.as_bytes(), "{protocol:?} {target}: {status} {body:?}");
        self.served[protocol as usize].fetch_add(1, Ordering::Relaxed);
    }

    fn served(&self) -> [usize; 4] {
        self.served.each_ref().map(|served| served.load(Ordering::Relaxed))
    }

    /// Waits until connections of every protocol have gone on, however slowly.
    fn wait_for_more(&self) {
        let enough = self.served().map(|before| before + CONNECTIONS);
        for (protocol, enough) in PROTOCOLS.into_iter().zip(enough) {
            let served = || self.served()[protocol as usize];
            while served() <= enough {
                let before = served();
                wait_until(&format!("a request of {protocol:?} is served"), || served() > before);
            }
        }
    }
}

/// Writes a file beside the old one and renames it.
fn replace(proxy: &Proxy, name: &str, content: impl AsRef<[u8]>) {
    std::fs::write(proxy.path("next"), content).expect("a file beside it");
    std::fs::rename(proxy.path("next"), proxy.path(name)).expect("the file is replaced");
}

/// Changes the policy, the certificate and the configuration in turns.
fn change_all(proxy: &Proxy, backends: &Backends, authority: &Authority, load: &Load<'_>) {
    let policies = [constant(0, 0), constant(1, 0)];
    for step in 1..=6 {
        let number = u32::try_from(step).expect("small");
        replace(proxy, "p.wasm", revised(&policies[step % 2], number));
        proxy.signal("HUP");
        let of_pool = |line: &LogLine| line.field("pool") == Some("one");
        proxy.log.wait_where_many("policy-swapped", step, of_pool);

        let issued = authority.issue(&Leaf { serial: 1 + step as u64, ..Leaf::default() });
        replace(proxy, "site.crt", issued.cert);
        replace(proxy, "site.key", issued.key);
        proxy.signal("HUP");
        proxy.log.wait_for_many("certificate-renewed", step);

        let changes = proxy.reload(&backends.configuration(step));
        assert!(changes.contains("~listener"), "{changes}");
        load.wait_for_more();
    }
}

#[test]
fn changes_and_replacements_lose_no_request_of_any_protocol() {
    let _alone = alone();
    let backends =
        Backends { http1: [(); 2].map(|()| Backend::named("/1")), http2: Http2Backend::named("/2") };
    let (authority, directory) = (Authority::new("root"), tempfile::tempdir().expect("a directory"));
    authority.issue(&Leaf::default()).write(directory.path(), "site");
    std::fs::write(directory.path().join("p.wasm"), constant(0, 0)).expect("a plugin");
    let mut proxy = Proxy::start_in(directory, &backends.configuration(0));
    let addresses = proxy.addresses().try_into().expect("two listeners");
    let load = Load { addresses, tls: &Tls::trusting(&authority), served: Default::default() };
    let connections = PROTOCOLS.iter().flat_map(|protocol| [*protocol; CONNECTIONS]);
    let (ends, ()) = keep_busy(
        connections,
        |protocol, running| (protocol, load.send(protocol, running)),
        || {
            load.wait_for_more();
            change_all(&proxy, &backends, &authority, &load);
            proxy.signal("USR2");
            proxy.log.wait_for("process-replaced");
            assert_eq!(proxy.wait_for_exit().code(), Some(0));
            load.wait_for_more();
            assert!(send_signal(proxy.successors()[0], "USR2"));
            proxy.log.wait_for_many("drain-finished", 2);
            load.wait_for_more();
        },
    );
    let served = load.served();
    for (protocol, served) in PROTOCOLS.iter().zip(served) {
        let ends: usize = ends.iter().filter(|(of, _)| of == protocol).map(|(_, ends)| ends).sum();
        println!("{protocol:?}: {served} requests, {ends} connections told that they end");
        assert!(ends >= 2 * CONNECTIONS, "each connection has moved twice: {protocol:?}, {ends}");
    }
    assert_eq!(backends.count(), served.iter().sum::<usize>(), "none is sent twice");
    assert_eq!(proxy.log.events("drain-timed-out"), []);
    assert_eq!(proxy.log.errors(), []);
}
