//! Synapse: workers by regular expressions of paths, and a port of its own for other servers.

use std::collections::BTreeSet;

use super::Scene;

const CONFIGURATION: &str = r#"
workers = 1

[[listener]]
address = "127.0.0.1:0"
max_body = "50MiB"
trusted_proxies = ["127.0.0.1"]

[[route]]
name = "old-host"
host = "chat.test"
redirect = { status = 308, host = "matrix.test" }

# How clients and other servers find it.
[[route]]
exact = "/.well-known/matrix/client"
respond = { type = "application/json", text = '{"m.homeserver":{"base_url":"https://matrix.test"}}', headers = { access-control-allow-origin = "*" } }

[[route]]
exact = "/.well-known/matrix/server"
respond = { type = "application/json", text = '{"m.server":"matrix.test:443"}' }

[[route]]
name = "administration-outside"
prefix = "/_synapse/admin"
not = { client = "192.0.2.0/24" }
respond = 403

[[route]]
prefix = "/_synapse/admin"
pool = "main"

[[route]]
name = "sync"
regex = ['^/_matrix/client/(r0|v3)/sync$', '^/_matrix/client/(api/v1|r0|v3)/(events|initialSync)$', '^/_matrix/client/(api/v1|r0|v3)/rooms/[^/]+/initialSync$']
split = { pools = { sync-1 = 1, sync-2 = 1 }, by = "header:authorization" }

[[route]]
name = "federation"
regex = ['^/_matrix/federation/v[12]/', '^/_matrix/key/v2/']
pool = "federation"
# Its table for the 1,000 backends of the admission takes CPU time, and more of it on a busy machine.
policy = { name = "ip-hash", deadline = "50ms" }

[[route]]
name = "media"
prefix = ["/_matrix/media", "/_matrix/client/v1/media"]
pool = "media"

[[route]]
name = "send"
regex = '^/_matrix/client/(api/v1|r0|v3|unstable)/rooms/[^/]+/(send|state|redact|join|invite)'
pool = "events"

[[route]]
prefix = ["/_matrix", "/_synapse/client"]
pool = "main"

[pool.sync-1]
backends = ["<sync-1>"]
response_timeout = "5m"

[pool.sync-2]
backends = ["<sync-2>"]
response_timeout = "5m"

[pool.federation]
backends = ["<federation-1>", "<federation-2>"]

[pool.media]
backends = ["<media>"]

[pool.events]
backends = ["<events>"]

[pool.main]
backends = ["<main>"]
"#;

const BACKENDS: [&str; 7] = ["sync-1", "sync-2", "federation-1", "federation-2", "media", "events", "main"];

#[test]
fn workers_by_path() {
    let scene = Scene::start(CONFIGURATION, &BACKENDS);
    scene.check(&[
        ("GET http://matrix.test/_matrix/client/versions", "main", &["x-forwarded-proto: http"], &[]),
        ("POST http://matrix.test/_matrix/client/v3/login", "main", &[], &[]),
        ("GET http://matrix.test/_matrix/client/v3/syncs", "main", &[], &[]),
        ("GET http://matrix.test/_matrix/client/v2_alpha/sync", "main", &[], &[]),
        (
            "PUT http://matrix.test/_matrix/client/v3/rooms/%21room%3Amatrix.test/send/m.room.message/1",
            "events",
            &["/_matrix/client/v3/rooms/%21room%3Amatrix.test/send/m.room.message/1"],
            &[],
        ),
        // A room's name may have an escaped slash, which is one where paths are compared.
        ("PUT http://matrix.test/_matrix/client/v3/rooms/%21a%2Fb/send/m.room.message/1", "main", &[], &[]),
        ("GET http://matrix.test/_matrix/media/v3/download/matrix.test/abc", "media", &[], &[]),
        ("GET http://matrix.test/_matrix/client/v1/media/config", "media", &[], &[]),
        ("GET http://matrix.test/_synapse/client/pick_username", "main", &[], &[]),
        ("GET http://matrix.test/_synapse/admin/v1/users", "403", &[], &["-x-pointsman-error"]),
        ("GET http://matrix.test/_synapse/admin/v1/users\nX-Forwarded-For: 192.0.2.7", "main", &[], &[]),
        ("GET http://matrix.test/_matrix/../_synapse/admin/v1/users", "403", &[], &[]),
        ("GET http://matrix.test/_matrix/%2e%2e/_synapse/admin/v1/users", "403", &[], &[]),
        ("GET http://matrix.test/", "404", &[], &["x-pointsman-error: no-route"]),
        (
            "GET http://matrix.test/.well-known/matrix/client",
            "200",
            &[],
            &["content-type: application/json", "access-control-allow-origin: *", "content-length: 51"],
        ),
        (
            "HEAD http://matrix.test/.well-known/matrix/server",
            "200",
            &[],
            &["content-type: application/json", "-access-control-allow-origin", "content-length: 30"],
        ),
        ("GET http://matrix.test/.well-known/matrix/support", "404", &[], &["x-pointsman-error: no-route"]),
        ("GET http://chat.test/_matrix/x?y=1", "308", &[], &["location: http://matrix.test/_matrix/x?y=1"]),
        ("POST http://matrix.test/_matrix/media/v3/upload\nContent-Length: 52428801", "413", &[], &[]),
    ]);
}

#[test]
fn a_user_and_a_server_stay_with_a_worker() {
    let scene = Scene::start(CONFIGURATION, &BACKENDS);
    let stays = |ask: &str| {
        let names: BTreeSet<_> = (0..3).map(|_| scene.ask(ask).1.expect("a backend")).collect();
        assert_eq!(names.len(), 1, "{ask}: {names:?}");
        names.into_iter().next().expect("a name")
    };
    let of_users: BTreeSet<_> = (0..20)
        .map(|user| {
            let token = format!("\nAuthorization: Bearer syt_user{user}_{}", "x".repeat(40));
            let first = stays(&format!("GET http://matrix.test/_matrix/client/v3/sync?timeout=30000{token}"));
            let other =
                stays(&format!("GET http://matrix.test/_matrix/client/r0/rooms/!a:b/initialSync{token}"));
            assert_eq!(first, other, "whatever the route's path is");
            first
        })
        .collect();
    assert_eq!(of_users.len(), 2, "both have users");
    let of_servers: BTreeSet<_> = (1..40)
        .map(|server| {
            let from = format!("\nX-Forwarded-For: 192.0.2.{server}");
            stays(&format!("GET http://matrix.test/_matrix/federation/v1/version{from}"))
        })
        .collect();
    assert_eq!(of_servers.len(), 2, "both have servers");
}
