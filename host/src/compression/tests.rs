//! Whole responses: their heads, and their bodies as clients decode them.

use std::collections::VecDeque;
use std::io::Read as _;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Request};
use http_body::{Body, Frame};

use super::*;

/// A body that comes as it is told: a piece, a pause that it is woken from at once, or trailers.
#[derive(Debug, Default)]
struct Script(VecDeque<Step>);

#[derive(Debug)]
enum Step {
    Data(Bytes),
    Pause,
    Trailers(HeaderMap),
    Breaks,
}

impl Body for Script {
    type Data = Bytes;
    type Error = &'static str;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, &'static str>>> {
        match self.0.pop_front() {
            Some(Step::Data(data)) => Poll::Ready(Some(Ok(Frame::data(data)))),
            Some(Step::Trailers(trailers)) => Poll::Ready(Some(Ok(Frame::trailers(trailers)))),
            Some(Step::Breaks) => Poll::Ready(Some(Err("broken"))),
            Some(Step::Pause) => Poll::Pending,
            None => Poll::Ready(None),
        }
    }
}

/// How often it was woken.
#[derive(Default)]
struct Woken(AtomicUsize);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

fn compression(max_active: usize) -> Compression {
    Compression::new(Arc::new(CompressionConfig { max_active, ..CompressionConfig::default() }), 1)
}

fn encoder(coding: Coding) -> Box<Encoder> {
    let compression = compression(1);
    Box::new(Encoder::new(coding, &compression.config, compression.room.take().unwrap()).unwrap())
}

/// What is decoded of bytes, which may not be all yet.
fn decoded(coding: Coding, bytes: &[u8]) -> Vec<u8> {
    let mut output = Vec::new();
    // The end may be missing.
    match coding {
        Coding::Gzip => drop(flate2::read::GzDecoder::new(bytes).read_to_end(&mut output)),
        Coding::Brotli => drop(brotli::Decompressor::new(bytes, 4096).read_to_end(&mut output)),
        Coding::Zstd => {
            let (mut context, mut input) = (zstd_safe::DCtx::create(), zstd_safe::InBuffer::around(bytes));
            loop {
                output.reserve(1 << 16);
                let (before, written) = (input.pos(), output.len());
                let mut room = zstd_safe::OutBuffer::around_pos(&mut output, written);
                context.decompress_stream(&mut room, &mut input).unwrap();
                if output.len() == written && input.pos() == before {
                    break;
                }
            }
        }
    }
    output
}

/// Text that compresses as pages do.
fn text(length: usize) -> Bytes {
    let mut words =
        (0_u32..).map(|number| format!("<li>item {} of {}</li>\n", number % 97, number * number % 1013));
    let mut text = String::new();
    while text.len() < length {
        text += &words.next().unwrap();
    }
    text.truncate(length);
    text.into()
}

#[test]
fn a_body_comes_out_as_it_went_in_whatever_its_pieces_are() {
    let whole = text(200_000);
    for coding in Coding::ALL {
        for piece in [1, 100, 16 << 10, (16 << 10) + 1, 200_000] {
            let whole = if piece == 1 { whole.slice(..500) } else { whole.clone() };
            let pieces = whole.chunks(piece).map(|piece| Step::Data(Bytes::copy_from_slice(piece)));
            let mut body = Compressed::new(Script(pieces.collect()), encoder(coding));
            let (woken, mut encoded) = (Arc::<Woken>::default(), Vec::new());
            let waker = Waker::from(Arc::clone(&woken));
            loop {
                let before = woken.0.load(Ordering::Relaxed);
                match body.poll_frame(&mut Context::from_waker(&waker)) {
                    Poll::Ready(Some(frame)) => {
                        encoded.extend_from_slice(&frame.unwrap().into_data().unwrap())
                    }
                    Poll::Ready(None) => break,
                    Poll::Pending => {
                        assert_eq!(
                            woken.0.load(Ordering::Relaxed),
                            before + 1,
                            "it lets others have their turn"
                        );
                    }
                }
            }
            assert!(body.is_over());
            assert!(decoded(coding, &encoded) == whole, "{coding:?} in pieces of {piece}");
            let turns = woken.0.load(Ordering::Relaxed);
            assert_eq!(
                turns,
                whole.len() / (16 << 10),
                "{coding:?} in pieces of {piece}: a turn for each 16 KiB"
            );
        }
    }
}

#[test]
fn what_has_come_is_given_out_before_more_is_waited_for() {
    for coding in Coding::ALL {
        let pieces = ["a", "bc", "", "def"];
        let mut script = Script::default();
        for piece in pieces {
            script.0.extend([Step::Data(piece.into()), Step::Pause]);
        }
        let trailers =
            HeaderMap::from_iter([(HeaderName::from_static("x-sum"), HeaderValue::from_static("1"))]);
        script.0.push_back(Step::Trailers(trailers.clone()));
        let mut body = Compressed::new(script, encoder(coding));
        let mut cx = Context::from_waker(Waker::noop());
        let (mut encoded, mut come) = (Vec::new(), String::new());
        for piece in pieces {
            come += piece;
            if let Poll::Ready(Some(Ok(frame))) = body.poll_frame(&mut cx) {
                encoded.extend_from_slice(&frame.into_data().unwrap());
            }
            assert_eq!(decoded(coding, &encoded), come.as_bytes(), "{coding:?}");
        }
        let Poll::Ready(Some(Ok(last))) = body.poll_frame(&mut cx) else { panic!("the end") };
        encoded.extend_from_slice(&last.into_data().unwrap());
        assert_eq!(decoded(coding, &encoded), b"abcdef");
        assert!(!body.is_over(), "there are trailers");
        let Poll::Ready(Some(Ok(last))) = body.poll_frame(&mut cx) else { panic!("trailers") };
        assert_eq!(last.into_trailers().unwrap(), trailers);
        assert!(body.is_over() && matches!(body.poll_frame(&mut cx), Poll::Ready(None)));
    }
}

#[test]
fn a_body_that_breaks_off_has_no_end() {
    for coding in Coding::ALL {
        let script = Script([Step::Data(text(100)), Step::Breaks].into());
        let mut body = Compressed::new(script, encoder(coding));
        let mut cx = Context::from_waker(Waker::noop());
        let Poll::Ready(Some(Err(Broken::Body(error)))) = body.poll_frame(&mut cx) else {
            panic!("an error")
        };
        assert_eq!(error, "broken");
        assert!(matches!(body.poll_frame(&mut cx), Poll::Ready(None)));
    }
}

/// What becomes of a response's fields for a request with these; `+` in front if its body is compressed.
fn check(request: &str, response: &str, expected: &str) {
    let mut builder = Request::builder();
    let mut fields = request.split('\n');
    if let Some(method) = fields.next() {
        builder = builder.method(method);
    }
    for (name, value) in fields.filter_map(|field| field.split_once(": ")) {
        builder = builder.header(name, value);
    }
    let (parts, ()) = builder.body(()).unwrap().into_parts();
    let (status, fields) = response.split_once('\n').unwrap();
    let mut builder = Response::builder().status(status);
    for (name, value) in fields.split('\n').filter_map(|field| field.split_once(": ")) {
        builder = builder.header(name, value);
    }
    let mut response = builder.body(()).unwrap();
    let encoder = compression(1).offer(&parts).accept(&mut response);
    let mut shown: Vec<String> = response
        .headers()
        .iter()
        .filter(|(name, _)| *name != "content-type")
        .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
        .collect();
    shown.sort();
    let shown = format!("{}{}", if encoder.is_some() { "+" } else { "" }, shown.join("; "));
    assert_eq!(shown, expected, "{request:?} {fields:?}");
}

#[test]
fn a_head_says_what_was_done() {
    const GET: &str = "GET\naccept-encoding: gzip";
    const HTML: &str = "content-type: text/html; charset=utf-8";
    let done = "+content-encoding: gzip; vary: accept-encoding";
    for (request, response, expected) in [
        (GET, format!("200\n{HTML}"), done),
        (GET, "200\ncontent-type: Application/JSON".to_owned(), done),
        (GET, "200\ncontent-type: application/problem+json".to_owned(), done),
        (GET, "404\ncontent-type: text/plain\ncontent-length: 5000\naccept-ranges: bytes".to_owned(), done),
        (
            GET,
            format!("200\n{HTML}\netag: \"a\""),
            "+content-encoding: gzip; etag: W/\"a\"; vary: accept-encoding",
        ),
        (
            GET,
            format!("200\n{HTML}\netag: W/\"a\""),
            "+content-encoding: gzip; etag: W/\"a\"; vary: accept-encoding",
        ),
        (GET, format!("200\n{HTML}\nvary: Origin"), "+content-encoding: gzip; vary: Origin, accept-encoding"),
        (
            GET,
            format!("200\n{HTML}\nvary: Origin\nvary: Cookie"),
            "+content-encoding: gzip; vary: Origin, Cookie, accept-encoding",
        ),
        (
            GET,
            format!("200\n{HTML}\nvary: origin,Accept-Encoding"),
            "+content-encoding: gzip; vary: origin,Accept-Encoding",
        ),
        (GET, format!("200\n{HTML}\nvary: *"), "+content-encoding: gzip; vary: *"),
        // The head is that of the response to GET.
        (
            "HEAD\naccept-encoding: gzip",
            format!("200\n{HTML}\ncontent-length: 5000\netag: \"a\""),
            "content-encoding: gzip; etag: W/\"a\"; vary: accept-encoding",
        ),
        // Who doesn't take it learns that others may.
        (
            "GET",
            format!("200\n{HTML}\netag: \"a\"\ncontent-length: 5000"),
            "content-length: 5000; etag: \"a\"; vary: accept-encoding",
        ),
        ("GET\naccept-encoding: gzip;q=0", format!("200\n{HTML}"), "vary: accept-encoding"),
        (
            "GET\naccept-encoding: gzip\ncache-control: no-transform",
            format!("200\n{HTML}"),
            "vary: accept-encoding",
        ),
        // A client whose copy is compressed has the weak validator.
        (GET, "304\netag: \"a\"".to_owned(), "etag: W/\"a\"; vary: accept-encoding"),
        ("GET", "304\netag: \"a\"".to_owned(), "etag: \"a\"; vary: accept-encoding"),
    ] {
        check(request, &response, expected);
    }
}

#[test]
fn what_is_not_suitable_stays_as_it_is() {
    for (response, expected) in [
        ("200\ncontent-type: image/png", ""),
        ("200\ncontent-type: text/event-stream", ""),
        ("200\ncontent-type: Text/Event-Stream;charset=utf-8", ""),
        ("200\ncontent-type: application/grpc+json", ""),
        ("200\ncontent-type: application/grpc-web+json", ""),
        ("200\nx-other: 1", "x-other: 1"),
        ("200\ncontent-type: text/html\ncontent-length: 1023", "content-length: 1023"),
        ("200\ncontent-type: text/html\ncontent-length: 0", "content-length: 0"),
        ("200\ncontent-type: text/html\ncontent-encoding: gzip", "content-encoding: gzip"),
        ("200\ncontent-type: text/html\ncontent-encoding: identity", "content-encoding: identity"),
        ("206\ncontent-type: text/html\ncontent-range: bytes 0-9/100", "content-range: bytes 0-9/100"),
        ("206\ncontent-type: text/html", ""),
        ("416\ncontent-type: text/html\ncontent-range: bytes */100", "content-range: bytes */100"),
        ("204\ncontent-type: text/html", ""),
        ("205\ncontent-type: text/html", ""),
        (
            "200\ncontent-type: text/html\ncache-control: public, No-Transform",
            "cache-control: public, No-Transform",
        ),
        ("200\ncontent-type: text/html\ncontent-digest: sha-256=:a:", "content-digest: sha-256=:a:"),
        ("200\ncontent-type: text/html\ncontent-md5: a", "content-md5: a"),
    ] {
        check("GET\naccept-encoding: gzip, br, zstd", response, expected);
    }
    let long = format!("200\ncontent-type: text/{}", "x".repeat(200));
    check("GET\naccept-encoding: gzip", &long, "");
}

#[test]
fn trailers_are_of_the_bytes_that_are_sent() {
    let mut trailers = HeaderMap::new();
    for name in ["content-digest", "repr-digest", "digest", "content-md5", "etag", "x-sum"] {
        trailers.append(name, HeaderValue::from_static("\"a\""));
    }
    let script = Script([Step::Data(text(9)), Step::Trailers(trailers)].into());
    let mut body = Compressed::new(script, encoder(Coding::Gzip));
    let mut next = || body.poll_frame(&mut Context::from_waker(Waker::noop()));
    let sent = loop {
        match next() {
            Poll::Ready(Some(Ok(frame))) if frame.is_trailers() => break frame.into_trailers().unwrap(),
            Poll::Ready(Some(Ok(_))) => {}
            other => panic!("{other:?}"),
        }
    };
    let left: Vec<(&str, &[u8])> =
        sent.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
    assert_eq!(left, [("x-sum", &b"\"a\""[..]), ("etag", b"W/\"a\"")]);
}

#[test]
fn only_so_many_are_compressed_at_a_time() {
    let compression = compression(2);
    let (parts, ()) = Request::builder().header(ACCEPT_ENCODING, "br").body(()).unwrap().into_parts();
    let respond = || {
        let mut response = Response::builder().header("content-type", "text/html").body(()).unwrap();
        let encoder = compression.offer(&parts).accept(&mut response);
        assert_eq!(response.headers().contains_key("content-encoding"), encoder.is_some());
        assert!(response.headers().contains_key("vary"));
        encoder
    };
    let (first, second) = (respond(), respond());
    assert!(first.is_some() && second.is_some() && respond().is_none());
    drop(first);
    assert!(respond().is_some());
}
