use super::*;

fn package(name: &str, files: &[(&str, &str)]) -> Crate {
    let files = files.iter().map(|(path, text)| ((*path).to_owned(), Source::parse(path, text))).collect();
    Crate { name: name.into(), folder: name.into(), root: "lib.rs".into(), files }
}

/// What `own.rs` uses: file names with lines, in a crate in which `pool.rs` shows `pool/queue.rs`.
fn uses(text: &str) -> String {
    let own = package(
        "own",
        &[
            ("lib.rs", "mod pool; mod room; mod clock;"),
            ("clock.rs", "pub struct Clock; #[macro_export] macro_rules! tick { () => {} }"),
            (
                "pool.rs",
                "mod queue; mod budget; pub use queue::{Queue, Place as Seat}; pub use budget::*; pub struct Pool;",
            ),
            ("pool/queue.rs", "pub struct Queue; pub enum Place { First } pub fn queue() {}"),
            ("pool/budget.rs", "pub struct Budget;"),
            ("room.rs", "mod own; mod other; pub struct Room;"),
            ("room/own.rs", text),
            ("room/other.rs", "pub struct Other;"),
        ],
    );
    let core = package(
        "core_crate",
        &[("lib.rs", "pub mod topology; pub use topology::Index;"), ("topology.rs", "pub struct Index;")],
    );
    let found = dependencies(&[core, own]);
    let own = found.list.iter().filter(|dependency| dependency.from == "own/room/own.rs");
    let used = own.map(|dependency| format!("{}:{}", dependency.to, dependency.line));
    let unknown = found.unknown.iter().map(|path| format!("? {path}"));
    used.chain(unknown).collect::<Vec<_>>().join(" ")
}

fn check(cases: &[(&str, &str)]) {
    for (text, expected) in cases {
        assert_eq!(uses(text), *expected, "{text}");
    }
}

#[test]
fn imports_lead_to_the_file_that_defines() {
    check(&[
        ("use crate::clock::Clock;", "own/clock.rs:1"),
        ("use crate::pool::Pool;", "own/pool.rs:1"),
        ("use crate::pool::Queue;", "own/pool/queue.rs:1"),
        ("\nuse crate::pool::Queue as Line;", "own/pool/queue.rs:2"),
        ("use crate::pool::Seat;", "own/pool/queue.rs:1"),
        ("use crate::pool::Seat::First;", "own/pool/queue.rs:1"),
        ("use crate::pool::queue::queue;", "own/pool/queue.rs:1"),
        ("use crate::pool::Budget;", "own/pool/budget.rs:1"),
        (
            "use crate::{clock::Clock,\n pool::{Pool, Queue}};",
            "own/clock.rs:1 own/pool.rs:2 own/pool/queue.rs:2",
        ),
        ("pub use crate::clock::Clock;", "own/clock.rs:1"),
        ("use crate::pool::*;", "own/pool.rs:1"),
        ("use super::Room;", "own/room.rs:1"),
        ("use super::other::Other;", "own/room/other.rs:1"),
        ("use super::super::clock::Clock;", "own/clock.rs:1"),
        ("use core_crate::Index;", "core_crate/topology.rs:1"),
        ("use core_crate::topology::Index;", "core_crate/topology.rs:1"),
        ("use std::sync::Arc; use bytes::Bytes;", ""),
    ]);
}

#[test]
fn paths_lead_there_wherever_they_stand() {
    check(&[
        ("fn f() { crate::clock::Clock; }", "own/clock.rs:1"),
        ("fn f(a: Vec<crate::pool::Queue>) {}", "own/pool/queue.rs:1"),
        ("use crate::pool;\nfn f(a: pool::Queue) {}", "own/pool/queue.rs:2"),
        ("use crate::pool as p;\nfn f(a: &dyn Fn(p::Queue)) {}", "own/pool/queue.rs:2"),
        ("use crate::pool::{self};\nimpl T for pool::Seat {}", "own/pool/queue.rs:2"),
        ("fn f() { use crate::clock::Clock; }", "own/clock.rs:1"),
        ("fn f() -> impl Iterator<Item = super::Room> {}", "own/room.rs:1"),
        ("fn f<T>() where T: Into<super::other::Other> {}", "own/room/other.rs:1"),
        ("mod inner { use super::super::Room; }", "own/room.rs:1"),
        ("mod inner { pub struct A; }\nfn f(a: self::inner::A, b: inner::A) {}", ""),
        ("fn f() { crate::tick!(); }", "own/clock.rs:1"),
        ("pub(in crate::room) struct A;", ""),
    ]);
}

#[test]
fn macros_and_attributes_are_looked_into() {
    check(&[
        ("fn f() { tracing::info!(a = crate::clock::Clock::now(), \"x\"); }", "own/clock.rs:1"),
        ("fn f() { poll_fn!(|cx| { if a.b { super::other::Other::new() } }) }", "own/room/other.rs:1"),
        ("macro_rules! m { () => {\n $crate::pool::queue::queue() } }", "own/pool/queue.rs:2"),
        ("fn f() { m!(use crate::{clock::Clock, pool::{Queue}};) }", "own/clock.rs:1 own/pool/queue.rs:1"),
        ("fn f() { m!(a.crate::pool::Pool) }", ""),
        ("m! { pub(super) struct A; pub(in crate::room) struct B; }", ""),
        ("use crate::pool;\nfn f() { assert!(pool::Queue::new()) }", "own/pool/queue.rs:2"),
        ("#[serde(with = \"crate::clock::Clock\")]\nstruct A;", "own/clock.rs:1"),
        ("#[derive(crate::clock::Clock)]\nstruct A;", "own/clock.rs:1"),
        ("/// [`crate::clock::Clock`]\nstruct A;", ""),
    ]);
}

#[test]
fn tests_are_left_out() {
    check(&[
        ("#[cfg(test)] mod tests { use crate::clock::Clock; }", ""),
        ("#[cfg(test)] use crate::clock::Clock;", ""),
        ("#[cfg(any(test, feature = \"testing\"))] fn f() { crate::clock::Clock; }", ""),
        ("impl A { #[cfg(test)] fn f() { crate::clock::Clock; } }", ""),
        ("#[cfg(not(test))] use crate::clock::Clock;", "own/clock.rs:1"),
        ("#[cfg(target_os = \"linux\")] use crate::clock::Clock;", "own/clock.rs:1"),
    ]);
}

#[test]
fn a_path_that_leads_nowhere_is_reported() {
    check(&[("use crate::clock::Watch;", "? own/room/own.rs:1: crate::clock::Watch")]);
}

#[test]
fn a_facade_does_not_depend_on_what_it_shows() {
    let facade = |text: &str| {
        let files = [("lib.rs", "mod a;"), ("a.rs", text), ("a/b.rs", "pub struct B;")];
        dependencies(&[package("own", &files)]).list.len()
    };
    assert_eq!(facade("mod b; pub use b::B;"), 0);
    assert_eq!(facade("mod b; pub use b::B as C; fn f(b: B) {}"), 0);
    assert_eq!(facade("mod b; pub use b::B; fn f(b: B) {}"), 1);
    assert_eq!(facade("mod b; use b::B;"), 1);
    assert_eq!(facade("mod b; fn f(b: b::B) {}"), 1);
}
