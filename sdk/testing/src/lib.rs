//! Test a built Spacetime plugin through the real boundary: a dev-dependency
//! of plugin authors.
//!
//! [`Plugin::build`] builds the package under test as the dynamic library that
//! the miner would load, and loads it as the miner would. Its components are
//! opened with the RON text that a manifest would hold:
//!
//! ```no_run
//! use spacetime_sdk_testing::Plugin;
//!
//! #[test]
//! fn every_leaf_is_planned_once() {
//!     let plugin = Plugin::build();
//!     let mut strategy = plugin.strategy("first-half", "()").unwrap();
//!     assert_eq!(strategy.plan(100).unwrap(), [0..50]);
//! }
//! ```

#![forbid(unsafe_code)]

mod build;
mod conformance;
mod engine;
mod host;
mod plugin;
mod strategy;
mod transport;

pub use spacetime_conformance::{block, candidate, claim, job, leaves, lowest, plot, stats};
pub use spacetime_sdk_loader::{Fault, Policy, abi};

pub use engine::TestedEngine;
pub use host::{Recorder, Told};
pub use plugin::{Plugin, request};
pub use strategy::{TestedStrategy, spans};
pub use transport::TestedTransport;

/// What [`conformance!`] expands to and the host's own tests share; no part of
/// the public interface.
#[doc(hidden)]
pub mod __private {
    pub use crate::{
        build::cargo,
        conformance::{Kind, check},
    };
}
