//! The one error type of plugin authors.

use std::fmt;

use spacetime_sdk_abi::{Fault, FaultCode};

/// What a component's method returns.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An error of a component, as the user will read it. Any `std` error converts
/// into one with `?`, its causes included.
#[derive(Clone, PartialEq, Eq)]
pub struct Error {
    message: String,
}

impl Error {
    /// An error from a sentence for the user: what failed, and what to do.
    pub fn new(message: impl fmt::Display) -> Self {
        Self { message: message.to_string() }
    }

    /// Puts what was being done in front.
    #[must_use]
    pub fn context(self, doing: impl fmt::Display) -> Self {
        Self { message: format!("{doing}: {}", self.message) }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl<E: std::error::Error> From<E> for Error {
    fn from(error: E) -> Self {
        let mut message = error.to_string();
        let mut cause = error.source();
        while let Some(source) = cause {
            let text = source.to_string();
            // Many errors repeat their source's text already.
            if !message.contains(&text) {
                message = format!("{message}: {text}");
            }
            cause = source.source();
        }
        Self { message }
    }
}

/// A fault with nothing but a code and a sentence.
pub(crate) fn fault(code: FaultCode, message: impl fmt::Display) -> Fault {
    Fault {
        code,
        line: 0,
        column: 0,
        message: message.to_string().into(),
        field: "".into(),
        detail: "".into(),
        reserved: [0; 4],
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        fault(FaultCode::FAILED, error)
    }
}
