//! Faults of a section of a spec.

use std::ops::Range;

use super::super::service::Service;
use crate::toml_file::Fault;

pub(super) type Checked = Result<(), Fault>;

/// A section of the file, for faults in it.
pub(super) struct Section(pub(super) &'static str, pub(super) Option<Range<usize>>);

impl Section {
    pub(super) fn holds(&self, is_right: bool, key: &'static str, message: impl Into<String>) -> Checked {
        if is_right { Ok(()) } else { Err(self.fault(key, message.into())) }
    }

    pub(super) fn fault(&self, key: &str, message: String) -> Fault {
        let Self(section, span) = self;
        let parts = [section, key].into_iter().filter(|part| !part.is_empty());
        Fault { span: span.clone(), key: parts.collect::<Vec<_>>().join("."), message }
    }

    pub(super) fn name(&self, name: &str) -> Checked {
        name_fault(name).map_or(Ok(()), |fault| self.holds(false, "name", fault))
    }

    pub(super) fn service(&self, service: Option<&Service>) -> Checked {
        service.and_then(Service::fault).map_or(Ok(()), |fault| self.holds(false, "service", fault))
    }
}

/// What is wrong with a name, which is to stand in tables, charts and pages; none if nothing is.
#[must_use]
pub fn name_fault(name: &str) -> Option<&'static str> {
    let is_right = !name.is_empty() && is_clean(name);
    (!is_right).then_some("a name has at least one character, and none that controls a terminal")
}

pub(super) fn is_clean(text: &str) -> bool {
    !text.chars().any(char::is_control)
}
