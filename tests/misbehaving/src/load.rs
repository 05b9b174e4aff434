//! Comes to grief while the library is loaded, before anything is asked of it.

#![allow(unsafe_code, reason = "a function that the system calls by itself")]

/// The environment variable that asks for it.
const WANTED: &str = "SPACETIME_TEST_RUIN_LOAD";

extern "C" fn initialise() {
    if std::env::var_os(WANTED).is_some() {
        crate::ruin::Ruin::Segv.happen();
    }
}

// SAFETY: the section holds functions of this type, which are called once.
#[used]
#[unsafe(link_section = ".init_array")]
static INITIALISE: extern "C" fn() = initialise;
