//! `acme` of `[listener.tls]`.

use super::*;

const STATE: &str = "state_dir = '/s'\n";
const OVER_TLS: &str = "[[listener]]\naddress = '127.0.0.1:0'\n[listener.tls]\n";

/// A configuration with these lines in a listener's TLS, beside a listener in clear.
fn with(lines: &str) -> String {
    format!("{STATE}{LISTENER}{OVER_TLS}{lines}\n{POOL}")
}

fn acme(text: &str) -> AcmeConfig {
    good(text)
        .listeners
        .into_iter()
        .find_map(|listener| listener.tls?.acme)
        .expect("certificates are ordered")
}

#[test]
fn names_are_enough_and_each_gets_a_file() {
    let text = with("acme = { names = ['WWW.Example.com.', 'b.test'] }");
    let config = good(&text);
    let tls = config.listeners[1].tls.as_ref().unwrap();
    let acme = tls.acme.as_ref().unwrap();
    let names: Vec<_> = acme.names.iter().map(|name| &*name.name).collect();
    assert_eq!(names, ["www.example.com", "b.test"]);
    assert_eq!(acme.account.directory, "https://acme-v02.api.letsencrypt.org/directory");
    assert_eq!((acme.challenge, acme.storage.is_shared), (AcmeChallenge::Http01, false));
    assert!(acme.account.contact.is_empty() && acme.account.ca.is_none() && acme.account.external.is_none());
    let [one, other] = &tls.certificates[..] else { panic!("{tls:?}") };
    assert_eq!(one.ordered_for.as_deref(), Some("www.example.com"));
    assert_eq!((&one.cert, one.cert.line), (&one.key, 7));
    assert!(one.cert.path.starts_with("/s/acme") && one.cert.path.ends_with("www.example.com.pem"));
    assert!(other.cert.path.ends_with("b.test.pem") && config.orders_certificates());
    assert!(!good(&format!("{LISTENER}{POOL}")).orders_certificates());
}

#[test]
fn everything_can_be_said_and_may_stand_beside_other_certificates() {
    let lines = "certificates = [{ cert = 'a', key = 'b' }]\n\
                 acme = { names = ['a.test'], contact = ['mailto:a@b.test', 'mailto:c@d.test'], directory = 'https://[::1]:14000/dir', \
                 ca = 'ca.pem', storage = '/shared', challenge = 'tls-alpn-01', profile = 'shortlived', \
                 external_account = { id = 'x', key_file = 'k' } }";
    let config = good(&with(lines));
    let tls = config.listeners[1].tls.as_ref().unwrap();
    let acme = tls.acme.as_ref().unwrap();
    assert_eq!((tls.certificates.len(), acme.account.contact.len()), (2, 2));
    assert_eq!(tls.certificates[0].ordered_for, None);
    assert!(acme.storage.is_shared && acme.folder().starts_with("/shared"));
    assert_eq!((acme.challenge, acme.profile.as_deref()), (AcmeChallenge::TlsAlpn01, Some("shortlived")));
    assert!(acme.account.ca.is_some() && acme.account.external.is_some());
}

#[test]
fn authorities_have_nothing_in_common() {
    let folder = |directory: &str| {
        acme(&with(&format!("acme = {{ names = ['a.test'], directory = '{directory}' }}"))).folder()
    };
    let all = [
        "letsencrypt",
        "letsencrypt-staging",
        "https://a.test/b/c",
        "https://a.test/b-c",
        "https://a.test:1/b/c",
    ];
    let folders: std::collections::HashSet<_> = all.iter().map(|directory| folder(directory)).collect();
    assert_eq!(folders.len(), all.len());
    // Where certificates are may not change by an update.
    assert_eq!(folder("letsencrypt"), Path::new("/s/acme/acme-v02.api.letsencrypt.org-847edba9"));
}

#[test]
fn without_a_listener_in_clear_the_question_comes_by_a_handshake() {
    let text = format!("{STATE}{OVER_TLS}acme = {{ names = ['a.test'] }}\n{POOL}");
    assert_eq!(acme(&text).challenge, AcmeChallenge::TlsAlpn01);
    check(
        &format!("{STATE}{OVER_TLS}acme = {{ names = ['a.test'], challenge = 'http-01' }}\n{POOL}"),
        &[
            "5: listener[0].tls.acme.challenge: is asked for in clear, and every listener speaks TLS; add a `[[listener]]` without TLS \
           that port 80 leads to, or write `\"tls-alpn-01\"`",
        ],
    );
}

#[test]
fn nothing_is_ordered_that_couldnt_be_kept() {
    check(
        &format!("{LISTENER}{OVER_TLS}acme = {{ names = ['a.test'] }}\n{POOL}"),
        &[
            "6: listener[1].tls.acme.storage: is missing, and there is no `state_dir`: nothing could be kept over a restart; write \
           `state_dir = \"/var/lib/pointsman\"` at the top of the file, or `storage = \"…\"` here",
        ],
    );
}

#[test]
fn names_that_no_certificate_can_be_for() {
    let template = with("acme = { names = [{}] }");
    let place = "7: listener[1].tls.acme.names[0]";
    let alone = "write a host name alone, such as `\"www.example.com\"`, without scheme, port and path";
    let letters = "use letters, digits, and hyphens between them";
    let address = "and certificates are ordered for host names only; write the host name that clients use";
    let cases = [
        (
            "'*.a.test'",
            "`*.a.test` is a wildcard, which an authority gives for dns-01 only; that isn't supported; write each \
                                host, or name the files of a certificate from elsewhere in `certificates`"
                .to_owned(),
        ),
        ("'192.0.2.1'", format!("`192.0.2.1` is an IP address, {address}")),
        ("'[2001:db8::1]'", format!("`[2001:db8::1]` is an IP address, {address}")),
        ("'a.test:443'", format!("`a.test:443` is no host name; {alone}")),
        ("'https://a.test/'", format!("`https://a.test/` is no host name; {alone}")),
        ("'a..test'", format!("`a..test` is no host name; {alone}")),
        ("'../../etc'", format!("`../../etc` is no host name; {alone}")),
        (
            "'münchen.test'",
            format!("`münchen.test` is not in the form that goes over the wire (`xn--…`); {alone}"),
        ),
        ("'a_b.test'", format!("`a_b.test` is no host name that a certificate can be for; {letters}")),
        ("'-a.test'", format!("`-a.test` is no host name that a certificate can be for; {letters}")),
        ("''", "is empty; write a text in the quotes, or leave the key out".to_owned()),
    ];
    for (name, expected) in cases {
        check(&template.replacen("{}", name, 1), &[&format!("{place}: {expected}")]);
    }
    check(
        &template.replacen("{}", "'a.test', 'A.test.'", 1),
        &[
            "7: listener[1].tls.acme.names[1]: `a.test` is taken by `listener[1].tls.acme.names[0]` on line 7; write each name once",
        ],
    );
}

#[test]
fn faults_of_orders() {
    let names = "write `names = [\"www.example.com\"]`";
    let contact = "write `contact = \"mailto:you@example.com\"`";
    let directory = "write `\"letsencrypt\"`, `\"letsencrypt-staging\"`, or the address of a directory that begins with `https://`";
    let place = "7: listener[1].tls.acme";
    let cases: &[(&str, String)] = &[
        ("", format!(".names: is missing; {names}")),
        ("names = []", format!(".names: there is no name; {names}")),
        ("names = 'a.test'", format!(".names: is a text, not an array; {names}")),
        (
            "names = ['a.test'], contact = 'a@b.test'",
            ".contact: `a@b.test` is no `mailto:` with one address; write `\"mailto:a@b.test\"`".into(),
        ),
        (
            "names = ['a.test'], contact = ['mailto:a@b.test,c@d.test']",
            format!(".contact[0]: `mailto:a@b.test,c@d.test` is no `mailto:` with one address; {contact}"),
        ),
        (
            "names = ['a.test'], contact = 'tel:1'",
            format!(".contact: `tel:1` is no `mailto:` with one address; {contact}"),
        ),
        (
            "names = ['a.test'], directory = 'http://a.test/dir'",
            format!(".directory: `http://a.test/dir` is no directory of an authority; {directory}"),
        ),
        (
            "names = ['a.test'], directory = 'zerossl'",
            format!(".directory: `zerossl` is no directory of an authority; {directory}"),
        ),
        (
            "names = ['a.test'], directory = 'https://u:p@a.test/'",
            format!(".directory: `https://u:p@a.test/` is no directory of an authority; {directory}"),
        ),
        (
            "names = ['a.test'], challenge = 'dns-01'",
            ".challenge: `dns-01` is none of the choices; write one of `http-01`, `tls-alpn-01`".into(),
        ),
        (
            "names = ['a.test'], external_account = { id = 'x' }",
            ".external_account.key_file: is missing; write `key_file = \"eab.key\"`".into(),
        ),
        (
            "names = ['a.test'], email = 'x'",
            ".email: unknown key `email`; the keys here are `names`, `contact`, `directory`, `ca`, \
          `external_account`, `profile`, `challenge`, `storage`"
                .into(),
        ),
    ];
    for (keys, expected) in cases {
        check(&with(&format!("acme = {{ {keys} }}")), &[&format!("{place}{expected}")]);
    }
}

#[test]
fn an_account_is_the_same_wherever_it_is_named() {
    let text = |contact: &str| {
        format!(
            "{STATE}{OVER_TLS}acme = {{ names = ['a.test'] }}\n{}acme = {{ names = ['b.test']{contact} }}\n{POOL}",
            OVER_TLS.replace(":0", ":1")
        )
    };
    good(&text(""));
    check(
        &text(", contact = 'mailto:a@b.test'"),
        &[
            "6: listener[1]: `tls.acme.contact` isn't that of `listener[0]` on line 2, and both name the same account; write the same, or \
           another `directory` or `storage`",
        ],
    );
    good(&text(", contact = 'mailto:a@b.test', directory = 'letsencrypt-staging'"));
}
