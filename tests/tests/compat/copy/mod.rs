//! Copies of the SDK, changed as another release of it might be, with plugins
//! and a host built against them.

use std::path::PathBuf;

use spacetime_sdk_loader::abi::ABI_VERSION;
use spacetime_tests::{
    artifacts::{Artifacts, repository},
    outside::{MINIMAL, Project},
};

/// A change to the copied texts: gets a path below `sdk/` and the file's text.
type Patch = fn(&str, String) -> String;

/// Replaces a text that must be there.
#[track_caller]
fn replace(text: &str, from: &str, to: &str) -> String {
    assert!(text.contains(from), "the SDK has no `{from}` any more; change this test with it");
    text.replace(from, to)
}

/// The text without everything from one text to the end of the next other one.
#[track_caller]
fn without(text: &str, from: &str, to: &str) -> String {
    let start = text.find(from);
    let start = start.unwrap_or_else(|| panic!("the SDK has no `{from}` any more"));
    let end = text[start..].find(to);
    let end = start + end.unwrap_or_else(|| panic!("nothing ends with `{to}`")) + to.len();
    format!("{}{}", &text[..start], &text[end..])
}

/// Jobs and plots for the hosts.
const SAMPLE: &str = include_str!("../../../../sdk/conformance/src/sample.rs");

/// How the last method of the interface's `Strategy` ends.
const LAST_METHOD_ENDS: &str = "RResult::ROk(Arrangement::default())\n    }";

/// The manifest of the interface, with another version.
fn versioned(text: &str, version: &str) -> String {
    replace(text, &format!("version = \"{ABI_VERSION}\""), &format!("version = \"{version}\""))
}

/// A copy as it was before 1.1: without `arrange` and `path`, and without a
/// meaning of any reserved word.
pub(crate) fn older() -> Artifacts {
    let copy = Copy::new("older", |path, text| match path {
        "abi/Cargo.toml" => versioned(&text, "1.0.0"),
        "abi/src/objects.rs" => {
            let text =
                without(&text, "    /// Chooses among the plots of a job,", LAST_METHOD_ENDS);
            without(&text, "    /// A path that a config gives", "RString::from(path)\n    }\n")
        }
        "src/host.rs" => replace(
            &text,
            "PathBuf::from(host.path(path.into()).as_str())",
            "{ let _ = host; path.into() }",
        ),
        "loader/src/services.rs" => without(
            &text,
            "    fn path(&self, path: RStr<'_>)",
            "services.path(path.as_str())).into()\n    }\n",
        ),
        "src/strategy.rs" => {
            let text = without(
                &text,
                "    fn arrange(\n        &mut self,\n        job: &abi::Job<'_>,",
                ".into()\n    }\n",
            );
            let text = replace(&text, "self.features & features::BATCH != 0", "false");
            replace(&text, "self.features & features::MAY_REPEAT != 0", "false")
        }
        "loader/src/handles.rs" => {
            let text = replace(&text, "features: abi::features::ALL", "features: 0");
            let text = replace(&text, "u64::from(self.node_is_chosen)", "0");
            without(&text, "    /// The turns that plots of a job get", "Ok(Some(turns))\n    }\n")
        }
        "loader/src/library.rs" => replace(&text, "features: abi::features::ALL", "features: 0"),
        _ => text,
    });
    copy.project
        .write("plugin/Cargo.toml", &copy.package("plugin", "cdylib", "spacetime-sdk"))
        .write("plugin/src/lib.rs", MINIMAL)
        .write("host/Cargo.toml", &copy.package("host", "", "spacetime-sdk-loader"))
        .write("host/src/main.rs", include_str!("older_host.rs"))
        .write("host/src/sample.rs", SAMPLE);
    copy.build(&["plugin", "host"])
}

/// A copy with one more root field, method and variant, as the next minor.
pub(crate) fn newer() -> Artifacts {
    let copy = Copy::new("newer", |path, text| {
        match path {
        "abi/Cargo.toml" => versioned(&text, "1.2.0"),
        "abi/src/module.rs" => append(
            &text,
            "// abi: fields are appended here",
            "pub inspect: extern \"C\" fn(&OpenArgs<'_>) -> RResult<u64, Fault>,",
        ),
        "abi/src/objects.rs" => replace(
            &text,
            LAST_METHOD_ENDS,
            &format!(
                "{LAST_METHOD_ENDS}
                 fn pause(&mut self, seconds: u64) -> RResult<u64, Fault> {{ RResult::ROk(seconds) }}"
            ),
        ),
        "abi/src/events.rs" => append_variants(&text),
        "abi/src/questions.rs" => {
            append(&text, "// abi: questions are appended here", "Weather { day: u64 },")
        }
        "src/export.rs" => with_inspect(&text),
        "src/strategy.rs" => replace(
            &text,
            "    fn feedback(&mut self, stats: &abi::BatchStats)",
            "    fn pause(&mut self, seconds: u64) -> RResult<u64, Fault> { ROk(seconds + 1) }
                 fn feedback(&mut self, stats: &abi::BatchStats)",
        ),
        "src/transport/message.rs" => with_weather(&text),
        "loader/src/handles.rs" => replace(
            &text,
            "    /// Reports progress.\n",
            "    /// Pauses.
                 pub fn pause(&mut self, seconds: u64) -> Result<u64, Fault> {
                     self.object.call_mut(Method::Feedback, |object| object.pause(seconds), |it| it)
                 }
                 /// Reports progress.\n",
        ),
        "loader/src/library.rs" => replace(
            &text,
            "    pub(crate) fn module(",
            "    /// Whether it has the new field.
                 pub fn inspects(&self) -> bool { self.module.inspect().is_some() }
                 pub(crate) fn module(",
        ),
        _ => text,
    }
    });
    copy.project
        .write("plugin/Cargo.toml", &copy.package("plugin", "cdylib", "spacetime-sdk"))
        .write("plugin/src/lib.rs", include_str!("plugin.rs"))
        .write("host/Cargo.toml", &copy.package("host", "", "spacetime-sdk-loader"))
        .write("host/src/main.rs", include_str!("host.rs"))
        .write("host/src/sample.rs", SAMPLE);
    copy.build(&["plugin", "host"])
}

fn append(text: &str, anchor: &str, line: &str) -> String {
    replace(text, anchor, &format!("{line}\n{anchor}"))
}

fn append_variants(text: &str) -> String {
    let anchor = "// abi: variants are appended here";
    let (events, requests) = text.split_once(anchor).expect("two enums grow");
    assert!(requests.contains(anchor), "two enums grow");
    let requests = append(requests, anchor, "Rest { seconds: u64 },");
    format!("{events}Weather {{ degrees: u64 }},\n{requests}")
}

fn with_inspect(text: &str) -> String {
    let text = replace(
        text,
        "            fn module()",
        "            extern \"C\" fn inspect(
                 _: &__private::abi::OpenArgs<'_>,
             ) -> __private::RResult<u64, __private::abi::Fault> {
                 __private::RResult::ROk(1)
             }
             fn module()",
    );
    replace(&text, "                    ask_transport,\n", "ask_transport, inspect,\n")
}

fn with_weather(text: &str) -> String {
    let text = replace(
        text,
        "    /// The answer to a submission.\n",
        "    /// How the weather is.
             Weather(u64),
             /// The answer to a submission.\n",
    );
    replace(
        &text,
        "            Self::Online {",
        "            Self::Weather(degrees) => abi::Event::Weather { degrees: *degrees },
                     Self::Online {",
    )
}

/// A plugin built against a copy of the first minor version, as far as the
/// root module goes: transports are not asked there.
pub(crate) fn earlier() -> PathBuf {
    let copy = Copy::new("earlier", |path, text| match path {
        "abi/Cargo.toml" => versioned(&text, "1.0.0"),
        "abi/src/module.rs" => {
            let field = text.find("    /// Puts a question").expect("it has that field");
            let end = text.find("    // abi: fields").expect("fields are appended");
            replace(
                &format!("{}{}", &text[..field], &text[end..]),
                "    questions::{Answer_NE, Question_NE},\n",
                "",
            )
        }
        "src/export.rs" => replace(&text, "                    ask_transport,\n", ""),
        _ => text,
    });
    copy.project
        .write("plugin/Cargo.toml", &copy.package("plugin", "cdylib", "spacetime-sdk"))
        .write("plugin/src/lib.rs", include_str!("asked.rs"));
    copy.build(&["plugin"]).file("outside-earlier-plugin")
}

/// A plugin built against a copy of another major version.
pub(crate) fn other_major() -> PathBuf {
    minimal_plugin("major", |path, text| match path {
        "abi/Cargo.toml" => versioned(&text, "2.0.0"),
        _ => text,
    })
}

/// A plugin built against a copy in which a field has another type of the same
/// size, though the version is the same.
pub(crate) fn changed_field() -> PathBuf {
    minimal_plugin("changed", |path, text| match path {
        "abi/src/data.rs" => replace(&text, "pub drive: u64,", "pub drive: i64,"),
        "src/job.rs" => replace(&text, "drive: plot.drive,", "drive: plot.drive.cast_unsigned(),"),
        _ => text,
    })
}

/// A plugin built against a copy of the next minor version in which a method
/// stands before older ones, where no minor version may put it.
pub(crate) fn inserted_method() -> PathBuf {
    minimal_plugin("inserted", |path, text| match path {
        "abi/Cargo.toml" => versioned(&text, "1.2.0"),
        "abi/src/objects.rs" => replace(
            &text,
            "    /// How many leaves a whole plan",
            "    fn pause(&mut self, seconds: u64) -> RResult<u64, Fault>;
                 /// How many leaves a whole plan",
        ),
        "src/strategy.rs" => replace(
            &text,
            "    fn feedback(&mut self, stats: &abi::BatchStats)",
            "    fn pause(&mut self, seconds: u64) -> RResult<u64, Fault> { ROk(seconds) }
                 fn feedback(&mut self, stats: &abi::BatchStats)",
        ),
        _ => text,
    })
}

fn minimal_plugin(name: &'static str, patch: Patch) -> PathBuf {
    let copy = Copy::new(name, patch);
    copy.project
        .write("plugin/Cargo.toml", &copy.package("plugin", "cdylib", "spacetime-sdk"))
        .write("plugin/src/lib.rs", MINIMAL);
    copy.build(&["plugin"]).file(&format!("outside-{name}-plugin"))
}

/// A workspace with a changed copy of the SDK; the protocol is the real one.
struct Copy {
    name: &'static str,
    project: Project,
}

impl Copy {
    fn new(name: &'static str, patch: Patch) -> Self {
        let copy = Self { name, project: Project::new(name) };
        for part in ["", "abi/", "loader/"] {
            let patched = |path: &str, text| patch(&format!("{part}{path}"), text);
            let source = |path: &str| format!("sdk/{part}{path}");
            let target = |path: &str| format!("{}/{part}{path}", copy.folder());
            copy.project
                .copy(&source("src"), &target("src"), &|path, text| {
                    patched(&format!("src/{path}"), text)
                })
                .copy(&source("Cargo.toml"), &target("Cargo.toml"), &|_, text| {
                    patched("Cargo.toml", text)
                });
        }
        let build_script = format!("{}/build.rs", copy.folder());
        copy.project.copy("sdk/build.rs", &build_script, &|_, text| text);
        copy
    }

    /// Where the SDK's copy lies within its workspace. Cargo tells packages of
    /// one name and version apart by this, in a build folder that they share
    /// with the real one.
    fn folder(&self) -> String {
        format!("sdk-{}", self.name)
    }

    fn package(&self, part: &str, crate_type: &str, dependency: &str) -> String {
        let features = if dependency == "spacetime-sdk" { "\"transport\"" } else { "" };
        let library = match crate_type {
            "" => String::new(),
            _ => format!("[lib]\ncrate-type = [\"{crate_type}\"]\n"),
        };
        format!(
            "[package]\nname = \"outside-{}-{part}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\
             description = \"A fixture\"\nlicense = \"MIT\"\n{library}\
             [dependencies]\n{dependency} = {{ workspace = true, features = [{features}] }}\n",
            self.name
        )
    }

    fn build(&self, parts: &[&str]) -> Artifacts {
        self.project.write("Cargo.toml", &self.workspace(parts));
        let packages = parts.iter().map(|part| format!("--package=outside-{}-{part}", self.name));
        let packages: Vec<String> = packages.collect();
        let arguments: Vec<&str> =
            std::iter::once("build").chain(packages.iter().map(String::as_str)).collect();
        self.project.build(&arguments)
    }

    /// The repository's workspace manifest, with the copies for members.
    fn workspace(&self, parts: &[&str]) -> String {
        let manifest = std::fs::read_to_string(repository().join("Cargo.toml")).unwrap();
        let shared = &manifest[manifest.find("[workspace.package]").expect("it is a workspace")..];
        let folder = self.folder();
        let copied = [folder.clone(), format!("{folder}/abi"), format!("{folder}/loader")];
        let members = copied.iter().map(String::as_str).chain(parts.iter().copied());
        let members: Vec<&str> = members.collect();
        let mut text = format!("[workspace]\nresolver = \"3\"\nmembers = {members:?}\n\n{shared}");
        for (from, to) in [("sdk", 0), ("sdk/abi", 1), ("sdk/loader", 2)] {
            let path = &copied[to];
            text = replace(&text, &format!("path = \"{from}\""), &format!("path = \"{path}\""));
        }
        // Whatever version the copy gave itself.
        let versioned = format!("abi\", version = \"{ABI_VERSION}\"");
        text = replace(&text, &versioned, "abi\"");
        for real in ["sdk/protocol", "sdk/kernels", "sdk/macros"] {
            let absolute = repository().join(real);
            text = replace(&text, &format!("path = \"{real}\""), &format!("path = {absolute:?}"));
        }
        text
    }
}
