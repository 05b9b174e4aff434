//! Threads whose work may wait for everybody else's.

/// Lets this thread, and those that it starts, run when nobody else wants to.
/// Where threads have no priority of their own, nothing is changed: the
/// process's would be.
#[cfg(target_os = "linux")]
pub(crate) fn work_in_background() {
    use rustix::{process::setpriority_process, thread::gettid};
    // To Linux a thread is a process here. It may be forbidden.
    let _ = setpriority_process(Some(gettid()), 19);
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn work_in_background() {}
