//! What isn't as it should be, as the proxy says it.

use super::output::{Styled, Tone};
use crate::admin::model::{Overview, TroubleLevel};

/// What isn't well, the worst first; empty if all is.
pub(super) fn troubles(overview: &Overview) -> Vec<Styled> {
    let tone = |level| match level {
        TroubleLevel::Critical => Tone::Bad,
        TroubleLevel::Warning => Tone::Notice,
        TroubleLevel::Note => Tone::Plain,
    };
    overview.troubles.iter().map(|trouble| Styled::new(&trouble.text, tone(trouble.level))).collect()
}
