//! From an op to its rule.
//!
//! The tables of the families name ops with or without overload (`aten.sum`, `aten.index.Tensor`), several to
//! a row; the more exact name wins. What has no row is decided by its class in the op table.

use std::{collections::HashMap, rc::Rc, sync::LazyLock};

use expc_dialects::table::{self, OpDef, SchemaKind, Tag};

use super::{
    Item, NoInference, Rule, Tensor, attention, autocast, call::Call, control, conv, conv_backward,
    copy, factory, foreach, histogram, index, join, linalg, loss, matmul, meta, misc, norm, pad,
    pointwise, pool, quant, recurrent, reduction, reshape, sparse, spectral, symbolic, view,
};

/// A row of a family's table: names separated by blanks, and their rule.
pub type Row = (&'static str, Rule);

static RULES: LazyLock<HashMap<&'static str, Rule>> = LazyLock::new(|| {
    let tables: [&[Row]; 26] = [
        attention::RULES,
        control::RULES,
        conv::RULES,
        conv_backward::RULES,
        copy::RULES,
        factory::RULES,
        foreach::RULES,
        histogram::RULES,
        index::RULES,
        join::RULES,
        linalg::RULES,
        loss::RULES,
        matmul::RULES,
        misc::RULES,
        norm::RULES,
        pad::RULES,
        pointwise::RULES,
        pool::RULES,
        quant::RULES,
        recurrent::RULES,
        reduction::RULES,
        reshape::RULES,
        sparse::RULES,
        spectral::RULES,
        symbolic::RULES,
        view::RULES,
    ];
    let rows = tables.into_iter().flatten();
    rows.flat_map(|(names, rule)| names.split_whitespace().map(|name| (name, *rule)))
        .collect()
});

/// The rule in the tables for an op.
pub fn lookup(name: &str) -> Option<Rule> {
    RULES
        .get(name)
        .or_else(|| RULES.get(name.rsplit_once('.')?.0))
        .copied()
}

/// Whether an op has a rule, of its own or of its class.
pub fn has_rule(name: &str) -> bool {
    let class = |def: &'static OpDef| {
        def.kind() != SchemaKind::Functional || def.is_pointwise() || is_copy_of_view(def).is_some()
    };
    lookup(name).is_some() || table::lookup(name).is_some_and(class)
}

/// The results of a call.
pub fn apply(call: &Call<'_>) -> Result<Vec<Item>, NoInference> {
    match autocast::cast(call.env, call.name, call.items())? {
        Some(items) => run(&call.with_items(items)),
        None => run(call),
    }
}

/// What another op gives, a tensor, for arguments in the order of its schema.
pub fn result_of(
    call: &Call<'_>,
    name: &str,
    arguments: impl IntoIterator<Item = Item>,
) -> Result<Rc<Tensor>, NoInference> {
    let def =
        table::lookup(name).ok_or_else(|| call.unknown(format!("no schema describes `{name}`")))?;
    let names = def.schema.args.iter().map(|arg| arg.name);
    let part = Call::of_items(call.env, name, Some(def), names.zip(arguments))?;
    let results = run(&part)?;
    let tensor = results.first().and_then(Item::as_tensor);
    tensor
        .cloned()
        .ok_or_else(|| call.unknown(format!("`{name}` gives no tensor")))
}

fn run(call: &Call<'_>) -> Result<Vec<Item>, NoInference> {
    let inferred = match lookup(call.name) {
        _ if !sparse::knows_operands(call) => {
            Err(call.unknown("an operand is sparse, for which there is no shape rule"))
        }
        Some(rule) => rule(call).map(|results| into_written(call, results)),
        None => by_class(call),
    };
    match inferred {
        Err(refusal) if !refusal.is_contradiction => meta::run(call, refusal),
        inferred => inferred,
    }
}

fn by_class(call: &Call<'_>) -> Result<Vec<Item>, NoInference> {
    let Some(def) = call.def else {
        return Err(call.unknown("no schema describes the op"));
    };
    match def.kind() {
        SchemaKind::Inplace if def.has_tag(Tag::InplaceView) => as_functional(call, def),
        SchemaKind::Inplace | SchemaKind::Out => aliased(call, def),
        _ if def.is_pointwise() => pointwise::elementwise(call),
        _ if def.schema.returns.is_empty() => Ok(Vec::new()),
        _ => match is_copy_of_view(def) {
            Some(rule) => view::copied(call, rule),
            None => Err(call.unknown("there is no shape rule")),
        },
    }
}

/// The rule of `expand` for `expand_copy`.
fn is_copy_of_view(def: &OpDef) -> Option<Rule> {
    if !def.has_tag(Tag::ViewCopy) {
        return None;
    }
    let (op, overload) = def.name.rsplit_once('.')?;
    lookup(&format!("{}.{overload}", op.strip_suffix("_copy")?))
}

/// `squeeze_` has the result of `squeeze`.
fn as_functional(call: &Call<'_>, def: &OpDef) -> Result<Vec<Item>, NoInference> {
    let functional = def
        .name
        .rsplit_once('.')
        .and_then(|(op, overload)| lookup(&format!("{}.{overload}", op.strip_suffix('_')?)));
    match functional {
        Some(rule) => rule(call),
        None => Err(call.unknown("there is no shape rule")),
    }
}

/// Results of an `out=` overload are the arguments that it writes to, unless it gives them other sizes.
fn into_written(call: &Call<'_>, mut results: Vec<Item>) -> Vec<Item> {
    let Some(def) = call.def.filter(|def| def.kind() == SchemaKind::Out) else {
        return results;
    };
    for (index, result) in results.iter_mut().enumerate() {
        let position = def.schema.aliased_args(index).next();
        let written = position.map(|position| call.at(position));
        if let (Some(Item::Tensor(written)), Item::Tensor(tensor)) = (&written, &*result)
            && written.sizes == tensor.sizes
        {
            *result = Item::Tensor(Rc::clone(written));
        }
    }
    results
}

/// Ops that write to arguments return them.
fn aliased(call: &Call<'_>, def: &OpDef) -> Result<Vec<Item>, NoInference> {
    let returned = |index: usize| {
        let position = def.schema.aliased_args(index).next();
        let item = position.map(|position| call.at(position));
        match item {
            Some(Item::Tensor(tensor)) => Ok(Item::Tensor(tensor)),
            Some(item) if item.is_tensor() || matches!(item, Item::List(_)) => Ok(item),
            _ => Err(call.unknown("a result is no argument that the op writes to")),
        }
    };
    (0..def.schema.returns.len()).map(returned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_op_of_the_core_has_a_rule() {
        let core: Vec<_> = table::all().filter(|def| def.is_core()).collect();
        assert_eq!(core.len(), 193);
        let without = core.iter().filter(|def| !has_rule(def.name));
        assert_eq!(without.map(|def| def.name).collect::<Vec<_>>(), [""; 0]);
    }
}
