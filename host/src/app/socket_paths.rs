//! Unix sockets that a configuration names, and what is in their places before it serves.

use std::fs::metadata;
use std::os::unix::fs::FileTypeExt as _;
use std::path::Path;

use pointsman_core::address::Address;

use crate::config::{Config, ConfigError, PoolConfig};

/// Warns of files that are no sockets where backends should listen. One that isn't there may still come.
pub(super) fn check(config: &Config, file: &Path) -> Vec<ConfigError> {
    config.pools.iter().flat_map(|pool| in_pool(pool, file)).collect()
}

fn in_pool(pool: &PoolConfig, file: &Path) -> impl Iterator<Item = ConfigError> {
    let addresses =
        pool.backends.iter().flat_map(|backend| [Some(&backend.address), backend.check_address.as_ref()]);
    addresses.flatten().filter_map(file_of).filter(|path| is_something_else(path)).map(|path| ConfigError {
        file: file.into(),
        line: None,
        key: format!("pool.{}.backends", pool.name),
        message: format!("`{}` is no socket", path.display()),
        hint: "name the socket that the backend listens on".into(),
    })
}

fn file_of(address: &Address) -> Option<&Path> {
    match address {
        Address::Tcp(_) => None,
        Address::Unix(path) => path.file(),
    }
}

fn is_something_else(path: &Path) -> bool {
    metadata(path).is_ok_and(|found| !found.file_type().is_socket())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_no_socket_is_warned_of_and_one_that_may_come_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let (socket, text) = (folder.path().join("a.sock"), folder.path().join("b.sock"));
        let _listens = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        std::fs::write(&text, "").unwrap();
        let later = folder.path().join("later.sock");
        let backends = [&socket, &text, &later].map(|path| format!("\"unix:{}\"", path.display())).join(", ");
        let text = format!(
            "[[listener]]\naddress = \"127.0.0.1:0\"\n[[route]]\npool = \"a\"\n[pool.a]\nbackends = [{backends}, \"unix:@x\"]\n"
        );
        let file = folder.path().join("f.toml");
        let config = Config::parse(&text, &file).unwrap();
        let warnings: Vec<String> = check(&config, &file).iter().map(ToString::to_string).collect();
        let [warning] = &*warnings else { panic!("{warnings:?}") };
        assert!(warning.contains("b.sock` is no socket") && warning.contains("pool.a.backends"), "{warning}");
    }
}
