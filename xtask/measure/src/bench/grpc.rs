//! Messages of gRPC, as they stand in bodies.

/// Bytes before a message: whether it is compressed, and its length.
pub(super) const PREFIX: usize = 5;

/// A message in a body, uncompressed.
pub(super) fn message(content: &[u8]) -> Vec<u8> {
    let mut message = vec![0];
    message.extend_from_slice(&u32::try_from(content.len()).unwrap_or(u32::MAX).to_be_bytes());
    message.extend_from_slice(content);
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_has_its_length_before_it() {
        assert_eq!(message(b"Hello"), b"\0\0\0\0\x05Hello");
        assert_eq!(message(&[b'x'; 300])[..PREFIX], *b"\0\0\0\x01\x2c");
    }
}
