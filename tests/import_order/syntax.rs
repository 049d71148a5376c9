//! Questions about pieces of syntax.

use proc_macro2::{Ident, TokenStream, TokenTree};
use quote::ToTokens;
use syn::parse::{ParseStream, Parser as _};
use syn::punctuated::Punctuated;
use syn::{Attribute, Meta, Token};

/// The path of a type, without its arguments, unless it is a reference or the like.
pub(crate) fn path_of(mut ty: &syn::Type) -> Option<Vec<String>> {
    while let syn::Type::Group(syn::TypeGroup { elem, .. }) | syn::Type::Paren(syn::TypeParen { elem, .. }) = ty {
        ty = elem;
    }
    let syn::Type::Path(syn::TypePath { qself: None, path }) = ty else { return None };
    let root = path.leading_colon.as_ref().map(|_| String::new());
    Some(root.into_iter().chain(path.segments.iter().map(|segment| name_of(&segment.ident))).collect())
}

pub(crate) fn name_of(ident: &Ident) -> String {
    let name = ident.to_string();
    name.strip_prefix("r#").map(str::to_owned).unwrap_or(name)
}

pub(crate) fn attributes_of(node: &impl ToTokens) -> Vec<Attribute> {
    let parse = |input: ParseStream<'_>| {
        let attributes = input.call(Attribute::parse_outer)?;
        input.parse::<TokenStream>()?;
        Ok(attributes)
    };
    parse.parse2(node.to_token_stream()).unwrap_or_default()
}

pub(crate) fn path_attribute(attributes: &[Attribute]) -> Option<String> {
    attributes.iter().find_map(|attribute| match &attribute.meta {
        Meta::NameValue(pair) if pair.path.is_ident("path") => match &pair.value {
            syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(path), .. }) => Some(path.value()),
            _ => None,
        },
        _ => None,
    })
}

/// Whether the attribute is a `cfg` that holds in tests only.
pub(crate) fn is_test_only(attribute: &Attribute) -> bool {
    attribute.path().is_ident("cfg") && attribute.parse_args::<Meta>().is_ok_and(|condition| implies_test(&condition))
}

fn implies_test(condition: &Meta) -> bool {
    match condition {
        Meta::Path(path) => path.is_ident("test") || path.is_ident("doctest"),
        Meta::List(list) => {
            let parse = Punctuated::<Meta, Token![,]>::parse_terminated;
            let Ok(conditions) = parse.parse2(list.tokens.clone()) else { return false };
            if list.path.is_ident("all") {
                conditions.iter().any(implies_test)
            } else {
                list.path.is_ident("any") && !conditions.is_empty() && conditions.iter().all(implies_test)
            }
        }
        Meta::NameValue(_) => false,
    }
}

pub(crate) fn names_loom(tokens: TokenStream) -> bool {
    tokens.into_iter().any(|token| match token {
        TokenTree::Ident(ident) => ident == "logscope_loom",
        TokenTree::Group(group) => names_loom(group.stream()),
        _ => false,
    })
}
