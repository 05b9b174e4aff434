//! `plugin new`: a new plugin's Cargo project.

use std::{io, path::PathBuf};

use clap::builder::{PossibleValuesParser, TypedValueParser};
use serde::Serialize;

use super::{Exit, Failure, Output};
use crate::scaffold::{self, PluginName, ScaffoldError, Sdk, Template};

/// Arguments of `plugin new`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// What to call it: lower-case letters, digits, `-` and `_`
    name: PluginName,
    /// What it is to be
    #[arg(long, value_parser = template())]
    kind: Template,
    /// The project's folder, which is made [default: NAME, here]
    #[arg(long, value_name = "DIR")]
    path: Option<PathBuf>,
    /// The SDK's sources [default: those that came with this miner]
    #[arg(long, value_name = "DIR")]
    sdk: Option<PathBuf>,
}

/// The templates by their names.
fn template() -> impl TypedValueParser<Value = Template> {
    PossibleValuesParser::new(Template::ALL.map(Template::name)).map(|name| {
        let is_named = |template: &Template| template.name() == name;
        Template::ALL.into_iter().find(is_named).expect("the parser lets no other name through")
    })
}

#[derive(Debug, Serialize)]
struct Document<'a> {
    name: &'a str,
    kind: &'a str,
    path: &'a PathBuf,
    files: &'a [PathBuf],
    /// The SDK's package.
    sdk: String,
    sdk_version: &'a str,
}

pub(super) fn run(args: &Args, output: &Output) -> Result<(), Failure> {
    let sdk = match &args.sdk {
        Some(path) => Sdk::at(path)?,
        None => Sdk::of_this_program()?,
    };
    let (name, kind) = (args.name.as_str(), args.kind.name());
    let path = args.path.clone().unwrap_or_else(|| name.into());
    let files = scaffold::make(&args.name, args.kind, &sdk, &path)?;
    let sdk_version = sdk.version();
    let document =
        Document { name, kind, path: &path, files: &files, sdk: sdk.path(), sdk_version };
    let shown = path.display();
    let text = format!(
        "Made the {kind} `{name}` in {shown}, with the SDK {sdk_version} in {}\n\
         Next: cd {shown} && cargo test --release; its README.md says the rest",
        sdk.path()
    );
    output.result(&document, text)
}

impl From<ScaffoldError> for Failure {
    fn from(error: ScaffoldError) -> Self {
        let exit = match &error {
            ScaffoldError::Exists { .. } | ScaffoldError::OddPath { .. } => Exit::Usage,
            ScaffoldError::NoParent { .. }
            | ScaffoldError::NoSdk { .. }
            | ScaffoldError::NoSdkOfOurs { .. } => Exit::NotFound,
            ScaffoldError::Io { source, .. } => match source.kind() {
                io::ErrorKind::StorageFull => Exit::NoSpace,
                _ => Exit::Internal,
            },
        };
        Self::new(exit, error)
    }
}
