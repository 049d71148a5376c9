//! Walks through the syntax of one file, and notes what the file declares and names.

use proc_macro2::{Delimiter, Ident, Span, TokenStream, TokenTree};
use quote::ToTokens;
use syn::visit::{self, Visit};
use syn::{Attribute, Item, Meta, UseTree};

use crate::reader::{Child, Crate, Declaration, FileId, Member, Mention, MentionKind, ModuleId};
use crate::syntax::{attributes_of, is_test_only, name_of, names_loom, path_attribute, path_of};

/// Walks through the syntax of one file.
pub(crate) struct FileReader<'a> {
    found: &'a mut Crate,
    file: FileId,
    /// The innermost module or block around the place that is being read.
    scope: ModuleId,
    /// The names of the inline modules around that place.
    inline: Vec<String>,
    /// The type or trait whose block is around that place.
    self_type: Option<SelfType>,
    pub(crate) children: Vec<Child>,
}

/// What `Self` stands for.
struct SelfType {
    path: Vec<String>,
    /// Whether the block defines members, and does not implement those of a trait.
    defines: bool,
}

impl<'a> FileReader<'a> {
    /// A reader of `file`, whose module is `scope`.
    pub(crate) fn new(found: &'a mut Crate, file: FileId, scope: ModuleId) -> Self {
        FileReader { found, file, scope, inline: Vec::new(), self_type: None, children: Vec::new() }
    }

    fn mention(&mut self, mut path: Vec<String>, kind: MentionKind, span: Span) {
        if let (Some(SelfType { path: own, .. }), "Self") = (&self.self_type, path[0].as_str()) {
            path.splice(..1, own.iter().cloned());
        }
        self.found.mentions.push(Mention { scope: self.scope, path, kind, line: span.start().line });
    }

    fn declare(&mut self, name: &Ident) {
        self.found.declare(self.scope, &name_of(name), Declaration::Item(self.file));
    }

    /// Visits a block in which `Self` stands for `self_type`.
    fn visit_with_self(&mut self, self_type: Option<SelfType>, item: &Item) {
        let outer = std::mem::replace(&mut self.self_type, self_type);
        visit::visit_item(self, item);
        self.self_type = outer;
    }

    fn declare_member(&mut self, name: &Ident) {
        if let Some(SelfType { path, defines: true }) = &self.self_type {
            self.found.members.push(Member { scope: self.scope, owner: path.clone(), name: name_of(name) });
        }
    }

    /// Notes every path in the arguments of a macro, with `prefix` before each.
    fn scan(&mut self, tokens: TokenStream, prefix: &[String]) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let is = |at: usize, punct: char| match tokens.get(at) {
            Some(TokenTree::Punct(found)) => found.as_char() == punct,
            _ => false,
        };
        let mut at = 0;
        while at < tokens.len() {
            if let TokenTree::Group(group) = &tokens[at] {
                self.scan(group.stream(), &[]);
            }
            let TokenTree::Ident(first) = &tokens[at] else {
                at += 1;
                continue;
            };
            let before = |punct: char| at > 0 && is(at - 1, punct);
            let is_field = before('.') && !(at > 1 && is(at - 2, '.'));
            let mut path = prefix.to_vec();
            if before(':') && at > 1 && is(at - 2, ':') {
                path = vec![String::new()];
            }
            path.push(name_of(first));
            let mut end = at + 1;
            while is(end, ':') && is(end + 1, ':') {
                let Some(TokenTree::Ident(next)) = tokens.get(end + 2) else { break };
                path.push(name_of(next));
                end += 3;
            }
            let is_variable = before('$') && path[0] != "crate";
            if is_field
                && matches!(tokens.get(end), Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Parenthesis)
            {
                self.mention(path, MentionKind::Method, first.span());
            } else if !(is_field || is_variable || before('\'')) {
                match tokens.get(end + 2) {
                    Some(TokenTree::Group(group))
                        if is(end, ':') && is(end + 1, ':') && group.delimiter() == Delimiter::Brace =>
                    {
                        self.scan(group.stream(), &path);
                        end += 3;
                    }
                    _ => {
                        let kind = if is(end, '!') { MentionKind::Macro } else { MentionKind::Path };
                        self.mention(path, kind, first.span());
                    }
                }
            }
            at = end;
        }
    }

    /// Declares the items that the arguments of a macro such as `thread_local!` define.
    fn declare_items_of_macro(&mut self, tokens: TokenStream) {
        const KEYWORDS: &[&str] = &["struct", "enum", "union", "trait", "type", "fn", "const", "static"];
        let mut is_name = false;
        for token in tokens {
            let TokenTree::Ident(ident) = token else {
                is_name = false;
                continue;
            };
            let is_keyword = KEYWORDS.iter().any(|keyword| ident == keyword);
            if is_name && !is_keyword {
                self.declare(&ident);
            }
            is_name = is_keyword;
        }
    }

    fn read_use(&mut self, tree: &UseTree, prefix: &mut Vec<String>) {
        match tree {
            UseTree::Path(path) => {
                prefix.push(name_of(&path.ident));
                self.read_use(&path.tree, prefix);
                prefix.pop();
            }
            UseTree::Group(group) => group.items.iter().for_each(|tree| self.read_use(tree, prefix)),
            UseTree::Glob(glob) => {
                self.mention(prefix.clone(), MentionKind::Glob, glob.star_token.spans[0]);
                self.found.modules[self.scope].globs.push(prefix.clone());
            }
            UseTree::Name(name) => self.read_use_of(prefix, &name.ident, None),
            UseTree::Rename(rename) => self.read_use_of(prefix, &rename.ident, Some(&rename.rename)),
        }
    }

    fn read_use_of(&mut self, prefix: &[String], ident: &Ident, rename: Option<&Ident>) {
        let mut path = prefix.to_vec();
        if ident != "self" || path.is_empty() {
            path.push(name_of(ident));
        }
        let name = rename.map(name_of).or_else(|| path.last().cloned()).unwrap_or_default();
        self.mention(path.clone(), MentionKind::Path, ident.span());
        self.found.declare(self.scope, &name, Declaration::Use(path));
    }

    fn read_extern_crate(&mut self, item: &syn::ItemExternCrate) {
        let path = match name_of(&item.ident) {
            name if name == "self" => vec!["crate".to_owned()],
            name => vec![String::new(), name],
        };
        let name = item.rename.as_ref().map_or(&item.ident, |(_, name)| name);
        self.mention(path.clone(), MentionKind::Path, item.ident.span());
        self.found.declare(self.scope, &name_of(name), Declaration::Use(path));
    }

    fn read_module(&mut self, module: &syn::ItemMod) {
        let name = name_of(&module.ident);
        let Some((_, items)) = &module.content else {
            self.children.push(Child {
                parent: self.scope,
                name,
                inline: self.inline.clone(),
                path: path_attribute(&module.attrs),
                is_test: false,
            });
            return;
        };
        let outer = self.scope;
        let mut path = self.found.modules[outer].path.clone();
        path.push(name.clone());
        self.scope = self.found.add_module(Some(outer), false, path, self.file);
        self.found.declare(outer, &name, Declaration::Module(self.scope));
        self.inline.push(name);
        items.iter().for_each(|item| self.visit_item(item));
        self.inline.pop();
        self.scope = outer;
    }

    /// Leaves out a test module, but notes its length and the files of the modules in it.
    fn leave_out(&mut self, item: &Item) {
        let Item::Mod(module) = item else { return };
        match &module.content {
            Some((braces, items)) => {
                let start = module.mod_token.span.start().line;
                self.found.files[self.file].test_lines += braces.span.close().end().line - start + 1;
                let mut inline = self.inline.clone();
                inline.push(name_of(&module.ident));
                child_modules(items, &mut inline, &mut self.children);
            }
            None => child_modules(std::slice::from_ref(item), &mut self.inline.clone(), &mut self.children),
        }
    }

    /// Whether `node` is compiled for tests only. Notes each `cfg` about loom if it is not.
    fn is_left_out(&mut self, node: &impl ToTokens) -> bool {
        let attributes = attributes_of(node);
        if attributes.iter().any(is_test_only) {
            return true;
        }
        for attribute in attributes.iter().filter(|attribute| names_loom(attribute.to_token_stream())) {
            let place = (self.found.without_blocks(self.scope), attribute.pound_token.span.start().line);
            self.found.loom_cfgs.push(place);
        }
        false
    }
}

impl<'ast> Visit<'ast> for FileReader<'_> {
    fn visit_item(&mut self, item: &'ast Item) {
        if self.is_left_out(item) {
            return self.leave_out(item);
        }
        match item {
            Item::Const(item) => self.declare(&item.ident),
            Item::Enum(item) => self.declare(&item.ident),
            Item::Fn(item) => self.declare(&item.sig.ident),
            Item::Static(item) => self.declare(&item.ident),
            Item::Struct(item) => self.declare(&item.ident),
            Item::Impl(block) => {
                let self_type = path_of(&block.self_ty).map(|path| SelfType { path, defines: block.trait_.is_none() });
                return self.visit_with_self(self_type, item);
            }
            Item::Trait(definition) => {
                self.declare(&definition.ident);
                let self_type = SelfType { path: vec![name_of(&definition.ident)], defines: true };
                return self.visit_with_self(Some(self_type), item);
            }
            Item::TraitAlias(item) => self.declare(&item.ident),
            Item::Type(item) => self.declare(&item.ident),
            Item::Union(item) => self.declare(&item.ident),
            Item::Macro(item) => match &item.ident {
                Some(name) => {
                    self.declare(name);
                    self.found.modules[self.scope].macros.insert(name_of(name));
                    if item.attrs.iter().any(|attribute| attribute.path().is_ident("macro_export")) {
                        self.found.declare(0, &name_of(name), Declaration::Item(self.file));
                    }
                    return self.scan(item.mac.tokens.clone(), &[]);
                }
                None => self.declare_items_of_macro(item.mac.tokens.clone()),
            },
            Item::ExternCrate(item) => return self.read_extern_crate(item),
            Item::Mod(module) => return self.read_module(module),
            Item::Use(item) => {
                let root = item.leading_colon.as_ref().map(|_| String::new());
                return self.read_use(&item.tree, &mut root.into_iter().collect());
            }
            _ => {}
        }
        visit::visit_item(self, item);
    }

    fn visit_foreign_item_fn(&mut self, item: &'ast syn::ForeignItemFn) {
        self.declare(&item.sig.ident);
        visit::visit_foreign_item_fn(self, item);
    }

    fn visit_impl_item(&mut self, item: &'ast syn::ImplItem) {
        if !self.is_left_out(item) {
            match item {
                syn::ImplItem::Const(item) => self.declare_member(&item.ident),
                syn::ImplItem::Fn(item) => self.declare_member(&item.sig.ident),
                _ => {}
            }
            visit::visit_impl_item(self, item);
        }
    }

    fn visit_trait_item(&mut self, item: &'ast syn::TraitItem) {
        if !self.is_left_out(item) {
            match item {
                syn::TraitItem::Const(item) => self.declare_member(&item.ident),
                syn::TraitItem::Fn(item) => self.declare_member(&item.sig.ident),
                _ => {}
            }
            visit::visit_trait_item(self, item);
        }
    }

    fn visit_field(&mut self, field: &'ast syn::Field) {
        if !self.is_left_out(field) {
            visit::visit_field(self, field);
        }
    }

    fn visit_field_value(&mut self, field: &'ast syn::FieldValue) {
        if !self.is_left_out(field) {
            visit::visit_field_value(self, field);
        }
    }

    fn visit_variant(&mut self, variant: &'ast syn::Variant) {
        if !self.is_left_out(variant) {
            visit::visit_variant(self, variant);
        }
    }

    fn visit_arm(&mut self, arm: &'ast syn::Arm) {
        if !self.is_left_out(arm) {
            visit::visit_arm(self, arm);
        }
    }

    fn visit_block(&mut self, block: &'ast syn::Block) {
        let outer = self.scope;
        let path = self.found.modules[outer].path.clone();
        self.scope = self.found.add_module(Some(outer), true, path, self.file);
        visit::visit_block(self, block);
        self.scope = outer;
    }

    fn visit_stmt(&mut self, statement: &'ast syn::Stmt) {
        // `visit_item` looks at the attributes of an item.
        if matches!(statement, syn::Stmt::Item(_)) || !self.is_left_out(statement) {
            visit::visit_stmt(self, statement);
        }
    }

    fn visit_expr_method_call(&mut self, call: &'ast syn::ExprMethodCall) {
        let name = name_of(&call.method);
        let is_self = matches!(&*call.receiver, syn::Expr::Path(path) if path.path.is_ident("self"));
        match is_self && self.self_type.is_some() {
            true => self.mention(vec!["Self".to_owned(), name], MentionKind::Path, call.method.span()),
            false => self.mention(vec![name], MentionKind::Method, call.method.span()),
        }
        visit::visit_expr_method_call(self, call);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let root = path.leading_colon.as_ref().map(|_| String::new());
        let segments = root.into_iter().chain(path.segments.iter().map(|segment| name_of(&segment.ident))).collect();
        self.mention(segments, MentionKind::Path, path.segments[0].ident.span());
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        let root = call.path.leading_colon.as_ref().map(|_| String::new());
        let segments =
            root.into_iter().chain(call.path.segments.iter().map(|segment| name_of(&segment.ident))).collect();
        self.mention(segments, MentionKind::Macro, call.path.segments[0].ident.span());
        if call.path.is_ident("cfg") && names_loom(call.tokens.clone()) {
            let place = (self.found.without_blocks(self.scope), call.bang_token.span.start().line);
            self.found.loom_cfgs.push(place);
        }
        self.scan(call.tokens.clone(), &[]);
    }

    fn visit_attribute(&mut self, attribute: &'ast Attribute) {
        if attribute.path().is_ident("doc") {
            return;
        }
        // Some attributes have paths in strings, as in `#[serde(with = "crate::text")]`.
        let Meta::List(list) = &attribute.meta else { return };
        for token in list.tokens.clone() {
            let TokenTree::Literal(literal) = token else { continue };
            let Ok(literal) = syn::parse2::<syn::LitStr>(TokenTree::Literal(literal).into()) else { continue };
            if let Ok(path) = literal.parse::<syn::Path>() {
                let segments = path.segments.iter().map(|segment| name_of(&segment.ident)).collect();
                self.mention(segments, MentionKind::Path, literal.span());
            }
        }
    }

    /// `pub(in path)` imports nothing.
    fn visit_visibility(&mut self, _: &'ast syn::Visibility) {}
}

/// The modules in `items`, at any depth, that stand in files of their own.
pub(crate) fn child_modules(items: &[Item], inline: &mut Vec<String>, found: &mut Vec<Child>) {
    for item in items {
        let Item::Mod(module) = item else { continue };
        let name = name_of(&module.ident);
        if let Some((_, items)) = &module.content {
            inline.push(name);
            child_modules(items, inline, found);
            inline.pop();
        } else {
            let path = path_attribute(&module.attrs);
            found.push(Child { parent: 0, name, inline: inline.clone(), path, is_test: true });
        }
    }
}
