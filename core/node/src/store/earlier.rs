//! A store of an earlier layout is brought up to date whole, or not at all,
//! wherever the process dies: at every write, at every sync, within a write.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::{Mutex, MutexGuard};

use redb::{Database, StorageBackend};
use spacetime_protocol::block::Block;
use spacetime_protocol::network::Network;

use super::{FILE_NAME, Rules, Store, StoreError, tables};

const BLOCKS: u64 = 130;
/// So little memory for pages that they are written before the commit, too.
const MEMORY: usize = 64 << 10;

/// A disk that takes some more changes, half of the next write, and then
/// nothing: what the system has of a process that was killed.
#[derive(Debug)]
struct Dying {
    file: File,
    life: Mutex<Life>,
}

#[derive(Debug)]
struct Life {
    left: usize,
    is_torn: bool,
}

impl Dying {
    fn new(path: &Path, left: usize) -> Self {
        let file = File::options().read(true).write(true).open(path).unwrap();
        Self { file, life: Mutex::new(Life { left, is_torn: false }) }
    }

    fn life(&self) -> MutexGuard<'_, Life> {
        self.life.lock().unwrap()
    }

    /// One more change, if it is to be had.
    fn live(&self) -> io::Result<()> {
        let mut life = self.life();
        life.left = life.left.checked_sub(1).ok_or_else(|| io::Error::other("dead"))?;
        Ok(())
    }
}

impl StorageBackend for Dying {
    fn len(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.file.read_exact_at(out, offset)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.live()?;
        self.file.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.live()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let dead = self.live();
        if dead.is_ok() {
            return self.file.write_all_at(data, offset);
        }
        if !std::mem::replace(&mut self.life().is_torn, true) {
            self.file.write_all_at(&data[..data.len() / 2], offset)?;
        }
        dead
    }
}

/// A store with some blocks that nobody checked, of an earlier layout; and its
/// best chain.
fn earlier(directory: &Path, network: &Network, format: u32) -> Vec<Block> {
    let store = Store::open(directory, network, &[]).unwrap();
    let mut chain = vec![network.genesis.clone()];
    let premine = &network.genesis.transactions[0];
    let change = store.change().unwrap();
    for height in 1..=BLOCKS {
        let mut block = network.genesis.clone();
        block.header.parent = chain.last().unwrap().hash();
        block.header.height = height;
        let transaction = |nonce| {
            let mut transaction = premine.clone();
            transaction.nonce = nonce;
            transaction
        };
        block.transactions = (0..height % 16).map(|n| transaction(height * 16 + n)).collect();
        let hash = change.put_block(&block, u128::from(height)).unwrap();
        change.connect(&hash, &block, &[]).unwrap();
        chain.push(block);
    }
    change.commit().unwrap();
    let change = store.database.begin_write().unwrap();
    if format == tables::FORMAT_WITHOUT_INDEX {
        assert!(change.delete_table(tables::TRANSACTIONS).unwrap());
    }
    let mut meta = change.open_table(tables::META).unwrap();
    assert!(meta.remove(tables::META_RULES).unwrap().is_some());
    meta.insert(tables::META_FORMAT, format.to_le_bytes().as_slice()).unwrap();
    drop(meta);
    change.commit().unwrap();
    chain
}

/// Brings it up to date on a disk that dies after so many changes; whether it
/// came to an end before.
fn update(path: &Path, network: &Network, changes: usize) -> bool {
    let mut builder = Database::builder();
    builder.set_cache_size(MEMORY);
    let Ok(database) = builder.create_with_backend(Dying::new(path, changes)) else {
        return false;
    };
    let store = Store { database, path: path.to_owned() };
    store.update(network).is_ok()
}

/// It opens, is up to date, and has its rules and every transaction in its
/// place.
fn look(directory: &Path, network: &Network, chain: &[Block]) -> Result<(), StoreError> {
    let store = Store::open(directory, network, &[])?;
    let snapshot = store.snapshot()?;
    assert_eq!(snapshot.tip()?, chain.last().unwrap().hash());
    assert_eq!(snapshot.origin()?.rules, Some(Rules::of(network)));
    for (height, block) in (0..).zip(chain) {
        assert_eq!(snapshot.best_at(height)?, Some(block.hash()));
        assert_eq!(snapshot.block(&block.hash())?.as_ref(), Some(block));
        for (position, transaction) in (0..).zip(&block.transactions) {
            assert_eq!(snapshot.transaction(&transaction.hash())?, Some((height, position)));
        }
    }
    Ok(())
}

#[test]
fn a_store_without_an_index_is_brought_up_to_date_wherever_the_process_dies() {
    let places = die_everywhere(tables::FORMAT_WITHOUT_INDEX);
    assert!(places > 20, "only {places} places to die at");
}

#[test]
fn a_store_without_rules_is_brought_up_to_date_wherever_the_process_dies() {
    let places = die_everywhere(tables::FORMAT_WITHOUT_RULES);
    assert!(places > 5, "only {places} places to die at");
}

/// Brings a store of this layout up to date on every disk that dies before
/// that is done; how many there are.
fn die_everywhere(format: u32) -> usize {
    let network = Network::local();
    let folder = tempfile::tempdir().unwrap();
    let chain = earlier(folder.path(), &network, format);
    let before = fs::read(folder.path().join(FILE_NAME)).unwrap();
    let mut changes = 0;
    loop {
        let killed = tempfile::tempdir().unwrap();
        let path = killed.path().join(FILE_NAME);
        fs::write(&path, &before).unwrap();
        let ended = update(&path, &network, changes);
        look(killed.path(), &network, &chain).unwrap_or_else(|error| panic!("{changes}: {error}"));
        if ended {
            return changes;
        }
        changes += 1;
    }
}
