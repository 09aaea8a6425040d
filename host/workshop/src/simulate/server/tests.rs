//! Backends by hand.

use super::*;

fn server(model: &str, servers: u32) -> Server {
    let group = format!("model = {model:?}\nservers = {servers}");
    Server::new(&toml::from_str(&group).unwrap(), None)
}

fn done(at: u64, job: u32) -> Option<Due> {
    Some(Due::Done { at, job: JobId(job) })
}

#[test]
fn one_after_the_other() {
    let mut server = server("fifo", 2);
    assert_eq!(server.arrive(0, JobId(1), 10.0), done(10, 1));
    assert_eq!(server.arrive(1, JobId(2), 10.0), done(11, 2));
    assert_eq!(server.arrive(2, JobId(3), 5.0), None);
    assert_eq!(server.leave(10), done(15, 3));
    assert_eq!(server.leave(11), None);
    assert_eq!(server.arrive(12, JobId(4), 1.0), done(13, 4));
}

#[test]
fn all_at_once() {
    let mut server = server("delay", 1);
    assert_eq!([1, 2, 3].map(|job| server.arrive(7, JobId(job), 3.0)), [1, 2, 3].map(|job| done(10, job)));
    assert_eq!(server.leave(10), None);
}

#[test]
fn shared_alike() {
    // One core: 4 alone until 2, then two of them, each at half the speed.
    let mut server = server("shared", 1);
    let mut ended = Vec::new();
    let first = server.arrive(0, JobId(1), 4.0);
    assert_eq!(first, Some(Due::Look { at: 4, version: 1 }));
    assert_eq!(server.arrive(2, JobId(2), 10.0), Some(Due::Look { at: 6, version: 2 }));
    assert_eq!(server.look_again(4, 1, &mut ended), None, "announced before the change");
    assert_eq!(server.look_again(6, 2, &mut ended), Some(Due::Look { at: 14, version: 3 }));
    assert_eq!(ended, [JobId(1)]);
    // At a quarter of the speed from 8 on, 6 are left.
    let slow = Conduct { speed: 0.25, ..server.conduct };
    assert_eq!(server.change(8, slow), Some(Due::Look { at: 32, version: 4 }));
    assert_eq!(server.look_again(32, 4, &mut ended), None);
    assert_eq!(ended, [JobId(1), JobId(2)]);
}

#[test]
fn times_by_number_of_requests() {
    let mut occupancy = Occupancy::default();
    for (now, to) in [(10, 1), (15, 2), (18, 1), (20, 0)] {
        occupancy.change(now, to);
    }
    assert_eq!((occupancy.times.as_slice(), occupancy.most), ([10, 7, 3].as_slice(), 2));
}
