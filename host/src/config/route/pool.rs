//! The pool that a route names.

use super::super::read::{Value, closest, excerpt, list};

/// The pool of this name, which stands here.
pub(super) fn pool(value: &Value<'_>, pools: &[&str]) -> Option<usize> {
    index(value, value.string()?, pools)
}

/// The index of a pool; a fault of `value` if there is none of that name.
pub(super) fn index(value: &Value<'_>, name: &str, pools: &[&str]) -> Option<usize> {
    let index = pools.iter().position(|pool| *pool == name);
    if index.is_none() {
        let hint = match closest(name, pools.iter().copied()) {
            Some(pool) => format!("did you mean `{pool}`? The pools are {}", list(pools.iter().copied())),
            None if pools.is_empty() => format!("add a section `[pool.{}]`", excerpt(name)),
            None => format!("the pools are {}", list(pools.iter().copied())),
        };
        value.fail(format!("there is no pool `{}`", excerpt(name)), hint);
    }
    index
}
