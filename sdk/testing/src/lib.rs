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
mod engine;
mod host;
mod plugin;
mod sample;
mod strategy;
mod transport;

pub use spacetime_sdk_loader::{Fault, Policy, abi};

pub use engine::{TestedEngine, leaves, lowest};
pub use host::{Recorder, Told};
pub use plugin::{Plugin, request};
pub use sample::{block, candidate, claim, job, plot, stats};
pub use strategy::{TestedStrategy, spans};
pub use transport::TestedTransport;
