//! Keys of a section with their values.

/// Keys of a section with their values as they are written, in the order in which they were set.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Keys(Vec<(&'static str, String)>);

impl Keys {
    /// Sets a key, also one that has a value.
    pub(super) fn set(&mut self, key: &'static str, value: impl Into<String>) {
        let value = value.into();
        match self.0.iter_mut().find(|(name, _)| *name == key) {
            Some((_, old)) => *old = value,
            None => self.0.push((key, value)),
        }
    }

    pub(super) fn get(&self, key: &str) -> Option<&str> {
        self.0.iter().find(|(name, _)| *name == key).map(|(_, value)| value.as_str())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The keys in the given order, and then all others.
    pub(super) fn in_order<'a>(
        &'a self,
        order: &'a [&'static str],
    ) -> impl Iterator<Item = (&'static str, &'a str)> {
        let place = |key: &str| order.iter().position(|name| *name == key).unwrap_or(order.len());
        let mut keys: Vec<_> = self.0.iter().map(|(key, value)| (*key, value.as_str())).collect();
        keys.sort_by_key(|(key, _)| place(key));
        keys.into_iter()
    }
}
