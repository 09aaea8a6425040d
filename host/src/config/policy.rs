//! The `policy` of a pool.

use std::time::Duration;

use serde_json::{Map, Number};
use toml::de::DeValue;

use super::read::{Section, Value, excerpt};
use super::{PolicyConfig, PolicySource};

const HINT: &str = "write `policy = \"round-robin\"` or `policy = { file = \"mine.wasm\" }`";

/// A pool that names no policy: what every user of a load balancer expects without reading on.
const DEFAULT_POLICY: &str = "round-robin";

/// The policy of a pool on `line` that names none.
pub(super) fn default_policy(line: usize) -> PolicyConfig {
    PolicyConfig {
        source: PolicySource::Named(DEFAULT_POLICY.to_owned()),
        config: "{}".to_owned(),
        deadline: Duration::from_millis(5),
        memory: 16 << 20,
        line,
    }
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
        let config = section.get("config").map_or(Some(default.config), |config| config_text(&config));
        let deadline =
            section.duration("deadline", default.deadline, Duration::from_millis(1)..=Duration::from_secs(1));
        let memory = section.bytes("memory", default.memory, 64 << 10..=256 << 20);
        Some(PolicyConfig { source: source?, config: config?, deadline, memory, line: default.line })
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
fn config_text(value: &Value<'_>) -> Option<String> {
    if !value.raw().is_table() {
        return value.mistyped("a table", "write `config = { key = \"value\" }`");
    }
    json(value, 0).map(|json| json.to_string())
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
