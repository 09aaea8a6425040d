//! W3C Trace Context: where a request stands in a trace, as `traceparent` says it.

/// A span within its trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SpanIds {
    /// The trace; not 0.
    pub trace: u128,
    /// The span; not 0.
    pub span: u64,
}

/// What `traceparent` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceParent {
    /// The sender's span.
    pub ids: SpanIds,
    /// Whether the sender records it.
    pub sampled: bool,
}

/// Length of the field's value in version 00, which any later one begins with.
const LENGTH: usize = 55;

/// The one flag that is known.
const SAMPLED: u64 = 1;

impl TraceParent {
    /// Reads the field. `None` if it says nothing that counts: wrong in form, all zeros, or of the version that never will be.
    #[must_use]
    pub fn parse(value: &[u8]) -> Option<Self> {
        let (known, rest) = value.split_at_checked(LENGTH)?;
        let dashes = [2, 35, 52].iter().all(|&place| known[place] == b'-');
        let version = hex(&known[..2])?;
        let is_whole = match version {
            0 => rest.is_empty(),
            0xff => false,
            // What a later version adds comes after another dash.
            _ => rest.is_empty() || rest[0] == b'-',
        };
        if !dashes || !is_whole {
            return None;
        }
        let trace = u128::from(hex(&known[3..19])?) << 64 | u128::from(hex(&known[19..35])?);
        let (span, flags) = (hex(&known[36..52])?, hex(&known[53..])?);
        let ids = SpanIds { trace, span };
        (trace != 0 && span != 0).then_some(Self { ids, sampled: flags & SAMPLED != 0 })
    }
}

impl std::fmt::Display for TraceParent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "00-{:032x}-{:016x}-{:02x}", self.ids.trace, self.ids.span, u64::from(self.sampled))
    }
}

/// At most 16 hexadecimal digits, in lower case.
fn hex(digits: &[u8]) -> Option<u64> {
    digits.iter().try_fold(0, |number, &digit| {
        let value = match digit {
            b'0'..=b'9' => digit - b'0',
            b'a'..=b'f' => digit - b'a' + 10,
            _ => return None,
        };
        Some(number << 4 | u64::from(value))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let text = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let parent = TraceParent::parse(text.as_bytes()).unwrap();
        let ids = SpanIds { trace: 0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736, span: 0x00f0_67aa_0ba9_02b7 };
        assert_eq!(parent, TraceParent { ids, sampled: true });
        assert_eq!(parent.to_string(), text);
        let later = "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-02-what-comes";
        assert_eq!(TraceParent::parse(later.as_bytes()), Some(TraceParent { ids, sampled: false }));
    }

    #[test]
    fn what_is_invalid_is_none() {
        for bad in [
            "",
            "00",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01x",
            "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01x",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4bf92f3577b34da6a3ce929d0e0e473g-00f067aa0ba902b7-01",
            "00_4bf92f3577b34da6a3ce929d0e0e4736_00f067aa0ba902b7_01",
            " 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        ] {
            assert_eq!(TraceParent::parse(bad.as_bytes()), None, "{bad}");
        }
    }
}
