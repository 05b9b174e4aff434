//! Open sets of small numbers. They are not enums, because a value that one
//! side does not know yet must stay representable on the other.

use abi_stable::StableAbi;

macro_rules! open_set {
    ($(#[$doc:meta])* $name:ident { $($(#[$item_doc:meta])* $item:ident = $value:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[repr(transparent)]
        #[derive(StableAbi, Clone, Copy, PartialEq, Eq, Hash, Debug)]
        pub struct $name(pub u32);

        impl $name {
            $($(#[$item_doc])* pub const $item: Self = Self($value);)+
        }
    };
}

open_set!(
    /// Why a call across the boundary failed. Unknown values count as
    /// [`FAILED`](Self::FAILED).
    FaultCode {
        /// The author's code returned an error.
        FAILED = 0,
        /// The author's code panicked; the instance must not be called again.
        PANICKED = 1,
        /// The component's config does not fit its type.
        CONFIG = 2,
        /// The library exports no component of that kind and name.
        UNKNOWN_COMPONENT = 3,
        /// The instance was called after a panic.
        POISONED = 4,
        /// The receiver's queue is full; the same call may succeed later.
        BUSY = 5,
        /// The receiver has been closed.
        CLOSED = 6,
        /// The request is of a kind that this component does not know.
        UNSUPPORTED = 7,
    }
);

open_set!(
    /// When a scan may end early. Unknown values count as
    /// [`BEST_OF_ALL`](Self::BEST_OF_ALL).
    StopRule {
        /// Only at the deadline or the last leaf: the lowest score counts.
        BEST_OF_ALL = 0,
        /// At the first score under the target that matters.
        FIRST_UNDER_TARGET = 1,
        /// After `stop_leaves` leaves.
        BUDGET = 2,
    }
);

open_set!(
    /// Who builds the block when a proof wins. Unknown values count as
    /// [`NOBODY`](Self::NOBODY).
    Builder {
        /// The host, with its block policy.
        HOST = 0,
        /// The transport's peer (a pool): the proof is all it wants.
        TRANSPORT = 1,
        /// No block can be built on this challenge (difficulty unknown, say).
        NOBODY = 2,
    }
);

open_set!(
    /// A peer's answer to a submission. Unknown values count as
    /// [`REJECTED`](Self::REJECTED).
    Verdict {
        /// Taken: a block became (part of) the best chain, a share counts.
        ACCEPTED = 0,
        /// Refused; the reason says why.
        REJECTED = 1,
        /// Too late: another block has this height.
        STALE = 2,
        /// It could not be delivered; it may be submitted again.
        UNDELIVERED = 3,
    }
);

open_set!(
    /// What became of a transaction. Unknown values count as
    /// [`UNKNOWN`](Self::UNKNOWN).
    FateCode {
        /// It is neither pending nor in a block of the best chain.
        UNKNOWN = 0,
        /// It waits for a block.
        PENDING = 1,
        /// It is in a block of the best chain.
        IN_BLOCK = 2,
    }
);

open_set!(
    /// What became of an event given to the host. Unknown values count as
    /// [`CLOSED`](Self::CLOSED).
    Emitted {
        /// Queued.
        ACCEPTED = 0,
        /// The host's queue is full; try again shortly.
        BUSY = 1,
        /// The host listens no more: end the session.
        CLOSED = 2,
    }
);
