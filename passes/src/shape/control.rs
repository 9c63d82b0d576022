//! Higher-order ops: what they hand to the graphs they name, and what follows from what those return.

use std::rc::Rc;

use expc_dialects::table;

use super::{
    Autocast, Item, NoInference, ShapeEnv, Tensor,
    call::Call,
    rules::{self, Row},
    size::Size,
    tensor::contiguous_strides,
};

type Results = Result<Vec<Item>, NoInference>;

pub const RULES: &[Row] = &[
    ("hop.cond", cond),
    ("hop.while_loop", while_loop),
    ("hop.map_impl", map),
    ("hop.scan", scan),
    ("hop.associative_scan", associative_scan),
    (
        "hop.invoke_subgraph hop.wrap hop.wrap_with_set_grad_enabled hop.wrap_with_autocast \
         hop.wrap_activation_checkpoint hop.tag_activation_checkpoint hop.hints_wrapper hop.strict_mode \
         hop.run_const_graph",
        call_graph,
    ),
    ("hop.auto_functionalized", auto_functionalized),
    ("hop.auto_functionalized_v2", auto_functionalized_v2),
    ("hop.out_dtype", out_dtype),
    ("hop.with_effects", with_effects),
];

/// A graph and the items that it is called with.
pub type GraphCall = (String, Vec<Item>);

/// What an op hands to its graphs; empty for ops without graphs and for ops of unknown convention.
pub fn graph_calls(call: &Call<'_>) -> Result<Vec<GraphCall>, NoInference> {
    let convention = CONVENTIONS.iter().find(|(name, _)| *name == call.name);
    match convention {
        Some((_, convention)) => convention(call),
        None => pass_on(call),
    }
}

type Convention = fn(&Call<'_>) -> Result<Vec<GraphCall>, NoInference>;

const CONVENTIONS: &[(&str, Convention)] = &[
    ("hop.cond", |call| {
        let operands = elements(&argument(call, 3, "operands"));
        let branches = [argument(call, 1, "true_fn"), argument(call, 2, "false_fn")];
        branches
            .iter()
            .map(|branch| Ok((graph(call, branch)?, operands.clone())))
            .collect()
    }),
    ("hop.while_loop", |call| {
        let carried = elements(&argument(call, 2, "carried_inputs")).into_iter();
        let mut operands: Vec<Item> = carried.map(|item| any_round(call.env, item)).collect();
        operands.extend(elements(&argument(call, 3, "additional_inputs")));
        let graphs = [argument(call, 0, "cond_fn"), argument(call, 1, "body_fn")];
        graphs
            .iter()
            .map(|item| Ok((graph(call, item)?, operands.clone())))
            .collect()
    }),
    ("hop.map_impl", |call| {
        let mut operands = rows_of(&elements(&argument(call, 1, "xs")));
        operands.extend(elements(&argument(call, 2, "pos_args")));
        Ok(vec![(graph(call, &argument(call, 0, "f"))?, operands)])
    }),
    ("hop.scan", |call| {
        let mut operands = elements(&argument(call, 1, "init"));
        operands.extend(rows_of(&elements(&argument(call, 2, "xs"))));
        operands.extend(elements(&argument(call, 3, "additional_inputs")));
        Ok(vec![(
            graph(call, &argument(call, 0, "combine_fn"))?,
            operands,
        )])
    }),
    ("hop.associative_scan", |call| {
        let rows = rows_of(&elements(&argument(call, 1, "xs")));
        let mut operands = rows.clone();
        operands.extend(rows);
        operands.extend(elements(&argument(call, 2, "additional_inputs")));
        Ok(vec![(
            graph(call, &argument(call, 0, "combine_fn"))?,
            operands,
        )])
    }),
];

/// A scalar is another one in each round of a loop.
fn any_round(env: &ShapeEnv<'_>, item: Item) -> Item {
    match item {
        Item::Int(_) | Item::SymInt => Item::Int(env.unbacked()),
        Item::Float(_) | Item::SymFloat(_) => Item::SymFloat(Some(env.unbacked_float())),
        Item::Bool(_) | Item::SymBool(_) => Item::SymBool(None),
        item => item,
    }
}

/// How many of the operands of its graphs a loop carries from round to round; none for other ops.
pub fn carried_count(call: &Call<'_>) -> Option<usize> {
    let (_, index, name) = LOOPS.iter().find(|(op, ..)| *op == call.name)?;
    Some(elements(&argument(call, *index, name)).len())
}

/// Loops, with the argument that they carry.
const LOOPS: &[(&str, usize, &str)] = &[
    ("hop.while_loop", 2, "carried_inputs"),
    ("hop.scan", 1, "init"),
];

/// Makes the carried operands of a loop general enough for what a round returns; whether that changed them.
pub fn widen(
    env: &ShapeEnv<'_>,
    operands: &mut [Item],
    returned: &[Item],
    n_carried: usize,
) -> bool {
    let mut is_changed = false;
    for (operand, returned) in operands.iter_mut().zip(returned).take(n_carried) {
        let widened = match (&*operand, returned) {
            (Item::Tensor(operand), Item::Tensor(returned)) => widened(env, operand, returned),
            _ => None,
        };
        if let Some(widened) = widened {
            *operand = widened.into();
            is_changed = true;
        }
    }
    is_changed
}

/// A tensor with new symbols for sizes that a round changes; none if there are none. An invented symbol stands for
/// all of them already.
fn widened(env: &ShapeEnv<'_>, carried: &Tensor, returned: &Tensor) -> Option<Tensor> {
    if carried.rank() != returned.rank() {
        return None;
    }
    let is_general = |size: &Size| match size {
        Size::Int(_) => false,
        Size::Expr(expr) => expr
            .as_symbol()
            .is_some_and(|symbol| env.is_fresh(symbol.name())),
    };
    let pairs = carried.sizes.iter().zip(&returned.sizes);
    let sizes: Vec<Size> = pairs
        .map(|(carried, returned)| {
            if env.equal(carried, returned) || is_general(carried) {
                carried.clone()
            } else {
                env.unbacked()
            }
        })
        .collect();
    if sizes == carried.sizes {
        return None;
    }
    let strides = contiguous_strides(&sizes).ok()?;
    Some(Tensor {
        sizes,
        strides,
        ..carried.clone()
    })
}

/// The region of automatic casts that an op opens for its graph.
pub fn autocast_of(call: &Call<'_>) -> Option<Autocast> {
    if call.name != AUTOCAST {
        return None;
    }
    let dtype = argument(call, 1, "dtype");
    Autocast::from_arguments(
        &argument(call, 0, "device_type"),
        &dtype,
        &argument(call, 2, "enabled"),
    )
}

const AUTOCAST: &str = "hop.wrap_with_autocast";

/// Everything that comes after the graph is its operand; an identifier is none.
fn pass_on(call: &Call<'_>) -> Result<Vec<GraphCall>, NoInference> {
    let items: Vec<&Item> = call.given().collect();
    let Some(at) = items.iter().position(|item| matches!(item, Item::Graph(_))) else {
        return Ok(Vec::new());
    };
    let operands = items[at + 1..].iter().flat_map(|item| match item {
        Item::Str(_) | Item::None => Vec::new(),
        item => elements(item),
    });
    Ok(vec![(graph(call, items[at])?, operands.collect())])
}

/// An argument by its position or by its name.
fn argument(call: &Call<'_>, index: usize, name: &str) -> Item {
    match call.get(name) {
        Item::None => call.at(index),
        item => item,
    }
}

fn elements(item: &Item) -> Vec<Item> {
    match item {
        Item::List(items) => items.clone(),
        item => vec![item.clone()],
    }
}

fn graph(call: &Call<'_>, item: &Item) -> Result<String, NoInference> {
    match item {
        Item::Graph(symbol) => Ok(symbol.clone()),
        other => Err(call.unexpected("graph", "a graph", other)),
    }
}

/// Tensors without their first dimension, as a graph sees them that is called for each row.
fn rows_of(items: &[Item]) -> Vec<Item> {
    items
        .iter()
        .map(|item| match item {
            Item::Tensor(tensor) => {
                let mut row = (**tensor).clone();
                if !row.sizes.is_empty() {
                    row.sizes.remove(0);
                    row.strides.remove(0);
                }
                row.requires_grad = false;
                row.into()
            }
            item => item.clone(),
        })
        .collect()
}

/// What a graph returns.
fn results_of(call: &Call<'_>, item: &Item) -> Result<Vec<Item>, NoInference> {
    let symbol = graph(call, item)?;
    match call.env.graph(&symbol) {
        Some(results) => Ok(results.to_vec()),
        None => Err(call.unknown(format!("nothing is known of what `@{symbol}` returns"))),
    }
}

/// Results that have memory of their own.
fn fresh(env: &ShapeEnv<'_>, items: Vec<Item>) -> Results {
    items
        .into_iter()
        .map(|item| match item {
            Item::Tensor(tensor) => {
                let dtype = tensor.dtype;
                Ok(super::broadcast::copy_of(env, &tensor, dtype)?.into())
            }
            item => Ok(item),
        })
        .collect()
}

fn cond(call: &Call<'_>) -> Results {
    let yes = results_of(call, &argument(call, 1, "true_fn"))?;
    let no = results_of(call, &argument(call, 2, "false_fn"))?;
    if yes.len() != no.len() {
        return Err(call.contradiction(format!(
            "the branches return {} and {} values",
            yes.len(),
            no.len()
        )));
    }
    let merged = yes
        .iter()
        .zip(&no)
        .map(|(yes, no)| merge(call.env, yes, no));
    merged.collect()
}

/// What is known of a value that is one or the other.
pub fn merge(env: &ShapeEnv<'_>, left: &Item, right: &Item) -> Result<Item, NoInference> {
    Ok(match (left, right) {
        (Item::Tensor(left), Item::Tensor(right)) => merge_tensors(env, left, right)?,
        (Item::Int(left), Item::Int(right)) if left == right => Item::Int(left.clone()),
        (Item::Int(_), Item::Int(_)) => Item::Int(env.unbacked()),
        (left, right) if left == right => left.clone(),
        (Item::SymFloat(_) | Item::Float(_), Item::SymFloat(_) | Item::Float(_)) => {
            Item::SymFloat(Some(env.unbacked_float()))
        }
        (Item::SymBool(_) | Item::Bool(_), Item::SymBool(_) | Item::Bool(_)) => Item::SymBool(None),
        _ => Item::Any,
    })
}

/// Sizes that differ become symbols that data decide.
fn merge_tensors(
    env: &ShapeEnv<'_>,
    left: &Rc<Tensor>,
    right: &Rc<Tensor>,
) -> Result<Item, NoInference> {
    if left.dtype != right.dtype || left.device != right.device {
        return Ok(Item::Any);
    }
    if left.rank() != right.rank() {
        return Ok(Item::Unranked(left.dtype));
    }
    let pairs = left.sizes.iter().zip(&right.sizes);
    let sizes: Vec<Size> = pairs
        .map(|(left, right)| {
            if env.equal(left, right) {
                left.clone()
            } else {
                env.unbacked()
            }
        })
        .collect();
    let strides = if sizes == left.sizes && left.strides == right.strides {
        left.strides.clone()
    } else {
        contiguous_strides(&sizes)?
    };
    let offset = if left.offset == right.offset {
        left.offset.clone()
    } else {
        Size::ZERO
    };
    Ok(Tensor {
        sizes,
        strides,
        offset,
        requires_grad: false,
        ..(**left).clone()
    }
    .into())
}

/// What is carried round a loop keeps its type.
fn while_loop(call: &Call<'_>) -> Results {
    let carried = elements(&argument(call, 2, "carried_inputs"));
    let returned = results_of(call, &argument(call, 1, "body_fn"))?;
    if carried.len() != returned.len() {
        return Err(call.contradiction(format!(
            "the loop carries {} values, its body returns {}",
            carried.len(),
            returned.len()
        )));
    }
    let merged =
        carried
            .iter()
            .zip(&returned)
            .map(|(carried, returned)| match (carried, returned) {
                (Item::Int(_), Item::Int(_)) => Ok(Item::Int(call.env.unbacked())),
                (Item::Tensor(carried), Item::Tensor(returned))
                    if carried.sizes == returned.sizes =>
                {
                    Ok(Item::Tensor(Rc::clone(returned)))
                }
                (carried, returned) => merge(call.env, carried, returned),
            });
    merged.collect()
}

/// The number of rows of the first operand.
fn row_count(call: &Call<'_>, item: &Item) -> Result<Size, NoInference> {
    let first = elements(item);
    let tensor = first.first().and_then(Item::as_tensor);
    tensor
        .and_then(|tensor| tensor.sizes.first().cloned())
        .ok_or_else(|| call.unknown("there is no operand with rows"))
}

/// Rows put one after another.
fn stacked(items: Vec<Item>, count: &Size) -> Results {
    items
        .into_iter()
        .map(|item| match item {
            Item::Tensor(row) => {
                let mut sizes = vec![count.clone()];
                sizes.extend_from_slice(&row.sizes);
                Ok(Tensor::contiguous(row.dtype, sizes, &row.device)?.into())
            }
            item => Ok(item),
        })
        .collect()
}

fn map(call: &Call<'_>) -> Results {
    let count = row_count(call, &argument(call, 1, "xs"))?;
    let rows = results_of(call, &argument(call, 0, "f"))?;
    stacked(rows, &count)
}

/// The state that is carried, then what each step gives.
fn scan(call: &Call<'_>) -> Results {
    let count = row_count(call, &argument(call, 2, "xs"))?;
    let mut returned = results_of(call, &argument(call, 0, "combine_fn"))?;
    let n_carried = elements(&argument(call, 1, "init")).len();
    if returned.len() < n_carried {
        return Err(call.contradiction("the graph returns fewer values than are carried"));
    }
    let rows = returned.split_off(n_carried);
    let mut results = fresh(call.env, returned)?;
    results.extend(stacked(rows, &count)?);
    Ok(results)
}

fn associative_scan(call: &Call<'_>) -> Results {
    let count = row_count(call, &argument(call, 1, "xs"))?;
    let rows = results_of(call, &argument(call, 0, "combine_fn"))?;
    stacked(rows, &count)
}

fn call_graph(call: &Call<'_>) -> Results {
    let item = call.given().find(|item| matches!(item, Item::Graph(_)));
    match item {
        Some(item) => results_of(call, item),
        None => Err(call.unknown("it names no graph")),
    }
}

/// The name in the IR of an operator argument.
fn operator_name(item: &Item) -> Option<&str> {
    match item {
        Item::Operator(target) => Some(target.strip_prefix("torch.ops.").unwrap_or(target)),
        _ => None,
    }
}

/// The results of an operator called by an op; of none where no schema describes it.
fn operator_results(call: &Call<'_>, operator: &Item, given: Vec<(String, Item)>) -> Results {
    let name =
        operator_name(operator).ok_or_else(|| call.unexpected("op", "an operator", operator))?;
    let def =
        table::lookup(name).ok_or_else(|| call.unknown(format!("no schema describes `{name}`")))?;
    let schema_names = def.schema.args.iter().map(|arg| arg.name.to_owned());
    let mut positions = schema_names.into_iter();
    let named: Vec<(String, Item)> = given
        .into_iter()
        .map(|(name, item)| match name.is_empty() {
            true => (positions.next().unwrap_or_default(), item),
            false => (name, item),
        })
        .collect();
    let items = named
        .iter()
        .map(|(name, item)| (name.as_str(), item.clone()));
    rules::apply(&Call::of_items(call.env, name, Some(def), items)?)
}

/// What the operator returns, then what it wrote to.
fn auto_functionalized(call: &Call<'_>) -> Results {
    let operator = call.at(0);
    let name = operator_name(&operator).unwrap_or_default();
    let written: Vec<Item> = match table::lookup(name) {
        Some(def) => def
            .schema
            .args
            .iter()
            .filter(|arg| arg.is_written())
            .map(|arg| call.get(arg.name))
            .collect(),
        None => return Err(call.unknown(format!("no schema describes `{name}`"))),
    };
    returned_and_written(call, written)
}

/// What the operator returns, then the tensors whose memory it wrote to.
fn auto_functionalized_v2(call: &Call<'_>) -> Results {
    let bases = elements(&call.get("_all_bases"));
    returned_and_written(call, bases)
}

fn returned_and_written(call: &Call<'_>, written: Vec<Item>) -> Results {
    let operator = call.at(0);
    let def = operator_name(&operator).and_then(table::lookup);
    // An operator that returns nothing stands there as one that returns None.
    let n_returned = match (def, call.n_results) {
        (Some(def), _) => def.schema.returns.len().max(1),
        (None, Some(count)) => count.saturating_sub(written.len()).max(1),
        (None, None) => return Err(call.unknown("the number of results is not known")),
    };
    let mut results = vec![Item::Any; n_returned];
    results.extend(written.into_iter().map(|item| {
        match item {
            Item::Tensor(tensor) => Tensor {
                requires_grad: false,
                ..(*tensor).clone()
            }
            .into(),
            item => item,
        }
    }));
    Ok(results)
}

/// An operator computed in a wider dtype.
fn out_dtype(call: &Call<'_>) -> Results {
    let given = call
        .given_named()
        .skip(2)
        .map(|(name, item)| (name.to_owned(), item.clone()));
    let results = operator_results(call, &call.at(0), given.collect())?;
    let Item::Dtype(dtype) = call.at(1) else {
        return Err(call.unknown("there is no dtype"));
    };
    let retyped = results.into_iter().map(|item| match item {
        Item::Tensor(tensor) => Tensor {
            dtype,
            ..(*tensor).clone()
        }
        .into(),
        item => item,
    });
    Ok(retyped.collect())
}

/// A token, then what the operator returns.
fn with_effects(call: &Call<'_>) -> Results {
    let given = call
        .given_named()
        .skip(2)
        .map(|(name, item)| (name.to_owned(), item.clone()));
    let mut results = vec![call.at(0)];
    results.extend(operator_results(call, &call.at(1), given.collect())?);
    Ok(results)
}
