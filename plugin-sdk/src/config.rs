//! From the pool's configuration table to a policy's own type.

use crate::Error;
use crate::buffers::{self, NoText, TEXT_LIMIT};
use crate::json;
use crate::link::host;
use serde::de::value::UnitDeserializer;
use serde::de::{self, DeserializeOwned};
use std::any::TypeId;
use std::fmt;

/// Reads the pool's policy configuration as a `C`.
pub(crate) fn read<C: DeserializeOwned + 'static>() -> Result<C, Error> {
    // The compiler knows the answer, so that a policy without configuration carries no JSON reader.
    if TypeId::of::<C>() == TypeId::of::<()>() { nothing() } else { parse() }
}

/// A `C` that is `()`, if the table is empty.
fn nothing<C: DeserializeOwned>() -> Result<C, Error> {
    // As text an empty table is two bytes. There is room for some white space, but none for anything else.
    let mut json = [0; 8];
    let len = usize::try_from(host().config(&mut json)).unwrap_or(0);
    let blank = |byte: &u8| byte.is_ascii_whitespace() || b"{}".contains(byte);
    let is_empty = json.get(..len).is_some_and(|text| text.iter().all(blank));
    match C::deserialize(UnitDeserializer::<Refused>::new()) {
        Ok(nothing) if is_empty => Ok(nothing),
        _ => Err("this policy takes no configuration: remove the pool's policy.config table".into()),
    }
}

fn parse<C: DeserializeOwned>() -> Result<C, Error> {
    let json = match buffers::bytes(&|buf| host().config(buf)) {
        Ok(json) => json,
        Err(NoText::Absent) => b"{}".to_vec(),
        Err(NoText::TooLong) => {
            const { assert!(TEXT_LIMIT == 64 << 10, "the text says so") };
            return Err("policy.config: longer than 64 KiB as JSON".into());
        }
    };
    // The operator wrote TOML; a place in the JSON made from it would only mislead. The key doesn't.
    json::from_slice(&json).map_err(told)
}

#[cold]
#[inline(never)]
fn told(error: json::Error) -> Error {
    let dot = if error.path.is_empty() { "" } else { "." };
    Error::new(buffers::joined(&["policy.config", dot, &error.path, ": ", &error.text]))
}

/// The error of a deserializer that has nothing to say; keeps formatting code out of small plugins.
#[derive(Debug)]
struct Refused;

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("refused")
    }
}

impl std::error::Error for Refused {}

impl de::Error for Refused {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::TestHost;
    use serde::Deserialize;
    use serde_json::json;

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Percent {
        percent: u8,
    }

    fn check<C: DeserializeOwned + 'static>(config: serde_json::Value) -> Result<C, String> {
        TestHost::new().config(config).run(|_| read()).map_err(|error| error.to_string())
    }

    #[test]
    fn a_table_becomes_the_policys_type() {
        assert_eq!(check(json!({ "percent": 7 })), Ok(Percent { percent: 7 }));
    }

    #[test]
    fn errors_name_the_key_and_no_place_in_the_json() {
        let cases = [
            (json!({}), "policy.config: missing field `percent`"),
            (json!({ "percent": 300 }), "policy.config.percent: invalid value: integer `300`, expected u8"),
            (json!({ "percentage": 7 }), "policy.config: unknown field `percentage`, expected `percent`"),
        ];
        for (config, expected) in cases {
            assert_eq!(check::<Percent>(config), Err(expected.to_owned()));
        }
    }

    #[test]
    fn a_policy_without_configuration_takes_an_empty_table_only() {
        assert_eq!(check(json!({})), Ok(()));
        let refusal = "this policy takes no configuration: remove the pool's policy.config table";
        for config in
            [json!({ "a": 7 }), json!({ "percent": 7, "text": "x".repeat(100) }), json!([]), json!(7)]
        {
            assert_eq!(check::<()>(config), Err(refusal.to_owned()));
        }
    }

    #[test]
    fn a_table_beyond_the_limit_is_named_as_such() {
        let config = json!({ "text": "x".repeat(TEXT_LIMIT) });
        assert_eq!(check::<Percent>(config), Err("policy.config: longer than 64 KiB as JSON".to_owned()));
    }
}
