//! Configurations that change while requests flow.

mod edges_under_load;
mod file_changes;
mod kept;
mod listeners;
mod pools;
mod refused;
mod special_files;
mod under_load;

use harness::Backend;

/// A configuration with one listener on any port, and more.
fn config(rest: &str) -> String {
    format!("workers = 2\n[[listener]]\naddress = \"127.0.0.1:0\"\nkeepalive_requests = 1000000000\n{rest}")
}

/// A pool of these backends, which are named by their places; `more` goes to the end of its section.
fn pool(name: &str, backends: &[&Backend], more: &str) -> String {
    let list: Vec<String> = backends
        .iter()
        .enumerate()
        .map(|(place, backend)| format!("{{ name = \"b{place}\", address = \"{}\" }}", backend.address()))
        .collect();
    format!("[pool.{name}]\nbackends = [{}]\n{more}\n", list.join(", "))
}

/// A route for a path.
fn route(path: &str, pool: &str) -> String {
    format!("[[route]]\npath = \"{path}\"\npool = \"{pool}\"\n")
}
