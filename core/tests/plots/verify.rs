//! Verification finds every flipped bit, and where it is.

use std::fs;

use spacetime_core::plots::{
    CacheLevels, CacheVerdict, Locator, PlotFile, Region, Verdict, verify,
};
use spacetime_protocol::PlotKey;

use crate::support::{KEY, LEAVES, flip, plot};

fn verdict(path: &std::path::Path, key: Option<&PlotKey>) -> Verdict {
    verify(&PlotFile::open(path).unwrap(), key, &|_, _| true).unwrap()
}

fn region(first_leaf: u64, leaves: u64) -> Region {
    Region {
        first_leaf,
        leaves,
        first_byte: 121 + 32 * first_leaf,
        bytes: 32 * leaves,
        reason: None,
    }
}

#[test]
fn an_intact_plot_is_found_so() {
    for levels in [CacheLevels::Auto, CacheLevels::Top(99)] {
        let (_folder, path) = plot(levels);
        let found = verdict(&path, Some(&KEY));
        assert!(
            found.intact && found.damaged.is_empty() && Some(found.root) == found.computed_root
        );
        assert!(matches!(found.cache, CacheVerdict::Valid { .. }), "{found:?}");
        assert_eq!(found.made_with_key, Some(true));
        assert_eq!(verdict(&path, Some(&PlotKey::ZERO)).made_with_key, Some(false));
    }
    let (_folder, path) = plot(CacheLevels::Top(0));
    assert_eq!(verdict(&path, None).cache, CacheVerdict::Absent);
}

#[test]
fn the_cache_tells_the_subtree_and_the_key_the_leaf() {
    let (_folder, path) = plot(CacheLevels::Auto);
    flip(&path, 121 + 32 * 5000 + 3);
    flip(&path, 121 + 32 * (LEAVES - 1) + 31);
    let found = verdict(&path, None);
    assert!(!found.intact);
    assert_eq!(found.located_by, Some(Locator::Cache));
    assert_eq!(found.damaged, [region(4096, 4096), region(5 * 4096, 1234)]);
    assert!(matches!(found.cache, CacheVerdict::Valid { .. }));
    let found = verdict(&path, Some(&KEY));
    assert_eq!(found.located_by, Some(Locator::Key));
    assert_eq!(found.damaged, [region(5000, 1), region(LEAVES - 1, 1)]);
    // Another key says nothing of the leaves; the cache still does.
    let found = verdict(&path, Some(&PlotKey::ZERO));
    assert_eq!(found.made_with_key, Some(false));
    assert_eq!(found.located_by, Some(Locator::Cache));
    fs::remove_file(path.with_extension("plot.cache")).unwrap();
    let found = verdict(&path, None);
    assert_eq!((found.located_by, found.damaged), (None, Vec::new()));
}

#[test]
fn every_node_of_the_cache_is_checked() {
    for levels in [CacheLevels::Auto, CacheLevels::Top(99)] {
        let (_folder, path) = plot(levels);
        let cache = path.with_extension("plot.cache");
        let len = fs::metadata(&cache).unwrap().len();
        for offset in [48, len / 2, len - 1] {
            flip(&cache, offset);
            let found = verdict(&path, None);
            assert!(found.intact);
            let CacheVerdict::Stale { reason, .. } = &found.cache else { panic!("byte {offset}") };
            assert!(reason.contains("node"), "{reason}");
            flip(&cache, offset);
        }
    }
}

#[test]
fn a_plot_that_shrinks_while_it_is_read_is_named() {
    let (_folder, path) = plot(CacheLevels::Top(0));
    let plot = PlotFile::open(&path).unwrap();
    fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(1000).unwrap();
    let found = verify(&plot, Some(&KEY), &|_, _| true).unwrap();
    assert_eq!((found.intact, found.computed_root), (false, None));
    let [region] = &*found.damaged else { panic!("{found:?}") };
    assert_eq!((region.first_leaf, region.leaves), (0, LEAVES));
    let reason = region.reason.as_ref().unwrap();
    assert!(reason.contains("a.plot: the file ends in leaf 27"), "{reason}");
}
