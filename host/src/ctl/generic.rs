//! Any answer as lines of names and values, indented as it is nested.

use serde_json::Value;

use super::failure::Failure;
use super::session::Session;

/// Shows an answer whose names say what it is.
pub(super) fn show(session: &Session, value: &Value) -> Result<(), Failure> {
    lines(value).iter().try_for_each(|line| session.output.line(&line.as_str().into()))
}

fn lines(value: &Value) -> Vec<String> {
    let mut lines = Vec::new();
    match value {
        Value::Object(fields) => {
            let width = fields.keys().map(|key| key.chars().count()).max().unwrap_or(0);
            for (key, value) in fields {
                let key = key.replace('_', " ");
                match plain(value) {
                    Some(text) => lines.push(format!("{key:width$}  {text}")),
                    None => {
                        lines.push(key);
                        lines.extend(self::lines(value).into_iter().map(|line| format!("  {line}")));
                    }
                }
            }
        }
        Value::Array(items) => {
            for item in items {
                match plain(item) {
                    Some(text) => lines.push(format!("- {text}")),
                    None => {
                        let item = self::lines(item);
                        let marked = item.iter().enumerate().map(|(place, line)| match place {
                            0 => format!("- {line}"),
                            _ => format!("  {line}"),
                        });
                        lines.extend(marked);
                    }
                }
            }
        }
        other => lines.push(plain(other).unwrap_or_default()),
    }
    lines
}

/// A value that fits behind its name.
pub(super) fn plain(value: &Value) -> Option<String> {
    match value {
        Value::Null => Some("-".to_owned()),
        Value::Bool(true) => Some("yes".to_owned()),
        Value::Bool(false) => Some("no".to_owned()),
        Value::Number(number) => Some(number.to_string()),
        Value::String(text) => Some(text.clone()),
        Value::Array(items) if items.is_empty() => Some("none".to_owned()),
        Value::Object(fields) if fields.is_empty() => Some("none".to_owned()),
        Value::Array(items) => {
            let texts: Option<Vec<String>> = items
                .iter()
                .map(|item| if item.is_object() || item.is_array() { None } else { plain(item) })
                .collect();
            texts.map(|texts| texts.join(", "))
        }
        Value::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_indented_lines() {
        let value = serde_json::json!({
            "pool": "web", "queue_us": 0, "tried": [1, 2], "panic": false, "none": null, "empty": [],
            "candidates": [{ "name": "a", "full": true }, { "name": "b", "full": false }],
            "choice": { "by": "policy" },
        });
        assert_eq!(
            lines(&value),
            [
                "candidates",
                "  - full  yes",
                "    name  a",
                "  - full  no",
                "    name  b",
                "choice",
                "  by  policy",
                "empty       none",
                "none        -",
                "panic       no",
                "pool        web",
                "queue us    0",
                "tried       1, 2",
            ]
        );
        assert_eq!(lines(&serde_json::json!([])), Vec::<String>::new());
        assert_eq!(lines(&serde_json::json!("text")), ["text"]);
    }
}
