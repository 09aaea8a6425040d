//! Alternatives in words.

use std::fmt;

/// Alternatives, as a route's rule shows them: one as it is, several in braces.
pub(super) struct Alternatives<'a, T>(pub(super) &'a [T]);

impl<T: fmt::Display> fmt::Display for Alternatives<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [first, others @ ..] = self.0 else { return Ok(()) };
        if others.is_empty() {
            return first.fmt(f);
        }
        write!(f, "{{{first}")?;
        for other in others {
            write!(f, ",{other}")?;
        }
        f.write_str("}")
    }
}
