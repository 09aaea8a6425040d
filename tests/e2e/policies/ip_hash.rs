//! The same client reaches the same backend, and nobody can pretend to be another client.

use std::collections::{BTreeMap, HashSet};
use std::net::IpAddr;

use harness::{Backend, Client, Proxy};

use super::{proxy, tally};

const TRUSTED: &str = "trusted_proxies = [\"127.0.0.1\"]";

fn abcd() -> [Backend; 4] {
    ["a", "b", "c", "d"].map(Backend::named)
}

/// Clients by IPv4 and IPv6.
fn clients() -> Vec<String> {
    let v4 = (0..200).map(|number| format!("203.0.{}.{}", number / 7, number));
    let v6 = (0..200).map(|number| format!("2001:db8:{:x}::{:x}", number % 11, 1 + number * 7));
    v4.chain(v6).collect()
}

/// Which backend each client reaches by way of a trusted proxy.
fn owners(proxy: &Proxy) -> BTreeMap<String, String> {
    let mut connections = [proxy.client(), proxy.client(), proxy.client()];
    let clients = clients().into_iter().enumerate();
    let owners = clients.map(|(number, client)| {
        let response = connections[number % 3].get_with("/", &format!("X-Forwarded-For: {client}\r\n"));
        (client, response.text())
    });
    owners.collect()
}

#[test]
fn every_client_keeps_its_backend_and_all_backends_get_their_share() {
    let [a, b, c, d] = &abcd();
    let proxy = proxy("\"ip-hash\"", &[(a, ""), (b, ""), (c, ""), (d, "")], TRUSTED);
    let first = owners(&proxy);
    assert_eq!(first, owners(&proxy));
    let seen: String = first.values().map(String::as_str).collect();
    let counts = tally(&seen, ['a', 'b', 'c', 'd']);
    // The hashes don't change from run to run, so neither do the counts.
    assert!(counts.iter().all(|count| (75..=125).contains(count)), "{counts:?}");
}

#[test]
fn proxies_agree_and_only_the_clients_of_a_backend_that_leaves_move() {
    let [a, b, c, d] = &abcd();
    let whole = proxy("\"ip-hash\"", &[(a, ""), (b, ""), (c, ""), (d, "")], TRUSTED);
    let without_c = proxy("\"ip-hash\"", &[(a, ""), (b, ""), (c, "draining = true"), (d, "")], TRUSTED);
    let (before, after) = (owners(&whole), owners(&without_c));
    let mut moved = String::new();
    for (client, owner) in &before {
        match owner.as_str() {
            "c" => moved += &after[client],
            _ => assert_eq!(*owner, after[client], "{client} moved"),
        }
    }
    let counts = tally(&moved, ['a', 'b', 'd']);
    assert!(counts.iter().all(|&count| count > moved.len() / 6), "{counts:?}");
}

#[test]
fn weights_are_respected() {
    let [a, b, ..] = &abcd();
    let proxy = proxy("\"ip-hash\"", &[(a, "weight = 3"), (b, "")], TRUSTED);
    let seen: String = owners(&proxy).into_values().collect();
    let [heavy, light] = tally(&seen, ['a', 'b']);
    assert!((265..=335).contains(&heavy), "{heavy} to {light}");
}

#[test]
fn ipv4_written_as_ipv6_is_the_same_client() {
    let [a, b, c, d] = &abcd();
    let proxy = proxy("\"ip-hash\"", &[(a, ""), (b, ""), (c, ""), (d, "")], TRUSTED);
    let mut client = proxy.client();
    for number in 0..32 {
        let mut backend = |prefix: &str| {
            client.get_with("/", &format!("X-Forwarded-For: {prefix}203.0.113.{number}\r\n")).text()
        };
        assert_eq!(backend(""), backend("::ffff:"), "203.0.113.{number}");
    }
}

#[test]
fn the_header_of_an_untrusted_peer_changes_nothing() {
    let [a, b, c, d] = &abcd();
    // The peers below come from 127.0.0.2 and on.
    let proxy = proxy("\"ip-hash\"", &[(a, ""), (b, ""), (c, ""), (d, "")], TRUSTED);
    let mut owners = HashSet::new();
    for number in 2..34 {
        let peer: IpAddr = [127, 0, 0, number].into();
        let mut client = Client::connect_from(peer, proxy.address());
        let own = client.get("/").text();
        for claimed in 0..16 {
            let seen = client.get_with("/", &format!("X-Forwarded-For: 203.0.113.{claimed}\r\n")).text();
            assert_eq!(seen, own, "{peer} claims to be 203.0.113.{claimed}");
        }
        // What a trusted proxy says of this peer is the same client.
        let told = proxy.client().get_with("/", &format!("X-Forwarded-For: {peer}\r\n")).text();
        assert_eq!(told, own, "{peer} by way of a trusted proxy");
        owners.insert(own);
    }
    assert_eq!(owners.len(), 4, "peers are spread");
}
