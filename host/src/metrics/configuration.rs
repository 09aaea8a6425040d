//! The program, its configuration, and how close it is to its limits.

use std::fmt;

use super::families::Families;
use super::scrape::Scrape;
use crate::worker::Phase;

/// What the program was built from; empty if the build didn't say.
pub(super) const REVISION: &str = match option_env!("POINTSMAN_REVISION") {
    Some(revision) => revision,
    None => "",
};

pub(super) fn encode(scrape: &Scrape, families: &mut Families<'_>) -> fmt::Result {
    let features = if cfg!(feature = "otlp") { "otlp" } else { "" };
    let labels = [("version", env!("CARGO_PKG_VERSION")), ("revision", REVISION), ("features", features)];
    let info = (labels, 1.0);
    families.gauge(("build_info", "The program; its value is always 1"), [info])?;
    let generation = ([], scrape.status.generation.0 as f64);
    families
        .gauge(("configuration_generation", "Counts the configurations of this process"), [generation])?;
    let reloads = &scrape.status.file.reloads;
    let results = [("done", reloads.done), ("unchanged", reloads.unchanged), ("refused", reloads.refused)];
    let rows = results.map(|(result, count)| ([("result", result)], count));
    families.counter(("configuration_reloads", "How often the file was read again"), rows)?;
    let described = (
        "configuration_last_reload_successful",
        "Whether what is in the file now serves, or waits for nothing but a restart",
    );
    families.flag(described, [([], scrape.status.refused.is_none())])?;
    let described = ("configuration_last_reload_timestamp_seconds", "When the file was read last");
    families.gauge(described, [([], scrape.since_epoch(reloads.last))])?;
    families
        .flag(("draining", "Whether the process is about to end"), [([], scrape.phase != Phase::Serving)])?;
    let described = (
        "saturation_ratio",
        "How close the proxy is to capacity: the greatest of its busiest worker's load, connections and open files over their limits",
    );
    let ratio = scrape.saturation.ratio(&scrape.status.listeners, scrape.open_files);
    families.gauge(described, [([], ratio)])
}
