//! The `policy` of a pool.

use pointsman_policy::{OnFault, ProbationSettings};

use super::*;

/// The policy of a pool with these lines.
fn policy(lines: &str) -> PolicyConfig {
    good(&format!("{POOL}{lines}\n{LISTENER}")).pools.remove(0).policy
}

fn named(name: &str) -> PolicySource {
    PolicySource::Named(name.to_owned())
}

#[test]
fn a_policy_has_the_documented_defaults() {
    for (lines, name, line) in
        [("", "round-robin", 1), ("policy = 'x'", "x", 3), ("\n[pool.a.policy]\nname = 'x'", "x", 4)]
    {
        let policy = policy(lines);
        assert_eq!(policy.source, named(name));
        assert_eq!(&*policy.settings.config, "{}");
        assert_eq!(policy.settings.deadline, Duration::from_millis(5));
        assert_eq!(policy.settings.memory, 16 << 20);
        assert_eq!((policy.settings.table, policy.settings.log_lines), (10_000, 10));
        assert_eq!((policy.settings.tick_percent, policy.settings.cpu_percent), (5, 50));
        assert_eq!(policy.settings.on_fault, OnFault::Fallback);
        let probation = ProbationSettings { picks: 10_000, time: Duration::from_secs(60), faults: 5 };
        assert_eq!(policy.settings.probation, probation);
        assert_eq!(policy.line, line);
    }
}

#[test]
fn what_is_written_is_taken() {
    let policy = policy("policy = { file = '/x/y.wasm', deadline = '1s', memory = '100KB' }");
    assert_eq!(policy.source, PolicySource::File("/x/y.wasm".into()));
    assert_eq!(policy.settings.deadline, Duration::from_secs(1));
    assert_eq!(policy.settings.memory, 100_000);

    let policy = self::policy(
        "policy = { name = 'x', table = 0, log_lines = 0, on_fault = 'reject', \
         probation = { picks = 0, time = '1s', faults = 0 } }",
    );
    assert_eq!((policy.settings.table, policy.settings.log_lines), (0, 0));
    assert_eq!(policy.settings.on_fault, OnFault::Reject);
    assert_eq!(
        policy.settings.probation,
        ProbationSettings { picks: 0, time: Duration::from_secs(1), faults: 0 }
    );
    let policy = self::policy("policy = { name = 'x', probation = { faults = 1 } }");
    assert_eq!(policy.settings.probation, ProbationSettings { faults: 1, ..ProbationSettings::default() });
}

#[test]
fn the_configuration_of_a_policy_becomes_json() {
    let cases = [
        ("{}", "{}"),
        ("{ tau = '10s' }", r#"{"tau":"10s"}"#),
        ("{ a = 1, c = 1.5, d = true, e = [1, 'x', []] }", r#"{"a":1,"c":1.5,"d":true,"e":[1,"x",[]]}"#),
        (
            "{ max = 18446744073709551615, min = -9223372036854775808 }",
            r#"{"max":18446744073709551615,"min":-9223372036854775808}"#,
        ),
        (
            "{ hex = 0xff, under = 1_000, plus = +7, float = 1e3 }",
            r#"{"float":1000.0,"hex":255,"plus":7,"under":1000}"#,
        ),
        (
            "{ day = 1979-05-27, at = 1979-05-27T07:32:00Z }",
            r#"{"at":"1979-05-27T07:32:00Z","day":"1979-05-27"}"#,
        ),
        (r#"{ deep.er."k e\ty" = "a\"b\n" }"#, r#"{"deep":{"er":{"k e\ty":"a\"b\n"}}}"#),
    ];
    for (toml, json) in cases {
        let config = policy(&format!("policy = {{ name = 'x', config = {toml} }}")).settings.config;
        // The order of the keys is up to serde_json.
        let value = |json| serde_json::from_str::<serde_json::Value>(json).unwrap();
        assert_eq!(value(&config), value(json), "{toml}");
    }
}

#[test]
fn the_configuration_of_a_policy_is_not_endlessly_deep() {
    let nested = |depth: usize| {
        let value = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        format!("{POOL}policy = {{ name = 'x', config = {{ x = {value} }} }}\n{LISTENER}")
    };
    good(&nested(32));
    let errors = parse(&nested(33)).unwrap_err().to_string();
    assert!(errors.contains(": is nested more than 32 deep; flatten the policy's configuration"), "{errors}");
}

#[test]
fn faults_of_a_policy() {
    check_all(
        &format!("{POOL}policy = {{}}\n{LISTENER}"),
        &[
            (
                "1",
                &[
                    r#"3: pool.a.policy: is an integer, not a policy; write `policy = "round-robin"` or `policy = { file = "mine.wasm" }`"#,
                ],
            ),
            ("''", &["3: pool.a.policy: is empty; write a text in the quotes, or leave the key out"]),
            (
                "'my/policy'",
                &[
                    r#"3: pool.a.policy: `my/policy` is no name of a policy; write `policy = { file = "my/policy" }` for a file"#,
                ],
            ),
            (
                "'mine.wasm'",
                &[
                    r#"3: pool.a.policy: `mine.wasm` is no name of a policy; write `policy = { file = "mine.wasm" }` for a file"#,
                ],
            ),
            (
                "'least conn'",
                &[
                    "3: pool.a.policy: `least conn` is no name of a policy; use 1 to 64 letters, digits, `-` and `_`",
                ],
            ),
            (
                "{}",
                &[
                    r#"3: pool.a.policy: has neither `name` nor `file`; add `name = "round-robin"` or `file = "mine.wasm"`"#,
                ],
            ),
            (
                "{ name = 'a', file = 'b.wasm' }",
                &["3: pool.a.policy.file: a policy has a name or a file, not both; remove `name` or `file`"],
            ),
            (
                "{ nam = 'a' }",
                &[
                    r#"3: pool.a.policy: has neither `name` nor `file`; add `name = "round-robin"` or `file = "mine.wasm"`"#,
                    "3: pool.a.policy.nam: unknown key `nam`; did you mean `name`?",
                ],
            ),
            (
                "{ file = 1 }",
                &[r#"3: pool.a.policy.file: is an integer, not a text; put it in quotes: `"1"`"#],
            ),
            (
                "{ name = 'a', deadline = 5 }",
                &[r#"3: pool.a.policy.deadline: `5` has no unit; write `"5ms"`"#],
            ),
            (
                "{ name = 'a', deadline = '2s' }",
                &[
                    r#"3: pool.a.policy.deadline: `2s` is out of range; write a duration from `"1ms"` to `"1s"`"#,
                ],
            ),
            (
                "{ name = 'a', deadline = 5000 }",
                &[
                    r#"3: pool.a.policy.deadline: `5000` has no unit; write a duration from `"1ms"` to `"1s"`"#,
                ],
            ),
            (
                "{ name = 'a', memory = '1KiB' }",
                &[
                    r#"3: pool.a.policy.memory: `1KiB` is out of range; write a size from `"64KiB"` to `"256MiB"`"#,
                ],
            ),
            (
                "{ name = 'a', memory = '1GiB' }",
                &[
                    r#"3: pool.a.policy.memory: `1GiB` is out of range; write a size from `"64KiB"` to `"256MiB"`"#,
                ],
            ),
            (
                "{ name = 'a', table = 1000001 }",
                &[
                    "3: pool.a.policy.table: `1000001` is out of range; write a whole number from 0 to 1000000",
                ],
            ),
            (
                "{ name = 'a', tick_percent = 0, cpu_percent = 101 }",
                &[
                    "3: pool.a.policy.tick_percent: `0` is out of range; write a whole number from 1 to 100",
                    "3: pool.a.policy.cpu_percent: `101` is out of range; write a whole number from 1 to 100",
                ],
            ),
            (
                "{ name = 'a', log_lines = -1 }",
                &["3: pool.a.policy.log_lines: `-1` is out of range; write a whole number from 0 to 1000"],
            ),
            (
                "{ name = 'a', on_fault = 'fail' }",
                &[
                    r#"3: pool.a.policy.on_fault: `fail` is no answer to a fault; write `"fallback"` or `"reject"`"#,
                ],
            ),
            (
                "{ name = 'a', probation = 60 }",
                &[
                    r#"3: pool.a.policy.probation: is an integer, not a table; write `probation = { picks = 10000, time = "60s", faults = 5 }`"#,
                ],
            ),
            (
                "{ name = 'a', probation = { time = '0s', fault = 5 } }",
                &[
                    r#"3: pool.a.policy.probation.time: `0s` is out of range; write a duration from `"1s"` to `"24h"`"#,
                    "3: pool.a.policy.probation.fault: unknown key `fault`; did you mean `faults`?",
                ],
            ),
            (
                "{ name = 'a', config = 'x' }",
                &[r#"3: pool.a.policy.config: is a text, not a table; write `config = { key = "value" }`"#],
            ),
            (
                "{ name = 'a', config = { x = nan } }",
                &[
                    "3: pool.a.policy.config.x: `nan` is no number in JSON, which is what policies get; write a finite number",
                ],
            ),
            (
                "{ name = 'a', config = { x = [1, inf], y = 99999999999999999999 } }",
                &[
                    "3: pool.a.policy.config.x[1]: `inf` is no number in JSON, which is what policies get; write a finite number",
                    "3: pool.a.policy.config.y: `99999999999999999999` doesn't fit into 64 bits; write it as a text in quotes",
                ],
            ),
        ],
    );
}
