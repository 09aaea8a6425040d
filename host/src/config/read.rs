//! Takes typed values out of the file's tables.
//!
//! A read that fails records why and gives `None` or the default, so that the reading goes on and finds the next
//! fault. Only [`Source::finish`] gives the result out, and not if anything was recorded.

mod source;
mod value;

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt::Display;
use std::hash::Hash;
use std::ops::RangeInclusive;
use std::time::Duration;

use toml::de::DeTable;

use super::units::{DURATION, SIZE, milliseconds};
pub(super) use source::{Source, excerpt, text};
pub(super) use value::Value;

/// Range of every timeout: none is off, none is endless.
pub(super) const TIMEOUT: RangeInclusive<Duration> = Duration::from_millis(1)..=Duration::from_hours(24);

/// Range of the size of a message head: below 8 KiB hyper has no room to read into.
pub(super) const HEAD_BYTES: RangeInclusive<u64> = 8 << 10..=1 << 20;

/// Range of a limit of request bodies; 0 = any.
pub(super) const BODY: RangeInclusive<u64> = 0..=1 << 50;

/// Keys that end up in a section if they are written below its header.
const TOP_LEVEL: [&str; 6] = ["workers", "watch", "policy_dir", "state_dir", "drain_delay", "drain_timeout"];

/// A table with fixed keys.
#[derive(Debug)]
pub(super) struct Section<'a> {
    place: Value<'a>,
    table: &'a DeTable<'a>,
    /// What the reader has asked for, which are the keys that may be there.
    known: Vec<&'static str>,
}

impl<'a> Section<'a> {
    /// Reads `value` as a table; `hint` says how to write it. Every key that `read` hasn't asked for is a fault, so
    /// `read` asks for all of them before it gives up for want of one.
    pub(super) fn read<T>(
        value: &Value<'a>,
        hint: &str,
        read: impl FnOnce(&mut Self) -> Option<T>,
    ) -> Option<T> {
        let mut section = Self { place: value.clone(), table: value.table(hint)?, known: Vec::new() };
        let result = read(&mut section);
        section.refuse_unknown_keys();
        result
    }

    pub(super) fn get(&mut self, key: &'static str) -> Option<Value<'a>> {
        if !self.known.contains(&key) {
            self.known.push(key);
        }
        let (key, value) = self.table.get_key_value(key)?;
        Some(self.place.entry(key, value).1)
    }

    /// The value of a key that must be there; `example` is a line that would do.
    pub(super) fn required(&mut self, key: &'static str, example: &str) -> Option<Value<'a>> {
        let value = self.get(key);
        if value.is_none() {
            self.fail(key, "is missing", format!("write `{example}`"));
        }
        value
    }

    /// Records a fault of a key that may not be there.
    pub(super) fn fail(&self, key: &str, message: impl Into<String>, hint: impl Into<String>) {
        self.get_place(key).fail(message, hint);
    }

    fn get_place(&self, key: &str) -> Value<'a> {
        match self.table.get_key_value(key) {
            Some((key, value)) => self.place.entry(key, value).1,
            None => self.place.missing(key),
        }
    }

    pub(super) fn boolean(&mut self, key: &'static str, default: bool) -> bool {
        self.get(key).and_then(|value| value.boolean()).unwrap_or(default)
    }

    pub(super) fn integer<T>(&mut self, key: &'static str, default: T, range: RangeInclusive<T>) -> T
    where
        T: TryFrom<u64> + PartialOrd + Display,
    {
        self.get(key).and_then(|value| value.integer(range)).unwrap_or(default)
    }

    /// A number that may be left out for good.
    pub(super) fn optional_integer(&mut self, key: &'static str, range: RangeInclusive<u64>) -> Option<u64> {
        self.get(key).and_then(|value| value.integer(range))
    }

    pub(super) fn duration(
        &mut self,
        key: &'static str,
        default: Duration,
        range: RangeInclusive<Duration>,
    ) -> Duration {
        self.optional_duration(key, range).unwrap_or(default)
    }

    /// A duration that may be left out for good.
    pub(super) fn optional_duration(
        &mut self,
        key: &'static str,
        range: RangeInclusive<Duration>,
    ) -> Option<Duration> {
        let range = milliseconds(*range.start())..=milliseconds(*range.end());
        self.get(key).and_then(|value| value.quantity(&DURATION, range)).map(Duration::from_millis)
    }

    /// A size in bytes.
    pub(super) fn size(&mut self, key: &'static str, default: u64, range: RangeInclusive<u64>) -> u64 {
        self.optional_size(key, range).unwrap_or(default)
    }

    /// A size in bytes that may be left out for good.
    pub(super) fn optional_size(&mut self, key: &'static str, range: RangeInclusive<u64>) -> Option<u64> {
        self.get(key).and_then(|value| value.quantity(&SIZE, range))
    }

    /// A size in bytes of something in memory.
    pub(super) fn bytes(&mut self, key: &'static str, default: usize, range: RangeInclusive<u64>) -> usize {
        usize::try_from(self.size(key, default as u64, range)).unwrap_or(usize::MAX)
    }

    fn refuse_unknown_keys(&self) {
        for (key, value) in self.table {
            let (key, value) = self.place.entry(key, value);
            if self.known.contains(&key) {
                continue;
            }
            let hint = match closest(key, self.known.iter().copied()) {
                Some(known) => format!("did you mean `{known}`?"),
                None if TOP_LEVEL.contains(&key) => {
                    "move it to the top of the file, above the first section".into()
                }
                None => format!("the keys here are {}", list(self.known.iter().copied())),
            };
            value.fail(format!("unknown key `{}`", excerpt(key)), hint);
        }
    }
}

/// Things that may be in the file once only.
#[derive(Debug)]
pub(super) struct Unique<'a, K>(HashMap<K, Value<'a>>);

impl<'a, K: Eq + Hash + Display> Unique<'a, K> {
    pub(super) fn new() -> Self {
        Self(HashMap::new())
    }

    /// Whether `thing` is there for the first time; if not, that is recorded as a fault.
    pub(super) fn add(&mut self, thing: K, value: &Value<'a>, hint: &str) -> bool {
        match self.0.entry(thing) {
            Entry::Vacant(free) => {
                free.insert(value.clone());
                true
            }
            Entry::Occupied(first) => {
                value.fail(format!("`{}` is taken by {}", first.key(), first.get().place()), hint);
                false
            }
        }
    }
}

/// One of several words.
pub(super) fn choice<T: Clone>(
    section: &mut Section<'_>,
    key: &'static str,
    default: T,
    choices: &[(&str, T)],
) -> Option<T> {
    section.get(key).map_or(Some(default), |value| choice_of(&value, choices))
}

/// What one of several words stands for.
pub(super) fn choice_of<T: Clone>(value: &Value<'_>, choices: &[(&str, T)]) -> Option<T> {
    let text = value.string()?;
    let chosen = choices.iter().find(|(name, _)| *name == text).map(|(_, choice)| choice.clone());
    if chosen.is_none() {
        let hint = format!("write one of {}", list(choices.iter().map(|(name, _)| *name)));
        value.fail(format!("`{}` is none of the choices", excerpt(text)), hint);
    }
    chosen
}

/// Names for an error message.
pub(super) fn list<'a>(names: impl Iterator<Item = &'a str>) -> String {
    names.map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// The name that was most likely meant, if one is near.
pub(super) fn closest<'a>(typed: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let most = (typed.chars().count() / 3).clamp(1, 3);
    // No name is longer than this, and comparing costs the product of the lengths.
    let near = names.filter(|name| name.len().max(typed.len()) <= 128);
    near.map(|name| (distance(typed, name), name))
        .filter(|(distance, _)| *distance <= most)
        .min()
        .map(|(_, name)| name)
}

/// Letters to insert, delete, replace or swap with their neighbour to get from one text to the other.
fn distance(from: &str, to: &str) -> usize {
    let (from, to): (Vec<_>, Vec<_>) = (from.chars().collect(), to.chars().collect());
    let mut rows: Vec<Vec<usize>> = vec![(0..=to.len()).collect()];
    for i in 1..=from.len() {
        let mut row = vec![i];
        for j in 1..=to.len() {
            let replaced = rows[i - 1][j - 1] + usize::from(from[i - 1] != to[j - 1]);
            let swapped = i > 1 && j > 1 && from[i - 1] == to[j - 2] && from[i - 2] == to[j - 1];
            let swapped = if swapped { rows[i - 2][j - 2] + 1 } else { replaced };
            row.push(replaced.min(swapped).min(rows[i - 1][j] + 1).min(row[j - 1] + 1));
        }
        rows.push(row);
    }
    rows[from.len()][to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_was_meant() {
        let keys = ["address", "trusted_proxies", "host", "path", "pool", "weight"];
        let cases = [
            ("adress", Some("address")),
            ("addres", Some("address")),
            ("trusted_proxy", Some("trusted_proxies")),
            ("wieght", Some("weight")),
            ("hst", Some("host")),
            ("pools", Some("pool")),
            ("Host", Some("host")),
            ("pol", Some("pool")),
            ("opol", Some("pool")),
            ("", None),
            ("timeout", None),
            ("po", None),
        ];
        for (typed, meant) in cases {
            assert_eq!(closest(typed, keys.into_iter()), meant, "{typed}");
        }
        for (from, to, expected) in
            [("kitten", "sitting", 3), ("", "äö", 2), ("abcd", "bacd", 1), ("a", "a", 0)]
        {
            assert_eq!(distance(from, to), expected, "{from} to {to}");
            assert_eq!(distance(to, from), expected, "{to} to {from}");
        }
    }
}
