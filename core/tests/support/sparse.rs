//! Plots of any size that take no room: zero leaves, the right root, and a
//! cache that has the nodes beside the ways of a few leaves, and else nothing.

use std::{
    fs::File,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
};

use spacetime_core::plots::cache_path_beside;
use spacetime_protocol::{
    PlotSeed,
    cache::{CacheLayout, auto_top_levels},
    merkle,
    plot::PlotHeader,
};

/// Makes a plot of `1 << height` leaves, of which these can be proved.
pub(crate) fn plot(folder: &Path, height: u32, leaves: &[u64]) -> PathBuf {
    let path = folder.join(format!("{height}.plot"));
    let mut nodes = vec![merkle::leaf_hash(&[0; 32])];
    for level in 0..height as usize {
        nodes.push(merkle::node_hash(&nodes[level], &nodes[level]));
    }
    let header = PlotHeader::new(PlotSeed::new([1; 32]), 1 << height, nodes[height as usize]);
    let file = File::create(&path).unwrap();
    file.write_all_at(&header.encode(), 0).unwrap();
    file.set_len(header.file_len().unwrap()).unwrap();
    let Some(layout) = CacheLayout::new(1 << height, auto_top_levels(1 << height)) else {
        return path;
    };
    let cache = File::create(cache_path_beside(&path)).unwrap();
    cache.set_len(layout.file_len()).unwrap();
    cache.write_all_at(&layout.header(), 0).unwrap();
    for level in layout.levels() {
        let (offset, header) = layout.level_header(level);
        cache.write_all_at(&header, offset).unwrap();
        for leaf in leaves {
            let offset = layout.node_offset(level, (leaf >> level) ^ 1);
            cache.write_all_at(nodes[level as usize].as_bytes(), offset).unwrap();
        }
    }
    path
}

/// Leaves of a plot of this height: both ends, and what lies between.
pub(crate) fn leaves(height: u32) -> Vec<u64> {
    let count = 1_u64 << height;
    (0..8).map(|number| (count - 1) / 7 * number).chain([count - 1]).collect()
}
