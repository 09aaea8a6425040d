//! `[tracing]`.

use super::*;

#[test]
fn where_traces_go_and_how_many() {
    let tracing = |lines: &str| good(&format!("[tracing]\n{lines}\n{LISTENER}{POOL}")).tracing.unwrap();
    assert_eq!(good(&format!("{LISTENER}{POOL}")).tracing, None);
    assert_eq!(tracing(""), TracingConfig { endpoint: None, sample: 1.0 });
    for (written, sample) in [("0", 0.0), ("1", 1.0), ("0.25", 0.25), ("1e-3", 0.001)] {
        assert_eq!(tracing(&format!("sample = {written}")).sample, sample);
    }
    for (written, endpoint) in [
        ("http://127.0.0.1:4318", "http://127.0.0.1:4318/v1/traces"),
        ("http://c.example:4318/", "http://c.example:4318/v1/traces"),
        ("http://[::1]:4318/otlp", "http://[::1]:4318/otlp"),
    ] {
        assert_eq!(tracing(&format!("endpoint = '{written}'")).endpoint.as_deref(), Some(endpoint));
    }
}

#[test]
fn faults_of_tracing() {
    const NUMBER: &str = "write a number from 0 to 1, such as `0.01` for one in a hundred";
    let check = |line: &str, expected: &str| {
        let errors = parse(&format!("[tracing]\n{line}\n{LISTENER}{POOL}")).unwrap_err();
        assert_eq!(errors.to_string().lines().next(), Some(expected), "{line}");
    };
    for bad in ["1.1", "-0.1", "2", "nan", "inf"] {
        check(&format!("sample = {bad}"), &format!("f.toml:2: tracing.sample: is not from 0 to 1; {NUMBER}"));
    }
    check("sample = '1%'", &format!("f.toml:2: tracing.sample: is a text, not a number; {NUMBER}"));
    for bad in ["collector", "127.0.0.1:4318", "grpc://c:4317", "/v1/traces", "http://"] {
        let expected =
            format!("f.toml:2: tracing.endpoint: `{bad}` is no URL; write `\"http://127.0.0.1:4318\"`");
        check(&format!("endpoint = '{bad}'"), &expected);
    }
    check(
        "endpoint = 'https://c.example'",
        "f.toml:2: tracing.endpoint: traces are exported without TLS; name a collector on this machine or in this network, which may \
         speak TLS to others",
    );
}
