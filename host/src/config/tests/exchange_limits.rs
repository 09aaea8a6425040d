//! Limits of single requests: `max_body`, `total_timeout` and `tunnel_timeout` of routes and pools.

use pointsman_core::pool::ExchangeLimits;

use super::*;

#[test]
fn routes_and_pools_say_nothing_unless_they_do() {
    let config = good(&format!("{LISTENER}{POOL}[[route]]\npool = 'a'"));
    assert_eq!(config.routes[0].exchange, ExchangeLimits::default());
    assert_eq!(config.pools[0].limits.exchange, ExchangeLimits::default());
}

#[test]
fn what_is_written_is_taken_and_the_route_wins() {
    let config = good(&format!(
        "{LISTENER}{POOL}max_body = '1MiB'\ntotal_timeout = '24h'\ntunnel_timeout = '1ms'\n\
         [[route]]\npool = 'a'\nmax_body = '0B'\ntotal_timeout = '2s'\n\
         [[route]]\npool = 'a'\nmax_body = '1048576GiB'\ntunnel_timeout = '12h'"
    ));
    let of_pool = config.pools[0].limits.exchange;
    let limits = |max_body, total: u64, tunnel: u64| ExchangeLimits {
        max_body: Some(max_body),
        total_timeout: Some(Duration::from_millis(total)),
        tunnel_timeout: Some(Duration::from_millis(tunnel)),
    };
    assert_eq!(of_pool, limits(1 << 20, 86_400_000, 1));
    let effective: Vec<_> = config.routes.iter().map(|route| route.exchange.or(of_pool)).collect();
    assert_eq!(effective, [limits(0, 2_000, 1), limits(1 << 50, 86_400_000, 43_200_000)]);
}

#[test]
fn faults_say_what_to_write() {
    check(
        &format!(
            "{LISTENER}{POOL}max_body = '-1B'\ntunnel_timeout = '25h'\n\
             [[route]]\npool = 'a'\nmax_body = 1048576\ntotal_timeout = '0s'\ntunnel_timeout = 60\n\
             [[route]]\nredirect = 'http://b.test'\nmax_body = '1B'\ntotal_timeout = '1s'\ntunnel_timeout = '1s'"
        ),
        &[
            "5: pool.a.max_body: `-1B` is not a size; write a whole number and one of B, KiB, MiB or GiB (or KB, MB, GB for thousands), such as `\"64KiB\"`",
            "6: pool.a.tunnel_timeout: `25h` is out of range; write a duration from `\"1ms\"` to `\"24h\"`",
            "9: route[0].max_body: `1048576` has no unit; write `\"1048576B\"`",
            "10: route[0].total_timeout: `0s` is out of range; write a duration from `\"1ms\"` to `\"24h\"`",
            "11: route[0].tunnel_timeout: `60` has no unit; write `\"60s\"`",
            "14: route[1].max_body: has no effect: no pool has to do with these requests; leave it out",
            "15: route[1].total_timeout: has no effect: no pool has to do with these requests; leave it out",
            "16: route[1].tunnel_timeout: has no effect: no pool has to do with these requests; leave it out",
        ],
    );
}
