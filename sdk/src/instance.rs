//! One opened component: the author's value behind a guard. After a panic in
//! a method it is never called again; its destructor is guarded too.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use spacetime_sdk_abi::{Fault, FaultCode, OpenArgs};

use crate::{
    config,
    error::{Result, fault},
    guard, host,
};

pub(crate) struct Instance<T> {
    name: Arc<str>,
    poisoned: AtomicBool,
    value: Option<T>,
}

impl<T> Instance<T> {
    /// Runs the author's constructor.
    pub(crate) fn open(
        args: &OpenArgs<'_>,
        open: impl FnOnce() -> Result<T>,
    ) -> Result<Self, Fault> {
        let name: Arc<str> = Arc::from(args.instance.as_str());
        guard::note_opening(&name);
        let value = guard::run(&name, "its constructor", open)?
            .map_err(|error| config::constructor_fault(args, error))?;
        Ok(Self { name, poisoned: AtomicBool::new(false), value: Some(value) })
    }

    pub(crate) fn call<R>(
        &self,
        method: &str,
        code: impl FnOnce(&T) -> Result<R>,
    ) -> Result<R, Fault> {
        let value = self.live()?;
        Ok(self.watch(guard::run(&self.name, method, || code(value)))??)
    }

    pub(crate) fn call_mut<R>(
        &mut self,
        method: &str,
        code: impl FnOnce(&mut T) -> Result<R>,
    ) -> Result<R, Fault> {
        self.live()?;
        let name = self.name.clone();
        let value = self.value.as_mut().expect("only drop takes the value");
        let result = guard::run(&name, method, || code(value));
        Ok(self.watch(result)??)
    }

    fn live(&self) -> Result<&T, Fault> {
        if self.poisoned.load(Ordering::Acquire) {
            return Err(fault(FaultCode::POISONED, "it panicked before and is not called again"));
        }
        Ok(self.value.as_ref().expect("only drop takes the value"))
    }

    fn watch<R>(&self, result: Result<R, Fault>) -> Result<R, Fault> {
        if result.is_err() {
            self.poisoned.store(true, Ordering::Release);
        }
        result
    }
}

impl<T> Drop for Instance<T> {
    fn drop(&mut self) {
        let value = self.value.take();
        if let Err(fault) = guard::run(&self.name, "its destructor", || drop(value)) {
            host::report(&self.name, fault);
        }
    }
}
