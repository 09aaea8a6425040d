#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| pointsman::fuzzing::run("grpc_health_answer", input));
