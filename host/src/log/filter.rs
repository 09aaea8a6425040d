//! What is logged, as it is written on the command line and in `RUST_LOG`.

use tracing_subscriber::filter::{LevelFilter, Targets};

/// By name. The library also takes numbers, and an empty text for `error`.
const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

/// What says nothing unless its level is written: `h2` warns of clients and backends that do odd things, each time they do.
const SILENT: &str = "h2";

/// Everything from this level on, but of what says nothing unless its level is written.
#[must_use]
pub fn from_level(level: LevelFilter) -> Targets {
    Targets::new().with_target(SILENT, LevelFilter::OFF).with_default(level)
}

/// A filter from a level (`debug`) or from a list of levels by module (`info,pointsman::proxy=debug`).
///
/// # Errors
///
/// What isn't a level, and what to write.
pub fn parse(text: &str) -> Result<Targets, String> {
    let mut filter = Targets::new().with_target(SILENT, LevelFilter::OFF);
    for part in text.split(',') {
        let (target, level) = match part.split_once('=') {
            Some((target, level)) => (Some(target.trim()), level),
            None => (None, part),
        };
        let named = LEVELS.contains(&level.trim().to_ascii_lowercase().as_str());
        let level: LevelFilter = level.trim().parse().ok().filter(|_| named).ok_or_else(|| {
            format!(
                "`{}` is no level; write off, error, warn, info, debug or trace, or a list by module such as \
                 `info,pointsman::proxy=debug`",
                level.trim()
            )
        })?;
        filter = match target {
            Some(target) => filter.with_target(target, level),
            None => filter.with_default(level),
        };
    }
    Ok(filter)
}

#[cfg(test)]
mod tests {
    use tracing::Level;

    use super::*;

    #[test]
    fn a_level_is_for_all_and_a_list_for_each_module() {
        let filter = parse("warn").expect("a level");
        assert!(filter.would_enable("pointsman::proxy", &Level::WARN));
        assert!(!filter.would_enable("pointsman::proxy", &Level::INFO));
        let filter = parse("error, pointsman::proxy = debug").expect("a list");
        assert!(filter.would_enable("pointsman::proxy::attempts", &Level::DEBUG));
        assert!(!filter.would_enable("hickory_resolver", &Level::WARN));
        assert!(!parse("off").expect("a level").would_enable("pointsman", &Level::ERROR));
    }

    #[test]
    fn frames_are_logged_only_where_that_is_asked_for() {
        let filter = parse("debug").expect("a level");
        assert!(!filter.would_enable("h2::proto::ping_pong", &Level::WARN));
        let filter = from_level(LevelFilter::INFO);
        assert!(!filter.would_enable("h2::proto::ping_pong", &Level::WARN));
        assert!(filter.would_enable("pointsman::worker", &Level::INFO));
        let filter = parse("info,h2=debug").expect("a list");
        assert!(filter.would_enable("h2::proto::ping_pong", &Level::DEBUG));
    }

    #[test]
    fn what_is_no_level_is_named() {
        for (text, named) in
            [("loud", "`loud`"), ("", "``"), ("info,pointsman", "`pointsman`"), ("a=b", "`b`")]
        {
            let error = parse(text).expect_err("no filter");
            assert!(error.starts_with(named) && error.contains("debug"), "{error}");
        }
    }
}
