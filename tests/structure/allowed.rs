//! What breaks a rule and is still there. These lists only shrink: whatever is in order again has to leave them.

/// Files in circles.
pub(crate) const IN_CIRCLES: &[&str] = &[];

/// Functions that are too long: file and name.
pub(crate) const LONG_FUNCTIONS: &[(&str, &str)] = &[];

/// Types that have too many fields: file and name.
pub(crate) const LARGE_TYPES: &[(&str, &str)] = &[];
