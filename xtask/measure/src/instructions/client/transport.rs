//! What carries a client's connection.

use std::io::{Read, Write};

/// Bytes both ways.
pub(super) trait Transport: Read + Write {}

impl<T: Read + Write> Transport for T {}
