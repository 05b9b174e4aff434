//! The front of a running chain: thread-safe, cheap to clone, every call
//! blocking for as long as the disk takes. Orders changes of chain and pool,
//! announces them when they are durable, and reopens a store that failed.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockWriteGuard};

use spacetime_protocol::accounts::Account;
use spacetime_protocol::ask::{AccountState, Fate};
use spacetime_protocol::block::Block;
use spacetime_protocol::header::BlockHeader;
use spacetime_protocol::network::Network;
use spacetime_protocol::transaction::Transaction;
use spacetime_protocol::{BlockHash, Identity, TxHash};
use tokio::sync::{broadcast, watch};

use crate::chain::{self, Chain, Submitted, Taken};
use crate::local::Status;
use crate::mempool::{Journal, MAX_TRANSACTIONS, Mempool, Refusal};
use crate::store::{Snapshot, StoreError, StoredHeader};

/// Admitted transactions that a slow subscriber may be behind.
const ADMITTED: usize = 1024;

/// How far a chain and its pool have come; each change makes another value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Changes {
    /// Hash of the best chain's last block.
    pub tip: BlockHash,
    /// Counts the changes of the pool, those by a new tip included.
    pub pool: u64,
}

/// Pending transactions, as they can be applied on a tip.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidates {
    /// Hash of the tip.
    pub tip: BlockHash,
    /// Best fee first, each after its sender's earlier ones.
    pub transactions: Vec<Transaction>,
    /// The accounts of their senders at the tip, each once.
    pub accounts: Vec<(Identity, Account)>,
}

/// A running chain.
#[derive(Clone)]
pub struct Service {
    inner: Arc<Inner>,
}

struct Inner {
    network: Arc<Network>,
    directory: PathBuf,
    /// `None` after a failure, until it can be opened again.
    chain: RwLock<Option<Chain>>,
    /// Held during every change: chain and pool change together.
    pool: Mutex<Pool>,
    changes: watch::Sender<Changes>,
    admitted: broadcast::Sender<Transaction>,
}

/// What is pending, in memory and on the disk.
struct Pool {
    mempool: Mempool,
    journal: Journal,
}

impl Service {
    /// Opens the chain in a directory, with the right to write; makes it
    /// where there is none.
    ///
    /// # Errors
    /// When another process has it, when it belongs to another network, or
    /// when it cannot be read or written.
    pub fn open(directory: &Path, network: Network) -> Result<Self, StoreError> {
        let network = Arc::new(network);
        let chain = Chain::open(directory, Arc::clone(&network))?;
        let tip = chain.snapshot()?.tip()?;
        // Only whoever may write the store may have it.
        let (journal, pending) = Journal::open(directory);
        let inner = Inner {
            network,
            directory: directory.to_owned(),
            chain: RwLock::new(Some(chain)),
            pool: Mutex::new(Pool { mempool: Mempool::new(MAX_TRANSACTIONS), journal }),
            changes: watch::Sender::new(Changes { tip, pool: 0 }),
            admitted: broadcast::Sender::new(ADMITTED),
        };
        let service = Self { inner: Arc::new(inner) };
        service.restore(pending);
        Ok(service)
    }

    /// Takes back what was pending when the last process ended.
    fn restore(&self, pending: Vec<Transaction>) {
        let mut pool = self.pool();
        self.follow(&mut pool.mempool, pending);
        let Pool { mempool, journal } = &mut *pool;
        journal.write(mempool);
        if mempool.len() > 0 {
            tracing::info!("{} transactions are pending still", mempool.len());
        }
    }

    /// The chain's network.
    pub fn network(&self) -> &Network {
        &self.inner.network
    }

    /// Sees the latest change; those between may be missed.
    pub fn subscribe(&self) -> watch::Receiver<Changes> {
        self.inner.changes.subscribe()
    }

    /// Sees every transaction that enters the pool from now on, those that come
    /// back out of replaced blocks included.
    pub fn admitted(&self) -> broadcast::Receiver<Transaction> {
        self.inner.admitted.subscribe()
    }

    /// Checks a block and takes it; `now` in Unix seconds. What it changes is
    /// on the disk when this returns.
    ///
    /// # Errors
    /// When the store fails: nothing has changed, and the block may be
    /// submitted again.
    pub fn submit_block(&self, block: &Block, now: u64) -> Result<Submitted, StoreError> {
        let mut pool = self.pool();
        Ok(match self.with(|chain| chain.submit(block, now))? {
            Taken::Side => Submitted::SideBranch,
            Taken::Known { best } => Submitted::AlreadyKnown { best },
            Taken::Rejected(rejection) => Submitted::Rejected(rejection),
            Taken::NewTip(new) => {
                let Pool { mempool, journal } = &mut *pool;
                self.follow(mempool, new.orphaned.clone());
                journal.follow(&new.orphaned, mempool);
                self.inner.changes.send_modify(|changes| {
                    changes.tip = new.hash;
                    changes.pool += 1;
                });
                Submitted::NewTip
            }
        })
    }

    /// Brings the pool to the new tip. The block is taken already: a store
    /// that fails now only costs the pool.
    fn follow(&self, pool: &mut Mempool, orphaned: Vec<Transaction>) {
        let mut accounts = HashMap::new();
        let read = self.with(|chain| {
            let snapshot = chain.snapshot()?;
            for sender in pool.senders().chain(orphaned.iter().map(|orphan| &orphan.sender)) {
                accounts.insert(*sender, snapshot.account(sender)?);
            }
            Ok(())
        });
        match read {
            Ok(()) => {
                let account = |sender: &_| accounts.get(sender).copied().unwrap_or_default();
                pool.follow(orphaned.clone(), account);
                for back in orphaned.into_iter().filter(|orphan| pool.holds(orphan)) {
                    self.admit(back);
                }
            }
            Err(error) => {
                tracing::warn!(%error, "pending transactions are dropped: no account can be read");
                *pool = Mempool::new(MAX_TRANSACTIONS);
            }
        }
    }

    /// Takes a transaction into the pool, where it replaces one of its sender
    /// with its nonce that pays less.
    ///
    /// # Errors
    /// The outer when the store fails, the inner when it is refused.
    pub fn submit_transaction(
        &self,
        transaction: Transaction,
    ) -> Result<Result<TxHash, Refusal>, StoreError> {
        self.take_transaction(transaction, true)
    }

    /// Takes a transaction into the pool; with `replace`, as
    /// [`Service::submit_transaction`] does.
    ///
    /// # Errors
    /// The outer when the store fails, the inner when it is refused.
    pub fn take_transaction(
        &self,
        transaction: Transaction,
        replace: bool,
    ) -> Result<Result<TxHash, Refusal>, StoreError> {
        let mut pool = self.pool();
        let account = self.account(&transaction.sender)?;
        let Pool { mempool, journal } = &mut *pool;
        let taken = mempool.admit(transaction.clone(), &account, replace);
        if taken.is_ok() {
            journal.add([&transaction], mempool);
            self.inner.changes.send_modify(|changes| changes.pool += 1);
            self.admit(transaction);
        }
        Ok(taken)
    }

    /// What became of a transaction.
    ///
    /// # Errors
    /// As [`Service::status`].
    pub fn transaction(&self, hash: &TxHash) -> Result<Fate, StoreError> {
        // While the pool is held, nothing moves from it to the chain.
        let pool = self.pool();
        match self.read(|snapshot| chain::fate(snapshot, hash))? {
            Fate::Unknown if pool.mempool.contains(hash) => Ok(Fate::Pending),
            fate => Ok(fate),
        }
    }

    /// An account at the tip, and what its pending transactions do to it.
    ///
    /// # Errors
    /// As [`Service::status`].
    pub fn account_state(&self, identity: &Identity) -> Result<AccountState, StoreError> {
        let pool = self.pool();
        let state = self.read(|snapshot| chain::account_state(snapshot, identity))?;
        let account = Account { balance: state.balance, nonce: state.nonce };
        let Account { balance: spendable, nonce: next_nonce } =
            pool.mempool.after(identity, &account);
        Ok(AccountState { next_nonce, spendable, ..state })
    }

    /// The nonce of an identity's next transaction, after its pending ones.
    ///
    /// # Errors
    /// As [`Service::status`].
    pub fn next_nonce(&self, identity: &Identity) -> Result<u64, StoreError> {
        Ok(self.account_state(identity)?.next_nonce)
    }

    fn admit(&self, transaction: Transaction) {
        // Nobody may be listening.
        let _ = self.inner.admitted.send(transaction);
    }

    /// How the chain stands.
    ///
    /// # Errors
    /// When the store fails, as for all methods here.
    pub fn status(&self) -> Result<Status, StoreError> {
        let mempool = self.pool().mempool.len() as u64;
        let status = self.read(|snapshot| chain::status(snapshot, self.network()))?;
        Ok(Status { mempool, pid: Some(std::process::id()), ..status })
    }

    /// An account at the tip; an absent one is empty.
    ///
    /// # Errors
    /// As [`Service::status`].
    pub fn account(&self, identity: &Identity) -> Result<Account, StoreError> {
        self.read(|snapshot| snapshot.account(identity))
    }

    /// Every account at the tip, by identity: for tests and tools.
    ///
    /// # Errors
    /// As [`Service::status`].
    pub fn accounts(&self) -> Result<Vec<(Identity, Account)>, StoreError> {
        self.read(Snapshot::accounts)
    }

    /// A header by its hash, on the best chain or beside it.
    ///
    /// # Errors
    /// As [`Service::status`].
    pub fn header(&self, hash: &BlockHash) -> Result<Option<StoredHeader>, StoreError> {
        self.read(|snapshot| snapshot.header(hash))
    }

    /// A block by its hash, on the best chain or beside it.
    ///
    /// # Errors
    /// As [`Service::status`].
    pub fn block(&self, hash: &BlockHash) -> Result<Option<Block>, StoreError> {
        self.read(|snapshot| snapshot.block(hash))
    }

    /// Hash of the best chain's block at a height; `None` above the tip.
    ///
    /// # Errors
    /// As [`Service::status`].
    pub fn best_at(&self, height: u64) -> Result<Option<BlockHash>, StoreError> {
        self.read(|snapshot| snapshot.best_at(height))
    }

    /// The best chain's last headers, oldest first, from genesis on or as
    /// many as a follower needs to derive difficulties and to see forks:
    /// twice the adjustment interval and at least 1,000, and one.
    ///
    /// # Errors
    /// As [`Service::status`].
    pub fn anchor(&self) -> Result<Vec<BlockHeader>, StoreError> {
        self.read(|snapshot| chain::anchor(snapshot, self.network()))
    }

    /// At most `limit` headers of the best chain after the first of these
    /// hashes that is known, oldest first; after the fork, if that one is not
    /// on the best chain. `None`: none of them is known.
    ///
    /// # Errors
    /// As [`Service::status`].
    pub fn headers_after(
        &self,
        locator: &[BlockHash],
        limit: u64,
    ) -> Result<Option<Vec<BlockHeader>>, StoreError> {
        self.read(|snapshot| chain::headers_after(snapshot, locator, limit))
    }

    /// At most `limit` headers of the best chain after a block of it, up to
    /// `stop` where that is one of them; zeros stand for the genesis block.
    /// None where the block is not on the best chain.
    ///
    /// # Errors
    /// As [`Service::status`].
    pub fn headers_page(
        &self,
        locator: &BlockHash,
        stop: Option<&BlockHash>,
        limit: u64,
    ) -> Result<Vec<BlockHeader>, StoreError> {
        self.read(|snapshot| chain::page(snapshot, locator, stop, limit))
    }

    /// Hashes of the best chain, newest first, at growing distances, the
    /// genesis block's last.
    ///
    /// # Errors
    /// As [`Service::status`].
    pub fn locator(&self) -> Result<Vec<BlockHash>, StoreError> {
        self.read(chain::locator)
    }

    /// The best chain's last header.
    ///
    /// # Errors
    /// As [`Service::status`].
    pub fn tip(&self) -> Result<StoredHeader, StoreError> {
        self.read(|snapshot| snapshot.known_header(&snapshot.tip()?))
    }

    /// At most `limit` pending transactions, best fee first, each after its
    /// sender's earlier ones.
    pub fn pending(&self, limit: usize) -> Vec<Transaction> {
        self.pool().mempool.select(limit).into_iter().cloned().collect()
    }

    /// At most `limit` pending transactions, with their senders' accounts.
    ///
    /// # Errors
    /// As [`Service::status`].
    pub fn candidates(&self, limit: usize) -> Result<Candidates, StoreError> {
        let pool = self.pool();
        let transactions: Vec<Transaction> =
            pool.mempool.select(limit).into_iter().cloned().collect();
        self.read(|snapshot| {
            let mut accounts = HashMap::new();
            for transaction in &transactions {
                accounts.insert(transaction.sender, snapshot.account(&transaction.sender)?);
            }
            let accounts = accounts.into_iter().collect();
            Ok(Candidates { tip: snapshot.tip()?, transactions: transactions.clone(), accounts })
        })
    }

    fn pool(&self) -> MutexGuard<'_, Pool> {
        self.inner.pool.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read<T>(
        &self,
        read: impl FnOnce(&Snapshot) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.with(|chain| read(&chain.snapshot()?))
    }

    /// Works on the chain. After a failure that the database does not
    /// survive (a full disk, say) the store is opened again: at once, and
    /// before every further use until that succeeds.
    fn with<T>(&self, work: impl FnOnce(&Chain) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let open = self.inner.chain.read().unwrap_or_else(PoisonError::into_inner);
        let result = if let Some(chain) = &*open {
            let result = work(chain);
            drop(open);
            result
        } else {
            drop(open);
            work(self.inner.reopen(&mut self.closed())?)
        };
        if let Err(error) = &result
            && error.needs_reopen()
        {
            tracing::error!(%error, "the chain store failed");
            // The file is locked until the last handle is gone.
            let mut closed = self.closed();
            *closed = None;
            // Should this fail, the next use tries again.
            let _ = self.inner.reopen(&mut closed);
        }
        result
    }

    /// Waits until nobody reads.
    fn closed(&self) -> RwLockWriteGuard<'_, Option<Chain>> {
        self.inner.chain.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn reopen<'a>(&self, closed: &'a mut Option<Chain>) -> Result<&'a Chain, StoreError> {
        if let Some(chain) = closed {
            return Ok(chain);
        }
        match Chain::open(&self.directory, Arc::clone(&self.network)) {
            Ok(chain) => {
                tracing::warn!(directory = %self.directory.display(), "the chain store is open again");
                Ok(closed.insert(chain))
            }
            Err(error) => {
                tracing::error!(%error, "the chain store cannot be opened again");
                Err(error)
            }
        }
    }
}
