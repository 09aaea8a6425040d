//! A backend that comes up gets its share slowly.

use harness::{Backend, Setup, wait_until};

use super::{CHECK, Wellness, served, share};

#[test]
fn the_share_of_a_backend_that_comes_up_grows() {
    let wellness = Wellness::good();
    let (a, b) = (wellness.backend("a"), Backend::named("b"));
    let pool = format!("{CHECK}slow_start = \"10s\"\n");
    let proxy = Setup { pool: &pool, ..Setup::default() }.start(&[&a, &b]);
    assert_eq!(share(&served(&mut proxy.client(), 100), 'a'), 50, "not when all of them are new");

    wellness.set(false);
    proxy.log.wait_for("backend-unhealthy");
    wellness.set(true);
    proxy.log.wait_for("backend-healthy");
    // A tenth of the weight is an eleventh of the requests; even in the fifth step it is only a third.
    let at_first = share(&served(&mut proxy.client(), 110), 'a');
    assert!((1..=40).contains(&at_first), "{at_first} of 110");
    let mut shares = vec![at_first];
    wait_until("it has its whole share", || {
        shares.push(share(&served(&mut proxy.client(), 110), 'a'));
        shares.last() >= Some(&54)
    });
    println!("{shares:?}");
    let middle = |share: &&usize| (at_first + 5..50).contains(*share);
    assert!(shares.iter().any(|share| middle(&share)), "it jumps: {shares:?}");
}
