//! Which component a name of the manifest means, among the plugins at hand.

use std::path::Path;

use spacetime_sdk_loader::{Descriptor, Kind};

use crate::manifest::did_you_mean;

/// A plugin at hand.
#[derive(Clone, Copy, Debug)]
pub(super) struct Offer<'a> {
    /// The file's path as the manifest has it, if it is named there.
    pub(super) entry: Option<&'a Path>,
    /// The file.
    pub(super) path: &'a Path,
    pub(super) descriptor: &'a Descriptor,
}

/// What a name of the manifest asks for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted<'a> {
    pub(super) kind: Kind,
    /// `name` or `plugin-id/name`.
    pub(super) name: &'a str,
    /// A path as in the manifest, an id, or `id@version`.
    pub(super) plugin: Option<&'a str>,
}

/// Why no component was chosen, in a sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Unchosen {
    /// There is none.
    Unknown(String),
    /// There are several.
    Ambiguous(String),
}

impl Unchosen {
    pub(super) fn message(self) -> String {
        match self {
            Self::Unknown(message) | Self::Ambiguous(message) => message,
        }
    }
}

/// The position of the offer that has the component, and the component's
/// name in it.
pub(super) fn choose<'a>(
    wanted: &Wanted<'a>,
    offers: &[Offer<'_>],
) -> Result<(usize, &'a str), Unchosen> {
    let (id, name) = match wanted.name.rsplit_once('/') {
        Some((id, name)) => (Some(id), name),
        None => (None, wanted.name),
    };
    let is_meant = |offer: &Offer<'_>| {
        id.is_none_or(|id| is_called(offer, id))
            && wanted.plugin.is_none_or(|plugin| is_called(offer, plugin))
    };
    let found: Vec<usize> = offers
        .iter()
        .enumerate()
        .filter(|(_, offer)| offer.descriptor.component(wanted.kind, name).is_some())
        .filter(|(_, offer)| is_meant(offer))
        .map(|(position, _)| position)
        .collect();
    match found.as_slice() {
        [] => Err(Unchosen::Unknown(unknown(wanted, name, offers))),
        [first, rest @ ..]
            if rest.iter().all(|other| is_same(&offers[*first], &offers[*other])) =>
        {
            Ok((*first, name))
        }
        several => Err(Unchosen::Ambiguous(ambiguous(wanted, name, several, offers))),
    }
}

fn is_called(offer: &Offer<'_>, name: &str) -> bool {
    let Descriptor { plugin, version, .. } = offer.descriptor;
    name == plugin
        || name == format!("{plugin}@{version}")
        || offer.entry.is_some_and(|entry| entry == Path::new(name))
        || offer.path == Path::new(name)
}

/// One file, named twice.
fn is_same(one: &Offer<'_>, other: &Offer<'_>) -> bool {
    let real = |offer: &Offer<'_>| offer.path.canonicalize().ok();
    one.path == other.path || (real(one).is_some() && real(one) == real(other))
}

fn unknown(wanted: &Wanted<'_>, name: &str, offers: &[Offer<'_>]) -> String {
    let kind = wanted.kind;
    let names: Vec<&str> = offers
        .iter()
        .flat_map(|offer| &offer.descriptor.components)
        .filter(|component| component.kind == kind)
        .map(|component| component.name.as_str())
        .collect();
    let hint = match (names.is_empty(), names.contains(&name)) {
        (true, _) => format!("no plugin at hand has a component of kind {kind}"),
        (_, true) => {
            format!("`{name}` is there, but in another plugin: {}", choices(kind, name, offers))
        }
        _ => did_you_mean(name, names.iter().copied()),
    };
    format!("there is no {kind} named `{}`; {hint}", wanted.name)
}

fn ambiguous(wanted: &Wanted<'_>, name: &str, found: &[usize], offers: &[Offer<'_>]) -> String {
    let found: Vec<Offer<'_>> = found.iter().map(|position| offers[*position]).collect();
    format!(
        "several plugins have a {} named `{name}`: say which one with plugin: \"…\", which is one of {}",
        wanted.kind,
        choices(wanted.kind, name, &found),
    )
}

/// The plugins with the component, by the shortest name that tells them apart.
fn choices(kind: Kind, name: &str, offers: &[Offer<'_>]) -> String {
    let having: Vec<&Offer<'_>> =
        offers.iter().filter(|offer| offer.descriptor.component(kind, name).is_some()).collect();
    let versioned =
        |offer: &Offer<'_>| format!("{}@{}", offer.descriptor.plugin, offer.descriptor.version);
    let is_unique =
        |text: &str| having.iter().filter(|offer| versioned(offer) == text).count() == 1;
    let names: Vec<String> = having
        .iter()
        .map(|offer| match versioned(offer) {
            name if is_unique(&name) => format!("`{name}`"),
            _ => format!("`{}`", offer.entry.unwrap_or(offer.path).display()),
        })
        .collect();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use spacetime_sdk_loader::Component;

    use super::*;

    fn plugin(id: &str, version: &str, names: &[&str]) -> Descriptor {
        let component = |name: &&str| Component {
            kind: Kind::Strategy,
            name: (*name).to_owned(),
            about: String::new(),
            config: None,
            may_repeat: None,
        };
        Descriptor {
            plugin: id.into(),
            version: version.into(),
            about: String::new(),
            license: String::new(),
            abi: "1.0.0".into(),
            sdk: "0.1.0".into(),
            rustc: "rustc".into(),
            target: "target".into(),
            panic: "unwind".into(),
            profile: String::new(),
            cpu: Vec::new(),
            components: names.iter().map(component).collect(),
        }
    }

    fn pick(
        name: &str,
        plugin: Option<&str>,
        plugins: &[(&str, Descriptor)],
    ) -> Result<usize, String> {
        let offers: Vec<Offer<'_>> = plugins
            .iter()
            .map(|(path, descriptor)| Offer {
                entry: Some(Path::new(path)),
                path: Path::new(path),
                descriptor,
            })
            .collect();
        let wanted = Wanted { kind: Kind::Strategy, name, plugin };
        choose(&wanted, &offers).map(|(at, _)| at).map_err(Unchosen::message)
    }

    #[test]
    fn a_name_is_found_in_whatever_plugin_has_it() {
        let plugins = [
            ("a.so", plugin("one", "1.0.0", &["full"])),
            ("b.so", plugin("two", "1.0.0", &["half"])),
        ];
        assert_eq!(pick("half", None, &plugins), Ok(1));
        assert_eq!(pick("two/half", None, &plugins), Ok(1));
        let message = pick("ful", None, &plugins).unwrap_err();
        assert_eq!(message, "there is no strategy named `ful`; did you mean `full`?");
        let message = pick("one/half", None, &plugins).unwrap_err();
        assert!(message.ends_with("in another plugin: `two@1.0.0`"), "{message}");
        let message = pick("full", None, &[]).unwrap_err();
        assert!(
            message.ends_with("no plugin at hand has a component of kind strategy"),
            "{message}"
        );
    }

    #[test]
    fn one_of_several_must_be_named() {
        let plugins = [
            ("a.so", plugin("one", "1.0.0", &["full"])),
            ("b.so", plugin("one", "2.0.0", &["full"])),
            ("c.so", plugin("one", "2.0.0", &["full"])),
        ];
        let message = pick("full", None, &plugins).unwrap_err();
        assert!(message.ends_with("one of `one@1.0.0`, `b.so`, `c.so`"), "{message}");
        assert_eq!(pick("full", Some("one@1.0.0"), &plugins), Ok(0));
        assert_eq!(pick("full", Some("c.so"), &plugins), Ok(2));
        assert_eq!(pick("one@1.0.0/full", None, &plugins), Ok(0));
    }

    #[test]
    fn one_file_named_twice_is_no_choice() {
        let file = ("a.so", plugin("one", "1.0.0", &["full"]));
        assert_eq!(pick("full", None, &[file.clone(), file]), Ok(0));
    }
}
