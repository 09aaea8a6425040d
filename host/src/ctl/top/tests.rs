//! The view as it is drawn.

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use serde_json::{Value, json};

use super::draw::draw;
use super::rates::Between;
use super::rows;
use super::screen::{Screen, Then};
use crate::admin::model::Overview;

fn backend(name: &str, requests: u64, times: [u64; 3]) -> Value {
    json!({
        "name": name, "address": "127.0.0.1:1", "source": "file", "zone": "", "backup": false, "eligible": true, "healthy": true, "unchecked": false,
        "ejected": false, "draining": false, "weight": 1.0, "full_weight": 1.0, "expected_share": 0.5, "in_flight": 3, "limit": 100,
        "connections": 4, "connections_opened": 5, "requests": requests, "responses": {}, "failures": requests / 100,
        "failures_by_kind": {}, "ejections": 0, "latency_ewma_us": 0, "error_rate": 0.0,
        "head_seconds": { "counts": times, "sum_seconds": 0.0 }, "overrides": null,
    })
}

/// A look at a proxy, whose counters have come to `requests`.
fn look(uptime_ms: u64, requests: u64, backends: &[Value]) -> Value {
    let histogram = json!({ "counts": [requests, 0, 0], "sum_seconds": 0.0 });
    json!({
        "name": "proxy-1", "version": "0.1.0", "uptime_ms": uptime_ms, "configuration": 7, "configuration_refused": false,
        "phase": "serving", "saturation": 0.12, "workers": [], "last_event": 1, "troubles": [],
        "pools": [{
            "name": "web", "eligible": backends.len(), "healthy": backends.len(), "ejected": 0, "draining": 0, "panicking": false,
            "in_flight": 6, "capacity": 200, "saturation": 0.03,
            "queue": { "requests": 0, "limit": 0, "overflows": 0, "timeouts": 0, "seconds": histogram },
            "requests": requests, "responses": { "2xx": requests, "5xx": 0 }, "errors": {}, "retries": 0, "retries_refused": 0, "tunnels": 0,
            "latency_buckets": [0.001, 0.01], "request_seconds": histogram, "head_seconds": histogram, "topology": 1,
            "limits": { "max_requests": 100, "max_connections": 100, "retries": 1 }, "backends": backends,
        }],
        "policies": [{
            "pool": "web", "route": null, "name": "least-conn", "version": "0123456789ab", "origin": "bundled least-conn", "publication": 1,
            "last_swap_ms": 0, "picks": { "policy": requests, "fallback": 0 }, "faults": {}, "open_circuits": 0, "rebuilds": 0,
            "pick_buckets": [0.000_001, 0.000_01], "pick_seconds": histogram,
            "rollbacks": 0, "quarantine": null, "versions": [],
        }],
        "events": [{
            "seq": 1, "time_ms": 0, "level": "warn", "event": "policy-swapped", "message": "a new version", "fields": { "pool": "web" },
        }],
    })
}

fn read(look: Value) -> Overview {
    serde_json::from_value(look).expect("an overview")
}

/// A screen that has seen two backends for two seconds.
fn screen() -> Screen {
    let mut screen = Screen::new("127.0.0.1:9901".into(), false);
    screen.see(read(look(
        10_000,
        1_000,
        &[backend("b1", 400, [400, 0, 0]), backend("b2", 600, [600, 0, 0])],
    )));
    screen.see(read(look(
        12_000,
        3_000,
        &[backend("b1", 900, [900, 0, 0]), backend("b2", 2_100, [600, 1_500, 0])],
    )));
    screen
}

/// What stands on a terminal of this size, line by line.
fn drawn(screen: &mut Screen, width: u16, height: u16) -> Vec<String> {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).expect("a terminal");
    terminal.draw(|frame| draw(frame, screen)).expect("a frame");
    let buffer = terminal.backend().buffer();
    buffer
        .content()
        .chunks(usize::from(width))
        .map(|row| row.iter().map(ratatui::buffer::Cell::symbol).collect::<String>().trim_end().to_owned())
        .collect()
}

fn press(screen: &mut Screen, keys: &str) {
    for key in keys.chars() {
        let code = match key {
            '\n' => KeyCode::Enter,
            '\x1b' => KeyCode::Esc,
            '\x08' => KeyCode::Backspace,
            key => KeyCode::Char(key),
        };
        assert_eq!(screen.press(code.into()), Then::Stay, "{key:?}");
    }
}

/// The words of the line that begins like this.
fn words(lines: &[String], beginning: &str) -> Vec<String> {
    let line = lines.iter().find(|line| line.starts_with(beginning));
    let line = line.unwrap_or_else(|| panic!("no {beginning}: {lines:#?}"));
    line.split_whitespace().map(str::to_owned).collect()
}

#[test]
fn everything_is_on_a_usual_terminal() {
    let lines = drawn(&mut screen(), 80, 24);
    assert_eq!(lines.len(), 24);
    assert_eq!(lines[0], "proxy-1 serving, 12% full, up 12s, configuration 7, pointsman 0.1.0 at 127.0.0.…");
    assert_eq!(lines[1], "all well");
    assert_eq!(words(&lines, "web ")[..6], ["web", "2/2", "1000", "0", "6", "3.0%"]);
    assert_eq!(words(&lines, "web/b1"), ["web/b1", "up", "250", "2.5", "3", "500us", "990us", "25%", "50%"]);
    assert_eq!(
        words(&lines, "web/b2"),
        ["web/b2", "up", "750", "7.5", "3", "5.50ms", "9.91ms", "75%", "50%"]
    );
    let policy = lines.iter().position(|line| line.starts_with("POLICY OF")).expect("policies");
    assert!(lines[policy + 1].contains("least-conn"), "{lines:#?}");
    assert!(lines[policy + 1].contains("0123456789ab") && lines[policy + 1].contains("1000"), "{lines:#?}");
    assert!(lines.iter().any(|line| line.contains("policy-swapped  a new version pool=web")), "{lines:#?}");
    assert!(lines[23].starts_with("1-2 of 2  q quit  s sort (as configured)  / filter"), "{lines:#?}");
}

#[test]
fn a_backend_that_waits_for_its_first_check_is_not_called_down() {
    let mut backends = ["b1", "b2"].map(|name| backend(name, 0, [0; 3]));
    backends
        .iter_mut()
        .for_each(|backend| (backend["eligible"], backend["healthy"]) = (json!(false), json!(false)));
    backends[0]["unchecked"] = json!(true);
    let overview = read(look(1_000, 0, &backends));
    let mut screen = Screen::new("127.0.0.1:9901".into(), false);
    screen.see(overview);
    let lines = drawn(&mut screen, 80, 24);
    assert_eq!(words(&lines, "web/b1")[1], "unchecked");
    assert_eq!(words(&lines, "web/b2")[1], "down");
}

#[test]
fn any_size_can_be_drawn() {
    for (width, height) in [(1, 1), (3, 2), (12, 5), (20, 4), (40, 10), (40, 24), (79, 12), (300, 100)] {
        let lines = drawn(&mut screen(), width, height);
        if width >= 40 && height >= 10 {
            assert_eq!(words(&lines, "web/b1")[..3], ["web/b1", "up", "250"], "{width}x{height}");
        }
    }
}

#[test]
fn backends_are_sorted_filtered_and_scrolled() {
    let names = |screen: &mut Screen| -> Vec<String> {
        let lines = drawn(screen, 80, 24);
        let all = lines.iter().filter(|line| line.starts_with("web/"));
        all.map(|line| line.split_whitespace().next().expect("a name").to_owned()).collect()
    };
    let mut screen = screen();
    assert_eq!(names(&mut screen), ["web/b1", "web/b2"]);
    press(&mut screen, "s");
    assert_eq!(names(&mut screen), ["web/b2", "web/b1"], "by requests");
    press(&mut screen, "/b1x\x08\n");
    assert_eq!(names(&mut screen), ["web/b1"]);
    assert!(drawn(&mut screen, 80, 24)[23].contains("/ filter (b1)"));
    press(&mut screen, "\x1b");
    assert_eq!(names(&mut screen).len(), 2);
    press(&mut screen, "a");
    assert_eq!(names(&mut screen), Vec::<String>::new(), "all are up");

    let many: Vec<Value> =
        (0..1_000).map(|number| backend(&format!("b{number:03}"), number, [number, 0, 0])).collect();
    screen.see(read(look(14_000, 5_000, &many)));
    press(&mut screen, "\x1bsssss");
    assert_eq!(names(&mut screen)[0], "web/b000");
    press(&mut screen, "j ");
    assert_eq!(names(&mut screen)[0], "web/b011");
    press(&mut screen, "G");
    assert_eq!(names(&mut screen).last().map(String::as_str), Some("web/b999"));
    press(&mut screen, "g");
    assert_eq!(names(&mut screen)[0], "web/b000");
}

#[test]
fn keys_leave() {
    let mut screen = screen();
    assert_eq!(screen.press(KeyCode::Char('q').into()), Then::Leave);
    press(&mut screen, "/q");
    assert_eq!(screen.choice.filter, "q", "a letter of the filter");
    assert_eq!(screen.press(KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL)), Then::Leave);
}

#[test]
fn a_lost_connection_is_said_and_forgotten() {
    let mut screen = screen();
    screen.lose("connection refused\x1b[2J");
    let lines = drawn(&mut screen, 80, 24);
    assert!(
        lines[1].starts_with(r"NO ANSWER; what is below is old. connection refused\u{1b}[2J"),
        "{lines:#?}"
    );
    assert_eq!(words(&lines, "web/b1")[2], "250", "what was known stays");
    screen.see(read(look(100, 10, &[backend("b1", 4, [4, 0, 0])])));
    let lines = drawn(&mut screen, 80, 24);
    assert_eq!(lines[1], "all well");
    assert_eq!(words(&lines, "web/b1")[2..4], ["-", "-"], "another process: nothing to compare with");
}

#[test]
fn a_counter_that_falls_is_no_rate() {
    let (before, now) = (
        read(look(1_000, 500, &[backend("b1", 500, [0; 3])])),
        read(look(2_000, 400, &[backend("b1", 400, [0; 3])])),
    );
    let looks = Between::new(Some(&before), &now);
    assert_eq!(rows::backends(&looks)[0].rate, Some(0.0));
    assert_eq!(rows::pools(&looks)[0].rate, Some(0.0));
}

#[test]
fn names_cannot_drive_the_terminal() {
    let mut screen = screen();
    screen.see(read(look(14_000, 1, &[backend("\x1b[31m\u{202e}", 1, [0; 3])])));
    let lines = drawn(&mut screen, 120, 24).join("\n");
    assert!(lines.contains(r"web/\u{1b}[31m\u{202e}"), "{lines}");
}

#[test]
fn the_worst_of_what_the_proxy_says_is_shown() {
    let mut overview = look(1_000, 0, &[backend("b1", 0, [0; 3])]);
    overview["troubles"] = json!([
        { "level": "critical", "pool": "web", "text": "Pool web: no backend takes requests." },
        { "level": "note", "pool": "web", "text": "Pool web: b1 is draining." },
    ]);
    let mut screen = Screen::new("127.0.0.1:9901".into(), false);
    screen.see(read(overview));
    assert_eq!(drawn(&mut screen, 80, 24)[1], "Pool web: no backend takes requests.");
}
