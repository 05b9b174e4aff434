//! The one error type of plugin authors.

use std::fmt;

use spacetime_sdk_abi::{Fault, FaultCode};

use crate::text;

/// What a component's method returns.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An error of a component, as the user will read it. Any `std` error converts
/// into one with `?`, its causes included.
#[derive(Clone, PartialEq, Eq)]
pub struct Error {
    message: String,
    /// The config field at fault, or empty.
    pub(crate) field: String,
    /// Whether it is something that the component does not do at all.
    unsupported: bool,
}

impl Error {
    /// An error from a sentence for the user: what failed, and what to do.
    pub fn new(message: impl fmt::Display) -> Self {
        Self { message: message.to_string(), field: String::new(), unsupported: false }
    }

    /// An error that says that the component does no such thing, whatever it is
    /// given: the host may turn to another one.
    pub fn unsupported(message: impl fmt::Display) -> Self {
        Self { unsupported: true, ..Self::new(message) }
    }

    /// An error of a config field's value, for constructors: the user reads
    /// the field's name in front of the sentence, and where the manifest has
    /// it. Fields of inner structs are named with their path: `inner.size`.
    pub fn field(field: &str, must: impl fmt::Display) -> Self {
        Self { field: field.to_owned(), ..Self::new(format_args!("{field} {must}")) }
    }

    /// Puts what was being done in front.
    #[must_use]
    pub fn context(self, doing: impl fmt::Display) -> Self {
        Self { message: format!("{doing}: {}", self.message), ..self }
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
        Self { message, field: String::new(), unsupported: false }
    }
}

/// A fault with nothing but a code and a sentence, which is one line of a
/// bounded length from here on.
pub(crate) fn fault(code: FaultCode, message: impl fmt::Display) -> Fault {
    Fault {
        code,
        line: 0,
        column: 0,
        message: text::line(&message.to_string(), text::LONGEST).into(),
        field: "".into(),
        detail: "".into(),
        reserved: [0; 4],
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        let code = match (error.unsupported, error.field.is_empty()) {
            (true, _) => FaultCode::UNSUPPORTED,
            (false, true) => FaultCode::FAILED,
            (false, false) => FaultCode::CONFIG,
        };
        let mut fault = fault(code, &error);
        fault.field = error.field.into();
        fault
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_are_told_once() {
        let inner = std::io::Error::other("the disk is gone");
        assert_eq!(Error::from(inner).to_string(), "the disk is gone");
        let parse: Error = "x".parse::<u8>().unwrap_err().into();
        assert_eq!(
            parse.context("the port").to_string(),
            "the port: invalid digit found in string"
        );
    }

    #[test]
    fn a_stranger_s_words_cross_the_boundary_as_one_short_line() {
        let said = format!("the server said `\u{1b}[2J\nok{}`", "x".repeat(10_000));
        let fault = Fault::from(Error::new(said));
        assert!(fault.message.starts_with("the server said `\\u{1b}[2J okxx"), "{fault:?}");
        assert!(fault.message.len() <= text::LONGEST && fault.message.ends_with('…'));
    }

    #[test]
    fn a_field_survives_context_and_makes_a_config_fault() {
        let error = Error::field("step", "must be positive").context("config");
        assert_eq!(error.to_string(), "config: step must be positive");
        let fault = Fault::from(error);
        assert_eq!((fault.code, fault.field.as_str()), (FaultCode::CONFIG, "step"));
        assert_eq!(Fault::from(Error::new("no")).code, FaultCode::FAILED);
        let fault = Fault::from(Error::unsupported("no such thing").context("asked"));
        assert_eq!(
            (fault.code, fault.message.as_str()),
            (FaultCode::UNSUPPORTED, "asked: no such thing")
        );
    }
}
