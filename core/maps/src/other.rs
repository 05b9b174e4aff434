//! A system whose faults cannot be caught.

use std::{convert::Infallible, fs::File, io};

/// A part of a file in memory. There are none on this system.
#[derive(Debug)]
pub struct Window(Infallible);

impl Window {
    /// Says that there are none on this system.
    ///
    /// # Errors
    ///
    /// Always, [`Unsupported`](io::ErrorKind::Unsupported).
    pub fn open(_: &File, _: u64, _: usize) -> io::Result<Self> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Has the system read some of its bytes.
    ///
    /// # Errors
    ///
    /// There is none to ask.
    pub fn load(&self, _: &File, _: usize, _: usize) -> io::Result<()> {
        match self.0 {}
    }

    /// The bytes of the part.
    pub fn bytes(&self) -> &[u8] {
        match self.0 {}
    }

    /// Whether all that was read were the file's bytes.
    pub fn is_whole(&self) -> bool {
        match self.0 {}
    }
}
