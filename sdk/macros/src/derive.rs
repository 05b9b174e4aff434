//! From a type to its description.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Data, DeriveInput, Error, Fields, GenericParam, Result, parse_quote, spanned::Spanned};

use crate::{
    attributes::{case, each},
    container::Container,
    element::{Home, field, transparent_field, variant},
    names::Case,
};

pub(crate) fn expand(input: &DeriveInput) -> Result<TokenStream> {
    let container = Container::read(input)?;
    let sdk = &container.sdk;
    let schema = schema(input, &container)?;
    let ident = &input.ident;
    let mut generics = input.generics.clone();
    for parameter in &mut generics.params {
        if let GenericParam::Type(parameter) = parameter {
            parameter.bounds.push(parse_quote!(#sdk::Schema));
        }
    }
    let (implementation, types, conditions) = generics.split_for_impl();
    Ok(quote! {
        #[automatically_derived]
        impl #implementation #sdk::Schema for #ident #types #conditions {
            const SCHEMA: #sdk::schema::Type = #schema;
        }
    })
}

fn schema(input: &DeriveInput, container: &Container) -> Result<TokenStream> {
    let Container { sdk, name, .. } = container;
    if container.any {
        return Ok(quote!(#sdk::schema::Type::Any));
    }
    if let Some(instead) = &container.instead {
        return Ok(quote!(<#instead as #sdk::Schema>::SCHEMA));
    }
    match &input.data {
        Data::Struct(data) if container.transparent => match data.fields.iter().next() {
            Some(only) if data.fields.len() == 1 => transparent_field(only, sdk),
            _ => Err(Error::new(input.ident.span(), "a transparent type has one field")),
        },
        Data::Struct(data) => structure(&data.fields, container),
        Data::Enum(data) => {
            let (mut variants, mut open) = (Vec::new(), false);
            for one in &data.variants {
                let case = fields_case(one, container.rename_all_fields)?;
                let home = Home { sdk, case, default: false };
                let described = variant(one, home, container.rename_all)?;
                open |= described.is_open;
                variants.extend(described.description);
            }
            Ok(quote! {
                #sdk::schema::Type::Enum { name: #name, variants: &[#(#variants),*], open: #open }
            })
        }
        Data::Union(data) => {
            Err(Error::new(data.union_token.span(), "a union is no config: use a struct"))
        }
    }
}

fn structure(fields: &Fields, container: &Container) -> Result<TokenStream> {
    let Container { sdk, name, default, rename_all, .. } = container;
    let home = Home { sdk, case: *rename_all, default: *default };
    let described = fields.iter().map(|one| field(one, home)).collect::<Result<Vec<_>>>()?;
    let described = described.into_iter().flatten();
    Ok(match fields {
        Fields::Unit => quote!(#sdk::schema::Type::UnitStruct { name: #name }),
        Fields::Named(_) => {
            quote!(#sdk::schema::Type::Struct { name: #name, fields: &[#(#described),*] })
        }
        Fields::Unnamed(all) if all.unnamed.len() == 1 => {
            quote!(#sdk::schema::Type::Newtype { name: #name, fields: &[#(#described),*] })
        }
        Fields::Unnamed(_) => {
            quote!(#sdk::schema::Type::TupleStruct { name: #name, fields: &[#(#described),*] })
        }
    })
}

/// A variant's `rename_all` counts more than the enum's `rename_all_fields`.
fn fields_case(variant: &syn::Variant, of_enum: Case) -> Result<Case> {
    let mut found = of_enum;
    each(&variant.attrs, |_, word, meta| match word {
        "rename_all" => {
            found = case(meta)?;
            Ok(())
        }
        _ => crate::attributes::skip(meta),
    })?;
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn assert_refused(input: DeriveInput, message: &str) {
        let error = expand(&input).expect_err("it must be refused").to_string();
        assert!(error.contains(message), "{error}");
    }

    #[test]
    fn what_cannot_be_described_is_refused_with_a_way_out() {
        assert_refused(
            parse_quote!(
                struct A {
                    #[serde(flatten)]
                    rest: B,
                }
            ),
            "cannot describe `#[serde(flatten)]`; put `#[schema(any)]` on the type that has",
        );
        assert_refused(
            parse_quote!(
                #[serde(untagged)]
                enum A {
                    B(u8),
                }
            ),
            "cannot describe `#[serde(untagged)]`; put `#[schema(any)]` on the type",
        );
        assert_refused(
            parse_quote!(
                #[serde(tag = "kind")]
                enum A {
                    B,
                }
            ),
            "#[serde(tag)]",
        );
        assert_refused(
            parse_quote!(
                struct A {
                    #[serde(deserialize_with = "f")]
                    b: u8,
                }
            ),
            "say what with `#[schema(as = TYPE)]`",
        );
        assert_refused(
            parse_quote!(
                enum A {
                    #[serde(with = "f")]
                    B(u8),
                }
            ),
            "on the type",
        );
        assert_refused(parse_quote!(union A { b: u8 }), "a union is no config");
        assert_refused(
            parse_quote!(
                struct A {
                    #[schema(size = 1)]
                    b: u8,
                }
            ),
            "`below` or `default`",
        );
        assert_refused(
            parse_quote!(
                struct A {
                    #[schema(min = "1")]
                    b: u8,
                }
            ),
            "a bound is a number",
        );
        assert_refused(
            parse_quote!(
                #[schema(min = 1)]
                struct A(u8);
            ),
            "belong to its fields",
        );
        assert_refused(
            parse_quote!(
                #[serde(transparent)]
                struct A {
                    #[schema(min = 1)]
                    b: u8,
                }
            ),
            "put the bound on the fields that have this type",
        );
        assert_refused(
            parse_quote!(
                #[serde(transparent)]
                struct A {
                    #[schema(default = 1)]
                    b: u8,
                }
            ),
            "put the default on the fields that have this type",
        );
        assert_refused(
            parse_quote!(
                #[serde(rename_all = "Train-Case")]
                struct A;
            ),
            "no case has this name",
        );
    }

    #[test]
    fn a_default_that_serde_does_not_know_is_refused() {
        for input in [
            parse_quote!(
                struct A {
                    #[schema(default = 1)]
                    b: u8,
                }
            ),
            parse_quote!(
                struct A {
                    #[schema(default = Some(1))]
                    b: Option<u8>,
                }
            ),
            parse_quote!(
                enum A {
                    B {
                        #[schema(any, default = 1)]
                        c: u8,
                    },
                }
            ),
        ] {
            assert_refused(input, "put `#[serde(default)]` or");
        }
        for input in [
            parse_quote!(
                struct A {
                    #[serde(default)]
                    #[schema(default = 1)]
                    b: u8,
                    #[serde(default = "two")]
                    #[schema(default = Some(-2.5))]
                    c: u8,
                    #[schema(default = None)]
                    d: Option<u8>,
                }
            ),
            parse_quote!(
                #[serde(default)]
                struct A {
                    #[schema(default = 1)]
                    b: u8,
                }
            ),
        ] {
            expand(&input).unwrap();
        }
    }

    #[test]
    fn the_way_out_is_one() {
        for input in [
            parse_quote!(
                #[serde(untagged)]
                #[schema(any)]
                enum A {
                    B(u8),
                }
            ),
            parse_quote!(
                #[schema(any)]
                struct A {
                    #[serde(flatten)]
                    rest: B,
                }
            ),
            parse_quote!(
                #[serde(tag = "t")]
                #[schema(as = String)]
                enum A {
                    B,
                }
            ),
            parse_quote!(
                struct A {
                    #[serde(with = "f")]
                    #[schema(any)]
                    b: u8,
                }
            ),
        ] {
            expand(&input).unwrap();
        }
    }
}
