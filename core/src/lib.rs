//! The host: reads the manifest, loads the plugins, scans the plots, proves
//! and builds blocks. The binary only calls [`cli::main`].

#![deny(unsafe_code)]

pub mod cli;
pub mod manifest;
pub mod plugin;
pub mod scan;
