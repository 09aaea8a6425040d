//! One policy's figures: requests one after the other, each followed step by step.

use std::path::Path;

use anyhow::Result;
use serde::{Deserialize, Serialize};

use super::peers::{Backends, Client};
use super::proxy::Proxy;
use super::steps::Worker;

/// Requests before the first that counts: buffers have their size then, connections exist, caches are filled.
const WARM_UP: usize = 200;

/// Requests that count. Their median is the figure: a tick may fall into one, and a policy does more for some than for
/// others.
const COUNTED: usize = 25;

/// Instructions in user mode of one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Counted {
    /// From the request received to the wait for the backend, and from the response received to the wait for the next
    /// request.
    pub(crate) request: u64,
    /// Of them in the policy's own code.
    pub(crate) guest: u64,
}

/// Counts the instructions of a request with this policy.
pub(crate) fn with_policy(binary: &Path, policy: &str) -> Result<Counted> {
    let backends = Backends::start()?;
    let proxy = Proxy::start(binary, policy, &backends.addresses)?;
    let mut client = Client::connect(proxy.address)?;
    for _ in 0..WARM_UP {
        client.send()?;
        backends.next_request()?.respond()?;
        client.receive()?;
    }
    let worker = Worker::attach(proxy.id(), proxy.worker()?)?;
    let (mut requests, mut guests) = (Vec::new(), Vec::new());
    for _ in 0..COUNTED {
        client.send()?;
        worker.run_until_received()?;
        let request = worker.step_until_waiting()?;
        backends.next_request()?.respond()?;
        worker.run_until_received()?;
        let response = worker.step_until_waiting()?;
        client.receive()?;
        requests.push(request.request + response.request);
        guests.push(request.guest + response.guest);
    }
    Ok(Counted { request: median(requests), guest: median(guests) })
}

fn median(mut counts: Vec<u64>) -> u64 {
    counts.sort_unstable();
    counts[counts.len() / 2]
}
