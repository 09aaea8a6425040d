//! The versions that a slot has published.

use std::collections::VecDeque;
use std::sync::Arc;

use pointsman_core::clock::Moment;

use crate::plugin::Plugin;
use crate::version::VersionId;

/// Most versions that a slot remembers. The one that was published longest ago goes first.
const MOST: usize = 8;

/// A version that a slot has published, with what is needed to publish it again. Its compiled code isn't kept: it is many times as
/// large, and made anew in milliseconds.
#[derive(Debug)]
pub struct PublishedVersion {
    /// The version.
    pub id: VersionId,
    /// Its plugin.
    pub plugin: Plugin,
    /// When it was last published.
    pub at: Moment,
}

/// The versions of a slot in the order in which they were last published.
#[derive(Debug, Default)]
pub(super) struct History(VecDeque<Arc<PublishedVersion>>);

impl History {
    pub(super) fn add(&mut self, published: PublishedVersion) {
        self.0.retain(|known| known.id != published.id);
        if self.0.len() == MOST {
            self.0.pop_front();
        }
        self.0.push_back(Arc::new(published));
    }

    pub(super) fn all(&self) -> Vec<Arc<PublishedVersion>> {
        self.0.iter().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_versions_are_known_in_the_order_of_their_publication() {
        let mut history = History::default();
        let mut add = |number: u8, at| {
            let plugin = Plugin { origin: number.to_string().into(), content: vec![number].into() };
            history.add(PublishedVersion { id: VersionId::of(&plugin.content), plugin, at: Moment(at) });
            history.all().iter().map(|known| (known.plugin.content[0], known.at.0)).collect::<Vec<_>>()
        };
        assert_eq!(add(1, 10), [(1, 10)]);
        assert_eq!(add(2, 20), [(1, 10), (2, 20)]);
        assert_eq!(add(1, 30), [(2, 20), (1, 30)], "a version that comes back is the last one again");
        for number in 3..3 + MOST as u8 - 2 {
            add(number, 40);
        }
        assert_eq!(add(99, 50).first(), Some(&(1, 30)));
    }
}
