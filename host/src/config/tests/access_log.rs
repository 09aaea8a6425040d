//! `[access_log]`.

use super::*;

fn section(keys: &str) -> String {
    format!("{LISTENER}{POOL}[access_log]\n{keys}")
}

#[test]
fn there_is_none_unless_it_is_written() {
    assert_eq!(good(&format!("{LISTENER}{POOL}")).access_log, None);
    let expected = AccessLogConfig {
        format: LineFormat::Json,
        output: LogOutput::Stdout,
        sample: 1.0,
        slow: Duration::from_secs(1),
        query: Detail::Keep,
        client: Detail::Keep,
        buffer: 4 << 20,
        line: 5,
    };
    assert_eq!(good(&section("")).access_log, Some(expected));
}

#[test]
fn what_is_written_of_it_is_taken() {
    let text = "format = 'text'\npath = 'access.log'\nsample = 0.25\nslow = '250ms'\nquery = 'mask'\nclient = 'drop'\n\
                buffer = '1MiB'";
    let expected = AccessLogConfig {
        format: LineFormat::Text,
        output: LogOutput::File("access.log".into()),
        sample: 0.25,
        slow: Duration::from_millis(250),
        query: Detail::Mask,
        client: Detail::Drop,
        buffer: 1 << 20,
        line: 7,
    };
    assert_eq!(good(&section(text)).access_log, Some(expected));
    for (text, sample) in [("0", 0.0), ("1", 1.0), ("1e-3", 0.001)] {
        assert_eq!(good(&section(&format!("sample = {text}"))).access_log.unwrap().sample, sample);
    }
    let output = |text| good(&section(text)).access_log.unwrap().output;
    assert_eq!(output("path = '-'"), LogOutput::Stdout);
    assert_eq!(output("path = '/dev/full'"), LogOutput::File("/dev/full".into()));
}

#[test]
fn faults_of_the_access_log() {
    const RANGE: &str = "write a number from 0 to 1, such as `0.1` for every tenth request";
    for text in ["1.5", "-0.1", "2", "-1", "inf", "nan"] {
        let fault = format!("6: access_log.sample: `{text}` is out of range; {RANGE}");
        check(&section(&format!("sample = {text}")), &[&fault]);
    }
    check(&section("sample = '50%'"), &[&format!("6: access_log.sample: is a text, not a number; {RANGE}")]);
    check_all(
        &section("{}"),
        &[
            (
                "format = 'xml'",
                &["6: access_log.format: `xml` is none of the choices; write one of `json`, `text`"],
            ),
            (
                "path = '/'",
                &[
                    "6: access_log.path: `/` is a folder; name a file in it, or write `\"-\"` for standard output",
                ],
            ),
            (
                "path = '/no/such/folder/access.log'",
                &[
                    "6: access_log.path: there is no folder `/no/such/folder`; create it, or name a file in another one",
                ],
            ),
            (
                "path = ''",
                &["6: access_log.path: is empty; write a text in the quotes, or leave the key out"],
            ),
            (
                "slow = '0s'",
                &["6: access_log.slow: `0s` is out of range; write a duration from `\"1ms\"` to `\"24h\"`"],
            ),
            (
                "query = 'hide'",
                &["6: access_log.query: `hide` is none of the choices; write one of `keep`, `mask`, `drop`"],
            ),
            (
                "client = true",
                &["6: access_log.client: is a boolean, not a text; put it in quotes: `\"true\"`"],
            ),
            (
                "buffer = '1KiB'",
                &[
                    "6: access_log.buffer: `1KiB` is out of range; write a size from `\"256KiB\"` to `\"1GiB\"`",
                ],
            ),
        ],
    );
}
