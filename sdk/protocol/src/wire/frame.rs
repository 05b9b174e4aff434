//! Cutting a byte stream into frames (`wire.md` sections 1 and 10).

use thiserror::Error;

use super::Kind;

/// The most that a frame's length field may say: type and payload, in bytes.
pub const MAX_FRAME: usize = 16 << 20;

/// A whole frame, its payload not looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// What it is.
    pub kind: Kind,
    /// What it says.
    pub payload: Vec<u8>,
}

/// Why a stream cannot be read on: its next frame's beginning is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum FrameError {
    /// A length outside 1 ..= [`MAX_FRAME`].
    #[error("a frame's length is {0}, allowed are 1 to {MAX_FRAME}")]
    Length(i32),
    /// A type that is not defined.
    #[error("a frame is of the undefined type {0:#04x}")]
    Type(u8),
    /// The stream ended within a frame.
    #[error("the stream ended within a frame's {0}")]
    Incomplete(&'static str),
}

/// Takes a stream's bytes as they come and hands out frames. Holds one frame
/// at most, and never more bytes than came.
#[derive(Debug, Default)]
pub struct FrameReader {
    buffer: Vec<u8>,
}

impl FrameReader {
    /// Takes bytes of the stream.
    pub fn push(&mut self, bytes: &[u8]) {
        todo!()
    }

    /// The next whole frame; `None`: more bytes are needed.
    ///
    /// # Errors
    /// The stream cannot be read on; the same error comes from then on.
    pub fn next_frame(&mut self) -> Result<Option<Frame>, FrameError> {
        todo!()
    }

    /// What an end of the stream at this point means.
    ///
    /// # Errors
    /// [`FrameError::Incomplete`]: it lies within a frame.
    pub fn end(&self) -> Result<(), FrameError> {
        todo!()
    }
}
