//! Jitsi Meet: a conference stays on its shard, whichever way its members come, and each bridge is reached by its name.

use std::collections::BTreeSet;

use super::Scene;

const CONFIGURATION: &str = r#"
workers = 1

[[listener]]
address = "127.0.0.1:0"
tunnel_timeout = "1h"

[[route]]
name = "bridge-1"
prefix = "/colibri-ws/jvb-1"
pool = "bridge-1"

[[route]]
name = "bridge-2"
prefix = "/colibri-ws/jvb-2"
pool = "bridge-2"

[[route]]
name = "signals"
exact = ["/http-bind", "/xmpp-websocket"]
query = { room = true }
split = { pools = { shard-1 = 1, shard-2 = 1 }, by = "query:room" }
response_headers = { set = { access-control-allow-origin = "*" } }

[[route]]
name = "files"
prefix = ["/libs", "/css", "/static", "/images", "/fonts", "/lang", "/sounds"]
pool = "web"
response_headers = { set = { cache-control = "public, max-age=31536000" } }

[[route]]
name = "embedded"
exact = "/external_api.js"
pool = "web"
rewrite = "/libs/external_api.min.js"

# Whatever its room, the page is one.
[[route]]
name = "rooms"
regex = '^/[^/?&:"]+$'
method = "GET"
pool = "web"
rewrite = { path = "/" }

# A tenant has all of it below its name.
[[route]]
name = "tenants"
regex = '^/(?<tenant>[^/?&:"]+)/(?<rest>libs/.+|css/.+)$'
method = "GET"
pool = "web"
rewrite = { path = "/${rest}", query = { add = "tenant=${tenant}" } }

[[route]]
exact = "/"
pool = "web"

[pool.web]
backends = ["<web>"]

[pool.shard-1]
backends = ["<shard-1>"]

[pool.shard-2]
backends = ["<shard-2>"]

[pool.bridge-1]
backends = ["<bridge-1>"]

[pool.bridge-2]
backends = ["<bridge-2>"]
"#;

#[test]
fn rooms_shards_and_bridges() {
    let scene = Scene::start(CONFIGURATION, &["web", "shard-1", "shard-2", "bridge-1", "bridge-2"]);
    let upgrade = "\nConnection: Upgrade\nUpgrade: websocket\nSec-WebSocket-Protocol: xmpp";
    let shards: BTreeSet<String> = (0..20)
        .map(|room| {
            let names = [
                format!("POST http://meet.test/http-bind?room=room{room}"),
                format!("POST http://meet.test/http-bind?token=x&room=%72oom{room}"),
                format!("GET http://meet.test/xmpp-websocket?room=room{room}&token=y{upgrade}"),
            ]
            .map(|ask| scene.ask(&ask).1.expect("a shard"));
            assert!(names.iter().all(|name| *name == names[0]), "room {room}: {names:?}");
            names.into_iter().next().expect("a name")
        })
        .collect();
    assert_eq!(shards.len(), 2, "both have rooms");
    let bridge = format!("GET http://meet.test/colibri-ws/jvb-2/1a2b/3c4d?pwd=5e{upgrade}");
    scene.check(&[
        (
            &bridge,
            "bridge-2",
            &["/colibri-ws/jvb-2/1a2b/3c4d?pwd=5e", "sec-websocket-protocol: xmpp"],
            &["upgrade: websocket"],
        ),
        ("GET http://meet.test/colibri-ws/jvb-1/x", "bridge-1", &[], &[]),
        ("GET http://meet.test/colibri-ws/jvb-11/x", "404", &[], &[]),
        ("POST http://meet.test/http-bind", "404", &[], &[]),
        (
            "GET http://meet.test/libs/app.min.js?v=1",
            "web",
            &[],
            &["cache-control: public, max-age=31536000"],
        ),
        (
            "GET http://meet.test/MyRoom",
            "web",
            &["/", "x-forwarded-uri: /MyRoom", "-x-forwarded-prefix"],
            &["-cache-control"],
        ),
        (
            "GET http://meet.test/my%20room?jwt=x",
            "web",
            &["/?jwt=x", "x-forwarded-uri: /my%20room?jwt=x"],
            &[],
        ),
        ("GET http://meet.test/external_api.js?v=2", "web", &["/libs/external_api.min.js?v=2"], &[]),
        (
            "GET http://meet.test/my%20team/libs/app.min.js?v=1",
            "web",
            &["/libs/app.min.js?tenant=my%20team&v=1", "x-forwarded-uri: /my%20team/libs/app.min.js?v=1"],
            &[],
        ),
        ("GET http://meet.test/libs/app.min.js", "web", &["/libs/app.min.js", "-x-forwarded-uri"], &[]),
        ("GET http://meet.test/tenant/room", "404", &[], &[]),
        ("GET http://meet.test/", "web", &[], &[]),
    ]);
}
