//! What is pending, beside the store: a process that is killed loses no
//! transaction that it took. Each is appended as it is taken, not synced: a
//! power failure may cost the last ones, a killed process none.
//!
//! What is not pending any more stays in the file until it is written anew, and
//! is told by its nonce when it is read. Only the store's writer may have it.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use spacetime_protocol::transaction::Transaction;
use spacetime_protocol::validity::{Admission, check_form};

use super::{MAX_TRANSACTIONS, Mempool};

/// Name of the file in the data directory.
const FILE_NAME: &str = "pending.bin";
const NEW_FILE_NAME: &str = "pending.bin.new";
/// Transactions in the file before it is written anew.
const MAX_RECORDS: usize = 2 * MAX_TRANSACTIONS;

/// The file of pending transactions.
pub(crate) struct Journal {
    path: PathBuf,
    /// `None`: it is not open, and perhaps not there.
    file: Option<File>,
    records: usize,
}

impl Journal {
    /// The journal of a data directory, and the valid transactions in it.
    pub(crate) fn open(directory: &Path) -> (Self, Vec<Transaction>) {
        let journal = Self { path: directory.join(FILE_NAME), file: None, records: 0 };
        let found = journal.read().unwrap_or_else(|error| {
            journal.warn("read", &error);
            Vec::new()
        });
        (journal, found)
    }

    fn read(&self) -> io::Result<Vec<Transaction>> {
        let file = match File::open(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            file => file?,
        };
        let mut bytes = Vec::new();
        let most = (MAX_RECORDS + MAX_TRANSACTIONS) * Transaction::SIZE;
        file.take(most as u64).read_to_end(&mut bytes)?;
        // A killed process may leave half a record at the end.
        let records = bytes.as_chunks::<{ Transaction::SIZE }>().0;
        let valid = |transaction: &Transaction| {
            check_form(transaction, &Admission::DEFAULT).is_ok()
                && transaction.is_signed_by_sender()
        };
        let found = records.iter().filter_map(|record| Transaction::decode(record).ok());
        Ok(found.filter(valid).collect())
    }

    /// Adds what has become pending.
    pub(crate) fn add<'a>(
        &mut self,
        transactions: impl IntoIterator<Item = &'a Transaction>,
        pool: &Mempool,
    ) {
        let mut bytes = Vec::new();
        for encoded in transactions.into_iter().filter_map(|added| added.encode().ok()) {
            bytes.extend_from_slice(&encoded);
            self.records += 1;
        }
        if self.records > MAX_RECORDS {
            return self.write(pool);
        }
        if bytes.is_empty() {
            return;
        }
        if let Err(error) = self.append(&bytes) {
            self.warn("write", &error);
            // Whatever part of it was written, the next ones begin anew.
            self.write(pool);
        }
    }

    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.file.is_none() {
            self.file = Some(OpenOptions::new().create(true).append(true).open(&self.path)?);
        }
        self.file.as_mut().map_or(Ok(()), |file| file.write_all(bytes))
    }

    /// Writes anew what is pending; no file, if nothing is.
    pub(crate) fn write(&mut self, pool: &Mempool) {
        self.file = None;
        let pending = pool.select(usize::MAX);
        self.records = pending.len();
        let written = if pending.is_empty() {
            remove(&self.path)
        } else {
            let encoded = pending.iter().filter_map(|pending| pending.encode().ok());
            replace(&self.path, &encoded.flatten().collect::<Vec<u8>>())
        };
        if let Err(error) = written {
            self.warn("write", &error);
        }
    }

    /// Follows the pool to a new tip, which has made `returned` pending again.
    pub(crate) fn follow(&mut self, returned: &[Transaction], pool: &Mempool) {
        if pool.len() == 0 {
            if self.records > 0 {
                self.write(pool);
            }
            return;
        }
        let pending: Vec<_> =
            returned.iter().filter(|returned| pool.contains(&returned.hash())).collect();
        self.add(pending, pool);
    }

    fn warn(&self, action: &str, error: &io::Error) {
        tracing::warn!(
            "cannot {action} {}: {error}; pending transactions would be lost with this process",
            self.path.display()
        );
    }
}

fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let new = path.with_file_name(NEW_FILE_NAME);
    let mut file = File::create(&new)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&new, path)
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
