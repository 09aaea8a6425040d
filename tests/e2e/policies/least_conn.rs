//! Fewest requests in flight for the weight, counted over both workers.

use std::collections::HashSet;
use std::sync::{Arc, Condvar, Mutex};

use harness::{Backend, Client, wait_until};

use super::{Dice, answers, proxy, tally};

/// Holds requests back until they are let through by their targets, or for good when it is dropped.
#[derive(Debug, Default)]
struct Gate {
    open: Mutex<(HashSet<String>, bool)>,
    changed: Condvar,
}

impl Gate {
    fn backend(self: &Arc<Self>) -> Backend {
        let gate = Arc::clone(self);
        Backend::start(move |exchange| {
            exchange.read_body();
            let target = exchange.request.target().to_owned();
            let open = gate.open.lock().expect("no panic");
            drop(gate.changed.wait_while(open, |(targets, all)| !*all && !targets.contains(&target)));
            exchange.respond("done");
        })
    }

    fn let_through(&self, target: &str) {
        self.open.lock().expect("no panic").0.insert(target.to_owned());
        self.changed.notify_all();
    }
}

/// Opens the gate at the end of a test, however it ends.
struct Opener(Arc<Gate>);

impl Drop for Opener {
    fn drop(&mut self) {
        if let Ok(mut open) = self.0.open.lock() {
            open.1 = true;
        }
        self.0.changed.notify_all();
    }
}

/// Requests begin and end at random; each goes to a backend that has the fewest for its weight at that moment.
fn check(weights: [usize; 3]) {
    const MOST: usize = 24;
    let mut dice = Dice::new();
    let gate = Arc::<Gate>::default();
    let backends = [(); 3].map(|()| gate.backend());
    let _opener = Opener(Arc::clone(&gate));
    let more = weights.map(|weight| format!("weight = {weight}"));
    let pool: Vec<(&Backend, &str)> = backends.iter().zip(more.iter().map(String::as_str)).collect();
    let proxy = proxy("\"least-conn\"", &pool, "");

    let mut running: Vec<(Client, String, usize)> = Vec::new();
    let mut in_flight = [0_usize; 3];
    for number in 0..150 {
        if !running.is_empty() && (running.len() == MOST || dice.below(3) == 0) {
            let (mut client, target, backend) = running.swap_remove(dice.below(running.len()));
            gate.let_through(&target);
            assert_eq!(client.response("GET").text(), "done");
            in_flight[backend] -= 1;
            continue;
        }
        let before = backends.each_ref().map(|backend| backend.count());
        let (mut client, target) = (proxy.client(), format!("/{number}"));
        client.send(format!("GET {target} HTTP/1.1\r\nHost: test\r\n\r\n"));
        let mut chosen = None;
        wait_until("a backend has the request", || {
            chosen = (0..3).find(|&place| backends[place].count() > before[place]);
            chosen.is_some()
        });
        let chosen = chosen.expect("a backend");
        // Compared by cross multiplication.
        let is_least =
            (0..3).all(|other| in_flight[chosen] * weights[other] <= in_flight[other] * weights[chosen]);
        assert!(is_least, "request {number} went to backend {chosen} at {in_flight:?}, weights {weights:?}");
        in_flight[chosen] += 1;
        running.push((client, target, chosen));
    }
}

#[test]
fn each_request_goes_to_the_least_loaded_backend_over_all_workers() {
    check([1, 1, 1]);
}

#[test]
fn load_counts_per_unit_of_weight() {
    check([1, 2, 5]);
}

#[test]
fn ties_go_round() {
    let backends = ["a", "b", "c"].map(Backend::named);
    let [a, b, c] = &backends;
    for (weight, expected) in [("weight = 1", [8, 8, 8]), ("weight = 2", [12, 6, 6])] {
        let proxy = proxy("\"least-conn\"", &[(a, weight), (b, ""), (c, "")], "");
        for _ in 0..2 {
            let seen = answers(&mut proxy.client(), 24);
            assert_eq!(tally(&seen, ['a', 'b', 'c']), expected, "{weight}: {seen}");
        }
    }
}
