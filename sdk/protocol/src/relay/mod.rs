//! What is relayed and to whom: the rules of relaying (`wire.md` section 11)
//! and of exchanging peers (section 4), without I/O and without a clock.
//!
//! [`Relay`] decides whether a message goes on, [`Bandwidth`] whether it may
//! be sent now, and [`PriorityQueue`] holds it until it is. [`Peers`] is how
//! peers behaved, [`AddressBook`] where others are said to listen, and
//! [`PeerExchange`] answers those who ask for them.
//!
//! The time is an argument of every call, in Unix milliseconds, and every
//! table is bounded. `P` is whatever the owner tells peers apart by.

mod address;
mod bandwidth;
mod book;
mod decide;
mod exchange;
mod peers;
mod queue;
mod rate;
mod seen;

pub use address::parse_exclusion;
pub use bandwidth::{Bandwidth, BandwidthLimits};
pub use book::{AddressBook, BookEntry, BookError, BookRules, NotAdded};
pub use decide::{Dropped, Relay, is_relayed};
pub use exchange::{GOSSIP_ADDRESSES, GOSSIP_INTERVAL_MS, PeerExchange};
pub use peers::{PeerRules, Peers, Standing};
pub use queue::{Priority, PriorityQueue, QueueLimits};
pub use rate::{RateLimiter, TokenRules};
pub use seen::{SeenKey, SeenRules, SeenTracker};

/// Peers that a table remembers at most.
const MAX_PEERS: usize = 10_000;
