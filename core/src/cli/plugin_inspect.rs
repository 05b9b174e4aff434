//! `plugin inspect`: all that a plugin's file tells of itself, without running
//! any of it, and whether this host would load it.

use std::{
    fmt::Write,
    path::{Path, PathBuf},
};

use serde::Serialize;
use serde_json::Value;
use spacetime_sdk_loader::{
    Component, Descriptor, FileHash, Format, Inspection, Kind, NeededLibrary, PluginFile, Presence,
    PublicKey, Refusal, Signature, json_schema,
};

use super::{Failure, Output, Style, manifest::ManifestArgs, plugin_config::config_table};
use crate::plugin::{
    entry_of,
    trust::{Gate, Permission},
};

/// Arguments of `plugin inspect`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The plugin's file, of any operating system and processor
    file: PathBuf,
    #[command(flatten)]
    manifest: ManifestArgs,
}

/// What the file tells.
#[derive(Debug, Serialize)]
struct Report<'a> {
    path: &'a Path,
    size_bytes: usize,
    sha256: FileHash,
    /// `None`: there is none beside it.
    signature: Option<Signed<'a>>,
    /// Why it may be loaded, as far as that is a matter of trust.
    trust: Option<&'static str>,
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
    refusal: Option<Refused>,
}

/// What the file beside it with the signature says.
#[derive(Debug, Serialize)]
struct Signed<'a> {
    path: PathBuf,
    /// Who signed it; `None`: the signature is not true.
    signer: Option<PublicKey>,
    /// The manifest's name for that key.
    signer_name: Option<&'a str>,
    /// Why it is not true.
    refusal: Option<Refused>,
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
    /// Whether a strategy may plan leaves more than once; `None`: it is none, or the
    /// file does not say.
    may_repeat: Option<bool>,
}

#[derive(Debug, Serialize)]
struct Refused {
    code: &'static str,
    message: String,
    detail: String,
}

pub(super) fn run(args: &Args, output: &Output) -> Result<(), Failure> {
    let manifest = args.manifest.load_if_there()?;
    let (folders, gate) = args.manifest.places(manifest.as_ref());
    let file = PluginFile::read(&args.file)?;
    let inspection = file.inspect()?;
    let entry = manifest.as_ref().and_then(|manifest| entry_of(manifest, &file, &folders));
    let judged = gate.judge(&file, &inspection.descriptor, entry);
    let report = Report::new(&file, &inspection, &judged, &gate);
    output.result(&report, report.text(&inspection, &judged, output))
}

impl<'a> Signed<'a> {
    /// `None`: there is no signature.
    fn of(file: &PluginFile, gate: &'a Gate) -> Option<Self> {
        let verified = Signature::beside(file).and_then(|signature| {
            signature.map(|signature| signature.verify(file).map(|()| signature.signer)).transpose()
        });
        let signer = verified.as_ref().ok().copied().flatten();
        let refusal = verified.as_ref().err().map(Refused::of);
        verified.map_or(true, |signer| signer.is_some()).then(|| Self {
            path: Signature::path_of(file.path()),
            signer,
            signer_name: signer.and_then(|signer| gate.name_of(signer)),
            refusal,
        })
    }

    fn text(&self, output: &Output) -> String {
        match (&self.refusal, self.signer, self.signer_name) {
            (Some(refusal), ..) => {
                output.paint(Style::Bad, format_args!("not true [{}]", refusal.code))
            }
            (None, Some(signer), Some(name)) => format!("by {name} {signer}"),
            (None, Some(signer), None) => format!("by {signer}"),
            (None, None, _) => "none".to_owned(),
        }
    }
}

impl<'a> Report<'a> {
    fn new(
        file: &PluginFile,
        inspection: &'a Inspection,
        judged: &Result<Permission, Refusal>,
        gate: &'a Gate,
    ) -> Self {
        let Inspection { path, format, architecture, descriptor, libraries, .. } = inspection;
        let Descriptor { plugin, version, about, license, abi, sdk, .. } = descriptor;
        let Descriptor { rustc, target, panic, profile, cpu, components, .. } = descriptor;
        let refusal = inspection.refusal.as_ref().or(judged.as_ref().err());
        Self {
            path,
            size_bytes: file.bytes().len(),
            sha256: file.sha256(),
            signature: Signed::of(file, gate),
            trust: judged.as_ref().ok().map(Permission::rule),
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
            loads: refusal.is_none(),
            refusal: refusal.map(Refused::of),
        }
    }

    fn text(
        &self,
        inspection: &Inspection,
        judged: &Result<Permission, Refusal>,
        output: &Output,
    ) -> String {
        let mut text = String::new();
        // Writing to a string cannot fail.
        let mut row = |name: &str, value: &dyn std::fmt::Display| {
            let _ = writeln!(text, "{name:<11}{value}");
        };
        row("file", &format_args!("{}, {} bytes", self.path.display(), self.size_bytes));
        row("sha256", &self.sha256);
        match &self.signature {
            None => row("signature", &"none beside it"),
            Some(signature) => row("signature", &signature.text(output)),
        }
        match judged {
            Ok(permission) => row("trusted", &format_args!("yes: {permission}")),
            Err(refusal) => row("trusted", &format_args!("no [{}]", refusal.code())),
        }
        row("plugin", &format_args!("{} {}", self.plugin, self.version));
        row("", &given(self.about, "description", "description"));
        row("licence", &given(self.license, "licence", "license"));
        row("interface", &format_args!("{}, SDK {}", self.abi_version, self.sdk_version));
        row("built", &format_args!("by {} for {}", self.rustc, self.target));
        let profile = either(self.profile, "profile not told (its SDK is older than that)");
        row("", &format_args!("{profile}, panic = {}", self.panic));
        let architecture = either(self.architecture, "processors that this miner has no name for");
        row("format", &format_args!("{} for {architecture}", self.format));
        row("processor", &self.processor.text(output));
        row("libraries", &self.libraries(output));
        for component in &inspection.descriptor.components {
            let Component { kind, name, about, config, may_repeat } = component;
            row(&kind.to_string(), &format_args!("{}  {about}", output.paint(Style::Bold, name)));
            if let Some(may_repeat) = may_repeat {
                row(
                    "  leaves",
                    &match may_repeat {
                        true => "may be planned more than once (MAY_REPEAT)",
                        false => "planned once at most",
                    },
                );
            }
            for line in config_table(config.as_ref(), output) {
                row("  config", &line);
            }
        }
        text.push_str(&match &self.refusal {
            None => output.paint(Style::Good, "this host would load it"),
            Some(Refused { message, .. }) => {
                output.paint(Style::Bad, format_args!("this host would not load it: {message}"))
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
        let Component { kind, name, about, config, may_repeat } = component;
        let (config, may_repeat) = (config.as_ref().map(json_schema), *may_repeat);
        Self { kind: *kind, name, about, config, may_repeat }
    }
}

impl Refused {
    fn of(refusal: &Refusal) -> Self {
        let (message, detail) = (refusal.to_string(), refusal.detail().to_owned());
        Self { code: refusal.code(), message, detail }
    }
}

/// A text that may be missing, and what its author does about that.
fn given(text: &str, what: &str, key: &str) -> String {
    match text {
        "" => format!("no {what} given: its author sets `{key}` in Cargo.toml"),
        text => text.to_owned(),
    }
}

fn either<'a>(text: &'a str, missing: &'a str) -> &'a str {
    if text.is_empty() { missing } else { text }
}
