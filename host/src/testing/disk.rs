//! A disk that may be full, for tests of what writes.

use std::io::{self, ErrorKind, Write};

/// A disk with so much room.
#[derive(Debug)]
pub(crate) struct Disk {
    content: Vec<u8>,
    pub(crate) room: usize,
}

impl Disk {
    pub(crate) fn with_room(room: usize) -> Self {
        Self { content: Vec::new(), room }
    }

    /// What was written since this was last asked.
    pub(crate) fn take_text(&mut self) -> String {
        String::from_utf8(std::mem::take(&mut self.content)).expect("text")
    }
}

impl Write for Disk {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.room == 0 {
            return Err(ErrorKind::StorageFull.into());
        }
        // Little by little, as some sinks do.
        let written = bytes.len().min(self.room).min(3);
        self.room -= written;
        self.content.extend_from_slice(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
