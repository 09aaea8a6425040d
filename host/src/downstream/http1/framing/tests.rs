use proptest::prelude::*;

use super::*;

const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const POST: &str = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc";
const CHUNKED: &str = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
const UPGRADE: &str = "GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n";

fn framing() -> Framing {
    Framing::new(Arc::default())
}

/// Feeds `input` in pieces of `size`; what doesn't pass is fed again with the next piece, as the gate does.
fn feed(input: &[u8], size: usize) -> (usize, usize, Stop) {
    let (mut framing, mut input) = (framing(), input.to_vec());
    let (mut taken, mut passed, mut heads, mut end, mut stop) = (0, 0, 0, 0, Stop::End);
    while end < input.len() {
        end = (end + size).min(input.len());
        let advance = framing.advance(&mut input[taken..end], |_, _, _| heads += 1);
        taken += advance.passed + advance.empty;
        passed += advance.passed;
        stop = advance.stop;
        if !matches!(stop, Stop::End | Stop::IncompleteHead) {
            break;
        }
    }
    (passed, heads, stop)
}

#[test]
fn empty_lines_before_a_request_are_no_request() {
    for size in 1..200 {
        let input = [POST, "\r\n\r\n"].concat();
        assert_eq!(feed(input.as_bytes(), size), (POST.len(), 1, Stop::End), "pieces of {size}");
        let refused = Stop::RefusedRequest(Refusal::BareLineFeed);
        assert_eq!(feed(b"\r\n\r\n\n", size), (0, 0, refused), "pieces of {size}");
        assert_eq!(feed(b"\r\n\r", size), (0, 0, Stop::IncompleteHead), "pieces of {size}");
    }
    let input = ["\r\n", GET, "\r\n\r\n", CHUNKED, "\r\n", GET].concat();
    for size in 1..=input.len() {
        let (passed, heads, stop) = feed(input.as_bytes(), size);
        assert_eq!((heads, stop), (3, Stop::End), "pieces of {size}");
        assert!(passed >= 2 * GET.len() + CHUNKED.len(), "pieces of {size}");
    }
}

#[test]
fn requests_pass_in_pieces_of_any_size() {
    let input = [GET, POST, CHUNKED, GET].concat();
    for size in 1..=input.len() {
        assert_eq!(feed(input.as_bytes(), size), (input.len(), 4, Stop::End), "pieces of {size}");
    }
}

#[test]
fn what_follows_a_good_request_is_refused_alone() {
    let input = [GET, POST, "GET /\n\n"].concat();
    let good = GET.len() + POST.len();
    assert_eq!(feed(input.as_bytes(), usize::MAX), (good, 2, Stop::RefusedRequest(Refusal::MalformedHead)));
}

#[test]
fn a_broken_chunk_beside_its_head_refuses_the_request_and_later_the_body() {
    let broken = CHUNKED.replace("abc\r\n", "abcd\r\n");
    let whole = [GET, broken.as_str()].concat();
    let refused = (GET.len(), 1, Stop::RefusedRequest(Refusal::Chunk));
    assert_eq!(feed(whole.as_bytes(), usize::MAX), refused);

    let mut framing = framing();
    let head = broken.find("\r\n\r\n").expect("a head") + 4;
    let mut heads = 0;
    let (mut start, mut rest) =
        (broken[..head].to_owned().into_bytes(), broken[head..].to_owned().into_bytes());
    let first = framing.advance(&mut start, |_, _, _| heads += 1);
    assert_eq!((first, heads), (Advance { passed: head, empty: 0, stop: Stop::End }, 1));
    assert_eq!(framing.expected(), Expected::Body);
    let second = framing.advance(&mut rest, |_, _, _| heads += 1);
    assert_eq!(second.stop, Stop::RefusedBody(Refusal::Chunk));
}

#[test]
fn nothing_passes_after_an_upgrade_request_until_its_answer_is_known() {
    let input = [UPGRADE, GET].concat();
    let mut framing = framing();
    let advance = framing.advance(&mut input.into_bytes(), |_, facts, _| assert!(facts.upgrade));
    assert_eq!(advance, Advance { passed: UPGRADE.len(), empty: 0, stop: Stop::Upgrade });
    assert_eq!(framing.expected(), Expected::Nothing);
    framing.stay_with_http();
    let rest = framing.advance(&mut GET.to_owned().into_bytes(), |_, _, _| {});
    assert_eq!(rest, Advance { passed: GET.len(), empty: 0, stop: Stop::End });
}

#[test]
fn a_head_without_end_is_refused_at_the_limit() {
    let endless = format!("GET / HTTP/1.1\r\nX: {}", "a".repeat(70 * 1024));
    for size in [1, 1000, usize::MAX] {
        let (passed, heads, stop) = feed(endless.as_bytes(), size);
        assert_eq!((passed, heads, stop), (0, 0, Stop::RefusedRequest(Refusal::HeadTooLarge)), "{size}");
    }
}

/// What mutations begin with, and what they put in.
const SOUND: [&[u8]; 9] = [
    b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    b"POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello",
    b"PUT /x?y HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5 ;x\r\nhello\r\n0\r\nx-a: 1\r\n\r\n",
    b"GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
    b"GET /\xe4<> HTTP/1.1\r\nHost: a\r\n\r\n",
    b"OPTIONS http://b HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET http://b/`?\xff HTTP/1.0\r\n\r\n",
    b"\r\n",
    b"\r\n\r\n",
];
const INSERTED: [&[u8]; 16] = [
    b"\r\n",
    b"\n",
    b"\r",
    b" ",
    b"\t",
    b":",
    b"\0",
    b"0",
    b";",
    b"\xff",
    b"HTTP/1.0",
    b"://",
    b"/",
    b"*",
    b"Content-Length: 3\r\n",
    b"Transfer-Encoding: chunked\r\n",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20_000))]

    #[test]
    fn nothing_that_comes_is_too_odd(
        sound in prop::collection::vec(0..SOUND.len(), 1..4),
        changes in prop::collection::vec((any::<prop::sample::Index>(), 0..INSERTED.len() + 4), 0..4),
        size in 1_usize..40,
    ) {
        let mut input = sound.iter().map(|&place| SOUND[place]).collect::<Vec<_>>().concat();
        for (at, change) in changes {
            let at = at.index(input.len());
            match INSERTED.get(change) {
                Some(bytes) => drop(input.splice(at..at, bytes.iter().copied())),
                None => drop(input.drain(at..(at + change - INSERTED.len() + 1).min(input.len()))),
            }
            if input.is_empty() {
                return Ok(());
            }
        }
        // In pieces at least as much passes: a body that breaks takes its head along only if both come at once.
        let (whole, in_pieces) = (feed(&input, usize::MAX), feed(&input, size));
        prop_assert!(whole.0 <= input.len() && in_pieces.0 <= input.len());
        prop_assert!(in_pieces.1 >= whole.1, "{:?}: {whole:?} {in_pieces:?}", input.escape_ascii().to_string());
        let is_refused = |stop| matches!(stop, Stop::RefusedRequest(_) | Stop::RefusedBody(_));
        // A head that comes in pieces isn't looked at for each of them.
        let as_good = is_refused(whole.2) == is_refused(in_pieces.2) || in_pieces.2 == Stop::IncompleteHead;
        prop_assert!(as_good, "{:?}: {whole:?} {in_pieces:?}", input.escape_ascii().to_string());
    }
}
