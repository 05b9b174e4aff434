//! Cutting a byte stream into frames (`wire.md` sections 1 and 10).

use thiserror::Error;

use super::{Kind, message::in_range};
use crate::{EncodeError, codec::count};

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

impl Frame {
    /// The frame as it goes over the wire.
    ///
    /// # Errors
    /// Its payload is too long for one.
    pub fn to_bytes(&self) -> Result<Vec<u8>, EncodeError> {
        let size = self.payload.len() + 1;
        in_range("a frame's length", size as u64, 1, MAX_FRAME as u64)?;
        let mut bytes = Vec::with_capacity(LENGTH + size);
        bytes.extend(count("a frame's length", size)?);
        bytes.push(self.kind.byte());
        bytes.extend_from_slice(&self.payload);
        Ok(bytes)
    }
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

/// Takes a stream's bytes as they come and hands out frames. Holds what came
/// and was not handed out yet, and never more than that.
#[derive(Debug, Default)]
pub struct FrameReader {
    buffer: Vec<u8>,
    /// Where the next frame begins in it.
    begin: usize,
}

/// A buffer that was needed for a large frame once is not kept.
const KEPT_BYTES: usize = 64 << 10;
/// Bytes of a frame's length.
const LENGTH: usize = 4;

impl FrameReader {
    /// Takes bytes of the stream.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.begin == self.buffer.len() {
            self.buffer.clear();
            self.buffer.shrink_to(KEPT_BYTES);
            self.begin = 0;
        } else if self.begin >= KEPT_BYTES.max(self.buffer.len() / 2) {
            self.buffer.drain(..self.begin);
            self.begin = 0;
        }
        self.buffer.extend_from_slice(bytes);
    }

    /// The next whole frame; `None`: more bytes are needed.
    ///
    /// # Errors
    /// The stream cannot be read on; the same error comes from then on.
    pub fn next_frame(&mut self) -> Result<Option<Frame>, FrameError> {
        let rest = &self.buffer[self.begin..];
        let Some((length, rest)) = rest.split_first_chunk::<LENGTH>() else { return Ok(None) };
        let length = i32::from_le_bytes(*length);
        let size = usize::try_from(length).ok().filter(|size| (1..=MAX_FRAME).contains(size));
        let size = size.ok_or(FrameError::Length(length))?;
        let Some(kind) = rest.first() else { return Ok(None) };
        let kind = Kind::from_byte(*kind).ok_or(FrameError::Type(*kind))?;
        let Some(payload) = rest.get(1..size) else { return Ok(None) };
        let frame = Frame { kind, payload: payload.to_vec() };
        self.begin += LENGTH + size;
        Ok(Some(frame))
    }

    /// What an end of the stream at this point means.
    ///
    /// # Errors
    /// [`FrameError::Incomplete`]: it lies within a frame.
    pub fn end(&self) -> Result<(), FrameError> {
        match self.buffer.len() - self.begin {
            0 => Ok(()),
            1..LENGTH => Err(FrameError::Incomplete("length")),
            LENGTH => Err(FrameError::Incomplete("type")),
            _ => Err(FrameError::Incomplete("payload")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_in_any_pieces_gives_the_same_frames() {
        let stream = [
            [1, 0, 0, 0, 3].as_slice(),
            &[3, 0, 0, 0, 0x30, 7, 8],
            &[1, 0, 0, 0, 2],
            &[9, 0, 0, 0, 0x23],
        ]
        .concat();
        for size in 1..stream.len() {
            let (mut reader, mut frames) = (FrameReader::default(), Vec::new());
            for piece in stream.chunks(size) {
                reader.push(piece);
                while let Some(frame) = reader.next_frame().unwrap() {
                    frames.push((frame.kind, frame.payload));
                }
            }
            assert_eq!(
                frames,
                [
                    (Kind::Heartbeat, vec![]),
                    (Kind::Transaction, vec![7, 8]),
                    (Kind::HandshakeAck, vec![]),
                ]
            );
            assert_eq!(reader.end(), Err(FrameError::Incomplete("payload")));
        }
    }

    #[test]
    fn a_stream_that_lost_its_way_is_not_read_on() {
        for (bytes, error) in [
            ([0, 0, 0, 0].as_slice(), FrameError::Length(0)),
            (&[1, 0, 0, 1, 3], FrameError::Length(0x0100_0001)),
            (&[0xFF; 4], FrameError::Length(-1)),
            (&[2, 0, 0, 0, 6], FrameError::Type(6)),
        ] {
            let mut reader = FrameReader::default();
            reader.push(bytes);
            assert_eq!(reader.next_frame(), Err(error));
            reader.push(&[1, 0, 0, 0, 3]);
            assert_eq!(reader.next_frame(), Err(error));
        }
    }
}
