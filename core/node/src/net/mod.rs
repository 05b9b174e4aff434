//! A chain among peers over TCP: whom to listen to and whom to dial, what each
//! connection is told, and what is passed on. The bytes are
//! `spacetime_protocol::wire`'s, the chain is [`Service`]'s; sockets, clocks
//! and limits are here.
//!
//! ```text
//! listen, dial, discover ──► peer (one task per connection) ──► Service
//!                              │  ▲
//!                              ▼  │ outbox, bounded, paced
//!                             Hub: who is there, what was seen, who is banned
//!                              ▲
//!                              └── announce: new tips and transactions, to everybody
//! ```

mod addresses;
mod ahead;
mod announce;
mod backoff;
mod ban;
mod certificate;
mod clock;
mod dial;
mod discover;
mod early;
mod event;
mod hub;
mod listen;
mod member;
mod options;
mod orphans;
mod ours;
mod outbox;
mod pace;
mod peer;
mod proof;
mod serve;
mod standing;
mod submit;
mod tls;

pub use backoff::Backoff;
pub use certificate::Certificate;
pub use clock::{Ahead, Clock, now_ms, steady_ms};
pub use dial::{Address, AddressError, DialError, Io, Keep, Stream, connect, keep};
pub use event::{Event, Lost, PeerId, PeerInfo};
pub use hub::{Hub, Running, Written};
pub use listen::Listener;
pub use options::Options;
pub use tls::{Tls, TlsError};

#[cfg(doc)]
use crate::Service;
