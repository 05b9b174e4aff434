//! A fault of a component, in the host's terms.

use std::{fmt, time::Duration};

use spacetime_sdk::text::{LONGEST, line, lines};
use spacetime_sdk_abi::{self as abi, FaultCode};

use crate::calls::Method;

/// What went wrong in a call of a component.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// What kind of fault it is.
    pub code: FaultCode,
    /// A sentence of the component's or its SDK's.
    pub message: String,
    /// The config field at fault, or empty.
    pub field: String,
    /// Line of the manifest, from 1; 0 = unknown.
    pub line: u32,
    /// Column, from 1; 0 = unknown.
    pub column: u32,
    /// More for the log, or empty.
    pub detail: String,
    /// Whether the host found it in what the component did, which was against
    /// the rules of its kind; the component itself reported nothing.
    pub found_by_host: bool,
    /// The call that did not return in time, if that is the fault.
    pub late: Option<Method>,
}

impl Fault {
    /// A fault that the host found itself in what a component answered.
    pub fn new(message: impl fmt::Display) -> Self {
        Self {
            code: FaultCode::FAILED,
            message: message.to_string(),
            field: String::new(),
            line: 0,
            column: 0,
            detail: String::new(),
            found_by_host: true,
            late: None,
        }
    }

    /// A call did not return within its limit, which ends the instance.
    pub fn late(method: Method, limit: Duration) -> Self {
        let (name, limit) = (method.name(), limit.as_millis());
        let message =
            format!("its `{name}` did not return within {limit} ms, the miner's limit for it");
        Self { code: FaultCode::POISONED, late: Some(method), ..Self::new(message) }
    }

    /// Whether the instance must not be called again.
    pub fn is_fatal(&self) -> bool {
        self.code == FaultCode::PANICKED || self.code == FaultCode::POISONED
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Fault {}

/// The longest backtrace, in bytes.
const DETAIL: usize = 64 * 1024;

impl From<abi::Fault> for Fault {
    /// Its texts are for people from here on, whatever SDK made them.
    fn from(fault: abi::Fault) -> Self {
        Self {
            code: fault.code,
            message: line(&fault.message, LONGEST).into_owned(),
            field: line(&fault.field, LONGEST).into_owned(),
            line: fault.line,
            column: fault.column,
            detail: lines(&fault.detail, DETAIL).into_owned(),
            found_by_host: false,
            late: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As a plugin without our SDK may make them.
    #[test]
    fn texts_of_a_plugin_are_lines_of_a_bounded_length() {
        let fault = Fault::from(abi::Fault {
            code: FaultCode::FAILED,
            line: 0,
            column: 0,
            message: format!("no\u{1b}[2J\n{}", "x".repeat(10_000)).into(),
            field: "a\nb".into(),
            detail: "at one\nat \u{7}two".into(),
            reserved: [0; 4],
        });
        assert!(fault.message.starts_with("no\\u{1b}[2J xxx"), "{fault:?}");
        assert!(fault.message.len() <= LONGEST && fault.message.ends_with('…'));
        assert_eq!((&*fault.field, &*fault.detail), ("a b", "at one\nat \\u{7}two"));
    }
}
