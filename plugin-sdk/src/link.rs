//! Which host answers the imports.
//!
//! A guest calls the proxy. A native build calls the host that the running test has put in place, so that the same policy runs
//! in `cargo test`.

#[cfg(target_arch = "wasm32")]
use crate::imports::Imports;

/// The host of this guest: the proxy. There is one type behind it, so each call compiles to a call of the import.
#[cfg(target_arch = "wasm32")]
#[inline(always)]
pub(crate) fn host() -> &'static dyn Imports {
    &crate::proxy::Proxy
}

#[cfg(not(target_arch = "wasm32"))]
pub(crate) use native::{host, with_host};

#[cfg(not(target_arch = "wasm32"))]
mod native {
    use crate::imports::Imports;
    use std::cell::RefCell;
    use std::rc::Rc;

    thread_local! {
        static CURRENT: RefCell<Option<Rc<dyn Imports>>> = const { RefCell::new(None) };
    }

    /// The host that the running test has put in place on this thread.
    ///
    /// # Panics
    ///
    /// If there is none. Only a test can cause that, by calling the SDK outside [`TestHost`](crate::testing::TestHost).
    pub(crate) fn host() -> Rc<dyn Imports> {
        CURRENT.with_borrow(Clone::clone).expect(
            "no test host on this thread: call policies through TestHost::policy and the SDK's functions inside TestHost::run",
        )
    }

    /// Runs `call` with `host` in place, and puts the one before it back even if `call` panics.
    pub(crate) fn with_host<R>(host: Rc<dyn Imports>, call: impl FnOnce() -> R) -> R {
        struct Restore(Option<Rc<dyn Imports>>);
        impl Drop for Restore {
            fn drop(&mut self) {
                CURRENT.set(self.0.take());
            }
        }
        let _restore = Restore(CURRENT.replace(Some(host)));
        call()
    }
}
