//! Limits of how often, and how many at a time, requests may come, against clients that would rather have none.

mod flood;
mod keys;
mod places;
mod reloads;

use harness::{Backend, Client, Proxy};

/// One request of each key in a day.
const ONCE: &str = "rate = \"1/d\"";

/// The configuration of a proxy whose requests all keep to this limit, with these lines of its listener.
fn configuration(limit: &str, listener: &str, backend: &Backend) -> String {
    format!(
        "workers = 2\n[admin]\naddress = \"127.0.0.1:0\"\nhosts = [\"test\"]\n[[listener]]\naddress = \"127.0.0.1:0\"\n{listener}\n\
         [limit.tested]\n{limit}\n[[route]]\nlimits = \"tested\"\npool = \"web\"\n[pool.web]\nbackends = [\"{}\"]\n",
        backend.address()
    )
}

/// The statuses of requests with these fields, each field with its line break.
fn statuses(client: &mut Client, requests: &[&str]) -> Vec<u16> {
    requests.iter().map(|fields| client.get_with("/", fields).status()).collect()
}

/// The samples of a scrape that begin with this, without it.
fn counted(proxy: &Proxy, prefix: &str) -> Vec<String> {
    let text = Client::connect(proxy.admin()).get("/metrics").text();
    text.lines().filter_map(|line| line.strip_prefix(prefix)).map(str::to_owned).collect()
}
