//! Every call into a plugin goes through here: it is noted while it lasts, so
//! that the crash journal knows whose it was, and timed when it is over.

mod clock;
mod method;
mod times;

use std::{
    fmt,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use spacetime_sdk_abi::{self as abi, abi_stable::std_types::RResult};

use self::times::Times;
pub use self::{method::Method, times::CallTimes};
use crate::{
    descriptor::{Descriptor, Kind},
    fault::Fault,
    file::FileHash,
    journal::{self, Culprit, Tag},
};

/// Who is called: an instance of a component, or a library as a whole. Its
/// calls are counted over all objects that are opened under its name.
pub struct Caller {
    culprit: Culprit,
    instance: String,
    tag: Tag,
    times: Vec<Times>,
}

impl Caller {
    fn new(culprit: Culprit, instance: &str) -> Arc<Self> {
        Arc::new(Self {
            tag: journal::register(&culprit),
            culprit,
            instance: instance.to_owned(),
            times: Method::ALL.iter().map(|_| Times::new()).collect(),
        })
    }

    /// The component and its plugin.
    pub fn culprit(&self) -> &Culprit {
        &self.culprit
    }

    /// The name under which the instance appears in logs; empty: the library.
    pub fn instance(&self) -> &str {
        &self.instance
    }

    /// The methods that were called, and how long that took.
    pub fn times(&self) -> Vec<(Method, CallTimes)> {
        let all = Method::ALL.iter().zip(&self.times);
        all.map(|(method, times)| (*method, times.read(clock::length)))
            .filter(|(_, times)| times.calls + times.given_up > 0)
            .collect()
    }

    /// The host has given a call up, as it did not return in time.
    pub fn give_up(&self, method: Method) {
        self.times[method as usize].add_given_up();
    }

    pub(crate) fn tag(&self) -> Tag {
        self.tag
    }

    /// Runs foreign code.
    pub(crate) fn run<R>(&self, method: Method, foreign: impl FnOnce() -> R) -> R {
        let began = clock::now();
        let result = {
            let _noted = journal::enter(self.tag, method);
            foreign()
        };
        self.times[method as usize].add(clock::now().saturating_sub(began));
        result
    }

    /// Calls foreign code that may fail; what it returns is made the host's
    /// own by `take` while the plugin can still be blamed for it.
    pub(crate) fn call<T, R>(
        &self,
        method: Method,
        foreign: impl FnOnce() -> RResult<T, abi::Fault>,
        take: impl FnOnce(T) -> R,
    ) -> Result<R, Fault> {
        let result = self.run(method, || match foreign() {
            RResult::ROk(value) => Ok(take(value)),
            RResult::RErr(fault) => Err(Fault::from(fault)),
        });
        if result.is_err() {
            self.times[method as usize].add_error();
        }
        result
    }

    /// Loads something whose code is the caller's from then on.
    pub(crate) fn bring_code<R>(&self, load: impl FnOnce() -> R) -> R {
        journal::with_its_code(self.tag, load)
    }

    /// Runs the host's own code, called by a thread of the plugin's or from
    /// within a call of it.
    pub(crate) fn call_back<R>(&self, code: impl FnOnce() -> R) -> R {
        let _noted = journal::leave(self.tag);
        code()
    }
}

impl fmt::Debug for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Caller").field(&self.culprit).field(&self.instance).finish()
    }
}

/// Everybody in a library who is called.
#[derive(Debug)]
pub(crate) struct Callers {
    library: Arc<Caller>,
    components: Mutex<Vec<Arc<Caller>>>,
}

impl Callers {
    pub(crate) fn new(path: &Path, descriptor: &Descriptor, sha256: FileHash) -> Self {
        let library = Caller::new(Culprit::library(path, descriptor, sha256), "");
        Self { library, components: Mutex::default() }
    }

    /// The library as a whole.
    pub(crate) fn library(&self) -> &Arc<Caller> {
        &self.library
    }

    /// An instance of a component.
    pub(crate) fn component(&self, kind: Kind, component: &str, instance: &str) -> Arc<Caller> {
        let mut components = self.components.lock().unwrap_or_else(PoisonError::into_inner);
        let known = components.iter().find(|caller| {
            let Culprit { kind: of, component: name, .. } = caller.culprit();
            *of == Some(kind) && name == component && caller.instance == instance
        });
        if let Some(known) = known {
            return known.clone();
        }
        let culprit = self.library.culprit.component(kind, component);
        let caller = Caller::new(culprit, instance);
        components.push(caller.clone());
        caller
    }

    /// The component that an instance is of; the library, if there is none.
    pub(crate) fn of_instance(&self, instance: &str) -> Arc<Caller> {
        let components = self.components.lock().unwrap_or_else(PoisonError::into_inner);
        let known = components.iter().find(|caller| caller.instance == instance);
        known.unwrap_or(&self.library).clone()
    }
}

/// An object of a plugin's, and who is called through it.
pub(crate) struct Held<T> {
    caller: Arc<Caller>,
    // Taken by the drop.
    object: Option<T>,
}

impl<T> Held<T> {
    pub(crate) fn new(caller: Arc<Caller>, object: T) -> Self {
        Self { caller, object: Some(object) }
    }

    pub(crate) fn call<V, R>(
        &self,
        method: Method,
        foreign: impl FnOnce(&T) -> RResult<V, abi::Fault>,
        take: impl FnOnce(V) -> R,
    ) -> Result<R, Fault> {
        let object = self.object.as_ref().expect("only the drop takes it");
        self.caller.call(method, || foreign(object), take)
    }

    pub(crate) fn call_mut<V, R>(
        &mut self,
        method: Method,
        foreign: impl FnOnce(&mut T) -> RResult<V, abi::Fault>,
        take: impl FnOnce(V) -> R,
    ) -> Result<R, Fault> {
        let object = self.object.as_mut().expect("only the drop takes it");
        self.caller.call(method, || foreign(object), take)
    }
}

impl<T> Drop for Held<T> {
    fn drop(&mut self) {
        let object = self.object.take();
        self.caller.run(Method::Drop, || drop(object));
    }
}
