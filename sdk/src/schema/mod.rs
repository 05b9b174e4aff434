//! Which texts a config takes, told by the plugin's file before anybody runs
//! it: the miner's `check`, `plugin inspect` and editors read it there, and the
//! SDK holds every config to it before the component's constructor sees it.
//!
//! ```
//! use serde::Deserialize;
//! use spacetime_sdk::Schema;
//!
//! #[derive(Deserialize, Schema)]
//! struct Config {
//!     /// Every how many leaves one is looked at.
//!     #[schema(min = 1)]
//!     step: u64,
//!     /// Where it begins.
//!     #[serde(default)]
//!     #[schema(default = "front")]
//!     begin: Begin,
//! }
//!
//! #[derive(Deserialize, Schema, Default)]
//! #[serde(rename_all = "snake_case")]
//! enum Begin {
//!     #[default]
//!     Front,
//!     /// At a leaf.
//!     At(u64),
//! }
//! ```
//!
//! The derive honours `serde`'s attributes for reading (`rename`, `rename_all`,
//! `alias`, `default`, `skip`, `transparent`, `from`, …) and takes the help from
//! the documentation. What it cannot describe is an error when the plugin is
//! compiled: `flatten`, tagged and untagged enums, unions, types without a
//! `Schema`. It has attributes of its own:
//!
//! | on a field | |
//! | --- | --- |
//! | `#[schema(min = N)]`, `max`, `above`, `below` | bounds of a number, within an `Option` or a list, too; a literal or a constant integer. A value outside is refused, so that the constructor need not check it again |
//! | `#[schema(default = VALUE)]` | shown to people: the value of a field that is left out, which `#[serde(default)]` gives it. As a manifest has it: `[1, 2]` for a list, `(1, 2)` for an array or a tuple |
//! | `#[schema(as = TYPE)]` | the text is read as this type's is: for `deserialize_with` |
//! | `#[schema(any)]` | any value; what is wrong with it shows when the component is opened |
//!
//! `any`, `as` and `crate = PATH` (where the SDK is) may stand on the type, too.
//! A type whose `Deserialize` is written by hand gets a [`Schema`] by hand.
//!
//! Bounds are for numbers:
//!
//! ```compile_fail,E0080
//! #[derive(serde::Deserialize, spacetime_sdk::Schema)]
//! struct Config {
//!     #[schema(min = 1)]
//!     name: String,
//! }
//!
//! # use spacetime_sdk::Schema;
//! const _: spacetime_sdk::schema::Type = Config::SCHEMA;
//! ```
//!
//! some number is within them:
//!
//! ```compile_fail,E0080
//! #[derive(serde::Deserialize, spacetime_sdk::Schema)]
//! struct Config {
//!     #[schema(min = 10, max = 1)]
//!     step: u64,
//! }
//!
//! # use spacetime_sdk::Schema;
//! const _: spacetime_sdk::schema::Type = Config::SCHEMA;
//! ```
//!
//! the default is one of those:
//!
//! ```compile_fail,E0080
//! #[derive(serde::Deserialize, spacetime_sdk::Schema)]
//! #[serde(default)]
//! struct Config {
//!     #[schema(above = 0, default = -0.5)]
//!     share: f64,
//! }
//!
//! # impl Default for Config { fn default() -> Self { Self { share: -0.5 } } }
//! # use spacetime_sdk::Schema;
//! const _: spacetime_sdk::schema::Type = Config::SCHEMA;
//! ```
//!
//! all of it, where it is several, in the brackets that a manifest has for them:
//!
//! ```compile_fail,E0080
//! #[derive(Default, serde::Deserialize, spacetime_sdk::Schema)]
//! #[serde(default)]
//! struct Config {
//!     #[schema(default = (1, 300))]
//!     ends: [u8; 2],
//! }
//!
//! # use spacetime_sdk::Schema;
//! const _: spacetime_sdk::schema::Type = Config::SCHEMA;
//! ```
//!
//! ```compile_fail,E0080
//! #[derive(Default, serde::Deserialize, spacetime_sdk::Schema)]
//! #[serde(default)]
//! struct Config {
//!     #[schema(default = [1, 3])]
//!     ends: [u8; 2],
//! }
//!
//! # use spacetime_sdk::Schema;
//! const _: spacetime_sdk::schema::Type = Config::SCHEMA;
//! ```
//!
//! ```compile_fail,E0080
//! #[derive(Default, serde::Deserialize, spacetime_sdk::Schema)]
//! #[serde(default)]
//! struct Config {
//!     #[schema(default = (1, 3, 5))]
//!     ends: [u8; 2],
//! }
//!
//! # use spacetime_sdk::Schema;
//! const _: spacetime_sdk::schema::Type = Config::SCHEMA;
//! ```
//!
//! and constants in them are integers:
//!
//! ```compile_fail,E0369
//! const HALF: f64 = 0.5;
//!
//! #[derive(serde::Deserialize, spacetime_sdk::Schema)]
//! struct Config {
//!     #[schema(min = HALF)]
//!     share: f64,
//! }
//! ```

mod check;
mod fits;
mod implementations;
mod must;
mod names;
mod parts;
mod shape;
#[cfg(test)]
mod tests;
mod types;
mod value;
mod write;

pub use check::check;
pub(crate) use check::text_fits;
pub use parts::Part;
pub use shape::{BoundShape, FieldShape, NumberKind, PayloadShape, Shape, VariantShape};
pub use spacetime_sdk_macros::Schema;
pub use types::{Bound, Bounds, Field, Number, Payload, Type, Variant};
pub(crate) use write::write;

pub use crate::ron_text::ConfigError;

/// A type whose texts are described; see the [module](self).
#[diagnostic::on_unimplemented(
    message = "nothing describes which texts `{Self}` takes as a config",
    label = "this type has no `Schema`",
    note = "derive it: `#[derive(Deserialize, Schema)]`, with `use spacetime_sdk::Schema`",
    note = "for a field of a type of another crate, say what its text is like: `#[schema(as = \
            String)]`, or leave it unchecked: `#[schema(any)]`"
)]
pub trait Schema {
    /// The description.
    const SCHEMA: Type;
}
