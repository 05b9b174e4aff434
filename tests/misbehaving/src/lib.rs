//! A plugin that fails on command: each component's config says where and how,
//! so that tests can run the host against every fault that a plugin can have.
//! With an empty config the components behave. The README lists the ways.

#![deny(unsafe_code)]

mod engine;
mod flood;
#[cfg(target_os = "linux")]
mod load;
mod meddle;
mod place;
mod policy;
mod ruin;
mod strategy;
mod transport;

use engine::Misscorer;
use policy::Mischooser;
use strategy::Misplanner;
use transport::Misconnector;

spacetime_sdk::export_plugin! {
    strategy "misbehaving": Misplanner,
        "Plans all leaves, but for what its config spoils";
    engine "misbehaving": Misscorer,
        "Scores with plain SHA-256, but for what its config spoils";
    policy "misbehaving": Mischooser,
        "Takes every transaction, but for what its config spoils";
    transport "misbehaving": Misconnector,
        "Says that it is online, but for what its config spoils";
}
