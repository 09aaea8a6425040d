//! A plugin file as it comes in.

use std::borrow::Cow;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

use crate::bundled::bundled;

/// A plugin file's content and where it came from.
#[derive(Clone)]
pub struct Plugin {
    /// A path, or the name of a bundled policy: for logs.
    pub origin: Arc<str>,
    /// The whole file.
    pub content: Cow<'static, [u8]>,
}

impl fmt::Debug for Plugin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Plugin({}, {} bytes)", self.origin, self.content.len())
    }
}

impl Plugin {
    /// The bundled policy of this name, if there is one.
    #[must_use]
    pub fn bundled(name: &str) -> Option<Self> {
        let content = bundled(name)?;
        Some(Self { origin: format!("bundled {name}").into(), content: Cow::Borrowed(content) })
    }

    /// Whether it is part of this program.
    #[must_use]
    pub fn is_bundled(&self) -> bool {
        matches!(self.content, Cow::Borrowed(_))
    }

    /// The content of a file that has been read.
    #[must_use]
    pub fn file(path: &Path, content: Vec<u8>) -> Self {
        Self { origin: path.display().to_string().into(), content: Cow::Owned(content) }
    }
}

/// The name of a policy, from the origin of its plugin: a bundled one's own, or its file's without the ending.
#[must_use]
pub fn policy_name(origin: &str) -> &str {
    let file = origin.strip_prefix("bundled ").unwrap_or_else(|| origin.rsplit('/').next().unwrap_or(origin));
    file.strip_suffix(".wasm").unwrap_or(file)
}

#[cfg(test)]
mod tests {
    use super::policy_name;

    #[test]
    fn a_policy_is_named_as_bundled_or_after_its_file() {
        let names = ["bundled ip-hash", "/etc/p/canary.wasm", "canary", "/etc/p/", ".wasm"].map(policy_name);
        assert_eq!(names, ["ip-hash", "canary", "canary", "", ""]);
    }
}
