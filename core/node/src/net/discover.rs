//! Dialling peers that others told of, while there are few, and telling of
//! those that are known.

use std::time::Duration;

use spacetime_protocol::relay::GOSSIP_INTERVAL_MS;
use spacetime_protocol::wire::{Message, PeerAddress};

use super::addresses::Went;
use super::dial::open;
use super::{Address, Hub, peer};

/// Peers that we dial, the operator's included; no more than half of all
/// connections.
const OUTGOING: usize = 8;
/// How often it is looked whether one may be tried, and what is known written
/// to the disk.
const EVERY: Duration = Duration::from_secs(10);

/// Goes on until the hub stops.
pub(super) async fn run(hub: Hub) {
    let mut gossip_ms = hub.clock().steady_ms().saturating_add(GOSSIP_INTERVAL_MS);
    loop {
        while let Some(address) = next(&hub) {
            hub.spawn(meet(hub.clone(), address));
        }
        if gossip_ms <= hub.clock().steady_ms() {
            gossip_ms = hub.clock().steady_ms().saturating_add(GOSSIP_INTERVAL_MS);
            hub.gossip();
        }
        let saving = hub.clone();
        // It fails when the runtime ends.
        let _ = tokio::task::spawn_blocking(move || saving.save_addresses()).await;
        tokio::select! {
            () = hub.addresses_changed() => {}
            () = hub.clock().pass(EVERY) => {}
        }
    }
}

fn next(hub: &Hub) -> Option<PeerAddress> {
    let most = OUTGOING.min(hub.options().max_connections / 2);
    (hub.outgoing() < most).then(|| hub.addresses().take(hub.clock().now_ms())).flatten()
}

/// Talks to a peer that was told of until it is lost.
async fn meet(hub: Hub, address: PeerAddress) {
    let dialled = Address::new(address.address.to_string(), address.port);
    let (from, went) = match open(&dialled, None).await {
        Err(error) => {
            tracing::debug!(%error, "a peer that was told of is not there");
            (None, Went::Badly)
        }
        Ok(opened) => {
            let from = opened.from;
            let went = match hub.join(opened.to, Some(from)) {
                Err(reason) => {
                    tracing::debug!(%dialled, reason, "a peer that was told of has no place");
                    Went::Badly
                }
                Ok(seat) => {
                    let ended = peer::run(hub.clone(), seat, opened.stream, Some(dialled)).await;
                    match ended.lost.is_the_peers_fault() {
                        true => Went::Liar,
                        false if ended.was_of_use => Went::Well,
                        false => Went::Badly,
                    }
                }
            };
            (Some(from), went)
        }
    };
    let now_ms = hub.clock().now_ms();
    hub.addresses().went(address, from, went, now_ms);
    hub.change_addresses();
}

impl Hub {
    /// Tells everybody who listens of those that are known best.
    fn gossip(&self) {
        let now_ms = self.clock().steady_ms();
        for (ip, member) in self.listeners(now_ms) {
            let known = self.addresses().gossip(ip);
            if !known.is_empty()
                && let Ok(frame) = Message::Peers(known).to_frame()
            {
                let priority = spacetime_protocol::relay::Priority::Normal;
                member.outbox.relay(priority, frame.into());
            }
        }
    }

    /// Writes what is known of peers to the disk, if it has changed.
    pub(super) fn save_addresses(&self) {
        let unsaved = self.addresses().unsaved();
        if let Some((file, text)) = unsaved {
            file.write(&text);
        }
    }
}
