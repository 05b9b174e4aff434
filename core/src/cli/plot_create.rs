//! `plot create`: makes a plot, or goes on with one.

use std::path::PathBuf;

use serde::Serialize;
use spacetime_protocol::{Leaf, PlotSeed, network::Network, plot::REFERENCE_MIN_BYTES};

use super::{
    Exit, Failure, Output,
    manifest::ManifestArgs,
    plot_common::{Clock, KeyArgs, Pace, PlotDocument},
};
use crate::{
    manifest::parse_size,
    observe::{count, size},
    plots::{
        CacheLevels, CreateError, CreateEvent, CreateSpec, CreateWatch, Created, DEFAULT_MEMORY,
        create,
    },
};

/// Arguments of `plot create`.
#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("amount").required(true))]
pub(super) struct Args {
    /// The plot file to make; missing folders are made too
    #[arg(long, value_name = "FILE", value_parser = parse_path)]
    pub(super) out: PathBuf,
    /// Its size, such as 64MiB, 2GB or a number of bytes; 32 bytes make a leaf
    #[arg(long, value_name = "SIZE", group = "amount", value_parser = parse_size)]
    size: Option<u64>,
    /// Its number of leaves, instead of the size
    #[arg(long, value_name = "N", group = "amount")]
    leaves: Option<u64>,
    #[command(flatten)]
    key: KeyArgs,
    /// Its seed, 64 hex digits [default: random]
    #[arg(long, value_name = "HEX")]
    seed: Option<PlotSeed>,
    /// Levels of the Merkle cache under the root; 0: no cache; auto: down to subtrees of 4096 leaves
    #[arg(long, value_name = "N|auto", default_value = "auto", value_parser = parse_levels)]
    pub(super) cache_levels: CacheLevels,
    #[command(flatten)]
    manifest: ManifestArgs,
}

#[derive(Debug, Serialize)]
struct Document {
    #[serde(flatten)]
    plot: PlotDocument,
    cache: Option<PathBuf>,
    resumed_leaves: u64,
    seconds: f64,
}

pub(super) fn run(args: &Args, output: &Output) -> Result<(), Failure> {
    let leaf_count = args.leaf_count()?;
    let spec = CreateSpec {
        target: args.out.clone(),
        key: args.key.or_manifest(&args.manifest)?,
        seed: args.seed,
        leaf_count,
        cache_levels: args.cache_levels,
        memory: DEFAULT_MEMORY,
    };
    let bytes = leaf_count.saturating_mul(Leaf::SIZE as u64);
    if bytes < REFERENCE_MIN_BYTES {
        output.note(format_args!(
            "{} is under {}, the smallest plot that the reference makes: {}",
            size(bytes),
            size(REFERENCE_MIN_BYTES),
            where_it_wins(leaf_count),
        ));
    }
    let watch = Progress { output, pace: Pace::new(output) };
    let created = create(&spec, &watch);
    output.progress("");
    let created = created.map_err(explain)?;
    print(args, &created, output)
}

/// On which of the known networks a plot of so many leaves can win.
fn where_it_wins(leaves: u64) -> String {
    let least = |name| Network::named(name).map_or(0, |network| network.min_plot_leaves);
    let known = Network::NAMES.iter().map(|name| (name, least(name)));
    let too_small: Vec<String> = known
        .filter(|(_, least)| *least > leaves)
        .map(|(name, least)| format!("`{name}` (at least {least} leaves)"))
        .collect();
    match too_small.is_empty() {
        true => "every network that this miner knows takes it all the same".to_owned(),
        false => format!(
            "networks without a minimum of their own take it all the same, but nothing can be won \
             with it on {}",
            too_small.join(", ")
        ),
    }
}

impl Args {
    pub(super) fn leaf_count(&self) -> Result<u64, Failure> {
        match (self.leaves, self.size) {
            (Some(0), _) => {
                Err(Failure::new(Exit::Usage, "--leaves 0: a plot has at least one leaf"))
            }
            (Some(leaves), _) => Ok(leaves),
            (None, Some(size)) if size >= Leaf::SIZE as u64 => Ok(size / Leaf::SIZE as u64),
            (None, size) => Err(Failure::new(
                Exit::Usage,
                format_args!("--size {}: a leaf takes 32 bytes", size.unwrap_or(0)),
            )),
        }
    }
}

fn parse_path(text: &str) -> Result<PathBuf, &'static str> {
    match text.trim().is_empty() {
        true => Err("it is blank"),
        false => Ok(text.into()),
    }
}

fn parse_levels(text: &str) -> Result<CacheLevels, String> {
    if text == "auto" {
        return Ok(CacheLevels::Auto);
    }
    let refused = |_| format!("`{text}` is neither `auto` nor a number of levels");
    text.parse().map(CacheLevels::Top).map_err(refused)
}

fn explain(error: CreateError) -> Failure {
    let exit = match &error {
        CreateError::NoRoom { .. } => Exit::NoSpace,
        CreateError::BadLeafCount { .. } => Exit::Usage,
        _ => Exit::Plot,
    };
    Failure::new(exit, error)
}

fn print(args: &Args, created: &Created, output: &Output) -> Result<(), Failure> {
    let size = created.header.file_len().unwrap_or_default();
    let document = Document {
        plot: PlotDocument::of(args.out.clone(), &created.header, size),
        cache: created.cache.clone(),
        resumed_leaves: created.resumed_leaves,
        seconds: created.took.as_secs_f64(),
    };
    let cache = match &created.cache {
        Some(path) => path.display().to_string(),
        None => "none".to_owned(),
    };
    let took = Clock(created.took);
    output.result(
        &document,
        format_args!("{}\ncache        {cache}\ntook         {took}", document.plot),
    )
}

/// Tells what is worth a word, and shows how far it is.
struct Progress<'a> {
    output: &'a Output,
    pace: Pace<'a>,
}

impl CreateWatch for Progress<'_> {
    fn event(&self, event: CreateEvent) {
        match event {
            CreateEvent::Resumed { leaves } => {
                self.output.note(format_args!(
                    "going on where an earlier run was cut off, after {}",
                    count(leaves, "leaf")
                ));
            }
            CreateEvent::StartedAgain { reason } => {
                self.output.note(format_args!(
                    "what an earlier run left cannot be gone on with ({reason}): starting again"
                ));
            }
            CreateEvent::OldCacheStays { path } => self.output.warn(format_args!(
                "{} is a cache of an older plot, and no new one was asked for: remove it",
                path.display()
            )),
            CreateEvent::Progress { done, total } => {
                let bytes = |leaves: u64| leaves.saturating_mul(Leaf::SIZE as u64);
                self.pace.show("", bytes(done), bytes(total));
            }
        }
    }
}
