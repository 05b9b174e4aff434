//! The derive macro `Schema`: writes down at compile time which texts a config
//! type takes, from its fields and its `serde` attributes. `spacetime-sdk`
//! re-exports it, and its module `schema` says what may be written.
//!
//! It describes what `serde`'s own derive reads, and refuses what it cannot
//! describe: a wrong schema would be worse than none.

mod attributes;
mod container;
mod derive;
mod element;
mod names;

use proc_macro::TokenStream;

/// Describes the config type for those who have not loaded the plugin: the
/// miner's `check`, `plugin inspect`, editors.
///
/// See `spacetime_sdk::schema` for the attributes.
#[proc_macro_derive(Schema, attributes(schema, serde))]
pub fn schema(input: TokenStream) -> TokenStream {
    let input = syn::parse_macro_input!(input as syn::DeriveInput);
    derive::expand(&input).unwrap_or_else(syn::Error::into_compile_error).into()
}
