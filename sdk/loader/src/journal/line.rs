//! Text that is made without allocating anything, for signal handlers.

use std::fmt;

/// What is longer is cut off; the longest name of a caller is a path's length.
const SIZE: usize = 8192;

/// A text in a buffer of its own.
pub(super) struct Line {
    bytes: [u8; SIZE],
    len: usize,
}

impl Line {
    pub(super) const fn new() -> Self {
        Self { bytes: [0; SIZE], len: 0 }
    }

    pub(super) fn clear(&mut self) {
        self.len = 0;
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

impl fmt::Write for Line {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let rest = &mut self.bytes[self.len..];
        let taken = text.len().min(rest.len());
        rest[..taken].copy_from_slice(&text.as_bytes()[..taken]);
        self.len += taken;
        if taken == text.len() { Ok(()) } else { Err(fmt::Error) }
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use super::*;

    #[test]
    fn what_does_not_fit_is_cut_off() {
        let mut line = Line::new();
        write!(line, "{}-{:#x}", 7, 255).unwrap();
        assert_eq!(line.bytes(), b"7-0xff");
        assert!(line.write_str(&"x".repeat(SIZE)).is_err());
        assert_eq!(line.bytes().len(), SIZE);
        line.clear();
        assert!(line.bytes().is_empty());
    }
}
