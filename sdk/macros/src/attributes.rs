//! Reading attributes: the parts that containers, fields and variants have in
//! common.

use syn::{
    Attribute, Error, Expr, ExprLit, Lit, LitStr, Meta, Result, Token, meta::ParseNestedMeta,
    parse::Parse, token::Paren,
};

use crate::names::Case;

/// Hands each word of `#[serde(…)]` and `#[schema(…)]` over, with the
/// attribute's name.
pub(crate) fn each(
    attributes: &[Attribute],
    mut word: impl FnMut(&str, &str, &ParseNestedMeta<'_>) -> Result<()>,
) -> Result<()> {
    for attribute in attributes {
        for of in ["serde", "schema"] {
            if attribute.path().is_ident(of) {
                attribute.parse_nested_meta(|meta| {
                    let name = meta.path.get_ident().map(ToString::to_string);
                    word(of, name.as_deref().unwrap_or_default(), &meta)
                })?;
            }
        }
    }
    Ok(())
}

/// What follows `=`.
pub(crate) fn value<T: Parse>(meta: &ParseNestedMeta<'_>) -> Result<T> {
    meta.value()?.parse()
}

/// A type in quotes, as `serde` has it, or without.
pub(crate) fn quoted_type(meta: &ParseNestedMeta<'_>) -> Result<syn::Type> {
    let value = meta.value()?;
    if value.peek(LitStr) { value.parse::<LitStr>()?.parse() } else { value.parse() }
}

/// The text of `word = "…"` or of `word(deserialize = "…")`, if it is given for
/// reading at all.
pub(crate) fn text_for_reading(meta: &ParseNestedMeta<'_>) -> Result<Option<LitStr>> {
    if meta.input.peek(Token![=]) {
        return value(meta).map(Some);
    }
    let mut text = None;
    meta.parse_nested_meta(|inner| {
        let given = value(&inner)?;
        if inner.path.is_ident("deserialize") {
            text = Some(given);
        }
        Ok(())
    })?;
    Ok(text)
}

/// The case of a `rename_all`.
pub(crate) fn case(meta: &ParseNestedMeta<'_>) -> Result<Case> {
    let Some(text) = text_for_reading(meta)? else { return Ok(Case::AsIs) };
    Case::named(&text.value()).ok_or_else(|| Error::new(text.span(), "no case has this name"))
}

/// Reads past a word that does not matter here.
pub(crate) fn skip(meta: &ParseNestedMeta<'_>) -> Result<()> {
    if meta.input.peek(Token![=]) {
        value::<Expr>(meta)?;
    } else if meta.input.peek(Paren) {
        meta.parse_nested_meta(|inner| skip(&inner))?;
    }
    Ok(())
}

/// A word of `serde`'s that changes what is read in a way that has no
/// description.
pub(crate) fn indescribable(meta: &ParseNestedMeta<'_>, word: &str, place: &str) -> Error {
    meta.error(format_args!(
        "`Schema` cannot describe `#[serde({word})]`; put `#[schema(any)]` on the {place}, whose \
         value is then checked by nothing but its `Deserialize`"
    ))
}

/// The documentation as one line per paragraph, without links.
pub(crate) fn help(attributes: &[Attribute]) -> String {
    let mut help = String::new();
    for attribute in attributes {
        let Meta::NameValue(meta) = &attribute.meta else { continue };
        let Expr::Lit(ExprLit { lit: Lit::Str(line), .. }) = &meta.value else { continue };
        if !meta.path.is_ident("doc") {
            continue;
        }
        let line = line.value().replace("[`", "`").replace("`]", "`");
        match line.trim() {
            "" if !help.is_empty() => help.push('\n'),
            line => {
                if !help.is_empty() && !help.ends_with('\n') {
                    help.push(' ');
                }
                help.push_str(line);
            }
        }
    }
    help.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use syn::parse_quote;

    use super::*;

    #[test]
    fn documentation_is_joined_by_paragraphs() {
        let attributes: Vec<Attribute> = vec![
            parse_quote!(#[doc = " Leaves per"]),
            parse_quote!(#[doc = " [`Block`]."]),
            parse_quote!(#[inline]),
            parse_quote!(#[doc = ""]),
            parse_quote!(#[doc = " More."]),
            parse_quote!(#[doc = ""]),
        ];
        assert_eq!(help(&attributes), "Leaves per `Block`.\nMore.");
        assert_eq!(help(&[]), "");
    }
}
