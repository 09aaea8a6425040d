//! `proxy_set_header`, `add_header` and their like.

use super::super::fields::{self, Changes};
use super::super::ledger::{Ledger, Rank};
use super::scope::Scope;
use super::tree::Directive;

/// Fields whose loss lets something through that was kept from backends.
const SECRETS: [&str; 8] = ["authorization", "cookie", "token", "secret", "key", "auth", "user", "internal"];

/// What changes on the way to the backends of a location and back.
pub(super) fn changes(ledger: &mut Ledger, scope: &Scope<'_>, pass: &Directive, target: &str) -> Changes {
    let kind = if pass.name == "grpc_pass" { "grpc_set_header" } else { "proxy_set_header" };
    let mut changes = Changes::default();
    let fields = scope.all(&[kind]);
    for field in &fields {
        request_field(ledger, field, (target, &mut changes));
    }
    if !fields.iter().any(|field| field.arg(0).eq_ignore_ascii_case("host")) {
        // What nginx sends if nothing is written.
        match fields::is_host(target) {
            true => changes.host = Some(target.to_owned()),
            false => ledger
                .near(pass.place, format!("backends get the client's `Host`, where nginx sends `{target}`")),
        }
    }
    for name in ["proxy_hide_header", "grpc_hide_header"] {
        for field in scope.all(&[name]) {
            if changes.response.remove(field.arg(0)) {
                ledger.carry(field.place);
            }
        }
    }
    for field in scope.all(&["add_header"]) {
        response_field(ledger, field, &mut changes);
    }
    changes
}

fn request_field(ledger: &mut Ledger, field: &Directive, (target, changes): (&str, &mut Changes)) {
    let name = field.arg(0).to_ascii_lowercase();
    let is_ours = matches!(
        (name.as_str(), field.arg(1)),
        ("host", "$host" | "$http_host" | "$host:$server_port" | "$http_host:$server_port")
            | ("x-forwarded-for", "$proxy_add_x_forwarded_for" | "$remote_addr")
            | ("x-forwarded-proto", "$scheme")
            | ("x-forwarded-host", "$host" | "$http_host")
            | ("upgrade", "$http_upgrade")
            | ("connection", _)
            | ("te", "trailers" | "$http_te")
    );
    if is_ours {
        return ledger.carry(field.place);
    }
    if name == "host" {
        let host = if field.arg(1) == "$proxy_host" { target } else { field.arg(1) };
        if fields::is_host(host) {
            changes.host = Some(host.to_owned());
            return ledger.carry(field.place);
        }
    }
    let is_done = match field.arg(1) {
        "" => changes.request.remove(&name),
        text => template(text).is_some_and(|template| changes.request.set(&name, &template)),
    };
    if is_done {
        return ledger.carry(field.place);
    }
    let is_secret = SECRETS.iter().any(|part| name.contains(part));
    let (rank, why) = match field.arg(1) {
        "" if is_secret => {
            (Rank::A, "keeps the client's field from backends, which get it now; remove it elsewhere")
        }
        "" => (Rank::B, "an empty value removes the field, and here it goes on as the client sent it"),
        _ => (
            Rank::B,
            "the field can't be written, or not with this value; what the client sends in it goes on",
        ),
    };
    ledger.list(field.place, rank, why);
}

fn response_field(ledger: &mut Ledger, field: &Directive, changes: &mut Changes) {
    let is_hsts = field.arg(0).eq_ignore_ascii_case("strict-transport-security");
    if is_hsts && !ledger.is_open(field.place) {
        return;
    }
    let template = template(field.arg(1));
    if !template.is_some_and(|template| changes.response.add(field.arg(0), &template)) {
        let why = "the field can't be written, or not with this value; let the backends do it";
        return ledger.list(field.place, Rank::B, why);
    }
    match field.arg(2) {
        "always" => ledger.carry(field.place),
        _ => ledger.near(field.place, "stands in responses of every status, as with `always`"),
    }
}

/// A field of an answer that the server makes by itself.
pub(super) fn answer_field(ledger: &mut Ledger, field: &Directive, changes: &mut Changes) {
    match template(field.arg(1)).is_some_and(|template| changes.response.add(field.arg(0), &template)) {
        true => ledger.carry(field.place),
        false => ledger.list(field.place, Rank::B, "the field can't be written, or not with this value"),
    }
}

/// A text with variables as a template of ours; none if one of them has no counterpart.
fn template(text: &str) -> Option<String> {
    let mut whole = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        whole.push_str(&fields::text(before));
        let (name, behind) = match after.strip_prefix('{') {
            Some(inner) => inner.split_once('}')?,
            None => after.split_at(
                after.bytes().take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'_').count(),
            ),
        };
        whole.push_str(match name {
            "remote_addr" => "{client}",
            "realip_remote_addr" => "{peer}",
            "http_host" => "{host}",
            "host" => "{hostname}",
            "scheme" => "{scheme}",
            "server_port" => "{port}",
            "request_method" => "{method}",
            "request_uri" => "{uri}",
            "args" | "query_string" => "{query}",
            "request_id" => "{request_id}",
            _ => return None,
        });
        rest = behind;
    }
    whole.push_str(&fields::text(rest));
    Some(whole)
}

/// The value of `Strict-Transport-Security` that a server adds to its responses.
pub(super) fn hsts<'a>(scope: &Scope<'a>) -> Option<&'a Directive> {
    scope
        .all(&["add_header"])
        .into_iter()
        .find(|field| field.arg(0).eq_ignore_ascii_case("strict-transport-security"))
}
