//! Swaps that no request notices.

use std::ops::Range;

use harness::{Backend, Client, LogLine, Proxy, Running, constant, keep_busy, revised, version};

use super::{Scene, rename_over};

const CONNECTIONS: usize = 64;

/// Sends requests until it is told to stop; answers how often each of the three backends served. A connection whose end is
/// announced is followed by another one: a fast machine gets to `keepalive_requests`.
fn send(mut client: Client, running: &Running) -> [usize; 3] {
    let mut served = [0; 3];
    let address = client.stream().peer_addr().expect("an address");
    while running.goes_on() {
        let response = client.get("/");
        assert!(response.status() == 200 && response.whole, "{response:?}");
        served[response.text().parse::<usize>().expect("a backend's number")] += 1;
        if response.header("connection") == Some("close") {
            client = Client::connect(address);
        }
    }
    served
}

/// Keeps connections busy while `change` runs; answers how often each backend served. No request fails.
fn under_load(proxy: &Proxy, connections: usize, change: impl FnOnce()) -> [usize; 3] {
    let clients: Vec<Client> = (0..connections).map(|_| proxy.client()).collect();
    let (served, ()) = keep_busy(clients, send, change);
    served.into_iter().fold([0; 3], |sum, served| [0, 1, 2].map(|backend| sum[backend] + served[backend]))
}

/// Replaces the file by these revisions, and waits for each one's swap. `hint` is called after each replacement.
fn replace(scene: &Scene, versions: [&[u8]; 2], revisions: Range<usize>, hint: impl Fn()) {
    for revision in revisions {
        rename_over(&scene.file, versions[revision % 2]);
        hint();
        let of_test = |line: &LogLine| line.field("pool") == Some("test");
        let swaps = scene.proxy.log.wait_where_many("policy-swapped", revision, of_test);
        let to = version(versions[revision % 2]);
        assert_eq!(swaps[revision - 1].field("to"), Some(&*to), "{swaps:#?}");
    }
}

fn fifty_swaps(hint: impl Fn(&Proxy)) {
    const SWAPS: usize = 50;
    let versions = [constant(0, 0), constant(1, 1)];
    let scene = Scene::new(&versions[0]);
    let served = under_load(&scene.proxy, CONNECTIONS, || {
        replace(&scene, versions.each_ref().map(Vec::as_slice), 1..SWAPS + 1, || hint(&scene.proxy));
    });
    println!("{} requests: {served:?}", served.iter().sum::<usize>());
    assert!(
        served[0] > 0 && served[1] > 0 && served[2] == 0,
        "both versions, and never the fallback: {served:?}"
    );
    let history: Vec<&[u8]> = (0..=SWAPS).map(|revision| versions[revision % 2].as_slice()).collect();
    scene.assert_history(&history);
}

#[test]
fn fifty_swaps_under_64_connections_fail_no_request() {
    // A signal instead of waiting until the file has been quiet.
    fifty_swaps(|proxy| proxy.signal("HUP"));
}

#[test]
#[ignore = "takes 20 s: the same at the pace of file events"]
fn fifty_swaps_by_file_events_under_64_connections_fail_no_request() {
    fifty_swaps(|_| {});
}

#[test]
fn the_turn_of_round_robin_continues_through_swaps() {
    let bundled = pointsman_policy::bundled("round-robin").expect("it is bundled");
    let versions = [revised(bundled, 0), revised(bundled, 1)];
    let scene = Scene::new(&versions[0]);
    let versions = versions.each_ref().map(Vec::as_slice);
    let mut client = scene.proxy.client();
    let mut seen: Vec<String> = Vec::new();
    for revision in 1..5 {
        seen.extend((0..4).map(|_| client.get("/").text()));
        replace(&scene, versions, revision..revision + 1, || scene.proxy.signal("HUP"));
    }
    for pair in seen.windows(2) {
        let [one, next] = [&pair[0], &pair[1]].map(|name| name.parse::<usize>().expect("a number"));
        assert_eq!(next, (one + 1) % 3, "{seen:?}");
    }
    // Not one turn is lost or taken twice under load, either.
    under_load(&scene.proxy, 4, || replace(&scene, versions, 5..8, || scene.proxy.signal("HUP")));
    let counts = scene.backends.each_ref().map(Backend::count);
    let (most, least) = (counts.iter().max(), counts.iter().min());
    assert!(most.zip(least).is_some_and(|(most, least)| most - least <= 1), "{counts:?}");
}
