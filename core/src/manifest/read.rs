//! From the file's values to the resolved manifest: defaults, ranges, paths.

use std::{
    env, fs,
    num::NonZeroUsize,
    path::{Path, PathBuf},
    time::Duration,
};

use serde::Deserialize;
use spacetime_kernels::Kernels;
use spacetime_protocol::network::Network;

use super::{
    error::{ErrorPlace, ManifestError, did_you_mean},
    raw::{self, Fields, Set},
    resolved::{
        ComponentEntry, ConfigText, FirstRun, Manifest, PluginEntry, RecordEntry, ShadowEntry,
    },
    size::parse_size,
    source::Source,
    trust,
};
use crate::{plots::LeafOrigin, scan::Io};

/// Where transports store what they keep, unless the manifest says otherwise.
const DATA_DIRECTORY: &str = "data";

/// Where in there the private copies of plugins are, likewise.
const COPIES: &str = "plugin-cache";

/// The record's file, in the same place.
const RECORD_FILE: &str = "challenges.jsonl";

/// What a record may take: thousands of challenges.
const RECORD_LIMIT: u64 = 16 << 20;

/// Less would not hold one challenge with its plots.
const LEAST_RECORD_LIMIT: u64 = 64 << 10;

impl Manifest {
    /// Reads a manifest; `sets` are overrides `KEY=RON` by dotted paths.
    ///
    /// # Errors
    ///
    /// See [`ManifestError`]: file, line and field of the first mistake.
    pub fn load(file: &Path, sets: &[String]) -> Result<Self, ManifestError> {
        let text =
            fs::read_to_string(file).map_err(|error| ManifestError::unreadable(file, error))?;
        Self::parse(file, &text, sets)
    }

    /// Reads a manifest's text as if it stood in `file`, which need not exist.
    ///
    /// # Errors
    ///
    /// As for [`load`](Self::load).
    pub fn parse(file: &Path, text: &str, sets: &[String]) -> Result<Self, ManifestError> {
        let whole = Source::file(file, text)?;
        let extensions = whole.extensions();
        let sets: Vec<Set<'_>> =
            sets.iter().map(|given| Set::parse(given, extensions)).collect::<Result<_, _>>()?;
        let fields = Fields::read(raw::MANIFEST, "", Some(whole), &sets)?;
        Reader { file, whole, folder: folder(file)?, fields }.read()
    }
}

/// The absolute folder of a file.
fn folder(file: &Path) -> Result<PathBuf, ManifestError> {
    let absolute = std::path::absolute(file)
        .map_err(|source| ManifestError::Unreadable { file: file.to_owned(), source })?;
    Ok(absolute.parent().unwrap_or(Path::new("/")).to_owned())
}

struct Reader<'a> {
    file: &'a Path,
    whole: Source<'a>,
    folder: PathBuf,
    fields: Fields<'a>,
}

impl Reader<'_> {
    fn read(&self) -> Result<Manifest, ManifestError> {
        let seconds = |key, default| {
            Ok::<_, ManifestError>(Duration::from_secs(self.positive(key)?.unwrap_or(default)))
        };
        let data_directory = self.data_directory()?;
        let plugin_cache =
            self.path("plugin_cache")?.unwrap_or_else(|| data_directory.join(COPIES));
        Ok(Manifest {
            file: Some(self.file.to_owned()),
            folder: self.folder.clone(),
            plot_directories: self.plot_directories()?,
            plot_metadata_path: self.required_path("plot_metadata_path")?,
            private_key_path: self.required_path("private_key_path")?,
            data_directory,
            node_address: self.node_address()?,
            node_port: self.node_port()?,
            network: self.network()?,
            max_concurrent_proofs: self.max_concurrent_proofs()?,
            leaf_source: self.leaf_source()?,
            io: self.io()?,
            proof_timeout: seconds("proof_generation_timeout_seconds", 60)?,
            retry_interval: seconds("connection_retry_interval_seconds", 5)?,
            max_connection_retries: self.fields.get("max_connection_retries")?.unwrap_or(10),
            performance_monitoring: self
                .fields
                .get("enable_performance_monitoring")?
                .unwrap_or(true),
            plugins: self.plugins()?,
            plugin_directories: self.paths("plugin_directories")?.unwrap_or_default(),
            open_directories: Vec::new(),
            plugin_cache,
            trusted_keys: trust::keys(&self.fields)?,
            strategy: self.component("strategy")?,
            engine: self.component("engine")?,
            kernels: self.kernels()?,
            policy: self.component("policy")?,
            transports: self.transports()?,
            record: self.record()?,
            shadows: self.shadows()?,
            first_run: self.first_run()?,
        })
    }

    fn invalid(&self, key: &str, message: String) -> ManifestError {
        let place = self.fields.source(key).unwrap_or(self.whole);
        place.invalid(&self.fields.path(key), message)
    }

    fn missing(&self, key: &str, example: &str) -> ManifestError {
        let file = self.file.to_owned();
        let place = ErrorPlace::File { file, line: 1, column: 1 };
        let message = format!("`{key}` is missing: it must be given, as in {example}");
        ManifestError::invalid(place, key, message)
    }

    fn path(&self, key: &str) -> Result<Option<PathBuf>, ManifestError> {
        let Some(text) = self.fields.get::<String>(key)? else { return Ok(None) };
        self.expand(key, &text).map(Some)
    }

    fn required_path(&self, key: &str) -> Result<PathBuf, ManifestError> {
        self.path(key)?.ok_or_else(|| self.missing(key, &format!("{key}: \"data/…\"")))
    }

    fn paths(&self, key: &str) -> Result<Option<Vec<PathBuf>>, ManifestError> {
        let Some(texts) = self.fields.get::<Vec<String>>(key)? else { return Ok(None) };
        texts.iter().map(|text| self.expand(key, text)).collect::<Result<_, _>>().map(Some)
    }

    /// An absolute path: `~/` is the user's home, all else is relative to the
    /// manifest.
    fn expand(&self, key: &str, text: &str) -> Result<PathBuf, ManifestError> {
        expand(text)
            .map(|path| self.folder.join(path))
            .map_err(|message| self.invalid(key, format!("`{}` {message}", self.fields.path(key))))
    }

    /// Which of two keys that say the same count: those given, but an
    /// override of one stands against the other in the file.
    fn which(&self, one: &str, other: &str) -> (bool, bool) {
        let set = |key| self.fields.source(key).is_some_and(|source| source.is_from_command_line());
        let given = |key| self.fields.source(key).is_some();
        match (set(one), set(other)) {
            (true, false) => (true, false),
            (false, true) => (false, true),
            _ => (given(one), given(other)),
        }
    }

    fn plot_directories(&self) -> Result<Vec<PathBuf>, ManifestError> {
        let (one, many) = ("plot_directory", "plot_directories");
        let (use_one, use_many) = self.which(one, many);
        if use_one && use_many {
            return Err(self.invalid(many, format!("give either `{one}` or `{many}`, not both")));
        }
        if use_one {
            return Ok(self.path(one)?.into_iter().collect());
        }
        let directories =
            self.paths(many)?.ok_or_else(|| self.missing(one, "plot_directory: \"data/plots\""))?;
        if directories.is_empty() {
            return Err(self.invalid(many, format!("`{many}` is empty: name at least one folder")));
        }
        Ok(directories)
    }

    /// A number from 1.
    fn positive<T: Default + PartialEq + for<'de> Deserialize<'de>>(
        &self,
        key: &str,
    ) -> Result<Option<T>, ManifestError> {
        let number = self.fields.get::<T>(key)?;
        if number.as_ref() == Some(&T::default()) {
            return Err(self.invalid(key, format!("`{key}` must be at least 1")));
        }
        Ok(number)
    }

    fn max_concurrent_proofs(&self) -> Result<NonZeroUsize, ManifestError> {
        let plots = self.positive("max_concurrent_proofs")?.and_then(NonZeroUsize::new);
        Ok(plots.unwrap_or(NonZeroUsize::MIN))
    }

    fn leaf_source(&self) -> Result<LeafOrigin, ManifestError> {
        self.choice("leaf_source", LeafOrigin::NAMES, LeafOrigin::named)
    }

    fn io(&self) -> Result<Io, ManifestError> {
        self.choice("io", Io::NAMES, Io::named)
    }

    /// One of a few names, quoted or not; without the key, the default.
    fn choice<T: Default, const N: usize>(
        &self,
        key: &'static str,
        names: [&str; N],
        named: fn(&str) -> Option<T>,
    ) -> Result<T, ManifestError> {
        let Some(name) = self.fields.word(key)? else { return Ok(T::default()) };
        named(&name).ok_or_else(|| {
            let hint = did_you_mean(&name, names);
            self.invalid(key, format!("`{key}` cannot be `{name}`; {hint}"))
        })
    }

    fn node_address(&self) -> Result<Option<String>, ManifestError> {
        let address = self.fields.get::<String>("node_address")?;
        match address.as_deref().map(str::trim) {
            Some("") => Err(self.invalid(
                "node_address",
                "`node_address` is empty: give an address or a host name, or leave it out".into(),
            )),
            address => Ok(address.map(str::to_owned)),
        }
    }

    fn node_port(&self) -> Result<Option<u16>, ManifestError> {
        self.positive("node_port")
    }

    fn network(&self) -> Result<Network, ManifestError> {
        let (use_file, use_id) = self.which("network_file", "network_id");
        let file = if use_file { self.path("network_file")? } else { None };
        let network = file.map(|file| self.network_file(&file)).transpose()?;
        let id = if use_id { self.fields.get::<String>("network_id")? } else { None };
        match (network, id) {
            (None, None) => Err(self.missing("network_id", "network_id: \"local\"")),
            (Some(network), None) => Ok(network),
            (None, Some(id)) => Network::named(&id).ok_or_else(|| {
                let hint = did_you_mean(&id, Network::NAMES);
                let file = "another network comes from a file: network_file: \"…\"";
                self.invalid(
                    "network_id",
                    format!("`{id}` is no built-in network; {hint} ({file})"),
                )
            }),
            (Some(network), Some(id)) if is_called(&network, &id) => Ok(network),
            (Some(network), Some(id)) => Err(self.invalid(
                "network_id",
                format!("`network_id` is `{id}`, but the network file is of `{}`", network.id),
            )),
        }
    }

    fn network_file(&self, file: &Path) -> Result<Network, ManifestError> {
        let invalid = |message: String| {
            self.invalid("network_file", format!("network file {} {message}", file.display()))
        };
        let text = fs::read_to_string(file)
            .map_err(|error| invalid(format!("cannot be read: {error}")))?;
        Network::from_json(&text).map_err(|error| invalid(format!("is not a network: {error}")))
    }

    fn plugins(&self) -> Result<Vec<PluginEntry>, ManifestError> {
        let entry = |(source, fields): (Source<'_>, Fields<'_>)| {
            let place = fields.source("path").unwrap_or(source);
            let (key, path) = (fields.path("path"), fields.get::<String>("path")?);
            let path = path.ok_or_else(|| {
                place.invalid(
                    &key,
                    format!("`{key}` is missing: the plugin file, or its crate name"),
                )
            })?;
            let path = expand(&path)
                .map_err(|message| place.invalid(&key, format!("`{key}` {message}")))?;
            let line = if place.is_from_command_line() { 0 } else { place.position().0 };
            let (trust, sha256) = (trust::rule(&fields)?, trust::pin(&fields)?);
            Ok(PluginEntry { path, line, trust, sha256 })
        };
        self.fields.list("plugins", raw::PLUGIN)?.into_iter().map(entry).collect()
    }

    fn kernels(&self) -> Result<Option<Kernels>, ManifestError> {
        match self.fields.word("kernels")?.as_deref() {
            None | Some("auto") => Ok(None),
            Some(name) => Kernels::named(name).map(Some).map_err(|error| {
                self.invalid("kernels", format!("`kernels`: {error}; `auto` takes the fastest"))
            }),
        }
    }

    fn transports(&self) -> Result<Vec<ComponentEntry>, ManifestError> {
        let entries = self.fields.list("transports", raw::COMPONENT)?;
        entries.into_iter().map(|(source, fields)| component(source, &fields)).collect()
    }

    fn data_directory(&self) -> Result<PathBuf, ManifestError> {
        let directory = self.path("data_directory")?;
        Ok(directory.unwrap_or_else(|| self.folder.join(DATA_DIRECTORY)))
    }

    fn record(&self) -> Result<RecordEntry, ManifestError> {
        let fields = self.fields.fields("record", raw::RECORD)?;
        let invalid = |key: &str, message: String| {
            let fields = fields.as_ref();
            let place = fields.and_then(|fields| fields.source(key)).unwrap_or(self.whole);
            let path = format!("record.{key}");
            place.invalid(&path, format!("`{path}`: {message}"))
        };
        let get = |key| fields.as_ref().map(|fields| fields.get::<String>(key)).transpose();
        let file = match get("file")?.flatten() {
            Some(file) => {
                let file =
                    expand(&file).map_err(|message| invalid("file", format!("it {message}")))?;
                self.folder.join(file)
            }
            None => self.data_directory()?.join(RECORD_FILE),
        };
        let limit =
            match get("limit")?.flatten() {
                Some(limit) => parse_size(&limit)
                    .and_then(|limit| match limit {
                        LEAST_RECORD_LIMIT.. => Ok(limit),
                        _ => Err("it must be at least 64KiB; `enabled: false` records nothing"
                            .to_owned()),
                    })
                    .map_err(|message| invalid("limit", message))?,
                None => RECORD_LIMIT,
            };
        let enabled = fields.as_ref().map(|fields| fields.get("enabled")).transpose()?.flatten();
        Ok(RecordEntry { enabled: enabled.unwrap_or(true), file, limit })
    }

    fn shadows(&self) -> Result<Vec<ShadowEntry>, ManifestError> {
        let shadow = |(source, fields): (Source<'_>, Fields<'_>)| {
            let reads = fields.get("reads")?.unwrap_or(false);
            Ok(ShadowEntry { component: component(source, &fields)?, reads })
        };
        self.fields.list("shadow", raw::SHADOW)?.into_iter().map(shadow).collect()
    }

    fn component(&self, key: &str) -> Result<Option<ComponentEntry>, ManifestError> {
        let Some(fields) = self.fields.fields(key, raw::COMPONENT)? else { return Ok(None) };
        component(self.fields.source(key).unwrap_or(self.whole), &fields).map(Some)
    }

    fn first_run(&self) -> Result<Option<FirstRun>, ManifestError> {
        let Some(fields) = self.fields.fields("first_run", raw::FIRST_RUN)? else {
            return Ok(None);
        };
        let size = fields.get::<String>("plot_size")?.map(|size| {
            let bytes = parse_size(&size).and_then(|bytes| match bytes {
                0 => Err("a plot needs at least one leaf of 32 bytes".to_owned()),
                bytes => Ok(bytes),
            });
            bytes.map_err(|message| {
                let place = fields.source("plot_size").unwrap_or(self.whole);
                place
                    .invalid(&fields.path("plot_size"), format!("`first_run.plot_size`: {message}"))
            })
        });
        Ok(Some(FirstRun {
            create_key: fields.get("create_key")?.unwrap_or(false),
            plot_bytes: size.transpose()?,
        }))
    }
}

/// Whether a name or an id means a network.
fn is_called(network: &Network, name: &str) -> bool {
    network.id == name || Network::named(name).is_some_and(|named| named.id == network.id)
}

fn component(source: Source<'_>, fields: &Fields<'_>) -> Result<ComponentEntry, ManifestError> {
    let key = fields.path("name");
    let name = fields.get::<String>("name")?.filter(|name| !name.trim().is_empty());
    let name = name.ok_or_else(|| {
        let place = fields.source("name").unwrap_or(source);
        place.invalid(&key, format!("`{key}` is missing: the component's name"))
    })?;
    fields.only_whole("config")?;
    let config = match fields.source("config") {
        Some(config) => config_text(config),
        None => ConfigText { text: "()".to_owned(), ..config_text(source) },
    };
    Ok(ComponentEntry { name, plugin: fields.get("plugin")?, config })
}

fn config_text(source: Source<'_>) -> ConfigText {
    let (line, column) = source.position();
    ConfigText {
        text: source.text().to_owned(),
        origin: source.origin_name(),
        line,
        column,
        ron_extensions: source.extensions().bits() as u64,
    }
}

/// Replaces `~` at the front by the user's home.
pub(super) fn expand(text: &str) -> Result<PathBuf, &'static str> {
    if text.trim().is_empty() {
        return Err("is an empty path");
    }
    if text != "~" && !text.starts_with("~/") {
        return Ok(text.into());
    }
    let home = env::var_os("HOME").filter(|home| !home.is_empty());
    let home = home.ok_or("starts with `~`, but the environment has no HOME")?;
    Ok(Path::new(&home).join(text.trim_start_matches('~').trim_start_matches('/')))
}
