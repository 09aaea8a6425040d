//! Logs as they are, and as they shouldn't be.

use std::net::IpAddr;

use super::*;

const FORM: PromptForm = PromptForm { block: 512, prefix: 1 };

fn read(log: &str) -> Recorded {
    Recorded::read(log.as_bytes(), FORM).unwrap()
}

/// Times and work of all requests, µs.
fn times(log: &str) -> Vec<(u64, u64)> {
    read(log).requests.iter().map(|request| (request.at, request.work)).collect()
}

/// A line of JSON as the proxy writes it.
fn json(time: &str, path: &str, head_us: &str) -> String {
    format!(
        "{{\"time\":\"2026-11-28T{time}Z\",\"request_id\":\"0198\",\"trace_id\":null,\"client\":\"192.0.2.7\",\"peer\":null,\
         \"worker\":0,\"method\":\"GET\",\"host\":\"a.example\",\"path\":\"{path}\",\"query\":\"b=\\u00e9\",\"status\":200,\
         \"connect_us\":300,\"head_us\":{head_us},\"total_us\":99999,\"event\":\"request\",\"sample_rate\":1}}\n"
    )
}

#[test]
fn own_json_has_the_time_of_the_backend_without_the_connection() {
    // The blocks of the workers aren't in the order of their times.
    let log = json("09:00:01.000250", "/b", "5300") + &json("09:00:00.000000", "/a", "1300");
    let recorded = read(&log);
    assert_eq!(times(&log), [(0, 1_000), (1_000_250, 5_000)]);
    let head = &recorded.heads[recorded.requests[0].head as usize];
    assert_eq!(head.client, IpAddr::from([192, 0, 2, 7]));
    assert_eq!((head.path(), head.authority()), (&b"/a"[..], Some(&b"a.example"[..])));
    assert_eq!(recorded.mean_work().work, 3_000.0);
}

#[test]
fn requests_of_a_sample_are_counted_and_a_byte_order_mark_is_none_of_a_line() {
    let whole = json("09:00:00.000000", "/a", "1300");
    let sampled = whole.replace("\"sample_rate\":1", "\"sample_rate\":0.1");
    let recorded = read(&format!("\u{feff}{whole}{sampled}{sampled}"));
    assert_eq!((recorded.requests.len(), recorded.sampled, recorded.skipped), (3, 2, 0));
}

#[test]
fn the_combined_format_of_nginx_tells_when_a_request_ended() {
    let line = |second: u32, took: &str| {
        format!(
            "192.0.2.7 - ann [28/Nov/2026:09:00:0{second} +0100] \"GET /a?b=c HTTP/1.1\" 200 5 \"-\" \"a \\\"b\\\" c\" {took}\n"
        )
    };
    // Two of one second: each in the middle of its half.
    let log = line(1, "0.250") + &line(1, "0.000") + &line(3, "2.000");
    assert_eq!(times(&log), [(0, 250_000), (500_000, 2_000_000), (750_000 - 250_000 + 250_000, 500)]);
    let with_key = line(1, "rt=0.100") + &line(1, "\"0.100\"");
    assert_eq!(times(&with_key), [(0, 100_000), (500_000, 100_000)]);
}

#[test]
fn own_text_tells_when_a_request_began() {
    let line = |times: &str| {
        format!(
            "2001:db8::1 - - [28/Nov/2026:09:00:00 +0000] \"POST /a HTTP/2.0\" 200 5 \"-\" \"curl/8.5\" rid=- pool=web \
             backend=b2 policy=least-conn@0123456789ab by=policy attempts=1 error=- TR/Tw/Tc/Tr/Ta={times}\n"
        )
    };
    let log = line("0/0/0/30/40") + &line("0/0/1/0/4") + &line("0/0/-1/-1/4");
    assert_eq!(times(&log), [(0, 30_000), (500_000, 500)]);
    assert_eq!(read(&log).first_skipped, [(3, "the request came to no backend".to_owned())]);
}

#[test]
fn columns_have_names_in_any_order() {
    let log = "work_ms,time_s,path,client\r\n2.5,10.5,/a,192.0.2.1\r\n1,10,\"/b,c\",::1\r\n";
    assert_eq!(times(log), [(0, 1_000), (500_000, 2_500)]);
    assert_eq!(read(log).heads[1].path(), b"/b,c");
    for (first, expected) in [
        ("time_s,work\n", "line 1: there is no column \"work\"; there are time_s, work_ms, client"),
        ("time_s,path\n", "line 1: no column \"work_ms\""),
        ("time_s,work_ms\n", "it has no line"),
    ] {
        let error = Recorded::read(first.as_bytes(), FORM).unwrap_err();
        assert!(error.starts_with(expected), "{error}");
    }
}

#[test]
fn lines_that_can_not_come_again_are_counted_and_the_first_are_shown() {
    let broken: [(&[u8], &str); 10] = [
        (b"\xff\xfe", "is no UTF-8"),
        (b"hello", "is neither JSON"),
        (b"{\"time\":", "column 8: EOF while parsing"),
        (b"\x1f\x8b\x08\0\0", "is compressed"),
        (b"{\"time\":\"yesterday\",\"head_us\":5}", "time: \"yesterday\" isn't a time of RFC 3339"),
        (b"{\"time\":\"2026-11-28T09:00:00Z\",\"head_us\":null}", "the request came to no backend"),
        (b"{\"time\":\"2026-11-28T09:00:00Z\",\"head_us\":5,\"event\":\"tunnel-open\"}", "is a tunnel's"),
        (
            b"192.0.2.7 - - [28/Nov/2026:09:00:01 +0100] \"GET / HTTP/1.1\" 200 5 \"-\" \"-\"",
            "is neither JSON, nor in the combined format with the time that the request took behind it; CSV begins with a line that names `time_s` and `work_ms`",
        ),
        (
            b"192.0.2.7 - - [28/Nov/2026:09:00:01 +0100] \"GET / HTTP/1.1\" 200 5 \"-\" \"-\" -1",
            "the time that it took: \"-1\" isn't a number of seconds",
        ),
        (b"192.0.2.7 - - [28/Nov/2026:09:00:01 +0100] \"\\x16\\x03\" 400 5 \"-\" \"-\" 0.1", "request: "),
    ];
    for (line, expected) in broken {
        let log = [line, b"\n", json("09:00:00", "/a", "1300").as_bytes()].concat();
        let recorded = Recorded::read(&log, FORM).unwrap();
        assert_eq!((recorded.requests.len(), recorded.skipped), (1, 1), "{expected}");
        let (number, reason) = &recorded.first_skipped[0];
        assert!(*number == 1 && reason.starts_with(expected), "{reason}");
    }
    let recorded = read(&("x\n".repeat(100) + &json("09:00:00", "/a", "1300")));
    assert_eq!((recorded.skipped, recorded.first_skipped.len()), (100, 5));
    let none = Recorded::read(b"x\ny\n", FORM).unwrap_err();
    assert!(none.starts_with("it has no request that can come again; line 1: is neither"), "{none}");
    assert_eq!(Recorded::read(b"", FORM).unwrap_err(), "it has no line");
}

#[test]
fn columns_that_are_wrong_are_skipped() {
    let log = "time_s,work_ms\n1,2\n1\nx,2\n-1,2\n1,nan\n2,3\n";
    let recorded = read(log);
    assert_eq!((recorded.requests.len(), recorded.skipped), (2, 4));
    let reasons: Vec<String> =
        recorded.first_skipped.iter().map(|(line, reason)| format!("{line}: {reason}")).collect();
    for (reason, expected) in reasons.iter().zip([
        "3: 1 columns, and 2 in the first line",
        "4: column 1: ",
        "5: time_s: ",
        "6: work_ms: ",
    ]) {
        assert!(reason.starts_with(expected), "{reasons:?}");
    }
}

#[test]
fn a_trace_of_prompts_tells_blocks_and_lengths() {
    let line = |timestamp: u32, blocks: &str| {
        format!(
            "{{\"timestamp\": {timestamp}, \"input_length\": 1300, \"output_length\": 52, \"hash_ids\": [{blocks}]}}\n"
        )
    };
    let log = line(0, "46, 47, 48") + &line(3_000, "46, 47, 2000") + "{\"hash_ids\": []}\n";
    let recorded = Recorded::read(log.as_bytes(), PromptForm { prefix: 2, ..FORM }).unwrap();
    assert_eq!(times(&log), [(0, 0), (3_000_000, 0)]);
    assert_eq!((recorded.heads.len(), recorded.skipped), (1, 1), "they begin alike");
    assert_eq!(recorded.heads[0].parts.headers["x-prefix"], "46,47");
    let second = &recorded.prompts[recorded.requests[1].prompt as usize];
    // The third block has 276 tokens.
    assert_eq!(*second, RecordedPrompt { blocks: [46, 47].into(), tokens: 1_300, output: 52 });
    let mean = recorded.mean_work();
    assert_eq!((mean.tokens, mean.unkept_tokens, mean.output_tokens), (1_300.0, 1_300.0 - 512.0, 52.0));
    let (_, reason) = &recorded.first_skipped[0];
    assert!(reason.contains("missing field `timestamp`"), "{reason}");
    let mixed =
        Recorded::read((line(0, "1, 2, 3") + &json("09:00:00", "/a", "1300")).as_bytes(), FORM).unwrap_err();
    assert!(mixed.starts_with("some of its lines have prompts"), "{mixed}");
}

#[test]
fn prompts_that_are_wrong_are_skipped() {
    let right = "{\"timestamp\": 0, \"input_length\": 600, \"output_length\": 5.0, \"hash_ids\": [1, 2]}";
    for (from, to, expected) in [
        ("[1, 2]", "[1]", ""),
        ("[1, 2]", "[]", "0 `hash_ids` for 600 tokens, of which blocks of 512 would be 2"),
        ("[1, 2]", "[1, 2, 3]", "3 `hash_ids` for 600 tokens"),
        (", \"hash_ids\": [1, 2]", "", "column 59: missing field `hash_ids`"),
        ("600", "-1", "input_length: \"-1\" isn't a whole number from 0 to 10,000,000"),
        ("600", "9223372036854775808", "input_length: \"9223372036854776000\" isn't a whole number"),
        ("600", "600.5", "input_length: \"600.5\" isn't a whole number"),
        ("5.0", "1e8", "output_length: \"100000000\" isn't a whole number"),
        (
            "\"timestamp\": 0",
            "\"timestamp\": 1e18",
            "timestamp: \"1000000000000000000\" isn't a number from 0 to 1e15",
        ),
        ("[1, 2]", "[1, -2]", "column 78: invalid value: integer `-2`"),
    ] {
        let log = format!("{right}\n{}\n", right.replacen(from, to, 1));
        let recorded = read(&log);
        match recorded.first_skipped.first() {
            None => assert_eq!(expected, "", "{log}"),
            Some((number, reason)) => {
                assert!(*number == 2 && !expected.is_empty() && reason.starts_with(expected), "{reason}");
            }
        }
    }
    let of_16 = right.replace("600", "30");
    let form = PromptForm { block: 16, ..FORM };
    assert_eq!(*Recorded::read(of_16.as_bytes(), form).unwrap().prompts[0].blocks, [1]);
}
