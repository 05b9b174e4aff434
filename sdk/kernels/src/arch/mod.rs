//! The implementations, one file per kind of processor.

pub(crate) mod portable;
