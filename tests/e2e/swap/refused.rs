//! Contents that are not swapped in: unfinished, broken, or not new.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::time::SystemTime;

use harness::{constant, version};

use super::{Change, Scene, rename_over};

#[test]
fn a_half_written_file_is_waited_for_without_an_error() {
    let contents = [constant(0, 0), constant(1, 1)];
    let mut scene = Scene::new(&contents[0]);
    let (half, rest) = contents[1].split_at(contents[1].len() / 2);
    fs::write(&scene.file, half).expect("half of it");
    scene.wait_for_a_look();
    assert_eq!(scene.serves(), "0");
    assert!(scene.swaps().is_empty());

    let mut file = OpenOptions::new().append(true).open(&scene.file).expect("the file");
    file.write_all(rest).expect("the rest");
    scene.wait_for_swap(&contents[1], "1");
    scene.wait_for_a_look();
    scene.assert_history(&contents.each_ref().map(Vec::as_slice));
}

#[test]
fn a_file_that_stays_unfinished_is_refused_with_the_reason() {
    let contents = [constant(0, 0), constant(1, 1)];
    for (unfinished, reason) in
        [(&contents[1][..contents[1].len() / 2], "the file ends early, after "), (b"", "the file is empty")]
    {
        let scene = Scene::new(&contents[0]);
        fs::write(&scene.file, unfinished).expect("part of it");
        let line = scene.proxy.log.wait_for("policy-swap-refused");
        assert!(line.level() == "ERROR" && line.field("origin") == Some("p.wasm"), "{line}");
        assert!(line.message().starts_with(&format!("swap refused: {reason}")), "what is wrong: {line}");
        assert_eq!(scene.serves(), "0");
        fs::write(&scene.file, &contents[1]).expect("all of it");
        scene.wait_for_swap(&contents[1], "1");
    }
}

#[test]
fn garbage_is_refused_with_the_reason_each_time_it_is_installed() {
    let contents = [constant(0, 0), constant(1, 1), constant(2, 2)];
    let scene = Scene::new(&contents[0]);
    for (round, (content, backend)) in contents.iter().zip(["0", "1", "2"]).enumerate() {
        if round > 0 {
            rename_over(&scene.file, content);
            scene.wait_for_swap(content, backend);
        }
        rename_over(&scene.file, b"<html>not found</html>");
        let line = scene.proxy.log.wait_for_many("policy-swap-refused", round + 1).remove(round);
        let serving = version(content);
        let fields = [("pool", "test"), ("origin", "p.wasm"), ("serving", &serving)];
        assert!(line.level() == "ERROR" && line.has(&fields), "{line}");
        assert!(line.message().contains("not a WebAssembly module"), "what is wrong: {line}");
        assert!(line.message().contains("a web page"), "what is wrong: {line}");
        assert_eq!(scene.serves(), backend);
    }
}

#[test]
fn a_broken_file_is_refused_once_however_often_it_is_looked_at() {
    let content = constant(0, 0);
    let mut scene = Scene::new(&content);
    rename_over(&scene.file, b"<html>not found</html>");
    for _ in 0..10 {
        scene.proxy.signal("HUP");
        scene.wait_for_a_look();
    }
    assert_eq!(scene.proxy.log.events("policy-swap-refused").len(), 1);
    assert_eq!(scene.serves(), "0");
}

#[test]
fn unchanged_content_swaps_nothing() {
    let content = constant(0, 0);
    let mut scene = Scene::new(&content);
    for change in Change::ALL {
        change.make(&scene.file, &content, 7);
    }
    scene.wait_for_a_look();
    let file = File::options().append(true).open(&scene.file).expect("the file");
    file.set_modified(SystemTime::now()).expect("a touch");
    scene.wait_for_a_look();
    assert_eq!(scene.serves(), "0");
    scene.assert_history(&[&content]);
}

#[test]
fn a_file_that_is_deleted_goes_on_serving_and_may_come_back() {
    let contents = [constant(0, 0), constant(1, 1)];
    let mut scene = Scene::new(&contents[0]);
    fs::remove_file(&scene.file).expect("a file");
    scene.wait_for_a_look();
    let line = scene.proxy.log.wait_for("plugin-read-failed");
    assert!(line.level() == "WARN" && line.field("pool") == Some("test"), "{line}");
    assert!(line.message().contains("p.wasm"), "which file: {line}");
    assert_eq!(scene.serves(), "0");
    fs::write(&scene.file, &contents[0]).expect("the same again");
    scene.wait_for_a_look();
    scene.assert_history(&[&contents[0]]);
    fs::write(&scene.file, &contents[1]).expect("another one");
    scene.wait_for_swap(&contents[1], "1");
    scene.wait_for_a_look();
    scene.assert_history(&contents.each_ref().map(Vec::as_slice));
}
