//! The request that a guest may look at while it is called.

use std::mem;

use crate::request::RequestHead;

/// How much of a request a guest has to be lent, which is what its imports can ask for. A whole head is three hundred
/// bytes to move in and out; most policies never look at it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(crate) enum Lending {
    /// It asks for nothing.
    #[default]
    Nothing,
    /// Where the request comes from and what it has tried.
    Outline,
    /// Method, target and header fields too.
    Whole,
}

/// A place for a request that belongs to someone else.
#[derive(Debug, Default)]
pub(crate) struct LentRequest {
    /// An empty one between calls.
    head: RequestHead,
    is_lent: bool,
}

impl LentRequest {
    /// The request, while there is one.
    pub(crate) fn head(&self) -> Option<&RequestHead> {
        self.is_lent.then_some(&self.head)
    }

    /// Takes a request, or gives it back.
    pub(crate) fn exchange(&mut self, lending: Lending, head: &mut RequestHead) {
        match lending {
            Lending::Nothing => return,
            Lending::Outline => {
                self.head.client = head.client;
                mem::swap(&mut self.head.tried, &mut head.tried);
            }
            Lending::Whole => mem::swap(&mut self.head, head),
        }
        self.is_lent = !self.is_lent;
    }
}
