//! Questions of authorities whether a name leads here (http-01).

use std::sync::Arc;

use super::world::{Limits, World, run};
use crate::http_challenge::HttpChallenges;
use crate::testing::MemoryStream;

const TOKEN: &str = "evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ";

async fn ask(world: &World, client: &MemoryStream, method: &str, path: &str) -> String {
    client.send(format!("{method} {path} HTTP/1.1\r\nHost: a.test\r\nContent-Length: 0\r\n\r\n").as_bytes());
    world.settle().await;
    String::from_utf8(client.receive()).expect("text")
}

#[test]
fn they_are_answered_before_a_redirect_and_nothing_else_is() {
    run(async {
        let challenges = Arc::<HttpChallenges>::default();
        let mut limits = Limits { challenges: Some(Arc::clone(&challenges)), ..Limits::default() };
        limits.downstream.redirects = true;
        let world = World::new(limits);
        let (client, path) = (world.connect(), format!("/.well-known/acme-challenge/{TOKEN}"));
        let moved = "HTTP/1.1 308 Permanent Redirect\r\n";
        assert!(ask(&world, &client, "GET", &path).await.starts_with(moved), "nothing is expected");
        challenges.present(TOKEN, "the.answer");
        let answer = ask(&world, &client, "GET", &path).await;
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
        assert!(
            head.starts_with("HTTP/1.1 200 OK\r\n") && head.contains("cache-control: no-store"),
            "{head}"
        );
        assert_eq!(body, "the.answer");
        let answer = ask(&world, &client, "HEAD", &path).await;
        assert!(answer.contains("content-length: 10\r\n") && answer.ends_with("\r\n\r\n"), "{answer}");
        for (method, path) in [
            ("POST", path.clone()),
            ("GET", format!("{path}x")),
            ("GET", path.to_uppercase()),
            ("GET", format!("/.well-known/acme-challenge/../acme-challenge/{TOKEN}")),
        ] {
            assert!(ask(&world, &client, method, &path).await.starts_with(moved), "{method} {path}");
        }
        assert!(world.net.accept().is_none(), "no backend is asked");
    });
}

#[test]
fn a_backend_may_order_certificates_too() {
    run(async {
        let challenges = Arc::<HttpChallenges>::default();
        challenges.present("another-token-of-ours", "the.answer");
        let world = World::new(Limits { challenges: Some(challenges), ..Limits::one_backend() });
        let client = world.connect();
        ask(&world, &client, "GET", &format!("/.well-known/acme-challenge/{TOKEN}")).await;
        let (_, backend) = world.net.accept().expect("the backend is asked");
        assert!(backend.receive().starts_with(b"GET /.well-known/acme-challenge/"));
    });
}
