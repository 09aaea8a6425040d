#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| pointsman_policy::fuzz::plugin_container(input));
