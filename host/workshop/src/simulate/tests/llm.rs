//! Servers of language models, against what is known of them.

use super::*;

/// Servers of this kind, with these prompts.
fn served(backends: &str, load: &str) -> RunResult {
    let text = format!(
        "run = {{ duration = \"2h\", seeds = 1 }}\n[[policy]]\nbundled = \"round-robin\"\n[[backends]]\n{backends}\n[load]\n{load}"
    );
    results(&text)[0].runs[0].clone()
}

#[test]
fn one_place_is_a_queue_of_reading_and_writing() {
    // M/G/1: 200 ms for 2,000 tokens, and an exponential answer of 100 ms in the mean, at 80 %.
    let run = served(
        "model = { llm = { prefill = \"100ms\", decode = \"1ms\", blocks = 0 } }",
        "rate = 2.666667\nprompt = { own = 2000, output = 100 }",
    );
    let (read, write, rate) = (0.2, 0.1, 2.666_667);
    let squares = read * read + 2.0 * read * write + 2.0 * write * write;
    let expected = read + write + rate * squares / (2.0 * (1.0 - 0.8));
    assert!((run.mean / 1e6 / expected - 1.0).abs() < 0.05, "{} s, expected {expected}", run.mean / 1e6);
    let llm = run.backends.llm.unwrap();
    assert!(
        (llm.mean / 1e6 / (expected - write) - 1.0).abs() < 0.05,
        "{} s to the first token",
        llm.mean / 1e6
    );
    assert_eq!(llm.kept, 0.0);
}

#[test]
fn with_places_enough_answers_do_not_wait_and_prompts_are_kept() {
    let run = served(
        "servers = 1000\nmodel = { llm = { prefill = \"100ms\", decode = \"1ms\", beside = \"0s\", blocks = 1000000 } }",
        "rate = 10\nprompt = { shared = 1536, own = 512, output = 100 }\nkeys = { count = 50 }",
    );
    // A quarter of the prompts is their own: 51.2 ms, for which others may wait (M/D/1), and 100 for the answer.
    let (read, rate) = (0.0512, 10.0);
    let expected = read + rate * read * read / (2.0 * (1.0 - rate * read)) + 0.1;
    assert!((run.mean / 1e6 / expected - 1.0).abs() < 0.02, "{} s, expected {expected}", run.mean / 1e6);
    assert!((run.backends.llm.unwrap().kept - 0.75).abs() < 1e-3);
}

#[test]
fn prompts_that_begin_alike_are_kept_where_they_stay_together() {
    let text = r#"
run = { duration = "10m", seeds = 2 }
[[policy]]
bundled = "round-robin"
[[policy]]
bundled = "ring-hash"
config = { key = "header:x-user" }
[[backends]]
count = 4
servers = 32
model = { llm = { blocks = 300 } }
[load]
rate = 8
prompt = { shared = 2048, own = 256, output = 100 }
keys = { count = 200, header = "x-user" }
"#;
    let results = results(text);
    let kept = |place: usize| results[place].runs[0].backends.llm.as_ref().unwrap().kept;
    // In turn, each of them has 800 blocks of 200 keys to keep, and room for 300 with those that come once; by key it has about 200.
    assert!(kept(0) < 0.35 && kept(1) > 0.65, "{} and {}", kept(0), kept(1));
    assert!(mean(&results[1]) < mean(&results[0]));
    let digests: Vec<String> =
        results.iter().map(|result| format!("{:016x}", result.runs[0].digest)).collect();
    assert_eq!(digests, ["6faf0b675bc0fa4f", "bd71c1e254d7f036"]);
}

#[test]
fn a_trace_comes_again() {
    let line = |number: u64| {
        format!(
            "{{\"timestamp\": {}, \"input_length\": 1024, \"output_length\": 10, \"hash_ids\": [{}, {}]}}\n",
            500 * number,
            number % 4,
            1_000 + number
        )
    };
    let trace: String = (0..1_000).map(line).collect();
    let text = r#"
run = { duration = "1h", warmup = "0s", seeds = 1 }
[[policy]]
bundled = "ring-hash"
config = { key = "header:x-prefix" }
[[backends]]
count = 4
servers = 8
model = { llm = { prefill = "100ms", decode = "1ms" } }
[load]
replay = { file = "trace.jsonl" }
"#;
    let (spec, policies) =
        spec::parse(text, Path::new("spec.toml"), Vec::new(), &|_, _| Ok(trace.clone().into_bytes()))
            .unwrap();
    let run = simulate(&spec, &policies, &mut |_| true).unwrap().remove(0).runs.remove(0);
    assert_eq!(run.counts.requests, 1_000);
    // But for the first of each, half of every prompt is kept: 51.2 ms for the rest, and 10 ms for the answer.
    let llm = run.backends.llm.unwrap();
    assert!((llm.kept - 0.5 * 996.0 / 1_000.0).abs() < 1e-9, "{}", llm.kept);
    assert!((run.mean - 61_405.0).abs() < 10.0, "{} µs", run.mean);
}

#[test]
fn who_was_not_served_waited_for_the_first_token_to_the_end() {
    // A prompt of 1 s every 250 ms, for 100 s: the run is over after 200, when half of them have been read.
    let run = results(
        "run = { duration = \"100s\", warmup = \"0s\", seeds = 1, overload = true }\n[[policy]]\nbundled = \"round-robin\"\n[[backends]]\n\
         servers = 1000\nmodel = { llm = { prefill = \"100ms\", decode = \"1us\", beside = \"0s\" } }\n[load]\nrate = 4\narrivals = \"even\"\n\
         prompt = { own = 10000, output = 1 }",
    )
    .remove(0)
    .runs
    .remove(0);
    let llm = run.backends.llm.unwrap();
    assert_eq!(llm.first_tokens.len(), run.counts.requests);
    // The n-th of 200 waits for 1 + 0.75 n; the others to the end, for 200 s less when they came.
    let median = llm.first_tokens.value_at_quantile(0.5) as f64 / 1e6;
    assert!((110.0..115.0).contains(&median), "{median} s");
    assert!((llm.mean / 1e6 - 99.9).abs() < 1.0, "{} s", llm.mean / 1e6);
}

#[test]
fn where_nothing_was_served_there_is_no_time() {
    let text = "run = { duration = \"100s\", seeds = 1 }\n[[policy]]\nbundled = \"round-robin\"\n[[backends]]\nmodel = \"llm\"\n[load]\n\
                clients = 1\nthink = \"1s\"\nprompt = { }\n[[event]]\nat = \"0s\"\nstatus = 500\n";
    let (spec, policies) =
        spec::parse(text, Path::new("spec.toml"), Vec::new(), &|path, _| std::fs::read(path)).unwrap();
    let summary = Summary::of(&spec, &simulate(&spec, &policies, &mut |_| true).unwrap());
    let json = serde_json::to_value(&summary).unwrap();
    assert!(json["policies"][0]["time_us"].is_null(), "{json}");
    assert!(json["policies"][0]["llm"]["first_token_us"].is_null(), "{json}");
    assert!(!summary.table().contains("0.00 µs"), "{}", summary.table());
}
