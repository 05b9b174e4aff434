//! Which components are tested against which rules.

use std::{fmt::Write, path::Path};

use serde::Serialize;
use spacetime_conformance::{Rule, Subject, rule, rules, rules_for};
use spacetime_sdk_loader::{
    Component, Descriptor, Inspection, Kind, resolve,
    schema::{FieldShape, Shape},
};

use super::{Args, NO_CONFIG, report::shown};
use crate::{
    cli::{Exit, Failure, Output, Style},
    plugin,
};

/// A component and the rules whose tests it is put to.
pub(super) struct Tested {
    pub(super) subject: Subject,
    /// Version of its plugin.
    pub(super) version: String,
    /// A config with the fields that must be there, as far as its file tells.
    needed: String,
    /// Fields of its config that may be left out and were, as far as its file tells.
    pub(super) left_out: Vec<String>,
    pub(super) rules: Vec<&'static Rule>,
}

impl Tested {
    /// What people call it.
    pub(super) fn name(&self) -> String {
        format!("{} `{}`", self.subject.kind, self.subject.component)
    }

    /// What people do whose config it refuses.
    pub(super) fn how_to_configure(&self) -> String {
        let Subject { file, kind, component, .. } = &self.subject;
        format!(
            "Give it a config with --component {kind}:{component} --config '{}': `plugin inspect \
             {}` says what it may be",
            self.needed,
            shown(file).display()
        )
    }

    /// How people test it with the fields that were left out; `None`: none was, or
    /// it needs others.
    pub(super) fn how_to_test_more(&self) -> Option<String> {
        if self.left_out.is_empty() {
            return None;
        }
        let Subject { kind, component, .. } = &self.subject;
        let fields: Vec<String> = self.left_out.iter().map(|name| format!("{name}: …")).collect();
        Some(format!(
            "its config may have more; to test it with that, too: --component {kind}:{component} \
             --config '({})'",
            fields.join(", ")
        ))
    }
}

/// What the arguments ask for.
pub(super) fn tested(args: &Args) -> Result<Vec<Tested>, Failure> {
    let (file, descriptor) = read(args)?;
    let components = components(args, &descriptor)?;
    if args.config != NO_CONFIG && components.len() > 1 {
        let names: Vec<String> = components.iter().copied().map(named).collect();
        return Err(Failure::new(
            Exit::Usage,
            format_args!(
                "--config is for one component: name one with --component, of {}",
                names.join(", ")
            ),
        ));
    }
    let wanted = wanted(args)?;
    let tested: Vec<Tested> = components
        .into_iter()
        .map(|component| Tested {
            subject: Subject {
                file: file.clone(),
                kind: component.kind,
                component: component.name.clone(),
                config: args.config.clone(),
                seed: args.seed,
                jobs: args.jobs,
                node: args.node.clone(),
            },
            version: descriptor.version.clone(),
            needed: needed(component.config.as_ref()),
            left_out: match args.config.as_str() {
                NO_CONFIG => left_out(component.config.as_ref()),
                _ => Vec::new(),
            },
            rules: tests_for(component.kind, &wanted),
        })
        .filter(|tested| !tested.rules.is_empty())
        .collect();
    if tested.is_empty() {
        let none = "none of these rules is for a component of this plugin";
        return Err(Failure::new(Exit::NotFound, format_args!("{none}: see `plugin test --list`")));
    }
    Ok(tested)
}

/// The file, and what it says about itself; nothing of it is run.
fn read(args: &Args) -> Result<(std::path::PathBuf, Descriptor), Failure> {
    let file = args.file.as_deref().unwrap_or(Path::new(""));
    let file = resolve(file, Path::new("."), &plugin::folders(&[], &[]));
    let refused = |refusal| Failure::new(Exit::Plugin, refusal);
    let inspection = Inspection::read(&file).and_then(Inspection::accepted).map_err(refused)?;
    Ok((file, inspection.descriptor))
}

fn components<'a>(args: &Args, descriptor: &'a Descriptor) -> Result<Vec<&'a Component>, Failure> {
    let is_wanted = |component: &&Component| {
        args.component
            .as_deref()
            .is_none_or(|name| name == component.name || name == named(component))
    };
    let found: Vec<&Component> = descriptor.components.iter().filter(is_wanted).collect();
    if !found.is_empty() {
        return Ok(found);
    }
    let names: Vec<String> = descriptor.components.iter().map(named).collect();
    let wanted = args.component.as_deref().unwrap_or_default();
    Err(Failure::new(
        Exit::NotFound,
        format_args!(
            "plugin {} has no component `{wanted}`; it has {}",
            descriptor.plugin,
            names.join(", ")
        ),
    ))
}

fn fields(config: Option<&Shape>) -> &[FieldShape] {
    match config {
        Some(Shape::Struct { fields, .. }) => fields,
        _ => &[],
    }
}

/// The fields that may be left out, if that is all of them.
fn left_out(config: Option<&Shape>) -> Vec<String> {
    let fields = fields(config);
    if fields.iter().any(|field| field.required) {
        return Vec::new();
    }
    fields.iter().map(|field| field.name.clone()).collect()
}

/// A config with nothing but the fields that must be there, for people to fill in.
fn needed(config: Option<&Shape>) -> String {
    let needed = fields(config).iter().filter(|field| field.required);
    let needed: Vec<String> = needed.map(|field| format!("{}: …", field.name)).collect();
    if needed.is_empty() { "(…)".to_owned() } else { format!("({})", needed.join(", ")) }
}

/// A component's name, with its kind.
fn named(component: &Component) -> String {
    format!("{}:{}", component.kind, component.name)
}

/// The rules that the arguments name.
fn wanted(args: &Args) -> Result<Vec<&'static Rule>, Failure> {
    let find = |id: &String| {
        rule(&id.to_uppercase()).ok_or_else(|| {
            Failure::new(
                Exit::Usage,
                format_args!("there is no rule {id}: `plugin test --list` has them all"),
            )
        })
    };
    args.rule.iter().map(find).collect()
}

/// The tests that look for some rules of a kind; for all, if none is named.
fn tests_for(kind: Kind, wanted: &[&'static Rule]) -> Vec<&'static Rule> {
    let for_kind: Vec<&Rule> = wanted.iter().copied().filter(|rule| rule.is_for(kind)).collect();
    // What has no test of its own is looked after by all others.
    let is_all = wanted.is_empty() || for_kind.iter().any(|rule| !rule.has_test());
    rules_for(kind)
        .filter(|rule| rule.has_test())
        .filter(|rule| is_all || for_kind.iter().any(|wanted| wanted.id == rule.id))
        .collect()
}

/// A rule as `--list` shows it.
#[derive(Serialize)]
struct Listed {
    id: &'static str,
    kind: Option<Kind>,
    name: &'static str,
    requires: &'static str,
    why: &'static str,
    /// `null`: there is no more or less of it.
    limit: Option<&'static str>,
    mend: &'static str,
}

/// `plugin test --list`: the rules, or those for the components of a file.
pub(super) fn list(args: &Args, output: &Output) -> Result<(), Failure> {
    let wanted = wanted(args)?;
    let kinds = match &args.file {
        None => None,
        Some(_) => {
            let (_, descriptor) = read(args)?;
            let components = components(args, &descriptor)?;
            Some(components.iter().map(|component| component.kind).collect::<Vec<_>>())
        }
    };
    let is_listed = |rule: &&Rule| {
        let named = wanted.is_empty() || wanted.iter().any(|wanted| wanted.id == rule.id);
        named && kinds.as_ref().is_none_or(|kinds| kinds.iter().any(|kind| rule.is_for(*kind)))
    };
    let listed: Vec<Listed> = rules()
        .filter(is_listed)
        .map(|rule| Listed {
            id: rule.id,
            kind: rule.kind,
            name: rule.name,
            requires: rule.requires,
            why: rule.why,
            limit: rule.limit,
            mend: rule.mend,
        })
        .collect();
    let mut text = String::new();
    for rule in &listed {
        let name = output.paint(Style::Bold, rule.name);
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{}  {name}\n         {} {}", rule.id, rule.requires, rule.why);
    }
    output.result(&listed, text.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(kind: Kind, wanted: &[&str]) -> Vec<&'static str> {
        let wanted: Vec<&Rule> = wanted.iter().map(|id| rule(id).unwrap()).collect();
        tests_for(kind, &wanted).into_iter().map(|rule| rule.id).collect()
    }

    #[test]
    fn a_config_to_fill_in_has_the_fields_that_must_be_there() {
        let shape = |fields: &str| {
            let json = format!(r#"{{"type":"struct","name":"C","fields":[{fields}]}}"#);
            serde_json::from_str::<Shape>(&json).unwrap()
        };
        let [must, may] = [("step", true), ("order", false)].map(|(name, required)| {
            format!(r#"{{"name":"{name}","required":{required},"of":{{"type":"text"}}}}"#)
        });
        assert_eq!(needed(Some(&shape(&format!("{must},{may}")))), "(step: …)");
        assert_eq!(needed(Some(&shape(&may))), "(…)");
        assert_eq!(needed(None), "(…)");
        assert_eq!(left_out(Some(&shape(&may))), ["order"]);
        assert_eq!(left_out(Some(&shape(&format!("{must},{may}")))), [] as [&str; 0]);
        assert_eq!(left_out(None), [] as [&str; 0]);
    }

    #[test]
    fn a_rule_without_a_test_is_looked_for_by_all() {
        assert_eq!(ids(Kind::Strategy, &["STR-003"]), ["STR-003"]);
        assert_eq!(ids(Kind::Engine, &["STR-003"]), [] as [&str; 0]);
        let all = ids(Kind::Engine, &[]);
        assert!(all.starts_with(&["ANY-001"]) && all.contains(&"ENG-001"), "{all:?}");
        assert!(!all.contains(&"ANY-002"));
        assert_eq!(ids(Kind::Engine, &["ANY-002"]), all);
    }
}
