//! Unix sockets, towards clients and towards backends.

use std::path::Path;
use std::process::Command;

use harness::{Authority, Backend, Client, Leaf, Proxy, Setup, send_signal, wait_until};
use tempfile::TempDir;

/// A proxy whose first listener is the socket `front.sock` in its directory, with these lines; its backends are at these addresses.
fn start(listener: &str, pool: &str, backends: &[&str]) -> Proxy {
    start_in(tempfile::tempdir().expect("a directory"), listener, pool, backends)
}

/// The same in a directory that may hold files already.
fn start_in(directory: TempDir, listener: &str, pool: &str, backends: &[&str]) -> Proxy {
    let address = format!("unix:{}", directory.path().join("front.sock").display());
    let backends = backends.iter().map(|address| format!("\"{address}\"")).collect::<Vec<_>>().join(", ");
    let config = format!(
        "workers = 2\naccess_log = {{ path = \"access.log\" }}\n[[listener]]\naddress = \"{address}\"\n{listener}\n[pool.test]\nbackends = [{backends}]\n{pool}\n"
    );
    Proxy::start_in(directory, &config)
}

/// A backend that answers with what it was told of the client.
fn tells_client() -> Backend {
    Backend::start(|exchange| {
        exchange.read_body();
        let told = exchange.request.values("x-forwarded-for").join("|");
        exchange.respond(&told);
    })
}

#[test]
fn clients_are_served_as_those_of_loopback_are() {
    let backend = tells_client();
    let address = backend.address().to_string();
    let mut proxy = start("mode = \"0600\"", "", &[&address]);
    let path = proxy.path("front.sock");
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&path).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);

    let mut client = Client::connect_unix(&path);
    for _ in 0..3 {
        assert_eq!(client.get("/").text(), "127.0.0.1");
    }
    client.send("GET / HTTP/1.1\r\nHost: test\r\nX-Forwarded-For: 192.0.2.1\r\n\r\n");
    assert_eq!(client.response("GET").text(), "127.0.0.1", "a stranger isn't believed");
    client.send("POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 100000\r\n\r\n");
    client.send(vec![b'x'; 100_000]);
    assert_eq!(client.response("POST").status(), 200);
    // Bytes that aren't plain are answered as everywhere.
    let mut stranger = Client::connect_unix(&path);
    stranger.send("GET / HTTP/1.1\nHost: test\r\n\r\n");
    assert_eq!(stranger.response("GET").status(), 400);

    wait_until("the requests are logged", || {
        let log = std::fs::read_to_string(proxy.path("access.log")).unwrap_or_default();
        log.lines().count() >= 5 && {
            let listener =
                format!("\"client\":\"127.0.0.1\",\"peer\":null,\"listener\":\"unix:{}\"", path.display());
            assert!(log.lines().all(|line| line.contains(&listener)), "{log}");
            true
        }
    });
    proxy.signal("TERM");
    assert_eq!(proxy.wait_for_exit().code(), Some(0));
    assert!(!path.exists(), "the file is removed at the end");
}

#[test]
fn a_trusted_proxy_on_a_socket_tells_who_the_client_is() {
    let backend = tells_client();
    let address = backend.address().to_string();
    let proxy = start("trusted_proxies = [\"127.0.0.1\"]", "", &[&address]);
    let mut client = Client::connect_unix(proxy.path("front.sock"));
    client.send("GET / HTTP/1.1\r\nHost: test\r\nX-Forwarded-For: 192.0.2.1\r\n\r\n");
    assert_eq!(client.response("GET").text(), "192.0.2.1, 127.0.0.1");
}

#[test]
fn a_process_that_takes_over_gets_the_socket_and_its_file() {
    let backend = tells_client();
    let address = backend.address().to_string();
    let mut proxy = start("", "", &[&address]);
    let path = proxy.path("front.sock");
    // What it replaces is a file that a process has left which was killed.
    let mut client = Client::connect_unix(&path);
    assert_eq!(client.get("/").status(), 200);
    proxy.signal("USR2");
    proxy.log.wait_for("process-replaced");
    drop(client);
    assert_eq!(proxy.wait_for_exit().code(), Some(0));
    assert!(path.exists(), "it is the other process's");
    assert_eq!(Client::connect_unix(&path).get("/").text(), "127.0.0.1");

    // One that can't start leaves the file alone.
    let good = std::fs::read_to_string(proxy.path("pointsman.toml")).expect("the configuration");
    proxy.rewrite("nonsense = 1\n");
    let successor = proxy.successors()[0];
    assert!(send_signal(successor, "USR2"));
    proxy.log.wait_for("replacement-failed");
    assert_eq!(Client::connect_unix(&path).get("/").text(), "127.0.0.1");
    proxy.rewrite(&good);

    assert!(send_signal(successor, "TERM"));
    proxy.log.wait_for_many("drain-finished", 2);
    wait_until("the file is removed", || !path.exists());
}

#[test]
fn a_reload_opens_closes_and_changes_sockets() {
    let backend = tells_client();
    let address = backend.address().to_string();
    let proxy = start("", "", &[&address]);
    let (front, other) = (proxy.path("front.sock"), proxy.path("other.sock"));
    let config = std::fs::read_to_string(proxy.path("pointsman.toml")).expect("the configuration");
    let mut client = Client::connect_unix(&front);
    assert_eq!(client.get("/").status(), 200);

    proxy.reload(&config.replace("[pool.test]", "mode = \"0666\"\n[pool.test]"));
    let mode = |path: &Path| {
        std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(path).unwrap().permissions()) & 0o777
    };
    assert_eq!(mode(&front), 0o666);
    assert_eq!(client.get("/").header("connection"), None, "the socket is the same");

    std::os::unix::net::UnixListener::bind(&other).expect("a socket that nobody listens at any more");
    proxy.reload(&config.replace("front.sock", "other.sock"));
    assert_eq!(Client::connect_unix(&other).get("/").status(), 200);
    assert!(!front.exists(), "closed and removed");

    // A path that is taken refuses the configuration, and changes nothing.
    let taken = proxy.path("taken.sock");
    let _listens = std::os::unix::net::UnixListener::bind(&taken).expect("a socket");
    proxy.rewrite(&config.replace("front.sock", "taken.sock"));
    proxy.signal("HUP");
    let refused = proxy.log.wait_for("configuration-refused").text().to_owned();
    assert!(refused.contains("another process listens there"), "{refused}");
    assert!(taken.exists());
    assert_eq!(Client::connect_unix(&other).get("/").status(), 200);
}

#[test]
fn one_proxy_tells_another_of_its_clients_over_a_socket() {
    let backend = tells_client();
    let address = backend.address().to_string();
    for (listener, pool, told) in [
        ("proxy_protocol = { from = [\"127.0.0.1\"] }", "proxy_protocol = \"v2\"", "127.0.0.9"),
        ("trusted_proxies = [\"127.0.0.1\"]", "protocol = \"h2\"", "127.0.0.9, 127.0.0.1"),
    ] {
        let back = start(listener, "", &[&address]);
        let socket = format!("unix:{}", back.path("front.sock").display());
        let check = "[pool.test.health_check]\ntype = \"http\"\npath = \"/\"\ninterval = \"100ms\"\ninitial = \"down\"";
        let front = Proxy::start(&format!(
            "[[listener]]\naddress = \"127.0.0.1:0\"\n[pool.test]\nbackends = [\"{socket}\"]\n{pool}\n{check}\n"
        ));
        wait_until("the check passes", || front.client().get("/").status() == 200);
        let mut client = Client::connect_from([127, 0, 0, 9].into(), front.address());
        assert_eq!(client.get("/").text(), told, "{pool}");
    }
}

#[test]
fn tls_goes_over_a_socket_both_ways() {
    let (backend, authority) = (tells_client(), Authority::new("test"));
    let directory = tempfile::tempdir().expect("a directory");
    authority.issue(&Leaf { names: &["app.test"], ..Leaf::default() }).write(directory.path(), "app");
    let listener = "tls = { certificates = [{ cert = \"app.crt\", key = \"app.key\" }] }";
    let back = start_in(directory, listener, "", &[&backend.address().to_string()]);
    let socket = format!("unix:{}", back.path("front.sock").display());
    for (name, protocol, status) in
        [("app.test", "auto", 200), ("app.test", "http1", 200), ("other.test", "auto", 502)]
    {
        let folder = tempfile::tempdir().expect("a directory");
        std::fs::write(folder.path().join("ca.crt"), authority.pem()).expect("a file");
        let pool =
            format!("protocol = \"{protocol}\"\ntls = {{ ca = \"ca.crt\", server_name = \"{name}\" }}");
        let front = start_in(folder, "", &pool, &[&socket]);
        let response = Client::connect_unix(front.path("front.sock")).get("/");
        assert_eq!(response.status(), status, "{name} {protocol}: {response:?}");
    }
}

#[test]
fn a_backend_that_nobody_listens_as_is_unavailable() {
    let directory = tempfile::tempdir().expect("a directory");
    let gone = format!("unix:{}", directory.path().join("gone.sock").display());
    let proxy = Proxy::start(&format!(
        "[[listener]]\naddress = \"127.0.0.1:0\"\n[pool.test]\nbackends = [\"{gone}\", \"unix:@pointsman-nobody\"]\n"
    ));
    assert_eq!(proxy.client().get("/").status(), 503);
}

#[test]
fn check_warns_of_a_file_that_is_no_socket() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("app.sock");
    std::fs::write(&file, "").expect("a file");
    let config = format!(
        "[[listener]]\naddress = \"127.0.0.1:0\"\n[pool.test]\nbackends = [\"unix:{}\"]\n",
        file.display()
    );
    let path = directory.path().join("pointsman.toml");
    std::fs::write(&path, config).expect("a configuration");
    let checked = Command::new(harness::program()).arg("check").arg("--config").arg(&path).output().unwrap();
    let said = String::from_utf8_lossy(&checked.stderr);
    assert!(checked.status.success() && said.contains("app.sock` is no socket"), "{said}");
}

#[test]
fn a_backend_on_a_socket_gets_a_host_of_its_own() {
    // Only HTTP/1.0 goes without.
    let listens = tempfile::tempdir().expect("a directory");
    let path = listens.path().join("app.sock");
    let listener = std::os::unix::net::UnixListener::bind(&path).expect("a socket");
    let served = std::thread::spawn(move || {
        use std::io::{BufRead as _, BufReader, Write as _};
        let (mut stream, _) = listener.accept().expect("the proxy");
        let mut head = String::new();
        let mut reader = BufReader::new(stream.try_clone().expect("a duplicate"));
        while reader.read_line(&mut head).expect("a line") > 2 {}
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi").expect("it is taken");
        head
    });
    let config = Setup { workers: 1, ..Setup::default() }.configuration(&[([127, 0, 0, 1], 9).into()]);
    let proxy = Proxy::start(&config.replace("127.0.0.1:9", &format!("unix:{}", path.display())));
    let mut client = proxy.client();
    client.send("GET / HTTP/1.0\r\n\r\n");
    assert_eq!(client.response("GET").text(), "hi");
    let head = served.join().expect("a request");
    assert!(head.contains("\r\nhost: localhost\r\n") || head.contains("\r\nHost: localhost\r\n"), "{head}");
}

#[test]
fn the_admin_socket_is_removed_by_the_process_that_serves_last() {
    let backend = Backend::named("a");
    let setup = Setup { top: "[admin]\naddress = \"unix:admin.sock\"", ..Setup::default() };
    let mut proxy = setup.start(&[&backend]);
    let path = proxy.path("admin.sock");
    assert!(path.exists());
    proxy.signal("USR2");
    proxy.log.wait_for("process-replaced");
    assert!(proxy.wait_for_exit().success());
    assert!(std::os::unix::net::UnixStream::connect(&path).is_ok());
    assert!(send_signal(proxy.successors()[0], "TERM"));
    proxy.log.wait_for_many("drain-finished", 2);
    wait_until("the file is removed", || !path.exists());
}
