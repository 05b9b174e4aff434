//! The strategies that are tried: those that the record is of, first, and
//! those that were asked for.

use std::sync::Arc;

use super::Args;
use crate::{
    cli::{Exit, Failure},
    manifest::{ComponentEntry, ConfigText, Manifest},
    plugin::{FindError, Shelf, find_strategies},
    record::StrategyId,
    replay::{Candidate, Challenges, Faults},
    scan::{BuiltIn, StrategySource},
};

/// What is tried.
pub(super) struct Candidates {
    /// The recorded strategies, as one, and the others.
    pub(super) list: Vec<Candidate>,
    /// What is odd about them.
    pub(super) remarks: Vec<String>,
}

impl Candidates {
    pub(super) fn find(
        args: &Args,
        manifest: Option<&Manifest>,
        challenges: &Challenges,
    ) -> Result<Self, Failure> {
        let (folders, gate) = args.manifest.places(manifest);
        let shelf = Shelf { manifest, folders: &folders, gate: &gate };
        let mut finding = Finding { shelf, challenges, list: Vec::new(), remarks: Vec::new() };
        let recorded = challenges.strategies();
        finding.add_recorded(&recorded);
        for (name, config) in wanted(args, manifest, &recorded) {
            finding.add(&name, config)?;
        }
        let Finding { list, remarks, .. } = finding;
        Ok(Self { list, remarks })
    }
}

/// What was asked for: names and configs.
fn wanted(
    args: &Args,
    manifest: Option<&Manifest>,
    recorded: &[Option<StrategyId>],
) -> Vec<(String, ConfigText)> {
    let given = args.strategy.iter().map(|given| {
        let (name, config) = given.split_once('=').unwrap_or((given, "()"));
        (name.to_owned(), ConfigText::given(config, "--strategy"))
    });
    let of = |component: &ComponentEntry| (component.name.clone(), component.config.clone());
    let shadows = manifest.iter().flat_map(|manifest| &manifest.shadows);
    let shadows = shadows.filter(|_| args.shadow).map(|shadow| of(&shadow.component));
    let mut wanted: Vec<(String, ConfigText)> = given.chain(shadows).collect();
    let own = manifest.and_then(|manifest| manifest.strategy.as_ref());
    let is_recorded = |own: &ComponentEntry| {
        let name = own.name.rsplit('/').next();
        recorded
            .iter()
            .flatten()
            .any(|id| Some(id.name.as_str()) == name && id.config == own.config.text)
    };
    wanted.extend(own.filter(|own| args.strategy.is_empty() && !is_recorded(own)).map(of));
    wanted
}

struct Finding<'a> {
    shelf: Shelf<'a>,
    challenges: &'a Challenges,
    list: Vec<Candidate>,
    remarks: Vec<String>,
}

impl Finding<'_> {
    /// Those that the challenges were scanned by: one candidate, of which each
    /// challenge has its own.
    fn add_recorded(&mut self, recorded: &[Option<StrategyId>]) {
        let faults = Arc::new(Faults::default());
        let mut sources: Vec<Arc<dyn StrategySource>> = Vec::new();
        let mut positions: Vec<Option<usize>> = Vec::new();
        for id in recorded {
            let source = match id {
                None => Some(Arc::new(BuiltIn) as Arc<dyn StrategySource>),
                Some(id) => self.open_recorded(id, sources.len(), &faults),
            };
            positions.push(source.is_some().then_some(sources.len()));
            sources.extend(source);
        }
        let which = self.challenges.list.iter().map(|challenge| {
            let at = recorded.iter().position(|id| *id == challenge.recorded.run.strategy);
            at.and_then(|at| positions[at])
        });
        let which = which.collect();
        let name = match recorded {
            [one] => title(one.as_ref()),
            _ => "as recorded".to_owned(),
        };
        self.list.push(Candidate { name, sources, which, faults });
    }

    fn open_recorded(
        &mut self,
        id: &StrategyId,
        number: usize,
        faults: &Arc<Faults>,
    ) -> Option<Arc<dyn StrategySource>> {
        let name = format!("{}/{}", id.plugin, id.name);
        let instance = format!("recorded-{number}-{}", id.name);
        let config = ConfigText {
            ron_extensions: id.ron_extensions,
            ..ConfigText::given(&id.config, "the record")
        };
        match find_strategies(&name, &instance, config, self.shelf, faults.clone()) {
            Ok((source, found)) => {
                if found.version != id.version {
                    self.remarks.push(format!(
                        "`{}` was of version {} when this was recorded, and is of version {} now",
                        id.name, id.version, found.version
                    ));
                }
                Some(source)
            }
            Err(error) => {
                let remark = format!("the recorded strategy `{}` is not tried: {error}", id.name);
                self.remarks.push(remark);
                None
            }
        }
    }

    fn add(&mut self, name: &str, config: ConfigText) -> Result<(), Failure> {
        let faults = Arc::new(Faults::default());
        let instance =
            format!("replay-{}-{}", self.list.len(), name.rsplit('/').next().unwrap_or(name));
        let label = label(name, &config.text);
        let found = find_strategies(name, &instance, config, self.shelf, faults.clone());
        let (source, _) = found.map_err(|error| {
            let exit = match error {
                FindError::Unknown(_) => Exit::NotFound,
                FindError::Refused(_) => Exit::Plugin,
            };
            Failure::new(exit, error)
        })?;
        let which = vec![Some(0); self.challenges.list.len()];
        self.list.push(Candidate { name: label, sources: vec![source], which, faults });
        Ok(())
    }
}

/// What a recorded strategy is called.
fn title(id: Option<&StrategyId>) -> String {
    id.map_or_else(|| "all leaves in order".to_owned(), |id| label(&id.name, &id.config))
}

fn label(name: &str, config: &str) -> String {
    match config.trim() {
        "()" => name.to_owned(),
        config => format!("{name}={config}"),
    }
}
