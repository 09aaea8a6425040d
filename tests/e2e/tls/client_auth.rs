//! Clients with certificates.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, SystemTime};

use harness::{Authority, Backend, Issued, Latch, Leaf, Proxy, Response, Setup, Tls, TlsClient};
use rcgen::ExtendedKeyUsagePurpose::{ClientAuth, ServerAuth};

use super::{SITE, check, folder, start_in};

/// Fields that tell a backend who a client is, as clients may write them.
const LIES: &str = "Client-Cert: :bGll:\r\nclient_cert: :bGll:\r\nClient-Cert-Chain: :bGll:\r\nclient_cert-chain: :bGll:\r\n\
                    X-Forwarded-Client-Cert: Hash=lie\r\nx_forwarded_client_cert: Hash=lie\r\nX_Forwarded_For: 6.6.6.6\r\n";

/// Whether a backend was told what it should be.
type Expected<'a> = &'a dyn Fn(&str) -> bool;

/// Authorities of servers and of clients, a proxy's folder, and a backend that answers with what it is told of clients.
struct World {
    servers: Authority,
    clients: Authority,
    backend: Backend,
}

impl World {
    fn new() -> Self {
        let backend = Backend::start(|exchange| {
            let told =
                exchange.request.headers().iter().filter(|(name, _)| name.to_lowercase().contains("cert"));
            let told: Vec<String> =
                told.map(|(name, value)| format!("{}={value}", name.to_lowercase())).collect();
            exchange.respond(&told.join("\n"));
        });
        Self { servers: Authority::new("servers"), clients: Authority::new("clients"), backend }
    }

    /// A proxy with more keys in its listener's TLS.
    fn start(&self, keys: &str) -> Proxy {
        let folder = folder();
        self.write(folder.path());
        start_in(folder, &self.backend, &format!("{SITE}{keys}"))
    }

    fn write(&self, folder: &Path) {
        self.servers.issue(&Leaf::default()).write(folder, "site");
        std::fs::write(folder.join("ca.crt"), self.clients.pem()).expect("a file");
        std::fs::write(folder.join("revoked"), self.clients.revoke(&[66])).expect("a file");
    }

    fn alice(&self, serial: u64) -> Issued {
        self.clients.issue(&Leaf { serial, names: &["alice"], purpose: ClientAuth, ..Leaf::default() })
    }

    fn tls(&self) -> Tls {
        Tls::trusting(&self.servers)
    }
}

/// Connects and sends a request: with TLS 1.3 a client hears only then that its certificate isn't accepted.
fn request(address: SocketAddr, tls: &Tls, headers: &str) -> io::Result<(TlsClient, Response)> {
    let mut client = tls.try_connect(address, "test")?;
    client.try_send(format!("GET / HTTP/1.1\r\nHost: test\r\n{headers}\r\n"))?;
    match client.try_response("GET")? {
        Some(response) => Ok((client, response)),
        None => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}

/// The certificate as `Client-Cert` has it.
fn client_cert(issued: &Issued) -> String {
    let base64: String = issued.cert.lines().filter(|line| !line.starts_with("-----")).collect();
    format!("client-cert=:{base64}:")
}

#[test]
fn who_may_connect_and_who_goes_on() {
    let world = World::new();
    let other = Authority::new("clients");
    let day = Duration::from_hours(24);
    let now = SystemTime::now();
    let client = |leaf| Leaf { names: &["alice"], purpose: ClientAuth, ..leaf };
    let certificates = [
        ("valid", world.alice(7)),
        ("of another authority", other.issue(&client(Leaf::default()))),
        (
            "expired",
            world.clients.issue(&client(Leaf { valid: now - 9 * day..now - day, ..Leaf::default() })),
        ),
        ("revoked", world.alice(66)),
        (
            "for servers",
            world.clients.issue(&Leaf { names: &["alice"], purpose: ServerAuth, ..Leaf::default() }),
        ),
    ];
    for mode in ["required", "optional"] {
        let keys = format!("client_auth = {{ ca = 'ca.crt', crl = 'revoked', mode = '{mode}' }}\n");
        let proxy = world.start(&keys);
        let mut refused = 0;
        for version in [|tls: Tls| tls, Tls::only_12] {
            let nobody = version(world.tls());
            for is_second in [false, true] {
                let case = format!("{mode}, none, second: {is_second}");
                match request(proxy.address(), &nobody, LIES) {
                    Ok((client, response)) => {
                        assert_eq!((mode, response.text().as_str()), ("optional", ""), "{case}");
                        assert_eq!(client.is_resumed(), is_second, "{case}");
                    }
                    Err(error) => {
                        assert_eq!(mode, "required", "{case}: {error}");
                        assert!(error.to_string().contains("CertificateRequired"), "{case}: {error}");
                        refused += 1;
                    }
                }
            }
            for (what, certificate) in &certificates {
                let somebody = version(world.tls()).with_identity(certificate);
                for is_second in [false, true] {
                    let case = format!("{mode}, {what}, second: {is_second}");
                    match request(proxy.address(), &somebody, LIES) {
                        Ok((client, response)) => {
                            assert_eq!(*what, "valid", "{case}");
                            assert_eq!(response.text(), client_cert(certificate), "{case}");
                            assert_eq!(client.is_resumed(), is_second, "{case}");
                        }
                        Err(error) => {
                            assert_ne!(*what, "valid", "{case}: {error}");
                            assert!(error.to_string().contains("received fatal alert"), "{case}: {error}");
                            refused += 1;
                        }
                    }
                }
            }
        }
        let failed = proxy.log.wait_for_many("handshake-failed", refused);
        assert!(failed.iter().all(|line| line.has(&[("reason", "client-certificate")])), "{failed:?}");
    }
}

#[test]
fn what_clients_say_of_their_certificates_never_reaches_a_backend() {
    let world = World::new();
    let alice = world.alice(7);
    let auth = "client_auth = { ca = 'ca.crt' }\n";
    let hash = |text: &str| {
        let hash = text.strip_prefix("x-forwarded-client-cert=Hash=").and_then(|rest| rest.get(..64));
        hash.is_some_and(|hash| hash.bytes().all(|byte| byte.is_ascii_hexdigit()))
            && text.ends_with(";Subject=\"CN=alice\";DNS=\"alice\"")
    };
    let told: [(&str, Expected<'_>); 3] = [
        ("", &|text| text == client_cert(&alice)),
        ("client_cert_header = 'xfcc'\n", &hash),
        ("client_cert_header = 'none'\n", &str::is_empty),
    ];
    for (header, expected) in told {
        let proxy = world.start(&format!("{auth}{header}"));
        let (mut client, response) =
            request(proxy.address(), &world.tls().with_identity(&alice), LIES).expect("a response");
        assert!(expected(&response.text()), "{header}: {}", response.text());
        assert!(expected(&client.get("/").text()), "{header}: also of the next request");
    }
    // Over TLS without authentication, and in clear.
    let proxy = world.start("");
    assert_eq!(world.tls().connect(proxy.address(), "test").get_with("/", LIES).text(), "");
    let proxy = Setup::default().start(&[&world.backend]);
    assert_eq!(proxy.client().get_with("/", LIES).text(), "");
    let sent: Vec<_> = world.backend.requests();
    assert!(sent.iter().all(|request| request.values("x_forwarded_for").is_empty()));
}

#[test]
fn a_trusted_proxy_says_who_its_clients_are() {
    let world = World::new();
    let folder = folder();
    world.write(folder.path());
    let listener = format!("trusted_proxies = ['127.0.0.1']\n{SITE}client_auth = {{ ca = 'ca.crt' }}\n");
    let proxy = start_in(folder, &world.backend, &listener);
    let mut client = world.tls().with_identity(&world.alice(7)).connect(proxy.address(), "test");
    let said = "Client-Cert: :Ym9i:\r\nclient_cert: :bGll:\r\n";
    assert_eq!(client.get_with("/", said).text(), "client-cert=:Ym9i:");
    assert_eq!(client.get("/").text(), "", "its own certificate isn't its client's");
}

#[test]
fn a_ticket_is_no_certificate() {
    let world = World::new();
    let folder = folder();
    world.write(folder.path());
    std::fs::write(folder.path().join("ticket.key"), [7; 80]).expect("a file");
    let tickets = "ticket_keys = ['ticket.key']\n";
    let second = |auth: &str| format!("[[listener]]\naddress = '127.0.0.1:0'\n{SITE}{tickets}{auth}");
    let listeners = format!(
        "{SITE}{tickets}{}{}",
        second("client_auth = { ca = 'ca.crt' }\n"),
        second("client_auth = { ca = 'ca.crt', mode = 'optional' }\n")
    );
    let proxy = start_in(folder, &world.backend, &listeners);
    let [open, required, optional] = proxy.addresses()[..] else { panic!("three listeners") };
    for version in [|tls: Tls| tls, Tls::only_12] {
        let nobody = version(world.tls());
        request(open, &nobody, "").expect("a response");
        assert!(request(open, &nobody, "").expect("a response").0.is_resumed());
        assert!(request(required, &nobody, "").is_err(), "the certificate is demanded");
        request(optional, &nobody, "").expect("a response");
        assert!(request(required, &nobody, "").is_err(), "by whatever ticket");

        // A session of which the certificate is known goes on where it was checked, and nowhere else.
        let alice = world.alice(7);
        let tls = version(world.tls()).with_identity(&alice);
        request(optional, &tls, "").expect("a response");
        let (client, response) = request(required, &tls, "").expect("a response");
        assert!(!client.is_resumed(), "a full handshake");
        assert_eq!(response.text(), client_cert(&alice));
    }
}

#[test]
fn a_revoked_certificate_is_turned_down_with_its_ticket_too() {
    let world = World::new();
    let keys = "client_auth = { ca = 'ca.crt', crl = 'revoked' }\n";
    let proxy = world.start(keys);
    for (number, version) in [|tls: Tls| tls, Tls::only_12].into_iter().enumerate() {
        let serial = 70 + number as u64;
        let alice = version(world.tls()).with_identity(&world.alice(serial));
        request(proxy.address(), &alice, "").expect("a response");
        assert!(request(proxy.address(), &alice, "").expect("a response").0.is_resumed());
        std::fs::write(proxy.path("next"), world.clients.revoke(&[66, serial])).expect("a file");
        std::fs::rename(proxy.path("next"), proxy.path("revoked")).expect("our file");
        proxy.log.wait_for_many("tls-files-renewed", number + 1);
        let error =
            request(proxy.address(), &alice, "").map(|(_, response)| response).expect_err("it is revoked");
        assert!(error.to_string().contains("CertificateRevoked"), "{error}");
    }
    // What can't be read changes nothing.
    std::fs::write(proxy.path("revoked"), "-----BEGIN X509 CRL-----\n").expect("a file");
    let refused = proxy.log.wait_for("tls-files-refused");
    assert!(refused.text().contains("client_auth.crl: revoked is broken or cut off"), "{refused}");
    let bob = world.tls().with_identity(&world.alice(80));
    request(proxy.address(), &bob, "").expect("a response");
    let error = request(proxy.address(), &world.tls().with_identity(&world.alice(66)), "").err();
    assert!(error.expect("it is revoked").to_string().contains("CertificateRevoked"));
}

#[test]
fn connections_end_without_loss_when_clients_are_authenticated_in_another_way() {
    let world = World::new();
    let keys = "ticket_keys = ['ticket.key']\nclient_auth = { ca = 'ca.crt', crl = 'revoked' }\n";
    let folder = folder();
    world.write(folder.path());
    std::fs::write(folder.path().join("ticket.key"), [7; 80]).expect("a file");
    let release = Latch::default();
    let opened = release.clone();
    let slow = Backend::start(move |exchange| {
        exchange.read_body();
        if exchange.request.target() == "/slow" {
            opened.wait();
        }
        exchange.respond("good");
    });
    let proxy = start_in(folder, &slow, &format!("{SITE}{keys}"));
    let tls = world.tls().with_identity(&world.alice(7));
    let mut idle = tls.connect(proxy.address(), "test");
    let mut busy = tls.connect(proxy.address(), "test");
    assert_eq!((idle.get("/").status(), busy.get("/").status()), (200, 200));
    std::fs::write(proxy.path("ticket.key"), [8; 80]).expect("a file");
    proxy.log.wait_for("tls-files-renewed");
    assert_eq!(idle.get("/").header("connection"), None, "other ticket keys are no other authentication");

    let before = slow.count();
    busy.send("GET /slow HTTP/1.1\r\nHost: test\r\n\r\n");
    slow.wait_for_requests(before + 1);
    std::fs::write(proxy.path("revoked"), world.clients.revoke(&[7])).expect("a file");
    proxy.log.wait_for_many("tls-files-renewed", 2);
    assert!(idle.is_closed(), "an idle connection ends");
    release.open();
    let response = busy.response("GET");
    assert_eq!((response.text().as_str(), response.header("connection")), ("good", Some("close")));
    assert!(busy.is_closed(), "and one in use behind its response");

    // The same by a reload; and one that leaves the authentication as it is ends none.
    let bob = world.tls().with_identity(&world.alice(8));
    let mut client = bob.connect(proxy.address(), "test");
    assert_eq!(client.get("/").status(), 200);
    let another = format!("{SITE}handshake_timeout = '9s'\n{keys}");
    proxy.reload(&super::configuration(&slow, &another));
    assert_eq!(client.get("/").header("connection"), None);
    proxy.reload(&super::configuration(&slow, &another.replace("crl = 'revoked'", "mode = 'optional'")));
    assert!(client.is_closed());
}

#[test]
fn faults_have_their_places() {
    let world = World::new();
    for (keys, expected) in [
        (
            "client_auth = { mode = 'optional' }",
            "pointsman.toml:7: listener[0].tls.client_auth.ca: is missing; write `ca = \"clients.crt\"`",
        ),
        (
            "client_auth = { ca = 'none' }",
            "pointsman.toml:7: listener[0].tls.client_auth.ca: there is no file none; put it there",
        ),
        (
            "client_auth = { ca = 'revoked' }",
            "client_auth.ca: revoked holds no certificate in PEM form; name",
        ),
        (
            "client_auth = { ca = 'ca.crt', crl = 'ca.crt' }",
            "client_auth.crl: ca.crt holds no list of revoked certificates in PEM form; name",
        ),
        (
            "client_auth = { ca = 'ca.crt', mode = 'maybe' }",
            "client_auth.mode: `maybe` is none of the choices; write one of `required`, `optional`",
        ),
        (
            "client_cert_header = 'xfcc'",
            "tls.client_cert_header: is for client certificates, which nobody is asked for; leave it out",
        ),
    ] {
        let folder = folder();
        world.write(folder.path());
        let output = check::check(folder.path(), &format!("{SITE}{keys}\n"));
        let said = String::from_utf8(output.stderr).expect("text");
        assert!(
            !output.status.success() && said.lines().count() == 1 && said.contains(expected),
            "{keys}: {said}"
        );
    }
}

#[test]
fn rules_write_what_the_handshake_says() {
    let world = World::new();
    let rules = "[[route]]\npool = 'test'\nrequest_headers.set = { x-cert = '{tls_client_cert}', \
                 x-cert-name = 'sni={tls_server_name};', x-cert-both = '{tls_server_name} {tls_client_cert}' }\n";
    for header in ["client-cert", "xfcc", "none"] {
        let keys = format!(
            "client_auth = {{ ca = 'ca.crt', mode = 'optional' }}\nclient_cert_header = '{header}'\n"
        );
        let proxy = world.start(&format!("{keys}{rules}"));
        let alice = world.alice(1);
        let cert = client_cert(&alice).replace("client-cert=", "");
        let (_, told) =
            request(proxy.address(), &world.tls().with_identity(&alice), LIES).expect("a response");
        let told = told.text();
        for line in
            [format!("x-cert={cert}"), "x-cert-name=sni=test;".to_owned(), format!("x-cert-both=test {cert}")]
        {
            assert!(told.lines().any(|told| told == line), "{header}: {line} in {told}");
        }
        // What a stranger writes never stays.
        let lies = "X-Cert: lie\r\nX-Cert-Both: lie\r\n";
        let (_, told) = request(proxy.address(), &world.tls(), lies).expect("a response");
        let told = told.text();
        assert!(
            told.contains("x-cert-both=test") && !told.contains("x-cert=") && !told.contains("lie"),
            "{told}"
        );
    }
}
