//! What the bundled policies have in common, beside the SDK.
//!
//! A policy that uses this crate has its small allocator, too.

mod alias;
mod candidates;
mod eligible;
mod failures;
mod hash;
mod keyed;
mod load;
mod shares;

pub use candidates::{Candidates, MOST_DRAWS};
pub use eligible::eligible;
pub use failures::{WINDOW, recent_failures};
pub use hash::{hash, mix};
pub use keyed::{Keyed, KeyedConfig, Member, members};
pub use load::{Least, Load};
pub use shares::Shares;

/// The allocator of the standard library is 8 KB, a quarter of what a bundled policy may have. This one is a list of free blocks, in the
/// order of their addresses: as slow as it is long, which it isn't, as policies allocate when the topology changes and not in picks.
#[cfg(target_arch = "wasm32")]
mod heap {
    use lol_alloc::{FreeListAllocator, LockedAllocator};

    #[global_allocator]
    static HEAP: LockedAllocator<FreeListAllocator> = LockedAllocator::new(FreeListAllocator::new());
}
