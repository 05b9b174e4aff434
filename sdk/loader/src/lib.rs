//! The host's side of the plugin boundary, usable without the miner: find
//! plugin files, inspect them without running their code, check them, load
//! them, and call their components through handles that cannot be misused.
//!
//! Loading a library runs its code, with all the rights of the process. A
//! loaded library stays loaded until the process ends.

mod config;
mod descriptor;
mod fault;
mod file;
mod find;
mod handles;
mod inspection;
mod json_schema;
mod library;
mod needed;
mod refusal;
mod services;

pub use spacetime_sdk::schema;
pub use spacetime_sdk_abi as abi;

pub use config::check_config;
pub use descriptor::{Component, Descriptor, Kind};
pub use fault::Fault;
pub use file::Format;
pub use find::{file_names, resolve};
pub use handles::{Engine, OpenRequest, Policy, Strategy, Transport, TransportRequest};
pub use inspection::Inspection;
pub use json_schema::json_schema;
pub use library::Library;
pub use needed::{NeededLibrary, Presence};
pub use refusal::{Code, Explanation, Refusal};
pub use services::{LogLine, Services};
