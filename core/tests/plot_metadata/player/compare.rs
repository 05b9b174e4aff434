//! What is compared at the end of a case.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use serde_json::Value;
use spacetime_core::plots::{LeafSource, PlotFile};

use super::{LATE, Player};
use crate::{
    entries::{as_text, by_id, is_fresh, ours, own_blocks, parsed, text},
    files::{self, METADATA, Truth, truth},
    rules::{Entry, Rule, path_of},
};

impl Player<'_> {
    /// Compares all that there is at the end.
    pub(super) fn finish(&mut self) {
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
