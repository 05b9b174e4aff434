//! Where peers are said to listen (`wire.md` section 4).

mod file;

use std::{cmp::Ordering, collections::BTreeMap};

use thiserror::Error;
use time::OffsetDateTime;

pub use file::BookError;

use super::address::{Subnet, is_private};
use crate::wire::PeerAddress;

/// What a book takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BookRules {
    /// Addresses at most.
    pub capacity: usize,
    /// Addresses of one IPv4 /24 or IPv6 /48 at most.
    pub per_subnet: usize,
    /// Whether loopback and private addresses are taken.
    pub allow_private: bool,
}

impl BookRules {
    /// 10,000 addresses, 10 of a network, none of somebody's own.
    pub const DEFAULT: Self = Self { capacity: 10_000, per_subnet: 10, allow_private: false };
}

impl Default for BookRules {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// Why an address is not added.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum NotAdded {
    /// Nobody listens on port 0.
    #[error("its port is 0")]
    Port,
    /// It means nothing to others.
    #[error("it is a loopback or private address")]
    Private,
    /// The book has it; it counts as seen again.
    #[error("it is known")]
    Known,
    /// The book has enough of its network.
    #[error("there are enough addresses of its network")]
    Subnet,
    /// The book takes none at all.
    #[error("the address book has no room")]
    NoRoom,
}

/// What is known of an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BookEntry {
    /// Who named it.
    pub source: String,
    /// When it was first named.
    pub first_seen: OffsetDateTime,
    /// When it was last named or reached.
    pub last_seen: OffsetDateTime,
    /// When it was last tried.
    pub last_attempt: OffsetDateTime,
    /// How often it was reached.
    pub successes: u32,
    /// How often it was not, since it last was.
    pub failures: u32,
}

impl BookEntry {
    /// Successes of all attempts; one half for an address never tried.
    pub fn success_ratio(&self) -> f64 {
        match f64::from(self.successes) + f64::from(self.failures) {
            0.0 => 0.5,
            attempts => f64::from(self.successes) / attempts,
        }
    }
}

/// The book.
#[derive(Debug)]
pub struct AddressBook {
    rules: BookRules,
    entries: BTreeMap<PeerAddress, BookEntry>,
    subnets: BTreeMap<Subnet, usize>,
}

impl AddressBook {
    /// An empty book.
    pub fn new(rules: BookRules) -> Self {
        Self { rules, entries: BTreeMap::new(), subnets: BTreeMap::new() }
    }

    /// Adds an address that `source` named. In a full book it takes the place
    /// of the one with the lowest success ratio, of these of the one that was
    /// not seen for the longest time.
    ///
    /// # Errors
    /// Why it is not added.
    pub fn add(&mut self, address: PeerAddress, source: &str, now_ms: u64) -> Result<(), NotAdded> {
        let now = moment(now_ms);
        if let Some(entry) = self.entries.get_mut(&address) {
            entry.last_seen = entry.last_seen.max(now);
            return Err(NotAdded::Known);
        }
        self.insert(
            address,
            BookEntry {
                source: source.to_owned(),
                first_seen: now,
                last_seen: now,
                last_attempt: BEGINNING,
                successes: 0,
                failures: 0,
            },
        )
    }

    /// Forgets an address.
    pub fn remove(&mut self, address: &PeerAddress) {
        if self.entries.remove(address).is_some() {
            let subnet = Subnet::of(&address.address);
            if let Some(count) = self.subnets.get_mut(&subnet) {
                *count -= 1;
                if *count == 0 {
                    self.subnets.remove(&subnet);
                }
            }
        }
    }

    /// An address was reached: its failures are forgiven. Its success ratio
    /// then; `None`: the book does not have it.
    pub fn success(&mut self, address: &PeerAddress, now_ms: u64) -> Option<f64> {
        let entry = self.entries.get_mut(address)?;
        entry.successes = entry.successes.saturating_add(1);
        entry.failures = 0;
        entry.last_attempt = moment(now_ms);
        entry.last_seen = entry.last_seen.max(entry.last_attempt);
        Some(entry.success_ratio())
    }

    /// An address was tried in vain. Its success ratio then; `None`: the book
    /// does not have it.
    pub fn failure(&mut self, address: &PeerAddress, now_ms: u64) -> Option<f64> {
        let entry = self.entries.get_mut(address)?;
        entry.failures = entry.failures.saturating_add(1);
        entry.last_attempt = moment(now_ms);
        Some(entry.success_ratio())
    }

    /// Up to `count` addresses that are not excluded, the highest success
    /// ratio first, of equals the one seen last.
    pub fn best(&self, count: usize, excluded: &[PeerAddress]) -> Vec<PeerAddress> {
        let wanted = self.entries.iter().filter(|(address, _)| !excluded.contains(address));
        let mut wanted = wanted.collect::<Vec<_>>();
        wanted.sort_by(|(_, one), (_, other)| rank(other, one));
        wanted.into_iter().take(count).map(|(address, _)| *address).collect()
    }

    /// Forgets the addresses that were tried so often and whose success ratio
    /// is below `ratio`; how many.
    pub fn remove_poor(&mut self, ratio: f64, attempts: u32) -> usize {
        let is_poor = |entry: &BookEntry| {
            let tried = entry.successes.saturating_add(entry.failures);
            tried >= attempts && entry.success_ratio() < ratio
        };
        let poor = self.entries.iter().filter(|(_, entry)| is_poor(entry));
        let poor = poor.map(|(address, _)| *address).collect::<Vec<_>>();
        poor.iter().for_each(|address| self.remove(address));
        poor.len()
    }

    /// What the book has, by address.
    pub fn entries(&self) -> impl Iterator<Item = (&PeerAddress, &BookEntry)> {
        self.entries.iter()
    }

    /// How many addresses it has.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    fn insert(&mut self, address: PeerAddress, entry: BookEntry) -> Result<(), NotAdded> {
        self.check(&address)?;
        if self.entries.len() >= self.rules.capacity {
            let worst = self.entries.iter().min_by(|(_, one), (_, other)| rank(one, other));
            let worst = worst.map(|(address, _)| *address).ok_or(NotAdded::NoRoom)?;
            self.remove(&worst);
        }
        *self.subnets.entry(Subnet::of(&address.address)).or_default() += 1;
        self.entries.insert(address, entry);
        Ok(())
    }

    fn check(&self, address: &PeerAddress) -> Result<(), NotAdded> {
        let of_subnet = self.subnets.get(&Subnet::of(&address.address)).copied().unwrap_or(0);
        if address.port == 0 {
            Err(NotAdded::Port)
        } else if !self.rules.allow_private && is_private(&address.address) {
            Err(NotAdded::Private)
        } else if self.entries.contains_key(address) {
            Err(NotAdded::Known)
        } else if of_subnet >= self.rules.per_subnet {
            Err(NotAdded::Subnet)
        } else {
            Ok(())
        }
    }
}

/// What the reference writes for a time that never was.
const BEGINNING: OffsetDateTime = time::macros::datetime!(0001-01-01 00:00 UTC);

fn moment(unix_ms: u64) -> OffsetDateTime {
    let nanoseconds = i128::from(unix_ms) * 1_000_000;
    // Past the year 9999 every moment is the same to this book.
    OffsetDateTime::from_unix_timestamp_nanos(nanoseconds).unwrap_or(BEGINNING)
}

/// The better one is the greater.
fn rank(one: &BookEntry, other: &BookEntry) -> Ordering {
    let ratios = one.success_ratio().total_cmp(&other.success_ratio());
    ratios.then(one.last_seen.cmp(&other.last_seen))
}
