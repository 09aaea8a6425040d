//! A proxy that may have few open files: nobody can take those that others need.

use std::net::TcpStream;
use std::process::Command;

use harness::{Backend, Client, Proxy, Setup};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

const GET: &str = "GET / HTTP/1.1\r\nHost: test\r\n\r\n";

/// This process has both ends of many connections.
fn raise_own_limit() {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    setrlimit(Resource::Nofile, raised).expect("more open files");
}

fn start(open_files: u32, backend: &Backend) -> Proxy {
    let setup = Setup { top: "[admin]\naddress = \"127.0.0.1:0\"\nhosts = [\"test\"]", ..Setup::default() };
    Proxy::start_with_open_files(open_files, &setup.configuration(&[backend.address()]))
}

#[test]
fn half_requests_to_the_admin_server_leave_the_others_alone() {
    raise_own_limit();
    let backend = Backend::named("backend");
    let proxy = start(1024, &backend);
    let mut half: Vec<Client> = (0..1100).map(|_| Client::connect(proxy.admin())).collect();
    for client in &mut half {
        // Those that had to make room are gone already.
        let _ = client.try_send("GET /live HTTP/1.1\r\nHost: test\r\n");
    }
    for _ in 0..50 {
        assert_eq!(proxy.client().get("/").text(), "backend");
    }
    let mut admin = Client::connect(proxy.admin());
    assert_eq!(admin.get("/live").text(), "live\n");
    // A connection that was used makes room only after those that weren't.
    half.extend((0..40).map(|_| Client::connect(proxy.admin())));
    assert_eq!(admin.get("/ready").text(), "ready\n");
    assert_eq!(proxy.log.events("accept-failed").len(), 0);
    assert_eq!(proxy.log.events("admin-connection-limit-reached").len(), 1, "told once");
    let refused = half.iter_mut().filter(|client| is_closed_already(client.stream())).count();
    assert!(refused >= 1000, "{refused} of the half requests had to make room");
}

fn is_closed_already(stream: &TcpStream) -> bool {
    stream.set_nonblocking(true).expect("a socket");
    // An end, or a reset.
    !matches!(stream.peek(&mut [0]), Err(error) if error.kind() == std::io::ErrorKind::WouldBlock)
}

#[test]
fn an_admin_connection_without_a_request_ends_by_itself() {
    let backend = Backend::named("backend");
    let proxy = start(1024, &backend);
    let mut silent = Client::connect(proxy.admin());
    let mut half = Client::connect(proxy.admin());
    half.send("GET /live HTTP/1.1\r\n");
    assert!(silent.is_closed() && half.is_closed());
}

#[test]
fn with_too_few_open_files_it_says_so_instead_of_starting() {
    let backend = Backend::named("backend");
    let directory = tempfile::tempdir().expect("a directory");
    let config = Setup::default().configuration(&[backend.address()]);
    std::fs::write(directory.path().join("pointsman.toml"), config).expect("a configuration file");
    let mut command = Command::new("sh");
    command.args(["-c", "ulimit -n 40 && exec \"$0\" run"]).arg(harness::program());
    let output = command.current_dir(directory.path()).output().expect("the program");
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(told.contains("may open 40 files") && told.contains("ulimit -n"), "{told}");
}

#[test]
fn with_few_open_files_every_client_is_served_in_its_turn() {
    raise_own_limit();
    let backend = Backend::named("backend");
    let proxy = start(256, &backend);
    let warning = proxy.log.wait_for("connection-limit-lowered");
    let allowed: usize = warning.field("allowed").and_then(|number| number.parse().ok()).expect("a number");
    assert!((40..120).contains(&allowed) && warning.field("open_files") == Some("256"), "{warning}");

    // Several times as many as can be there at a time, all of which stay when they have been served.
    let mut clients: Vec<Client> = (0..4 * allowed).map(|_| proxy.client()).collect();
    for client in &mut clients {
        client.send(GET);
    }
    for client in &mut clients {
        assert_eq!(client.response("GET").text(), "backend");
    }
    assert_eq!(Client::connect(proxy.admin()).get("/live").text(), "live\n");
    assert_eq!(proxy.log.events("accept-failed").len(), 0);
    assert_eq!(proxy.log.events("connection-limit-reached").len(), 1, "told once");
}
