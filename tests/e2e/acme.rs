//! Certificates that the proxy orders by itself, from pebble. Where that isn't installed the tests are skipped, and say so.

mod bad_authorities;
mod pebble;

use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use harness::{Authority, Backend, Client, DEADLINE, Issued, Leaf, Proxy, Tls, program, wait_until};
use pebble::{CUSTOMER_KEY, Kind, Pebble, file, free_port};
use tempfile::TempDir;

/// A proxy that orders certificates by the keys of a pebble and these, and answers over HTTP at a port.
fn configuration(pebble: &Pebble, backend: &Backend, http: u16, acme: &str) -> String {
    configuration_with(&pebble.keys(), backend, http, acme)
}

fn configuration_with(authority: &str, backend: &Backend, http: u16, acme: &str) -> String {
    format!(
        "workers = 2\nstate_dir = 'state'\n[admin]\naddress = '127.0.0.1:0'\nhosts = ['test']\n\
         [[listener]]\naddress = '127.0.0.1:{http}'\nredirect = 'https'\n\
         [[listener]]\naddress = '127.0.0.1:0'\n[listener.tls]\n\
         certificates = [{{ cert = 'site.crt', key = 'site.key' }}]\n[listener.tls.acme]\n{authority}{acme}\n\
         [pool.test]\nbackends = ['{}']\n",
        backend.address()
    )
}

/// A folder with a certificate for `test`.
fn folder(authority: &Authority) -> TempDir {
    let folder = tempfile::tempdir().expect("a directory");
    authority.issue(&Leaf::default()).write(folder.path(), "site");
    folder
}

/// Where clients connect over TLS.
fn over_tls(proxy: &Proxy) -> SocketAddr {
    proxy.addresses()[1]
}

fn serves(proxy: &Proxy, tls: &Tls, name: &str) -> bool {
    tls.clone()
        .afresh()
        .try_connect(over_tls(proxy), name)
        .is_ok_and(|mut client| client.get("/").status() == 200)
}

fn start(folder: TempDir, configuration: &str) -> Proxy {
    Proxy::start_in_with_log(folder, "info,pointsman=debug", configuration)
}

#[test]
fn a_certificate_comes_while_others_serve() {
    let Some(pebble) = Pebble::start(Kind::default()) else { return };
    let (backend, authority) = (Backend::named("b"), Authority::new("root"));
    let keys = "names = ['lost.test', 'a.test']\ncontact = 'mailto:me@a.test'";
    let proxy = start(folder(&authority), &configuration(&pebble, &backend, pebble.http, keys));
    let (is_over, served) = (AtomicBool::new(false), AtomicU64::new(0));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let tls = Tls::trusting(&authority);
            let mut staying = tls.connect(over_tls(&proxy), "test");
            while !is_over.load(Ordering::Relaxed) {
                assert_eq!(staying.get("/").status(), 200, "no connection is closed");
                assert!(serves(&proxy, &tls, "test"));
                served.fetch_add(1, Ordering::Relaxed);
            }
        });
        let clients = pebble.clients();
        proxy.log.wait_for("acme-certificate-issued");
        wait_until("it serves", || serves(&proxy, &clients, "a.test"));
        let failed = proxy.log.wait_for("acme-order-failed");
        assert!(failed.has(&[("name", "lost.test"), ("reason", "refused"), ("attempts", "1")]), "{failed:?}");
        assert!(failed.field("error").is_some_and(|error| error.contains("lost.test")), "{failed:?}");
        let refused = clients.try_connect(over_tls(&proxy), "lost.test").expect_err("no certificate");
        assert!(refused.to_string().contains("UnrecognisedName"), "{refused}");
        proxy.log.wait_where("handshake-failed", |line| line.has(&[("reason", "no-certificate")]));
        is_over.store(true, Ordering::Relaxed);
    });
    assert!(served.load(Ordering::Relaxed) > 0);
    let pem = file(&proxy.path("state/acme"), "a.test.pem").expect("its file");
    assert_eq!(fs::metadata(&pem).expect("its file").permissions().mode() & 0o777, 0o600);
    assert!(file(&proxy.path("state/acme"), ".order.json").is_none(), "no order is left");
    let metrics = Client::connect(proxy.admin()).get("/metrics").text();
    let expiry = metrics.lines().find(|line| line.contains("expiry_seconds{") && line.contains("a.test.pem"));
    assert!(expiry.is_some(), "{metrics}");
    let check =
        Command::new(program()).arg("check").current_dir(proxy.path("")).output().expect("the program");
    let said = String::from_utf8_lossy(&check.stderr);
    assert!(check.status.success() && said.lines().count() == 1, "{said}");
    assert!(
        said.contains("acme.names[0]: there is no certificate for it, as an order has failed: "),
        "{said}"
    );
}

#[test]
fn a_handshake_shows_that_a_name_leads_here_and_customers_are_known() {
    let Some(pebble) = Pebble::start(Kind { knows_customers: true, ..Kind::default() }) else { return };
    let backend = Backend::named("b");
    let folder = tempfile::tempdir().expect("a directory");
    fs::write(folder.path().join("eab.key"), format!("{CUSTOMER_KEY}\n")).expect("a file");
    let proxy = start(
        folder,
        &format!(
            "state_dir = 'state'\n[[listener]]\naddress = '127.0.0.1:{}'\n[listener.tls.acme]\nnames = ['a.test', 'b.test']\n\
             external_account = {{ id = 'kid-1', key_file = 'eab.key' }}\n{}\n[pool.test]\nbackends = ['{}']\n",
            pebble.tls,
            pebble.keys(),
            backend.address()
        ),
    );
    let clients = pebble.clients();
    proxy.log.wait_for_many("acme-certificate-issued", 2);
    for name in ["a.test", "b.test"] {
        wait_until("it serves", || {
            let client = clients.clone().afresh().try_connect(proxy.address(), name);
            client.is_ok_and(|mut client| client.get("/").status() == 200)
        });
    }
    proxy.log.wait_for("acme-challenge-answered");
    assert!(proxy.log.errors().is_empty());
}

/// Writes a certificate that is to be renewed in the place of the one that was ordered.
fn age(pem: &PathBuf, authority: &Authority, serial: u64) -> Issued {
    let (now, day) = (SystemTime::now(), Duration::from_hours(24));
    let issued = authority.issue(&Leaf {
        names: &["a.test"],
        serial,
        valid: now - 70 * day..now + 20 * day,
        ..Leaf::default()
    });
    let next = pem.with_extension("next");
    fs::write(&next, format!("{}{}", issued.key, issued.cert)).expect("a file");
    fs::rename(&next, pem).expect("our file");
    issued
}

#[test]
fn an_old_certificate_serves_on_while_the_authority_is_away_and_forgets() {
    let Some(mut pebble) = Pebble::start(Kind::default()) else { return };
    let (backend, authority) = (Backend::named("b"), Authority::new("root"));
    let proxy =
        start(folder(&authority), &configuration(&pebble, &backend, pebble.http, "names = ['a.test']"));
    proxy.log.wait_for("acme-certificate-issued");
    pebble.stop();
    age(&file(&proxy.path("state/acme"), "a.test.pem").expect("its file"), &authority, 77);
    let old = Tls::trusting(&authority);
    proxy.signal("HUP");
    wait_until("the old one serves", || serves(&proxy, &old, "a.test"));
    let failed = proxy.log.wait_for("acme-order-failed");
    assert!(failed.level() == "WARN" && failed.has(&[("name", "a.test"), ("reason", "away")]), "{failed:?}");
    assert!(failed.message().contains("the certificate before serves on"), "{failed:?}");
    for _ in 0..3 {
        proxy.signal("HUP");
        assert!(serves(&proxy, &old, "a.test"));
    }
    assert_eq!(proxy.log.events("acme-order-failed").len(), 1, "it is said once");
    // With other keys, and without accounts.
    pebble.run();
    let clients = pebble.clients();
    proxy.signal("HUP");
    proxy.log.wait_for("acme-certificate-renewed");
    wait_until("the new one serves", || serves(&proxy, &clients, "a.test"));
    assert_eq!(proxy.log.events("acme-account-made").len(), 2);
}

/// Takes connections on a port, and passes them on to another one when it is let.
fn pass_on(listener: TcpListener, to: u16, may_pass: &'static AtomicBool, asked: &'static AtomicU64) {
    std::thread::spawn(move || {
        for mut question in listener.incoming().filter_map(Result::ok) {
            std::thread::spawn(move || {
                asked.fetch_add(1, Ordering::Relaxed);
                wait_until("it may pass", || may_pass.load(Ordering::Relaxed));
                let mut head = vec![0; 8 << 10];
                let length = question.read(&mut head).expect("a question");
                let mut proxy = TcpStream::connect((Ipv4Addr::LOCALHOST, to)).expect("the proxy");
                proxy.set_read_timeout(Some(DEADLINE)).expect("a socket");
                proxy.write_all(&head[..length]).expect("a question");
                let mut answer = Vec::new();
                let _ = proxy.read_to_end(&mut answer);
                let _ = question.write_all(&answer);
            });
        }
    });
}

#[test]
fn an_order_is_gone_on_with_after_the_process_was_killed() {
    static MAY_PASS: AtomicBool = AtomicBool::new(false);
    static ASKED: AtomicU64 = AtomicU64::new(0);
    let questions = free_port();
    let Some(pebble) = Pebble::start(Kind { http: Some(questions), ..Kind::default() }) else { return };
    let (backend, authority, http) = (Backend::named("b"), Authority::new("root"), free_port());
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, questions)).expect("a port");
    pass_on(listener, http, &MAY_PASS, &ASKED);
    let configuration = configuration(&pebble, &backend, http, "names = ['a.test']");
    let proxy = start(folder(&authority), &configuration);
    wait_until("the authority asks", || ASKED.load(Ordering::Relaxed) > 0);
    let order = file(&proxy.path("state/acme"), "a.test.order.json").expect("an order has begun");
    let begun = fs::read_to_string(order).expect("an order");
    let folder = proxy.kill();
    let question = pebble.question();
    let proxy = start(folder, &configuration);
    wait_until("the order is taken up", || {
        Client::connect(proxy.addresses()[0]).get(&question).status() == 200
    });
    MAY_PASS.store(true, Ordering::Relaxed);
    proxy.log.wait_for("acme-certificate-issued");
    let clients = pebble.clients();
    wait_until("it serves", || serves(&proxy, &clients, "a.test"));
    assert_eq!(pebble.orders(), 1, "{}", pebble.log());
    let pem =
        fs::read_to_string(file(&proxy.path("state/acme"), "a.test.pem").expect("its file")).expect("text");
    let key = pem.lines().nth(1).expect("a line of the key");
    assert!(begun.contains(key), "with the same key");
    assert!(proxy.log.events("acme-account-made").is_empty(), "and the same account");
}

#[test]
fn two_proxies_with_one_folder_make_one_order() {
    let Some(pebble) = Pebble::start(Kind::default()) else { return };
    let (backend, authority) = (Backend::named("b"), Authority::new("root"));
    let shared = tempfile::tempdir().expect("a directory");
    let keys = format!("names = ['a.test']\nstorage = '{}'", shared.path().display());
    // The authority comes to the second one, which has nothing to do with the order.
    let one = start(folder(&authority), &configuration(&pebble, &backend, free_port(), &keys));
    one.log.wait_for("acme-account-made");
    let other = start(folder(&authority), &configuration(&pebble, &backend, pebble.http, &keys));
    one.log.wait_for("acme-certificate-issued");
    let clients = pebble.clients();
    for proxy in [&one, &other] {
        wait_until("it serves", || serves(proxy, &clients, "a.test"));
    }
    assert_eq!(pebble.orders(), 1);
    assert!(other.log.events("acme-account-made").is_empty() && other.log.errors().is_empty());
}

#[test]
fn the_authority_says_when_to_renew() {
    // Without a window this would be at two thirds of the life.
    let Some(pebble) = Pebble::start(Kind { life: Some(120), ..Kind::default() }) else { return };
    let (backend, authority) = (Backend::named("b"), Authority::new("root"));
    let (server, keys) = pebble.with_window();
    let began = Instant::now();
    let proxy =
        start(folder(&authority), &configuration_with(&keys, &backend, pebble.http, "names = ['a.test']"));
    proxy.log.wait_for("acme-certificate-issued");
    let pem = file(&proxy.path("state/acme"), "a.test.pem").expect("its file");
    // Twelve seconds ago, as far as the file shows: nothing is renewed sooner than after a tenth of its life.
    let earlier = SystemTime::now() - Duration::from_secs(12);
    fs::File::open(&pem).and_then(|file| file.set_modified(earlier)).expect("our file");
    proxy.signal("HUP");
    proxy.log.wait_for("acme-certificate-renewed");
    assert!(began.elapsed() < Duration::from_secs(60) && server.connections() > 2);
}
