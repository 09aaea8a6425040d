//! `[dns]`, and backends that DNS names.

use super::*;

fn entry(text: &str) -> String {
    format!("{LISTENER}[pool.a]\nbackends = [\n{text}\n]")
}

#[test]
fn dns_has_the_documented_defaults() {
    let dns = good(&format!("{LISTENER}{POOL}")).dns;
    assert_eq!(dns.servers, []);
    assert_eq!(dns.timeout, Duration::from_secs(4));
    assert_eq!((dns.min_ttl, dns.max_ttl), (Duration::from_secs(5), Duration::from_secs(300)));
    let floor = good(&format!("{LISTENER}{POOL}[dns]\nmin_ttl = '1h'")).dns;
    assert_eq!(floor.max_ttl, Duration::from_secs(3_600), "one key alone is enough");
}

#[test]
fn what_is_written_of_dns_is_taken() {
    let text = format!(
        "{LISTENER}{POOL}[dns]\nservers = ['10.0.0.53', '[::1]:5353', '::2']\ntimeout = '1s'\nmin_ttl = '1s'\n\
         max_ttl = '1s'"
    );
    let dns = good(&text).dns;
    let servers: Vec<_> = dns.servers.iter().map(ToString::to_string).collect();
    assert_eq!(servers, ["10.0.0.53:53", "[::1]:5353", "[::2]:53"]);
    assert_eq!([dns.timeout, dns.min_ttl, dns.max_ttl], [Duration::from_secs(1); 3]);
}

#[test]
fn entries_to_resolve_stand_beside_the_others() {
    let text = entry(
        "{ address = 'API.internal.:80', resolve = 'each' },\n'127.0.0.1:9',\n\
         { address = 'api.internal:81', resolve = 'each', weight = 3, zone = 'z', labels = { a = 'b' }, backup = true },\n\
         { name = 'web', address = '_http._tcp.internal', resolve = 'srv', draining = true },",
    );
    let pool = good(&text).pools.remove(0);
    assert_eq!(pool.backends.len(), 1);
    let [first, second, third] = &pool.discovered[..] else { panic!("{:?}", pool.discovered) };
    assert_eq!(first.question, Question::Each { host: "api.internal.".into(), port: 80 });
    assert_eq!((first.name.as_str(), first.weight, first.backup), ("api.internal", 1, false));
    assert_eq!((second.weight, second.zone.as_str(), second.backup), (3, "z", true));
    assert_eq!(second.labels, [("a".to_owned(), "b".to_owned())]);
    assert_eq!(third.question, Question::Srv { service: "_http._tcp.internal".into() });
    assert_eq!((third.name.as_str(), third.draining), ("web", true));
}

/// DNS isn't asked: there is no such name.
#[test]
fn a_pool_may_have_nothing_but_names() {
    let pool = good(&entry("{ address = 'no-such-host.invalid:9', resolve = 'each' }")).pools.remove(0);
    assert_eq!((pool.backends.len(), pool.discovered.len()), (0, 1));
}

#[test]
fn faults_of_entries_to_resolve() {
    check_all(
        &entry("{}"),
        &[
            (
                "{ address = '10.0.0.1:80', resolve = 'each' }",
                &[
                    "5: pool.a.backends[0].address: `10.0.0.1:80` is an IP address: there is nothing to resolve; remove `resolve`",
                ],
            ),
            (
                "{ address = '::1', resolve = 'srv' }",
                &[
                    "5: pool.a.backends[0].address: `::1` is an IP address: there is nothing to resolve; remove `resolve`",
                ],
            ),
            (
                "{ address = '_http._tcp.a:80', resolve = 'srv' }",
                &[
                    "5: pool.a.backends[0].address: `_http._tcp.a:80` has a port, which SRV records tell; write `\"_http._tcp.a\"`",
                ],
            ),
            (
                "{ address = 'api.internal', resolve = 'srv' }",
                &[
                    "5: pool.a.backends[0].address: `api.internal` is no name of a service; write one such as `\"_http._tcp.example.com\"`",
                ],
            ),
            (
                "{ address = '_http._tcp.a', resolve = 'each' }",
                &[
                    "5: pool.a.backends[0].address: `_http._tcp.a` has no port; write one behind it, or `resolve = \"srv\"` if it is a service",
                ],
            ),
            (
                "{ address = 'api.internal', resolve = 'each' }",
                &[
                    "5: pool.a.backends[0].address: `api.internal` has no port; write one behind it, such as `\"api.internal:8080\"`",
                ],
            ),
            (
                "{ address = 'a:80', resolve = 'eech' }",
                &[
                    "5: pool.a.backends[0].resolve: `eech` is no way to resolve a name; did you mean `\"each\"`?",
                ],
            ),
            (
                "{ address = 'a:80', resolve = 'dynamically' }",
                &[
                    "5: pool.a.backends[0].resolve: `dynamically` is no way to resolve a name; write `\"each\"` for all addresses of a host, `\"srv\"` for all servers of a service, or leave `resolve` out to look a host up once",
                ],
            ),
            (
                "{ address = 'a:80', resolve = true }",
                &[r#"5: pool.a.backends[0].resolve: is a boolean, not a text; put it in quotes: `"true"`"#],
            ),
            (
                "{ address = 'a:80', resolve = 'each' },\n{ address = 'A.:80', resolve = 'each' }",
                &[
                    "6: pool.a.backends[1]: `a:80` is taken by `pool.a.backends[0]` on line 5; remove one, or correct its address",
                ],
            ),
            (
                "{ name = 'x', address = 'a:80', resolve = 'each' },\n{ name = 'x', address = 'b:80', resolve = 'each' }",
                &[
                    "6: pool.a.backends[1]: `x` is taken by `pool.a.backends[0]` on line 5; give each backend of a pool its own name",
                ],
            ),
            (
                "{ address = 'a:80', resolve = 'each', check_address = '127.0.0.1:9' }",
                &[
                    "5: pool.a.backends[0].check_address: is one address, but the entry stands for many backends; remove it, and write `port` in `[pool.NAME.health_check]` if the checks have a port of their own",
                ],
            ),
            (
                "{ address = 'a:80', resolve = 'each', draining = true }",
                &[
                    "4: pool.a.backends: no backend can serve: all are draining; remove `draining = true` from one of them",
                ],
            ),
        ],
    );
}

#[test]
fn faults_of_dns() {
    check_all(
        &format!("{LISTENER}{POOL}[dns]\n{{}}"),
        &[
            (
                "servers = ['ns.internal', '10.0.0.53:0', 53]",
                &[
                    "6: dns.servers[0]: `ns.internal` is no address of a DNS server; write an IP address, with a port if it isn't 53: `\"10.0.0.53:5353\"`",
                    "6: dns.servers[1]: `10.0.0.53:0` is no address of a DNS server; write an IP address, with a port if it isn't 53: `\"10.0.0.53:5353\"`",
                    r#"6: dns.servers[2]: is an integer, not an address; write it with an IP address: `"10.0.0.53:53"`"#,
                ],
            ),
            (
                "servers = ['10.0.0.53', '10.0.0.53:53']",
                &[
                    "6: dns.servers[1]: `10.0.0.53:53` is taken by `dns.servers[0]` on line 6; name each server once",
                ],
            ),
            (
                "servers = ['10.0.0.1','10.0.0.2','10.0.0.3','10.0.0.4','10.0.0.5','10.0.0.6','10.0.0.7','10.0.0.8','10.0.0.9']",
                &["6: dns.servers: has 9 servers; name at most 8"],
            ),
            (
                "min_ttl = '1m'\nmax_ttl = '30s'",
                &[
                    "7: dns.max_ttl: is less than `min_ttl`, which is 1m; write at least `\"1m\"`, or lower `min_ttl`",
                ],
            ),
            (
                "min_ttl = '500ms'\ntimeout = '2m'",
                &[
                    r#"6: dns.min_ttl: `500ms` is out of range; write a duration from `"1s"` to `"24h"`"#,
                    r#"7: dns.timeout: `2m` is out of range; write a duration from `"100ms"` to `"1m"`"#,
                ],
            ),
        ],
    );
}
