//! Which of the wanted routes are written: none that would open what another one keeps.

use super::draft::{Action, RouteDraft};
use super::ledger::{Ledger, Place, Rank};
use super::matches;
use super::matching::{self, Test};

/// A route that is wanted.
#[derive(Debug, Clone)]
pub(super) struct Candidate {
    pub(super) route: RouteDraft,
    pub(super) place: Place,
    /// It refuses what must not pass without something that isn't asked here.
    pub(super) guards: bool,
}

/// The wanted routes, in the order in which they are tried.
#[derive(Debug, Default)]
pub(super) struct Routing {
    candidates: Vec<Candidate>,
}

impl Routing {
    pub(super) fn add(&mut self, ledger: &mut Ledger, candidate: Candidate) {
        let earlier = self
            .candidates
            .iter()
            .find(|earlier| matching::covers(&earlier.route.tests, &candidate.route.tests));
        match earlier {
            Some(earlier) if earlier.route.action != candidate.route.action => {
                let rank = if candidate.guards { Rank::A } else { Rank::B };
                let place = ledger.named(earlier.place);
                ledger.list(
                    candidate.place,
                    rank,
                    format!("never matches, as {place} takes all of its requests before"),
                );
            }
            Some(_) => {}
            None => self.candidates.push(candidate),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.candidates.len()
    }

    /// The pools that the routes after the first ones lead to.
    pub(super) fn pools_after(&self, first: usize) -> Vec<String> {
        let mut pools: Vec<String> = Vec::new();
        for candidate in self.candidates.iter().skip(first) {
            let named: Vec<&String> = match &candidate.route.action {
                Action::Pool(pool) => vec![pool],
                Action::Split(shares, _) => shares.iter().map(|(pool, _)| pool).collect(),
                _ => Vec::new(),
            };
            for pool in named {
                if !pools.contains(pool) {
                    pools.push(pool.clone());
                }
            }
        }
        pools
    }

    /// The routes that are written. What is refused but can't be asked for is excluded by those after it.
    pub(super) fn finish(self, ledger: &mut Ledger) -> Vec<RouteDraft> {
        let mut written = Vec::new();
        let mut refused: Vec<Candidate> = Vec::new();
        let mut rest = self.candidates.into_iter();
        while let Some(candidate) = rest.next() {
            if candidate.route.action.reaches_pool() {
                written.extend(without(ledger, candidate, &refused));
                continue;
            }
            let is_asked = matches::written(&candidate.route.tests, &[]).is_some();
            let is_in_the_way = |later: &Candidate| {
                later.route.action.reaches_pool()
                    && matching::overlap(&later.route.tests, &candidate.route.tests)
            };
            if !is_asked {
                refused.push(candidate);
            } else if candidate.route.action != Action::Refuse(404)
                || rest.as_slice().iter().any(is_in_the_way)
            {
                // Without a route it would be a 404 as well.
                written.push(candidate.route);
            }
        }
        written
    }
}

/// The route of a candidate, as far as it takes nothing that was refused before it.
fn without(ledger: &mut Ledger, mut candidate: Candidate, refused: &[Candidate]) -> Option<RouteDraft> {
    let own = &candidate.route.tests;
    let excluded: Vec<(Place, Vec<Test>)> = refused
        .iter()
        .filter(|refused| matching::overlap(own, &refused.route.tests))
        .map(|refused| {
            let further = refused.route.tests.iter().filter(|test| !own.contains(test));
            (refused.place, further.cloned().collect())
        })
        .collect();
    if let Some((place, _)) = excluded.iter().find(|(_, tests)| tests.is_empty()) {
        let place = ledger.named(*place);
        ledger.list(
            candidate.place,
            Rank::B,
            format!("never matches, as {place} refuses all of its requests before"),
        );
        return None;
    }
    candidate.route.excluded = widest(excluded.into_iter().map(|(_, tests)| tests).collect());
    if matches::written(&candidate.route.tests, &candidate.route.excluded).is_none() {
        let why = "isn't written, as it would serve what an earlier line keeps; its requests find no route, which is a 404";
        ledger.list(candidate.place, Rank::A, why);
        return None;
    }
    Some(candidate.route)
}

/// Without those that another one takes in.
fn widest(all: Vec<Vec<Test>>) -> Vec<Vec<Test>> {
    let mut kept: Vec<Vec<Test>> = Vec::new();
    for tests in all {
        if kept.iter().any(|other| matching::covers(other, &tests)) {
            continue;
        }
        kept.retain(|other| !matching::covers(&tests, other));
        kept.push(tests);
    }
    kept
}
