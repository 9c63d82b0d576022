//! What the rules infer for small calls, in text.
//!
//! An argument is `name = value`: a tensor as `f32[2, s0]`, with `{strides}`, `+offset` and `@device` where they are
//! not those of a dense tensor on the CPU; a number, an expression, `True`, `None`, `'text'`, `[a list]`, a dtype as
//! `f16`, a memory format as `channels_last`. Results are written alike, separated by `; `.

mod control;
mod conv;
mod factory;
mod index;
mod join;
mod linalg;
mod matmul;
mod norm;
mod pointwise;
mod propagate;
mod reduction;
mod symbolic;
mod view;

use std::rc::Rc;

use expc_dialects::{ScalarType, table};
use expc_symbolic::Expr;

use super::{
    Item, MemoryFormat, ShapeEnv, Size, Tensor, call::Call, rules, tensor::contiguous_strides,
};

/// What an op gives; symbols `s0`, `s1`, … are at least 2.
fn infer(op: &str, arguments: &str) -> String {
    let mut env = ShapeEnv::new();
    for symbol in ["s0", "s1", "s2"] {
        env.set_range(symbol, Some(2), Some(1 << 20));
    }
    infer_in(&env, op, arguments)
}

fn infer_in(env: &ShapeEnv<'_>, op: &str, arguments: &str) -> String {
    let given: Vec<(String, Item)> = split(arguments).iter().map(|text| argument(text)).collect();
    let items = given
        .iter()
        .map(|(name, item)| (name.as_str(), item.clone()));
    let def = table::lookup(op);
    let results = Call::of_items(env, op, def, items).and_then(|call| rules::apply(&call));
    match results {
        Ok(items) => items.iter().map(write).collect::<Vec<_>>().join("; "),
        Err(reason) if reason.is_contradiction => format!("error: {reason}"),
        Err(reason) => format!("unknown: {reason}"),
    }
}

/// Checks an op on rows of arguments and results.
fn check(op: &str, rows: &[(&str, &str)]) {
    for (arguments, expected) in rows {
        assert_eq!(infer(op, arguments), *expected, "{op}({arguments})");
    }
}

/// Splits at commas outside of brackets and quotes.
fn split(text: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut depth, mut start, mut is_quoted) = (0, 0, false);
    for (at, c) in text.char_indices() {
        match c {
            '\'' => is_quoted = !is_quoted,
            _ if is_quoted => {}
            '[' | '{' | '(' => depth += 1,
            ']' | '}' | ')' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(text[start..at].trim());
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(text[start..].trim());
    parts.retain(|part| !part.is_empty());
    parts
}

fn argument(text: &str) -> (String, Item) {
    match text.split_once(" = ") {
        Some((name, value)) => (name.to_owned(), value_of(value)),
        None => (String::new(), value_of(text)),
    }
}

fn value_of(text: &str) -> Item {
    if let Some(inner) = text
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
    {
        return Item::List(split(inner).into_iter().map(value_of).collect());
    }
    if let Some(inner) = text
        .strip_prefix('\'')
        .and_then(|rest| rest.strip_suffix('\''))
    {
        return Item::Str(inner.to_owned());
    }
    if let Some(symbol) = text.strip_prefix('@') {
        return Item::Graph(symbol.to_owned());
    }
    if let Some(name) = text.strip_prefix("device ") {
        return Item::Device(Rc::from(name));
    }
    match text {
        "None" => return Item::None,
        "True" => return Item::Bool(true),
        "False" => return Item::Bool(false),
        _ => {}
    }
    if let Some(format) = MemoryFormat::by_name(text) {
        return Item::MemoryFormat(format);
    }
    let dtype = text.split('[').next().and_then(ScalarType::from_short_name);
    match (dtype, text.contains('[')) {
        (Some(dtype), true) => return tensor(dtype, text).into(),
        (Some(dtype), false) => return Item::Dtype(dtype),
        _ => {}
    }
    match (text.parse::<i64>(), text.parse::<f64>()) {
        (Ok(value), _) => Item::Int(Size::Int(value)),
        (_, Ok(value)) => Item::Float(value),
        _ => Item::Int(Expr::parse(text).unwrap().into()),
    }
}

fn tensor(dtype: ScalarType, text: &str) -> Tensor {
    let sizes_of = |text: &str| -> Vec<Size> {
        let exprs = split(text)
            .into_iter()
            .map(|text| Expr::parse(text).unwrap());
        exprs.map(Size::from).collect()
    };
    let (text, device) = text.split_once('@').unwrap_or((text, "cpu"));
    let (_, rest) = text.split_once('[').unwrap();
    let (sizes, rest) = rest.split_once(']').unwrap();
    let sizes = sizes_of(sizes);
    let strides = rest.strip_prefix('{').and_then(|rest| rest.split_once('}'));
    let (strides, rest) = match strides {
        Some((strides, rest)) => (sizes_of(strides), rest),
        None => (contiguous_strides(&sizes).unwrap(), rest),
    };
    let offset = rest
        .strip_prefix('+')
        .map_or(Size::ZERO, |offset| sizes_of(offset)[0].clone());
    Tensor {
        offset,
        ..Tensor::strided(dtype, sizes, strides, &Rc::from(device))
    }
}

fn write(item: &Item) -> String {
    let list = |sizes: &[Size]| {
        sizes
            .iter()
            .map(|size| size.expanded().to_string())
            .collect::<Vec<_>>()
            .join(", ")
    };
    match item {
        Item::Tensor(tensor) => {
            let mut text = format!("{}[{}]", tensor.dtype.short_name(), list(&tensor.sizes));
            let dense = contiguous_strides(&tensor.sizes).unwrap();
            if list(&dense) != list(&tensor.strides) {
                text.push_str(&format!("{{{}}}", list(&tensor.strides)));
            }
            if tensor.offset != Size::ZERO {
                text.push_str(&format!("+{}", tensor.offset.expanded()));
            }
            if &*tensor.device != "cpu" {
                text.push_str(&format!("@{}", tensor.device));
            }
            text
        }
        Item::List(items) => format!(
            "[{}]",
            items.iter().map(write).collect::<Vec<_>>().join(", ")
        ),
        Item::None => "None".to_owned(),
        Item::Any => "?".to_owned(),
        Item::Unranked(dtype) => format!("{}[*]", dtype.short_name()),
        Item::Dtype(dtype) => dtype.short_name().to_owned(),
        other => match other.expression_text() {
            Some(text) if text.is_empty() => "?".to_owned(),
            Some(text) => text,
            None => other.describe().to_owned(),
        },
    }
}
