//! Asynchronous work for a caller that waits for it, and that may be inside of
//! another runtime: on a thread and a runtime of its own.

use std::{io, thread, time::Duration};

use spacetime_sdk::{Error, Result, tokio::runtime};

/// What work on the disk gets to end after the rest has.
const END: Duration = Duration::from_secs(1);

/// Runs a future to its end; `failed` is said if it panics.
pub(crate) fn run<F: Future>(make: impl FnOnce() -> F + Send, failed: &str) -> Result<F::Output>
where
    F::Output: Send,
{
    let work = || -> io::Result<F::Output> {
        let runtime =
            runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        let output = runtime.block_on(async { make().await });
        runtime.shutdown_timeout(END);
        Ok(output)
    };
    thread::scope(|scope| match scope.spawn(work).join() {
        Ok(output) => Ok(output?),
        Err(_) => Err(Error::new(failed)),
    })
}
