//! The figures of one policy and protocol: requests one after the other, each followed step by step.

use std::path::Path;

use anyhow::Result;

use super::backends::Backends;
use super::client::Client;
use super::proxy::Proxy;
use super::steps::{Counted, Worker};
use super::subject::Subject;
use super::traced::Traced;
use crate::certificate::Certificate;

/// Requests before the first that counts: buffers have their size then, connections exist, caches are filled.
const WARM_UP: usize = 200;

/// Requests that count. The least of them is the figure, what each of them has to pay: a timer may fall into one, and a policy
/// does more for some than for others.
const COUNTED: usize = 6;

/// Counts the instructions of such a request.
pub(crate) fn of(binary: &Path, subject: Subject) -> Result<Counted> {
    let backends = Backends::start()?;
    let certificate = Certificate::make()?;
    let tls = subject.protocol.is_over_tls().then_some(&certificate);
    let proxy = Proxy::start(binary, subject, tls, &backends.addresses)?;
    let mut client = Client::connect(subject.protocol, proxy.address, &certificate)?;
    for _ in 0..WARM_UP {
        client.send()?;
        backends.next_request()?.respond()?;
        client.receive()?;
    }
    // Step by step a pick takes milliseconds: without this, ticks of the guests' clock would fall into it.
    let ticker = Traced::seize(proxy.thread("policy-ticker")?)?;
    let worker = Worker::attach(proxy.id(), proxy.thread("worker-0")?)?;
    let mut least = Counted { request: u64::MAX, guest: u64::MAX, calls: u64::MAX };
    for _ in 0..COUNTED {
        // After the long steps of the request before, the connection has gone to rest and the worker's clock is late.
        ticker.run_during(|| {
            worker.run_during(|| {
                client.send()?;
                backends.next_request()?.respond()?;
                client.receive()
            })
        })?;
        client.send()?;
        worker.run_until_received()?;
        let request = worker.step_until_waiting()?;
        backends.next_request()?.respond()?;
        worker.run_until_received()?;
        let response = worker.step_until_waiting()?;
        client.receive()?;
        least.request = least.request.min(request.request + response.request);
        least.guest = least.guest.min(request.guest + response.guest);
        least.calls = least.calls.min(request.calls + response.calls);
    }
    Ok(least)
}
