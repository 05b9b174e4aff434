//! Asynchronous work for a call that waits for it.

use std::{panic, thread, time::Duration};

use super::session;
use crate::{error::Result, guard};

/// What tasks on blocking threads get to end after the rest has.
const END: Duration = Duration::from_secs(1);

/// Runs a future to its end, for [`Transport::check`](super::Transport::check)
/// and [`Transport::ask`](super::Transport::ask): on a thread and a runtime of
/// its own, as the caller may be inside of another one. `make` makes the future
/// there. Tasks that it spawns end with it.
///
/// # Errors
///
/// The system has no more threads.
///
/// # Panics
///
/// If the future does.
pub fn wait_for<F: Future>(make: impl FnOnce() -> F + Send) -> Result<F::Output>
where
    F::Output: Send,
{
    let instance = guard::instance();
    let work = || {
        guard::set_instance(&instance);
        let runtime = session::runtime(&instance)?;
        let output = runtime.block_on(async { make().await });
        runtime.shutdown_timeout(END);
        Ok(output)
    };
    thread::scope(|scope| match scope.spawn(work).join() {
        Ok(output) => output,
        Err(payload) => panic::resume_unwind(payload),
    })
}
