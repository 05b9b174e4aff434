//! Layouts hold what they are given, and no bytes can make reading them panic.

use proptest::{collection::vec, prelude::*};
use spacetime_protocol::{
    EncodeError, MAX_NUMBER, NodeHash,
    accounts::{self, Account, ApplyError},
    block::Block,
    header::BlockHeader,
    keys::{self, Scheme},
    merkle::MerklePath,
    network::Network,
    proof::{BlockProof, PlotMetadata},
    transaction::Transaction,
};

use crate::sample;

prop_compose! {
    fn transaction()(
        (version, sender, recipient) in any::<(u8, [u8; 32], [u8; 32])>(),
        (amount, nonce, fee) in (1..=MAX_NUMBER, 0..=MAX_NUMBER, 0..=MAX_NUMBER),
        signature in any::<[[u8; 32]; 2]>(),
    ) -> Transaction {
        Transaction {
            version,
            sender: identity(sender),
            recipient: identity(recipient),
            amount,
            nonce,
            fee,
            signature: Some(signature.as_flattened().try_into().unwrap()),
        }
    }
}

prop_compose! {
    fn header()(
        version in any::<u8>(),
        numbers in [0..=MAX_NUMBER, 0..=MAX_NUMBER, 0..=MAX_NUMBER, 0..=MAX_NUMBER],
        hashes in any::<[[u8; 32]; 6]>(),
        signature in any::<[[u8; 32]; 2]>(),
    ) -> BlockHeader {
        BlockHeader {
            version,
            parent: hashes[0].into(),
            height: numbers[0],
            timestamp: numbers[1],
            difficulty: numbers[2],
            epoch: numbers[3],
            challenge: hashes[1].into(),
            plot_root: hashes[2].into(),
            score: hashes[3].into(),
            tx_root: hashes[4].into(),
            miner: identity(hashes[5]),
            signature: Some(signature.as_flattened().try_into().unwrap()),
        }
    }
}

prop_compose! {
    fn proof()(
        (leaf, plot_id, header_hash, version) in any::<([u8; 32], [u8; 32], [u8; 32], u8)>(),
        (leaf_index, leaf_count) in (0..=MAX_NUMBER, 1..=MAX_NUMBER),
        levels in vec(any::<([u8; 32], bool)>(), 0..40),
    ) -> BlockProof {
        let (siblings, sibling_is_right) =
            levels.into_iter().map(|(sibling, right)| (NodeHash::new(sibling), right)).unzip();
        BlockProof {
            leaf: leaf.into(),
            leaf_index,
            path: MerklePath { siblings, sibling_is_right },
            plot: PlotMetadata {
                leaf_count,
                plot_id: plot_id.into(),
                header_hash: header_hash.into(),
                version,
            },
        }
    }
}

fn identity(bytes: [u8; 32]) -> spacetime_protocol::Identity {
    let mut identity = [2; 33];
    identity[1..].copy_from_slice(&bytes);
    identity.into()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn blocks_round_trip(
        header in header(),
        transactions in vec(transaction(), 0..6),
        proof in proof(),
        after in vec(any::<u8>(), 0..5),
    ) {
        let block = Block { header, transactions, proof };
        let mut bytes = block.encode().unwrap();
        let len = bytes.len();
        prop_assert_eq!(
            len,
            415 + 159 * block.transactions.len() + 33 * block.proof.path.siblings.len()
        );
        bytes.extend(after);
        prop_assert_eq!(Block::decode_prefix(&bytes), Ok((block.clone(), len)));
        let cut = Block::decode(&bytes[..len - 1]);
        prop_assert!(cut.is_err());
        prop_assert_eq!(Block::with_body(block.header.clone(), &bytes[290..]), Ok(block));
    }

    #[test]
    fn reading_anything_never_panics(bytes in vec(any::<u8>(), 0..900)) {
        let _ = Transaction::decode(&bytes);
        let _ = BlockHeader::decode(&bytes);
        let _ = PlotMetadata::decode(&bytes);
        let _ = BlockProof::decode(&bytes);
        let _ = Account::decode(&bytes);
        let _ = Network::from_json(&String::from_utf8_lossy(&bytes));
        if let Ok((block, taken)) = Block::decode_prefix(&bytes) {
            prop_assert!(taken <= bytes.len());
            prop_assert!(block.encode().is_ok());
        }
    }

    #[test]
    fn reading_a_damaged_block_never_panics(
        transactions in vec(transaction(), 0..4),
        proof in proof(),
        damage in vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let block = Block { transactions, proof, ..sample::block() };
        let mut bytes = block.encode().unwrap();
        for (at, value) in damage {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        if let Ok(block) = Block::decode(&bytes) {
            prop_assert!(block.encode().is_ok(), "what was read can be written");
        }
    }

    #[test]
    fn verifying_anything_never_panics(
        tag in prop::sample::select(vec![0_u8, 2, 3, 5, 0xED]),
        (key, hash) in any::<([u8; 32], [u8; 32])>(),
        signature in any::<[[u8; 32]; 2]>(),
    ) {
        let mut identity = [tag; 33];
        identity[1..].copy_from_slice(&key);
        let signature = signature.as_flattened().try_into().unwrap();
        prop_assert!(!keys::verify(&identity.into(), &hash, &signature));
    }

    #[test]
    fn coins_are_neither_made_nor_lost(
        balances in vec(0..2000_u64, 4),
        payments in vec((0..4_usize, 0..4_usize, 1..400_u64, 0..20_u64), 0..12),
        miner in 0..4_usize,
    ) {
        let who = |index: usize| identity([u8::try_from(index).unwrap(); 32]);
        let mut nonces = [0; 4];
        let transactions = payments.iter().map(|(from, to, amount, fee)| {
            nonces[*from] += 1;
            Transaction {
                version: 1,
                sender: who(*from),
                recipient: who(*to),
                amount: *amount,
                nonce: nonces[*from] - 1,
                fee: *fee,
                signature: Some([0; 64].into()),
            }
        });
        let transactions = transactions.collect::<Vec<_>>();
        let before = |of: &_| {
            let index = (0..4).find(|index| who(*index) == *of).unwrap();
            Account { balance: balances[index], nonce: 0 }
        };
        if let Ok(changes) = accounts::apply(&who(miner), &transactions, before, |_| true) {
            let gained = changes.iter().map(|(_, account)| account.balance).sum::<u64>();
            let had = changes.iter().map(|(key, _)| before(key).balance).sum::<u64>();
            prop_assert_eq!(gained, had);
            prop_assert!(changes.iter().any(|(key, _)| *key == who(miner)));
        }
    }
}

#[test]
fn what_has_no_wire_form_is_not_written() {
    let good = sample::block();
    let transaction = Transaction {
        version: 1,
        sender: identity([1; 32]),
        recipient: identity([2; 32]),
        amount: 1,
        nonce: 0,
        fee: 0,
        signature: Some([0; 64].into()),
    };
    assert!(transaction.encode().is_ok());
    let with = |change: fn(&mut Transaction)| {
        let mut transaction = transaction.clone();
        change(&mut transaction);
        transaction.encode()
    };
    assert_eq!(with(|of| of.amount = 0), Err(EncodeError::Zero { field: "amount" }));
    assert_eq!(with(|of| of.fee = u64::MAX), Err(EncodeError::TooLarge { field: "fee" }));
    assert_eq!(with(|of| of.signature = None), Err(EncodeError::Unsigned));

    let header = BlockHeader { epoch: 1 << 63, ..good.header.clone() };
    assert_eq!(header.encode(), Err(EncodeError::TooLarge { field: "epoch" }));

    let mut proof = good.proof.clone();
    proof.plot.leaf_count = 0;
    assert_eq!(proof.encode(), Err(EncodeError::Zero { field: "leaf count" }));
    let mut proof = good.proof;
    proof.path.sibling_is_right.pop();
    assert!(matches!(proof.encode(), Err(EncodeError::UnevenPath { .. })));
}

#[test]
fn a_premine_gives_coins_once_per_allocation() {
    let owner = sample::key(Scheme::Ed25519, 1).identity();
    let give = |amount| Transaction {
        version: 1,
        sender: [0; 33].into(),
        recipient: owner,
        amount,
        nonce: 0,
        fee: 0,
        signature: Some([0; 64].into()),
    };
    let made = accounts::premine(&[give(5), give(6)]);
    assert_eq!(made, Ok(vec![(owner, Account { balance: 11, nonce: 0 })]));
    assert_eq!(accounts::premine(&[give(MAX_NUMBER), give(1)]), Err(ApplyError::Overflow));
    let taken = Transaction { sender: identity([1; 32]), ..give(5) };
    assert!(matches!(accounts::premine(&[taken]), Err(ApplyError::Basic { .. })));
}
