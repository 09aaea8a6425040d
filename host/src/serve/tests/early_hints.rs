//! 103 responses to clients of HTTP/1.

use super::script::Step::{Answer, Asked, Closed, Gets, GetsExactly, Pass, Room, Send, Waits, With};
use super::script::{GET, OK, ONE, Step, check};
use super::world::Limits;
use crate::config::EarlyHintsUse;

const HINT: &str =
    "HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\nConnection: x\r\nX: 1\r\nContent-Length: 9\r\n\r\n";
const HINTED: &str = "HTTP/1.1 103 Early Hints\r\nlink: </a.css>\r\n\r\n";
const HINTS: &str = "HTTP/1.1 103 Early Hints";

fn to_all() -> Limits {
    let mut limits = Limits::one_backend();
    limits.downstream.early_hints = EarlyHintsUse::All;
    limits
}

#[test]
fn clients_of_http11_get_them_if_the_listener_says_so() {
    check(
        "each as it comes, and with the next request again",
        to_all(),
        &[
            Send(GET),
            Asked("GET /a "),
            Answer("HTTP/1.1 102 Processing\r\n\r\n"),
            Waits,
            Answer(HINT),
            GetsExactly(HINTED),
            Answer("HTTP/1.1 103 Early Hints\r\nLink: </b.css>\r\nlink: </c.css>\r\n\r\n"),
            GetsExactly("HTTP/1.1 103 Early Hints\r\nlink: </b.css>\r\nlink: </c.css>\r\n\r\n"),
            Answer(ONE),
            Gets(OK, "1"),
            Step::Served,
            Send(GET),
            Asked("GET /a "),
            Answer(HINT),
            GetsExactly(HINTED),
            Answer(ONE),
            Gets(OK, "1"),
            Waits,
        ],
    );
    check(
        "the permission to send a body is another matter",
        to_all(),
        &[
            Send("POST /a HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n"),
            Asked("POST /a "),
            Answer(HINT),
            GetsExactly(HINTED),
            Answer("HTTP/1.1 100 Continue\r\n\r\n"),
            GetsExactly("HTTP/1.1 100 Continue\r\n\r\n"),
            Answer(HINT),
            GetsExactly(HINTED),
            Send("1"),
            Asked("1"),
            Answer(ONE),
            Gets(OK, "1"),
            Waits,
        ],
    );
}

#[test]
fn others_get_none() {
    let nothing = [Send(GET), Asked("GET /a "), Answer(HINT), Waits, Answer(ONE), Gets(OK, "1"), Waits];
    check("by default", Limits::one_backend(), &nothing);
    let mut off = Limits::one_backend();
    off.downstream.early_hints = EarlyHintsUse::Off;
    check("off", off, &nothing);
    check(
        "HTTP/1.0 has no interim responses",
        to_all(),
        &[
            Send("GET /a HTTP/1.0\r\nHost: h\r\n\r\n"),
            Asked("GET /a "),
            Answer(HINT),
            Waits,
            Answer(ONE),
            Gets("HTTP/1.0 200 OK", "1"),
            Closed,
        ],
    );
}

#[test]
fn one_that_comes_with_the_response_is_too_late() {
    let both =
        "HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n1";
    check(
        "one read",
        to_all(),
        &[Send(GET), Asked("GET /a "), Answer(both), Gets(OK, "1"), Step::Served, Waits],
    );
}

#[test]
fn they_stand_between_messages_whatever_the_client_takes() {
    let mut slow = vec![Room(7), Send(GET), Asked("GET /a "), Answer(HINT), Answer(ONE)];
    slow.extend([Pass(0); 60]);
    slow.extend([Gets(HINTS, ""), With("link: </a.css>"), Gets(OK, "1"), Waits]);
    check("a response waits for the rest of a hint", to_all(), &slow);

    let mut permitted = vec![
        Room(7),
        Send("POST /a HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n"),
        Asked("POST /a "),
        Answer(HINT),
        Answer("HTTP/1.1 100 Continue\r\n\r\n"),
    ];
    permitted.extend([Pass(0); 30]);
    permitted.extend([GetsExactly(concat!(
        "HTTP/1.1 103 Early Hints\r\nlink: </a.css>\r\n\r\n",
        "HTTP/1.1 100 Continue\r\n\r\n"
    ))]);
    check("so does the permission to send", to_all(), &permitted);

    let mut pipelined = vec![
        Room(7),
        Send("GET /a HTTP/1.1\r\nHost: h\r\n\r\nGET /b HTTP/1.1\r\nHost: h\r\n\r\n"),
        Asked("GET /a "),
        Answer("HTTP/1.1 200 OK\r\nContent-Length: 30\r\n\r\nabcdefghijklmnopqrstuvwxyz0123"),
    ];
    pipelined.extend([Pass(0); 40]);
    pipelined.extend([Asked("GET /b "), Answer(HINT)]);
    pipelined.extend([Pass(0); 40]);
    pipelined.extend([Gets(OK, "abcdefghijklmnopqrstuvwxyz0123"), GetsExactly(HINTED), Answer(ONE)]);
    pipelined.extend([Pass(0); 40]);
    pipelined.extend([Gets(OK, "1"), Waits]);
    check("it waits for the rest of the response before it", to_all(), &pipelined);
}

#[test]
fn a_client_that_takes_no_hint_is_given_up() {
    let mut limits = to_all();
    limits.downstream.send_timeout = std::time::Duration::from_secs(2);
    check(
        "no room",
        limits,
        &[Send(GET), Asked("GET /a "), Room(0), Answer(HINT), Pass(1_900), Waits, Pass(300), Closed],
    );
}
