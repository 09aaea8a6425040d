//! Scrapes of a proxy that doesn't run: names, labels and values.

use std::sync::Arc;

use pointsman_core::backend::Backend;
use pointsman_core::clock::Clock;
use pointsman_core::counts::{ERRORS, GOAWAYS, REFUSALS, TlsFailure};
use pointsman_core::pool::{Pool, UpstreamLimits};
use pointsman_core::topology::Health;
use tokio::sync::watch;

use super::exposition::Format;
use super::{Scrapes, Selection};
use crate::control::status::{ConfigurationStatus, PoolStatus, StatusView};
use crate::insight::trace::Tracer;
use crate::worker::Phase;

/// Names that would break the format if they weren't escaped.
const ODD: &str = "w\"e\\b\n{}=, é";

fn pool(name: &str, backends: &[&str], limits: &UpstreamLimits) -> PoolStatus {
    let backends = (1..).zip(backends);
    let backends =
        backends.map(|(port, name)| Arc::new(Backend::new(*name, ([127, 0, 0, 1], port)))).collect();
    let pool = Arc::new(Pool::new(name, 1, limits, backends));
    PoolStatus { pool, limits: Arc::new(limits.clone()) }
}

fn scrapes(pools: Vec<PoolStatus>) -> Scrapes {
    scrapes_traced(pools, None)
}

fn scrapes_traced(pools: Vec<PoolStatus>, tracer: Option<Arc<Tracer>>) -> Scrapes {
    let status = ConfigurationStatus { pools, workers: 1, ..ConfigurationStatus::default() };
    let ((_, seen), (_, phase_seen)) = (watch::channel(status), watch::channel(Phase::Serving));
    let workers = [Arc::default()].into_iter().collect();
    Scrapes::new(StatusView::new(seen, phase_seen), workers, Arc::default(), tracer, Clock::start())
}

fn text(pools: Vec<PoolStatus>) -> String {
    Format::Text.write(scrapes(pools).scrape(Selection::default()))
}

/// The value of a series.
fn value(text: &str, series: &str) -> f64 {
    let line = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("no {series} in\n{text}")).parse().expect("a number")
}

/// The names of the families.
fn families(text: &str) -> Vec<&str> {
    text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next()).collect()
}

fn is_without_twins(mut names: Vec<&str>) {
    let all = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), all);
}

#[test]
fn every_series_is_there_from_the_start() {
    let text = text(vec![pool("web", &["a", "b"], &UpstreamLimits::default())]);
    for failure in TlsFailure::ALL {
        let labels = format!("pool=\"web\",reason=\"{}\"", failure.name());
        assert_eq!(value(&text, &format!("pointsman_pool_tls_failures_total{{{labels}}}")), 0.0);
    }
    for error in ERRORS {
        assert_eq!(
            value(&text, &format!("pointsman_pool_errors_total{{pool=\"web\",error=\"{error}\"}}")),
            0.0
        );
    }
    assert_eq!(
        value(&text, "pointsman_backend_failures_total{pool=\"web\",backend=\"b\",kind=\"reset\"}"),
        0.0
    );
    assert_eq!(value(&text, "pointsman_pool_request_seconds_bucket{pool=\"web\",le=\"+Inf\"}"), 0.0);
    assert_eq!(
        value(&text, "pointsman_backend_head_seconds_bucket{pool=\"web\",backend=\"a\",le=\"0.25\"}"),
        0.0
    );
    assert_eq!(value(&text, "pointsman_pool_backends_eligible{pool=\"web\"}"), 2.0);
    assert_eq!(value(&text, "pointsman_backend_weight{pool=\"web\",backend=\"a\"}"), 1.0);
    assert!(value(&text, "process_start_time_seconds") > 1.6e9);
    assert!(value(&text, "process_open_fds") > 0.0);
}

#[test]
fn spans_and_features_are_told() {
    let untraced = text(Vec::new());
    let features = if cfg!(feature = "otlp") { "otlp" } else { "" };
    let version = env!("CARGO_PKG_VERSION");
    let revision = option_env!("POINTSMAN_REVISION").unwrap_or_default();
    let series = format!(
        "pointsman_build_info{{version=\"{version}\",revision=\"{revision}\",features=\"{features}\"}}"
    );
    assert_eq!(value(&untraced, &series), 1.0);
    assert_eq!(value(&untraced, "pointsman_spans_total"), 0.0);
    assert_eq!(value(&untraced, "pointsman_spans_dropped_total"), 0.0);
    let (tracer, _finished) = Tracer::new(1.0);
    tracer.count_exported(5);
    tracer.count_dropped(2);
    let traced = Format::Text.write(scrapes_traced(Vec::new(), Some(tracer)).scrape(Selection::default()));
    assert_eq!(value(&traced, "pointsman_spans_total"), 5.0);
    assert_eq!(value(&traced, "pointsman_spans_dropped_total"), 2.0);
}

#[test]
fn names_are_escaped_and_no_series_is_there_twice() {
    let limits = UpstreamLimits::default();
    let text = text(vec![pool(ODD, &["same", ODD], &limits), pool("web", &["same"], &limits)]);
    let escaped = "w\\\"e\\\\b\\n{}=, é";
    assert_eq!(value(&text, &format!("pointsman_pool_in_flight{{pool=\"{escaped}\"}}")), 0.0);
    let rows = text.lines().filter(|line| !line.starts_with('#'));
    is_without_twins(rows.filter_map(|line| Some(line.rsplit_once(' ')?.0)).collect());
    is_without_twins(families(&text));
    assert!(text.lines().filter(|line| line.starts_with("# HELP")).all(|line| line.split(' ').count() > 3));
}

#[test]
fn open_metrics_is_written_if_it_is_asked_for() {
    assert_eq!(Format::accepted(""), Format::Text);
    assert_eq!(Format::accepted("text/plain;version=0.0.4, */*"), Format::Text);
    let accept = "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3";
    assert_eq!(Format::accepted(accept), Format::OpenMetrics);
    for text in [
        "application/openmetrics-text;q=0, text/plain",
        "application/openmetrics-text;q=0",
        "text/plain;version=0.0.4, application/openmetrics-text;q=0.1",
        "application/openmetrics-text;q=x",
        "text/xml",
    ] {
        assert_eq!(Format::accepted(text), Format::Text, "{text}");
    }
    // What Prometheus sends, by its settings and versions.
    for open_metrics in [
        "application/openmetrics-text; version=0.0.1,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
        "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,\
         text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0",
        "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited,\
         application/openmetrics-text;version=1.0.0;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
        "APPLICATION/OpenMetrics-Text ; Q=0.5",
    ] {
        assert_eq!(Format::accepted(open_metrics), Format::OpenMetrics, "{open_metrics}");
    }
    let text = Format::OpenMetrics.write(scrapes(Vec::new()).scrape(Selection::default()));
    assert!(text.ends_with("# EOF\n") && text.matches("# EOF").count() == 1);
    // A counter and a gauge of one name would be one family there.
    is_without_twins(families(&text));
}

#[test]
fn a_scrape_is_narrowed_by_pool_and_without_backends() {
    let limits = UpstreamLimits::default();
    let scrapes = scrapes(vec![pool("web", &["a"], &limits), pool("api", &["b"], &limits)]);
    let of = |query: &[(&str, &str)]| {
        let pairs = query.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        Format::Text.write(scrapes.scrape(Selection::of_query(pairs)))
    };
    let narrow = of(&[("pool", "api"), ("backends", "0"), ("x", "y")]);
    assert!(
        narrow.contains("pool=\"api\"") && !narrow.contains("pool=\"web\"") && !narrow.contains("backend=")
    );
    assert!(
        !narrow.contains("process_") && of(&[("pool", "none")]).lines().all(|line| line.starts_with('#'))
    );
    assert!(of(&[]).contains("backend=\"a\""));
}

#[test]
fn a_pool_is_as_full_as_its_eligible_backends() {
    let limits = UpstreamLimits { max_requests: 4, ..UpstreamLimits::default() };
    let limited = pool("web", &["a", "b", "ejected"], &limits);
    let topology = limited.pool.topology();
    (0..3).for_each(|_| assert!(topology.stats()[0].try_begin(4)));
    (1..3).for_each(|place| assert!(topology.stats()[place].try_begin(4)));
    limited.pool.change(|members| members[2].health = Health::Ejected { passes_checks: true });
    let text = text(vec![limited, pool("free", &["a"], &UpstreamLimits::default())]);
    assert_eq!(value(&text, "pointsman_pool_in_flight{pool=\"web\"}"), 5.0);
    assert_eq!(value(&text, "pointsman_pool_capacity_requests{pool=\"web\"}"), 8.0);
    assert_eq!(value(&text, "pointsman_pool_saturation_ratio{pool=\"web\"}"), 0.5);
    assert_eq!(value(&text, "pointsman_pool_saturation_ratio{pool=\"free\"}"), 0.0);
}

/// What the code can say is what the lists say: a label that isn't there would be counted nowhere.
#[test]
fn every_error_has_its_place() {
    let labels = |source: &str| -> Vec<String> {
        let lines = source.lines().filter_map(|line| line.trim().split_once("=> \"")?.1.strip_suffix("\","));
        lines.map(str::to_owned).collect()
    };
    let between = |source: &'static str, from: &str| {
        let (_, rest) = source.split_once(from).expect("the function");
        rest.split_once("\n    }\n").expect("its end").0
    };
    let refusals = labels(between(include_str!("../downstream/refusal.rs"), "pub fn label("));
    assert!(
        refusals.len() + 3 == REFUSALS.len() && refusals.iter().all(|label| REFUSALS.contains(&&**label))
    );
    let faults = labels(between(include_str!("../downstream/http2/fault.rs"), "pub fn label("));
    assert!(faults.len() > 9 && faults.iter().all(|label| GOAWAYS.contains(&&**label)), "{faults:?}");
    let upstream = labels(between(include_str!("../upstream/error.rs"), "pub fn label("));
    let failures = labels(between(include_str!("../proxy/failure.rs"), "fn label("));
    assert!(upstream.len() > 15 && failures.len() > 6, "{upstream:?} {failures:?}");
    for label in upstream.iter().chain(&failures) {
        // These fail before there is a pool.
        let without_pool = ["no-route", "odd-path", "loop"].contains(&&**label);
        let known = if without_pool { REFUSALS.contains(&&**label) } else { ERRORS.contains(&&**label) };
        assert!(known, "{label}");
    }
}

/// Every family has its row in the document, with its type and what it says of itself, and no other row is there.
#[test]
fn every_family_is_documented() {
    let scraped = text(vec![pool("web", &["a"], &UpstreamLimits::default())]);
    let helps = scraped.lines().filter_map(|line| line.strip_prefix("# HELP ")?.split_once(' '));
    let row = |(name, help): (&str, &str)| {
        let kind = scraped.lines().find_map(|line| line.strip_prefix(&format!("# TYPE {name} ")));
        format!("| `{name}` | {} | {help} |", kind.expect("a type"))
    };
    let mut rows: Vec<String> = helps.map(row).collect();
    rows.sort();
    let document = include_str!("../../docs/metrics.md");
    let mut documented: Vec<String> =
        document.lines().filter(|line| line.starts_with("| `")).map(str::to_owned).collect();
    documented.sort();
    assert_eq!(documented.join("\n"), rows.join("\n"));
}

/// What the rules and the dashboard ask for is there: a name that isn't would never alert.
#[test]
fn rules_and_dashboard_ask_for_what_is_there() {
    let scraped = text(vec![pool("web", &["a"], &UpstreamLimits::default())]);
    let mut known: Vec<String> = Vec::new();
    for line in scraped.lines().filter_map(|line| line.strip_prefix("# TYPE ")) {
        let (name, kind) = line.split_once(' ').expect("a type");
        known.push(name.to_owned());
        if kind == "histogram" {
            known.extend(["_bucket", "_sum", "_count"].map(|part| format!("{name}{part}")));
        }
    }
    let alerts = include_str!("../../../config/prometheus/alerts.yml");
    let dashboard = include_str!("../../../config/grafana/pointsman.json");
    let mut asked = 0;
    for text in [alerts, dashboard] {
        let words = text.split(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '_'));
        for name in words.filter(|word| word.starts_with("pointsman_")) {
            asked += 1;
            assert!(known.iter().any(|known| known == name), "{name}");
        }
    }
    assert!(asked > 50, "{asked}");
}
