//! Backends by hand.

use super::*;
use crate::simulate::random::Stream;

fn server(model: &str, servers: u32) -> Server {
    made(&format!("model = {model:?}\nservers = {servers}"))
}

fn made(group: &str) -> Server {
    Server::new(&toml::from_str(group).unwrap(), None, pace("1.0"))
}

fn arrive(server: &mut Server, now: u64, job: JobId, work: f64) -> Option<Due> {
    server.arrive(now, job, work, &mut Prompt::default())
}

/// A pace, as a spec has it.
fn pace(speed: &str) -> Pace {
    let group: BackendGroup = toml::from_str(&format!("speed = {speed}")).unwrap();
    Pace::new(group.speed, Stream::new(1, "pace", 1))
}

/// Requests that it serves, with the moments when that ends.
fn running(jobs: &[(u32, u64)]) -> impl Iterator<Item = (JobId, u64)> {
    jobs.iter().map(|(job, at)| (JobId(*job), *at))
}

fn done(at: u64, job: u32) -> Option<Due> {
    Some(Due::Done { at, job: JobId(job) })
}

#[test]
fn one_after_the_other() {
    let mut server = server("fifo", 2);
    assert_eq!(arrive(&mut server, 0, JobId(1), 10.0), done(10, 1));
    assert_eq!(arrive(&mut server, 1, JobId(2), 10.0), done(11, 2));
    assert_eq!(arrive(&mut server, 2, JobId(3), 5.0), None);
    assert_eq!(server.leave(10), done(15, 3));
    assert_eq!(server.leave(11), None);
    assert_eq!(arrive(&mut server, 12, JobId(4), 1.0), done(13, 4));
}

#[test]
fn all_at_once() {
    let mut server = server("delay", 1);
    assert_eq!(
        [1, 2, 3].map(|job| arrive(&mut server, 7, JobId(job), 3.0)),
        [1, 2, 3].map(|job| done(10, job))
    );
    assert_eq!(server.leave(10), None);
}

#[test]
fn what_runs_goes_on_at_another_speed() {
    for model in ["fifo", "delay"] {
        let mut server = server(model, 2);
        assert_eq!(arrive(&mut server, 0, JobId(1), 10.0), done(10, 1));
        assert_eq!(arrive(&mut server, 4, JobId(2), 10.0), done(14, 2));
        let at = |speed| Conduct {
            speed: Some(speed),
            ..Conduct { speed: None, work: None, refuses: false, status: 0 }
        };
        // Four and eight are left; a thousandth of the speed would take them 4,000 and 8,000.
        let again = server.change(6, at(0.001), running(&[(1, 10), (2, 14)]));
        assert_eq!(again, [(4_006, 1), (8_006, 2)].map(|(at, job)| Due::Done { at, job: JobId(job) }));
        // A thousandth of the time has passed.
        let again = server.change(1_006, at(1.0), running(&[(1, 4_006), (2, 8_006)]));
        assert_eq!(again, [(1_009, 1), (1_013, 2)].map(|(at, job)| Due::Done { at, job: JobId(job) }));
        assert!(
            server.change(1_007, at(1.0), running(&[(1, 1_009), (2, 1_013)])).is_empty(),
            "the same speed"
        );
    }
}

#[test]
fn shared_alike() {
    // One core: 4 alone until 2, then two of them, each at half the speed.
    let mut server = server("shared", 1);
    let mut ended = Vec::new();
    let first = arrive(&mut server, 0, JobId(1), 4.0);
    assert_eq!(first, Some(Due::Look { at: 4, version: 1 }));
    assert_eq!(arrive(&mut server, 2, JobId(2), 10.0), Some(Due::Look { at: 6, version: 2 }));
    assert_eq!(server.look_again(4, 1, &mut ended), None, "announced before the change");
    assert_eq!(server.look_again(6, 2, &mut ended), Some(Due::Look { at: 14, version: 3 }));
    assert_eq!(ended, [JobId(1)]);
    // At a quarter of the speed from 8 on, 6 are left.
    let slow = Conduct { speed: Some(0.25), ..server.conduct.clone() };
    assert_eq!(server.change(8, slow, running(&[])), [Due::Look { at: 32, version: 4 }]);
    assert_eq!(server.look_again(32, 4, &mut ended), None);
    assert_eq!(ended, [JobId(1), JobId(2)]);
}

#[test]
fn disturbed_for_its_share_of_the_time() {
    let mut pace = pace("{ usual = 2, disturbed = 0.5, share = 0.3, cycle = \"4s\" }");
    let (mut now, mut slow, mut changes) = (0, 0, 0);
    while now < 40_000_000_000 {
        let at = pace.changes_at(now).unwrap();
        slow += if pace.now() == 0.5 { at - now } else { 0 };
        now = at;
        pace.change();
        changes += 1;
    }
    // 10,000 cycles.
    assert!((slow as f64 / now as f64 - 0.3).abs() < 0.01, "{slow} of {now}");
    assert!((19_400..20_600).contains(&changes), "{changes}");
}

#[test]
fn what_runs_beside_a_backend_slows_what_shares_it() {
    let mut server = server("shared", 1);
    server.pace = pace("{ disturbed = 0.25, share = 0.999999, cycle = \"1s\" }");
    assert_eq!(
        arrive(&mut server, 0, JobId(1), 4.0),
        Some(Due::Look { at: 16, version: 1 }),
        "it is disturbed"
    );
    assert_eq!(server.change_pace(8, running(&[])), [Due::Look { at: 10, version: 2 }], "half of it is left");
    // What an event says goes before.
    let stopped = Conduct { speed: Some(0.1), ..server.conduct.clone() };
    assert_eq!(server.change(9, stopped, running(&[])), [Due::Look { at: 19, version: 3 }]);
    assert_eq!(server.change_pace(10, running(&[])), [Due::Look { at: 19, version: 4 }]);
}

#[test]
fn times_by_number_of_requests() {
    let mut occupancy = Occupancy::default();
    for (now, to) in [(10, 1), (15, 2), (18, 1), (20, 0)] {
        occupancy.change(now, to);
    }
    assert_eq!((occupancy.times.as_slice(), occupancy.most), ([10, 7, 3].as_slice(), 2));
}

/// A model server with two places, which reads a token in 100 µs and writes one in 1,000, and in 500 more beside another answer.
fn model_server(blocks: u32) -> Server {
    let model = r#"prefill = "100ms", decode = "1ms", beside = "500us""#;
    made(&format!("servers = 2\nmodel = {{ llm = {{ {model}, blocks = {blocks} }} }}"))
}

fn ask(server: &mut Server, now: u64, job: u32, blocks: &[u64], output: f64) -> Option<Due> {
    let tokens = 512 * blocks.len() as u64;
    server.arrive(now, JobId(job), 0.0, &mut Prompt { blocks: blocks.to_vec(), block: 512, tokens, output })
}

#[test]
fn a_prompt_is_read_and_an_answer_written_beside_others() {
    let mut server = model_server(100);
    let mut ended = Vec::new();
    let read = |at, job| Some(Due::Read { at, job: JobId(job) });
    assert_eq!(ask(&mut server, 0, 1, &[1, 2], 10.0), read(102_400, 1));
    assert_eq!(ask(&mut server, 0, 2, &[1, 3], 20.0), None, "it is read next");
    assert_eq!(ask(&mut server, 0, 3, &[1, 2], 1.0), None, "both places are taken");
    // The first block of the next one is kept already.
    let due: Vec<Due> = server.has_read(102_400).collect();
    assert_eq!(due, [Due::Look { at: 112_400, version: 1 }, Due::Read { at: 153_600, job: JobId(2) }]);
    assert_eq!(server.look_again(112_400, 1, &mut ended), None);
    assert_eq!(mem::take(&mut ended), [JobId(1)]);
    assert_eq!(server.leave(112_400), None, "another one is being read");
    // All but the last token is kept of the one that has taken its place.
    let due: Vec<Due> = server.has_read(153_600).collect();
    assert_eq!(due, [Due::Look { at: 173_600, version: 3 }, Due::Read { at: 153_700, job: JobId(3) }]);
    // A token of each takes 1.5 ms.
    let due: Vec<Due> = server.has_read(153_700).collect();
    assert_eq!(due, [Due::Look { at: 155_200, version: 4 }]);
    assert_eq!(server.look_again(155_200, 4, &mut ended), Some(Due::Look { at: 174_101, version: 5 }));
    assert_eq!(server.leave(155_200), None, "nobody waits");
    assert_eq!(server.tokens(), Some(Tokens { all: 6 * 512, kept: 3 * 512 - 1 }));
}

#[test]
fn answers_slow_each_other_and_a_disturbed_server_slows_all() {
    let mut server = model_server(0);
    assert_eq!(ask(&mut server, 0, 1, &[], 10.0), Some(Due::Read { at: 0, job: JobId(1) }));
    assert_eq!(server.has_read(0).collect::<Vec<_>>(), [Due::Look { at: 10_000, version: 1 }]);
    let _ = ask(&mut server, 4_000, 2, &[], 10.0);
    // Six tokens are left, at 1.5 ms each.
    assert_eq!(server.has_read(4_000).collect::<Vec<_>>(), [Due::Look { at: 13_000, version: 2 }]);
    let half = Conduct { speed: Some(0.5), ..server.conduct.clone() };
    assert_eq!(server.change(7_000, half, running(&[])), [Due::Look { at: 19_000, version: 3 }]);
    // What is being read takes longer as well.
    let mut server = model_server(0);
    let _ = ask(&mut server, 0, 1, &[1], 10.0);
    let half = Conduct { speed: Some(0.5), ..server.conduct.clone() };
    let again = server.change(1_200, half, running(&[(1, 51_200)]));
    assert_eq!(again, [Due::Read { at: 101_200, job: JobId(1) }]);
}
