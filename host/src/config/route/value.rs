//! What is demanded of a value that has a name.

use pointsman_core::route::{Regex, TextPattern, ValuePattern};
use toml::de::DeValue;

use super::super::read::{Section, Value, excerpt};

const HINT: &str = "write the value, a list of values, `true` for any or `false` for none, or a table with one of \
                    `prefix`, `suffix`, `contains`, `regex`";

/// Reads a rule as what its key says.
type Read = fn(&Value<'_>) -> Option<TextPattern>;

/// The rule for a value.
pub(super) fn value_pattern(value: &Value<'_>) -> Option<ValuePattern> {
    match value.raw() {
        DeValue::Boolean(true) => Some(ValuePattern::Present),
        DeValue::Boolean(false) => Some(ValuePattern::Absent),
        DeValue::String(_) | DeValue::Array(_) => value.one_or_more(exact).map(ValuePattern::Text),
        DeValue::Table(_) => {
            Section::read(value, HINT, |section| table(section, value)).map(ValuePattern::Text)
        }
        _ => value.mistyped("a text", HINT),
    }
}

fn table(section: &mut Section<'_>, value: &Value<'_>) -> Option<Vec<TextPattern>> {
    let keys: [(_, Read); 5] = [
        ("exact", exact),
        ("prefix", |value| value.string().map(|text| TextPattern::Prefix(text.to_owned()))),
        ("suffix", |value| value.string().map(|text| TextPattern::Suffix(text.to_owned()))),
        ("contains", |value| value.string().map(|text| TextPattern::Contains(text.to_owned()))),
        ("regex", |value| regex(value).map(TextPattern::Regex)),
    ];
    let written: Vec<_> =
        keys.into_iter().filter_map(|(key, read)| Some((section.get(key)?, read))).collect();
    match &written[..] {
        [(value, read)] => value.one_or_more(read),
        [] => {
            value.fail("demands nothing", HINT);
            None
        }
        [_, (second, _), ..] => {
            second
                .fail("stands beside another demand", "write one of them, or a regular expression for both");
            None
        }
    }
}

fn exact(value: &Value<'_>) -> Option<TextPattern> {
    match value.raw() {
        // What is there may be empty.
        DeValue::String(text) => Some(TextPattern::Exact(text.clone().into_owned())),
        _ => value.string().map(|text| TextPattern::Exact(text.to_owned())),
    }
}

/// A regular expression.
pub(super) fn regex(value: &Value<'_>) -> Option<Regex> {
    let text = value.string()?;
    match Regex::new(text) {
        Ok(regex) => Some(regex),
        Err(error) => {
            let message = format!("`{}` is no regular expression that can be used: {error}", excerpt(text));
            value.fail(
                message,
                "mend it there; back-references and look-around don't exist here, as they can take forever",
            );
            None
        }
    }
}
