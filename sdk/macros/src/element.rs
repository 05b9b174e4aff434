//! The attributes of a field, and of an enum's variant.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote};
use syn::{
    Error, Expr, ExprCall, ExprLit, ExprUnary, Field, Fields, Lit, Path, Result, Type, UnOp,
    Variant, ext::IdentExt, spanned::Spanned,
};

use crate::{
    attributes::{each, help, indescribable, quoted_type, skip, text_for_reading, value},
    names::Case,
};

/// The bounds that a number can have.
const BOUNDS: [&str; 4] = ["min", "max", "above", "below"];

/// Where a field stands.
#[derive(Clone, Copy)]
pub(crate) struct Home<'a> {
    /// The path of the SDK.
    pub(crate) sdk: &'a Path,
    pub(crate) case: Case,
    /// Whether the struct has a value for it when it is left out.
    pub(crate) default: bool,
}

/// What the attributes of a field or variant say, as far as they mean the same.
#[derive(Default)]
struct Element {
    rename: Option<String>,
    aliases: Vec<String>,
    skipped: bool,
    /// `#[serde(other)]`
    other: bool,
    default: bool,
    /// Code of the author's reads it.
    custom: Option<Span>,
    any: bool,
    instead: Option<Type>,
    shown_default: Option<Expr>,
    bounds: [Option<Expr>; 4],
}

impl Element {
    fn read(attributes: &[syn::Attribute], place: &str) -> Result<Self> {
        let mut element = Self::default();
        each(attributes, |of, word, meta| {
            match (of, word) {
                ("schema", "any") => element.any = true,
                ("schema", "as") => element.instead = Some(quoted_type(meta)?),
                ("schema", "default") => element.shown_default = Some(value(meta)?),
                ("schema", word) => match BOUNDS.iter().position(|bound| *bound == word) {
                    Some(at) => element.bounds[at] = Some(value(meta)?),
                    None => {
                        return Err(meta.error(
                            "a field's `#[schema(…)]` is `min`, `max`, `above`, `below` or \
                             `default`, each `= VALUE`, `as = TYPE` or `any`",
                        ));
                    }
                },
                (_, "rename") => {
                    element.rename = text_for_reading(meta)?.map(|name| name.value());
                }
                (_, "alias") => element.aliases.push(value::<syn::LitStr>(meta)?.value()),
                (_, "skip" | "skip_deserializing") => element.skipped = true,
                (_, "other") => element.other = true,
                (_, "default") => {
                    element.default = true;
                    skip(meta)?;
                }
                (_, "with" | "deserialize_with") => {
                    element.custom = Some(meta.path.span());
                    skip(meta)?;
                }
                (
                    _,
                    "skip_serializing"
                    | "skip_serializing_if"
                    | "serialize_with"
                    | "bound"
                    | "borrow"
                    | "getter"
                    | "rename_all",
                ) => skip(meta)?,
                (_, word) => return Err(indescribable(meta, word, place)),
            }
            Ok(())
        })?;
        Ok(element)
    }

    fn name(&self, ident: &syn::Ident, rename: impl Fn(&str) -> String) -> String {
        self.rename.clone().unwrap_or_else(|| rename(&ident.unraw().to_string()))
    }
}

/// A field's description; `None`: no text can name it.
pub(crate) fn field(field: &Field, home: Home<'_>) -> Result<Option<TokenStream>> {
    // A `flatten` makes a map of the whole struct.
    let element = Element::read(&field.attrs, "type that has the field")?;
    if element.skipped {
        return Ok(None);
    }
    let Home { sdk, case, default } = home;
    let aliases = &element.aliases;
    let name = match &field.ident {
        Some(ident) => element.name(ident, |name| case.field(name)),
        None => String::new(),
    };
    let of = described_type(field, &element, sdk)?;
    let required = match (default || element.default, element.custom) {
        (true, _) => quote!(false),
        (false, Some(_)) => quote!(true),
        (false, None) if element.any || element.instead.is_some() => {
            let is_required = !is_option(&field.ty);
            quote!(#is_required)
        }
        (false, None) => quote!(!#of.is_optional()),
    };
    let [min, max, above, below] = bounds(&element, sdk)?;
    let help = help(&field.attrs);
    if let Some(shown) = &element.shown_default
        && !(default || element.default || is_none(shown))
    {
        let message = "this default would never be used, as `serde` does not know of it: put \
                       `#[serde(default)]` or `#[serde(default = \"FUNCTION\")]` on the field";
        return Err(Error::new(shown.span(), message));
    }
    let shown_default = element.shown_default.as_ref().map(as_ron).unwrap_or_default();
    let (mut numbers, mut items) = (Vec::new(), None);
    if let Some(shown) = &element.shown_default {
        add_numbers(shown, &mut numbers);
        items = self::items(shown).map(|(count, is_list)| quote!(.with_items(#count, #is_list)));
    }
    let numbers = numbers.into_iter().map(|number| bound(number, sdk));
    let numbers = numbers.collect::<Result<Vec<_>>>()?;
    Ok(Some(quote! {
        #sdk::schema::Field {
            name: #name,
            aliases: &[#(#aliases),*],
            help: #help,
            required: #required,
            default: #shown_default,
            bounds: #sdk::schema::Bounds { min: #min, max: #max, above: #above, below: #below },
            of: #of,
        }
        .checked()
        #items
        #(.with_default(#numbers))*
    }))
}

/// The type of a field that stands for the struct around it.
pub(crate) fn transparent_field(field: &Field, sdk: &Path) -> Result<TokenStream> {
    let element = Element::read(&field.attrs, "type that has the field")?;
    if let Some(bound) = element.bounds.iter().flatten().next() {
        let message =
            "put the bound on the fields that have this type: a transparent type has none";
        return Err(Error::new(bound.span(), message));
    }
    if let Some(shown) = &element.shown_default {
        let message =
            "put the default on the fields that have this type: a transparent type has none";
        return Err(Error::new(shown.span(), message));
    }
    described_type(field, &element, sdk)
}

fn described_type(field: &Field, element: &Element, sdk: &Path) -> Result<TokenStream> {
    let ty = match (element.any, &element.instead, element.custom) {
        (true, _, _) => return Ok(quote!(#sdk::schema::Type::Any)),
        (false, Some(instead), _) => instead,
        (false, None, None) => &field.ty,
        (false, None, Some(span)) => {
            let message = "code of your own reads this field: say what with \
                           `#[schema(as = TYPE)]`, the type that has the same texts, or with \
                           `#[schema(any)]`";
            return Err(Error::new(span, message));
        }
    };
    Ok(quote!(<#ty as #sdk::Schema>::SCHEMA))
}

fn is_option(ty: &Type) -> bool {
    let Type::Path(path) = ty else { return false };
    path.path.segments.last().is_some_and(|segment| segment.ident == "Option")
}

fn bounds(element: &Element, sdk: &Path) -> Result<[TokenStream; 4]> {
    let mut bounds = [const { None }; 4];
    for (bound, given) in bounds.iter_mut().zip(&element.bounds) {
        *bound = given.as_ref().map(|given| self::bound(given, sdk)).transpose()?;
    }
    Ok(bounds.map(|bound| bound.unwrap_or_else(|| quote!(#sdk::schema::Bound::None))))
}

/// A literal is taken as it stands; all else must be an integer when the plugin
/// is compiled. The same of a number that is a default.
fn bound(given: &Expr, sdk: &Path) -> Result<TokenStream> {
    let (sign, literal) = match given {
        Expr::Unary(ExprUnary { op: UnOp::Neg(_), expr, .. }) => ("-", &**expr),
        other => ("", other),
    };
    match literal {
        Expr::Lit(ExprLit { lit: Lit::Float(number), .. }) => {
            let digits = number.base10_digits();
            let value: f64 = number.base10_parse()?;
            if !value.is_finite() {
                return Err(Error::new(number.span(), "the number is too large"));
            }
            let value = if sign.is_empty() { value } else { -value };
            // JSON wants a digit behind the point.
            let digits = match digits.strip_suffix('.') {
                Some(whole) => format!("{sign}{whole}.0"),
                None => format!("{sign}{digits}"),
            };
            Ok(quote!(#sdk::schema::Bound::Float { digits: #digits, value: #value }))
        }
        Expr::Lit(ExprLit { lit: Lit::Int(number), .. }) => {
            let value: i128 = number.base10_parse()?;
            let value = if sign.is_empty() { value } else { -value };
            Ok(quote!(#sdk::schema::Bound::Integer { value: #value }))
        }
        Expr::Lit(_) => Err(Error::new(given.span(), "a bound is a number")),
        // The operator is one that only integers have.
        _ => Ok(quote!(#sdk::schema::Bound::Integer { value: ((#given) & !0) as i128 })),
    }
}

/// What an option is without a value, which needs no default of `serde`'s.
fn is_none(default: &Expr) -> bool {
    matches!(default, Expr::Path(path) if path.path.is_ident("None"))
}

/// How many values a default holds, and whether they stand as a list does, if it
/// is one of several.
fn items(default: &Expr) -> Option<(usize, bool)> {
    match default {
        Expr::Array(list) => Some((list.elems.len(), true)),
        Expr::Tuple(list) => Some((list.elems.len(), false)),
        Expr::Call(call) if is_some(call) => call.args.first().and_then(items),
        Expr::Group(inner) => items(&inner.expr),
        _ => None,
    }
}

fn is_some(call: &ExprCall) -> bool {
    matches!(&*call.func, Expr::Path(path) if path.path.is_ident("Some"))
}

/// The numbers that a default is or holds, as far as they stand there as such.
fn add_numbers<'a>(default: &'a Expr, numbers: &mut Vec<&'a Expr>) {
    let is_number =
        |expr: &Expr| matches!(expr, Expr::Lit(ExprLit { lit: Lit::Int(_) | Lit::Float(_), .. }));
    match default {
        Expr::Lit(_) if is_number(default) => numbers.push(default),
        Expr::Unary(ExprUnary { op: UnOp::Neg(_), expr, .. }) if is_number(expr) => {
            numbers.push(default);
        }
        Expr::Call(call) if is_some(call) => {
            call.args.iter().for_each(|argument| add_numbers(argument, numbers));
        }
        Expr::Array(list) => list.elems.iter().for_each(|item| add_numbers(item, numbers)),
        Expr::Tuple(list) => list.elems.iter().for_each(|item| add_numbers(item, numbers)),
        Expr::Paren(inner) => add_numbers(&inner.expr, numbers),
        Expr::Group(inner) => add_numbers(&inner.expr, numbers),
        _ => {}
    }
}

/// A default as the manifest would have it.
fn as_ron(default: &Expr) -> String {
    match default {
        Expr::Lit(ExprLit { lit: Lit::Int(number), .. }) => number.base10_digits().to_owned(),
        Expr::Lit(ExprLit { lit: Lit::Float(number), .. }) => number.base10_digits().to_owned(),
        Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => format!("{:?}", text.value()),
        other => other.to_token_stream().to_string().replace(' ', ""),
    }
}

/// A variant's description; `None`: no text can name it. And whether it takes
/// the names that no other has.
pub(crate) fn variant(variant: &Variant, home: Home<'_>, case: Case) -> Result<VariantTokens> {
    let element = Element::read(&variant.attrs, "type")?;
    if element.skipped || element.other {
        return Ok(VariantTokens { description: None, is_open: element.other });
    }
    let sdk = home.sdk;
    if let Some(span) = element.custom {
        let message = "code of your own reads this variant: put `#[schema(any)]` on the type";
        return Err(Error::new(span, message));
    }
    let (name, aliases) =
        (element.name(&variant.ident, |name| case.variant(name)), &element.aliases);
    let help = help(&variant.attrs);
    let fields = variant.fields.iter().map(|one| field(one, home));
    let fields = fields.collect::<Result<Vec<_>>>()?.into_iter().flatten();
    let payload = match &variant.fields {
        Fields::Unit => quote!(Unit),
        Fields::Named(_) => quote!(Struct),
        Fields::Unnamed(all) if all.unnamed.len() == 1 => quote!(Newtype),
        Fields::Unnamed(_) => quote!(Tuple),
    };
    let description = quote! {
        #sdk::schema::Variant {
            name: #name,
            aliases: &[#(#aliases),*],
            help: #help,
            payload: #sdk::schema::Payload::#payload,
            fields: &[#(#fields),*],
        }
    };
    Ok(VariantTokens { description: Some(description), is_open: false })
}

/// See [`variant`].
pub(crate) struct VariantTokens {
    pub(crate) description: Option<TokenStream>,
    pub(crate) is_open: bool,
}
