//! Requests from the terminal or the system: to stop, or to log more or less.

use std::io;

/// Waits for SIGINT and SIGTERM (Ctrl-C elsewhere).
pub(crate) struct Signals {
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
}

impl Signals {
    #[cfg(unix)]
    pub(crate) fn listen() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    #[cfg(unix)]
    pub(crate) async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }

    #[cfg(not(unix))]
    pub(crate) fn listen() -> io::Result<Self> {
        Ok(Self {})
    }

    #[cfg(not(unix))]
    pub(crate) async fn next(&mut self) {
        // Without a handler the system ends the process itself.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// Waits for SIGUSR1 and SIGUSR2 (nothing elsewhere).
pub(crate) struct Verbosity {
    #[cfg(unix)]
    more: tokio::signal::unix::Signal,
    #[cfg(unix)]
    less: tokio::signal::unix::Signal,
}

impl Verbosity {
    #[cfg(unix)]
    pub(crate) fn listen() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            more: signal(SignalKind::user_defined1())?,
            less: signal(SignalKind::user_defined2())?,
        })
    }

    /// Whether more shall be logged, or less.
    #[cfg(unix)]
    pub(crate) async fn next(&mut self) -> bool {
        tokio::select! {
            _ = self.more.recv() => true,
            _ = self.less.recv() => false,
        }
    }

    #[cfg(not(unix))]
    pub(crate) fn listen() -> io::Result<Self> {
        Ok(Self {})
    }

    #[cfg(not(unix))]
    pub(crate) async fn next(&mut self) -> bool {
        std::future::pending().await
    }
}
