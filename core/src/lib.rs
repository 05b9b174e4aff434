//! The host: reads the manifest, loads the plugins, scans the plots, proves
//! and builds blocks. The binary only calls [`cli::main`].

#![deny(unsafe_code)]

pub mod block;
pub mod cli;
pub mod engine;
pub mod keys;
pub mod manifest;
pub mod observe;
pub mod plots;
pub mod plugin;
pub mod proof;
pub mod scan;
pub mod submit;
