//! What a policy learns of the protocol that a client speaks.

use std::net::SocketAddr;

use harness::{Backend, Setup, choose, guest};
use http::Request;

/// The answer to a GET over HTTP/2.
fn get_over_http2(address: SocketAddr) -> String {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let stream = tokio::net::TcpStream::connect(address).await.expect("a connection");
        let (sender, connection) = h2::client::handshake(stream).await.expect("a handshake");
        let answer = async {
            let request = Request::get("http://test/").body(()).expect("a request");
            let (response, _) =
                sender.ready().await.expect("room").send_request(request, true).expect("a stream");
            let mut body = response.await.expect("a response").into_body();
            let data = body.data().await.expect("a body").expect("data");
            String::from_utf8(data.to_vec()).expect("text")
        };
        tokio::select! {
            answer = answer => answer,
            ended = connection => panic!("{ended:?}"),
        }
    })
}

#[test]
fn the_version_that_the_client_speaks_can_be_asked_for() {
    let backends = ["old", "usual", "new"].map(Backend::named);
    // By the last digit of `HTTP/1.0`, `HTTP/1.1` or `HTTP/2`.
    let chosen = |index| choose(index).replace(&format!("(i64.const {index})"), "");
    let by_protocol = guest(&format!(
        "(func (export \"pointsman_pick\") (result i64) (local $length i32)
            (local.set $length (call $request_text (i32.const 5) (i32.const 64) (i32.const 64)))
            {}{}{}
            (i64.extend_i32_u (i32.and (i32.const 3)
                (i32.load8_u (i32.add (i32.const 63) (local.get $length))))))",
        chosen(0),
        chosen(1),
        chosen(2)
    ));
    let proxy = Setup::default().start_with_policy(&by_protocol, &backends.each_ref());
    let mut client = proxy.client();
    for _ in 0..4 {
        client.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
        assert_eq!(client.response("GET").text(), "old");
        assert_eq!(client.get("/").text(), "usual");
        assert_eq!(get_over_http2(proxy.address()), "new");
    }
}
