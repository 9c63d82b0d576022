//! Symbols that rules invent for what data decide, under the names that the program has recorded for them.

use std::{
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
};

use expc_dialects::{constant::string_array, mlir, ops::attribute};
use expc_symbolic::{Expr, Kind};
use melior::{
    Context,
    ir::{
        Value, ValueLike,
        operation::{OperationLike, OperationRef},
    },
};

use super::{Item, ShapeEnv, Size, Tensor};

/// What is known of invented symbols.
#[derive(Default)]
pub struct Renaming {
    /// The recorded names, each that of one invented symbol.
    names: BTreeMap<String, Expr>,
    taken: BTreeSet<String>,
    /// What the program knows of symbols beyond their name: that they are a number, or follow from others.
    known: BTreeMap<String, Expr>,
}

impl Renaming {
    /// The item with the recorded names of the symbols that its op invented.
    pub fn rename(&mut self, env: &ShapeEnv<'_>, item: Item, recorded: &Item) -> Item {
        self.learn_item(env, &item, recorded);
        substituted(item, &self.names)
    }

    /// Finds what the symbols that an item's op invented are called in the recorded item.
    pub fn learn_item(&mut self, env: &ShapeEnv<'_>, item: &Item, recorded: &Item) {
        for (own, recorded) in pairs(item, recorded) {
            self.learn(env, &own, &recorded);
        }
    }

    /// The item with all that the program knows of its invented symbols; none if that is nothing.
    pub fn specialized(&self, item: &Item) -> Option<Item> {
        let specialized = substituted(item.clone(), &self.known);
        (specialized != *item).then_some(specialized)
    }

    /// Gives the results of ops, which were built for what the recorded items are of, the recorded symbols in the place
    /// of invented ones.
    pub fn settle<'c: 'a, 'a>(
        &self,
        context: &'c Context,
        env: &ShapeEnv<'_>,
        ops: &[OperationRef<'c, 'a>],
    ) {
        let mut recorded = self.names.clone();
        recorded.extend(self.known.clone());
        if recorded.is_empty() {
            return;
        }
        for op in ops {
            let mut texts = Vec::new();
            for value in op.results().map(Value::from) {
                let item = Item::from_value(env, value);
                let settled = substituted(item.clone(), &recorded);
                texts.extend(settled.expression_text());
                if settled != item && settled.is_tensor() {
                    value.set_type(settled.to_value_type().to_mlir(context));
                }
            }
            if op.has_attribute(attribute::SYM) {
                mlir::set_attribute(*op, attribute::SYM, string_array(context, texts));
            }
        }
    }

    /// Finds what an invented symbol is called in the recorded expression.
    fn learn(&mut self, env: &ShapeEnv<'_>, own: &Expr, recorded: &Expr) {
        if let Some(symbol) = own.as_symbol() {
            self.learn_symbol(env, symbol.name(), recorded);
            return;
        }
        let same_kind =
            std::mem::discriminant(own.kind()) == std::mem::discriminant(recorded.kind());
        let same_function = match (own.kind(), recorded.kind()) {
            (Kind::Call(own, _), Kind::Call(recorded, _)) => own == recorded,
            _ => true,
        };
        if same_kind && same_function && own.args().count() == recorded.args().count() {
            for (own, recorded) in own.args().zip(recorded.args()) {
                self.learn(env, own, recorded);
            }
        }
    }

    fn learn_symbol(&mut self, env: &ShapeEnv<'_>, own: &str, recorded: &Expr) {
        let is_settled = self.names.contains_key(own) || self.known.contains_key(own);
        if is_settled || !env.is_fresh(own) {
            return;
        }
        let name = recorded.as_symbol().map(|symbol| symbol.name().to_owned());
        match name.filter(|_| env.is_unbacked(&recorded.clone().into())) {
            Some(name) if self.taken.insert(name.clone()) => {
                self.names.insert(own.to_owned(), recorded.clone());
            }
            _ => {
                self.known.insert(own.to_owned(), recorded.clone());
            }
        }
    }
}

/// Expressions that stand in the same place of two items.
fn pairs(item: &Item, recorded: &Item) -> Vec<(Expr, Expr)> {
    match (item, recorded) {
        (Item::Tensor(tensor), Item::Tensor(other)) if !tensor.is_static() => {
            let sizes = tensor.sizes.iter().zip(&other.sizes);
            let strides = tensor.strides.iter().zip(&other.strides);
            let offset = [(&tensor.offset, &other.offset)];
            sizes
                .chain(strides)
                .chain(offset)
                .map(|(own, recorded)| (own.to_expr(), recorded.to_expr()))
                .collect()
        }
        (Item::Int(own), Item::Int(recorded)) => vec![(own.to_expr(), recorded.to_expr())],
        (Item::SymFloat(Some(own)), Item::SymFloat(Some(recorded)))
        | (Item::SymBool(Some(own)), Item::SymBool(Some(recorded))) => {
            vec![(own.clone(), recorded.clone())]
        }
        _ => Vec::new(),
    }
}

/// The item with these expressions for its symbols.
pub fn substituted(item: Item, replacements: &BTreeMap<String, Expr>) -> Item {
    if replacements.is_empty() {
        return item;
    }
    let expr = |expr: &Expr| {
        expr.substitute(replacements)
            .unwrap_or_else(|_| expr.clone())
    };
    let size = |size: &Size| match size {
        Size::Int(_) => size.clone(),
        Size::Expr(own) => expr(own).into(),
    };
    match item {
        Item::Tensor(tensor) if !tensor.is_static() => Item::Tensor(Rc::new(Tensor {
            sizes: tensor.sizes.iter().map(size).collect(),
            strides: tensor.strides.iter().map(size).collect(),
            offset: size(&tensor.offset),
            ..(*tensor).clone()
        })),
        Item::Int(own) => Item::Int(size(&own)),
        Item::SymFloat(Some(own)) => Item::SymFloat(Some(expr(&own))),
        Item::SymBool(Some(own)) => Item::SymBool(Some(expr(&own))),
        item => item,
    }
}
