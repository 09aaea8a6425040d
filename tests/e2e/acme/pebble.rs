//! Pebble, an authority to test with.

use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};

use harness::{Authority, Dns, Leaf, Then, Tls, TlsBackend, send, wait_until};
use tempfile::TempDir;

/// What is different about an authority.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Kind {
    /// Where it asks over HTTP, if not at a port of its own choice.
    pub(super) http: Option<u16>,
    /// Whether accounts must be bound to those of its customers.
    pub(super) knows_customers: bool,
    /// How long certificates are valid, seconds; years if it isn't said.
    pub(super) life: Option<u64>,
}

/// The key of the customer `kid-1`, as base64.
pub(super) const CUSTOMER_KEY: &str = "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W";

/// An authority with a server of its own, which finds all names at this machine. It ends when this is dropped.
pub(super) struct Pebble {
    child: Option<Child>,
    folder: TempDir,
    directory: u16,
    management: u16,
    /// Where it asks over HTTP.
    pub(super) http: u16,
    /// Where it makes handshakes.
    pub(super) tls: u16,
    servers: Authority,
    pub(super) dns: Dns,
}

impl Pebble {
    /// Starts it; none if it isn't installed, which is said.
    pub(super) fn start(kind: Kind) -> Option<Self> {
        let folder = tempfile::tempdir().expect("a directory");
        let servers = Authority::new("of the authority's own servers");
        servers.issue(&Leaf { names: &["localhost"], ..Leaf::default() }).write(folder.path(), "server");
        let (directory, management) = (free_port(), free_port());
        let (http, tls) = (kind.http.unwrap_or_else(free_port), free_port());
        let path = |name: &str| folder.path().join(name).display().to_string();
        let config = serde_json::json!({ "pebble": {
            "listenAddress": format!("127.0.0.1:{directory}"),
            "managementListenAddress": format!("127.0.0.1:{management}"),
            "certificate": path("server.crt"),
            "privateKey": path("server.key"),
            "httpPort": http,
            "tlsPort": tls,
            "certificateValidityPeriod": kind.life.unwrap_or(157_766_400),
            "externalAccountBindingRequired": kind.knows_customers,
            "externalAccountMACKeys": { "kid-1": CUSTOMER_KEY },
        }});
        fs::write(folder.path().join("config.json"), config.to_string()).expect("a file");
        fs::write(folder.path().join("servers.pem"), servers.pem()).expect("a file");
        let dns = Dns::start();
        for name in ["a.test.", "b.test."] {
            dns.set_host(name, 1, &[Ipv4Addr::LOCALHOST.into()]);
        }
        let mut pebble = Self { child: None, folder, directory, management, http, tls, servers, dns };
        pebble.run().then_some(pebble)
    }

    /// Starts it again, after it was stopped. It has forgotten everything.
    pub(super) fn run(&mut self) -> bool {
        let log = File::create(self.folder.path().join("log")).expect("a file");
        let mut command = Command::new("pebble");
        let config = self.folder.path().join("config.json");
        command.arg("-config").arg(config).arg("-dnsserver").arg(self.dns.address().to_string());
        command.env("PEBBLE_VA_NOSLEEP", "1").env("PEBBLE_AUTHZREUSE", "0").stdin(Stdio::null());
        command.stdout(log.try_clone().expect("a file")).stderr(log);
        match command.spawn() {
            Ok(child) => self.child = Some(child),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                eprintln!("skipped: pebble isn't installed");
                return false;
            }
            Err(error) => panic!("pebble: {error}"),
        }
        for port in [self.directory, self.management] {
            wait_until("pebble listens", || TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok());
        }
        true
    }

    /// Stops it.
    pub(super) fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// What it has said so far.
    pub(super) fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).expect("its log")
    }

    /// How many orders were made.
    pub(super) fn orders(&self) -> usize {
        self.log().matches("Added order ").count()
    }

    /// The path of what it has asked for first over HTTP.
    pub(super) fn question(&self) -> String {
        let log = self.log();
        let asked = log.split_once("/.well-known/").expect("a question").1;
        format!("/.well-known/{}", asked.lines().next().expect("a line"))
    }

    /// Keys of `acme` that lead here.
    pub(super) fn keys(&self) -> String {
        let ca = self.folder.path().join("servers.pem");
        format!("directory = 'https://localhost:{}/dir'\nca = '{}'\n", self.directory, ca.display())
    }

    /// The same by way of another server.
    fn keys_by(&self, server: &TlsBackend) -> String {
        self.keys().replacen(&self.directory.to_string(), &server.address().port().to_string(), 1)
    }

    /// Another server with its directory, in which there is a window for renewals (RFC 9773): it is over. Answers it and keys of `acme` that
    /// lead there.
    pub(super) fn with_window(&self) -> (TlsBackend, String) {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, self.directory));
        let directory = Tls::trusting(&self.servers).connect(address, "localhost").get("/dir").text();
        // It writes the host that it is asked for, which is the harness's.
        let directory = directory.replace("https://test/", &format!("https://localhost:{}/", self.directory));
        let directory: serde_json::Value = serde_json::from_str(&directory).expect("a directory");
        let certificate = self.servers.issue(&Leaf { names: &["localhost"], ..Leaf::default() });
        let server = TlsBackend::start(&certificate, None, move |request, reader| {
            let host = request.header("host").expect("a host");
            let mut directory = directory.clone();
            directory["renewalInfo"] = format!("https://{host}/ari").into();
            let window =
                r#"{"suggestedWindow":{"start":"2020-01-01T00:00:00Z","end":"2020-01-02T00:00:00Z"}}"#;
            let body = if request.target() == "/dir" { directory.to_string() } else { window.to_owned() };
            let head = "content-type: application/json\r\nretry-after: 21600\r\nconnection: close";
            send(
                reader,
                format!("HTTP/1.1 200 OK\r\n{head}\r\ncontent-length: {}\r\n\r\n{body}", body.len()),
            );
            Then::Close
        });
        let keys = self.keys_by(&server);
        (server, keys)
    }

    /// Another server that passes everything on to it, and changes the bodies of its answers by their paths; and keys of `acme` that lead there.
    pub(super) fn behind(
        &self,
        change: impl Fn(&str, &mut Vec<u8>) + Send + Sync + 'static,
    ) -> (TlsBackend, String) {
        let (directory, tls) =
            (SocketAddr::from((Ipv4Addr::LOCALHOST, self.directory)), Tls::trusting(&self.servers));
        let certificate = self.servers.issue(&Leaf { names: &["localhost"], ..Leaf::default() });
        let server = TlsBackend::start(&certificate, None, move |mut request, reader| {
            request.read_body(reader);
            let field = |name| request.header(name).unwrap_or_default();
            let head = format!(
                "{}\r\nhost: {}\r\nuser-agent: a\r\ncontent-type: {}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
                request.first_line(),
                field("host"),
                field("content-type"),
                request.body.len()
            );
            let mut pebble = tls.connect(directory, "localhost");
            pebble.send(head).send(&request.body);
            let mut answer = pebble.response(request.method());
            change(request.target(), &mut answer.body);
            let passed = |name: &str| {
                answer.header(name).map_or_else(String::new, |value| format!("{name}: {value}\r\n"))
            };
            let fields: String = ["content-type", "location", "replay-nonce"].map(passed).concat();
            let head = format!("HTTP/1.1 {} X\r\n{fields}connection: close", answer.status());
            send(reader, format!("{head}\r\ncontent-length: {}\r\n\r\n", answer.body.len()));
            send(reader, &answer.body);
            Then::Close
        });
        let keys = self.keys_by(&server);
        (server, keys)
    }

    /// Clients that trust what it issues.
    pub(super) fn clients(&self) -> Tls {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, self.management));
        let root = Tls::trusting(&self.servers).connect(address, "localhost").get("/roots/0");
        Tls::trusting_certificate(&root.text())
    }
}

impl Drop for Pebble {
    fn drop(&mut self) {
        self.stop();
        if std::thread::panicking() {
            eprintln!("pebble's log: {}", self.log());
        }
    }
}

/// A port that nobody has, and that the system gives to nobody who asks for any: it is named in two configurations before it is bound.
pub(super) fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let start = 12_000 + u16::try_from(std::process::id() % 1_000).expect("a small number") * 20;
    loop {
        let port = start + NEXT.fetch_add(1, Ordering::Relaxed);
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return port;
        }
    }
}

/// The one file with this ending in a proxy's folder for an authority, once it is there.
pub(super) fn file(storage: &Path, ending: &str) -> Option<std::path::PathBuf> {
    let folders = fs::read_dir(storage).ok()?.filter_map(Result::ok);
    let files =
        folders.filter_map(|folder| fs::read_dir(folder.path()).ok()).flatten().filter_map(Result::ok);
    files.map(|file| file.path()).find(|path| path.display().to_string().ends_with(ending))
}
