//! Networks as JSON: what `spacetime-node genesis --json` writes and a manifest's
//! `network_file` names.

use serde::{Deserialize, Serialize};

use super::{EmptyEpochs, Network, NetworkError, genesis};
use crate::{BlockHash, block::Block, difficulty::Adjustment, header::BlockHeader};

/// The file, field by field.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct NetworkFile {
    network_id: String,
    genesis_header: String,
    #[serde(default)]
    genesis_block: Option<String>,
    #[serde(default)]
    genesis_hash: Option<BlockHash>,
    epoch_seconds: u64,
    target_block_time: u64,
    adjustment_interval: u64,
    dampening: u64,
    min_difficulty: u64,
    max_difficulty: u64,
    empty_epochs: EmptyEpochs,
    bind_plots: bool,
    min_plot_leaves: u64,
    max_future_seconds: u64,
}

impl Network {
    /// Reads the JSON of `spacetime-node genesis --json`; `genesis_block` may be absent when
    /// there are no transactions, `genesis_hash` always. Everything is checked, the genesis
    /// block included.
    ///
    /// # Errors
    /// The field that is unknown, missing or ill-typed, with its line; or what is wrong with the
    /// network.
    pub fn from_json(text: &str) -> Result<Self, NetworkError> {
        let mut json = serde_json::Deserializer::from_str(text);
        let file = serde_path_to_error::deserialize::<_, NetworkFile>(&mut json)
            .map_err(|error| NetworkError(name_field(&error)))?;
        json.end().map_err(|error| NetworkError(format!("after the network: {error}")))?;
        let network = Self {
            genesis: read_genesis(&file)?,
            id: file.network_id,
            epoch_seconds: file.epoch_seconds,
            adjustment: Adjustment {
                target_block_time: file.target_block_time,
                interval: file.adjustment_interval,
                dampening: file.dampening,
                minimum: file.min_difficulty,
                maximum: file.max_difficulty,
            },
            empty_epochs: file.empty_epochs,
            bind_plots: file.bind_plots,
            min_plot_leaves: file.min_plot_leaves,
            max_future_seconds: file.max_future_seconds,
        };
        network.check()?;
        Ok(network)
    }

    /// The JSON of `spacetime-node genesis --json`, on one line.
    ///
    /// # Errors
    /// The genesis block has no wire form; that of a checked network has.
    pub fn to_json(&self) -> Result<String, NetworkError> {
        let no_form = |error| NetworkError(format!("the genesis block has no wire form: {error}"));
        let file = NetworkFile {
            network_id: self.id.clone(),
            genesis_header: const_hex::encode(self.genesis.header.encode().map_err(no_form)?),
            genesis_block: Some(const_hex::encode(self.genesis.encode().map_err(no_form)?)),
            genesis_hash: Some(self.genesis_hash()),
            epoch_seconds: self.epoch_seconds,
            target_block_time: self.adjustment.target_block_time,
            adjustment_interval: self.adjustment.interval,
            dampening: self.adjustment.dampening,
            min_difficulty: self.adjustment.minimum,
            max_difficulty: self.adjustment.maximum,
            empty_epochs: self.empty_epochs,
            bind_plots: self.bind_plots,
            min_plot_leaves: self.min_plot_leaves,
            max_future_seconds: self.max_future_seconds,
        };
        serde_json::to_string(&file).map_err(|error| NetworkError(error.to_string()))
    }
}

/// The error with the field in front, unless its text names it already.
fn name_field(error: &serde_path_to_error::Error<serde_json::Error>) -> String {
    let field = error.path().to_string();
    let text = error.inner().to_string();
    if field == "." || text.contains(&format!("`{field}`")) {
        text
    } else {
        format!("{field}: {text}")
    }
}

fn read_genesis(file: &NetworkFile) -> Result<Block, NetworkError> {
    let bytes = hex("genesis_header", &file.genesis_header)?;
    if bytes.len() != BlockHeader::SIZE {
        return Err(NetworkError(format!(
            "genesis_header has {} bytes, a header {}",
            bytes.len(),
            BlockHeader::SIZE
        )));
    }
    let header = BlockHeader::decode(&bytes)
        .map_err(|error| NetworkError(format!("genesis_header: {error}")))?;
    if let Some(hash) = file.genesis_hash
        && hash != header.hash()
    {
        let found = header.hash();
        return Err(NetworkError(format!("genesis_hash is {hash}, the header's is {found}")));
    }
    match &file.genesis_block {
        Some(text) => read_block(text, &header),
        None if header.tx_root.is_zero() => {
            Ok(Block { header, transactions: Vec::new(), proof: genesis::proof() })
        }
        None => Err(NetworkError(
            "genesis_block is missing: the genesis block has transactions".to_owned(),
        )),
    }
}

fn read_block(text: &str, header: &BlockHeader) -> Result<Block, NetworkError> {
    let bytes = hex("genesis_block", text)?;
    let (block, taken) = Block::decode_prefix(&bytes)
        .map_err(|error| NetworkError(format!("genesis_block: {error}")))?;
    if taken != bytes.len() {
        let extra = bytes.len() - taken;
        return Err(NetworkError(format!("genesis_block has {extra} bytes too many")));
    }
    if block.header != *header {
        return Err(NetworkError("genesis_block does not begin with genesis_header".to_owned()));
    }
    Ok(block)
}

fn hex(field: &str, text: &str) -> Result<Vec<u8>, NetworkError> {
    // A `0x` prefix is not part of the notation.
    if text.starts_with("0x") {
        return Err(NetworkError(format!("{field} begins with 0x")));
    }
    const_hex::decode(text).map_err(|error| NetworkError(format!("{field}: {error}")))
}
