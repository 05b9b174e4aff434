//! What is asked of transports.

mod asked;
mod events;
mod peer;
mod port;
mod requests;
mod rules;
mod session;

pub(crate) use self::{rules::RULES, session::Session};
