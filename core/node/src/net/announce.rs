//! Tells peers what changed here, whoever changed it: every new tip to
//! everybody, and transactions that entered the pool.

use std::time::Duration;

use spacetime_protocol::BlockHash;
use spacetime_protocol::transaction::Transaction;
use spacetime_protocol::wire::Message;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::sleep;

use super::Hub;
use crate::store::StoreError;

/// Tips that are told one by one, rather than the last one alone; more come
/// while the chain is fetched from elsewhere.
const MAX_TIPS: u32 = 16;
/// Notices that may be sent at once, and more of them per second: less than
/// what peers look at.
const BURST: f64 = 32.0;
const PER_SECOND: f64 = 5.0;
/// How long to wait when there have been too many.
const PAUSE: Duration = Duration::from_millis(200);

/// Tells until the chain is gone.
pub(super) async fn run(hub: Hub) {
    let (tips, transactions) = (hub.clone(), hub);
    tokio::join!(tell_tips(tips), tell_transactions(transactions));
}

async fn tell_tips(hub: Hub) {
    let mut changes = hub.service().subscribe();
    let mut told = changes.borrow_and_update().tip;
    let (mut allowance, mut filled_ms) = (BURST, hub.clock().steady_ms());
    while changes.changed().await.is_ok() {
        let tip = changes.borrow_and_update().tip;
        if tip == told || !hub.options().announces {
            continue;
        }
        let now = hub.clock().steady_ms();
        allowance += now.saturating_sub(filled_ms) as f64 / 1000.0 * PER_SECOND;
        (allowance, filled_ms) = (allowance.min(BURST), now);
        if allowance < 1.0 {
            // The last one of them is told after the pause.
            changes.mark_changed();
            sleep(PAUSE).await;
            continue;
        }
        let service = hub.service().clone();
        let found = tokio::task::spawn_blocking(move || between(&service, told, tip)).await;
        let Ok(Ok(found)) = found else {
            tracing::error!(%tip, "a new tip cannot be read, and is not told");
            continue;
        };
        for (hash, height) in found.into_iter().rev() {
            allowance -= 1.0;
            if let Some((block, source)) = hub.take_fresh(&hash) {
                hub.relay_block(&block, Some(source));
            }
            hub.notice(hash, height);
        }
        told = tip;
    }
}

/// The blocks after the last tip that was told, newest first; the new tip
/// alone if there are too many of them, or it is on another branch.
fn between(
    service: &crate::Service,
    told: BlockHash,
    tip: BlockHash,
) -> Result<Vec<(BlockHash, u64)>, StoreError> {
    let mut found = Vec::new();
    let mut at = tip;
    for _ in 0..MAX_TIPS {
        let Some(stored) = service.header(&at)? else { break };
        found.push((at, stored.header.height));
        if stored.header.parent == told {
            return Ok(found);
        }
        at = stored.header.parent;
    }
    found.truncate(1);
    Ok(found)
}

async fn tell_transactions(hub: Hub) {
    let mut admitted = hub.service().admitted();
    loop {
        match admitted.recv().await {
            Ok(transaction) => tell(&hub, &transaction),
            Err(RecvError::Lagged(missed)) => {
                tracing::warn!(missed, "transactions came faster than they could be passed on");
            }
            Err(RecvError::Closed) => return,
        }
    }
}

/// Those of peers go only where the owner relays; own ones go out always.
fn tell(hub: &Hub, transaction: &Transaction) {
    let Ok(bytes) = transaction.encode() else { return };
    let source = hub.take_source(&transaction.hash());
    if source.is_none() || hub.options().relays {
        hub.relay(&Message::Transaction(bytes.to_vec()), source);
    }
}
