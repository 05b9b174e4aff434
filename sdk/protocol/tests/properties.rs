//! Round trips, and bytes from outside that must not do harm.

#![allow(clippy::unwrap_used, reason = "a failure here is a failed test")]

use std::convert::Infallible;

use proptest::{collection::vec, prelude::*, sample::Index};
use spacetime_protocol::{
    MAX_NUMBER, NodeHash, PlotSeed, Score, Target,
    cache::{self, CacheError, CacheIndex, CacheLayout},
    difficulty::Adjustment,
    merkle,
    plot::{self, PlotHeader, PlotHeaderError},
    score,
};

fn headers() -> impl Strategy<Value = PlotHeader> {
    let fields = (any::<[u8; 32]>(), 1..=MAX_NUMBER, 1..=i32::MAX as u32, any::<i64>());
    (fields, any::<[u8; 32]>()).prop_map(|((seed, leaf_count, leaf_size, tree_height), root)| {
        let (seed, root) = (PlotSeed::new(seed), NodeHash::new(root));
        PlotHeader { seed, leaf_count, leaf_size, tree_height, root }
    })
}

/// A cache file whose nodes are all zero.
fn cache_file(layout: &CacheLayout) -> Vec<u8> {
    let mut file = layout.header().to_vec();
    for level in layout.levels() {
        let (offset, header) = layout.level_header(level);
        assert_eq!(offset, file.len() as u64);
        file.extend_from_slice(&header);
        file.resize(file.len() + 32 * layout.level_len(level) as usize, 0);
    }
    file
}

fn adjustments() -> impl Strategy<Value = Adjustment> {
    let small = 1..=i64::from(i32::MAX) as u64;
    let parameters = (small.clone(), small.clone(), small, 1..=MAX_NUMBER, 1..=MAX_NUMBER);
    parameters.prop_map(|(target_block_time, interval, dampening, a, b)| {
        let (minimum, maximum) = (a.min(b), a.max(b));
        Adjustment { target_block_time, interval, dampening, minimum, maximum }
    })
}

#[test]
fn a_header_that_no_reader_accepts_can_be_written_but_not_read() {
    let mut header = PlotHeader::new(PlotSeed::ZERO, 0, NodeHash::ZERO);
    let read = PlotHeader::decode(&header.encode());
    assert_eq!(read, Err(PlotHeaderError::BadLeafCount { found: 0 }));
    header.leaf_count = MAX_NUMBER + 1;
    let read = PlotHeader::decode(&header.encode());
    assert_eq!(read, Err(PlotHeaderError::BadLeafCount { found: i64::MIN }));
}

#[test]
fn offsets_end_where_files_do() {
    assert_eq!(plot::leaf_offset(0), Some(121));
    assert_eq!(plot::leaf_offset(3), Some(217));
    assert_eq!(plot::leaf_offset((1 << 58) - 5), Some(MAX_NUMBER - 38));
    assert_eq!(plot::leaf_offset((1 << 58) - 4), None);
    assert_eq!(plot::leaf_offset(u64::MAX), None);
    assert!(CacheLayout::new(1 << 58, 64).is_none());
    let largest = CacheLayout::new((1 << 58) - 5, 64).unwrap();
    let record = |level| 12 + 32 * u128::from(largest.level_len(level));
    let len = 36 + largest.levels().map(record).sum::<u128>();
    assert_eq!(u128::from(largest.file_len()), len);
}

#[test]
fn an_automatic_cache_reaches_down_to_level_12() {
    assert_eq!([0, 1, 4096].map(cache::auto_top_levels), [0; 3]);
    let leaf_count = 134_217_728;
    let top_levels = cache::auto_top_levels(leaf_count);
    assert_eq!(cache::levels(leaf_count, top_levels), Some(12..=26));
    assert_eq!(cache::levels(4097, cache::auto_top_levels(4097)), Some(12..=12));
}

proptest! {
    #[test]
    fn plot_headers_round_trip(header in headers(), after in vec(any::<u8>(), 0..50)) {
        let mut bytes = header.encode().to_vec();
        bytes.extend(after);
        prop_assert_eq!(PlotHeader::decode(&bytes), Ok(header));
    }

    #[test]
    fn a_changed_bit_of_a_header_is_noticed(header in headers(), at in 0..121_usize, bit in 0..8_u32) {
        let mut bytes = header.encode();
        bytes[at] ^= 1 << bit;
        prop_assert!(PlotHeader::decode(&bytes).is_err());
    }

    #[test]
    fn any_bytes_are_a_plot_or_an_error(bytes in vec(any::<u8>(), 0..300), len: u64) {
        let _ = PlotHeader::decode(&bytes);
        prop_assert!(PlotHeader::check_file(&bytes, len).is_err());
    }

    #[test]
    fn a_plot_is_accepted_exactly_when_its_leaves_are_there(
        header in headers(),
        len in 0..=MAX_NUMBER,
    ) {
        let checked = PlotHeader::check_file(&header.encode(), len);
        let product = u128::from(header.leaf_count) * u128::from(header.leaf_size) + 121;
        let is_there = product <= u128::from(len);
        prop_assert_eq!(checked.is_ok(), is_there && header.leaf_size == 32);
        let is_truncated = matches!(checked, Err(PlotHeaderError::Truncated { .. }));
        prop_assert_eq!(is_truncated, !is_there);
    }

    #[test]
    fn leaf_ranges_lie_in_the_file(header in headers(), start: u64, count: u64) {
        if let Ok(bytes) = header.leaf_bytes(start, count) {
            prop_assert!(bytes.end - bytes.start == count * u64::from(header.leaf_size));
            prop_assert!(header.file_len().is_none_or(|len| bytes.end <= len));
        }
        prop_assert!(header.leaf_bytes(header.leaf_count, 1).is_err());
        prop_assert!(header.leaf_bytes(0, 0).is_err());
    }

    #[test]
    fn cache_files_round_trip(leaf_count in 1..5000_u64, top_levels in 0..15_u32) {
        let Some(layout) = CacheLayout::new(leaf_count, top_levels) else {
            prop_assert!(top_levels == 0 || leaf_count < 3);
            return Ok(());
        };
        let file = cache_file(&layout);
        prop_assert_eq!(file.len() as u64, layout.file_len());
        let index = CacheIndex::parse(&file).unwrap();
        prop_assert!(index.fits(leaf_count));
        for level in layout.levels() {
            let last = merkle::level_len(leaf_count, level) - 1;
            prop_assert_eq!(index.node_offset(level, last), Some(layout.node_offset(level, last)));
            prop_assert_eq!(index.node_offset(level, last + 1), None);
        }
        prop_assert_eq!(index.node_offset(layout.levels().start() - 1, 0), None);
        prop_assert_eq!(index.node_offset(layout.levels().end() + 1, 0), None);
        let other = 2 * leaf_count;
        prop_assert!(!index.fits(other));
    }

    #[test]
    fn any_bytes_are_a_cache_or_an_error(bytes in vec(any::<u8>(), 0..300)) {
        prop_assert!(CacheIndex::parse(&bytes).is_err());
    }

    #[test]
    fn a_damaged_cache_is_read_within_its_length(
        leaf_count in 3..200_u64,
        damage in vec((any::<Index>(), any::<u8>()), 0..6),
        cut: Index,
    ) {
        let mut file = cache_file(&CacheLayout::new(leaf_count, 9).unwrap());
        for (at, byte) in damage {
            // The header and the first record's are where damage matters.
            let at = at.index(file.len().min(60));
            file[at] = byte;
        }
        file.truncate(cut.index(4 * file.len()).max(1));
        if let Ok(index) = CacheIndex::parse(&file) {
            for (level, len, _) in &index.levels {
                for node in 0..*len {
                    let end = index.node_offset(*level, node).unwrap() + u64::from(index.hash_size);
                    prop_assert!(end <= file.len() as u64);
                }
            }
        }
    }

    #[test]
    fn a_read_error_ends_the_reading_of_a_cache(leaf_count in 3..200_u64, failing in 0..9_u32) {
        let file = cache_file(&CacheLayout::new(leaf_count, 9).unwrap());
        let mut left = failing;
        let result = CacheIndex::read(file.len() as u64, |offset, buffer| {
            left = left.checked_sub(1).ok_or("unreadable")?;
            buffer.copy_from_slice(&file[offset as usize..][..buffer.len()]);
            Ok::<(), &str>(())
        });
        prop_assert_eq!(result, Err("unreadable"));
        let short = CacheIndex::read(4, |_, _| Ok::<(), Infallible>(()));
        prop_assert_eq!(short, Ok(Err(CacheError::TooShort)));
    }

    #[test]
    fn a_target_gives_its_difficulty_back(difficulty in 1..=MAX_NUMBER, low in 1..1000_u64) {
        for difficulty in [difficulty, low] {
            let target = score::target(difficulty).unwrap();
            prop_assert_eq!(score::difficulty(&target), difficulty);
        }
    }

    #[test]
    fn more_difficulty_is_a_lower_target(bytes: [u8; 32], shift in 0..32_usize) {
        let mut bytes = bytes;
        bytes[..shift].fill(0);
        let target = Target::new(bytes);
        let difficulty = score::difficulty(&target);
        prop_assert!((1..=MAX_NUMBER).contains(&difficulty));
        prop_assert!(score::target(difficulty).unwrap() >= target);
        if difficulty < MAX_NUMBER {
            prop_assert!(score::target(difficulty + 1).unwrap() < target);
        }
        prop_assert!(!score::is_under(&Score::new(bytes), &target));
    }

    #[test]
    fn difficulty_stays_in_its_bounds(
        adjustment in adjustments(),
        current in 1..=MAX_NUMBER,
        t1: u64,
        t0: u64,
    ) {
        prop_assert_eq!(adjustment.check(), Ok(()));
        let next = adjustment.next(current, t1, t0);
        prop_assert!((adjustment.minimum..=adjustment.maximum).contains(&next));
        prop_assert!(!adjustment.is_due(0));
        prop_assert!(adjustment.is_due(adjustment.interval));
    }
}
