//! What encodes one body, piece by piece.

use std::fmt;
use std::io::{self, Write as _};
use std::mem::take;

use brotli::CompressorWriter;
use brotli::enc::BrotliEncoderParams;
use bytes::Bytes;
use flate2::write::GzEncoder;
use zstd_safe::zstd_sys::ZSTD_EndDirective;
use zstd_safe::{CCtx, CParameter, InBuffer, OutBuffer};

use super::active::Active;
use crate::config::{Coding, CompressionConfig};

/// How far back zstd looks, as a power of two: 128 KiB, which bounds its memory.
const ZSTD_WINDOW: u32 = 17;

/// The same of Brotli: 256 KiB. With less, its higher levels take another way that needs 32 MiB.
const BROTLI_WINDOW: i32 = 18;

/// Room that Brotli's output is written through.
const BROTLI_BUFFER: usize = 4 << 10;

/// Room that is made for zstd's output at a time.
const ZSTD_ROOM: usize = 4 << 10;

/// The encoder of one response.
pub struct Encoder {
    stream: Stream,
    _active: Active,
}

enum Stream {
    Zstd(Zstd),
    Brotli(Box<CompressorWriter<Vec<u8>>>),
    Gzip(GzEncoder<Vec<u8>>),
}

struct Zstd {
    context: CCtx<'static>,
    output: Vec<u8>,
}

impl Encoder {
    /// An encoder; none if there is no memory for it.
    pub(super) fn new(coding: Coding, config: &CompressionConfig, active: Active) -> Option<Self> {
        let stream = match coding {
            Coding::Zstd => Stream::Zstd(Zstd::new(config.zstd_level)?),
            Coding::Brotli => {
                let quality = i32::try_from(config.br_level).ok()?;
                let params = BrotliEncoderParams { quality, lgwin: BROTLI_WINDOW, ..Default::default() };
                Stream::Brotli(Box::new(CompressorWriter::with_params(Vec::new(), BROTLI_BUFFER, &params)))
            }
            Coding::Gzip => {
                Stream::Gzip(GzEncoder::new(Vec::new(), flate2::Compression::new(config.gzip_level)))
            }
        };
        Some(Self { stream, _active: active })
    }

    /// Takes in a piece.
    pub(super) fn push(&mut self, piece: &[u8]) -> io::Result<()> {
        match &mut self.stream {
            Stream::Zstd(stream) => stream.run(piece, ZSTD_EndDirective::ZSTD_e_continue),
            Stream::Brotli(stream) => stream.write_all(piece),
            Stream::Gzip(stream) => stream.write_all(piece),
        }
    }

    /// Gives out all that was taken in.
    pub(super) fn flush(&mut self) -> io::Result<Bytes> {
        let output = match &mut self.stream {
            Stream::Zstd(stream) => {
                stream.run(&[], ZSTD_EndDirective::ZSTD_e_flush)?;
                take(&mut stream.output)
            }
            Stream::Brotli(stream) => {
                stream.flush()?;
                take(stream.get_mut())
            }
            Stream::Gzip(stream) => {
                stream.flush()?;
                take(stream.get_mut())
            }
        };
        Ok(output.into())
    }

    /// Gives out the rest and the end.
    pub(super) fn finish(self) -> io::Result<Bytes> {
        let output = match self.stream {
            Stream::Zstd(mut stream) => {
                stream.run(&[], ZSTD_EndDirective::ZSTD_e_end)?;
                stream.output
            }
            Stream::Brotli(stream) => stream.into_inner(),
            Stream::Gzip(stream) => stream.finish()?,
        };
        Ok(output.into())
    }
}

impl fmt::Debug for Encoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match &self.stream {
            Stream::Zstd(_) => "Zstd",
            Stream::Brotli(_) => "Brotli",
            Stream::Gzip(_) => "Gzip",
        })
    }
}

impl Zstd {
    fn new(level: u32) -> Option<Self> {
        let mut context = CCtx::try_create()?;
        context.set_parameter(CParameter::CompressionLevel(i32::try_from(level).ok()?)).ok()?;
        context.set_parameter(CParameter::WindowLog(ZSTD_WINDOW)).ok()?;
        Some(Self { context, output: Vec::new() })
    }

    /// Encodes this; until nothing is left inside, if so directed.
    fn run(&mut self, piece: &[u8], directive: ZSTD_EndDirective) -> io::Result<()> {
        let mut input = InBuffer::around(piece);
        loop {
            self.output.reserve(ZSTD_ROOM);
            let written = self.output.len();
            let mut output = OutBuffer::around_pos(&mut self.output, written);
            let left = self
                .context
                .compress_stream2(&mut output, &mut input, directive)
                .map_err(|code| io::Error::other(zstd_safe::get_error_name(code)))?;
            let is_whole = match directive {
                ZSTD_EndDirective::ZSTD_e_continue => input.pos() == piece.len(),
                ZSTD_EndDirective::ZSTD_e_flush | ZSTD_EndDirective::ZSTD_e_end => left == 0,
            };
            if is_whole {
                return Ok(());
            }
        }
    }
}
