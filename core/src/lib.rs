//! The host: reads the manifest, loads the plugins, scans the plots, proves
//! and builds blocks. The binary only calls [`cli::main`].

#![deny(unsafe_code)]

mod background;
pub mod bench;
pub mod block;
pub mod cli;
mod durable;
pub mod engine;
mod foreign;
mod kernels;
pub mod keys;
mod lock;
pub mod manifest;
pub mod observe;
pub mod payment;
pub mod plots;
pub mod plugin;
pub mod proof;
pub mod record;
pub mod replay;
pub mod scaffold;
pub mod scan;
mod secret_file;
mod signals;
mod stamp;
pub mod submit;
mod unique;

/// The parsers of outside bytes that are private to their modules, for fuzzing.
#[doc(hidden)]
pub mod parsers {
    /// Whether bytes are a key file's.
    pub fn key_file(bytes: &[u8]) -> bool {
        crate::keys::is_key_file(bytes)
    }

    /// Whether bytes are a plot metadata file's.
    pub fn plot_metadata(bytes: &[u8]) -> bool {
        crate::plots::is_metadata(bytes)
    }

    /// Whether bytes are a record of challenges.
    pub fn challenge_record(bytes: &[u8]) -> bool {
        crate::record::is_record(bytes)
    }

    /// Whether bytes are the checkpoint of a plot in the making.
    pub fn plotting_checkpoint(bytes: &[u8]) -> bool {
        crate::plots::is_checkpoint(bytes)
    }
}
