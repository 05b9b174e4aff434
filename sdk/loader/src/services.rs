//! What a host offers to the libraries that it loads.

use std::sync::Arc;

use abi::{
    HostObject, LogRecord,
    abi_stable::{
        sabi_trait::TD_Opaque,
        std_types::{RArc, RStr, RString},
    },
};
use spacetime_sdk_abi as abi;

use crate::{calls::Callers, fault::Fault};

/// A log line of a plugin.
#[derive(Clone, Copy, Debug)]
pub struct LogLine<'a> {
    /// 1 error, 2 warn, 3 info, 4 debug, 5 trace.
    pub level: u32,
    /// The instance it came from; empty when unknown.
    pub instance: &'a str,
    /// Where in the plugin's code it came from.
    pub target: &'a str,
    /// The message and its fields.
    pub message: &'a str,
}

/// What a host offers to the libraries that it loads. Called from any thread,
/// of the plugins' own too; must not block or panic.
pub trait Services: Send + Sync + 'static {
    /// The most verbose level that is wanted: 0 none to 5 trace.
    fn max_level(&self) -> u32;
    /// Takes a log line.
    fn log(&self, line: LogLine<'_>);
    /// Takes a fault that no call could return: a destructor's or a task's.
    fn fault(&self, instance: &str, fault: Fault);
    /// Adds to a counter of an instance.
    fn count(&self, instance: &str, counter: &str, amount: u64);
    /// Makes a path that a config gives absolute; without a manifest it stays
    /// as it is.
    fn path(&self, path: &str) -> String {
        path.to_owned()
    }
}

pub(crate) fn object(services: Arc<dyn Services>, callers: Arc<Callers>) -> HostObject {
    HostObject::from_ptr(RArc::new(Adapter { services, callers }), TD_Opaque)
}

struct Adapter {
    services: Arc<dyn Services>,
    callers: Arc<Callers>,
}

impl Adapter {
    /// Runs the host's code, for an instance or for the library as a whole.
    fn serve<R>(&self, instance: &str, code: impl FnOnce(&dyn Services) -> R) -> R {
        let code = || code(&*self.services);
        match instance {
            "" => self.callers.library().call_back(code),
            instance => self.callers.of_instance(instance).call_back(code),
        }
    }
}

impl abi::Host for Adapter {
    // Asked for each line, wanted or not: the crash journal is not told.
    fn max_level(&self) -> u32 {
        self.services.max_level()
    }

    fn log(&self, record: &LogRecord<'_>) {
        let line = LogLine {
            level: record.level,
            instance: record.instance.as_str(),
            target: record.target.as_str(),
            message: record.message.as_str(),
        };
        self.serve(line.instance, |services| services.log(line));
    }

    fn fault(&self, instance: RStr<'_>, fault: abi::Fault) {
        let (instance, fault) = (instance.as_str(), fault.into());
        self.serve(instance, |services| services.fault(instance, fault));
    }

    fn count(&self, instance: RStr<'_>, counter: RStr<'_>, amount: u64) {
        let (instance, counter) = (instance.as_str(), counter.as_str());
        self.serve(instance, |services| services.count(instance, counter, amount));
    }

    fn path(&self, path: RStr<'_>) -> RString {
        self.serve("", |services| services.path(path.as_str())).into()
    }
}
