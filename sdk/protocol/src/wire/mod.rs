//! The wire protocol (`wire.md`), without I/O and without a clock.
//!
//! [`FrameReader`] cuts a byte stream into frames, [`Message`] is what a frame
//! says.

mod frame;
mod message;
mod payload;

pub use frame::{Frame, FrameError, FrameReader, MAX_FRAME};
pub use message::{Handshake, Kind, MAX_HEADERS, Message, PeerAddress, PingPong};
pub use payload::{PayloadError, Refusal};

/// The port of a node that names none.
pub const DEFAULT_PORT: u16 = 8333;
