//! Plays the steps of a case on our plot set, and compares what comes of it.
//!
//! There is no `add`: the folder of an added path is searched from then on.
//! Nor is there a `save`: the set writes when there is something new, so a
//! plot turns up in a folder of its own when the whole file is to be seen.

mod compare;

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
    entries::{is_own, ours, statuses, text},
    files::{self, METADATA, Truth, truth},
    rules::{Entry, FIELDS, Rule, expected, path_of},
};

/// Where plots turn up that make the set write.
pub(crate) const LATE: &str = "late";

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
