//! Plugins within every limit of size that a compiler would take minutes and gigabytes for.

use std::time::{Duration, Instant};

use harness::{Backend, Proxy, constant, guest};

/// How long others' swaps may take while these are installed; on a machine that is busy with other tests.
const PATIENCE: Duration = Duration::from_secs(8);

/// What the process may take meanwhile, bytes.
const MEMORY: u64 = 400 << 20;

/// 690 KiB: 12 functions of 59 KB, each with 9,000 nested loops over 8,000 locals.
fn loops_over_locals() -> Vec<u8> {
    let reads: String = (0..8_000).map(|local| format!("(drop (local.get {local}))")).collect();
    let function = format!(
        "(func (local {}) {} {reads} {})",
        "i32 ".repeat(8_000),
        "loop ".repeat(9_000),
        "end ".repeat(9_000)
    );
    guest(&function.repeat(12))
}

/// One function of 63 KB: 21,000 loops with nothing in them.
fn empty_loops() -> Vec<u8> {
    guest(&format!("(func {})", "(loop)".repeat(21_000)))
}

#[test]
fn a_compile_bomb_is_refused_at_once_and_delays_no_other_swap() {
    let directory = tempfile::tempdir().expect("a directory");
    let install = |name: &str, content: &[u8]| {
        let next = directory.path().join("next");
        std::fs::write(&next, content).expect("a plugin");
        std::fs::rename(next, directory.path().join(name)).expect("installed");
    };
    install("bad.wasm", &constant(0, 0));
    install("good.wasm", &constant(0, 0));
    let files = ["bad.wasm", "good.wasm"].map(|name| directory.path().join(name));
    let backends = ["0", "1"].map(Backend::named);
    let [a, b] = backends.each_ref().map(Backend::address);
    let list = format!("backends = [\"{a}\", \"{b}\"]");
    let config = format!(
        "[[listener]]\naddress = \"127.0.0.1:0\"\n[[route]]\npath = \"/good/\"\npool = \"good\"\n\
         [[route]]\npool = \"bad\"\n\
         [pool.bad]\npolicy = {{ file = \"{}\" }}\n{list}\n[pool.good]\npolicy = {{ file = \"{}\" }}\n{list}\n",
        files[0].display(),
        files[1].display()
    );
    let proxy = Proxy::start(&config);
    for (round, (bomb, reason)) in
        [(loops_over_locals(), "9000 loops up to 9000 deep"), (empty_loops(), "21000 loops up to 1 deep")]
            .into_iter()
            .enumerate()
    {
        assert!(bomb.len() < 1 << 20, "{}", bomb.len());
        let began = Instant::now();
        install("bad.wasm", &bomb);
        let refused = proxy.log.wait_for_many("policy-swap-refused", round + 1).remove(round);
        assert_eq!(refused.field("label"), Some("complexity"), "{refused}");
        for part in ["compiling the module's function", reason] {
            assert!(refused.message().contains(part), "why it was refused: {refused}");
        }
        install("good.wasm", &constant(1, round as u32));
        let swapped = proxy.log.wait_for_many("policy-swapped", round + 1);
        assert_eq!(swapped[round].field("pool"), Some("good"), "{}", swapped[round]);
        assert!(began.elapsed() < PATIENCE, "{:?}", began.elapsed());
        assert_eq!(proxy.client().get("/good/").text(), "1");
        assert_eq!(proxy.client().get("/").text(), "0");
        let resident = proxy.resident_memory();
        assert!(resident < MEMORY, "{resident} bytes");
    }
}
