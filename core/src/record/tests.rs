//! Records on a disk.

use std::{
    fs::{self, OpenOptions},
    io::Write,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::Duration,
};

use spacetime_protocol::{Challenge, PlotSeed, Score, score};
use tempfile::TempDir;

use super::{
    Best, BuilderName, Entry, FORMAT, LoadError, PlotList, Recorder, Run, StopRule, StrategyId,
    WriteError, Writer, load, older,
};
use crate::{
    observe::Ended,
    scan::{Arranged, Call, Digest, Noted, Planned, Read, Reads, ScenePlot, Told},
};

const LIMIT: u64 = 256 << 10;

fn folder() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("data").join("challenges.jsonl");
    (folder, file)
}

fn run(name: &str) -> Run {
    let strategy = StrategyId {
        name: "adaptive".into(),
        plugin: "spacetime-strategy-adaptive".into(),
        version: "0.1.0".into(),
        config: "(max_watts: 15)".into(),
        ron_extensions: 0,
    };
    Run {
        record: FORMAT,
        run: name.into(),
        miner: "0.1.0".into(),
        network: "local".into(),
        strategy: Some(strategy),
        workers: 2,
        readers: 1,
    }
}

fn plots(count: u64) -> PlotList {
    let plot = |leaf_count| ScenePlot { id: PlotSeed::new([7; 32]), leaf_count, drive: 1 };
    (1..=count).map(plot).collect()
}

/// A challenge with all that one can have.
fn entry(job: u64) -> Entry {
    let told = Told::from([1, 2, 3, 4, 5, 6, 1]);
    let call = Call(3, Some(told));
    let plan = Planned {
        time_left_ms: 900,
        read_rate: u64::MAX,
        spans: 3,
        leaves: 40,
        stretches: Some(vec![(0, 30), (90, 10)]),
        calls: vec![call, Call(0, None)],
        calls_left_out: 2,
        ..Planned::default()
    };
    let arranged =
        Arranged { turns: Some(1), list: Some(vec![(0, 50)]), digest: Digest::default() };
    let reads = Reads { count: 1, leaves: 50, ns: 2000 };
    Entry {
        job,
        again: job % 2 == 1,
        challenge: Challenge::new([job as u8; 32]),
        block_target: score::target(1000),
        share_target: None,
        difficulty: 1000,
        epoch: u64::MAX,
        height: 7,
        stop: StopRule::FirstUnder(score::target(1000).unwrap()),
        builder: BuilderName::Host,
        started_ms: 1_700_000_000_000,
        deadline_ms: 1_700_000_001_000,
        open_ms: 1000,
        took_us: 12_345,
        ended: Ended::Complete,
        scanned: 40,
        leaves: 50,
        scan_rate: 20_000_000,
        best: Some(Best { plot: 0, leaf_index: 12, score: Score::new([3; 32]) }),
        wins: false,
        noted: Noted {
            time_left_ms: 1000,
            scan_rate: 20_000_000,
            rates: vec![(1, 5_000_000)],
            arranged: Some(arranged),
            plans: vec![plan],
            plans_left_out: 3,
            bests: vec![Score::new([3; 32])],
            reads: vec![Read { plot: 0, on: reads, jumps: reads }],
        },
    }
}

fn jobs(file: &Path) -> Vec<u64> {
    let record = load(file, usize::MAX).unwrap();
    record.challenges.iter().map(|recorded| recorded.entry.job).collect()
}

#[test]
fn what_is_written_is_read() {
    let (_folder, file) = folder();
    let mut writer = Writer::open(&file, LIMIT, run("one")).unwrap();
    writer.add(entry(1), &plots(1)).unwrap();
    writer.add(entry(2), &plots(2)).unwrap();
    drop(writer);
    let mut writer = Writer::open(&file, LIMIT, run("two")).unwrap();
    writer.add(entry(1), &plots(2)).unwrap();
    let record = load(&file, usize::MAX).unwrap();
    assert_eq!((record.damaged, record.is_cut), (0, false));
    let read = |at: usize| &record.challenges[at];
    assert_eq!(record.challenges.len(), 3);
    assert_eq!(
        (&read(0).entry, &*read(0).run, &read(0).plots),
        (&entry(1), &run("one"), &plots(1))
    );
    assert_eq!((&read(1).entry, &read(1).plots), (&entry(2), &plots(2)));
    assert_eq!((&read(2).entry, &*read(2).run), (&entry(1), &run("two")));
    let last = load(&file, 2).unwrap().challenges;
    assert_eq!(last.iter().map(|recorded| recorded.entry.job).collect::<Vec<_>>(), [2, 1]);
}

#[test]
fn it_stays_within_its_limit_after_100_000_challenges_and_has_the_newest() {
    let (_folder, file) = folder();
    let mut writer = Writer::open(&file, LIMIT, run("one")).unwrap();
    let size = |file: &Path| fs::metadata(file).map_or(0, |file| file.len());
    for job in 1..=100_000 {
        writer.add(entry(job), &plots(1 + job / 30_000)).unwrap();
        if job % 100 == 0 {
            let bytes = size(&file) + size(&older(&file));
            assert!(bytes <= LIMIT, "{bytes} bytes after {job}");
        }
    }
    let jobs = jobs(&file);
    assert_eq!(jobs.last(), Some(&100_000));
    let first = jobs[0];
    assert!(jobs.iter().copied().eq(first..=100_000), "none is missing in between");
    // More than what the newer file alone can hold.
    let line = serde_json::to_string(&entry(100_000)).unwrap().len();
    assert!(jobs.len() * line * 2 > LIMIT as usize, "{} challenges", jobs.len());
}

/// Wherever a power cut ends the file, the lines before are read, and what is
/// written later is.
#[test]
fn a_cut_line_is_left_out_and_told_of() {
    let (_folder, file) = folder();
    let mut writer = Writer::open(&file, LIMIT, run("one")).unwrap();
    writer.add(entry(1), &plots(1)).unwrap();
    let whole = fs::metadata(&file).unwrap().len();
    writer.add(entry(2), &plots(1)).unwrap();
    drop(writer);
    let bytes = fs::read(&file).unwrap();
    for end in (whole + 1..bytes.len() as u64).step_by(37).chain([bytes.len() as u64 - 1]) {
        fs::write(&file, &bytes[..end as usize]).unwrap();
        let record = load(&file, usize::MAX).unwrap();
        assert_eq!((record.challenges.len(), record.damaged, record.is_cut), (1, 1, true), "{end}");
        let mut writer = Writer::open(&file, LIMIT, run("two")).unwrap();
        writer.add(entry(9), &plots(1)).unwrap();
        let record = load(&file, usize::MAX).unwrap();
        let jobs: Vec<u64> = record.challenges.iter().map(|recorded| recorded.entry.job).collect();
        // Its newline alone is no loss.
        let is_whole = end == bytes.len() as u64 - 1;
        assert_eq!(jobs, if is_whole { vec![1, 2, 9] } else { vec![1, 9] }, "{end}");
        assert_eq!((record.damaged, record.is_cut), (u64::from(!is_whole), false), "{end}");
    }
}

#[test]
fn lines_that_are_none_are_left_out_and_those_of_later_kinds_are_no_damage() {
    let (_folder, file) = folder();
    let mut writer = Writer::open(&file, LIMIT, run("one")).unwrap();
    writer.add(entry(1), &plots(1)).unwrap();
    let mut raw = OpenOptions::new().append(true).open(&file).unwrap();
    for line in ["{\"kind\":\"weather\",\"rain\":true}\n", "\0\0\0\n", "[1]\n", "\n"] {
        raw.write_all(line.as_bytes()).unwrap();
    }
    // A challenge with a plot that is not there.
    let mut beyond = entry(2);
    beyond.noted.plans[0].plot = 1;
    writer.add(beyond, &plots(1)).unwrap();
    writer.add(entry(3), &plots(1)).unwrap();
    let record = load(&file, usize::MAX).unwrap();
    assert_eq!(jobs(&file), [1, 3]);
    assert_eq!((record.damaged, record.is_cut), (3, false));
}

/// What it was about is not known then.
#[test]
fn challenges_after_a_damaged_beginning_are_left_out() {
    let (_folder, file) = folder();
    let mut writer = Writer::open(&file, LIMIT, run("one")).unwrap();
    writer.add(entry(1), &plots(1)).unwrap();
    writer.add(entry(2), &plots(2)).unwrap();
    drop(writer);
    let text = fs::read_to_string(&file).unwrap();
    let damaged = text.replacen("\"readers\":1", "\"readers\":-1", 1);
    fs::write(&file, damaged).unwrap();
    assert_eq!(jobs(&file), [] as [u64; 0]);
    let second = text.rfind("{\"kind\":\"plots\"").unwrap();
    let damaged = format!("{}{}", &text[..second], text[second..].replacen('7', "x", 1));
    fs::write(&file, damaged).unwrap();
    assert_eq!(jobs(&file), [1]);
}

#[test]
fn a_later_format_is_refused_by_its_number() {
    let (_folder, file) = folder();
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(&file, "{\"kind\":\"run\",\"record\":2,\"name\":\"later\"}\n").unwrap();
    let error = load(&file, 1).unwrap_err();
    assert!(matches!(error, LoadError::TooNew { found: 2, .. }), "{error}");
    fs::remove_file(&file).unwrap();
    assert!(matches!(load(&file, 1), Err(LoadError::Missing(_))));
}

#[test]
fn two_miners_do_not_write_one_record() {
    let (_folder, file) = folder();
    let writer = Writer::open(&file, LIMIT, run("one")).unwrap();
    assert!(matches!(Writer::open(&file, LIMIT, run("two")), Err(WriteError::InUse(_))));
    drop(writer);
    Writer::open(&file, LIMIT, run("two")).unwrap();
}

#[test]
fn what_does_not_fit_is_refused_and_a_lower_limit_is_kept_to() {
    let (_folder, file) = folder();
    let mut writer = Writer::open(&file, LIMIT, run("one")).unwrap();
    (1..=300).for_each(|job| writer.add(entry(job), &plots(1)).unwrap());
    let error = writer.add(entry(301), &plots(5000)).unwrap_err();
    assert!(matches!(error, WriteError::TooLarge { .. }), "{error}");
    writer.add(entry(302), &plots(1)).unwrap();
    assert!(older(&file).exists());
    drop(writer);
    let limit = 64 << 10;
    let mut writer = Writer::open(&file, limit, run("two")).unwrap();
    writer.add(entry(1), &plots(1)).unwrap();
    let size = |file: &Path| fs::metadata(file).map_or(0, |file| file.len());
    assert!(size(&file) + size(&older(&file)) <= limit);
    assert_eq!(jobs(&file).last(), Some(&1));
}

/// The first thing that goes wrong is told, and what comes after it is
/// recorded as soon as that can be.
#[test]
fn a_record_that_cannot_be_written_is_one_fault() {
    let (_folder, file) = folder();
    fs::create_dir_all(file.join("in the way")).unwrap();
    let faults: Arc<Mutex<Vec<String>>> = Arc::default();
    let told = faults.clone();
    let tell = move |fault: crate::observe::Fault| told.lock().unwrap().push(fault.message);
    let recorder = Recorder::start(file.clone(), LIMIT, run("one"), tell).unwrap();
    for job in 1..=50 {
        recorder.record(entry(job), plots(1));
    }
    recorder.finish(Duration::from_secs(60));
    let faults = faults.lock().unwrap();
    assert!(faults.len() == 1 && faults[0].contains("challenges.jsonl"), "{faults:?}");
}
