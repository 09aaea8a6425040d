//! Changes that come while an earlier one is still being worked on.

use harness::{choose, constant, guest, version};

use super::{Scene, rename_over};

/// A policy that takes long to compile, and chooses this backend.
fn slow_to_compile(index: u32) -> Vec<u8> {
    let functions: String = (0..400)
        .map(|number| {
            let steps: String =
                (0..60).map(|step| format!("i32.const {step} i32.mul local.get 0 i32.xor ")).collect();
            format!("(func (export \"f{number}\") (param i32) (result i32) local.get 0 {steps})")
        })
        .collect();
    guest(&format!("{functions} (func (export \"pointsman_pick\") (result i64) {})", choose(index)))
}

#[test]
fn a_change_that_is_taken_back_while_it_compiles_is_taken_back() {
    let (good, regretted) = (constant(0, 0), slow_to_compile(1));
    let mut scene = Scene::new(&good);
    rename_over(&scene.file, &regretted);
    scene.proxy.signal("HUP");
    // Meanwhile the signal arrives; were it lost in the next one, nothing would be swapped at all.
    assert_eq!(scene.serves(), "0");
    rename_over(&scene.file, &good);
    scene.proxy.signal("HUP");
    scene.wait_for_a_look();
    assert_eq!(scene.serves(), "0", "{:?}", scene.swaps());
    assert!(scene.swaps().last().is_none_or(|(_, last)| *last == version(&good)), "{:?}", scene.swaps());
}
