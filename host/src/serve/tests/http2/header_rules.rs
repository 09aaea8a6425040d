//! Rules for header fields, for clients of HTTP/2.

use http::Request;

use super::super::header_rules::rules;
use super::super::world::{Limits, run};
use super::{Client, head};

#[test]
fn fields_that_a_client_has_compressed_are_changed_in_each_request() {
    run(async {
        let limits = rules(
            "request_headers = { set = { x-a = '{host} {uri}' }, add = { x-b = '1' }, remove = 'x-c' }\n\
             response_headers = { set = { x-d = '{method} {backend}' }, add = { set-cookie = ['e=1', 'f=2'] } }",
            "",
        );
        let mut client = Client::new(Limits { backends: 1, ..limits }).await;
        // The second time, the fields come by their places in the table of HPACK.
        for _ in 0..2 {
            let request = Request::get("http://h.example/%0d%0aX:y?q").header("x-a", "0").header("x-b", "0");
            let (response, _) = client.send(request.header("x-c", "0").body(()).expect("a request"), true);
            let asked = client.asked().await;
            for field in ["x-a: h.example /%0d%0aX:y?q", "x-b: 0\r\nx-b: 1"] {
                assert!(asked.contains(&format!("\r\n{field}\r\n")), "{asked}");
            }
            assert!(!asked.contains("x-c") && !asked.contains("x-a: 0"), "{asked}");
            client.backend().send(
                b"HTTP/1.1 200 OK\r\nX-D: 0\r\nX-D: 00\r\nSet-Cookie: g=3\r\nContent-Length: 0\r\n\r\n",
            );
            let response = head(response).await;
            let lines = |name: &str| {
                let lines = response.headers().get_all(name).iter();
                lines.map(|line| line.to_str().expect("text").to_owned()).collect::<Vec<_>>()
            };
            assert_eq!(lines("x-d"), ["GET b1"]);
            assert_eq!(lines("set-cookie"), ["g=3", "e=1", "f=2"]);
        }
    });
}
