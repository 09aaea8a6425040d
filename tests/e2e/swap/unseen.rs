//! Changes that are easily missed.

use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use harness::constant;

use super::{Scene, rename_over};

#[test]
fn sighup_leads_to_a_look() {
    // `p.wasm` leads through a symlink in a folder that nobody watches.
    let directory = tempfile::tempdir().expect("a directory");
    let releases = tempfile::tempdir().expect("a directory elsewhere");
    let current = releases.path().join("current");
    let release = |number: u32| {
        let folder = releases.path().join(format!("release-{number}"));
        fs::create_dir(&folder).expect("a folder for the release");
        fs::write(folder.join("p.wasm"), constant(number % 3, number)).expect("a plugin");
        symlink(&folder, releases.path().join("next")).expect("a symlink");
        fs::rename(releases.path().join("next"), &current).expect("the symlink is replaced");
    };
    release(0);
    symlink(current.join("p.wasm"), directory.path().join("p.wasm")).expect("a symlink");
    let scene = Scene::start(directory, "", "{ file = \"p.wasm\" }", "p.wasm");
    let began = Instant::now();
    for number in 1..=5 {
        release(number);
        scene.proxy.signal("HUP");
        scene.wait_for_swap(&constant(number % 3, number), &(number % 3).to_string());
    }
    // The poll alone takes 5 s for each of them but the first.
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
}

#[test]
fn a_content_of_the_same_size_and_time_is_another_content() {
    // As reproducible builds and package managers leave it: all files are from 1970.
    let contents = [constant(0, 0), constant(1, 1), constant(2, 2)];
    assert_eq!(contents[0].len(), contents[1].len());
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("p.wasm");
    let write = |path: &Path, content: &[u8]| {
        fs::write(path, content).expect("the file is written");
        let file = File::options().append(true).open(path).expect("the file");
        file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(1)).expect("a time");
    };
    write(&file, &contents[0]);
    let mut scene = Scene::start(directory, "", "{ file = \"p.wasm\" }", "p.wasm");
    for (content, backend) in contents.iter().zip(["0", "1", "2"]).skip(1) {
        // So that the present content has been looked at with the time that it has.
        scene.wait_for_a_look();
        write(&scene.file, content);
        scene.wait_for_swap(content, backend);
    }
}

#[test]
fn a_burst_of_writes_ends_in_the_last_content() {
    let mut scene = Scene::new(&constant(0, 0));
    let last = constant(2, 99);
    for round in 1..100 {
        let content = constant(round % 2, round);
        if round % 3 == 0 {
            rename_over(&scene.file, &content);
        } else {
            fs::write(&scene.file, &content).expect("the file is written");
        }
    }
    fs::write(&scene.file, &last).expect("the file is written");
    scene.wait_for_swap(&last, "2");
    scene.wait_for_a_look();
    assert_eq!(scene.serves(), "2");
    let swaps = scene.swaps();
    assert!(swaps.windows(2).all(|pair| pair[0].1 == pair[1].0), "{swaps:?}");
}
