//! Which components run, over the loader: where plugin files are looked for,
//! which may be loaded, which component a name means, what becomes of one that
//! fails. Names no concrete plugin, and does not know what a plugin is for.

mod ask;
mod chain;
mod choose;
mod crash;
mod fallback;
mod folders;
mod health;
mod inventory;
mod limit;
mod opener;
mod plan;
mod problem;
mod quarantine;
mod registry;
mod safe_mode;
mod services;
mod slots;
pub mod trust;

pub use chain::{ChainAccess, ChainError, Whom};
pub use crash::{forget_replaced, keep_journal, quarantine, release};
pub use folders::folders;
pub(crate) use folders::{
    list as list_folders, name_of, user_cache, user_folder, user_signing_key,
};
pub use health::{Fate, FaultObserver};
pub use inventory::{FindError, Found, Shelf, entry_of, find_strategies, inventory, try_load};
pub use plan::{Plan, PlannedComponent, PlannedPlugin, PlannedShadow};
pub use problem::RegistryProblem;
pub use quarantine::{Entry as Quarantined, Quarantine, QuarantineError};
pub use registry::Registry;
pub use safe_mode::keep_what_is_safe;
pub use services::{forward_logs, untold, untold_faults, used};
pub use slots::{EventSink, PolicyOutcome, PolicySlot, ShadowSlot, TransportSetup, TransportSlot};
