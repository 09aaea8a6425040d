//! TLS of a listener, from all servers at its address.

use super::super::draft::ListenerDraft;
use super::super::ledger::{Ledger, Rank};
use super::super::paths::Paths;
use super::super::value;
use super::server::{Listen, Purpose, Server};
use super::tree::Directive;
use crate::config::literal;

type Here<'s, 'a> = [(&'s Server<'a>, &'s Listen<'a>)];

/// Writes `[listener.tls]`; false if there is no certificate, without which there is no listener.
pub(super) fn write(
    ledger: &mut Ledger,
    here: &Here<'_, '_>,
    listener: &mut ListenerDraft,
    paths: &Paths,
) -> bool {
    let certificates = certificates(ledger, here, paths);
    if certificates.is_empty() {
        for directive in here.iter().filter_map(|(_, listen)| listen.directive) {
            ledger.list(
                directive.place,
                Rank::B,
                "no certificate came of its servers, so that it can't listen; name one",
            );
        }
        return false;
    }
    listener.tls.set("certificates", value::list(certificates));
    let mut carry = |name: &str| -> Option<&Directive> {
        let found: Vec<_> = here.iter().filter_map(|(server, _)| server.scope.find(name)).collect();
        found.iter().for_each(|found| ledger.carry(found.place));
        found.first().copied()
    };
    if let Some(versions) = carry("ssl_protocols") {
        let has = |version: &str| versions.args.iter().any(|arg| arg == version);
        let least = if has("TLSv1.3") && !has("TLSv1.2") { "1.3" } else { "1.2" };
        listener.tls.set("min_version", literal(least));
        if has("TLSv1") || has("TLSv1.1") || has("SSLv3") {
            ledger.near(
                versions.place,
                "TLS 1.2 is the oldest version that is spoken; older clients find no connection",
            );
        }
    }
    let refused = here
        .iter()
        .flat_map(|(server, _)| server.scope.own("ssl_reject_handshake"))
        .find(|found| found.arg(0) == "on");
    if let Some(refused) = refused {
        ledger.carry(refused.place);
        listener.tls.set("unknown_name", literal("refuse"));
    }
    tickets(ledger, here, listener, paths);
    clients(ledger, here, listener, paths);
    true
}

/// Every certificate once, those of the first server first.
fn certificates(ledger: &mut Ledger, here: &Here<'_, '_>, paths: &Paths) -> Vec<String> {
    let mut found = Vec::new();
    for (server, _) in here {
        let certs = server.scope.all(&["ssl_certificate"]);
        let keys = server.scope.all(&["ssl_certificate_key"]);
        let response = server.scope.find("ssl_stapling_file");
        for (cert, key) in certs.iter().zip(&keys) {
            let variable = |found: &Directive| found.arg(0).contains('$') || found.arg(0).contains(':');
            if variable(cert) || variable(key) {
                let why = "certificates are files with fixed names; name each in `certificates`";
                ledger.list(cert.place, Rank::B, why);
                ledger.list(key.place, Rank::B, why);
                continue;
            }
            ledger.carry(cert.place);
            ledger.carry(key.place);
            let mut entry = format!(
                "cert = {}, key = {}",
                literal(&paths.of(cert.arg(0))),
                literal(&paths.of(key.arg(0)))
            );
            if let Some(response) = response {
                ledger.carry(response.place);
                entry.push_str(&format!(", ocsp = {}", literal(&paths.of(response.arg(0)))));
            }
            let entry = format!("{{ {entry} }}");
            if !found.contains(&entry) {
                found.push(entry);
            }
        }
    }
    found
}

fn tickets(ledger: &mut Ledger, here: &Here<'_, '_>, listener: &mut ListenerDraft, paths: &Paths) {
    for (server, _) in here {
        if let Some(found) = server.scope.find("ssl_session_tickets") {
            ledger.carry(found.place);
            if found.arg(0) == "off" {
                listener.tls.set("tickets", "false");
            }
        }
        let keys = server.scope.all(&["ssl_session_ticket_key"]);
        if !keys.is_empty() {
            keys.iter().for_each(|found| ledger.carry(found.place));
            listener.tls.set("ticket_keys", value::texts(keys.iter().map(|found| paths.of(found.arg(0)))));
        }
    }
    if listener.tls.get("tickets") == Some("false") && listener.tls.get("ticket_keys").is_some() {
        listener.tls.set("tickets", "true");
    }
}

/// Whose certificates are asked for. All servers of a listener ask alike, the strictest of them decides.
fn clients(ledger: &mut Ledger, here: &Here<'_, '_>, listener: &mut ListenerDraft, paths: &Paths) {
    let asks = |server: &Server<'_>| {
        let mode = server.scope.find("ssl_verify_client").map_or("off", |found| found.arg(0)).to_owned();
        if mode == "off" { None } else { Some(mode) }
    };
    let strictest = here.iter().filter_map(|(server, _)| asks(server).map(|mode| (*server, mode)));
    let Some((server, mode)) = strictest.min_by_key(|(_, mode)| mode != "on") else { return };
    let (Some(verify), authorities) =
        (server.scope.find("ssl_verify_client"), server.scope.find("ssl_client_certificate"))
    else {
        return;
    };
    let Some(authorities) = authorities.filter(|_| mode == "on" || mode == "optional") else {
        let why = "certificates of clients are only taken from authorities that are named, by `client_auth`";
        ledger.list(verify.place, Rank::A, why);
        return;
    };
    let mut entry = format!("ca = {}", literal(&paths.of(authorities.arg(0))));
    if let Some(lists) = server.scope.find("ssl_crl") {
        entry.push_str(&format!(", crl = {}", literal(&paths.of(lists.arg(0)))));
        ledger.carry(lists.place);
    }
    let mode = if mode == "on" { "required" } else { "optional" };
    listener.tls.set("client_auth", format!("{{ {entry}, mode = \"{mode}\" }}"));
    ledger.carry(verify.place);
    ledger.carry(authorities.place);
    for (other, listen) in here {
        if other.purpose == Purpose::Serves && asks(other).is_none() {
            let place = listen.directive.map_or(other.directive.place, |directive| directive.place);
            let why = "another server at this address asks clients for certificates, and so the listener asks all; give one of them an address of its own";
            ledger.list(place, Rank::B, why);
        }
        if let Some(found) =
            other.scope.find("ssl_client_certificate").filter(|found| found.args == authorities.args)
        {
            ledger.carry(found.place);
            if let Some(found) = other.scope.find("ssl_verify_client") {
                ledger.carry(found.place);
            }
        }
    }
}
