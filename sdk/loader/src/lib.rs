//! The host's side of the plugin boundary, usable without the miner: find
//! plugin files, inspect them without running their code, check them, load
//! them, and call their components through handles that cannot be misused.
//!
//! Loading a library runs its code, with all the rights of the process. A
//! loaded library stays loaded until the process ends.

mod calls;
mod descriptor;
mod fault;
mod find;
mod handles;
pub mod journal;
mod library;
mod refusal;
mod services;

pub use spacetime_sdk_abi as abi;

pub use calls::{CallTimes, Caller, Method};
pub use descriptor::{Component, Descriptor, Kind};
pub use fault::Fault;
pub use find::{file_names, resolve};
pub use handles::{Engine, OpenRequest, Policy, Strategy, Transport, TransportRequest};
pub use library::{Library, file_hash, inspect};
pub use refusal::Refusal;
pub use services::{LogLine, Services};

/// What benchmarks need of what is private.
#[doc(hidden)]
pub mod bench {
    use std::path::Path;

    use crate::{
        calls::{Callers, Method},
        descriptor::Descriptor,
        journal,
    };

    /// Somebody who can be called.
    pub struct Called(Callers);

    impl Called {
        /// A library that this descriptor describes.
        pub fn new(descriptor: &Descriptor) -> Self {
            Self(Callers::new(Path::new("bench"), descriptor, String::new()))
        }

        /// A call that is noted.
        pub fn noted<R>(&self, foreign: impl FnOnce() -> R) -> R {
            let _noted = journal::enter(self.0.library().tag(), Method::Scan);
            foreign()
        }

        /// A call that is noted and timed, as all are.
        pub fn timed<R>(&self, foreign: impl FnOnce() -> R) -> R {
            self.0.library().run(Method::Scan, foreign)
        }
    }
}
