//! A body that is encoded as it comes.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body, Frame};

use super::encoder::Encoder;
use super::head;

/// Most bytes that are encoded in one go, which takes less than a millisecond; then it is others' turn.
const PIECE: usize = 16 << 10;

/// What a poll gives.
type Polled<E> = Poll<Option<Result<Frame<Bytes>, Broken<E>>>>;

/// A body with its encoder.
#[derive(Debug)]
pub struct Compressed<B> {
    /// The body as it comes.
    pub body: B,
    /// None once its end is given out, or it has broken off.
    encoder: Option<Box<Encoder>>,
    /// What has come and isn't encoded yet.
    input: Bytes,
    /// Bytes that were encoded since the last flush.
    held: usize,
    /// It is others' turn.
    yields: bool,
    trailers: Option<HeaderMap>,
}

/// Why a body has broken off.
#[derive(Debug)]
pub enum Broken<E> {
    /// It came like that.
    Body(E),
    /// It can't be encoded.
    Encoder(io::Error),
}

impl<B: Body<Data = Bytes> + Unpin> Compressed<B> {
    /// Nothing has come yet.
    #[must_use]
    pub fn new(body: B, encoder: Box<Encoder>) -> Self {
        Self { body, encoder: Some(encoder), input: Bytes::new(), held: 0, yields: false, trailers: None }
    }

    /// Whether all was given out.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.encoder.is_none() && self.trailers.is_none()
    }

    /// The next frame. Whatever has come is given out before anything else is waited for.
    pub fn poll_frame(&mut self, cx: &mut Context<'_>) -> Polled<B::Error> {
        loop {
            if std::mem::take(&mut self.yields) {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            let Some(encoder) = &mut self.encoder else {
                return Poll::Ready(self.trailers.take().map(|trailers| Ok(Frame::trailers(trailers))));
            };
            if !self.input.is_empty() {
                let piece = self.input.split_to(self.input.len().min(PIECE - self.held));
                self.held += piece.len();
                if let Err(error) = encoder.push(&piece) {
                    return self.broken(Broken::Encoder(error));
                }
                if self.held == PIECE {
                    self.yields = true;
                    return self.flush();
                }
                continue;
            }
            match Pin::new(&mut self.body).poll_frame(cx) {
                Poll::Pending if self.held > 0 => return self.flush(),
                Poll::Pending => return Poll::Pending,
                Poll::Ready(None) => return self.finish(),
                Poll::Ready(Some(Err(error))) => return self.broken(Broken::Body(error)),
                Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
                    Ok(data) => self.input = data,
                    Err(frame) => {
                        self.trailers = frame.into_trailers().ok();
                        if let Some(trailers) = &mut self.trailers {
                            head::encode_trailers(trailers);
                        }
                        return self.finish();
                    }
                },
            }
        }
    }

    fn flush(&mut self) -> Polled<B::Error> {
        self.held = 0;
        match self.encoder.as_mut().map(|encoder| encoder.flush()) {
            Some(Ok(data)) => Poll::Ready(Some(Ok(Frame::data(data)))),
            Some(Err(error)) => self.broken(Broken::Encoder(error)),
            None => Poll::Ready(None),
        }
    }

    fn finish(&mut self) -> Polled<B::Error> {
        match self.encoder.take().map(|encoder| encoder.finish()) {
            Some(Ok(data)) => Poll::Ready(Some(Ok(Frame::data(data)))),
            Some(Err(error)) => self.broken(Broken::Encoder(error)),
            None => Poll::Ready(None),
        }
    }

    fn broken(&mut self, why: Broken<B::Error>) -> Polled<B::Error> {
        (self.encoder, self.trailers) = (None, None);
        Poll::Ready(Some(Err(why)))
    }
}
