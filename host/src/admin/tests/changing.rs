//! What changes something: who may, and with what.

use axum::http::Method;
use serde_json::Value;

use super::{Api, ODD_IN_PATH};
use crate::admin::model::LogLevel;

const HOST: (&str, &str) = ("host", "localhost");
const JSON: (&str, &str) = ("content-type", "application/json");
const BACKEND: &str = "/api/v1/pools/web/backends/b1";

/// Sends this, and wants this problem.
async fn check(api: &Api, method: Method, path: &str, kind: &str, body: &str, expected: (u16, &str)) {
    let answer = api.send(method, path, &[HOST, ("content-type", kind)], body).await;
    assert_eq!(answer.problem(), (expected.0, expected.1.to_owned()), "{path} {kind} {body}");
}

#[tokio::test]
async fn only_what_no_form_can_send_changes_anything() {
    let api = Api::new();
    for kind in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""] {
        check(&api, Method::PATCH, BACKEND, kind, "{}", (415, "content-type")).await;
        check(&api, Method::POST, "/api/v1/reload", kind, "{}", (415, "content-type")).await;
        check(&api, Method::PUT, "/api/v1/pools/web/policy", kind, "x", (415, "content-type")).await;
    }
    for method in [Method::GET, Method::HEAD] {
        for path in ["/api/v1/reload", "/api/v1/pools/web/policy/rollback"] {
            assert_eq!(api.ask(method.clone(), path).await.status, 405);
        }
    }
}

#[tokio::test]
async fn a_body_that_is_no_such_change_is_refused() {
    let api = Api::new();
    let odd = format!("/api/v1/pools/{ODD_IN_PATH}/backends/{ODD_IN_PATH}");
    for path in [BACKEND, &*odd] {
        for (body, expected) in [
            ("", (400, "bad-json")),
            ("{\"draining\": true", (400, "bad-json")),
            ("{\"draining\": 1}", (422, "bad-content")),
            ("{\"drainig\": true}", (422, "bad-content")),
            ("[true, 0.5]", (422, "bad-content")),
            (" []", (422, "bad-content")),
            ("null", (422, "bad-content")),
            ("{\"weight\": 0}", (422, "bad-content")),
            ("{\"weight\": -1}", (422, "bad-content")),
            ("{\"weight\": 1000.5}", (422, "bad-content")),
            // All is well with it, and nobody is there to do it.
            ("{\"weight\": 0.5, \"draining\": null}", (503, "ending")),
        ] {
            check(&api, Method::PATCH, path, JSON.1, body, expected).await;
        }
    }
    check(&api, Method::PATCH, "/api/v1/pools/web/backends/none", JSON.1, "{}", (404, "unknown-backend"))
        .await;
    check(&api, Method::PUT, "/api/v1/log-level", JSON.1, "{\"level\": \"loud\"}", (422, "bad-content"))
        .await;
    let large = format!("{{\"level\": \"{}\"}}", "x".repeat(70_000));
    check(&api, Method::PUT, "/api/v1/log-level", JSON.1, &large, (413, "body-too-large")).await;
    let level: LogLevel = api.get("/api/v1/log-level").await.good();
    assert_eq!(level.level, "off", "there is no log here");
}

#[tokio::test]
async fn every_documented_operation_is_routed_and_a_get_changes_nothing() {
    let api = Api::new();
    let document: Value = api.get("/api/v1/openapi.json").await.good();
    let paths = document["paths"].as_object().expect("paths");
    assert!(paths.len() >= 17, "{}", paths.len());
    let before: Value = api.get("/api/v1/pools").await.good();
    for (path, operations) in paths {
        let path = path.replace("{pool}", "web").replace("{backend}", "b1").replace("{request_id}", "x");
        let known: Vec<String> =
            operations.as_object().expect("operations").keys().map(|method| method.to_uppercase()).collect();
        for method in ["GET", "HEAD", "PUT", "POST", "PATCH", "DELETE"] {
            let answer = api.ask(method.parse().expect("a method"), &path).await;
            let is_known = known.iter().any(|known| known == method || (method == "HEAD" && known == "GET"));
            assert_eq!(answer.status == 405, !is_known, "{method} {path}: {}", answer.status);
            // Nobody may ask for explanations here. An answer to HEAD has no body that could say so.
            let off = path.ends_with("/explanations/x");
            assert!(answer.status != 404 || off, "{method} {path}");
        }
    }
    assert_eq!(api.get("/api/v1/pools").await.body, before);
}
