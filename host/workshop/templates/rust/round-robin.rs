//! Backends take turns, each as often as its weight says and evenly spread: 3 and 1 give a a b a.
//!
//! Each worker of the proxy has its own turns. Configuration: none.

use pointsman_sdk::prelude::*;

/// The policy. Each worker of the proxy has its own.
#[derive(Default)]
pub struct RoundRobin {
    /// How much each backend is behind its share.
    behind: Vec<i64>,
}

impl Policy for RoundRobin {
    type Config = ();

    fn new(_: (), backends: &Backends) -> Result<Self, Error> {
        let mut policy = Self::default();
        policy.topology(backends);
        Ok(policy)
    }

    /// Backends came, went, or changed: what was kept for their indexes is void.
    fn topology(&mut self, backends: &Backends) {
        self.behind.clear();
        self.behind.resize(backends.len(), 0);
    }

    fn pick(&mut self, request: &Request, backends: &Backends) -> Verdict {
        let mut total = 0;
        let mut next: Option<usize> = None;
        for index in 0..self.behind.len() {
            if !backends.eligible(index) || request.tried(index) {
                continue;
            }
            let weight = i64::from(backends.weight(index));
            self.behind[index] += weight;
            total += weight;
            next = match next {
                Some(other) if self.behind[other] >= self.behind[index] => Some(other),
                _ => Some(index),
            };
        }
        if let Some(index) = next {
            self.behind[index] -= total;
        }
        next.into()
    }
}

export_policy!(RoundRobin);

#[cfg(test)]
mod tests {
    use pointsman_sdk::testing::{TestHost, TestRequest};

    use super::*;

    #[test]
    fn turns_are_by_weight() {
        let host = TestHost::new().backend("a").weight(3).backend("b");
        let mut policy = host.policy::<RoundRobin>().expect("a policy");
        assert_eq!(policy.pick_names(8), "a a b a a a b a");
    }

    #[test]
    fn what_was_tried_or_is_down_is_left_out() {
        let host = TestHost::new().backend("a").backend("b").backend("c");
        host.at("b").healthy(false);
        let mut policy = host.policy::<RoundRobin>().expect("a policy");
        assert_eq!(policy.pick_name(&TestRequest::new().tried("a")), "c");
    }
}
