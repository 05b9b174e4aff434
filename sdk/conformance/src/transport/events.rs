//! What is wrong with an event, if anything.

use std::{thread, time::Duration};

use spacetime_sdk::{
    protocol::{header::BlockHeader, transaction::Transaction},
    text::{LONGEST, count, is_printable},
};
use spacetime_sdk_loader::abi::{Builder, Challenge, Emitted, Event, StopRule, Verdict};

use super::session::Session;
use crate::probe::{Judged, Probe};

/// What is wrong with an event; `None`: it is well formed.
pub(super) fn flaw(event: &Event) -> Option<String> {
    match event {
        Event::Online { detail } => text("the detail of Online", detail.as_str()),
        Event::Offline { reason } => text("the reason of Offline", reason.as_str()),
        Event::Headers { headers, .. } => in_headers(headers),
        Event::Challenge { challenge } => in_challenge(challenge),
        Event::Candidates { transactions, accounts, .. } => {
            in_transactions(transactions).or_else(|| {
                let mut senders: Vec<_> = accounts.iter().map(|account| account.identity).collect();
                senders.sort_unstable();
                let is_twice = senders.windows(2).any(|pair| pair[0] == pair[1]);
                is_twice.then(|| "Candidates has an account twice".to_owned())
            })
        }
        Event::Verdict { verdict, reason, .. } => match verdict.0 > Verdict::UNDELIVERED.0 {
            true => Some(format!("Verdict has the unknown code {}", verdict.0)),
            false => text("the reason of Verdict", reason.as_str()),
        },
        // Of a newer version.
        _ => None,
    }
}

fn text(what: &str, text: &str) -> Option<String> {
    match text.chars().find(|c| !is_printable(*c)) {
        _ if text.len() > LONGEST => {
            Some(format!("{what} has {}", count(text.len() as u64, "byte")))
        }
        Some(c) => Some(format!("{what} has the character {}", c.escape_unicode())),
        None => None,
    }
}

fn in_headers(bytes: &[u8]) -> Option<String> {
    let whole = bytes.chunks_exact(BlockHeader::SIZE);
    if bytes.is_empty() || !whole.remainder().is_empty() {
        let bytes = count(bytes.len() as u64, "byte");
        return Some(format!("Headers has {bytes}, and each takes 290"));
    }
    let mut parent: Option<BlockHeader> = None;
    for (at, bytes) in whole.enumerate() {
        let header = match BlockHeader::decode(bytes) {
            Ok(header) => header,
            Err(error) => return Some(format!("header {at} of Headers is none: {error}")),
        };
        if let Some(parent) = &parent
            && header.parent != parent.hash()
        {
            return Some(format!("header {at} of Headers does not follow the one before it"));
        }
        parent = Some(header);
    }
    None
}

fn in_transactions(bytes: &[u8]) -> Option<String> {
    let whole = bytes.chunks_exact(Transaction::SIZE);
    if !whole.remainder().is_empty() {
        let bytes = count(bytes.len() as u64, "byte");
        return Some(format!("Candidates has {bytes} of transactions of 155"));
    }
    whole.enumerate().find_map(|(at, bytes)| {
        let error = Transaction::decode(bytes).err()?;
        Some(format!("transaction {at} of Candidates is none: {error}"))
    })
}

fn in_challenge(challenge: &Challenge) -> Option<String> {
    if challenge.stop.0 > StopRule::BUDGET.0 || challenge.builder.0 > Builder::NOBODY.0 {
        return Some("Challenge has an unknown stop rule or builder".to_owned());
    }
    let wins_nothing = challenge.block_target == [0; 32] && challenge.share_target == [0; 32];
    wins_nothing.then(|| "Challenge has no target, so that nothing can be won".to_owned())
}

/// How long a session is listened to.
const LISTEN: Duration = Duration::from_millis(800);

pub(super) fn well_formed(probe: &Probe) -> Judged {
    probe.given("a host that listens");
    let mut session = Session::open(probe, Emitted::ACCEPTED)?;
    session.ask_for_headers();
    // Whatever it has to say at first takes a while.
    thread::sleep(LISTEN);
    if session.port.offered() == 0 {
        probe.note("it offered no event");
    }
    session.close()
}

#[cfg(test)]
mod tests {
    use spacetime_sdk::protocol::{
        BlockHash, Challenge as Hash, Identity, NodeHash, Score,
        keys::{Scheme, SecretKey},
    };

    use super::*;

    fn headers() -> Vec<u8> {
        let key = SecretKey::new(Scheme::Ed25519, [1; 32].into()).unwrap();
        let mut bytes = Vec::new();
        let mut parent = BlockHash::ZERO;
        for height in 0..3 {
            let header = BlockHeader {
                version: 1,
                parent,
                height,
                timestamp: height,
                difficulty: 1,
                epoch: height,
                challenge: Hash::new([0; 32]),
                plot_root: NodeHash::new([0; 32]),
                score: Score::new([0; 32]),
                tx_root: NodeHash::new([0; 32]),
                miner: Identity::new([0; 33]),
                signature: None,
            };
            let header = header.sign(&key);
            parent = header.hash();
            bytes.extend_from_slice(&header.encode().unwrap());
        }
        bytes
    }

    #[test]
    fn headers_are_whole_and_follow_each_other() {
        let flaw = |headers: &[u8]| {
            flaw(&Event::Headers { anchor: true, headers: headers.to_vec().into() })
        };
        let headers = headers();
        assert_eq!(flaw(&headers), None);
        assert_eq!(flaw(&headers[290..]), None, "the first needs no parent");
        assert!(flaw(&headers[1..]).unwrap().contains("869 bytes"));
        assert!(flaw(&[]).is_some());
        let without_one = [&headers[..290], &headers[580..]].concat();
        assert!(flaw(&without_one).unwrap().contains("does not follow"));
    }

    #[test]
    fn texts_are_lines_and_codes_are_known() {
        let reason = |text: String| flaw(&Event::Offline { reason: text.into() });
        assert_eq!(reason("gone".to_owned()), None);
        assert!(reason("x".repeat(5000)).is_some());
        assert!(reason("gone\n\u{1b}[2J".to_owned()).unwrap().ends_with("\\u{a}"));
        let verdict =
            |code| flaw(&Event::Verdict { ticket: 1, verdict: Verdict(code), reason: "".into() });
        assert_eq!(verdict(3), None);
        assert!(verdict(4).is_some());
    }
}
