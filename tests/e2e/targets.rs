//! A target reaches the backend in the bytes in which it came: those that clients should encode and don't, too.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};

use harness::{Backend, Client, Proxy, Setup, choose, guest};

/// A backend that answers with the request line, byte for byte, and its address.
fn telling() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            std::thread::spawn(move || {
                let (mut head, mut byte) = (Vec::new(), [0]);
                while stream.read_exact(&mut byte).is_ok() {
                    head.push(byte[0]);
                    if head.ends_with(b"\r\n\r\n") {
                        let end = head.iter().position(|&byte| byte == b'\r').expect("a line");
                        let response =
                            format!("HTTP/1.1 200 OK\r\nContent-Length: {end}\r\n\r\n").into_bytes();
                        let _ = stream.write_all(&[response, head[..end].to_vec()].concat());
                        head.clear();
                    }
                }
            });
        }
    });
    address
}

fn ask(client: &mut Client, line: &[u8]) -> Vec<u8> {
    client.send([line, b"\r\nHost: a\r\n\r\n"].concat());
    client.response("GET").body
}

fn target_line(target: &[u8]) -> Vec<u8> {
    [b"GET ", target, b" HTTP/1.1"].concat()
}

#[test]
fn every_byte_but_controls_passes_as_it_is() {
    let proxy = Proxy::start(&Setup::default().configuration(&[telling()]));
    let mut client = proxy.client();
    let text = b"/?q=a^b /`` /\\ /\"x\" /<a> /?a=`^\\\"<>|{} /\xe4\xf6 /?u=\xff\xfe /\xc3\xa4?\xc3\xa4 /\x80 //\xa0\xa0";
    for target in text.split(|&byte| byte == b' ') {
        let line = target_line(target);
        assert_eq!(ask(&mut client, &line), line, "{:?}", target.escape_ascii().to_string());
    }
    for byte in (b'!'..=0xff).filter(|byte| ![b'#', 0x7f].contains(byte)) {
        let line = target_line(&[b"/", &[byte][..], b"?", &[byte], b"x"].concat());
        assert_eq!(ask(&mut client, &line), line, "{byte:#x}");
    }
    // Long ones, and the head in pieces.
    let line = target_line(&[b"/", &b"\xe4<".repeat(8000)[..]].concat());
    assert_eq!(ask(&mut client, &line), line);
    for piece in [b"GET /\xc3".as_slice(), b"\xa4`?", b"\xe4 HTTP", b"/1.1\r\nHost: a\r\n", b"\r\n"] {
        client.send(piece);
        proxy.client().get("/");
    }
    assert_eq!(client.response("GET").body, b"GET /\xc3\xa4`?\xe4 HTTP/1.1");
}

#[test]
fn an_absolute_target_is_passed_on_as_a_path_of_the_same_bytes() {
    let proxy = Proxy::start(&Setup::default().configuration(&[telling()]));
    let mut client = proxy.client();
    for (target, seen) in [
        ("http://a/<x>?`", "/<x>?`"),
        ("http://a?<x>", "/?<x>"),
        ("http://a", "/"),
        ("http://a/\u{e9}", "/\u{e9}"),
    ] {
        let line = target_line(target.as_bytes());
        assert_eq!(ask(&mut client, &line), target_line(seen.as_bytes()), "{target}");
    }
}

#[test]
fn pipelined_requests_keep_their_targets_apart() {
    let proxy = Proxy::start(&Setup::default().configuration(&[telling()]));
    let mut client = proxy.client();
    let lines: Vec<Vec<u8>> =
        (b'`'..=b'e').chain(0x80..0x90).map(|byte| target_line(&[b'/', byte])).collect();
    let heads = lines.iter().map(|line| [line, b"\r\nHost: a\r\n\r\n".as_slice()].concat());
    client.send(heads.collect::<Vec<_>>().concat());
    for line in lines {
        assert_eq!(client.response("GET").body, line);
    }
}

#[test]
fn each_attempt_has_the_same_target() {
    let bad = Backend::start(|exchange| {
        exchange.read_body();
        exchange.reset();
    });
    let setup = Setup { workers: 1, pool: "ejection = { enabled = false }", ..Setup::default() };
    let proxy = Proxy::start(&setup.configuration(&[bad.address(), telling()]));
    let mut client = proxy.client();
    let line = target_line(b"/\xe4?<");
    for _ in 0..4 {
        assert_eq!(ask(&mut client, &line), line);
    }
    assert!(bad.count() > 0);
}

#[test]
fn routes_and_policies_see_the_bytes_that_came() {
    let (one, two) = (Backend::named("one"), Backend::named("two"));
    let config = format!(
        "[[listener]]\naddress = \"127.0.0.1:0\"\n[[route]]\npath = \"/a_b\"\npool = \"one\"\n[[route]]\n\
         path = \"/\"\npool = \"two\"\n[pool.one]\nbackends = [\"{}\"]\n[pool.two]\nbackends = [\"{}\"]\n",
        one.address(),
        two.address()
    );
    let proxy = Proxy::start(&config);
    for (path, name) in [("/a_b", "one"), ("/a<b", "two"), ("/a\u{e9}b", "two"), ("/a`b", "two")] {
        assert_eq!(proxy.client().get(path).text(), name, "{path}");
    }

    // A policy that picks by the third byte of the path.
    let by_third_byte = guest(&format!(
        "(func (export \"pointsman_pick\") (result i64)
            (drop (call $request_text (i32.const 3) (i32.const 64) (i32.const 64)))
            (if (i32.eq (i32.load8_u (i32.const 66)) (i32.const 60)) (then (return (i64.const 1))))
            {})",
        choose(0)
    ));
    let proxy = Setup::default().start_with_policy(&by_third_byte, &[&one, &two]);
    assert_eq!(proxy.client().get("/a_b").text(), "one");
    assert_eq!(proxy.client().get("/a<b").text(), "two");
}
