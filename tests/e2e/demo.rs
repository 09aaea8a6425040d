//! The demonstration shows what it says.

use harness::Proxy;

#[test]
fn the_demonstration_ends_well_and_prints_its_table() {
    let output = Proxy::run_to_end(&["demo", "--exit"], "");
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(0), "{told}\n{}", String::from_utf8_lossy(&output.stderr));
    let row = |label: &str| -> Vec<u64> {
        let line = told.lines().find_map(|line| line.trim_start().strip_prefix(label));
        let numbers = line.unwrap_or_else(|| panic!("no row {label:?}: {told}")).split_whitespace();
        numbers.filter_map(|word| word.parse().ok()).collect()
    };
    for policy in [
        "round-robin",
        "least-conn",
        "ip-hash",
        "round-robin (HTTP/2, TLS)",
        "before (round-robin)",
        "while it is swapped",
        "after (ip-hash)",
    ] {
        let [b1, b2, b3, failures] = row(policy)[..] else { panic!("{policy}: {told}") };
        assert_eq!(failures, 0, "{policy}: {told}");
        assert!(b1 + b2 + b3 > 0, "{policy}: {told}");
        if policy.contains("ip-hash") {
            assert_eq!([b1, b2, b3].iter().filter(|&&requests| requests > 0).count(), 1, "{told}");
        }
        if policy.contains("round-robin") {
            assert!(b1.abs_diff(b2) <= 2 && b2.abs_diff(b3) <= 2, "{told}");
        }
    }
    assert!(told.contains("no request failed"), "{told}");
    assert!(told.lines().any(|line| line.trim_start().starts_with("swapped ")), "{told}");
}
