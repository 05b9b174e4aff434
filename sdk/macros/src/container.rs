//! The attributes of a config type as a whole.

use syn::{DeriveInput, Error, Path, Result, Type, parse_quote};

use crate::{
    attributes::{case, each, indescribable, quoted_type, skip, text_for_reading, value},
    names::Case,
};

/// What a type's attributes say of it.
pub(crate) struct Container {
    /// Where the SDK is found.
    pub(crate) sdk: Path,
    pub(crate) name: String,
    /// `#[schema(any)]`.
    pub(crate) any: bool,
    /// What it is read as instead: `from`, `try_from`, `#[schema(as = …)]`.
    pub(crate) instead: Option<Type>,
    pub(crate) transparent: bool,
    /// Whether fields that are left out have a value all the same.
    pub(crate) default: bool,
    /// Of a struct's fields, or of an enum's variants.
    pub(crate) rename_all: Case,
    /// Of the fields of an enum's variants.
    pub(crate) rename_all_fields: Case,
}

impl Container {
    pub(crate) fn read(input: &DeriveInput) -> Result<Self> {
        let mut container = Self {
            sdk: parse_quote!(::spacetime_sdk),
            name: input.ident.to_string(),
            any: false,
            instead: None,
            transparent: false,
            default: false,
            rename_all: Case::AsIs,
            rename_all_fields: Case::AsIs,
        };
        let mut refused: Option<Error> = None;
        each(&input.attrs, |of, word, meta| {
            match (of, word) {
                ("schema", "any") => container.any = true,
                ("schema", "as") | ("serde", "from" | "try_from") => {
                    container.instead = Some(quoted_type(meta)?);
                }
                ("schema", "crate") => container.sdk = value(meta)?,
                ("schema", _) => {
                    return Err(meta.error(
                        "a type's `#[schema(…)]` is `any`, `as = TYPE` or `crate = PATH`; bounds \
                         and defaults belong to its fields",
                    ));
                }
                (_, "rename") => {
                    let name = text_for_reading(meta)?;
                    container.name = name.map_or(container.name.clone(), |name| name.value());
                }
                (_, "rename_all") => container.rename_all = case(meta)?,
                (_, "rename_all_fields") => container.rename_all_fields = case(meta)?,
                (_, "transparent") => container.transparent = true,
                (_, "default") => {
                    container.default = true;
                    skip(meta)?;
                }
                (_, "deny_unknown_fields" | "bound" | "crate" | "expecting" | "into") => {
                    skip(meta)?;
                }
                // With `any`, nothing of this matters.
                (_, word) => {
                    skip(meta)?;
                    refused.get_or_insert(indescribable(meta, word, "type"));
                }
            }
            Ok(())
        })?;
        match refused {
            Some(error) if !container.any && container.instead.is_none() => Err(error),
            _ => Ok(container),
        }
    }
}
