//! The host's side of the plugin boundary, usable without the miner: find
//! plugin files, inspect them without running their code, check them, load
//! them, and call their components through handles that cannot be misused.
//!
//! Loading a library runs its code, with all the rights of the process. A
//! loaded library stays loaded until the process ends. Whom to trust with that
//! is the host's to decide; what it takes is here: a [`PluginFile`] is read
//! once, a [`Signature`] says who vouches for it, a [`Cache`] keeps the private
//! copy that is loaded.

mod cache;
mod calls;
mod config;
mod descriptor;
mod fault;
mod file;
mod find;
mod handles;
mod inspection;
pub mod journal;
mod json_schema;
mod library;
mod library_file;
mod needed;
mod refusal;
mod services;
mod signature;
mod unbuilt;

pub use spacetime_sdk::schema;
pub use spacetime_sdk_abi as abi;

pub use cache::{Cache, CacheError, Made, PrivateCopy};
pub use calls::{CallTimes, Caller, Method};
pub use config::check_config;
pub use descriptor::{Component, Descriptor, Kind};
pub use fault::Fault;
pub use file::{FileHash, FileOwner, NoFileHash, PluginFile};
pub use find::{file_names, resolve};
pub use handles::{Engine, OpenRequest, Policy, Strategy, Transport, TransportRequest};
pub use inspection::Inspection;
pub use json_schema::json_schema;
pub use library::Library;
pub use library_file::Format;
pub use needed::{NeededLibrary, Presence};
pub use refusal::{Code, Explanation, Refusal};
pub use services::{LogLine, Services};
pub use signature::{NoPublicKey, PublicKey, Signature, SigningKey};
pub use unbuilt::unbuilt;

/// Writes a type as its text, and reads it from that.
macro_rules! serde_as_text {
    ($type:ty) => {
        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(text: D) -> Result<Self, D::Error> {
                <String as serde::Deserialize>::deserialize(text)?
                    .parse()
                    .map_err(serde::de::Error::custom)
            }
        }
    };
}
serde_as_text!(FileHash);
serde_as_text!(PublicKey);

/// So many bytes from twice as many hexadecimal digits and nothing else.
fn hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    (text.len() == 2 * N && const_hex::decode_to_slice(text, &mut bytes).is_ok()).then_some(bytes)
}

/// What benchmarks need of what is private.
#[doc(hidden)]
pub mod bench {
    use std::path::Path;

    use crate::{
        calls::{Callers, Method},
        descriptor::Descriptor,
        file::FileHash,
        journal,
    };

    /// Somebody who can be called.
    pub struct Called(Callers);

    impl Called {
        /// A library that this descriptor describes.
        pub fn new(descriptor: &Descriptor) -> Self {
            Self(Callers::new(Path::new("bench"), descriptor, FileHash::of(b"")))
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
