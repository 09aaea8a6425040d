//! What a line says of where its request went, rendered once for all requests that went there.

use std::sync::{Arc, Weak};

use pointsman_core::backend::{Backend, TopologyGeneration};
use pointsman_core::pool::Pool;
use pointsman_core::record::{AttemptRecord, Choice, ChosenBy, PolicyLabel, RequestRecord, TakenRoute};

/// How many are kept; a power of two. More backends than that share places, and are rendered anew in turn.
const PLACES: usize = 64;

/// Renders what it is of a request that has had this one attempt.
pub(super) type Render = fn(&mut Vec<u8>, &RequestRecord, &AttemptRecord);

/// The texts of one worker, all by the same [`Render`].
#[derive(Debug)]
pub(super) struct ChoiceTexts {
    render: Render,
    places: Box<[Place; PLACES]>,
}

/// A text, and what it is of.
#[derive(Debug, Default)]
struct Place {
    of: Option<Of>,
    text: Vec<u8>,
}

/// All that a text depends on. Of what may have left the configuration no more is kept than its address, which nothing else has meanwhile.
#[derive(Debug)]
struct Of {
    route: Option<TakenRoute>,
    pool: Option<Weak<Pool>>,
    backend: Weak<Backend>,
    policy: Option<Arc<PolicyLabel>>,
    by: ChosenBy,
    topology: TopologyGeneration,
}

impl ChoiceTexts {
    /// None yet.
    pub(super) fn new(render: Render) -> Self {
        Self { render, places: Box::new(std::array::from_fn(|_| Place::default())) }
    }

    /// The text of a request that has had this one attempt.
    pub(super) fn of(&mut self, record: &RequestRecord, attempt: &AttemptRecord) -> &[u8] {
        let backend = attempt.backend.shared();
        let place = &mut self.places[place(Arc::as_ptr(backend))];
        if !place.of.as_ref().is_some_and(|of| of.is(record, attempt)) {
            place.text.clear();
            (self.render)(&mut place.text, record, attempt);
            place.of = Some(Of::new(record, attempt));
        }
        &place.text
    }
}

impl Of {
    #[cold]
    fn new(record: &RequestRecord, attempt: &AttemptRecord) -> Self {
        let Choice { by, policy, topology } = attempt.choice.clone();
        let pool = record.pool.as_ref().map(|pool| Arc::downgrade(pool.shared()));
        let backend = Arc::downgrade(attempt.backend.shared());
        Self { route: record.route.clone(), pool, backend, policy, by, topology }
    }

    fn is(&self, record: &RequestRecord, attempt: &AttemptRecord) -> bool {
        let Choice { by, policy, topology } = &attempt.choice;
        let pool = record.pool.as_ref().map(|pool| Arc::as_ptr(pool.shared()));
        self.backend.as_ptr() == Arc::as_ptr(attempt.backend.shared())
            && self.topology == *topology
            && self.by == *by
            && self.policy.as_ref().map(Arc::as_ptr) == policy.as_ref().map(Arc::as_ptr)
            && self.pool.as_ref().map(Weak::as_ptr) == pool
            && self.route == record.route
    }
}

/// The place for what is at an address: the middle of a product, as the lowest bits of an address say little.
fn place<T>(address: *const T) -> usize {
    const ODD: usize = 0x9e37_79b9_7f4a_7c15_u64 as usize;
    (address.addr().wrapping_mul(ODD) >> (usize::BITS / 2)) % PLACES
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use pointsman_core::clock::Moment;
    use pointsman_core::local::Local;
    use pointsman_core::record::{Connection, RouteIndex};
    use pointsman_sdk::abi::outcome;

    use super::*;

    fn attempt(backend: &Local<Backend>, version: &str, topology: u64) -> AttemptRecord {
        let policy = Some(Arc::new(PolicyLabel { name: "p".into(), version: version.into() }));
        AttemptRecord {
            backend: backend.clone(),
            choice: Choice { by: ChosenBy::Policy, policy, topology: TopologyGeneration(topology) },
            began: Moment(0),
            connection: Connection::None,
            answered: None,
            total: Duration::ZERO,
            outcome: outcome::COMPLETE,
            error: None,
        }
    }

    fn backend(name: &str) -> Local<Backend> {
        Local::new(Arc::new(Backend::new(name, ([10, 0, 0, 1], 80))))
    }

    fn render(text: &mut Vec<u8>, record: &RequestRecord, attempt: &AttemptRecord) {
        let route = record.route.as_ref().and_then(|route| route.name.as_deref()).unwrap_or("-");
        let label = attempt.choice.policy.as_ref().map_or("-", |label| &*label.version);
        let name = &*attempt.backend.shared().name;
        text.extend_from_slice(format!("{route} {name} {label} {}", attempt.choice.topology.0).as_bytes());
    }

    fn shown(texts: &mut ChoiceTexts, record: &RequestRecord, attempt: &AttemptRecord) -> String {
        String::from_utf8(texts.of(record, attempt).to_vec()).unwrap()
    }

    #[test]
    fn each_request_gets_the_text_of_its_own_choice() {
        let mut texts = ChoiceTexts::new(render);
        let (b1, b2) = (backend("b1"), backend("b2"));
        let mut record = RequestRecord::default();
        let (first, swapped) = (attempt(&b1, "v1", 1), attempt(&b1, "v2", 1));
        for _ in 0..2 {
            assert_eq!(shown(&mut texts, &record, &first), "- b1 v1 1");
            assert_eq!(shown(&mut texts, &record, &attempt(&b2, "v1", 1)), "- b2 v1 1");
            assert_eq!(
                shown(&mut texts, &record, &swapped),
                "- b1 v2 1",
                "the same backend, another version"
            );
            assert_eq!(shown(&mut texts, &record, &attempt(&b1, "v1", 2)), "- b1 v1 2");
        }
        for name in ["one", "two"] {
            record.route = Some(TakenRoute { index: RouteIndex(0), name: Some(name.into()) });
            assert_eq!(shown(&mut texts, &record, &first), format!("{name} b1 v1 1"), "the same number");
        }
    }

    #[test]
    fn it_is_rendered_once_and_keeps_no_backend_alive() {
        fn count(text: &mut Vec<u8>, _: &RequestRecord, _: &AttemptRecord) {
            use std::cell::Cell;
            thread_local!(static RENDERED: Cell<u8> = const { Cell::new(0) });
            RENDERED.set(RENDERED.get() + 1);
            text.push(RENDERED.get());
        }
        let mut texts = ChoiceTexts::new(count);
        let (record, b1) = (RequestRecord::default(), backend("b1"));
        let attempt = attempt(&b1, "v1", 1);
        for _ in 0..3 {
            assert_eq!(texts.of(&record, &attempt), [1]);
        }
        let shared = Arc::clone(b1.shared());
        drop((b1, attempt));
        assert_eq!(Arc::strong_count(&shared), 1);
    }

    #[test]
    fn more_backends_than_places_are_told_apart() {
        let mut texts = ChoiceTexts::new(render);
        let backends: Vec<_> = (0..1_000).map(|number| backend(&format!("b{number}"))).collect();
        let record = RequestRecord::default();
        for _ in 0..2 {
            for backend in &backends {
                let name = format!("- {} v1 1", backend.shared().name);
                assert_eq!(shown(&mut texts, &record, &attempt(backend, "v1", 1)), name);
            }
        }
    }
}
