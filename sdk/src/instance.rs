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
            host::fault(&self.name, fault);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Error;

    fn args() -> OpenArgs<'static> {
        OpenArgs {
            component: "c".into(),
            instance: "i".into(),
            config: "(\n  size: 0)".into(),
            config_line: 10,
            config_column: 5,
            ron_extensions: 0,
            features: 0,
            reserved: [0; 8],
        }
    }

    #[test]
    fn an_error_is_passed_on_and_a_panic_is_the_end() {
        let mut instance = Instance::open(&args(), || Ok(1)).unwrap();
        let fault = instance.call("scan", |_| Err::<(), _>(Error::new("no"))).unwrap_err();
        assert_eq!(fault.code, FaultCode::FAILED);
        assert_eq!(instance.call_mut("plan", |value| Ok(*value)).unwrap(), 1);
        let fault = instance.call_mut("plan", |_| -> Result<()> { panic!("no") }).unwrap_err();
        assert_eq!(fault.code, FaultCode::PANICKED);
        let fault = instance.call_mut("plan", |value| Ok(*value)).unwrap_err();
        assert_eq!(fault.code, FaultCode::POISONED);
    }

    #[test]
    fn a_constructor_can_blame_a_field() {
        let refused = Instance::<()>::open(&args(), || Err(Error::field("size", "must be 1")));
        let fault = refused.err().unwrap();
        assert_eq!((fault.code, fault.line, fault.column), (FaultCode::CONFIG, 11, 3));
        let fault = Instance::<()>::open(&args(), || Err(Error::new("no"))).err().unwrap();
        assert_eq!((fault.code, fault.line), (FaultCode::FAILED, 0));
        let fault = Instance::<()>::open(&args(), || panic!("no")).err().unwrap();
        assert_eq!(fault.code, FaultCode::PANICKED);
    }
}
