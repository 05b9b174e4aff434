//! The host's side of the plugin boundary, usable without the miner: find
//! plugin files, inspect them without running their code, check them, load
//! them, and call their components through handles that cannot be misused.
//!
//! Loading a library runs its code, with all the rights of the process. A
//! loaded library stays loaded until the process ends.

mod descriptor;
mod fault;
mod find;
mod handles;
mod library;
mod refusal;
mod services;

pub use spacetime_sdk_abi as abi;

pub use descriptor::{Component, Descriptor, Kind};
pub use fault::Fault;
pub use find::{file_names, resolve};
pub use handles::{Engine, OpenRequest, Policy, Strategy, Transport, TransportRequest};
pub use library::{Library, inspect};
pub use refusal::Refusal;
pub use services::{LogLine, Services};
