//! A client and a server of gRPC that others wrote (grpcio): with a proxy between them all is as without one. Skipped, aloud, where
//! `python3` has no package `grpcio`.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use harness::{Authority, Leaf, Proxy, Setup};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/e2e/grpc");

/// Calls of all kinds, and ways in which they fail.
const CALLS: &[&str] = &[
    "unary",
    "large",
    "client_stream",
    "server_stream",
    "bidi",
    "both",
    "fail",
    "refuse",
    "unknown",
    "fail_after",
    "remaining",
    "deadline",
    "trailers_20",
];

const CLEAR: &str = "protocol = \"h2\"\nejection = { enabled = false }\n";

/// A script of the folder; `None` if there is no gRPC for Python.
fn python(script: &str) -> Option<Command> {
    let found = Command::new("python3").args(["-c", "import grpc"]).stderr(Stdio::null()).status();
    if !found.is_ok_and(|status| status.success()) {
        eprintln!("skipped: python3 has no package grpcio");
        return None;
    }
    let mut command = Command::new("python3");
    command.arg(Path::new(FOLDER).join(script));
    Some(command)
}

/// A server, which goes away when this is dropped.
struct Server {
    process: Child,
    said: BufReader<ChildStdout>,
    address: SocketAddr,
}

impl Server {
    /// With a certificate and its key, if it is to speak TLS.
    fn start(files: &[&Path]) -> Option<Self> {
        let mut command = python("server.py")?;
        command.args(files).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = command.spawn().expect("a server");
        let mut said = BufReader::new(process.stdout.take().expect("its output"));
        let mut port = String::new();
        said.read_line(&mut port).expect("its port");
        let address = ([127, 0, 0, 1], port.trim().parse().expect("a port")).into();
        Some(Self { process, said, address })
    }

    /// The next line that it says.
    fn line(&mut self) -> String {
        let mut line = String::new();
        self.said.read_line(&mut line).expect("a line");
        line.trim().to_owned()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        let _ = self.process.wait();
    }
}

/// What comes of these calls, one a line.
fn call(address: SocketAddr, calls: &[&str], authority: Option<&Path>) -> Vec<String> {
    let mut command = python("client.py").expect("gRPC for Python");
    command.arg(address.to_string()).args(calls);
    if let Some(authority) = authority {
        command.arg("--authority").arg(authority);
    }
    let output = command.output().expect("a client");
    let (said, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let lines: Vec<String> = said.lines().map(str::to_owned).collect();
    assert_eq!(lines.len(), calls.len(), "{said}\n{errors}");
    lines
}

fn start(pool: &str, address: SocketAddr) -> Proxy {
    Setup { pool, ..Setup::default() }.start_at(&[address])
}

#[test]
fn calls_of_all_kinds_are_as_without_a_proxy() {
    let Some(mut server) = Server::start(&[]) else { return };
    let proxy = start(CLEAR, server.address);
    let expected = call(server.address, CALLS, None);
    assert_eq!([server.line(), server.line()], ["hangs", "cancelled"]);
    assert_eq!(call(proxy.address(), CALLS, None), expected);
    // The client's deadline ends the call at the server, too.
    assert_eq!([server.line(), server.line()], ["hangs", "cancelled"]);
    let ok = |line: &&String| line.contains("StatusCode.OK") || line.contains("remaining b'70");
    assert_eq!(expected.iter().filter(ok).count(), 7, "{expected:?}");
}

#[test]
fn calls_over_tls_are_too() {
    let (authority, folder) = (Authority::new("root"), tempfile::tempdir().expect("a directory"));
    authority.issue(&Leaf::default()).write(folder.path(), "site");
    std::fs::write(folder.path().join("ca.crt"), authority.pem()).expect("a file");
    let files = ["site.crt", "site.key", "ca.crt"].map(|name| folder.path().join(name));
    let Some(server) = Server::start(&[&files[0], &files[1]]) else { return };
    let expected = call(server.address, CALLS, Some(&files[2]));
    for protocol in ["h2", "auto"] {
        let proxied = tempfile::tempdir().expect("a directory");
        for name in ["site.crt", "site.key", "ca.crt"] {
            std::fs::copy(folder.path().join(name), proxied.path().join(name)).expect("a copy");
        }
        let setup = Setup {
            listener: "[listener.tls]\ncertificates = [{ cert = 'site.crt', key = 'site.key' }]\n",
            pool: &format!(
                "protocol = '{protocol}'\ntls = {{ ca = 'ca.crt', server_name = 'test' }}\n\
                 health_check = {{ type = 'grpc', service = 't.T', interval = '100ms', initial = 'down' }}\n"
            ),
            ..Setup::default()
        };
        let proxy = Proxy::start_in(proxied, &setup.configuration(&[server.address]));
        proxy.log.wait_for("backend-healthy");
        assert_eq!(call(proxy.address(), CALLS, Some(&files[2])), expected, "{protocol}");
    }
}

#[test]
fn a_call_that_finds_nobody_is_unavailable() {
    let Some(server) = Server::start(&[]) else { return };
    let proxy = start(CLEAR, server.address);
    drop(server);
    let line = &call(proxy.address(), &["unary"], None)[0];
    assert!(
        line.contains("StatusCode.UNAVAILABLE") && line.contains("cannot connect to the backend"),
        "{line}"
    );
}

#[test]
fn a_call_that_is_refused_is_told_why() {
    let Some(server) = Server::start(&[]) else { return };
    let setup = Setup { listener: "max_body = \"50KB\"", pool: CLEAR, ..Setup::default() };
    let proxy = setup.start_at(&[server.address]);
    let lines = call(proxy.address(), &["many_fields", "long_body", "unary"], None);
    assert!(
        lines[0].contains("StatusCode.UNKNOWN") && lines[0].contains("too many header fields"),
        "{}",
        lines[0]
    );
    assert!(lines[1].contains("StatusCode.RESOURCE_EXHAUSTED"), "{}", lines[1]);
    assert!(lines[1].contains("request body too large"), "{}", lines[1]);
    assert!(lines[2].contains("StatusCode.OK"), "the connection goes on: {}", lines[2]);
}

#[test]
fn trailers_that_are_too_large_are_never_half_there() {
    let Some(server) = Server::start(&[]) else { return };
    let proxy = start(CLEAR, server.address);
    // Of the second h2 loses fields without a word.
    let lines = call(proxy.address(), &["trailers_70", "trailers_400", "unary"], None);
    for (line, code) in lines.iter().zip(["RESOURCE_EXHAUSTED", "UNAVAILABLE"]) {
        assert!(line.contains(&format!("StatusCode.{code}")) && !line.contains("b'ok'"), "{line}");
    }
    assert!(lines[2].contains("StatusCode.OK"), "the connection goes on: {}", lines[2]);
}

#[test]
fn a_stream_lives_while_either_side_talks() {
    let Some(server) = Server::start(&[]) else { return };
    let setup = Setup {
        listener: "body_timeout = \"1s\"",
        pool: &format!("{CLEAR}idle_timeout = \"1s\"\nresponse_timeout = \"1s\""),
        ..Setup::default()
    };
    let proxy = setup.start_at(&[server.address]);
    let lines = call(proxy.address(), &["talk", "listen", "silence"], None);
    assert_eq!(lines[..2], ["talk b'25'", "listen 25"]);
    assert!(
        lines[2].contains("neither the client nor the backend said anything for longer than `idle_timeout`")
    );
}

#[test]
fn a_server_says_itself_whether_it_serves() {
    let Some(server) = Server::start(&[]) else { return };
    let check = |service: &str| {
        let pool = format!(
            "{CLEAR}panic_threshold = 0\n[pool.test.health_check]\ntype = 'grpc'\nservice = '{service}'\ninterval = '200ms'\n\
             fast_interval = '100ms'\nrise = 1\nfall = 1\n"
        );
        start(&pool, server.address)
    };
    let proxy = check("t.T");
    call(server.address, &["not_serving"], None);
    let line = proxy.log.wait_for("backend-unhealthy");
    assert!(line.text().contains("it says NOT_SERVING"), "{line}");
    let refused = &call(proxy.address(), &["unary"], None)[0];
    assert!(refused.contains("StatusCode.UNAVAILABLE") && refused.contains("no backend"), "{refused}");
    call(server.address, &["serving"], None);
    proxy.log.wait_for("backend-healthy");
    assert!(call(proxy.address(), &["unary"], None)[0].contains("StatusCode.OK"));

    let line = check("other").log.wait_for("backend-unhealthy");
    assert!(line.text().contains("gRPC status 5 (NOT_FOUND): unknown service"), "{line}");
}
