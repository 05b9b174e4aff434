//! The wire protocol (`wire.md`), without I/O and without a clock.
//!
//! [`FrameReader`] cuts a byte stream into frames, [`Message`] is what a frame
//! says, [`Connection`] is one connection with a peer, [`Follower`] follows the
//! chain of the node behind it, and [`Notices`] are what that node announces.

mod connection;
mod decode;
mod encode;
mod follow;
mod frame;
mod message;
mod notices;
mod payload;

pub use connection::{Connection, End};
pub use follow::{Follower, Lie, Ours, Step, Taken};
pub use frame::{Frame, FrameError, FrameReader, MAX_FRAME};
pub use message::{Handshake, Kind, MAX_HEADERS, Message, PeerAddress, PingPong};
pub use notices::{Notice, Notices};
pub use payload::{PayloadError, Refusal};

/// The port of a node that names none.
pub const DEFAULT_PORT: u16 = 8333;
