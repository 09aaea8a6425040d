//! `proxy_set_header` and `add_header`: those that say what the proxy does anyway.

use super::super::ledger::{Ledger, Rank};
use super::scope::Scope;
use super::tree::Directive;

/// Fields whose loss lets something through that was kept from backends.
const SECRETS: [&str; 8] = ["authorization", "cookie", "token", "secret", "key", "auth", "user", "internal"];

/// What reaches the backends of a location, as far as it is written.
pub(super) fn towards_backends(ledger: &mut Ledger, scope: &Scope<'_>, pass: &Directive, target: &str) {
    let kind = if pass.name == "grpc_pass" { "grpc_set_header" } else { "proxy_set_header" };
    let fields = scope.all(&[kind]);
    for field in &fields {
        request_field(ledger, field);
    }
    if kind == "proxy_set_header" && !fields.iter().any(|field| field.arg(0).eq_ignore_ascii_case("host")) {
        let why = format!("backends get the client's `Host`, where nginx sends `{target}`");
        ledger.near(pass.place, why);
    }
}

fn request_field(ledger: &mut Ledger, field: &Directive) {
    let name = field.arg(0).to_ascii_lowercase();
    let is_ours = match (name.as_str(), field.arg(1)) {
        ("host", "$host" | "$http_host" | "$host:$server_port" | "$http_host:$server_port") => true,
        ("x-forwarded-for", "$proxy_add_x_forwarded_for" | "$remote_addr") => true,
        ("x-forwarded-proto", "$scheme") => true,
        ("x-forwarded-host", "$host" | "$http_host") => true,
        ("upgrade", "$http_upgrade") => true,
        ("connection", _) => true,
        ("te", "trailers" | "$http_te") => true,
        _ => false,
    };
    if is_ours {
        ledger.carry(field.place);
        return;
    }
    let is_secret = SECRETS.iter().any(|part| name.contains(part));
    let (rank, why) = match field.arg(1) {
        "" if is_secret => {
            (Rank::A, "keeps the client's field from backends, which get it now; remove it elsewhere")
        }
        "" => (Rank::B, "an empty value removes the field, and here it goes on as the client sent it"),
        _ => (
            Rank::B,
            "the field isn't written, and what the client sends in it goes on; let the backends do without it",
        ),
    };
    ledger.list(field.place, rank, why);
}

/// The value of `Strict-Transport-Security` that a server adds to its responses.
pub(super) fn hsts<'a>(scope: &Scope<'a>) -> Option<&'a Directive> {
    scope
        .all(&["add_header"])
        .into_iter()
        .find(|field| field.arg(0).eq_ignore_ascii_case("strict-transport-security"))
}
