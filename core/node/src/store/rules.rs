//! The rules that a chain was checked by, beside its network's id and genesis
//! block: the same blocks are valid by some rules and invalid by others, so a
//! store keeps those that it was made with.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use spacetime_protocol::difficulty::Adjustment;
use spacetime_protocol::network::Network;

/// The rules of a network, by their names in a network file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Rules(BTreeMap<String, Value>);

impl Rules {
    /// Those of a network.
    pub fn of(network: &Network) -> Self {
        // Without `..`: a rule that is added shall not be forgotten here.
        let Network {
            id: _,
            genesis: _,
            epoch_seconds,
            adjustment: Adjustment { target_block_time, interval, dampening, minimum, maximum },
            empty_epochs,
            bind_plots,
            min_plot_leaves,
            max_future_seconds,
        } = network;
        let rules = [
            ("epoch_seconds", json!(epoch_seconds)),
            ("target_block_time", json!(target_block_time)),
            ("adjustment_interval", json!(interval)),
            ("dampening", json!(dampening)),
            ("min_difficulty", json!(minimum)),
            ("max_difficulty", json!(maximum)),
            ("empty_epochs", json!(empty_epochs)),
            ("bind_plots", json!(bind_plots)),
            ("min_plot_leaves", json!(min_plot_leaves)),
            ("max_future_seconds", json!(max_future_seconds)),
        ];
        Self(rules.map(|(name, rule)| (name.to_owned(), rule)).into())
    }

    /// What a store holds: JSON.
    pub(super) fn to_record(&self) -> Vec<u8> {
        json!(self).to_string().into_bytes()
    }

    pub(super) fn from_record(record: &[u8]) -> Option<Self> {
        serde_json::from_slice(record).ok()
    }

    /// Each rule that is another one in `asked`, for people.
    pub(super) fn differences(&self, asked: &Self) -> Vec<String> {
        let names: BTreeSet<&String> = self.0.keys().chain(asked.0.keys()).collect();
        let say = |rule: Option<&Value>| rule.map_or("absent".to_owned(), Value::to_string);
        names
            .into_iter()
            .map(|name| (name, self.0.get(name), asked.0.get(name)))
            .filter(|(_, found, asked)| found != asked)
            .map(|(name, found, asked)| format!("{name} is {}, not {}", say(found), say(asked)))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_all_that_a_network_file_says_but_the_genesis_block() {
        for name in Network::NAMES {
            let network = Network::named(name).unwrap();
            let mut file: BTreeMap<String, Value> =
                serde_json::from_str(&network.to_json().unwrap()).unwrap();
            for field in ["network_id", "genesis_header", "genesis_block", "genesis_hash"] {
                file.remove(field).unwrap();
            }
            let rules = Rules::of(&network);
            assert_eq!(rules.0, file);
            assert_eq!(Rules::from_record(&rules.to_record()), Some(rules));
        }
        assert_eq!(Rules::from_record(b"[1]"), None);
    }

    #[test]
    fn every_difference_is_named() {
        let rules = Rules::of(&Network::local());
        assert_eq!(rules.differences(&rules), [""; 0]);
        let mut other = Network::local();
        other.bind_plots = false;
        other.adjustment.interval = 7;
        let mut other = Rules::of(&other);
        other.0.remove("dampening");
        assert_eq!(
            rules.differences(&other),
            [
                "adjustment_interval is 10, not 7",
                "bind_plots is true, not false",
                "dampening is 4, not absent",
            ]
        );
    }
}
