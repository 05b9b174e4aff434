//! The mining loop: `event` is all that can happen, `state` decides what to do
//! about it, `command` is all that can be done, `driver` does it.

mod command;
mod driver;
mod event;
mod state;

pub use command::{Command, Outcome};
pub use driver::{Inbox, PlotSource, Setup, run};
pub use event::{Best, Coverage, Event, Now, PlotSummary, Proved, TransportEvent, Unproven};
pub use state::{Config, State};
