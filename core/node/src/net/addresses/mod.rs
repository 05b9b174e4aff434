//! Where peers are said to listen: who is told of which, and which is dialled
//! next. How they are ordered and how many are kept are `relay`'s rules.

mod file;

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use spacetime_protocol::relay::{AddressBook, BookEntry, BookRules, PeerExchange};
use spacetime_protocol::wire::PeerAddress;

use super::ban::BAN_MS;
pub(super) use file::File;

/// Before an address is tried again, s: doubled by each failure, up to the
/// longest.
const FIRST_WAIT: i64 = 10;
const LONGEST_WAIT: i64 = 3600;
/// An address that was never reached in so many attempts is forgotten.
const HOPELESS: u32 = 10;
/// Connections that came from us and that nobody here has asked about.
const MAX_TO_OURSELVES: usize = 64;
/// Whom they mean something to is looked at by us.
const RULES: BookRules = BookRules { allow_private: true, ..BookRules::DEFAULT };

/// The addresses.
#[derive(Debug)]
pub(super) struct Addresses {
    book: AddressBook,
    /// Those that the operator has us dial anyway, and whether with TLS.
    kept: BTreeMap<PeerAddress, bool>,
    /// Those that are being dialled, or connected, because they were told.
    dialled: BTreeSet<PeerAddress>,
    /// Those that turned out to be this very node.
    ours: BTreeSet<PeerAddress>,
    /// Those that lied, and until when they are avoided, Unix ms.
    avoided: BTreeMap<PeerAddress, u64>,
    /// Other ends of connections that we made to ourselves.
    to_ourselves: BTreeSet<SocketAddr>,
    file: Option<File>,
    has_changed: bool,
}

/// How it went with an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Went {
    /// It was a peer, and is none any more.
    Well,
    /// It could not be reached, or was no peer.
    Badly,
    /// It did what nobody honest does.
    Liar,
}

impl Addresses {
    /// Those in a file, if there is one.
    pub(super) fn open(file: Option<PathBuf>) -> Self {
        let (book, file) = match file {
            Some(path) => File::open(path, RULES),
            None => (AddressBook::new(RULES), None),
        };
        Self {
            book,
            kept: BTreeMap::new(),
            dialled: BTreeSet::new(),
            ours: BTreeSet::new(),
            avoided: BTreeMap::new(),
            to_ourselves: BTreeSet::new(),
            file,
            has_changed: false,
        }
    }

    /// Addresses to tell an asker of: those that are best known, or none if it
    /// was told a moment ago, by `exchange`, which is its connection's own:
    /// several nodes may share an address.
    pub(super) fn answer(
        &self,
        exchange: &mut PeerExchange<()>,
        asker: IpAddr,
        max: i32,
        exclude: &[String],
        now_ms: u64,
    ) -> Vec<PeerAddress> {
        let mut known = exchange.answer(&(), max, exclude, &self.book, now_ms);
        known.retain(|address| self.is_for(address, asker));
        known
    }

    /// Addresses to tell a peer of unasked.
    pub(super) fn gossip(&self, peer: IpAddr) -> Vec<PeerAddress> {
        let mut known = self.book.gossip();
        known.retain(|address| self.is_for(address, peer));
        known
    }

    fn is_for(&self, address: &PeerAddress, peer: IpAddr) -> bool {
        !self.ours.contains(address) && Scope::of(address.address) >= Scope::of(peer)
    }

    /// Notes what a peer told, as far as it may know: of its own machine or
    /// network only where we have dialled it there, or it tells of itself.
    pub(super) fn hear(
        &mut self,
        told: &[PeerAddress],
        from: IpAddr,
        has_dialled_it: bool,
        now_ms: u64,
    ) {
        let from = from.to_canonical();
        let may_know = |address: &PeerAddress| {
            let scope = Scope::of(address.address);
            match scope {
                Scope::Nowhere => false,
                Scope::World => true,
                _ if has_dialled_it => scope >= Scope::of(from),
                Scope::Network => address.address.to_canonical() == from,
                Scope::Machine => false,
            }
        };
        let told: Vec<PeerAddress> = told.iter().copied().filter(may_know).collect();
        if self.book.hear(&told, &from.to_string(), now_ms) > 0 {
            self.has_changed = true;
        }
    }

    /// The operator has us dial this anyway.
    pub(super) fn keep(&mut self, address: SocketAddr, has_tls: bool) {
        self.kept.insert(canonical(address), has_tls);
    }

    /// A peer was reached where others may reach it, too; not so with TLS,
    /// which no message can tell of.
    pub(super) fn reached(&mut self, address: SocketAddr, now_ms: u64) {
        let address = canonical(address);
        if self.kept.get(&address) == Some(&true) {
            return;
        }
        // It may be known, or one too many of its network.
        let _ = self.book.add(address, "dialled", now_ms);
        self.book.success(&address, now_ms);
        self.has_changed = true;
    }

    /// The best address that may be dialled now; it is not given again before
    /// [`Addresses::went`].
    pub(super) fn take(&mut self, now_ms: u64) -> Option<PeerAddress> {
        self.avoided.retain(|_, until_ms| *until_ms > now_ms);
        let is_due = |entry: &BookEntry| {
            let wait = FIRST_WAIT.saturating_mul(1 << entry.failures.min(20)).min(LONGEST_WAIT);
            let now = i64::try_from(now_ms / 1000).unwrap_or(i64::MAX);
            entry.last_attempt.unix_timestamp().saturating_add(wait) <= now
        };
        let is_free = |address: &PeerAddress| {
            !self.dialled.contains(address)
                && !self.kept.contains_key(address)
                && !self.ours.contains(address)
                && !self.avoided.contains_key(address)
        };
        let free = self.book.entries().filter(|(address, entry)| is_free(address) && is_due(entry));
        let free: BTreeSet<PeerAddress> = free.map(|(address, _)| *address).collect();
        if free.is_empty() {
            return None;
        }
        let ordered = self.book.best(self.book.len(), &[]);
        let best = ordered.into_iter().find(|address| free.contains(address))?;
        self.dialled.insert(best);
        Some(best)
    }

    /// How many are being dialled, or connected, of these that are and those
    /// that were told.
    pub(super) fn outgoing(&self, connected: &[SocketAddr]) -> usize {
        let is_kept = |address: &&SocketAddr| !self.dialled.contains(&canonical(**address));
        connected.iter().filter(is_kept).count() + self.dialled.len()
    }

    /// An address that was taken is not talked to any more; `from`: our end.
    pub(super) fn went(
        &mut self,
        address: PeerAddress,
        from: Option<SocketAddr>,
        went: Went,
        now_ms: u64,
    ) {
        self.dialled.remove(&address);
        if from.is_some_and(|from| self.to_ourselves.remove(&from)) {
            self.ours.insert(address);
            self.book.remove(&address);
        } else if went == Went::Liar {
            self.avoided.insert(address, now_ms.saturating_add(BAN_MS));
            self.book.failure(&address, now_ms);
        } else if went == Went::Badly {
            self.book.failure(&address, now_ms);
        }
        self.book.remove_poor(f64::MIN_POSITIVE, HOPELESS);
        self.has_changed = true;
    }

    /// A connection came from this very node.
    pub(super) fn came_from_ourselves(&mut self, from: SocketAddr) {
        if self.to_ourselves.len() >= MAX_TO_OURSELVES {
            // Others can claim to be us.
            self.to_ourselves.clear();
        }
        self.to_ourselves.insert(from);
    }

    /// What is to be written to the file, if anything is.
    pub(super) fn unsaved(&mut self) -> Option<(File, String)> {
        let file = self.file.clone()?;
        std::mem::take(&mut self.has_changed).then(|| (file, self.book.render()))
    }
}

fn canonical(address: SocketAddr) -> PeerAddress {
    PeerAddress { address: address.ip().to_canonical(), port: address.port() }
}

/// Whom an address means something to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Scope {
    Nowhere,
    Machine,
    Network,
    World,
}

impl Scope {
    fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            address if address.is_loopback() => Self::Machine,
            address if address.is_unspecified() || address.is_multicast() => Self::Nowhere,
            IpAddr::V4(address) if address.is_broadcast() => Self::Nowhere,
            IpAddr::V4(address) if address.is_private() || address.is_link_local() => Self::Network,
            IpAddr::V6(address) if address.is_unique_local() => Self::Network,
            IpAddr::V6(address) if address.is_unicast_link_local() => Self::Network,
            _ => Self::World,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_700_000_000_000;

    fn address(text: &str) -> PeerAddress {
        canonical(text.parse().unwrap())
    }

    fn heard(told: &[&str], from: &str, has_dialled_it: bool) -> Vec<PeerAddress> {
        let mut addresses = Addresses::open(None);
        let told: Vec<PeerAddress> = told.iter().map(|text| address(text)).collect();
        addresses.hear(&told, from.parse().unwrap(), has_dialled_it, NOW);
        addresses.book.entries().map(|(address, _)| *address).collect()
    }

    #[test]
    fn addresses_of_a_machine_or_network_are_heard_and_told_there_only() {
        let all = ["127.0.0.1:1", "10.0.0.2:2", "[fd00::1]:3", "203.0.113.4:4", "0.0.0.0:5"];
        let of = |texts: &[&str]| {
            let mut of: Vec<PeerAddress> = texts.iter().map(|text| address(text)).collect();
            of.sort();
            of
        };
        // Of those that dialled us, only what everybody may know, or itself.
        assert_eq!(heard(&all, "127.0.0.1", false), of(&all[3..4]));
        assert_eq!(heard(&all, "10.0.0.2", false), of(&[all[1], all[3]]));
        assert_eq!(heard(&all, "10.0.0.9", false), of(&all[3..4]));
        assert_eq!(heard(&all, "198.51.100.7", false), of(&all[3..4]));
        // Of those that we dialled, what is near them.
        assert_eq!(heard(&all, "127.0.0.1", true), of(&all[..4]));
        assert_eq!(heard(&all, "10.0.0.9", true), of(&all[1..4]));
        assert_eq!(heard(&all, "198.51.100.7", true), of(&all[3..4]));

        let mut addresses = Addresses::open(None);
        all[..4].iter().for_each(|text| addresses.reached(text.parse().unwrap(), NOW));
        for (peer, told) in
            [("127.0.0.1", &all[..4]), ("10.0.0.9", &all[1..4]), ("198.51.100.7", &all[3..4])]
        {
            let peer = peer.parse().unwrap();
            let sorted = |mut told: Vec<PeerAddress>| {
                told.sort();
                told
            };
            assert_eq!(sorted(addresses.gossip(peer)), of(told));
            let mut exchange = PeerExchange::new();
            let mut answer = |now_ms| addresses.answer(&mut exchange, peer, 100, &[], now_ms);
            assert_eq!(sorted(answer(NOW)), of(told));
            assert_eq!(answer(NOW + 299_999), []);
            assert_eq!(sorted(answer(NOW + 300_000)), of(told));
        }
    }

    #[test]
    fn an_address_is_tried_again_later_and_later_and_at_last_forgotten() {
        let mut addresses = Addresses::open(None);
        addresses.hear(&[address("203.0.113.4:4")], "198.51.100.7".parse().unwrap(), false, NOW);
        let mut now = NOW;
        for failures in 0..HOPELESS {
            let taken = addresses.take(now).unwrap();
            assert_eq!(addresses.take(now), None, "it is being dialled");
            addresses.went(taken, None, Went::Badly, now);
            let wait =
                1000 * u64::try_from((FIRST_WAIT << (failures + 1)).min(LONGEST_WAIT)).unwrap();
            assert_eq!(addresses.take(now + wait - 1000), None);
            now += wait;
        }
        assert_eq!(addresses.take(now), None);
        assert!(addresses.book.is_empty());
    }

    #[test]
    fn kept_ones_ourselves_and_liars_are_not_taken() {
        let mut addresses = Addresses::open(None);
        let [kept, ourselves, liar] = ["203.0.113.4:1", "203.0.113.4:2", "203.0.113.4:3"];
        let told = [address(kept), address(ourselves), address(liar)];
        addresses.hear(&told, "198.51.100.7".parse().unwrap(), false, NOW);
        addresses.keep(kept.parse().unwrap(), false);
        let (one, other) = (addresses.take(NOW).unwrap(), addresses.take(NOW).unwrap());
        assert_eq!(BTreeSet::from([one, other]), BTreeSet::from([told[1], told[2]]));
        assert_eq!((addresses.take(NOW), addresses.outgoing(&[])), (None, 2));
        let from: SocketAddr = "198.51.100.1:5000".parse().unwrap();
        addresses.came_from_ourselves(from);
        addresses.went(told[1], Some(from), Went::Badly, NOW);
        addresses.went(told[2], None, Went::Liar, NOW);
        assert_eq!(addresses.take(NOW + BAN_MS - 1), None);
        assert_eq!(addresses.take(NOW + BAN_MS), Some(told[2]), "the ban is over");
        // Whoever tells of us again is not believed.
        addresses.hear(&told, "198.51.100.7".parse().unwrap(), false, NOW);
        assert_eq!(addresses.take(NOW + 2 * BAN_MS), None);
        assert!(!addresses.gossip("198.51.100.7".parse().unwrap()).contains(&told[1]));
    }
}
