//! Parts of files, mapped into memory, whose faults are errors and not the
//! process's end: a file that somebody cuts, or a drive that dies, while a part
//! of it is mapped, leaves a [`Window`] that says that it is not whole.
//!
//! Reading what is mapped costs no copy. Linux only; elsewhere [`Window::open`]
//! says that it is not supported.

#![deny(unsafe_code)]

#[cfg(target_os = "linux")]
mod guard;
#[cfg_attr(target_os = "linux", path = "linux.rs")]
#[cfg_attr(not(target_os = "linux"), path = "other.rs")]
mod window;

pub use self::window::Window;
