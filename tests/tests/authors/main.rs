//! What plugin authors are given: new projects, examples, an installed SDK.
//! All of it is used as an author would, from the command line on.

#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "a test's panic is its report")]

mod examples;
mod guide;
mod installed;
mod links;
mod made;
mod mistakes;
mod refused;
mod templates;
