//! What new policies do at first.

use std::str::FromStr;

/// An algorithm with a template in each language. The order is that of [`Kit`](super::Kit)'s policies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Like {
    /// Backends take turns.
    RoundRobin,
    /// The less loaded of some at random.
    P2c,
    /// By a key of the request.
    Hash,
}

impl Like {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::RoundRobin, Self::P2c, Self::Hash];

    /// What it is called on the command line.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::RoundRobin => "round-robin",
            Self::P2c => "p2c",
            Self::Hash => "hash",
        }
    }

    pub(super) fn what(self) -> &'static str {
        match self {
            Self::RoundRobin => "backends take turns, each as often as its weight says",
            Self::P2c => "of two random backends the less loaded one gets the request",
            Self::Hash => "the same client gets the same backend",
        }
    }

    /// What the policy must do, for `pointsman policy test`.
    pub(super) fn scenario(self) -> &'static str {
        match self {
            Self::RoundRobin => include_str!("../../templates/shared/round-robin.toml"),
            Self::P2c => include_str!("../../templates/shared/p2c.toml"),
            Self::Hash => include_str!("../../templates/shared/hash.toml"),
        }
    }
}

impl FromStr for Like {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|like| like.as_str() == text);
        found.ok_or_else(|| {
            let names = Self::ALL.map(Self::as_str).join(", ");
            format!("there is no template like `{text}`; there are: {names}")
        })
    }
}
