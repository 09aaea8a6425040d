//! What is wrong with specs, and where.

use std::path::Path;

use super::*;
use crate::time_span::TimeSpan;

const WHOLE: &str = r#"title = "One slow backend"

[run]
duration = "60s"
proxies = 2
within = ["1s"]

[[policy]]
bundled = "round-robin"

[[policy]]
name = "tuned"
bundled = "peak-ewma"
config = { }

[[backends]]
name = "b"
count = 3
service = { normal = { mean = "167ms", deviation = "5ms" } }

[load]
rate = 15

[[event]]
at = "15s"
until = "45s"
backends = ["b1"]
service = { fixed = "2s" }
"#;

fn read(path: &Path, _: usize) -> std::io::Result<Vec<u8>> {
    std::fs::read(path)
}

fn error(text: &str) -> String {
    parse(text, Path::new("x.toml"), Vec::new(), &read).map(|_| ()).unwrap_err().to_string()
}

#[test]
fn a_whole_spec() {
    let (spec, loaded) = parse(WHOLE, Path::new("x.toml"), Vec::new(), &read).unwrap();
    let names: Vec<String> = spec.members().map(|(name, _)| name).collect();
    assert_eq!(names, ["b1", "b2", "b3"]);
    assert_eq!(spec.run.get_ref().warmup(), TimeSpan(12_000_000));
    let loaded: Vec<(&str, &str)> =
        loaded.iter().map(|policy| (policy.name.as_str(), policy.config.as_str())).collect();
    assert_eq!(loaded, [("round-robin", "{}"), ("tuned", "{}")]);
}

#[test]
fn each_fault_has_its_line_and_key() {
    for (from, to, expected) in [
        ("duration = \"60s\"", "duration = \"60\"", "x.toml:4: run.duration: \"60\" is no span of time"),
        ("duration = \"60s\"", "duration = \"-60s\"", "x.toml:4: run.duration: \"-60s\" is no span of time"),
        ("duration = \"60s\"", "duration = \"0s\"", "x.toml:4: run.duration: a run takes more than no time"),
        ("proxies = 2", "proxys = 2", "x.toml:5: unknown field `proxys`"),
        ("proxies = 2", "proxies = 0", "x.toml:5: run.proxies: 1 to 1,000"),
        ("proxies = 2", "warmup = \"60s\"", "x.toml:5: run.warmup: nothing is left to count"),
        (
            "bundled = \"round-robin\"",
            "bundled = \"round\"",
            "x.toml:9: policy.bundled: no policy \"round\" is bundled",
        ),
        ("bundled = \"round-robin\"", "", "x.toml:8: policy: a policy is either"),
        (
            "config = { }",
            "config_by_proxy = { proxy = \"number\" }",
            "x.toml:14: policy.config_by_proxy: unknown variant `number`, expected `index` or `count`",
        ),
        (
            "config = { }",
            "config = { proxy = 0 }\nconfig_by_proxy = { proxy = \"index\" }",
            "x.toml:15: policy.config_by_proxy: `config` says \"proxy\" as well",
        ),
        (
            "bundled = \"round-robin\"",
            "file = \"none.wasm\"",
            "x.toml:9: policy: cannot read the plugin none.wasm",
        ),
        (
            "bundled = \"round-robin\"",
            "name = \"tuned\"\nbundled = \"round-robin\"",
            "x.toml:13: policy.name: two policies",
        ),
        ("count = 3", "servers = 0", "x.toml:18: backends.servers: 1 to 10,000"),
        (
            "backends = [\"b1\"]",
            "backends = { zone = \"west\" }",
            "x.toml:27: event.backends: no backend is in a zone \"west\"",
        ),
        (
            "backends = [\"b1\"]",
            "backends = 3",
            "x.toml:27: event.backends: the names of backends, or a table",
        ),
        (
            "service = { fixed = \"2s\" }",
            "service = { empirical = [] }",
            "x.toml:28: event.service: a sample has at least one time",
        ),
        ("within = [\"1s\"]", "within = [\"1s\", \"0s\"]", "x.toml:6: run.within: no request takes no time"),
        ("count = 3", "zone = \"a\\u0000\"", "x.toml:18: backends.zone: a zone has no character"),
        (
            "count = 3",
            "labels = { gpu = \"\\u001b[1m\" }",
            "x.toml:18: backends.labels: labels have no character",
        ),
        ("count = 3", "model = \"lifo\"", "x.toml:18: backends.model: unknown variant `lifo`"),
        (
            "count = 3",
            "model = 3",
            "x.toml:18: backends.model: invalid type: integer `3`, expected \"fifo\", \"shared\", \"delay\" or \"llm\"",
        ),
        (
            "count = 3",
            "model = { llm = { prefil = \"1ms\" } }",
            "x.toml:18: backends.model: unknown field `prefil`",
        ),
        (
            "count = 3",
            "model = { llm = { decode = \"0s\" } }",
            "x.toml:18: backends.model: a `decode` of at least",
        ),
        (
            "count = 3",
            "model = \"llm\"",
            "x.toml:18: backends.model: a model server reads prompts, and no request has one",
        ),
        (
            "service = { normal = { mean = \"167ms\", deviation = \"5ms\" } }\n\n[load]",
            "model = \"llm\"\n[load]\nprompt = { shared = 512 }",
            "x.toml:21: load.prompt: `shared` is what prompts of one key begin with: add `keys`",
        ),
        ("rate = 15", "rate = 15\nprompt = { }", "x.toml:23: load.prompt: no backend reads it"),
        (
            "service = { normal = { mean = \"167ms\", deviation = \"5ms\" } }\n\n[load]\nrate = 15",
            "model = \"llm\"\n[load]\nprompt = { }\nutilization = 0.5",
            "x.toml:22: load.utilization: what model servers can serve depends",
        ),
        (
            "service = { normal = { mean = \"167ms\", deviation = \"5ms\" } }\n\n[load]\nrate = 15",
            "model = \"llm\"\n[load]\nprompt = { }\nclients = 1\nservice = { fixed = \"1s\" }",
            "x.toml:23: load.service: no backend goes by it",
        ),
        (
            "service = { normal = { mean = \"167ms\", deviation = \"5ms\" } }\n\n[load]\nrate = 15",
            "model = \"llm\"\n[load]\nprompt = { }\nclients = 1",
            "x.toml:28: event.service: the work of a model server comes from prompts",
        ),
        (
            "service = { normal = { mean = \"167ms\", deviation = \"5ms\" } }\n\n[load]",
            "model = \"llm\"\n[load]\nprompt = { output = 0 }",
            "x.toml:21: load.prompt: an `output` of 1 to 1,000,000 tokens",
        ),
        (
            "service = { normal = { mean = \"167ms\", deviation = \"5ms\" } }\n\n[load]",
            "model = \"llm\"\n[load]\nprompt = { own = 1000 }",
            "x.toml:22: load.rate: 2050 % of what the backends can serve",
        ),
        ("mean = \"167ms\"", "mean = \"0s\"", "x.toml:19: backends.service: a normal distribution"),
        (
            "deviation = \"5ms\"",
            "deviation = \"84ms\"",
            "x.toml:19: backends.service: a normal distribution has a `deviation`",
        ),
        ("name = \"tuned\"", "name = \"a\\nb\"", "x.toml:12: policy.name: a name has"),
        ("name = \"tuned\"", "name = \"\"", "x.toml:12: policy.name: a name has"),
        ("name = \"b\"", "name = \"b\\u001b[31m\"", "x.toml:17: backends.name: a name has"),
        ("rate = 15", "rate = 18", "x.toml:22: load.rate: 100 % of what the backends can serve"),
        ("rate = 15", "utilization = 1.0", "x.toml:22: load.utilization: 100 % of what"),
        (
            "duration = \"60s\"",
            "duration = \"9999999h\"",
            "x.toml:4: run.duration: \"9999999h\" is longer than a hundred years",
        ),
        (
            "count = 3",
            "count = 3\nmax_requests = 0",
            "x.toml:19: backends.max_requests: 1 to 1,000,000 requests",
        ),
        (
            "proxies = 2",
            "queue = { length = 5 }",
            "x.toml:5: run.queue: no request would ever wait: no backend has `max_requests`",
        ),
        ("count = 3", "count = 3\nspeed = 0", "x.toml:19: backends.speed: a speed above 0"),
        (
            "count = 3",
            "count = 3\nspeed = \"fast\"",
            "x.toml:19: backends.speed: a speed is a number above 0, or two of them",
        ),
        (
            "count = 3",
            "count = 3\nspeed = { disturbed = 0.5 }",
            "x.toml:19: backends.speed: a speed is a number above 0, or two of them",
        ),
        (
            "count = 3",
            "count = 3\nspeed = { disturbed = 0, share = 0.3, cycle = \"4s\" }",
            "x.toml:19: backends.speed: speeds above 0",
        ),
        (
            "count = 3",
            "count = 3\nspeed = { disturbed = 0.5, share = 1, cycle = \"4s\" }",
            "x.toml:19: backends.speed: disturbed for a `share`",
        ),
        (
            "count = 3",
            "count = 3\nspeed = { disturbed = 0.5, share = 0.3, cycle = \"4us\" }",
            "x.toml:19: backends.speed: a `cycle` of at least",
        ),
        (
            "count = 3",
            "count = 3\nspeed = { usual = 1, disturbed = 0.5, share = 0.5, cycle = \"4s\" }",
            "x.toml:23: load.rate: 111 % of what the backends can serve",
        ),
        (
            "rate = 15",
            "utilization = 0.5\nservice = { fixed = \"1us\" }\n[[backends]]\nname = \"c\"\nspeed = 1e300",
            "x.toml:22: load.utilization: 5",
        ),
        ("rate = 15", "rate = -1", "x.toml:22: load.rate: a rate above 0"),
        ("rate = 15", "", "x.toml:21: load: how many requests come"),
        ("rate = 15", "rate = 15\nthink = \"1s\"", "x.toml:23: load.think: only `clients` wait"),
        (
            "rate = 15",
            "clients = 1\narrivals = \"even\"",
            "x.toml:23: load.arrivals: `clients` send a request when",
        ),
        ("rate = 15", "clients = 0", "x.toml:22: load.clients: 1 to 1,000,000"),
        ("at = \"15s\"", "at = \"60s\"", "x.toml:25: event.at: the run has ended by then"),
        ("until = \"45s\"", "until = \"15s\"", "x.toml:26: event.until: ends before it begins"),
        ("[\"b1\"]", "[]", "x.toml:27: event.backends: names no backend; leave the key out for all"),
        ("count = 3", "count = 0", "x.toml:18: backends.count: at least 1 backend"),
        ("count = 3", "count = 10001", "x.toml:18: backends.count: 10001 backends; at most 10,000"),
        ("[\"b1\"]", "[\"b9\"]", "x.toml:27: event.backends: there is no backend \"b9\""),
        ("service = { fixed = \"2s\" }", "", "x.toml:24: event: nothing changes"),
        (
            "[[event]]",
            "[[swap]]\nat = \"60s\"\nbundled = \"random\"\n[[event]]",
            "x.toml:25: swap.at: the run has ended",
        ),
        (
            "[[event]]",
            "[[swap]]\nat = \"6s\"\nbundled = \"random\"\npolicy = \"tunde\"\n[[event]]",
            "x.toml:27: swap.policy: there is no policy \"tunde\"",
        ),
        ("[[event]]", "[[swap]]\nat = \"6s\"\n[[event]]", "x.toml:24: swap: a policy is either"),
        ("[[event]]", "[[swap]]\nat = \"6s\"\nfile = \"a.wasm\"\n[[event]]", "x.toml:26: swap: cannot read"),
    ] {
        assert!(WHOLE.contains(from), "{from}");
        let found = error(&WHOLE.replacen(from, to, 1));
        assert!(found.starts_with(expected), "{found}\n  expected {expected}");
    }
    assert!(error("").starts_with("x.toml:1: missing field `run`"), "{}", error(""));
    assert!(error("[run").starts_with("x.toml:1: "), "{}", error("[run"));
    let missing = load(Path::new("/nowhere/x.toml"), Vec::new(), &read).map(|_| ()).unwrap_err().to_string();
    assert!(missing.starts_with("/nowhere/x.toml: cannot read it: No such file"), "{missing}");
}

#[test]
fn a_queue_needs_backends_that_can_be_full() {
    let limited = WHOLE.replace("count = 3", "count = 3\nmax_requests = 1").replace("rate = 15", "rate = 5");
    let with = |run: &str| limited.replace("proxies = 2", &format!("proxies = 100\n{run}"));
    assert!(parse(&with("queue = {}"), Path::new("x.toml"), Vec::new(), &read).is_ok());
    for (queue, expected) in [
        ("{ length = 100001 }", "x.toml:6: run.queue: a `length` of 0 to 100,000"),
        ("{ length = 20001 }", "x.toml:6: run.queue: 2000100 requests that wait, over all proxies"),
        ("{ timeout = \"0s\" }", "x.toml:6: run.queue: a `timeout` of more than no time"),
        ("{ depth = 1 }", "x.toml:6: run.queue: unknown field `depth`"),
    ] {
        let found = error(&with(&format!("queue = {queue}")));
        assert!(found.starts_with(expected), "{found}\n  expected {expected}");
    }
    // What each proxy may have at a time limits what the backends can serve.
    let found = error(
        &limited
            .replace("proxies = 2", "")
            .replace("count = 3", "count = 3\nservers = 9")
            .replace("rate = 5", "rate = 18"),
    );
    assert!(found.contains("load.rate: 100 % of what the backends can serve"), "{found}");
}

/// A folder with a spec's log, and the spec with this load.
fn replayed(log: &str, load: &str) -> Result<Spec, String> {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("access.csv"), log).unwrap();
    let text = WHOLE.replace("rate = 15", load);
    let path = folder.path().join("x.toml");
    let spec = parse(&text, &path, Vec::new(), &read).map(|(spec, _)| spec);
    spec.map_err(|error| error.to_string().replace(&format!("{}/", folder.path().display()), ""))
}

#[test]
fn a_trace_of_prompts_needs_who_reads_it_and_something_to_count() {
    let line = |second: u32| {
        let at = second * 1_000;
        format!(
            "{{\"timestamp\": {at}, \"input_length\": 600, \"output_length\": 5, \"hash_ids\": [1, {second}]}}\n"
        )
    };
    let trace: String = (0..=10).map(line).collect();
    let read = |backends: &str, run: &str, replay: &str| {
        let text = format!(
            "run = {{ duration = \"1h\"{run} }}\n[[policy]]\nbundled = \"random\"\n[[backends]]\n{backends}\n[load]\nreplay = {{ file = \"t\"{replay} }}"
        );
        let spec = parse(&text, Path::new("x.toml"), Vec::new(), &|_, _| Ok(trace.clone().into_bytes()));
        spec.map(|(spec, _)| spec).map_err(|error| error.to_string())
    };
    let spec = read("model = \"llm\"", "", ", speed = 2").unwrap();
    assert_eq!(spec.run.get_ref().warmup(), TimeSpan(1_000_000), "a fifth of the trace");
    assert!(read("model = \"delay\"\nservice = { fixed = \"1ms\" }", "", "").is_ok());
    for (backends, run, replay, expected) in [
        ("count = 3", "", "", "x.toml:4: backends.model: the requests of the trace are prompts"),
        (
            "model = \"llm\"",
            ", warmup = \"11s\"",
            "",
            "x.toml:1: run.warmup: nothing is left to count: the log has ended after 10s",
        ),
        ("model = \"llm\"", "", ", prefix = 65", "x.toml:7: load.replay: a `prefix` of 0 to 64"),
        ("model = \"llm\"", "", ", block = 0", "x.toml:7: load.replay: a `block` of 1 to"),
    ] {
        let error = read(backends, run, replay).unwrap_err();
        assert!(error.starts_with(expected), "{error}\n  expected {expected}");
    }
}

#[test]
fn a_log_that_is_to_come_again_is_read_with_the_spec() {
    let log = "time_s,work_ms\n0,1\n1,1\n";
    let spec = replayed(log, "replay = { file = \"access.csv\", speed = 2 }").unwrap();
    assert_eq!(spec.load.get_ref().replay.as_ref().unwrap().rate(), Some(4.0));
    let busy: String = (0..1000).map(|_| "0,1000\n").collect();
    let busy = format!("time_s,work_ms\n{busy}1,1000\n");
    for (log, load, expected) in [
        (
            log,
            "replay = { file = \"none.csv\" }",
            "x.toml:22: load.replay: cannot read the log none.csv: No such file",
        ),
        (
            "x\n",
            "replay = { file = \"access.csv\" }",
            "x.toml:22: load.replay: access.csv: it has no request that can come again; line 1: is neither",
        ),
        (
            log,
            "replay = { file = \"access.csv\", speed = 0 }",
            "x.toml:22: load.replay: a `speed` of 0.001 to 1,000",
        ),
        (
            log,
            "rate = 15\nreplay = { file = \"access.csv\" }",
            "x.toml:21: load: how many requests come is said by one of",
        ),
        (
            log,
            "replay = { file = \"access.csv\" }\nservice = { fixed = \"1ms\" }",
            "x.toml:23: load.service: requests that come again bring it",
        ),
        (
            log,
            "replay = { file = \"access.csv\" }\nkeys = { count = 3 }",
            "x.toml:23: load.keys: requests that come again bring it",
        ),
        (
            log,
            "replay = { file = \"access.csv\" }\narrivals = \"even\"",
            "x.toml:23: load.arrivals: requests that come again bring it",
        ),
        (
            log,
            "replay = { file = \"access.csv\", prefix = 2 }",
            "x.toml:22: load.replay: `prefix` and `block` are of prompts, and the log has none",
        ),
        (
            &busy,
            "replay = { file = \"access.csv\" }",
            "x.toml:22: load.replay: 5572 % of what the backends can serve",
        ),
    ] {
        let error = replayed(log, load).unwrap_err();
        assert!(error.starts_with(expected), "{error}");
    }
}
