//! The backends of a pool by their source, and which of them are its members.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::address::Address;
use crate::backend::Backend;

/// Most members of a pool that has discovered ones.
pub const MOST: usize = 10_000;

/// The backends of a pool by their source.
///
/// Of several backends with one name, that of the operator counts, else that of the file, else the discovered one.
#[derive(Debug, Clone, Default)]
pub struct Members {
    /// Those of the configuration file, in its order.
    pub file: Vec<Arc<Backend>>,
    /// Those that discovery has found, in the order of the entries that they were found for.
    pub discovered: Vec<Arc<Backend>>,
    /// Those that an operator has set while the proxy runs.
    pub operator: Vec<Arc<Backend>>,
    /// What an operator has changed of any of them, by name.
    pub overrides: HashMap<Box<str>, Override>,
}

/// What an operator has changed of a backend. `None`: as its source says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Override {
    /// Whether it drains.
    pub draining: Option<bool>,
    /// Its weight, in thousandths; never 0.
    pub weight: Option<u32>,
}

impl Override {
    fn of(self, backend: &Backend) -> Arc<Backend> {
        let draining = self.draining.unwrap_or(backend.draining);
        let weight = self.weight.unwrap_or(backend.weight);
        Arc::new(Backend { draining, weight, ..backend.clone() })
    }
}

impl Members {
    /// The members in their order: those of the file, in whose places the operator's of the same names are; the operator's others;
    /// the discovered ones by address.
    ///
    /// So a policy that hashes sees the same list on every proxy of a fleet, whatever order a DNS server answers in. A discovered
    /// backend is left out if another member has its address, or there are [`MOST`].
    #[must_use]
    pub fn merged(&self) -> Vec<Arc<Backend>> {
        let operator: HashMap<&str, &Arc<Backend>> =
            self.operator.iter().map(|backend| (&*backend.name, backend)).collect();
        let file = self.file.iter().map(|backend| operator.get(&*backend.name).copied().unwrap_or(backend));
        let mut names: HashSet<&str> = HashSet::new();
        let mut merged: Vec<Arc<Backend>> =
            file.chain(&self.operator).filter(|backend| names.insert(&backend.name)).cloned().collect();

        let mut addresses: HashSet<Address> = merged.iter().map(|backend| backend.address.clone()).collect();
        let room = MOST.saturating_sub(merged.len());
        let mut discovered: Vec<Arc<Backend>> = self
            .discovered
            .iter()
            .filter(|backend| addresses.insert(backend.address.clone()) && names.insert(&backend.name))
            .take(room)
            .cloned()
            .collect();
        discovered.sort_by(|one, other| one.address.cmp(&other.address));
        merged.extend(discovered);
        if !self.overrides.is_empty() {
            for backend in &mut merged {
                if let Some(changed) = self.overrides.get(&backend.name) {
                    *backend = changed.of(backend);
                }
            }
        }
        merged
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::Source;

    /// Backends as `name@host`, with 10.0.0.host as their address.
    fn backends(list: &str, source: &Source) -> Vec<Arc<Backend>> {
        let backend = |written: &str| {
            let (name, host) = written.split_once('@').unwrap();
            Arc::new(Backend {
                source: source.clone(),
                ..Backend::new(name, ([10, 0, 0, host.parse().unwrap()], 80))
            })
        };
        list.split_whitespace().map(backend).collect()
    }

    /// The members as `name@host`, with the first letter of their source before it.
    fn check(file: &str, discovered: &str, operator: &str, expected: &str) {
        let members = Members {
            file: backends(file, &Source::File),
            discovered: backends(discovered, &Source::Discovery { entry: "x".into() }),
            operator: backends(operator, &Source::Operator),
            overrides: HashMap::new(),
        };
        let shown = |backend: Arc<Backend>| {
            let source = match backend.source {
                Source::File => 'f',
                Source::Discovery { .. } => 'd',
                Source::Operator => 'o',
            };
            let host = backend.address.ip().unwrap().to_string().rsplit('.').next().unwrap().to_owned();
            format!("{source}:{}@{host}", backend.name)
        };
        let merged: Vec<String> = members.merged().into_iter().map(shown).collect();
        assert_eq!(
            merged.join(" "),
            expected,
            "file [{file}], discovered [{discovered}], operator [{operator}]"
        );
    }

    #[test]
    fn sources_have_an_order() {
        check("", "", "", "");
        check("b@2 a@1", "", "", "f:b@2 f:a@1");
        check("b@2 a@1", "x@9 y@8", "", "f:b@2 f:a@1 d:y@8 d:x@9");
        check("b@2 a@1", "x@9", "o@5 n@4", "f:b@2 f:a@1 o:o@5 o:n@4 d:x@9");
        check("", "x@9 y@8", "", "d:y@8 d:x@9");
    }

    #[test]
    fn of_one_name_the_operators_counts_then_the_files() {
        check("a@1 b@2", "", "a@7", "o:a@7 f:b@2");
        check("a@1", "a@2 b@3", "", "f:a@1 d:b@3");
        check("", "a@2 b@3", "a@7", "o:a@7 d:b@3");
        check("a@1", "a@2", "a@3", "o:a@3");
        check("", "a@1 a@2", "", "d:a@1");
    }

    #[test]
    fn a_discovered_backend_needs_an_unused_address() {
        check("a@1", "x@1 y@2", "", "f:a@1 d:y@2");
        check("", "x@3", "o@3", "o:o@3");
        check("", "x@3 y@3", "", "d:x@3");
        // The operator has moved the file's, so its address is free.
        check("a@1", "x@1", "a@2", "o:a@2 d:x@1");
        // What is configured twice stays.
        check("a@1 b@1", "", "o@1", "f:a@1 f:b@1 o:o@1");
    }

    #[test]
    fn a_pool_has_its_limit() {
        let file = (0..MOST - 1).map(|number| {
            let backend = Backend::clone(&backends("n@1", &Source::File)[0]);
            Arc::new(Backend { name: number.to_string().into(), ..backend })
        });
        let discovered = backends("x@8 y@7", &Source::Discovery { entry: "x".into() });
        let merged =
            Members { file: file.collect(), discovered, operator: Vec::new(), ..Members::default() }.merged();
        assert_eq!((merged.len(), &*merged[MOST - 1].name), (MOST, "x"), "the first that was found");
    }

    #[test]
    fn an_override_changes_what_it_says_and_no_more() {
        let drained = Override { draining: Some(true), weight: None };
        let members = Members {
            file: backends("a@1 b@2", &Source::File),
            discovered: backends("x@9", &Source::Discovery { entry: "x".into() }),
            operator: Vec::new(),
            overrides: [
                ("a".into(), drained),
                ("x".into(), Override { draining: None, weight: Some(500) }),
                ("gone".into(), drained),
            ]
            .into(),
        };
        let merged = members.merged();
        let stands = |backend: &Arc<Backend>| (backend.name.to_string(), backend.draining, backend.weight);
        let expected = [("a", true, 1000), ("b", false, 1000), ("x", false, 500)];
        assert_eq!(
            merged.iter().map(stands).collect::<Vec<_>>(),
            expected.map(|(name, draining, weight)| (name.to_owned(), draining, weight))
        );
        assert!(Arc::ptr_eq(&merged[0].stats, &members.file[0].stats), "it goes on counting");
    }
}
