//! One value of the file with its place, read as what it should be.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::path::PathBuf;

use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

use super::super::units::Scale;
use super::source::{Source, excerpt};

/// A value with its place in the file.
#[derive(Debug, Clone)]
pub(in crate::config) struct Value<'a> {
    source: &'a Source<'a>,
    /// With all sections; empty for the file as a whole.
    key: String,
    /// None for the file as a whole: a key that is missing there is missing on no line in particular.
    at: Option<usize>,
    value: &'a DeValue<'a>,
}

impl<'a> Value<'a> {
    pub(in crate::config) fn root(source: &'a Source<'a>, value: &'a DeValue<'a>) -> Self {
        Self { source, key: String::new(), at: None, value }
    }

    /// Line in the file, from 1.
    pub(in crate::config) fn line(&self) -> usize {
        self.source.line(self.at.unwrap_or(0))
    }

    /// Place and name of this value, to speak of it in the error of another.
    pub(in crate::config) fn place(&self) -> String {
        format!("`{}` on line {}", self.key, self.line())
    }

    /// Records a fault of this value.
    pub(in crate::config) fn fail(&self, message: impl Into<String>, hint: impl Into<String>) {
        self.source.fail(self.at, &self.key, message, hint);
    }

    /// Records what should be known of this value although it can be used.
    pub(in crate::config) fn warn(&self, message: impl Into<String>, hint: impl Into<String>) {
        self.source.warn(self.at, &self.key, message, hint);
    }

    /// Records that this should have been `noun`, and gives none.
    pub(in crate::config) fn mistyped<T>(&self, noun: &str, hint: impl Into<String>) -> Option<T> {
        let found = match self.value {
            DeValue::String(_) => "a text",
            DeValue::Integer(_) => "an integer",
            DeValue::Float(_) => "a number with a fraction",
            DeValue::Boolean(_) => "a boolean",
            DeValue::Datetime(_) => "a date",
            DeValue::Array(_) => "an array",
            DeValue::Table(_) => "a table",
        };
        self.fail(format!("is {found}, not {noun}"), hint);
        None
    }

    /// The TOML value itself.
    pub(in crate::config) fn raw(&self) -> &'a DeValue<'a> {
        self.value
    }

    pub(in crate::config) fn string(&self) -> Option<&'a str> {
        match self.value {
            DeValue::String(text) if text.is_empty() => {
                self.fail("is empty", "write a text in the quotes, or leave the key out");
                None
            }
            DeValue::String(text) => Some(text),
            DeValue::Integer(number) => self.mistyped("a text", format!("put it in quotes: `\"{number}\"`")),
            DeValue::Float(number) => self.mistyped("a text", format!("put it in quotes: `\"{number}\"`")),
            DeValue::Boolean(yes) => self.mistyped("a text", format!("put it in quotes: `\"{yes}\"`")),
            DeValue::Datetime(date) => self.mistyped("a text", format!("put it in quotes: `\"{date}\"`")),
            DeValue::Array(_) | DeValue::Table(_) => self.mistyped("a text", "write one text in quotes"),
        }
    }

    /// A path, relative to the file's folder.
    pub(in crate::config) fn path(&self) -> Option<PathBuf> {
        self.string().map(|path| self.beside_file(path))
    }

    /// A path that is a part of what stands here. A relative one is beside the file.
    pub(in crate::config) fn beside_file(&self, path: &str) -> PathBuf {
        self.source.folder().join(path)
    }

    /// A name that shows whole and unmistakable in a log line, a metric label and a URL.
    pub(in crate::config) fn name(&self) -> Option<&'a str> {
        let name = self.string()?;
        self.is_name(name).then_some(name)
    }

    /// Records a fault if `name`, which stands here, is no good name.
    pub(in crate::config) fn is_name(&self, name: &str) -> bool {
        let plain = |c: char| (c.is_ascii_graphic() || c.is_alphanumeric()) && !"\"'`\\".contains(c);
        // No URL can carry these: whoever reads it takes them for steps.
        let is_step = matches!(name, "." | "..");
        let good = !is_step && (1..=128).contains(&name.chars().count()) && name.chars().all(plain);
        if !good {
            let message = format!("`{}` is no usable name", excerpt(name));
            self.fail(message, "use 1 to 128 printable characters without spaces, quotes and backslashes, and not `.` or `..`");
        }
        good
    }

    pub(super) fn boolean(&self) -> Option<bool> {
        self.value.as_bool().or_else(|| self.mistyped("a boolean", "write `true` or `false`, without quotes"))
    }

    /// A whole number; none without a record if it isn't even one.
    pub(in crate::config) fn as_integer(&self) -> Option<u64> {
        let integer = self.value.as_integer()?;
        u64::from_str_radix(integer.as_str(), integer.radix()).ok()
    }

    pub(in crate::config) fn integer<T: TryFrom<u64> + PartialOrd + Display>(
        &self,
        range: RangeInclusive<T>,
    ) -> Option<T> {
        let hint = format!("write a whole number from {} to {}", range.start(), range.end());
        let Some(integer) = self.value.as_integer() else {
            return self.mistyped("an integer", format!("{hint}, without quotes"));
        };
        let number = self.as_integer().and_then(|number| T::try_from(number).ok());
        let number = number.filter(|number| range.contains(number));
        if number.is_none() {
            self.fail(format!("`{}` is out of range", excerpt(&integer.to_string())), hint);
        }
        number
    }

    pub(super) fn quantity(&self, scale: &Scale, range: RangeInclusive<u64>) -> Option<u64> {
        let (start, end) = (scale.show(*range.start()), scale.show(*range.end()));
        let hint = format!("write {} from `\"{start}\"` to `\"{end}\"`", scale.noun);
        let number = match self.value {
            DeValue::String(text) => {
                let number = scale.parse(text);
                if number.is_none() {
                    let message = format!("`{}` is not {}", excerpt(text), scale.noun);
                    self.fail(message, format!("write a whole number and one of {}", scale.names));
                }
                let text = excerpt(text);
                number.map(|number| (number, text))
            }
            DeValue::Integer(bare) => {
                let guess = scale.guess(bare.as_str(), &range);
                let hint = guess.map_or_else(|| hint.clone(), |guess| format!("write `\"{guess}\"`"));
                self.fail(format!("`{}` has no unit", excerpt(&bare.to_string())), hint);
                None
            }
            _ => self.mistyped(scale.noun, hint.clone()),
        };
        let (number, text) = number?;
        if !range.contains(&number) {
            self.fail(format!("`{text}` is out of range"), hint);
            return None;
        }
        Some(number)
    }

    /// The elements of an array; `hint` says how to write one.
    pub(in crate::config) fn items(&self, hint: &str) -> Option<Vec<Self>> {
        let Some(array) = self.value.as_array() else { return self.mistyped("an array", hint) };
        let place = |(index, item): (usize, &'a Spanned<DeValue<'a>>)| Self {
            source: self.source,
            key: format!("{}[{index}]", self.key),
            at: Some(item.span().start),
            value: item.get_ref(),
        };
        Some(array.iter().enumerate().map(place).collect())
    }

    /// What `read` makes of this value, or of each if it is a list.
    pub(in crate::config) fn one_or_more<T>(&self, read: impl Fn(&Self) -> Option<T>) -> Option<Vec<T>> {
        if self.value.as_array().is_none() {
            return read(self).map(|one| vec![one]);
        }
        let items = self.items("")?;
        if items.is_empty() {
            self.fail("is an empty list", "write a value, or leave the key out");
            return None;
        }
        // All are read, so that each fault is found.
        let read: Vec<Option<T>> = items.iter().map(read).collect();
        read.into_iter().collect()
    }

    /// The entries of a table in the order of the file; `hint` says how to write one.
    pub(in crate::config) fn entries(&self, hint: &str) -> Option<Vec<(&'a str, Self)>> {
        let Some(table) = self.value.as_table() else { return self.mistyped("a table", hint) };
        let mut entries: Vec<_> = table.iter().map(|(key, value)| self.entry(key, value)).collect();
        entries.sort_by_key(|(_, value)| value.at);
        Some(entries)
    }

    /// An entry of this table. Its place is that of the key: the value of a section may be spread over the file.
    pub(super) fn entry(
        &self,
        key: &'a Spanned<DeString<'a>>,
        value: &'a Spanned<DeValue<'a>>,
    ) -> (&'a str, Self) {
        let name: &'a str = key.get_ref();
        let path = join(&self.key, name);
        (name, Self { source: self.source, key: path, at: Some(key.span().start), value: value.get_ref() })
    }

    /// The place of a key that isn't in this table.
    pub(super) fn missing(&self, key: &str) -> Self {
        Self { key: join(&self.key, key), ..self.clone() }
    }

    /// The same place as one table, if it is one; `hint` says how to write it.
    pub(super) fn table(&self, hint: &str) -> Option<&'a DeTable<'a>> {
        self.value.as_table().or_else(|| self.mistyped("a table", hint))
    }
}

/// The dotted key of an entry, quoted as in TOML where that is needed.
fn join(section: &str, key: &str) -> String {
    let bare =
        !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    let key = if bare { key.to_owned() } else { format!("{:?}", excerpt(key)) };
    if section.is_empty() { key } else { format!("{section}.{key}") }
}
