//! The `policy` of a pool.

use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use pointsman_policy::{OnFault, PolicySettings, ProbationSettings};
use serde_json::{Map, Number};
use toml::de::DeValue;

use super::read::{Section, Value, excerpt};

/// What picks the backends of a pool: `policy = "NAME"` or `policy = { name/file = …, … }`; `round-robin` by default.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyConfig {
    /// Where the plugin comes from.
    pub source: PolicySource,
    /// How it is run.
    pub settings: PolicySettings,
    /// Line of the policy in the file, for errors that show only when the plugin is loaded.
    pub line: usize,
}

/// Where a plugin comes from.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum PolicySource {
    /// `NAME.wasm` in the policy directory if it is there, else the bundled policy of that name.
    Named(String),
    /// This file.
    File(PathBuf),
}

const HINT: &str = "write `policy = \"round-robin\"` or `policy = { file = \"mine.wasm\" }`";

/// A pool that names no policy: what every user of a load balancer expects without reading on.
const DEFAULT_POLICY: &str = "round-robin";

impl Default for PolicyConfig {
    /// What a pool has that names no policy; on no line.
    fn default() -> Self {
        Self {
            source: PolicySource::Named(DEFAULT_POLICY.to_owned()),
            settings: PolicySettings::default(),
            line: 0,
        }
    }
}

/// The policy of a pool on `line` that names none.
pub(super) fn default_policy(line: usize) -> PolicyConfig {
    PolicyConfig { line, ..PolicyConfig::default() }
}

/// `policy = "NAME"` or `policy = { name/file = …, … }`.
pub(super) fn policy(value: &Value<'_>) -> Option<PolicyConfig> {
    let default = default_policy(value.line());
    if !value.raw().is_table() {
        return match value.raw() {
            DeValue::String(_) => Some(PolicyConfig { source: named(value)?, ..default }),
            _ => value.mistyped("a policy", HINT),
        };
    }
    Section::read(value, HINT, |section| {
        let name = section.get("name");
        let file = section.get("file");
        let source = match (&name, &file) {
            (Some(name), None) => named(name),
            (None, Some(file)) => file.path().map(PolicySource::File),
            (Some(_), Some(file)) => {
                file.fail("a policy has a name or a file, not both", "remove `name` or `file`");
                None
            }
            (None, None) => {
                value.fail(
                    "has neither `name` nor `file`",
                    "add `name = \"round-robin\"` or `file = \"mine.wasm\"`",
                );
                None
            }
        };
        let settings = settings(section);
        Some(PolicyConfig { source: source?, settings: settings?, ..default })
    })
}

fn settings(section: &mut Section<'_>) -> Option<PolicySettings> {
    let default = PolicySettings::default();
    let config = section.get("config").map_or(Some(default.config), |config| config_text(&config));
    let deadline =
        section.duration("deadline", default.deadline, Duration::from_millis(1)..=Duration::from_secs(1));
    let memory = section.bytes("memory", default.memory, 64 << 10..=256 << 20);
    let table = section.integer("table", default.table, 0..=1_000_000);
    let log_lines = section.integer("log_lines", default.log_lines, 0..=1_000);
    let tick_percent = section.integer("tick_percent", default.tick_percent, 1..=100);
    let cpu_percent = section.integer("cpu_percent", default.cpu_percent, 1..=100);
    let on_fault = section.get("on_fault").map_or(Some(default.on_fault), |value| on_fault(&value));
    let probation = section.get("probation").map_or(Some(default.probation), |value| probation(&value));
    Some(PolicySettings {
        route: None,
        config: config?,
        deadline,
        memory,
        table,
        log_lines,
        tick_percent,
        cpu_percent,
        on_fault: on_fault?,
        probation: probation?,
    })
}

fn on_fault(value: &Value<'_>) -> Option<OnFault> {
    match value.string()? {
        "fallback" => Some(OnFault::Fallback),
        "reject" => Some(OnFault::Reject),
        other => {
            let message = format!("`{}` is no answer to a fault", excerpt(other));
            value.fail(message, "write `\"fallback\"` or `\"reject\"`");
            None
        }
    }
}

fn probation(value: &Value<'_>) -> Option<ProbationSettings> {
    const TIME: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_hours(24);
    Section::read(value, "write `probation = { picks = 10000, time = \"60s\", faults = 5 }`", |section| {
        let default = ProbationSettings::default();
        Some(ProbationSettings {
            picks: section.integer("picks", default.picks, 0..=1_000_000_000),
            time: section.duration("time", default.time, TIME),
            faults: section.integer("faults", default.faults, 0..=10_000),
        })
    })
}

/// The name becomes a file name in the policy directory, so nothing in it may lead elsewhere.
fn named(value: &Value<'_>) -> Option<PolicySource> {
    let name = value.string()?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    if name.len() <= 64 && name.bytes().all(plain) {
        return Some(PolicySource::Named(name.to_owned()));
    }
    let shown = excerpt(name);
    let hint = if name.contains('/') || name.to_ascii_lowercase().ends_with(".wasm") {
        format!("write `policy = {{ file = {shown:?} }}` for a file")
    } else {
        "use 1 to 64 letters, digits, `-` and `_`".to_owned()
    };
    value.fail(format!("`{shown}` is no name of a policy"), hint);
    None
}

/// The `config` table as JSON.
fn config_text(value: &Value<'_>) -> Option<Box<str>> {
    if !value.raw().is_table() {
        return value.mistyped("a table", "write `config = { key = \"value\" }`");
    }
    json(value, 0).map(|json| json.to_string().into())
}

/// Deepest nesting of a policy's configuration; far above any use and far below the stack.
const MAX_DEPTH: usize = 32;

fn json(value: &Value<'_>, depth: usize) -> Option<serde_json::Value> {
    if depth > MAX_DEPTH {
        value.fail(format!("is nested more than {MAX_DEPTH} deep"), "flatten the policy's configuration");
        return None;
    }
    Some(match value.raw() {
        DeValue::String(text) => text.as_ref().into(),
        DeValue::Boolean(yes) => (*yes).into(),
        DeValue::Datetime(date) => date.to_string().into(),
        DeValue::Integer(integer) => {
            let (text, radix) = (integer.as_str(), integer.radix());
            let number = i64::from_str_radix(text, radix).map(Number::from);
            let Ok(number) = number.or_else(|_| u64::from_str_radix(text, radix).map(Number::from)) else {
                value.fail(
                    format!("`{}` doesn't fit into 64 bits", excerpt(text)),
                    "write it as a text in quotes",
                );
                return None;
            };
            number.into()
        }
        DeValue::Float(float) => {
            let number = float.as_str().parse().ok().and_then(Number::from_f64);
            if number.is_none() {
                let message =
                    format!("`{}` is no number in JSON, which is what policies get", excerpt(float.as_str()));
                value.fail(message, "write a finite number");
            }
            number?.into()
        }
        DeValue::Array(_) => {
            let items = value.items("")?;
            let items: Vec<_> = items.iter().map(|item| json(item, depth + 1)).collect();
            items.into_iter().collect::<Option<Vec<_>>>()?.into()
        }
        DeValue::Table(_) => {
            let entries = value.entries("")?;
            let entries: Vec<_> = entries
                .iter()
                .map(|(key, value)| Some(((*key).to_owned(), json(value, depth + 1)?)))
                .collect();
            entries.into_iter().collect::<Option<Map<_, _>>>()?.into()
        }
    })
}
