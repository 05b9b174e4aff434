//! What others may know of a connected peer.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use spacetime_protocol::relay::Priority;
use tokio::sync::Notify;

use super::hub::Hub;
use super::outbox::Outbox;
use super::{PeerId, PeerInfo};

/// How long after its last question a peer that never introduced itself is
/// told no more than new tips, ms: the reference takes whatever comes next as
/// the answer (`wire.md` section 5).
const QUIET_MS: u64 = 60_000;

/// What others may know of a connected peer, and send to it.
pub(super) struct Member {
    pub(super) id: PeerId,
    pub(super) address: SocketAddr,
    pub(super) dialled: bool,
    /// Our end, if we dialled it.
    pub(super) dialled_from: Option<SocketAddr>,
    pub(super) outbox: Outbox,
    introduced: AtomicBool,
    asked_ms: AtomicU64,
    noticed: AtomicBool,
    sent: AtomicBool,
    nudge: Notify,
}

impl Member {
    pub(super) fn new(id: PeerId, address: SocketAddr, dialled_from: Option<SocketAddr>) -> Self {
        let dialled = dialled_from.is_some();
        Self {
            id,
            address,
            dialled,
            dialled_from,
            outbox: Outbox::default(),
            introduced: AtomicBool::new(dialled),
            asked_ms: AtomicU64::new(0),
            noticed: AtomicBool::new(false),
            sent: AtomicBool::new(false),
            nudge: Notify::new(),
        }
    }

    pub(super) fn info(&self) -> PeerInfo {
        PeerInfo { id: self.id, address: self.address, dialled: self.dialled }
    }

    /// It said who it is.
    pub(super) fn introduced(&self) {
        self.introduced.store(true, Ordering::Relaxed);
    }

    /// Whether it said who it is, or we dialled it.
    pub(super) fn is_introduced(&self) -> bool {
        self.introduced.load(Ordering::Relaxed)
    }

    /// It asked for headers or a block.
    pub(super) fn asked(&self, now_ms: u64) {
        self.asked_ms.store(now_ms, Ordering::Relaxed);
    }

    /// Whether it ever asked for headers or a block.
    pub(super) fn has_asked(&self) -> bool {
        self.asked_ms.load(Ordering::Relaxed) > 0
    }

    pub(super) fn takes_relays(&self, now_ms: u64) -> bool {
        let asked_ms = self.asked_ms.load(Ordering::Relaxed);
        self.is_introduced() || asked_ms == 0 || asked_ms.saturating_add(QUIET_MS) <= now_ms
    }

    /// Sends a notice of the tip.
    pub(super) fn notice(&self, frame: Arc<[u8]>) {
        self.noticed.store(true, Ordering::Relaxed);
        self.outbox.relay(Priority::High, frame);
    }

    /// Whether it was ever told the tip.
    pub(super) fn was_noticed(&self) -> bool {
        self.noticed.load(Ordering::Relaxed)
    }

    /// A block of ours is on its way to it.
    pub(super) fn block_sent(&self) {
        self.sent.store(true, Ordering::Relaxed);
        self.nudge.notify_one();
    }

    /// Waits until a block of ours is on its way to it.
    pub(super) async fn sent_block(&self) {
        while !self.sent.swap(false, Ordering::Relaxed) {
            self.nudge.notified().await;
        }
    }
}

/// A member's place in the hub; dropped, it is free at once.
pub(super) struct Seat {
    hub: Hub,
    member: Arc<Member>,
}

impl Seat {
    pub(super) fn new(hub: Hub, member: Arc<Member>) -> Self {
        Self { hub, member }
    }

    pub(super) fn member(&self) -> &Arc<Member> {
        &self.member
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.hub.leave(self.member.id);
    }
}
