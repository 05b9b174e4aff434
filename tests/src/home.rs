//! A miner's home: a temporary folder with a manifest, and what the programs
//! under test make of it.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use serde_json::Value;
use tempfile::TempDir;

use crate::{
    artifacts::{plugin, program, target_folder},
    process::{Ended, Miner, run_to_end},
};

/// A miner's home.
pub struct Home {
    folder: TempDir,
    entries: BTreeMap<String, String>,
    /// Files, and what else their entries say.
    plugins: Vec<(PathBuf, String)>,
}

impl Default for Home {
    fn default() -> Self {
        Self::new()
    }
}

impl Home {
    /// One whose manifest mines on the embedded chain: every leaf in order, by
    /// fee, and with a key and a small plot made on the first run.
    pub fn new() -> Self {
        let entries = [
            ("plot_directory", "\"plots\""),
            ("plot_metadata_path", "\"plots.json\""),
            ("private_key_path", "\"key\""),
            ("network_id", "\"local\""),
            ("data_directory", "\"data\""),
            ("strategy", "(name: \"full\")"),
            ("policy", "(name: \"fee-priority\")"),
            ("transports", "[(name: \"solo\")]"),
            ("first_run", "(create_key: true, plot_size: \"1MiB\")"),
            // Shared by all homes: large files, copied once.
            ("plugin_cache", &format!("{:?}", target_folder().join("test-plugin-cache"))),
        ];
        let entries = entries.map(|(key, value)| (key.to_owned(), value.to_owned()));
        let plugins = ["strategy-full", "policy-fee-priority", "transport-solo"];
        let plugins = plugins.map(|name| (plugin(&format!("spacetime-{name}")), String::new()));
        let home = Self {
            folder: tempfile::tempdir().unwrap(),
            entries: entries.into(),
            plugins: plugins.into(),
        };
        home.write();
        home
    }

    /// One on a network whose windows last an hour: no scan ends early by one,
    /// and what is seen is the first scan.
    pub fn with_long_windows() -> Self {
        Self::new().with_network("local", |network| network["epoch_seconds"] = 3600.into())
    }

    /// Sets the network: a built-in one, changed.
    #[must_use]
    pub fn with_network(self, network: &str, change: impl FnOnce(&mut Value)) -> Self {
        let arguments = ["genesis", "--json", "--network", network];
        let node = program("spacetime-node");
        let mut network = run_to_end(&node, self.folder.path(), &arguments).document();
        change(&mut network);
        fs::write(self.path("network.json"), network.to_string()).unwrap();
        self.unset("network_id").set("network_file", "\"network.json\"")
    }

    /// Sets an entry of the manifest, in RON.
    #[must_use]
    pub fn set(mut self, key: &str, value: &str) -> Self {
        self.entries.insert(key.to_owned(), value.to_owned());
        self.write();
        self
    }

    /// Takes an entry away.
    #[must_use]
    pub fn unset(mut self, key: &str) -> Self {
        self.entries.remove(key).expect("it was there");
        self.write();
        self
    }

    /// Lists a plugin file.
    #[must_use]
    pub fn plugin(self, file: &Path) -> Self {
        self.plugin_with(file, "")
    }

    /// Lists a plugin file that does not lie with the miner, whoever made it.
    #[must_use]
    pub fn outside_plugin(self, file: &Path) -> Self {
        self.plugin_with(file, "trust: any")
    }

    /// Lists a plugin file with more fields in its entry.
    #[must_use]
    pub fn plugin_with(mut self, file: &Path, fields: &str) -> Self {
        self.plugins.push((file.to_owned(), fields.to_owned()));
        self.write();
        self
    }

    /// Lists the plugin that fails on command.
    #[must_use]
    pub fn misbehaving(self) -> Self {
        let file = plugin("spacetime-misbehaving");
        self.plugin(&file)
    }

    fn write(&self) {
        let mut text = "(\n".to_owned();
        for (key, value) in &self.entries {
            text += &format!("    {key}: {value},\n");
        }
        text += "    plugins: [\n";
        for (file, fields) in &self.plugins {
            let comma = if fields.is_empty() { "" } else { ", " };
            text += &format!("        (path: {file:?}{comma}{fields}),\n");
        }
        text += "    ],\n)\n";
        fs::write(self.manifest(), text).unwrap();
    }

    /// The manifest's file.
    pub fn manifest(&self) -> PathBuf {
        self.path("miner.ron")
    }

    /// A path below the home.
    pub fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    /// Starts `spacetime-miner run --json` with more arguments.
    pub fn run(&self, arguments: &[&str]) -> Miner {
        self.run_with(arguments, &[])
    }

    /// The same, with more of an environment.
    pub fn run_with(&self, arguments: &[&str], environment: &[(&str, &str)]) -> Miner {
        Miner::start(&self.manifest(), arguments, environment)
    }

    /// Mines with more arguments until that ends.
    pub fn run_to_end(&self, arguments: &[&str]) -> Ended {
        self.run(arguments).wait()
    }

    /// Mines until so many blocks of ours have been accepted.
    ///
    /// # Panics
    ///
    /// If that does not happen within a minute.
    pub fn mine(&self, blocks: u64) -> Ended {
        let ended = self.run_to_end(&["--until-blocks", &blocks.to_string(), "--for", "60"]);
        assert_eq!(ended.code, Some(0), "no block was won: {ended:#?}");
        ended
    }

    /// Runs another command of `spacetime-miner`, in the home, to its end.
    pub fn command(&self, arguments: &[&str]) -> Ended {
        run_to_end(&program("spacetime-miner"), self.folder.path(), arguments)
    }
}
