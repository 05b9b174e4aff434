//! The layout of every type of the interface is written down, one file for
//! each version: a change is made on purpose or not at all, and what a
//! released version wrote down stays.
//!
//! `SPACETIME_WRITE_LAYOUT=1 cargo test -p spacetime-sdk-abi --test layout`
//! writes the file of a version that has none.

#![cfg(target_pointer_width = "64")]
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, missing_docs, reason = "a test's panic is its report")]

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    env,
    fmt::Write,
    fs,
    path::{Path, PathBuf},
};

use spacetime_sdk_abi::{
    ABI_VERSION, PluginModuleRef,
    abi_stable::{
        StableAbi,
        type_layout::{TLData, TLFields, TypeLayout},
    },
};

/// What each type of the interface looks like, by its name; the lines of its
/// fields, variants and functions in order.
type Layouts = BTreeMap<String, Vec<String>>;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("layouts")
}

fn is_ours(layout: &TypeLayout) -> bool {
    layout.package().as_str() == env!("CARGO_PKG_NAME")
}

/// Types that this one is made of, functions' arguments and results included.
fn parts(layout: &'static TypeLayout) -> Vec<&'static TypeLayout> {
    let mut parts: Vec<_> = layout.shared_vars().type_layouts().iter().map(|part| part()).collect();
    let fields = layout.get_fields().into_iter().flat_map(|fields| fields.iter());
    parts.extend(fields.chain(layout.phantom_fields().iter()).map(|field| field.layout()));
    parts
}

/// A type's name; a foreign one (`RVec`) with those of ours that are within.
fn name(layout: &'static TypeLayout) -> String {
    fn find(layout: &'static TypeLayout, seen: &mut HashSet<usize>, names: &mut BTreeSet<String>) {
        if !seen.insert(std::ptr::from_ref(layout).addr()) {
            return;
        }
        if is_ours(layout) {
            names.insert(layout.full_type().to_string());
        } else {
            parts(layout).into_iter().for_each(|part| find(part, seen, names));
        }
    }
    let own = layout.full_type().to_string();
    let mut within = BTreeSet::new();
    find(layout, &mut HashSet::new(), &mut within);
    within.retain(|name| !own.contains(name.as_str()));
    match within.is_empty() {
        true => own,
        false => format!("{own}({})", Vec::from_iter(within).join(", ")),
    }
}

fn fields(lines: &mut Vec<String>, fields: &TLFields, from: usize, count: usize) {
    for field in fields.iter().skip(from).take(count) {
        let layout = field.layout();
        let size = format!("{} bytes at {}", layout.size(), layout.alignment());
        lines.push(format!("    {}: {}, {size}", field.name(), name(layout)));
        for function in field.function_range().iter() {
            let signature = function.to_string();
            // The lines after the first tell its lifetimes.
            lines.push(format!("        {}", signature.lines().next().unwrap()));
        }
    }
}

fn describe(layout: &'static TypeLayout) -> Vec<String> {
    let size = format!("{} bytes at {}", layout.size(), layout.alignment());
    let mut lines = Vec::new();
    match layout.data() {
        TLData::Primitive(primitive) => lines.push(format!("  {size}, {primitive:?}")),
        TLData::Opaque => lines.push(format!("  {size}, opaque")),
        TLData::Struct { fields: all } | TLData::Union { fields: all } => {
            lines.push(format!("  {size}, {:?}", layout.repr_attr()));
            fields(&mut lines, &all, 0, all.len());
        }
        TLData::Enum(variants) => {
            let open = match variants.exhaustiveness.is_exhaustive() {
                true => "closed",
                false => "open",
            };
            lines.push(format!("  {size}, {:?}, {open}", layout.repr_attr()));
            let mut from = 0;
            for (variant, count) in variants.variant_names_iter().zip(&*variants.field_count) {
                lines.push(format!("  variant {variant}"));
                fields(&mut lines, &variants.fields, from, (*count).into());
                from += usize::from(*count);
            }
        }
        TLData::PrefixType(prefix) => {
            lines.push(format!("  {} fields at least", prefix.first_suffix_field));
            fields(&mut lines, &prefix.fields, 0, prefix.fields.len());
            // Of a function's argument, its signature tells the outermost type alone.
            let used = layout.shared_vars().type_layouts().iter().map(|part| name(part()));
            lines
                .extend(BTreeSet::from_iter(used).into_iter().map(|name| format!("  uses {name}")));
        }
    }
    lines
}

/// Every trait's table of functions is called the same, in a module of its own;
/// in which file a type is defined does not matter.
fn unique_name(layout: &TypeLayout) -> String {
    let path = layout.mod_path().to_string();
    let module = path.rsplit("::").next().filter(|module| module.ends_with("_trait"));
    let module = module.map(|module| format!("{module}::"));
    format!("{}{}", module.unwrap_or_default(), layout.full_type())
}

fn layouts() -> Layouts {
    fn add(layout: &'static TypeLayout, seen: &mut HashSet<usize>, layouts: &mut Layouts) {
        if !seen.insert(std::ptr::from_ref(layout).addr()) {
            return;
        }
        if is_ours(layout) {
            let name = unique_name(layout);
            layouts.insert(name, describe(layout));
        }
        parts(layout).into_iter().for_each(|part| add(part, seen, layouts));
    }
    let mut layouts = Layouts::new();
    add(<PluginModuleRef as StableAbi>::LAYOUT, &mut HashSet::new(), &mut layouts);
    layouts
}

fn to_text(layouts: &Layouts) -> String {
    let mut text = String::new();
    for (name, lines) in layouts {
        writeln!(text, "{name}").unwrap();
        lines.iter().for_each(|line| writeln!(text, "{line}").unwrap());
    }
    text
}

fn from_text(text: &str) -> Layouts {
    let mut layouts = Layouts::new();
    let mut current = String::new();
    for line in text.lines() {
        if line.starts_with(' ') {
            layouts.get_mut(&current).unwrap().push(line.to_owned());
        } else {
            line.clone_into(&mut current);
            layouts.insert(line.to_owned(), Vec::new());
        }
    }
    layouts
}

fn minor(version: &str) -> String {
    version.splitn(3, '.').take(2).collect::<Vec<_>>().join(".")
}

#[test]
fn the_layout_is_the_one_that_was_written_down() {
    let file = folder().join(format!("{}.txt", minor(ABI_VERSION)));
    let today = to_text(&layouts());
    if env::var_os("SPACETIME_WRITE_LAYOUT").is_some() && !file.exists() {
        fs::create_dir_all(folder()).unwrap();
        fs::write(&file, &today).unwrap();
    }
    let written = fs::read_to_string(&file).unwrap_or_else(|error| {
        panic!("{}: {error}; a new version of the interface writes its layout down", file.display())
    });
    let differs = today.lines().zip(written.lines()).find(|(today, written)| today != written);
    assert!(
        today == written,
        "the layout of interface {ABI_VERSION} is no longer the released one: {differs:?}. Undo \
         the change, or make it one that docs/abi.md allows, in a new minor version"
    );
}

/// What a version has is a beginning of what the next minor version has.
#[test]
fn each_minor_version_only_appends_to_the_one_before() {
    let mut versions: Vec<(u64, u64, Layouts)> = fs::read_dir(folder())
        .unwrap()
        .map(|entry| {
            let path = entry.unwrap().path();
            let (major, minor) =
                path.file_stem().unwrap().to_str().unwrap().split_once('.').unwrap();
            let layouts = from_text(&fs::read_to_string(&path).unwrap());
            (major.parse().unwrap(), minor.parse().unwrap(), layouts)
        })
        .collect();
    versions.sort_by_key(|(major, minor, _)| (*major, *minor));
    for pair in versions.windows(2) {
        let [(major, minor, older), (next_major, next_minor, newer)] = pair else { unreachable!() };
        if major == next_major {
            let broken = broken(older, newer);
            assert_eq!(broken, [""; 0], "{major}.{minor} against {next_major}.{next_minor}");
        }
    }
}

/// Names of types that were changed otherwise than by an addition at the end.
fn broken<'a>(older: &'a Layouts, newer: &Layouts) -> Vec<&'a str> {
    let grows = |lines: &[String]| lines[0].ends_with("at least") || lines[0].ends_with("open");
    let kept = |name: &String, old: &Vec<String>| {
        let Some(new) = newer.get(name) else { return false };
        // Which types a table of functions uses has no order.
        let is_use = |line: &&String| line.starts_with("  uses ");
        let uses = |lines: &Vec<String>| BTreeSet::from_iter(lines.iter().filter(is_use).cloned());
        let rest = |lines: &Vec<String>| {
            Vec::from_iter(lines.iter().filter(|line| !is_use(line)).cloned())
        };
        let appended = uses(new).is_superset(&uses(old)) && rest(new).starts_with(&rest(old));
        if grows(old) { appended } else { new == old }
    };
    older.iter().filter(|(name, old)| !kept(name, old)).map(|(name, _)| name.as_str()).collect()
}

#[test]
fn what_is_not_appended_is_found() {
    let older = from_text(
        "A\n  8 bytes, C\n    x: u64\nB\n  1 fields at least\n    f: fn\n  uses A\nE\n  open\n  variant V\n",
    );
    let unlike = |from: &str, to: &str| {
        let newer = to_text(&older).replace(from, to);
        assert_ne!(newer, to_text(&older), "{from}");
        broken(&older, &from_text(&newer)).into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(unlike("    f: fn\n", "    f: fn\n    g: fn\n"), [""; 0]);
    assert_eq!(unlike("  variant V\n", "  variant V\n  variant W\n"), [""; 0]);
    assert_eq!(unlike("  uses A\n", "  uses A\n  uses Z\n"), [""; 0]);
    assert_eq!(unlike("    f: fn\n", "    g: fn\n    f: fn\n"), ["B"]);
    assert_eq!(unlike("    x: u64\n", "    x: u32\n"), ["A"]);
    assert_eq!(unlike("    x: u64\n", "    x: u64\n    y: u64\n"), ["A"]);
    assert_eq!(unlike("  variant V\n", "  variant U\n  variant V\n"), ["E"]);
    assert_eq!(unlike("  uses A\n", ""), ["B"]);
    assert_eq!(unlike("A\n  8 bytes, C\n    x: u64\n", ""), ["A"]);
}
