//! What must come of blocks, by replaying chains from their beginning: no
//! undo, no store, sums as they stand in `consensus.md` sections 7 and 10.

use std::collections::BTreeMap;

use spacetime_protocol::Identity;
use spacetime_protocol::accounts::Account;
use spacetime_protocol::block::Block;

pub(super) type Accounts = BTreeMap<Identity, Account>;

/// The accounts after some blocks; `None`: one of them cannot be applied.
pub(super) fn replay<'a>(
    genesis: &Accounts,
    blocks: impl IntoIterator<Item = &'a Block>,
) -> Option<Accounts> {
    let mut accounts = genesis.clone();
    for block in blocks {
        let before = accounts.clone();
        let mut spent = BTreeMap::new();
        for transaction in &block.transactions {
            let cost = transaction.amount.checked_add(transaction.fee)?;
            let sender = accounts.entry(transaction.sender).or_default();
            // What comes in within a block cannot be spent there.
            let sum: &mut u64 = spent.entry(transaction.sender).or_default();
            *sum = sum.checked_add(cost)?;
            let owned = before.get(&transaction.sender).map_or(0, |account| account.balance);
            if sender.nonce != transaction.nonce || *sum > owned {
                return None;
            }
            sender.balance = sender.balance.checked_sub(cost)?;
            sender.nonce += 1;
            let recipient = accounts.entry(transaction.recipient).or_default();
            recipient.balance = recipient.balance.checked_add(transaction.amount)?;
        }
        let fees = block.transactions.iter().map(|transaction| transaction.fee).sum::<u64>();
        let miner = accounts.entry(block.header.miner).or_default();
        miner.balance = miner.balance.checked_add(fees)?;
    }
    Some(accounts)
}

/// The accounts before some blocks, from those after them.
pub(super) fn rewind(after: &Accounts, blocks: &[&Block]) -> Accounts {
    let mut accounts = after.clone();
    let mut change = |identity: &Identity, balance: i128, nonces: u64| {
        let account = accounts.entry(*identity).or_default();
        let balance = i128::from(account.balance) + balance;
        account.balance = u64::try_from(balance).expect("a case's accounts are possible");
        account.nonce -= nonces;
    };
    for block in blocks.iter().rev() {
        for transaction in block.transactions.iter().rev() {
            let (amount, fee) = (i128::from(transaction.amount), i128::from(transaction.fee));
            change(&transaction.sender, amount + fee, 1);
            change(&transaction.recipient, -amount, 0);
            change(&block.header.miner, -fee, 0);
        }
    }
    accounts
}
