//! Block proofs (`blocks.md` sections 4 and 5).

use crate::{
    DecodeError, EncodeError, Leaf, NodeHash, PlotHeaderHash, PlotSeed,
    codec::{Reader, count, fits},
    merkle::MerklePath,
};

/// What a proof says about its plot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlotMetadata {
    /// At least 1.
    pub leaf_count: u64,
    /// The plot's seed.
    pub plot_id: PlotSeed,
    /// SHA-256 of the plot's header.
    pub header_hash: PlotHeaderHash,
    /// The plot format's version: 1.
    pub version: u8,
}

impl PlotMetadata {
    /// Bytes on the wire.
    pub const SIZE: usize = 73;

    /// The 73 bytes.
    ///
    /// # Errors
    /// The leaf count is 0 or has no wire form.
    pub fn encode(&self) -> Result<[u8; Self::SIZE], EncodeError> {
        if self.leaf_count == 0 {
            return Err(EncodeError::Zero { field: "leaf count" });
        }
        fits("leaf count", self.leaf_count)?;
        let mut bytes = [0; Self::SIZE];
        bytes[..8].copy_from_slice(&self.leaf_count.to_le_bytes());
        bytes[8..40].copy_from_slice(self.plot_id.as_bytes());
        bytes[40..72].copy_from_slice(self.header_hash.as_bytes());
        bytes[72] = self.version;
        Ok(bytes)
    }

    /// Reads the first 73 bytes.
    ///
    /// # Errors
    /// Too few bytes, or a leaf count that is not positive.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        Self::read(&mut Reader::new(bytes))
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            leaf_count: reader.positive("leaf count")?,
            plot_id: PlotSeed::new(reader.array("plot id")?),
            header_hash: PlotHeaderHash::new(reader.array("plot header hash")?),
            version: reader.byte("plot format version")?,
        })
    }
}

/// A leaf with its way to its plot's root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockProof {
    /// The leaf.
    pub leaf: Leaf,
    /// Its position in the plot, from 0.
    pub leaf_index: u64,
    /// Its way to the root; both lists have one length.
    pub path: MerklePath,
    /// Its plot.
    pub plot: PlotMetadata,
}

impl BlockProof {
    /// `121 + 33n` bytes, n the path's length.
    ///
    /// # Errors
    /// A number has no wire form, or the path's two lists differ in length.
    pub fn encode(&self) -> Result<Vec<u8>, EncodeError> {
        let MerklePath { siblings, sibling_is_right } = &self.path;
        if siblings.len() != sibling_is_right.len() {
            return Err(EncodeError::UnevenPath {
                siblings: siblings.len(),
                bits: sibling_is_right.len(),
            });
        }
        fits("leaf index", self.leaf_index)?;
        let levels = count("siblings", siblings.len())?;
        let plot = self.plot.encode()?;

        let mut bytes = Vec::with_capacity(121 + 33 * siblings.len());
        bytes.extend(self.leaf.as_bytes());
        bytes.extend(self.leaf_index.to_le_bytes());
        bytes.extend(levels);
        siblings.iter().for_each(|sibling| bytes.extend(sibling.as_bytes()));
        bytes.extend(levels);
        bytes.extend(sibling_is_right.iter().map(|right| u8::from(*right)));
        bytes.extend(plot);
        Ok(bytes)
    }

    /// Reads a proof from the front; how many bytes it took.
    ///
    /// # Errors
    /// Too few bytes, a negative count or index, or counts that differ.
    pub fn decode(bytes: &[u8]) -> Result<(Self, usize), DecodeError> {
        let mut reader = Reader::new(bytes);
        let proof = Self::read(&mut reader)?;
        Ok((proof, reader.offset()))
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            leaf: Leaf::new(reader.array("leaf")?),
            leaf_index: reader.number("leaf index")?,
            path: read_path(reader)?,
            plot: PlotMetadata::read(reader)?,
        })
    }
}

fn read_path(reader: &mut Reader<'_>) -> Result<MerklePath, DecodeError> {
    let levels = reader.count("siblings", NodeHash::SIZE)?;
    let siblings = (0..levels)
        .map(|_| reader.array("sibling").map(NodeHash::new))
        .collect::<Result<Vec<_>, _>>()?;
    let offset = reader.offset();
    let bits = reader.count("orientation bits", 1)?;
    if bits != levels {
        return Err(DecodeError {
            offset,
            field: "orientation bits",
            problem: format!("{bits} of them for {levels} siblings"),
        });
    }
    let sibling_is_right =
        (0..bits).map(|_| reader.boolean("orientation bit")).collect::<Result<Vec<_>, _>>()?;
    Ok(MerklePath { siblings, sibling_is_right })
}
