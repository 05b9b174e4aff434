//! Plays the steps of a case on our plot set, and compares what comes of it.
//!
//! There is no `add`: the folder of an added path is searched from then on.
//! Nor is there a `save`: the set writes when there is something new, so a
//! plot turns up in a folder of its own when the whole file is to be seen.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fs,
    path::{Path, PathBuf},
};

use serde_json::{Value, json};
use spacetime_core::{
    plots::{LeafSource, PlotFile, PlotSet},
    proof::prove,
};
use spacetime_protocol::{Challenge, Leaf, Score, score::score};

use crate::{
    common::Case,
    files::{self, METADATA, Truth, truth},
    rules::{Entry, FIELDS, Rule, expected, line, path_of},
};

/// Where plots turn up that make the set write.
const LATE: &str = "late";

/// What was compared.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    pub(crate) rules: BTreeSet<Rule>,
    /// Entries, field by field, and how many of them as text too.
    pub(crate) entries: usize,
    pub(crate) texts: usize,
    pub(crate) proofs: usize,
}

pub(crate) struct Player<'a> {
    case: &'a Case,
    out: &'a Entry,
    initial: Option<Vec<u8>>,
    folders: Vec<PathBuf>,
    set: Option<PlotSet>,
    /// Plots that our set must have found by itself, and every such event.
    found: BTreeSet<String>,
    appeared: Vec<String>,
    /// What valid plots were when the set last looked.
    last_valid: HashMap<String, Truth>,
    statuses: BTreeMap<String, Value>,
    ids: BTreeSet<String>,
    ours_appeared: Vec<String>,
    /// The file before a plot turned up.
    quiet: Option<Option<Vec<u8>>>,
    turned_up: usize,
    has_other_counts: bool,
    outcome: Outcome,
}

impl<'a> Player<'a> {
    pub(crate) fn new(case: &'a Case) -> Self {
        let text = case.text("metadata_text").map(|text| text.as_bytes().to_vec());
        Self {
            case,
            out: case.outcome.as_ref().unwrap(),
            initial: text.or_else(|| case.bytes("metadata_hex")),
            folders: vec![LATE.into()],
            set: None,
            found: BTreeSet::new(),
            appeared: Vec::new(),
            last_valid: HashMap::new(),
            statuses: BTreeMap::new(),
            ids: BTreeSet::new(),
            ours_appeared: Vec::new(),
            quiet: None,
            turned_up: 0,
            has_other_counts: false,
            outcome: Outcome::default(),
        }
    }

    pub(crate) fn play(mut self) -> Outcome {
        fs::create_dir(LATE).unwrap();
        self.case.value("files").as_array().unwrap().iter().for_each(files::make);
        if let Some(text) = &self.initial {
            files::write(METADATA, text);
        }
        let steps = self.case.value("steps").as_array().unwrap();
        for (step, theirs) in steps.iter().zip(self.out["steps"].as_array().unwrap()) {
            if !self.step(step, theirs) {
                break;
            }
        }
        if !self.outcome.rules.contains(&Rule::Refused) {
            self.finish();
        }
        self.outcome
    }

    fn id(&self) -> &str {
        &self.case.id
    }

    fn rule(&mut self, rule: Rule) {
        self.outcome.rules.insert(rule);
    }

    /// Plays a step; `false`: the rest cannot be played.
    fn step(&mut self, step: &Value, theirs: &Value) -> bool {
        let path = step["path"].as_str().unwrap_or_default();
        match step["do"].as_str().unwrap() {
            "load" => return self.load(theirs),
            "add" => return self.add(path, theirs),
            "refresh" => self.refresh(&theirs["ok"]),
            "save" => self.turn_up(),
            "counts" => self.counts(&theirs["ok"]),
            "get" => self.get(step["id_of_path"].as_str().unwrap(), &theirs["ok"]),
            "remove" => self.remove(step["id_of_path"].as_str().unwrap(), &theirs["ok"]),
            "generate_proof" => self.proof(step, theirs),
            "new_manager" => self.set = None,
            "dispose" => {
                self.set = None;
                self.rule(Rule::Moved);
                return false;
            }
            "write_file" => {
                files::write(path, &const_hex::decode(step["hex"].as_str().unwrap()).unwrap());
            }
            "copy_file" => files::write(path, &fs::read(step["from"].as_str().unwrap()).unwrap()),
            "delete_file" => fs::remove_file(path).unwrap(),
            "write_metadata" => files::write(METADATA, step["text"].as_str().unwrap().as_bytes()),
            "delete_metadata" => fs::remove_file(METADATA).unwrap(),
            "metadata_folder" => fs::create_dir_all(METADATA).unwrap(),
            other => panic!("{}: unknown step {other}", self.id()),
        }
        true
    }

    fn load(&mut self, theirs: &Value) -> bool {
        self.set = None;
        if Path::new(METADATA).is_dir() {
            let before = files::all();
            PlotSet::open(&self.folders, Path::new(METADATA)).unwrap_err();
            assert_eq!(files::all(), before, "{}", self.id());
            self.rule(Rule::Refused);
            return false;
        }
        let backups = files::backups().len();
        self.open();
        if files::backups().len() > backups {
            // What was in memory went with the file.
            self.found.clear();
            self.looked();
        }
        if theirs.get("error").is_some() {
            assert_eq!(files::backups().len(), backups + 1, "{}", self.id());
            self.rule(Rule::KeptAside);
        }
        true
    }

    fn open(&mut self) {
        self.set = None;
        let (set, _) = PlotSet::open(&self.folders, Path::new(METADATA)).unwrap();
        self.set = Some(set);
        self.looked();
    }

    /// Our set has looked at its plots just now.
    fn looked(&mut self) {
        for folder in self.folders.clone() {
            let Ok(entries) = fs::read_dir(&folder) else { continue };
            for path in entries.map(|entry| folder.join(entry.unwrap().file_name())) {
                let text = path.to_str().unwrap();
                if text.ends_with(".plot") && !path.is_dir() && !self.is_known(text) {
                    self.found.insert(text.to_owned());
                    self.appeared.push(text.to_owned());
                }
            }
        }
        for path in files::all() {
            let truth = truth(Some(&path));
            if matches!(truth, Truth::Valid { .. }) {
                self.last_valid.insert(path, truth);
            }
        }
        if !Path::new(METADATA).exists() {
            // It was deleted, and there was nothing new to write.
            return;
        }
        let entries = ours();
        let ids: BTreeSet<String> = entries.iter().map(|entry| text(entry, "plot_id")).collect();
        for entry in &entries {
            let is_new = !self.ids.contains(&text(entry, "plot_id"));
            let is_found = path_of(entry).is_some_and(|path| self.found.contains(path));
            if is_new && is_found {
                self.ours_appeared.push(text(entry, "file_path"));
            }
        }
        self.ids = ids;
        self.statuses = statuses(&entries);
    }

    fn is_known(&self, path: &str) -> bool {
        let file = fs::canonicalize(path).ok();
        let is_same =
            |known: &str| known == path || file.is_some() && fs::canonicalize(known).ok() == file;
        let recorded = self.recorded();
        path.starts_with(LATE)
            || self.found.iter().any(|known| is_same(known))
            || recorded.iter().filter_map(|entry| path_of(entry)).any(is_same)
    }

    /// Entries of the reference that were not added in this case.
    fn recorded(&self) -> Vec<Entry> {
        if self.outcome.rules.contains(&Rule::KeptAside) {
            return Vec::new();
        }
        let added = self.added();
        let is_recorded = |entry: &&Entry| !added.contains(&text(entry, "plot_id"));
        self.theirs().iter().filter(is_recorded).cloned().collect()
    }

    /// Ids of the entries that the reference's `add` made.
    fn added(&self) -> BTreeSet<String> {
        let steps = self.case.value("steps").as_array().unwrap().iter();
        let results = steps.zip(self.out["steps"].as_array().unwrap());
        let mut ids = BTreeSet::new();
        for (_, result) in results.filter(|(step, _)| step["do"] == "add") {
            if let Some(id) = result["ok"]["plot_id"].as_str()
                && !self.initial_text().contains(id)
            {
                ids.insert(id.to_owned());
            }
        }
        // One whose `add` ended in an error.
        let is_new = |entry: &&Entry| {
            entry["cache_file_path"].is_null()
                && entry["time_kind"] == "Utc"
                && !self.initial_text().contains(&text(entry, "plot_id"))
        };
        ids.extend(self.theirs().iter().filter(is_new).map(|entry| text(entry, "plot_id")));
        ids
    }

    fn initial_text(&self) -> String {
        String::from_utf8_lossy(self.initial.as_deref().unwrap_or_default()).to_lowercase()
    }

    /// The reference's entries at the end.
    fn theirs(&self) -> Vec<Entry> {
        let list = |value: &Value| -> Vec<Entry> {
            let entries = value.as_array().into_iter().flatten();
            entries.filter_map(|entry| entry.as_object().cloned()).collect()
        };
        match self.out.get("entries") {
            Some(entries) => list(entries),
            // It was closed before they could be asked for.
            None => {
                let results = self.out["steps"].as_array().unwrap().iter();
                list(&results.map(|result| result["ok"].clone()).collect())
            }
        }
    }

    fn add(&mut self, path: &str, theirs: &Value) -> bool {
        if path.trim().is_empty() {
            assert!(theirs.get("error").is_some(), "{}", self.id());
            self.rule(Rule::NoPath);
            return true;
        }
        let folder = Path::new(path).parent().unwrap().to_owned();
        if !self.folders.contains(&folder) {
            self.folders.push(folder);
        }
        self.open();
        let Some(theirs) = theirs["ok"].as_object() else { panic!("{}: {theirs}", self.id()) };
        self.entry(theirs);
        true
    }

    /// Compares an entry at this moment.
    fn entry(&mut self, theirs: &Entry) {
        let path = path_of(theirs).unwrap();
        let ours = ours().into_iter().find(|ours| path_of(ours) == Some(path));
        let Some(ours) = ours else { return self.absent(theirs) };
        let (wanted, rules) = self.expected(theirs);
        for (_, name) in FIELDS.iter().filter(|(_, name)| !is_own(name)) {
            assert_eq!(ours[*name], wanted[*name], "{}: {name} of {path}", self.case.id);
        }
        self.outcome.rules.extend(rules);
    }

    /// We have no entry where the reference has one.
    fn absent(&mut self, theirs: &Entry) {
        let path = path_of(theirs).unwrap();
        let is_other_spelling = fs::canonicalize(path).is_ok_and(|file| {
            self.found.iter().any(|known| fs::canonicalize(known).is_ok_and(|known| known == file))
        });
        if is_other_spelling {
            return self.rule(Rule::OnePlotPerFile);
        }
        assert!(!Path::new(path).is_file(), "{}: {path} is not recorded", self.case.id);
        self.rule(Rule::Unrecorded);
    }

    fn expected(&self, theirs: &Entry) -> (Entry, Vec<Rule>) {
        let path = path_of(theirs);
        expected(
            theirs,
            self.recorded_cache(theirs).as_deref(),
            path.and_then(|path| self.last_valid.get(path)),
        )
    }

    /// What the file told of an entry's cache at the beginning.
    fn recorded_cache(&self, theirs: &Entry) -> Option<String> {
        let text = self.initial_text();
        let entries: Vec<Value> = serde_json::from_str(&text).unwrap_or_default();
        let id = theirs["plot_id"].as_str();
        let entry = entries.into_iter().find(|entry| entry["plotid"].as_str() == id)?;
        entry["cachefilepath"].as_str().map(str::to_owned)
    }

    fn refresh(&mut self, theirs: &Value) {
        let before = self.statuses.clone();
        self.set.as_mut().unwrap().rescan();
        self.looked();
        let changed =
            |(id, status): &(&String, &Value)| before.get(*id).is_some_and(|b| b != *status);
        let ours = self.statuses.iter().filter(changed).count();
        if *theirs != ours {
            // It was seen when the set was opened.
            self.rule(Rule::Looked);
        }
    }

    fn counts(&mut self, theirs: &Value) {
        let entries = ours();
        let valid = entries.iter().filter(|entry| entry["status"] == "Valid").count();
        let space: i128 = entries
            .iter()
            .map(|entry| i128::from(entry["space_allocated_bytes"].as_i64().unwrap()))
            .sum();
        let ours = json!({ "total": entries.len(), "valid": valid, "space_allocated_bytes": space as i64 });
        self.has_other_counts |= ours != *theirs;
    }

    fn get(&mut self, path: &str, theirs: &Value) {
        match theirs.as_object() {
            Some(theirs) => self.entry(theirs),
            None => assert!(ours().iter().all(|ours| path_of(ours) != Some(path)), "{}", self.id()),
        }
    }

    /// Forgets a plot, whose folder is not searched any more.
    fn remove(&mut self, path: &str, theirs: &Value) {
        self.set = None;
        let unknown = PlotSet::forget(Path::new(METADATA), &[path.into()]).unwrap();
        assert_eq!(unknown.is_empty(), *theirs, "{}", self.id());
        self.found.remove(path);
        self.folders.truncate(1);
        self.open();
    }

    fn proof(&mut self, step: &Value, theirs: &Value) {
        let challenge = step["challenge"].as_str().map(|hex| const_hex::decode(hex).unwrap());
        let Some(challenge) = challenge.and_then(|bytes| <[u8; 32]>::try_from(bytes).ok()) else {
            assert!(theirs.get("error").is_some(), "{}", self.id());
            return self.rule(Rule::Typed);
        };
        let ours = self.set.as_ref().and_then(|set| best(set, &challenge.into()));
        let theirs = theirs.get("ok");
        if theirs.is_some_and(Value::is_null) {
            // A damaged cache silences a plot there.
            assert!(ours.is_some(), "{}", self.id());
            return self.rule(Rule::ProvedAllTheSame);
        }
        if let (Some(ours), Some(theirs)) = (&ours, theirs)
            && ours["merkle_root"] != theirs["merkle_root"]
        {
            let is_open = |truth: &Truth| matches!(truth, Truth::Valid { root, .. } if theirs["merkle_root"] == root.to_string());
            assert!(!self.last_valid.values().any(is_open), "{}: {ours}", self.id());
            return self.rule(Rule::Looked);
        }
        assert_eq!(ours.as_ref(), theirs, "{}", self.id());
        self.outcome.proofs += 1;
    }

    /// A new plot: the set has something to write.
    fn turn_up(&mut self) {
        if self.set.is_none() {
            self.open();
        }
        self.quiet.get_or_insert_with(|| fs::read(METADATA).ok());
        self.turned_up += 1;
        let spec = json!({
            "miner_public_key": "11".repeat(32), "plot_seed": format!("{:064x}", self.turned_up), "leaf_count": 1
        });
        files::write(&format!("{LATE}/{}.plot", self.turned_up), &files::plot(&spec));
        self.set.as_mut().unwrap().rescan();
        self.looked();
    }

    fn finish(&mut self) {
        let is_closed = self.outcome.rules.contains(&Rule::Moved);
        self.compare_files();
        if !is_closed {
            self.turn_up();
        }
        self.compare_entries();
        self.compare_open();
        self.compare_quiet();
        let (mut wanted, mut ours) = (self.appeared.clone(), self.ours_appeared.clone());
        wanted.sort();
        ours.sort();
        assert_eq!(ours, wanted, "{}: entries that appeared", self.id());
        if let Some(theirs) = self.out.get("added") {
            let mut theirs: Vec<String> = serde_json::from_value(theirs.clone()).unwrap();
            theirs.sort();
            let may_differ = [Rule::OnePlotPerFile, Rule::Unrecorded];
            let differs = may_differ.iter().any(|rule| self.outcome.rules.contains(rule));
            assert!(theirs == wanted || differs, "{}: {theirs:?}, {wanted:?}", self.id());
        }
        if self.out.contains_key("space_allocated_bytes_error") {
            self.rule(Rule::NoSum);
        }
        assert!(!self.has_other_counts || !self.outcome.rules.is_empty(), "{}: counts", self.id());
    }

    /// Which files there are, and that a backup holds what the file held.
    fn compare_files(&mut self) {
        let backups = files::backups();
        let mut ours: BTreeSet<String> =
            files::all().into_iter().filter(|name| !name.starts_with(LATE)).collect();
        for backup in &backups {
            ours.remove(backup);
            ours.insert(format!("{METADATA}.corrupt.<time>"));
        }
        let mut theirs: BTreeSet<String> =
            serde_json::from_value(self.out["files_after"].clone()).unwrap();
        let is_deleted = self
            .case
            .value("steps")
            .as_array()
            .unwrap()
            .iter()
            .any(|step| step["do"] == "delete_metadata");
        if !is_deleted
            && (self.set.is_some() || Path::new(METADATA).exists())
            && theirs.insert(METADATA.to_owned())
        {
            self.rule(Rule::Held);
        }
        if self.outcome.rules.contains(&Rule::KeptAside) {
            theirs.insert(format!("{METADATA}.corrupt.<time>"));
        }
        assert_eq!(ours, theirs, "{}", self.id());
        if self.out.get("backup_same") == Some(&Value::Bool(true))
            || self.outcome.rules.contains(&Rule::KeptAside)
        {
            assert_eq!(Some(fs::read(&backups[0]).unwrap()), self.initial, "{}", self.id());
        }
    }

    fn compare_entries(&mut self) {
        let mut ours: Vec<Entry> = ours();
        let blocks = own_blocks();
        assert_eq!(blocks.len(), ours.len() + self.turned_up.min(blocks.len() - ours.len()));
        let theirs_text = self.out.get("metadata_after").and_then(Value::as_str).map(str::to_owned);
        let is_written = self.out.get("metadata_unchanged") == Some(&Value::Bool(false));
        let theirs_blocks =
            theirs_text.filter(|_| is_written).as_deref().map(by_id).unwrap_or_default();
        let recorded = self.recorded();
        let mut unseen = self.found.clone();
        for theirs in self.theirs() {
            let is_recorded = recorded.contains(&theirs);
            let is_found = path_of(&theirs).is_some_and(|path| unseen.remove(path));
            if !is_recorded && !is_found {
                if !self.outcome.rules.contains(&Rule::KeptAside) {
                    self.absent(&theirs);
                }
                continue;
            }
            let (mut wanted, rules) = self.expected(&theirs);
            self.outcome.rules.extend(rules);
            let at = ours.iter().position(|ours| {
                ours["file_path"] == wanted["file_path"]
                    && (!is_recorded || ours["plot_id"] == wanted["plot_id"])
            });
            let entry =
                ours.remove(at.unwrap_or_else(|| panic!("{}: no {wanted:?}", self.case.id)));
            if !is_recorded {
                is_fresh(&entry);
                for name in ["plot_id", "created_at_utc"] {
                    wanted[name] = entry[name].clone();
                }
            }
            assert_eq!(entry, wanted, "{}", self.id());
            self.outcome.entries += 1;
            if let Some(theirs) = theirs_blocks.get(&text(&theirs, "plot_id")) {
                let block = &blocks[&text(&entry, "plot_id")];
                assert_eq!(*block, as_text(&wanted, theirs), "{}", self.id());
                self.outcome.texts += 1;
            }
        }
        self.found_by_us(unseen, ours);
    }

    /// Plots that only we have: files of their own (D21), or found again.
    fn found_by_us(&mut self, unseen: BTreeSet<String>, ours: Vec<Entry>) {
        let left: BTreeSet<String> = ours.iter().map(|entry| text(entry, "file_path")).collect();
        assert_eq!(left, unseen, "{}: entries of ours", self.id());
        for entry in &ours {
            is_fresh(entry);
            let Truth::Valid { root, len } = truth(path_of(entry)) else { panic!("{entry:?}") };
            assert_eq!(entry["merkle_root"], root.to_string(), "{}", self.id());
            assert_eq!(
                (&entry["space_allocated_bytes"], &entry["status"]),
                (&len.into(), &"Valid".into())
            );
            self.rule(Rule::OnePlotPerFile);
        }
    }

    fn compare_open(&mut self) {
        let Some(set) = &self.set else { return };
        let name = |plot: &std::sync::Arc<PlotFile>| plot.path().to_str().unwrap().to_owned();
        let plots: BTreeSet<String> = set.plots().iter().map(name).collect();
        assert_eq!(plots.len(), set.plots().len(), "{}: a plot twice", self.id());
        let valid = |entry: &Entry| entry["status"] == "Valid";
        let wanted: BTreeSet<String> =
            ours().iter().filter(|e| valid(e)).map(|e| text(e, "file_path")).collect();
        let ours: BTreeSet<String> =
            plots.into_iter().filter(|path| !path.starts_with(LATE)).collect();
        assert_eq!(ours, wanted, "{}: open plots", self.id());
        let theirs: Vec<String> = serde_json::from_value(self.out["open_plots"].clone()).unwrap();
        if theirs.len() > 1 && theirs.windows(2).any(|two| two[0] == two[1]) {
            self.outcome.rules.insert(Rule::OnePlotPerFile);
        }
        let theirs: BTreeSet<String> = theirs.into_iter().collect();
        assert!(theirs == ours || !self.outcome.rules.is_empty(), "{}: {theirs:?}", self.id());
    }

    /// Nothing was written while there was nothing new to write.
    fn compare_quiet(&mut self) {
        let steps = self.case.value("steps").as_array().unwrap();
        let is_touched =
            steps.iter().any(|step| step["do"].as_str().unwrap().ends_with("metadata"));
        let (Some(initial), Some(quiet)) = (&self.initial, &self.quiet) else { return };
        if is_touched || !self.appeared.is_empty() || !files::backups().is_empty() {
            return;
        }
        let now: BTreeMap<String, Entry> =
            ours().into_iter().map(|entry| (text(&entry, "plot_id"), entry)).collect();
        let names = ["status", "merkle_root", "space_allocated_bytes", "cache_file_path"];
        let is_same = |before: &Entry| {
            let now = now.get(&text(before, "plot_id").to_lowercase());
            now.is_none_or(|now| names.iter().all(|name| now[*name] == before[*name]))
        };
        if parsed(initial).iter().all(is_same) {
            assert_eq!(quiet.as_ref(), Some(initial), "{}", self.case.id);
            let is_saved = self.out.get("metadata_unchanged") == Some(&Value::Bool(false));
            if is_saved {
                self.rule(Rule::WrittenWhenChanged);
            }
        }
    }
}

/// The best leaf of all open plots, its path led to the root.
fn best(set: &PlotSet, challenge: &Challenge) -> Option<Value> {
    let mut best: Option<(Score, u64, Leaf, std::sync::Arc<PlotFile>)> = None;
    for plot in set.plots().iter() {
        for index in 0..plot.leaf_count() {
            let mut bytes = [0; 32];
            plot.read(index, &mut bytes).unwrap();
            let leaf = Leaf::from(bytes);
            let score = score(challenge, &leaf);
            if best.as_ref().is_none_or(|(best, ..)| score.as_bytes() < best.as_bytes()) {
                best = Some((score, index, leaf, plot.clone()));
            }
        }
    }
    let (score, index, leaf, plot) = best?;
    let proof = prove(&plot, index, &leaf).unwrap();
    assert_eq!(proof.path.root(leaf.as_bytes()), plot.header().root);
    Some(json!({ "leaf_index": index, "score": score, "merkle_root": plot.header().root }))
}

/// Our entries, as far as the file can be read: by the names of the data.
fn ours() -> Vec<Entry> {
    parsed(&fs::read(METADATA).unwrap_or_default())
}

fn parsed(bytes: &[u8]) -> Vec<Entry> {
    let text = String::from_utf8_lossy(bytes).into_owned();
    let entries: Vec<Value> =
        serde_json::from_str(text.trim_start_matches('\u{feff}')).unwrap_or_default();
    let default = |name: &str| match name {
        "spaceAllocatedBytes" => json!(0),
        "plotId" => json!("00000000-0000-0000-0000-000000000000"),
        _ => json!(""),
    };
    let convert = |entry: &Value| -> Entry {
        let value = |name: &str| entry.get(name).cloned().unwrap_or_else(|| default(name));
        FIELDS
            .iter()
            .map(|(member, name)| {
                let value = match (*member, value(member)) {
                    ("merkleRoot", Value::String(text)) => const_hex::encode(decoded(&text)).into(),
                    (_, value) => value,
                };
                ((*name).to_owned(), value)
            })
            .collect()
    };
    let entries = entries.iter().map(convert);
    entries.filter(|entry| path_of(entry).is_none_or(|path| !path.starts_with(LATE))).collect()
}

fn decoded(text: &str) -> Vec<u8> {
    base64::Engine::decode(&base64::prelude::BASE64_STANDARD, text).unwrap_or_default()
}

fn statuses(entries: &[Entry]) -> BTreeMap<String, Value> {
    entries.iter().map(|entry| (text(entry, "plot_id"), entry["status"].clone())).collect()
}

fn text(entry: &Entry, name: &str) -> String {
    entry[name].as_str().unwrap_or_default().to_owned()
}

/// What is drawn, or comes from the clock.
fn is_own(name: &str) -> bool {
    matches!(name, "plot_id" | "created_at_utc")
}

fn is_fresh(entry: &Entry) {
    let id = text(entry, "plot_id");
    assert!(id.len() == 36 && &id[14..15] == "4" && id.to_lowercase() == id, "{id}");
    let time = text(entry, "created_at_utc");
    assert!(time.starts_with("20") && time.ends_with('Z') && time.len() >= 20, "{time}");
}

/// The file's entries as text, by id; the text around them is as it must be.
fn by_id(text: &str) -> BTreeMap<String, String> {
    if text == "[]" {
        return BTreeMap::new();
    }
    let inner = text.strip_prefix("[\n  {\n").and_then(|text| text.strip_suffix("\n  }\n]"));
    let blocks = inner.unwrap_or_else(|| panic!("{text}")).split("\n  },\n  {\n");
    let id = |block: &str| block.split('"').nth(3).unwrap().to_owned();
    blocks.map(|block| (id(block), block.to_owned())).collect()
}

fn own_blocks() -> BTreeMap<String, String> {
    by_id(&fs::read_to_string(METADATA).unwrap())
}

/// An entry's text: the reference's own lines wherever it has the same value.
fn as_text(wanted: &Entry, theirs: &str) -> String {
    let lines = theirs.lines().zip(FIELDS).map(|(theirs, (member, name))| {
        let value = theirs.split_once(": ").unwrap().1.trim_end_matches(',');
        let mut value: Value = serde_json::from_str(value).unwrap();
        if member == "merkleRoot" {
            value = const_hex::encode(decoded(value.as_str().unwrap())).into();
        }
        if value == wanted[name] { theirs.to_owned() } else { line(member, &wanted[name], theirs) }
    });
    lines.collect::<Vec<_>>().join("\n")
}
