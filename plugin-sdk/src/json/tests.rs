//! What is read is what `serde_json` reads.

use super::error::Error;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;

fn from_str<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, Error> {
    super::from_slice(text.as_bytes())
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Everything {
    flag: bool,
    small: u8,
    negative: i16,
    large: u64,
    wide: i128,
    share: f64,
    text: String,
    letter: char,
    maybe: Option<u32>,
    list: Vec<u32>,
    pair: (u8, String),
    by_number: BTreeMap<u16, Kind>,
    by_flag: BTreeMap<bool, ()>,
    kind: Kind,
    #[serde(default)]
    anything: Value,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
enum Kind {
    Plain,
    With(u8),
    Two(u8, u8),
    Named { weight: u32 },
}

fn everything() -> Value {
    json!({
        "flag": true, "small": 255, "negative": -300, "large": u64::MAX, "wide": -5, "share": 0.25, "text": "a\"\\\n\u{1}é😀",
        "letter": "é", "maybe": null, "list": [1, 2, 3], "pair": [7, "x"],
        "by_number": { "1": "plain", "2": { "with": 3 }, "3": { "two": [1, 2] }, "4": { "named": { "weight": 5 } } },
        "by_flag": { "true": null }, "kind": "plain", "anything": { "a": [null, 1e3, -1.5, {}, []] }
    })
}

#[test]
fn every_kind_of_type_is_read() {
    let text = everything().to_string();
    let expected: Everything = serde_json::from_str(&text).expect("it is as its type says");
    assert_eq!(from_str(&text), Ok(expected));
    let spaced = serde_json::to_string_pretty(&everything()).expect("a value");
    assert!(from_str::<Everything>(&spaced).is_ok());
}

#[test]
fn errors_say_what_was_found_and_under_which_key() {
    let cases = [
        ("flag", json!(1), "invalid type: integer `1`, expected a boolean"),
        ("small", json!(256), "invalid value: integer `256`, expected u8"),
        ("small", json!(-1), "invalid value: integer `-1`, expected u8"),
        ("small", json!(1.5), "invalid type: floating point `1.5`, expected u8"),
        ("small", json!("a\"é"), "invalid type: string \"a\"é\", expected u8"),
        ("small", json!(null), "invalid type: null, expected u8"),
        ("share", json!("x"), "invalid type: string \"x\", expected f64"),
        ("text", json!(["x"]), "invalid type: sequence, expected a string"),
        ("text", json!({}), "invalid type: map, expected a string"),
        ("letter", json!("ab"), "invalid value: string \"ab\", expected a character"),
        ("list", json!(true), "invalid type: boolean `true`, expected a sequence"),
        ("kind", json!("odd"), "unknown variant `odd`, expected one of `plain`, `with`, `two`, `named`"),
        ("kind", json!({ "named": { "wait": 1 } }), "unknown field `wait`, expected `weight`"),
    ];
    for (key, value, expected) in cases {
        let mut table = everything();
        table[key] = value.clone();
        let error = from_str::<Everything>(&table.to_string()).expect_err(key);
        assert_eq!((error.path.as_str(), error.text.as_str()), (key, expected), "{key} = {value}");
    }
    let error =
        from_str::<Everything>(r#"{"by_number": {"1": {"named": {"weight": "x"}}}}"#).expect_err("a text");
    assert_eq!(error.path, "by_number.1.weight");
}

#[test]
fn what_is_no_json_is_refused() {
    let nested = "[".repeat(100) + &"]".repeat(100);
    for text in [
        "",
        " ",
        "{",
        "}",
        "[1,]",
        "[,1]",
        "[1 2]",
        "{\"a\" 1}",
        "{\"a\":1,}",
        "{a:1}",
        "01",
        "-",
        "-01",
        "1.",
        "1e",
        ".5",
        "+1",
        "\"",
        "\"\\x\"",
        "\"\\ud800\"",
        "\"\\ud800\\u0041\"",
        "\"\n\"",
        "nul",
        "tru",
        "1e999",
        "1 2",
        &nested,
    ] {
        assert!(from_str::<Value>(text).is_err(), "{text:?}");
        let table = format!("{{\"unknown\": {text}}}");
        assert!(from_str::<Skipping>(&table).is_err() || text == "1e999", "{table}");
    }
}

#[test]
fn bytes_that_are_no_text_are_refused() {
    assert!(super::from_slice::<Value>(b"\"\xff\"").is_err());
    assert!(super::from_slice::<Value>(b"\xff").is_err());
}

/// Keys that nobody has asked for are skipped.
#[derive(Debug, PartialEq, Deserialize)]
struct Skipping {}

/// A stream of random numbers (SplitMix64).
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((bits ^ (bits >> 31)) >> 33) as usize % bound
    }

    fn text(&mut self) -> String {
        let chars = ['a', 'é', '"', '\\', '\n', '\u{1}', '😀', '/', '1', ' '];
        (0..self.below(6)).map(|_| chars[self.below(chars.len())]).collect()
    }

    fn value(&mut self, depth: usize) -> Value {
        match self.below(if depth > 4 { 6 } else { 8 }) {
            0 => Value::Null,
            1 => json!(self.below(2) == 0),
            2 => json!(self.below(1 << 30) as u64 * self.below(1 << 30) as u64 * 15),
            3 => json!(-(self.below(1 << 30) as i64) * (1 << self.below(33)) - 1),
            4 => json!(self.below(1 << 30) as f64 / 1024.0 * 10_f64.powi(self.below(40) as i32 - 20)),
            5 => Value::String(self.text()),
            6 => (0..self.below(5)).map(|_| self.value(depth + 1)).collect(),
            _ => Value::Object((0..self.below(5)).map(|_| (self.text(), self.value(depth + 1))).collect()),
        }
    }
}

/// Whether two values are the same, but for the last bit of fractions, which `serde_json` doesn't always get right.
fn are_close(ours: Option<&Value>, theirs: Option<&Value>) -> bool {
    match (ours, theirs) {
        (Some(Value::Array(ours)), Some(Value::Array(theirs))) => {
            ours.len() == theirs.len()
                && ours.iter().zip(theirs).all(|(ours, theirs)| are_close(Some(ours), Some(theirs)))
        }
        (Some(Value::Object(ours)), Some(Value::Object(theirs))) => {
            let keys = ours.keys().eq(theirs.keys());
            keys && ours.iter().all(|(key, value)| are_close(Some(value), theirs.get(key)))
        }
        (Some(Value::Number(ours)), Some(Value::Number(theirs))) if ours.is_f64() && theirs.is_f64() => {
            let (ours, theirs) = (ours.as_f64().unwrap_or(0.0), theirs.as_f64().unwrap_or(1.0));
            (ours - theirs).abs() <= theirs.abs() * 1e-15
        }
        (ours, theirs) => ours == theirs,
    }
}

/// Any value is read as `serde_json` reads it, and any text that one of both takes, broken here and there, means the same to the other.
#[test]
fn values_and_broken_texts_are_read_as_serde_json_reads_them() {
    let mut accepted = 0;
    for seed in 0..20_000 {
        let mut random = Random(seed);
        let value = random.value(0);
        let text = value.to_string();
        assert_eq!(from_str::<Value>(&text).ok(), Some(value), "seed {seed}: {text}");
        assert!(from_str::<serde::de::IgnoredAny>(&text).is_ok(), "seed {seed}: {text}");

        let mut chars: Vec<char> = text.chars().collect();
        let place = random.below(chars.len());
        let pieces = ['"', '\\', '{', '}', '[', ']', ',', ':', '0', '7', '.', 'e', '-', 'u', ' ', 'n'];
        match random.below(3) {
            0 => drop(chars.remove(place)),
            1 => chars[place] = pieces[random.below(pieces.len())],
            _ => chars.insert(place, pieces[random.below(pieces.len())]),
        }
        let broken: String = chars.into_iter().collect();
        let (ours, theirs) = (from_str::<Value>(&broken), serde_json::from_str::<Value>(&broken));
        // There is no negative zero among whole numbers here.
        if !broken.contains("-0") {
            assert!(are_close(ours.as_ref().ok(), theirs.as_ref().ok()), "seed {seed}: {broken}: {ours:?}");
        }
        accepted += usize::from(serde_json::from_str::<Value>(&broken).is_ok());
    }
    assert!(accepted > 2_000, "{accepted} of the broken texts were still JSON");
}
