//! Addresses that are not talked to for a while.

use std::collections::HashMap;
use std::net::IpAddr;

/// How long an address is banned, ms.
pub(super) const BAN_MS: u64 = 10 * 60_000;
/// Banned addresses that are remembered; beyond, the oldest ban goes.
const MAX_BANS: usize = 1000;

/// Who is banned, and until when.
#[derive(Debug, Default)]
pub(super) struct Bans {
    until_ms: HashMap<IpAddr, u64>,
}

impl Bans {
    pub(super) fn add(&mut self, address: IpAddr, now_ms: u64) {
        self.until_ms.retain(|_, until| *until > now_ms);
        if self.until_ms.len() >= MAX_BANS
            && let Some(oldest) = self.until_ms.iter().min_by_key(|(_, until)| **until)
        {
            let oldest = *oldest.0;
            self.until_ms.remove(&oldest);
        }
        self.until_ms.insert(address.to_canonical(), now_ms.saturating_add(BAN_MS));
    }

    pub(super) fn contains(&self, address: IpAddr, now_ms: u64) -> bool {
        self.until_ms.get(&address.to_canonical()).is_some_and(|until| *until > now_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bans_end_and_are_bounded() {
        let address = |number: u32| IpAddr::from(number.to_be_bytes());
        let mut bans = Bans::default();
        bans.add(address(1), 5);
        assert!(bans.contains(address(1), 5 + BAN_MS - 1));
        assert!(!bans.contains(address(1), 5 + BAN_MS));
        assert!(!bans.contains(address(2), 5));
        let mapped: IpAddr = "::ffff:0.0.0.1".parse().unwrap();
        assert!(bans.contains(mapped, 6), "the same address in another form");
        for number in 2..=1001 {
            bans.add(address(number), u64::from(number) + 10);
        }
        assert!(!bans.contains(address(1), 1012), "the oldest went");
        assert!(bans.contains(address(2), 1012));
        assert_eq!(bans.until_ms.len(), MAX_BANS);
    }
}
