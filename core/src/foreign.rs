//! Calls of foreign code that may never return, on threads of their own. A
//! thread cannot be ended from outside: one that hangs is left behind.

use std::{
    ops::{Deref, DerefMut},
    thread,
    time::Duration,
};

use crossbeam_channel::bounded;
use spacetime_sdk_loader::{Fault, Method, abi::FaultCode};

/// What loading a library, or opening one of its components, may take.
pub(crate) const OPEN_LIMIT: Duration = Duration::from_secs(10);

/// What a destructor may take.
const DROP_LIMIT: Duration = Duration::from_millis(250);

/// Calls foreign code and waits for it no longer than `limit`; what it returns
/// after that is dropped where it is.
///
/// # Errors
///
/// Its own; or it did not return, which is fatal; or the system has no thread.
pub(crate) fn within<T: Send + 'static>(
    limit: Duration,
    foreign: impl FnOnce() -> Result<T, Fault> + Send + 'static,
) -> Result<T, Fault> {
    let message = format!("it did not return within {} ms", limit.as_millis());
    let late = Fault { code: FaultCode::POISONED, ..Fault::new(message) };
    unless_late(limit, foreign, late)
}

/// As [`within`], for a call of a component.
///
/// # Errors
///
/// As for [`within`]; the fault says which call did not return.
pub(crate) fn call_within<T: Send + 'static>(
    method: Method,
    limit: Duration,
    foreign: impl FnOnce() -> Result<T, Fault> + Send + 'static,
) -> Result<T, Fault> {
    unless_late(limit, foreign, Fault::late(method, limit))
}

/// Calls a component's object, which comes back with what it returned.
///
/// # Errors
///
/// It did not return, or the system has no thread: the object is gone.
pub(crate) fn call_object_within<T: Send + 'static, R: Send + 'static>(
    mut object: T,
    method: Method,
    limit: Duration,
    foreign: impl FnOnce(&mut T) -> R + Send + 'static,
) -> Result<(T, R), Fault> {
    call_within(method, limit, move || {
        let returned = foreign(&mut object);
        Ok((object, returned))
    })
}

fn unless_late<T: Send + 'static>(
    limit: Duration,
    foreign: impl FnOnce() -> Result<T, Fault> + Send + 'static,
    late: Fault,
) -> Result<T, Fault> {
    let (sender, returned) = bounded(1);
    let call = move || {
        // Nobody may be waiting any more.
        let _ = sender.send(foreign());
    };
    if let Err(error) = thread::Builder::new().name("plugin".to_owned()).spawn(call) {
        return Err(Fault::new(format_args!("the system has no thread to call it on: {error}")));
    }
    returned.recv_timeout(limit).unwrap_or(Err(late))
}

/// Drops foreign objects, whose destructors are foreign code, without waiting.
pub(crate) fn drop_aside<T: Send + 'static>(foreign: T) {
    // Without a thread they are dropped here: `spawn` drops its closure.
    let _ = thread::Builder::new().name("drop".to_owned()).spawn(move || drop(foreign));
}

/// Drops foreign objects and gives their destructors a moment.
fn drop_within<T: Send + 'static>(foreign: T) {
    let dropped = within(DROP_LIMIT, move || {
        drop(foreign);
        Ok(())
    });
    if let Err(fault) = dropped {
        tracing::warn!("a plugin's destructor: {fault}");
    }
}

/// Owns foreign objects; dropping it does not wait for their
/// destructors longer than a moment.
pub(crate) struct Foreign<T: Send + 'static>(Option<T>);

impl<T: Send> Foreign<T> {
    pub(crate) fn new(object: T) -> Self {
        Self(Some(object))
    }
}

impl<T: Send> Deref for Foreign<T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.0.as_ref().expect("it is there until the drop")
    }
}

impl<T: Send> DerefMut for Foreign<T> {
    fn deref_mut(&mut self) -> &mut T {
        self.0.as_mut().expect("it is there until the drop")
    }
}

impl<T: Send> Drop for Foreign<T> {
    fn drop(&mut self) {
        drop_within(self.0.take());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_returns_in_time_is_handed_on_and_what_hangs_is_left_behind() {
        let limit = Duration::from_secs(20);
        assert_eq!(within(limit, || Ok(1)).unwrap(), 1);
        assert_eq!(within(limit, || Err::<(), _>(Fault::new("no"))).unwrap_err().message, "no");
        let (release, released) = bounded::<()>(0);
        let hung = within(Duration::ZERO, move || Ok(released.recv().is_ok()));
        assert!(hung.unwrap_err().is_fatal());
        drop(release);
    }
}
