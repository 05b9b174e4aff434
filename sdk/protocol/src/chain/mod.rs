//! The header chain: which blocks may follow, derived difficulty, epochs and windows, weight and
//! the choice between branches (`consensus.md` sections 5, 6, 10 and our decisions).

mod choice;
mod headers;
mod next;
mod window;

pub use choice::{ChainHeader, FORK_DEPTH, is_better};
pub use headers::{HeaderChain, InsertError, Inserted};
pub use next::{expected, next_difficulty};
pub use window::{Window, window};
