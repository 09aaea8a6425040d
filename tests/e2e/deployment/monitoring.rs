//! Alert rules and the dashboard for Grafana.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{at, folder, programs, text};

/// Skipped where promtool isn't installed.
#[test]
fn prometheus_takes_the_rules_and_each_of_them_fires() {
    let folder = folder().join("../config/prometheus");
    for arguments in [
        ["check", "config", "prometheus.yml"],
        ["check", "rules", "alerts.yml"],
        ["test", "rules", "alerts_test.yml"],
    ] {
        let Some(checked) = programs::run(&folder, "promtool", &arguments) else { break };
        assert!(checked.status.success(), "{}", programs::text(&checked));
    }
    // Each is tested, and says what is so, what that means and what to do.
    let rules: Value = serde_yaml_ng::from_str(&text("../config/prometheus/alerts.yml")).expect("rules");
    let tests = text("../config/prometheus/alerts_test.yml");
    for rule in rules["groups"][0]["rules"].as_array().expect("rules") {
        let name = at(rule, "/alert");
        assert!(tests.contains(&format!("alertname=\"{name}\"")), "{name} isn't tested");
        for said in ["summary", "description", "action"] {
            assert!(!at(rule, &format!("/annotations/{said}")).is_empty(), "{name}: {said}");
        }
    }
}

#[test]
fn each_panel_of_the_dashboard_says_what_it_shows() {
    let dashboard: Value = serde_json::from_str(&text("../config/grafana/pointsman.json")).expect("JSON");
    let variables: Vec<&str> = dashboard["templating"]["list"]
        .as_array()
        .expect("variables")
        .iter()
        .map(|one| at(one, "/name"))
        .collect();
    assert_eq!(variables, ["datasource", "instance", "pool", "backend"]);
    let (mut numbers, mut places) = (BTreeSet::new(), BTreeSet::new());
    for panel in dashboard["panels"].as_array().expect("panels") {
        assert!(
            numbers.insert(panel["id"].as_u64()) && places.insert(panel["gridPos"].to_string()),
            "{panel:#}"
        );
        if panel["type"] == "row" {
            continue;
        }
        let title = at(panel, "/title");
        assert!(
            !at(panel, "/description").is_empty() && !at(panel, "/fieldConfig/defaults/unit").is_empty(),
            "{title}"
        );
        for target in panel["targets"].as_array().expect("targets") {
            let query = at(target, "/expr");
            assert_eq!(at(target, "/datasource/uid"), "${datasource}", "{title}");
            assert!(
                query.contains("instance=~\"$instance\""),
                "{title} shows proxies that weren't chosen: {query}"
            );
            assert!(!query.contains("rate(") || query.contains("[$__rate_interval]"), "{title}: {query}");
        }
    }
}
