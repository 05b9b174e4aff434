//! Write a plugin for the Spacetime miner in plain safe Rust.
//!
//! A plugin is a dynamic library with any number of components. Each component
//! implements one of four traits, takes its config as a `serde` type, and is
//! exported by [`export_plugin!`]:
//!
//! ```
//! use spacetime_sdk::{Job, Plan, Plot, Result, Spans, Strategy};
//!
//! struct FirstHalf {
//!     next: u64,
//!     end: u64,
//! }
//!
//! impl Strategy for FirstHalf {
//!     type Config = ();
//!
//!     fn open((): ()) -> Result<Self> {
//!         Ok(Self { next: 0, end: 0 })
//!     }
//!
//!     fn begin(&mut self, _job: &Job, plot: &Plot) -> Result<()> {
//!         (self.next, self.end) = (0, plot.leaf_count.div_ceil(2));
//!         Ok(())
//!     }
//!
//!     fn plan(&mut self, spans: &mut Spans<'_>) -> Result<Plan> {
//!         if self.next < self.end && spans.push(self.next, self.end - self.next) {
//!             self.next = self.end;
//!         }
//!         Ok(Plan::Done)
//!     }
//! }
//!
//! spacetime_sdk::export_plugin! {
//!     strategy "first-half": FirstHalf, "Looks at the first half of each plot";
//! }
//! ```
//!
//! What the host promises and expects:
//!
//! * A component that returns an error or panics loses the call, never the
//!   miner: the host goes on by its own plan, kernels or empty block, and
//!   after a panic the instance is not called again.
//! * `tracing` events appear in the host's log under the component's name.
//! * The library is never unloaded.

#![deny(unsafe_code)]

mod backtrace;
mod component_name;
mod config;
pub mod descriptor;
mod engine;
mod error;
mod export;
mod guard;
mod hints;
mod host;
mod instance;
mod job;
mod json;
mod policy;
pub mod processor;
mod ron_text;
pub mod schema;
mod strategy;
pub mod text;
#[cfg(feature = "transport")]
mod transport;
mod turns;

#[cfg(feature = "transport")]
pub use async_trait::async_trait;
pub use serde;
#[cfg(feature = "kernels")]
pub use spacetime_kernels as kernels;
pub use spacetime_protocol as protocol;
#[cfg(feature = "transport")]
pub use tokio;
pub use tracing;

pub use engine::{Best, Cancel, Engine};
pub use error::{Error, Result};
pub use host::{count, path, report};
pub use job::{BatchStats, Builder, Job, Plot, StopRule};
pub use policy::{BlockContext, Candidate, Policy, Selection};
pub use schema::Schema;
pub use strategy::{Plan, Spans, Strategy};
#[cfg(feature = "transport")]
pub use transport::{
    AccountState, Answer, Challenge, Closed, Event, EventSender, Fate, Port, ProofClaim, Question,
    Request, Tip, Transport, TransportContext, Verdict, wait_for,
};
pub use turns::{Arrange, Turns};

use spacetime_sdk_abi::{Fault, OpenArgs};

/// Runs the config's own `Deserialize` code, which is the author's too.
fn guard_config<C>(
    args: &OpenArgs<'_>,
    parse: impl FnOnce(&OpenArgs<'_>) -> Result<C, Fault>,
) -> Result<C, Fault> {
    guard::run(&args.instance.as_str().into(), "its config", || parse(args))?
}

/// What [`export_plugin!`] expands to; no part of the public interface.
#[doc(hidden)]
pub mod __private {
    pub use spacetime_sdk_abi::{
        self as abi,
        abi_stable::{
            library::{
                __call_root_module_loader as call_root_module_loader, CheckTypeLayout, LibHeader,
                RootModuleResult,
            },
            prefix_type::PrefixTypeTrait,
            std_types::{RResult, RStr, RString},
        },
    };

    #[cfg(feature = "transport")]
    pub use crate::transport::{
        ask as ask_transport, check as check_transport, open as open_transport,
    };
    pub use crate::{
        component_name::{check as check_name, check_alone as check_name_alone},
        descriptor::{FRAME, Part, RUSTC, SDK_VERSION, TARGET, encode, text, text_len},
        engine::open as open_engine,
        policy::open as open_policy,
        strategy::open as open_strategy,
    };

    use crate::{error::fault, guard, host};

    /// Connects a library to its host.
    pub fn init(_: &abi::HostInfo<'_>, host: abi::HostObject) -> RResult<(), abi::Fault> {
        guard::run(&"".into(), "its initialisation", || host::connect(host)).into()
    }

    /// The answer of a factory that has no such component.
    pub fn unknown_component(kind: &str, args: &abi::OpenArgs<'_>) -> abi::Fault {
        fault(
            abi::FaultCode::UNKNOWN_COMPONENT,
            format_args!("the library has no {kind} named `{}`", args.component),
        )
    }
}
