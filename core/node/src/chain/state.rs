//! What a snapshot says of a chain to those who ask. Pool and process are not
//! in a store: to these answers, nothing is pending.

use spacetime_protocol::ask::{AccountState, Fate};
use spacetime_protocol::network::Network;
use spacetime_protocol::{Identity, TxHash};

use super::ancestry;
use crate::local::Status;
use crate::store::{Rules, Snapshot, StoreError};

/// How the chain stands.
pub(crate) fn status(snapshot: &Snapshot, network: &Network) -> Result<Status, StoreError> {
    let tip = snapshot.known_header(&snapshot.tip()?)?;
    Ok(Status {
        network_id: network.id.clone(),
        genesis_hash: network.genesis_hash(),
        rules: Some(Rules::of(network)),
        height: tip.header.height,
        tip: tip.header.hash(),
        difficulty: ancestry::next_difficulty(snapshot, network, &tip)?,
        mempool: 0,
        pid: None,
    })
}

/// An account at the tip.
pub(crate) fn account_state(
    snapshot: &Snapshot,
    identity: &Identity,
) -> Result<AccountState, StoreError> {
    let tip = snapshot.tip()?;
    let height = snapshot.known_header(&tip)?.header.height;
    let account = snapshot.account(identity)?;
    Ok(AccountState {
        identity: *identity,
        balance: account.balance,
        nonce: account.nonce,
        next_nonce: account.nonce,
        spendable: account.balance,
        tip,
        height,
    })
}

/// What became of a transaction.
pub(crate) fn fate(snapshot: &Snapshot, hash: &TxHash) -> Result<Fate, StoreError> {
    let Some((height, _)) = snapshot.transaction(hash)? else { return Ok(Fate::Unknown) };
    let missing = || snapshot.damaged(format!("transaction {hash} is in no block {height}"));
    let block = snapshot.best_at(height)?.ok_or_else(missing)?;
    let tip = snapshot.known_header(&snapshot.tip()?)?.header.height;
    // The index goes with the best chain: no block of it is above its tip.
    let confirmations = tip.saturating_sub(height).saturating_add(1);
    Ok(Fate::InBlock { block, height, confirmations })
}
