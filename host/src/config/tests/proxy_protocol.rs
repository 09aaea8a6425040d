//! `proxy_protocol` of a listener and of a pool.

use pointsman_core::pool::ProxyProtocol;

use super::*;

#[test]
fn headers_come_from_the_networks_that_are_written() {
    assert_eq!(good(&format!("{LISTENER}{POOL}")).listeners[0].proxy_protocol, None);
    let text = |keys| format!("{LISTENER}proxy_protocol = {{ {keys} }}\n{POOL}");
    let config = good(&text("from = ['10.0.0.0/8', '::1', '::ffff:192.0.2.0/120']"));
    let expected = config.listeners[0].proxy_protocol.as_ref().unwrap();
    let from: Vec<_> = expected.from.iter().map(ToString::to_string).collect();
    assert_eq!(from, ["10.0.0.0/8", "::1/128", "192.0.2.0/24"]);
    assert_eq!(expected.timeout, Duration::from_secs(5));
    let other = good(&text("from = ['10.0.0.0/8'], timeout = '300ms'"));
    assert_eq!(other.listeners[0].proxy_protocol.as_ref().unwrap().timeout, Duration::from_millis(300));
    assert!(!other.listeners[0].has_settings_of(&config.listeners[0]));
}

#[test]
fn faults_of_a_listener_s_proxy_protocol() {
    let template = format!("{LISTENER}{{}}\n{POOL}");
    check_all(
        &template,
        &[
            (
                "proxy_protocol = true",
                &[
                    "3: listener[0].proxy_protocol: is a boolean, not a table; write `proxy_protocol = { from = [\"10.0.0.0/8\"] }`",
                ],
            ),
            (
                "proxy_protocol = {}",
                &["3: listener[0].proxy_protocol.from: is missing; write `from = [\"10.0.0.0/8\"]`"],
            ),
            (
                "proxy_protocol = { from = [], timeout = '1ms' }",
                &[
                    "3: listener[0].proxy_protocol.from: nobody may connect; write the addresses of the proxies in front, such as `from = [\"10.0.0.0/8\"]`",
                    "3: listener[0].proxy_protocol.timeout: `1ms` is out of range; write a duration from `\"100ms\"` to `\"5m\"`",
                ],
            ),
            (
                "proxy_protocol = { from = ['lb'], version = 2 }",
                &[
                    "3: listener[0].proxy_protocol.from[0]: `lb` is no network; write an address or a range, such as `\"10.0.0.1\"` or `\"10.0.0.0/8\"`",
                    "3: listener[0].proxy_protocol.version: unknown key `version`; the keys here are `from`, `timeout`",
                ],
            ),
        ],
    );
}

#[test]
fn a_pool_names_clients_in_the_version_that_is_written() {
    let pool = |keys| good(&format!("{LISTENER}{POOL}{keys}")).pools.remove(0).limits.proxy_protocol;
    assert_eq!(pool(""), None);
    assert_eq!(pool("proxy_protocol = 'v1'"), Some(ProxyProtocol::V1));
    assert_eq!(pool("proxy_protocol = 'v2'"), Some(ProxyProtocol::V2));
    check_all(
        &format!("{LISTENER}{POOL}{{}}"),
        &[
            (
                "proxy_protocol = 'v3'",
                &["5: pool.a.proxy_protocol: `v3` is none of the choices; write one of `v1`, `v2`"],
            ),
            (
                "proxy_protocol = 'v2'\nidle_connections = 8",
                &[
                    "6: pool.a.idle_connections: keeps none: with `proxy_protocol` each connection is one client's; remove it",
                ],
            ),
        ],
    );
}
