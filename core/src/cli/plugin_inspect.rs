//! `plugin inspect`: all that a plugin's file tells of itself, without running
//! any of it, and whether this host would load it.

use std::{
    fmt::Write,
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

use serde::Serialize;
use serde_json::Value;
use sha2::{Digest, Sha256};
use spacetime_sdk_loader::{
    Component, Descriptor, Format, Inspection, Kind, NeededLibrary, Presence, Refusal, json_schema,
};

use super::{Exit, Failure, Output, Style, plugin_config::config_table};

/// Arguments of `plugin inspect`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The plugin's file, of any operating system and processor
    file: PathBuf,
}

/// What the file tells.
#[derive(Debug, Serialize)]
struct Report<'a> {
    path: &'a Path,
    size_bytes: u64,
    sha256: String,
    /// The file beside it with its signature, if there is one.
    signature: Option<PathBuf>,
    format: Format,
    architecture: &'a str,
    plugin: &'a str,
    version: &'a str,
    about: &'a str,
    license: &'a str,
    abi_version: &'a str,
    sdk_version: &'a str,
    rustc: &'a str,
    target: &'a str,
    panic: &'a str,
    profile: &'a str,
    processor: Processor<'a>,
    libraries: &'a [NeededLibrary],
    components: Vec<Described<'a>>,
    /// Whether this host would load it.
    loads: bool,
    refusal: Option<Refused<'a>>,
}

#[derive(Debug, Serialize)]
struct Processor<'a> {
    needed: &'a [String],
    missing: &'a [String],
}

#[derive(Debug, Serialize)]
struct Described<'a> {
    kind: Kind,
    name: &'a str,
    about: &'a str,
    /// A JSON Schema; `None`: the file does not say.
    config: Option<Value>,
}

#[derive(Debug, Serialize)]
struct Refused<'a> {
    code: &'a str,
    message: String,
    detail: &'a str,
}

pub(super) fn run(args: &Args, output: &Output) -> Result<(), Failure> {
    let refused = |refusal: &Refusal| Failure::new(Exit::Plugin, refusal);
    let inspection = Inspection::read(&args.file).map_err(|refusal| refused(&refusal))?;
    let (size_bytes, sha256) = digest(&args.file).map_err(|error| {
        let path = args.file.display();
        Failure::new(Exit::Plugin, format_args!("plugin {path} cannot be read: {error}"))
    })?;
    let report = Report::new(&inspection, size_bytes, sha256);
    output.result(&report, report.text(&inspection, output))
}

/// Size and SHA-256 of a file, of which a buffer is in memory at a time.
fn digest(path: &Path) -> io::Result<(u64, String)> {
    let (mut file, mut hash) = (File::open(path)?, Sha256::new());
    let (mut buffer, mut size) = (vec![0; 1 << 16], 0);
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok((size, const_hex::encode(hash.finalize()))),
            read => {
                hash.update(&buffer[..read]);
                size += read as u64;
            }
        }
    }
}

/// The signature's file, if there is one.
fn signature(path: &Path) -> Option<PathBuf> {
    let mut name = path.as_os_str().to_owned();
    name.push(".sig");
    Some(PathBuf::from(name)).filter(|path| path.is_file())
}

impl<'a> Report<'a> {
    fn new(inspection: &'a Inspection, size_bytes: u64, sha256: String) -> Self {
        let Inspection { path, format, architecture, descriptor, libraries, .. } = inspection;
        let Descriptor { plugin, version, about, license, abi, sdk, .. } = descriptor;
        let Descriptor { rustc, target, panic, profile, cpu, components, .. } = descriptor;
        Self {
            path,
            size_bytes,
            sha256,
            signature: signature(path),
            format: *format,
            architecture,
            plugin,
            version,
            about,
            license,
            abi_version: abi,
            sdk_version: sdk,
            rustc,
            target,
            panic,
            profile,
            processor: Processor { needed: cpu, missing: &inspection.missing_features },
            libraries,
            components: components.iter().map(Described::of).collect(),
            loads: inspection.refusal.is_none(),
            refusal: inspection.refusal.as_ref().map(Refused::of),
        }
    }

    fn text(&self, inspection: &Inspection, output: &Output) -> String {
        let mut text = String::new();
        // Writing to a string cannot fail.
        let mut row = |name: &str, value: &dyn std::fmt::Display| {
            let _ = writeln!(text, "{name:<11}{value}");
        };
        row("file", &format_args!("{}, {} bytes", self.path.display(), self.size_bytes));
        row("sha256", &self.sha256);
        match &self.signature {
            None => row("signature", &"none beside it"),
            Some(path) => row("signature", &format_args!("in {}, not checked", path.display())),
        }
        row("plugin", &format_args!("{} {}, {}", self.plugin, self.version, known(self.license)));
        if !self.about.is_empty() {
            row("", &self.about);
        }
        row("interface", &format_args!("{}, SDK {}", self.abi_version, self.sdk_version));
        row("built", &format_args!("by {} for {}", self.rustc, self.target));
        row("", &format_args!("{}, panic = {}", known(self.profile), self.panic));
        row("format", &format_args!("{} for {}", self.format, known(self.architecture)));
        row("processor", &self.processor.text(output));
        row("libraries", &self.libraries(output));
        for component in &inspection.descriptor.components {
            let Component { kind, name, about, config } = component;
            row(&kind.to_string(), &format_args!("{}  {about}", output.paint(Style::Bold, name)));
            for line in config_table(config.as_ref(), output) {
                row("  config", &line);
            }
        }
        text.push_str(&match &inspection.refusal {
            None => output.paint(Style::Good, "this host would load it"),
            Some(refusal) => {
                output.paint(Style::Bad, format_args!("this host would not load it: {refusal}"))
            }
        });
        text
    }

    fn libraries(&self, output: &Output) -> String {
        let shown = self.libraries.iter().map(|library| match library.presence {
            Presence::Missing => {
                output.paint(Style::Bad, format_args!("{} (not here)", library.name))
            }
            Presence::Found | Presence::Unknown => library.name.clone(),
        });
        let shown: Vec<String> = shown.collect();
        if shown.is_empty() { "none".to_owned() } else { shown.join(", ") }
    }
}

impl Processor<'_> {
    fn text(&self, output: &Output) -> String {
        if self.needed.is_empty() {
            return "no more than all of its platform have".to_owned();
        }
        let shown = self.needed.iter().map(|feature| match self.missing.contains(feature) {
            true => output.paint(Style::Bad, format_args!("{feature} (not here)")),
            false => feature.clone(),
        });
        let shown: Vec<String> = shown.collect();
        format!("with {}", shown.join(", "))
    }
}

impl<'a> Described<'a> {
    fn of(component: &'a Component) -> Self {
        let Component { kind, name, about, config } = component;
        Self { kind: *kind, name, about, config: config.as_ref().map(json_schema) }
    }
}

impl<'a> Refused<'a> {
    fn of(refusal: &'a Refusal) -> Self {
        Self { code: refusal.code(), message: refusal.to_string(), detail: refusal.detail() }
    }
}

/// A text that may be missing.
fn known(text: &str) -> &str {
    if text.is_empty() { "unknown" } else { text }
}
