//! One event as one line: time, level, message, fields.

use std::fmt::{Debug, Display, Write};

use pointsman_core::printable::Escape;
use tracing::field::{Field, Visit};
use tracing::{Event, Level};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};

/// Longest value of a field, bytes, so that what comes behind it is there as well.
const VALUE_BYTES: usize = 6 << 10;
/// Longest line.
const LINE_BYTES: usize = 8 << 10;

/// A line that holds the event, whatever is in it: its only control character is the one that ends it, or it is ours.
pub(super) fn of(event: &Event<'_>, suppressed: u64, colours: bool) -> String {
    let mut line = begin(*event.metadata().level(), colours);
    event.record(&mut Fields { line: &mut line, first: true });
    if suppressed > 0 {
        let _ = write!(line, " suppressed={suppressed}");
    }
    line.push('\n');
    line
}

/// A line of the log itself, which counts other lines.
pub(super) fn own(level: Level, event: &str, text: impl Display, (field, count): (&str, u64)) -> String {
    let mut line = begin(level, false);
    let _ = write!(Escape::new(&mut line, LINE_BYTES), "{text} event={event:?} {field}={count}");
    line.push('\n');
    line
}

/// A line without time and level.
pub(super) fn plain(text: impl Display) -> String {
    let mut line = String::new();
    let _ = write!(Escape::new(&mut line, LINE_BYTES), "{text}");
    line.push('\n');
    line
}

fn begin(level: Level, colours: bool) -> String {
    let (dim, colour, plain) = if colours { ("\x1b[2m", colour(level), "\x1b[0m") } else { ("", "", "") };
    let mut line = String::with_capacity(256);
    // Writing into a string doesn't fail.
    let _ = line.write_str(dim);
    let _ = SystemTime.format_time(&mut Writer::new(&mut line));
    let _ = write!(line, "{plain} {colour}{:>5}{plain} ", level.as_str());
    line
}

fn colour(level: Level) -> &'static str {
    match level {
        Level::ERROR => "\x1b[31m",
        Level::WARN => "\x1b[33m",
        Level::INFO => "\x1b[32m",
        Level::DEBUG => "\x1b[34m",
        Level::TRACE => "\x1b[35m",
    }
}

/// Adds fields to a line.
struct Fields<'a> {
    line: &'a mut String,
    first: bool,
}

impl Visit for Fields<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let room = LINE_BYTES.saturating_sub(self.line.len());
        // Fields with this prefix say where an event of the `log` crate comes from.
        if room == 0 || field.name().starts_with("log.") {
            return;
        }
        if !self.first {
            self.line.push(' ');
        }
        self.first = false;
        if field.name() != "message" {
            let name = field.name();
            self.line.push_str(name.strip_prefix("r#").unwrap_or(name));
            self.line.push('=');
        }
        let (begin, most) = (self.line.len(), room.min(VALUE_BYTES));
        let _ = write!(Escape::new(&mut *self.line, most), "{value:?}");
        if field.name() != "message" {
            quote(self.line, begin, most);
        }
    }
}

/// Puts a value that has a space, a quote or nothing in it into quotes, as texts have them already: else no reader of `key=value` knows where it
/// ends.
fn quote(line: &mut String, begin: usize, most: usize) {
    let value = &line[begin..];
    if value.starts_with('"') || !(value.is_empty() || value.contains([' ', '"'])) {
        return;
    }
    let value = line.split_off(begin);
    line.push('"');
    for character in value.chars() {
        if line.len() - begin >= most {
            break;
        }
        if matches!(character, '"' | '\\') {
            line.push('\\');
        }
        line.push(character);
    }
    line.push('"');
}

#[cfg(test)]
mod tests {
    use std::fmt;
    use std::sync::{Arc, Mutex};

    use tracing_subscriber::Layer;
    use tracing_subscriber::layer::{Context, SubscriberExt};

    use super::*;

    /// What becomes of what is logged meanwhile.
    fn logged(colours: bool, log: impl FnOnce()) -> String {
        struct Lines(Arc<Mutex<String>>, bool);
        impl<S: tracing::Subscriber> Layer<S> for Lines {
            fn on_event(&self, event: &Event<'_>, _context: Context<'_, S>) {
                self.0.lock().unwrap().push_str(&of(event, 0, self.1));
            }
        }
        let lines = Arc::<Mutex<String>>::default();
        let subscriber = tracing_subscriber::registry().with(Lines(Arc::clone(&lines), colours));
        tracing::subscriber::with_default(subscriber, log);
        let lines = lines.lock().unwrap();
        lines.clone()
    }

    /// Fails halfway.
    struct Broken;

    impl Display for Broken {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("half")?;
            Err(fmt::Error)
        }
    }

    #[test]
    fn a_line_has_a_time_a_level_a_message_and_fields() {
        let line = logged(false, || {
            tracing::warn!(
                event = "thing-told", pool =
                "api", broken = %Broken, r#type = ?Some(1), "told"
            )
        });
        let (time, rest) = line.split_once(' ').expect("a time");
        assert!(time.ends_with('Z') && time.contains('T'), "{line}");
        assert_eq!(rest, " WARN told event=\"thing-told\" pool=\"api\" broken=half type=Some(1)\n");
    }

    #[test]
    fn values_with_spaces_are_quoted() {
        let line = logged(false, || {
            tracing::warn!(
                event = "thing-told", origin = %"bundled round-robin", reason = %"5 \"bad\" ones\\", empty = %"",
                list = ?["a", "b c"], time = ?std::time::Duration::from_millis(1_500), "told of all"
            );
        });
        let (_, told) = line.split_once("told of all ").expect("the message as it is");
        let expected = r#"event="thing-told" origin="bundled round-robin" reason="5 \"bad\" ones\\" empty="" list="[\"a\", \"b c\"]" time=1.5s"#;
        assert_eq!(told.trim_end(), expected);
    }

    #[test]
    fn whatever_is_logged_is_one_line_of_limited_length() {
        let evil = "x\n2026-01-01T00:00:00Z  INFO swap pool=\"api\"\r\x1b[2J\u{202e}\u{2028}";
        let long = evil.repeat(10_000);
        for colours in [false, true] {
            let line = logged(colours, || {
                tracing::error!(text = evil, shown = %evil, debug = ?evil, bytes = ?evil.as_bytes(), "{evil}");
                tracing::info!(long, "{long}");
                tracing::info!(long, pool = "api", short = 1, "told");
            });
            let lines: Vec<&str> = line.lines().collect();
            assert_eq!(lines.len(), 3, "{lines:#?}");
            assert!(lines.iter().all(|line| line.len() < 8400), "{lines:?}");
            assert!(lines[2].ends_with(" pool=\"api\" short=1"), "{}", lines[2]);
            let ours = |line: &str| line.replace("\x1b[2m", "").replace("\x1b[0m", "").replace("\x1b[3", "");
            assert!(!ours(&line).replace('\n', "").contains(char::is_control), "{line:?}");
            assert!(!line.contains(['\u{202e}', '\u{2028}']), "{line:?}");
        }
    }
}
