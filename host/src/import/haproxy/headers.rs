//! `http-request set-header` and its like, as far as they hold for every request of a section.

use super::super::fields::{self, Changes};
use super::super::ledger::{Ledger, Rank};
use super::sections::{Line, Section};

/// What changes in requests and responses of a section.
pub(super) fn changes(ledger: &mut Ledger, section: &Section) -> Changes {
    let mut changes = Changes::default();
    for line in &section.lines {
        let is_conditional = line.words.iter().any(|word| word == "if" || word == "unless");
        if ledger.is_carried(line.place) {
            continue;
        }
        if is_conditional {
            // By whether the client speaks TLS, which the proxy says itself.
            let is_ours = line.word(2).eq_ignore_ascii_case("x-forwarded-proto")
                && line.words.join(" ").ends_with("{ ssl_fc }");
            if is_ours && line.is("http-request") {
                ledger.carry(line.place);
            }
            continue;
        }
        let is_done = match (line.word(0), line.word(1)) {
            ("http-request", "set-header") if line.word(2).eq_ignore_ascii_case("host") => {
                host(line, &mut changes)
            }
            ("http-request", action) => change(line, action, &mut changes.request),
            ("http-response" | "http-after-response", action) => change(line, action, &mut changes.response),
            _ => false,
        };
        if is_done {
            ledger.carry(line.place);
        } else if line.is("http-request set-header") {
            ledger.list(
                line.place,
                Rank::B,
                "the field can't be written, or not with this value; what the client sends in it goes on",
            );
        }
    }
    changes
}

fn host(line: &Line, changes: &mut Changes) -> bool {
    let is_host = fields::is_host(line.word(3));
    if is_host {
        changes.host = Some(line.word(3).to_owned());
    }
    is_host
}

fn change(line: &Line, action: &str, rules: &mut fields::FieldRules) -> bool {
    let value = || template(line.word(3)).filter(|_| line.words.len() == 4);
    match action {
        "del-header" => line.words.len() == 3 && rules.remove(line.word(2)),
        "set-header" => value().is_some_and(|value| rules.set(line.word(2), &value)),
        "add-header" => value().is_some_and(|value| rules.add(line.word(2), &value)),
        _ => false,
    }
}

/// A format of HAProxy's as a template of ours; none if something in it has no counterpart.
fn template(format: &str) -> Option<String> {
    let mut whole = String::new();
    let mut rest = format;
    while let Some((before, after)) = rest.split_once('%') {
        whole.push_str(&fields::text(before));
        if let Some(behind) = after.strip_prefix('%') {
            whole.push('%');
            rest = behind;
            continue;
        }
        let (sample, behind) = match after.strip_prefix('[') {
            Some(inner) => inner.split_once(']')?,
            None => after.split_at_checked(2)?,
        };
        whole.push_str(match sample {
            "src" | "ci" => "{client}",
            "hdr(host)" | "req.hdr(host)" | "req.hdr(Host)" | "hdr(Host)" => "{host}",
            "dst_port" | "fp" => "{port}",
            "method" | "HM" => "{method}",
            "path" | "HP" => "{path}",
            "query" => "{query}",
            "capture.req.uri" | "HU" => "{uri}",
            _ => return None,
        });
        rest = behind;
    }
    whole.push_str(&fields::text(rest));
    Some(whole)
}
