//! The built-in networks and networks as files.

use spacetime_protocol::{
    accounts,
    block::Block,
    keys::{self, Scheme},
    network::{EmptyEpochs, Genesis, Network, development_key},
    validity::Rules,
};

use crate::sample;

/// A changed genesis block is another network: whoever changes one of these on purpose makes
/// every existing chain of it worthless.
const GENESIS_HASHES: [(&str, &str); 4] = [
    ("local", "98bd980ca47bf53f4f31f5b523c00efed35f87a8dfd21c8fae4f783c7b0ffc33"),
    ("mainnet", "b952844e33d3abb6f5e209a2502ee86ca30d5387071dcefec6f30def21f5c103"),
    ("testnet", "b5f46da16a12786897ebf3bb15ed3ec93f511eb227598d5563cabb7b81f8cd7a"),
    ("devnet", "6a5fd73d5efe3eff951dc9970f53e350a8498cbdc1df42792ca52b6c33d06e8f"),
];

#[test]
fn genesis_hashes_never_change() {
    for (name, hash) in GENESIS_HASHES {
        let network = Network::named(name).unwrap();
        assert_eq!(network.genesis_hash().to_string(), hash, "{name}");
        assert_eq!(Network::named(&network.id), Some(network));
    }
    assert_eq!(GENESIS_HASHES.map(|(name, _)| name), Network::NAMES);
    assert_eq!(Network::named("moon"), None);
}

#[test]
fn built_in_networks_keep_their_rules() {
    for name in Network::NAMES {
        let network = Network::named(name).unwrap();
        assert_eq!(network.check(), Ok(()), "{name}");
        let Block { header, .. } = &network.genesis;
        assert!(keys::verify(&header.miner, header.hash().as_bytes(), &header.signature.unwrap()));
    }
}

#[test]
fn networks_of_the_reference_have_its_parameters() {
    for name in ["mainnet", "testnet", "devnet"] {
        let (network, reference) =
            (Network::named(name).unwrap(), Genesis::reference(name).unwrap());
        assert!(reference.allows(&network.genesis.header), "{name}");
        assert_eq!(network.epoch_seconds, reference.epoch_seconds);
        assert_eq!(network.adjustment.target_block_time, reference.target_block_time);
        assert_eq!((network.adjustment.interval, network.adjustment.dampening), (100, 4));
        assert_eq!(network.empty_epochs, EmptyEpochs::None);
        assert_eq!(Rules::of(&network), Rules::REFERENCE);
    }
}

#[test]
fn the_local_premine_belongs_to_the_development_key() {
    let local = Network::local();
    let premine = accounts::premine(&local.genesis.transactions).unwrap();
    let [(owner, account)] = premine[..] else { panic!("{premine:?}") };
    assert_eq!(owner, development_key().identity());
    assert_eq!((account.balance, account.nonce), (1_000_000_000, 0));
}

#[test]
fn networks_survive_json() {
    for name in Network::NAMES {
        let network = Network::named(name).unwrap();
        let json = network.to_json().unwrap();
        assert_eq!(json.lines().count(), 1);
        assert_eq!(Network::from_json(&json), Ok(network));
    }
}

/// The JSON of a network with one field changed; `None` takes it away.
fn changed(network: &Network, field: &str, value: Option<serde_json::Value>) -> String {
    let mut json = serde_json::from_str::<serde_json::Value>(&network.to_json().unwrap()).unwrap();
    let fields = json.as_object_mut().unwrap();
    match value {
        Some(value) => fields.insert(field.to_owned(), value),
        None => fields.remove(field),
    };
    json.to_string()
}

#[test]
fn json_errors_name_the_field() {
    let local = Network::local();
    let fields = [
        "network_id",
        "genesis_header",
        "epoch_seconds",
        "target_block_time",
        "adjustment_interval",
        "dampening",
        "min_difficulty",
        "max_difficulty",
        "empty_epochs",
        "bind_plots",
        "min_plot_leaves",
        "max_future_seconds",
    ];
    for field in fields {
        for value in [None, Some(serde_json::json!([1]))] {
            let error = Network::from_json(&changed(&local, field, value)).unwrap_err();
            assert!(error.0.contains(field), "{field}: {error}");
        }
    }
    for field in ["genesis_block", "genesis_hash"] {
        let error = Network::from_json(&changed(&local, field, Some(7.into()))).unwrap_err();
        assert!(error.0.contains(field), "{field}: {error}");
    }
    let unknown = changed(&local, "genesis_time", Some(7.into()));
    assert!(Network::from_json(&unknown).unwrap_err().0.contains("genesis_time"));
    assert!(Network::from_json("{").is_err());
    let twice = format!("{}{{}}", local.to_json().unwrap());
    assert!(Network::from_json(&twice).is_err());
}

#[test]
fn json_values_out_of_range_are_refused() {
    let local = Network::local();
    for (field, value) in [
        ("epoch_seconds", 0.into()),
        ("target_block_time", 0.into()),
        ("adjustment_interval", 0.into()),
        ("dampening", 0.into()),
        ("min_difficulty", 0.into()),
        ("max_difficulty", u64::MAX.into()),
        ("min_difficulty", (-1).into()),
        ("adjustment_interval", i64::MAX.into()),
        ("network_id", "another".into()),
        ("network_id", " ".into()),
        ("empty_epochs", "skip".into()),
        ("genesis_hash", "00".repeat(32).into()),
        ("genesis_header", "00".repeat(290).into()),
        ("genesis_header", "0x00".into()),
    ] {
        let error = Network::from_json(&changed(&local, field, Some(value))).unwrap_err();
        assert!(!error.0.is_empty(), "{field}");
    }
    let swapped = changed(&local, "max_difficulty", Some(3.into()));
    let swapped = swapped.replace("\"min_difficulty\":1", "\"min_difficulty\":4");
    assert!(Network::from_json(&swapped).unwrap_err().0.contains("min_difficulty"));
}

#[test]
fn the_genesis_block_may_be_left_out_where_it_says_nothing() {
    let mainnet = Network::named("mainnet").unwrap();
    let json = changed(&mainnet, "genesis_block", None);
    assert_eq!(Network::from_json(&json), Ok(mainnet.clone()));
    assert_eq!(Network::from_json(&changed(&mainnet, "genesis_hash", None)), Ok(mainnet));

    let error = Network::from_json(&changed(&Network::local(), "genesis_block", None));
    assert!(error.unwrap_err().0.contains("genesis_block is missing"));
}

#[test]
fn damaged_genesis_blocks_are_refused() {
    let local = Network::local();
    let refuse = |block: Block| {
        let network = Network { genesis: block, ..local.clone() };
        let json = network.to_json().unwrap();
        assert!(Network::from_json(&json).is_err(), "{json}");
    };
    let sign = |block: Block| Block { header: block.header.sign(&development_key()), ..block };
    let with = |change: fn(&mut Block)| {
        let mut block = local.genesis.clone();
        change(&mut block);
        block
    };
    refuse(with(|block| block.transactions.clear()));
    refuse(with(|block| block.header.signature = Some(spacetime_protocol::Signature::ZERO)));
    refuse(sign(with(|block| block.header.height = 1)));
    refuse(sign(with(|block| block.header.epoch = 1)));
    refuse(sign(with(|block| block.header.difficulty = 0)));
    refuse(sign(with(|block| block.header.parent = [1; 32].into())));
    refuse(sign(with(|block| block.header.plot_root = [1; 32].into())));
    refuse(sign(with(|block| block.header.score = [1; 32].into())));
    refuse(sign(with(|block| block.header.challenge = [1; 32].into())));

    let mut long = const_hex::encode(local.genesis.encode().unwrap());
    long.push_str("00");
    assert!(Network::from_json(&changed(&local, "genesis_block", Some(long.into()))).is_err());
}

#[test]
fn networks_of_ones_own_load_with_either_kind_of_key() {
    for scheme in [Scheme::Ed25519, Scheme::Secp256k1] {
        let key = sample::key(scheme, 5);
        let genesis = Genesis {
            premine: vec![(key.identity().to_string().to_uppercase(), 7)],
            ..Genesis::custom("of-our-own")
        };
        let network = Network {
            id: genesis.network_id.clone(),
            genesis: genesis.build(&key, 1_900_000_000).unwrap(),
            ..Network::local()
        };
        assert_eq!(network.genesis.header.timestamp, 1_900_000_000);
        assert_eq!(Network::from_json(&network.to_json().unwrap()), Ok(network));
    }
}
