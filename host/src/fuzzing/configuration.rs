//! The text of a configuration.

use std::net::SocketAddr;
use std::path::Path;

use crate::config::Config;

/// A text is a configuration, or every fault has words, and a line that exists.
pub(super) fn parses_or_says_where(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    if may_look_up(text) {
        return;
    }
    let file = Path::new("pointsman.toml");
    let parsed = Config::parse(text, file);
    match &parsed {
        Ok(config) => {
            assert!(!config.listeners.is_empty() && !config.routes.is_empty() && !config.pools.is_empty());
            assert!(
                config
                    .routes
                    .iter()
                    .all(|route| route.pools().into_iter().all(|pool| pool < config.pools.len()))
            );
        }
        Err(errors) => {
            let said = errors.to_string();
            assert!(!said.is_empty());
            let lines = text.lines().count().max(1);
            // What is missing altogether has no line.
            for fault in said.lines().filter_map(|line| line.strip_prefix("pointsman.toml:")) {
                let line = fault.split(':').next().unwrap_or_default();
                let is_there = line.parse().is_ok_and(|line: usize| (1..=lines + 1).contains(&line));
                assert!(is_there || line.starts_with(' '), "no such line: {fault}");
            }
        }
    }
    assert_eq!(
        parsed.map_err(|errors| errors.to_string()),
        Config::parse(text, file).map_err(|e| e.to_string())
    );
}

/// Whether there may be a host name with a port in it, which would be looked up.
fn may_look_up(text: &str) -> bool {
    text.contains('\\')
        || text.split(['"', '\'']).any(|quoted| {
            let port = quoted.rsplit_once(':').map(|(_, port)| port);
            port.is_some_and(|port| port.parse::<u16>().is_ok()) && quoted.parse::<SocketAddr>().is_err()
        })
}
