//! Plots that are cut off are gone on with; nothing is left, nothing lost.

use std::fs;

use spacetime_core::plots::{CacheLevels, CreateError, CreateSpec, PlotFile, create, verify};

use crate::support::{LEAVES, Watch, flip, make, names, spec, stopped};

/// The bytes of plot and cache that one undisturbed run makes.
fn undisturbed(cache_levels: CacheLevels) -> [Vec<u8>; 2] {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("b.plot");
    make(&CreateSpec { cache_levels, ..spec(&path, LEAVES) });
    [fs::read(&path).unwrap(), fs::read(folder.path().join("b.plot.cache")).unwrap()]
}

#[test]
fn a_run_that_was_cut_off_is_gone_on_with() {
    for cache_levels in [CacheLevels::Auto, CacheLevels::Top(9), CacheLevels::Top(40)] {
        let [plot, cache] = undisturbed(cache_levels);
        for stop in [1, 4096, 3 * 4096, LEAVES - 1234] {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("deep/er/a.plot");
            let spec = CreateSpec { cache_levels, ..spec(&path, LEAVES) };
            stopped(&spec, stop);
            assert!(!path.exists());
            let watch = Watch::default();
            let created = create(&spec, &watch).unwrap();
            assert!(watch.resumed() && created.resumed_leaves >= stop, "{stop}");
            assert_eq!(watch.made(), LEAVES - created.resumed_leaves);
            assert_eq!(fs::read(&path).unwrap(), plot);
            assert_eq!(fs::read(created.cache.unwrap()).unwrap(), cache);
            assert_eq!(names(path.parent().unwrap()), ["a.plot", "a.plot.cache"]);
        }
    }
}

#[test]
fn at_ninety_per_cent_little_is_made_again() {
    let folder = tempfile::tempdir().unwrap();
    let leaves = 400 * 4096;
    let spec = spec(&folder.path().join("a.plot"), leaves);
    // Stopping writes a checkpoint; a kill finds the one before, four subtrees back.
    stopped(&spec, leaves * 9 / 10);
    let watch = Watch::default();
    create(&spec, &watch).unwrap();
    assert!(watch.made() + 4 * 4096 < leaves * 15 / 100, "{} of {leaves}", watch.made());
}

#[test]
fn a_random_seed_is_kept_for_the_next_run() {
    let folder = tempfile::tempdir().unwrap();
    let spec = CreateSpec { seed: None, ..spec(&folder.path().join("a.plot"), LEAVES) };
    stopped(&spec, 4096);
    let watch = Watch::default();
    create(&spec, &watch).unwrap();
    assert!(watch.resumed());
    let plot = PlotFile::open(&spec.target).unwrap();
    let verdict = verify(&plot, Some(&spec.key), &|_, _| true).unwrap();
    assert!(verdict.intact && verdict.made_with_key == Some(true), "{verdict:?}");
}

/// Does something to what a run left.
type Damage = fn(&CreateSpec);

#[test]
fn what_is_of_no_use_is_begun_anew_with_a_reason() {
    let [plot, cache] = undisturbed(CacheLevels::Auto);
    let damages: [(&str, Damage); 5] = [
        ("checkpoint is damaged", |spec| flip(&sibling(spec, ".plotting.checkpoint"), 50)),
        ("its leaves are not", |spec| flip(&sibling(spec, ".plotting"), 121 + 3 * 4096 * 32 - 1)),
        ("its leaves are not", |spec| fs::write(sibling(spec, ".plotting"), "short").unwrap()),
        ("its cache is not there", |spec| {
            fs::remove_file(sibling(spec, ".cache.plotting")).unwrap()
        }),
        ("other parameters", |spec| {
            fs::remove_file(sibling(spec, ".plotting")).unwrap();
            stopped(&CreateSpec { leaf_count: LEAVES + 1, ..spec.clone() }, 4096);
        }),
    ];
    for (reason, damage) in damages {
        let folder = tempfile::tempdir().unwrap();
        let spec = spec(&folder.path().join("a.plot"), LEAVES);
        stopped(&spec, 3 * 4096);
        damage(&spec);
        let watch = Watch::default();
        let created = create(&spec, &watch).unwrap();
        let told = watch.started_again().unwrap_or_default();
        assert!(told.contains(reason), "{reason}: {told}");
        assert_eq!(fs::read(&spec.target).unwrap(), plot);
        assert_eq!(fs::read(created.cache.unwrap()).unwrap(), cache);
        assert_eq!(names(folder.path()), ["a.plot", "a.plot.cache"]);
    }
}

fn sibling(spec: &CreateSpec, suffix: &str) -> std::path::PathBuf {
    format!("{}{suffix}", spec.target.display()).into()
}

/// Every state that a kill during the last steps can leave, put together from
/// the files before and after them.
#[test]
fn a_kill_during_the_last_steps_costs_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let spec = spec(&folder.path().join("a.plot"), LEAVES);
    // Stopped after the last batch: all is there but the names.
    stopped(&spec, LEAVES);
    let before: Vec<_> = [".plotting", ".plotting.checkpoint", ".cache.plotting"]
        .map(|suffix| (sibling(&spec, suffix), fs::read(sibling(&spec, suffix)).unwrap()))
        .into();
    make(&spec);
    let after = [&spec.target, &sibling(&spec, ".cache")]
        .map(|path| (path.clone(), fs::read(path).unwrap()));
    let [(partial, _), (checkpoint, _), (partial_cache, _)] = &before[..] else { panic!() };
    let (plot, cache) = (&after[0].0, &after[1].0);
    let states: [(&str, Vec<&std::path::PathBuf>); 4] = [
        ("before the first", vec![partial, checkpoint, partial_cache]),
        ("the cache has its name", vec![partial, checkpoint, cache]),
        ("the plot has its name", vec![plot, checkpoint, cache]),
        ("the checkpoint is gone too", vec![plot, cache]),
    ];
    for (state, there) in states {
        for (path, bytes) in before.iter().chain(&after) {
            match there.contains(&path) {
                true => fs::write(path, bytes).unwrap(),
                false => drop(fs::remove_file(path)),
            }
        }
        let watch = Watch::default();
        match (create(&spec, &watch), there.contains(&checkpoint)) {
            (Ok(created), true) => assert_eq!(created.resumed_leaves, LEAVES, "{state}"),
            (Err(CreateError::Exists { .. }), false) => {}
            (other, _) => panic!("{state}: {other:?}"),
        }
        assert_eq!(watch.made(), 0, "{state}");
        assert_eq!(names(folder.path()), ["a.plot", "a.plot.cache"], "{state}");
        for (path, bytes) in &after {
            assert_eq!(&fs::read(path).unwrap(), bytes, "{state}");
        }
    }
}

#[test]
fn a_foreign_cache_is_not_taken_for_the_plots_own() {
    let folder = tempfile::tempdir().unwrap();
    let spec = spec(&folder.path().join("a.plot"), LEAVES);
    stopped(&spec, LEAVES);
    let mut foreign = fs::read(sibling(&spec, ".cache.plotting")).unwrap();
    *foreign.last_mut().unwrap() ^= 1;
    let at = 48 + 5;
    foreign[at] ^= 1;
    fs::write(sibling(&spec, ".cache"), foreign).unwrap();
    fs::remove_file(sibling(&spec, ".cache.plotting")).unwrap();
    let watch = Watch::default();
    create(&spec, &watch).unwrap();
    assert!(watch.started_again().unwrap().contains("cache"));
    let plot = PlotFile::open(&spec.target).unwrap();
    let verdict = verify(&plot, None, &|_, _| true).unwrap();
    assert!(matches!(verdict.cache, spacetime_core::plots::CacheVerdict::Valid { .. }));
}

#[test]
fn a_finished_plot_is_never_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.plot");
    make(&spec(&path, 10));
    let bytes = fs::read(&path).unwrap();
    let error = create(&spec(&path, 20), &Watch::default()).unwrap_err();
    assert!(error.to_string().contains("a.plot exists already"), "{error}");
    assert_eq!(fs::read(&path).unwrap(), bytes);
    assert_eq!(names(folder.path()), ["a.plot"]);
}

#[test]
fn what_is_left_of_a_run_goes_when_a_plot_took_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let spec = spec(&folder.path().join("a.plot"), LEAVES);
    stopped(&spec, 4096);
    fs::write(&spec.target, "somebody's").unwrap();
    assert!(matches!(create(&spec, &Watch::default()), Err(CreateError::Exists { .. })));
    assert_eq!(names(folder.path()), ["a.plot"]);
    assert_eq!(fs::read(&spec.target).unwrap(), b"somebody's");
}

#[test]
fn a_second_plotter_is_told_who_the_first_is() {
    let folder = tempfile::tempdir().unwrap();
    let spec = spec(&folder.path().join("a.plot"), LEAVES);
    let inner = spec.clone();
    struct Twice(CreateSpec, std::cell::Cell<bool>);
    impl spacetime_core::plots::CreateWatch for Twice {
        fn event(&self, _: spacetime_core::plots::CreateEvent) {
            if !self.1.replace(true) {
                let error = create(&self.0, &Watch::default()).unwrap_err();
                let text = error.to_string();
                assert!(matches!(error, CreateError::Busy { .. }), "{text}");
                assert!(text.contains(&format!("({})", std::process::id())), "{text}");
            }
        }
    }
    create(&spec, &Twice(inner, std::cell::Cell::new(false))).unwrap();
    assert_eq!(names(folder.path()), ["a.plot", "a.plot.cache"]);
}

#[test]
fn a_plot_that_cannot_fit_is_refused_before_a_byte_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let spec = spec(&folder.path().join("a.plot"), 1 << 52);
    let error = create(&spec, &Watch::default()).unwrap_err();
    assert!(matches!(error, CreateError::NoRoom { .. }), "{error}");
    assert!(error.to_string().contains("bytes more are needed"), "{error}");
    assert_eq!(names(folder.path()), [""; 0]);
    for leaf_count in [0, u64::MAX] {
        let error = create(&CreateSpec { leaf_count, ..spec.clone() }, &Watch::default());
        assert!(matches!(error, Err(CreateError::BadLeafCount { .. })));
    }
}
