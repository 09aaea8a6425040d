//! The copy of a request that its policy can access in `observe`, when the request itself has been sent.

use std::net::IpAddr;

use pointsman_core::request::RequestHead;
use pointsman_core::tried::Tried;

/// How much of a request a guest can access, by what it imports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(super) enum RequestAccess {
    /// Nothing.
    #[default]
    Nothing,
    /// Where the request comes from and what it has tried.
    Outline,
    /// Method, target and header fields too.
    Whole,
}

/// What a policy can access of a request in `observe`. Small, as every request carries one around.
#[derive(Debug, Default)]
pub enum ObservedRequest {
    /// The policy can't access it.
    #[default]
    Nothing,
    /// All but the head.
    Outline {
        /// The client.
        client: IpAddr,
        /// What the request had tried when it was sent, if this isn't its first attempt.
        tried: Option<Box<Tried>>,
    },
    /// Everything.
    Whole(Box<RequestHead>),
}

impl ObservedRequest {
    /// Copies what can be accessed; the request itself goes to the backend.
    pub(super) fn of(head: &RequestHead, access: RequestAccess) -> Self {
        match access {
            RequestAccess::Nothing => Self::Nothing,
            RequestAccess::Outline => {
                let first = head.tried.attempt == 0 && head.tried.is_empty();
                let tried = (!first).then(|| Box::new(head.tried.clone()));
                Self::Outline { client: head.client, tried }
            }
            RequestAccess::Whole => Self::Whole(Box::new(RequestHead { picks: None, ..head.clone() })),
        }
    }

    /// The request in the form in which guests access it.
    pub(super) fn into_head(self) -> Option<RequestHead> {
        match self {
            Self::Nothing => None,
            Self::Outline { client, tried } => {
                let tried = tried.map_or_else(Tried::default, |tried| *tried);
                Some(RequestHead { client, tried, ..RequestHead::default() })
            }
            Self::Whole(head) => Some(*head),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use pointsman_core::backend::BackendIndex;

    use super::*;
    use crate::testing::{ABSTAIN, loader, open, request};
    use crate::{Pick, Picked, Picker};

    const OBSERVE: &str = "(func (export \"pointsman_observe\") (param i32 i32 i32 i64 i64))";
    const TRIED: &str = "(import \"pointsman_1.0\" \"tried\" (func (param i32) (result i32)))";
    const HEADER: &str = "(import \"pointsman_1.0\" \"header\" (func (param i32 i32 i32 i32) (result i32)))";

    /// What is kept of a request by a policy with these imports and hooks, whose pick is this.
    fn kept(imports: &str, hooks: &str, pick: &str) -> ObservedRequest {
        let module = format!(
            "(module {imports} (memory (export \"memory\") 1) (data (i32.const 0) \"x-user\") {hooks}
                (func (export \"pointsman_init\") (result i32) (i32.const 0))
                (func (export \"pointsman_pick\") (result i64) {pick}))"
        );
        let loader = loader(1);
        let mut opened = open(&loader, wat::parse_str(module).unwrap(), &Arc::default());
        keep(&mut opened.pickers[0])
    }

    fn keep(picker: &mut Picker) -> ObservedRequest {
        let mut head = request();
        head.tried.attempt = 1;
        head.tried.rebase(picker.topology().generation());
        head.tried.insert(BackendIndex(2));
        let picked: Picked = match picker.pick(&mut head) {
            Pick::Backend(picked) => picked,
            other => panic!("{other:?}"),
        };
        picker.keep(picked, &head)
    }

    #[test]
    fn a_policy_that_will_not_ask_has_nothing_kept() {
        for (imports, hooks) in [("", ""), ("", OBSERVE), (TRIED, ""), (HEADER, "")] {
            assert!(matches!(kept(imports, hooks, ABSTAIN), ObservedRequest::Nothing), "{imports} {hooks}");
        }
        // There is no backend 9: the fallback picks, and the policy doesn't observe the response.
        let bad_for_ada = "(select (i64.const 9) (i64.const 0x1_0000_0000)
            (i32.eq (i32.const 3) (call 0 (i32.const 0) (i32.const 6) (i32.const 16) (i32.const 16))))";
        assert!(matches!(kept(HEADER, OBSERVE, bad_for_ada), ObservedRequest::Nothing));
    }

    #[test]
    fn one_that_may_ask_has_kept_what_it_can_ask_for() {
        let outline = kept(TRIED, OBSERVE, ABSTAIN);
        assert!(matches!(outline, ObservedRequest::Outline { .. }), "{outline:?}");
        let head = outline.into_head().unwrap();
        assert_eq!((head.client, head.tried.attempt), ([10, 0, 0, 7].into(), 1));
        assert!(head.tried.contains(BackendIndex(2)) && head.parts.headers.is_empty());

        for imports in [HEADER.to_owned(), format!("{TRIED}{HEADER}")] {
            let whole = kept(&imports, OBSERVE, ABSTAIN);
            assert!(matches!(whole, ObservedRequest::Whole(_)), "{whole:?}");
            let head = whole.into_head().unwrap();
            assert_eq!((head.client, head.tried.attempt), ([10, 0, 0, 7].into(), 1));
            assert_eq!(
                (head.parts.uri.path(), head.parts.headers["x-user"].as_bytes()),
                ("/v1/users", &b"ada"[..])
            );
        }
    }
}
