//! `[listener.tls]`.

use super::*;

#[test]
fn tls_has_the_documented_defaults_and_paths_start_from_the_file() {
    assert_eq!(good(&format!("{LISTENER}{POOL}")).listeners[0].tls, None);
    let text = "[listener.tls]\ncertificates = [{ cert = 'a.crt', key = '/keys/a.key' }]\n";
    let config = Config::parse(&format!("{LISTENER}{text}{POOL}"), Path::new("/etc/p/f.toml")).unwrap();
    let tls = config.listeners[0].tls.as_ref().unwrap();
    let [CertificateFiles { cert, key, ocsp: None, ordered_for: None }] = &tls.certificates[..] else {
        panic!("{tls:?}")
    };
    assert_eq!((cert.path.to_str(), key.path.to_str()), (Some("/etc/p/a.crt"), Some("/keys/a.key")));
    assert_eq!((cert.line, key.line), (4, 4));
    assert_eq!((tls.min_version, tls.unknown_name), (TlsVersion::Tls12, UnknownName::Default));
    assert_eq!(tls.handshake_timeout, Duration::from_secs(10));
    assert!(tls.tickets && tls.ticket_keys.is_empty() && tls.client_auth.is_none());
}

#[test]
fn certificates_may_be_sections_and_lines_make_no_difference() {
    let text = |gap: &str| {
        format!(
            "{LISTENER}[listener.tls]\nmin_version = '1.3'\nunknown_name = 'refuse'\nhandshake_timeout = '100ms'\n{gap}\
             [[listener.tls.certificates]]\ncert = 'a'\nkey = 'b'\n[[listener.tls.certificates]]\ncert = 'c'\nkey = 'd'\n{POOL}"
        )
    };
    let (one, other) = (good(&text("")), good(&text("\n\n")));
    assert_eq!(one.listeners[0].tls, other.listeners[0].tls);
    let tls = one.listeners[0].tls.as_ref().unwrap();
    assert_eq!((tls.min_version, tls.unknown_name), (TlsVersion::Tls13, UnknownName::Refuse));
    assert_eq!((tls.certificates.len(), tls.certificates[1].key.line), (2, 12));
}

#[test]
fn faults_of_tls() {
    let template = format!("{LISTENER}{{}}\n{POOL}");
    let certificates = "write `certificates = [{ cert = \"site.crt\", key = \"site.key\" }]`";
    check_all(
        &template,
        &[
            (
                "tls = 1",
                &[
                    "3: listener[0].tls: is an integer, not a table; write `[listener.tls]` below its `[[listener]]`",
                ],
            ),
            ("tls = {}", &[&format!("3: listener[0].tls.certificates: is missing; {certificates}")]),
            (
                "tls = { certificates = [] }",
                &[&format!("3: listener[0].tls.certificates: there is no certificate; {certificates}")],
            ),
            (
                "tls = { certificates = [{ cert = 'a' }, { key = 'b' }], ciphers = 'x' }",
                &[
                    "3: listener[0].tls.certificates[0].key: is missing; write `key = \"site.key\"`",
                    "3: listener[0].tls.certificates[1].cert: is missing; write `cert = \"site.crt\"`",
                    "3: listener[0].tls.ciphers: unknown key `ciphers`; the keys here are `certificates`, `acme`, `min_version`, \
                     `unknown_name`, `handshake_timeout`, `tickets`, `ticket_keys`, `client_auth`, `client_cert_header`, `hsts`",
                ],
            ),
            (
                "tls = { certificates = [{ cert = 'a', key = 'b' }], min_version = '1.1', unknown_name = 'x', handshake_timeout = '0s' }",
                &[
                    "3: listener[0].tls.min_version: `1.1` is none of the choices; write one of `1.2`, `1.3`",
                    "3: listener[0].tls.unknown_name: `x` is none of the choices; write one of `default`, `refuse`",
                    "3: listener[0].tls.handshake_timeout: `0s` is out of range; write a duration from `\"100ms\"` to `\"5m\"`",
                ],
            ),
            (
                "tls = { certificates = [{ cert = 'a', key = 'b' }], tickets = false, ticket_keys = ['k'] }",
                &[
                    "3: listener[0].tls.ticket_keys: is for tickets, which are off; leave it out, or `tickets = false`",
                ],
            ),
            (
                "redirect = 'https'\ntls = { certificates = [{ cert = 'a', key = 'b' }], hsts = 'forever' }",
                &[
                    "3: listener[0].redirect: leads back to this listener, which speaks HTTPS; leave it out, or write it in the \
                     `[[listener]]` for clients without TLS",
                    "4: listener[0].tls.hsts: `forever` is no value of Strict-Transport-Security; write `\"max-age=31536000\"`, with \
                     `; includeSubDomains` if it is for all hosts below, too",
                ],
            ),
            (
                "redirect = 'http'",
                &["3: listener[0].redirect: `http` is none of the choices; write one of `https`"],
            ),
        ],
    );
}
