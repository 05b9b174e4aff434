//! What the compiler says of mistakes that authors make first: each is refused,
//! in words that name it.

use spacetime_tests::{
    artifacts::{cargo, repository},
    outside::{MINIMAL, Project, environment, profiles},
};

/// What a plugin of one strategy begins with.
fn exported(lines: &str) -> String {
    let (code, _) = MINIMAL.split_once("spacetime_sdk::export_plugin!").unwrap();
    format!("{code}spacetime_sdk::export_plugin! {{ {lines} }}")
}

/// A strategy whose config has one field.
fn configured(field: &str) -> String {
    let config = format!(
        "#[derive(spacetime_sdk::serde::Deserialize, spacetime_sdk::Schema)]\n\
         #[serde(crate = \"spacetime_sdk::serde\")]\n\
         struct Config {{ {field} }}\n"
    );
    let code = exported("strategy \"mine\": Nothing, \"Plans nothing\";");
    let code = code.replace("type Config = ();", "type Config = Config;");
    code.replace("fn open((): ())", "fn open(_: Config)") + &config
}

#[test]
fn the_compiler_names_what_is_wrong() {
    let project = Project::new("mistakes");
    let sdk = repository().join("sdk");
    let manifest = format!(
        "[package]\nname = \"mistakes\"\nedition = \"2024\"\n[lib]\ncrate-type = [\"cdylib\"]\n\
         [dependencies]\nspacetime-sdk = {{ path = {sdk:?} }}\n[workspace]\n{}",
        profiles()
    );
    project.write("Cargo.toml", &manifest);
    let long = format!("strategy \"{}\": Nothing, \"\";", "x".repeat(65));
    for (code, words) in [
        (
            exported("strategy \"My Plan\": Nothing, \"\";"),
            "the strategy \"My Plan\" cannot be called so: a component's name has 1 to 64 lower-case",
        ),
        (exported("strategy \"\": Nothing, \"\";"), "the strategy \"\" cannot be called so"),
        (
            exported("strategy \"a\\u{1b}\": Nothing, \"\";"),
            "the strategy \"a\\u{1b}\" cannot be called so",
        ),
        (exported(&long), "cannot be called so"),
        (
            exported("strategy \"a\": Nothing, \"\"; strategy \"a\": Nothing, \"\";"),
            "several components are called strategy \"a\"",
        ),
        (
            exported("planner \"a\": Nothing, \"\";"),
            "there is no kind of component called `planner`: it is `strategy`, `engine`, `policy`",
        ),
        (exported("strategy \"a\": Nothing;"), "each as `KIND \"NAME\": TYPE, \"DESCRIPTION\";`"),
        (exported(""), "a plugin exports one component or more"),
        (
            configured("#[schema(min = 10, max = 1)] step: u8"),
            "the field `step`: no number of its type is within its bounds",
        ),
        (
            configured("#[schema(min = 300)] step: u8"),
            "the field `step`: no number of its type is within its bounds",
        ),
        (
            configured("#[serde(default)] #[schema(min = 1, default = 0)] step: u8"),
            "the field `step`: its default is outside of its own bounds",
        ),
        (
            configured("#[serde(default)] #[schema(default = 2.5)] step: u8"),
            "the field `step`: its default is no number of its type",
        ),
        (configured("#[schema(default = 1)] step: u8"), "this default would never be used"),
    ] {
        project.write("src/lib.rs", &code);
        let checked = cargo(project.root()).arg("check").envs(environment()).output().unwrap();
        let said = String::from_utf8(checked.stderr).unwrap();
        assert!(!checked.status.success() && said.contains(words), "{code}\n{said}");
    }
    // The same code without a mistake.
    let right = configured("#[serde(default)] #[schema(min = 1, default = 1)] step: u8");
    project.write("src/lib.rs", &right);
    let checked = cargo(project.root()).arg("check").envs(environment()).output().unwrap();
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
}
