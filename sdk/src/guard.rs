//! Panics end here. Every call of author code runs inside [`run`], which turns
//! a panic into a fault; a panic on a thread or task of the plugin's own, which
//! no call can return, is reported to the host by the panic hook.

use std::{
    any::Any,
    backtrace::Backtrace,
    cell::{Cell, RefCell},
    panic::{self, AssertUnwindSafe, PanicHookInfo},
    sync::{Arc, Mutex, Once, PoisonError},
};

use spacetime_sdk_abi::{Fault, FaultCode};

use crate::{backtrace, error::fault, host};

thread_local! {
    /// Whether a [`run`] on this thread will return the panic by itself.
    static GUARDED: Cell<bool> = const { Cell::new(false) };
    /// What the hook saw, for the [`run`] that catches it.
    static LAST: RefCell<Option<Seen>> = const { RefCell::new(None) };
    /// The instance that this thread works for.
    static INSTANCE: RefCell<Option<Arc<str>>> = const { RefCell::new(None) };
}

struct Seen {
    message: String,
    /// Read only for a fault: authors may catch panics themselves.
    backtrace: Option<Backtrace>,
}

/// Makes this library's panics silent on stderr and visible to the host. A
/// dynamic library has a hook of its own, so the host's is not touched.
pub(crate) fn install_hook() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| panic::set_hook(Box::new(on_panic)));
}

fn on_panic(info: &PanicHookInfo<'_>) {
    let place = info.location().map(|place| format!(" at {place}")).unwrap_or_default();
    let message = format!("panicked{place}: {}", payload_text(info.payload()));
    if GUARDED.get() {
        let backtrace = backtrace::take();
        LAST.with_borrow_mut(|last| *last = Some(Seen { message, backtrace }));
    } else {
        let place = "a thread or task of its own";
        host::fault(&instance(), panic_fault(place, &message, &backtrace::here()));
    }
}

fn payload_text(payload: &(dyn Any + Send)) -> &str {
    payload
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("(a value that is not text)")
}

/// A panic's backtrace as far as its call can wait for it. What takes longer is
/// logged.
fn detail(instance: &Arc<str>, backtrace: Option<Backtrace>, message: &str) -> String {
    let Some(backtrace) = backtrace else {
        return "another panic's backtrace was being read, which is logged then".to_owned();
    };
    let (instance, message) = (instance.clone(), message.to_owned());
    let late = move |text: &str| {
        host::log_error(&instance, &format!("the backtrace of what {message}\n{text}"));
    };
    backtrace::read_within(backtrace::PATIENCE, backtrace, late)
        .unwrap_or_else(|| "its backtrace takes longer to be read, and is logged then".to_owned())
}

fn panic_fault(place: &str, message: &str, backtrace: &str) -> Fault {
    let mut fault = fault(FaultCode::PANICKED, format_args!("{place} {message}"));
    fault.detail = backtrace.into();
    fault
}

/// The name that all instances opened so far share; what happens on a thread
/// that the author started is theirs then.
static SHARED: Mutex<Shared> = Mutex::new(Shared::Nothing);

enum Shared {
    Nothing,
    Name(Arc<str>),
    SeveralNames,
}

/// Notes that an instance is being opened.
pub(crate) fn note_opening(name: &Arc<str>) {
    let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
    *shared = match &*shared {
        Shared::Nothing => Shared::Name(name.clone()),
        Shared::Name(other) if other == name => return,
        _ => Shared::SeveralNames,
    };
}

/// The instance that this thread works for; empty when that is not known.
pub(crate) fn instance() -> Arc<str> {
    if let Some(instance) = INSTANCE.with_borrow(|instance| instance.clone()) {
        return instance;
    }
    match &*SHARED.lock().unwrap_or_else(PoisonError::into_inner) {
        Shared::Name(name) => name.clone(),
        _ => Arc::from(""),
    }
}

/// Attributes this thread's log lines, panics and crashes to an instance from
/// now on.
#[cfg(feature = "transport")]
pub(crate) fn set_instance(instance: &Arc<str>) {
    INSTANCE.with_borrow_mut(|current| *current = Some(instance.clone()));
    // The first call of a thread tells the host whose the thread is.
    host::count_for(instance, "threads", 1);
}

/// Runs author code for an instance; `place` names it in the fault.
pub(crate) fn run<R>(
    instance: &Arc<str>,
    place: &str,
    code: impl FnOnce() -> R,
) -> std::result::Result<R, Fault> {
    let previous = INSTANCE.with_borrow_mut(|current| current.replace(instance.clone()));
    let was_guarded = GUARDED.replace(true);
    let result = panic::catch_unwind(AssertUnwindSafe(code));
    GUARDED.set(was_guarded);
    INSTANCE.with_borrow_mut(|current| *current = previous);
    result.map_err(|payload| {
        let seen = LAST.with_borrow_mut(Option::take);
        let fault = match seen {
            Some(Seen { message, backtrace }) => {
                let detail = detail(instance, backtrace, &message);
                panic_fault(place, &message, &detail)
            }
            // The hook is not ours when the component is linked statically.
            None => {
                let message = format!("panicked: {}", payload_text(payload.as_ref()));
                panic_fault(place, &message, "")
            }
        };
        // A payload whose own destructor panics must not escape the guard.
        std::mem::forget(payload);
        fault
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(name: &str) -> Arc<str> {
        Arc::from(name)
    }

    // The hook is not installed here: it would silence the tests' own panics.
    #[test]
    fn a_panic_becomes_a_fault_that_names_its_place() {
        let fault = run(&name("x"), "plan", || panic!("no {}", "way")).unwrap_err();
        assert_eq!(fault.code, FaultCode::PANICKED);
        assert_eq!(fault.message, "plan panicked: no way");
        let fault = run(&name("x"), "plan", || panic::panic_any(7)).unwrap_err();
        assert_eq!(fault.message, "plan panicked: (a value that is not text)");
    }

    #[test]
    fn a_payload_whose_destructor_panics_stays_inside() {
        struct Bomb;
        impl Drop for Bomb {
            fn drop(&mut self) {
                panic!("again");
            }
        }
        assert!(run(&name("x"), "plan", || panic::panic_any(Bomb)).is_err());
    }

    #[test]
    fn what_happens_inside_belongs_to_the_innermost_instance() {
        let seen = run(&name("outer"), "plan", || {
            let inner = run(&name("inner"), "plan", instance).unwrap();
            let failed = run(&name("failing"), "plan", || panic!("no"));
            assert!(failed.is_err());
            (inner, instance())
        });
        assert_eq!(seen.unwrap(), (name("inner"), name("outer")));
    }
}
