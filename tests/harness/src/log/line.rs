//! One line of the log.

use std::fmt;

/// A line, taken apart: `TIME LEVEL MESSAGE event="NAME" FIELD=VALUE …`.
#[derive(Clone, PartialEq, Eq)]
pub struct LogLine {
    text: String,
    level: String,
    message: String,
    event: String,
    fields: Vec<(String, String)>,
}

impl LogLine {
    /// Takes a line apart. One that is no event, such as the fault that ends a start, is nothing but a message.
    pub(super) fn parse(text: &str) -> Self {
        let parts = text.split_once(' ').and_then(|(_, rest)| {
            let (level, rest) = rest.trim_start().split_once(' ')?;
            let (message, fields) = rest.split_once(" event=").or_else(|| {
                // No message at all.
                Some(("", rest.strip_prefix("event=")?))
            })?;
            let (event, fields) = value(fields);
            Some((level, message, event, self::fields(fields)))
        });
        let (level, message, event, fields) = parts.unwrap_or(("", text, String::new(), Vec::new()));
        Self { text: text.to_owned(), level: level.to_owned(), message: message.to_owned(), event, fields }
    }

    /// The line as it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// `ERROR`, `WARN`, `INFO` or `DEBUG`; empty if the line is no event.
    pub fn level(&self) -> &str {
        &self.level
    }

    /// What it says to people.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The event's name; empty if the line is no event.
    pub fn event(&self) -> &str {
        &self.event
    }

    /// The field with this name, without quotes.
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }

    /// Whether it has all of these fields, with these values.
    pub fn has(&self, fields: &[(&str, &str)]) -> bool {
        fields.iter().all(|(name, value)| self.field(name) == Some(value))
    }
}

impl fmt::Display for LogLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for LogLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Fields in a row: `a="text" b=3 c=several words`.
fn fields(mut text: &str) -> Vec<(String, String)> {
    let mut fields = Vec::new();
    while let Some((name, rest)) = text.trim_start().split_once('=') {
        let (value, rest) = value(rest);
        fields.push((name.to_owned(), value));
        text = rest;
    }
    fields
}

/// A value, and what stands behind it. One without quotes may have several words; it ends where the next field begins.
fn value(text: &str) -> (String, &str) {
    if let Some(quoted) = text.strip_prefix('"') {
        let mut value = String::new();
        let mut characters = quoted.char_indices();
        while let Some((place, character)) = characters.next() {
            match character {
                '"' => return (value, &quoted[place + 1..]),
                '\\' => value.extend(characters.next().map(|(_, escaped)| escaped)),
                _ => value.push(character),
            }
        }
        return (value, "");
    }
    let is_name = |word: &str| {
        let name = word.split_once('=').map(|(name, _)| name);
        name.is_some_and(|name| {
            !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
        })
    };
    let next = text.match_indices(' ').map(|(place, _)| place).find(|place| is_name(&text[place + 1..]));
    let end = next.unwrap_or(text.len());
    (text[..end].to_owned(), &text[end..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_taken_apart() {
        let line = LogLine::parse(
            "2026-01-01T00:00:00.000000Z  WARN backend is \"down\" event=\"backend-unhealthy\" pool=\"a \\\"b\\\"\" \
             reason=3 times in 2=1 s time=30s",
        );
        assert_eq!((line.level(), line.event()), ("WARN", "backend-unhealthy"));
        assert_eq!(line.message(), "backend is \"down\"");
        assert!(
            line.has(&[("pool", "a \"b\""), ("reason", "3 times in 2=1 s"), ("time", "30s")]),
            "{line:?}"
        );
        assert_eq!(line.field("tim"), None);
    }

    #[test]
    fn what_is_no_event_is_a_message() {
        let line = LogLine::parse("pointsman.toml:1: nonsense: unknown key");
        assert_eq!((line.level(), line.event()), ("", ""));
        assert_eq!(line.message(), "pointsman.toml:1: nonsense: unknown key");
    }
}
