//! A fault of a component, in the host's terms.

use std::fmt;

use spacetime_sdk_abi::{self as abi, FaultCode};

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
        }
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

impl From<abi::Fault> for Fault {
    fn from(fault: abi::Fault) -> Self {
        Self {
            code: fault.code,
            message: fault.message.into(),
            field: fault.field.into(),
            line: fault.line,
            column: fault.column,
            detail: fault.detail.into(),
            found_by_host: false,
        }
    }
}
