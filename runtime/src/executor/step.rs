//! Steps that are ready to run: one generic step for every operator, and the symbolic ones.

use super::{
    symbolic::{self, Number},
    value::{Operand, Target, constant, is_constant},
};
use expc_dialects::Diagnostic;
use rustc_hash::FxHashMap;

use crate::{
    error::{Result, code, error},
    plan::{Action, Arg, Plan, Slot, SymFunction},
    torch::{Frame, ListItem, Op, Step, StepBuilder, TorchError, Value},
};

/// The operators that a plan names, each looked up once.
#[derive(Debug)]
pub(super) struct Ops {
    by_name: FxHashMap<String, Option<Op>>,
}

impl Ops {
    pub(super) fn of(plan: &Plan) -> Self {
        let mut by_name = FxHashMap::default();
        let mut add = |name: &str| {
            if !by_name.contains_key(name) {
                by_name.insert(name.to_owned(), Op::find(name));
            }
        };
        for step in plan.graphs().iter().flat_map(|graph| &graph.steps) {
            if let Action::Call { op, .. } = &step.action {
                add(op);
            }
            step.arguments().for_each(|arg| {
                arg.visit(&mut |arg| {
                    if let Arg::Op(name) = arg {
                        add(name);
                    }
                });
            });
        }
        add(RESHAPE);
        Self { by_name }
    }

    pub(super) fn find(&self, name: &str) -> Option<&Op> {
        self.by_name.get(name)?.as_ref()
    }

    /// The operator, or why there is none.
    pub(super) fn get(&self, name: &str) -> Result<&Op> {
        self.find(name).ok_or_else(|| not_registered(name))
    }
}

const RESHAPE: &str = "aten::reshape";

/// The operator that copies where the strides do not allow a view, for one that takes the view; with its arguments.
///
/// Strides in a program are those that meta kernels gave. Kernels of a device may choose others (batch normalization
/// of an input that is not row-major does), and then a view that was legal when the program was made is not.
pub(super) fn or_copy(
    name: &str,
    kwargs: &[(String, Arg)],
) -> Option<(&'static str, Vec<(String, Arg)>)> {
    let is_view = matches!(
        name.strip_suffix(".default").unwrap_or(name),
        "aten::view" | "aten::_unsafe_view"
    );
    let renamed = kwargs.iter().map(|(name, arg)| match name.as_str() {
        "size" => ("shape".to_owned(), arg.clone()),
        _ => (name.clone(), arg.clone()),
    });
    is_view.then(|| (RESHAPE, renamed.collect()))
}

/// Looks an operator up.
pub(super) fn find_op(name: &str) -> Result<Op> {
    Op::find(name).ok_or_else(|| not_registered(name))
}

fn not_registered(name: &str) -> Box<Diagnostic> {
    let mut problem = error(
        code::UNKNOWN_OPERATOR,
        format!("operator `{name}` is not registered with libtorch"),
    );
    let namespace = name.split("::").next().unwrap_or_default();
    problem.help = Some(format!(
        "load the library that registers `{namespace}` operators with `--load-library`"
    ));
    problem
}

/// What a call passes and where its results go.
pub(super) struct Call<'a> {
    pub args: &'a [Arg],
    pub kwargs: &'a [(String, Arg)],
    pub results: &'a [Option<Slot>],
    pub result_groups: &'a [u32],
    pub frees: &'a [Slot],
}

/// Prepares the call of an operator.
pub(super) fn prepare_call(op: &Op, call: &Call<'_>, target: Target) -> Result<Step> {
    let mut builder = StepBuilder::new(op);
    let named = |problem: TorchError| {
        error(
            code::ARGUMENTS,
            format!("`{}`: {}", op.name(), problem.message()),
        )
    };
    let mut given = vec![false; op.argument_count()];
    let by_name = |(name, arg): &'_ (String, Arg)| {
        Ok((op.require_argument(name).map_err(named)?, arg.clone()))
    };
    let keywords = call
        .kwargs
        .iter()
        .map(by_name)
        .collect::<Result<Vec<_>>>()?;
    let positional = call.args.iter().cloned().enumerate();
    for (index, arg) in positional.chain(keywords) {
        match given.get_mut(index) {
            Some(given @ false) => *given = true,
            Some(_) => {
                let problem = format!("argument `{}` is given twice", op.argument_name(index));
                return Err(named(TorchError::new(problem)));
            }
            None => {
                let problem = format!("takes {} arguments, found {}", given.len(), call.args.len());
                return Err(named(TorchError::new(problem)));
            }
        }
        set_argument(&mut builder, index, &arg, target)?.map_err(named)?;
    }
    set_results(&mut builder, op, call)?;
    builder.finish(call.frees).map_err(named)
}

/// Sets one argument; the outer error is one of the plan, the inner one of the schema.
fn set_argument(
    builder: &mut StepBuilder,
    index: usize,
    arg: &Arg,
    target: Target,
) -> Result<std::result::Result<(), TorchError>> {
    match arg {
        Arg::Slot(slot) => Ok(builder.slot(index, *slot)),
        Arg::List(items) if !is_constant(arg) => {
            let items = items
                .iter()
                .map(|item| list_item(item, target))
                .collect::<Result<Vec<_>>>()?;
            Ok(builder.list(index, &items))
        }
        _ => Ok(builder.constant(index, &constant(arg, target)?)),
    }
}

fn list_item(item: &Arg, target: Target) -> Result<ListItem> {
    match item {
        Arg::Slot(slot) => Ok(ListItem::Slot(*slot)),
        Arg::List(_) if !is_constant(item) => Err(error(
            code::ARGUMENTS,
            "values stand in a list of lists, which no operator takes",
        )),
        _ => Ok(ListItem::Constant(constant(item, target)?)),
    }
}

/// Distributes the step's flat results over the returns of the schema.
fn set_results(builder: &mut StepBuilder, op: &Op, call: &Call<'_>) -> Result<()> {
    let returns = op.return_count();
    let wrong = |expected: String| {
        let found = call.results.len();
        error(
            code::ARGUMENTS,
            format!(
                "`{}` returns {expected} values, the program has {found} results",
                op.name()
            ),
        )
    };
    if !call.result_groups.is_empty() && call.result_groups.len() != returns {
        return Err(wrong(returns.to_string()));
    }
    let mut rest = call.results;
    for index in 0..returns {
        let is_list = op.return_is_list(index);
        let size = match call.result_groups.get(index) {
            Some(size) => *size as usize,
            None if is_list && returns == 1 => rest.len(),
            None => 1,
        };
        let group;
        (group, rest) = match rest.split_at_checked(size) {
            Some(parts) => parts,
            // A program may leave out trailing results that it does not use.
            None if rest.is_empty() => (&[][..], rest),
            None => return Err(wrong(returns.to_string())),
        };
        match (is_list, group) {
            (true, slots) => builder.result_list(slots),
            (false, [slot]) => builder.result(*slot),
            (false, []) => builder.result(None),
            (false, _) => return Err(wrong(returns.to_string())),
        }
    }
    // An operator that returns nothing stands for the value `None`.
    if rest.iter().any(Option::is_some) {
        return Err(wrong(returns.to_string()));
    }
    Ok(())
}

/// A function on symbolic scalars, ready to run.
#[derive(Debug)]
pub(super) struct Symbolic {
    function: SymFunction,
    args: Vec<Operand>,
    result: Option<Slot>,
    frees: Vec<Slot>,
}

impl Symbolic {
    pub(super) fn new(
        function: SymFunction,
        args: &[Arg],
        results: &[Option<Slot>],
        frees: &[Slot],
    ) -> Result<Self> {
        let args = match (function, args) {
            (SymFunction::SymSum, [Arg::List(terms)]) => terms,
            _ if args.len() == function.arity() => args,
            _ => {
                let (name, arity) = (function.name(), function.arity());
                let problem = format!("`sym.{name}` takes {arity} arguments, found {}", args.len());
                return Err(error(code::SYMBOLIC, problem));
            }
        };
        let args = args
            .iter()
            .map(|arg| Operand::new(arg, None))
            .collect::<Result<_>>()?;
        Ok(Self {
            function,
            args,
            result: results.first().copied().flatten(),
            frees: frees.to_vec(),
        })
    }

    pub(super) fn run(&self, frame: &mut Frame) -> Result<()> {
        let numbers = self
            .args
            .iter()
            .map(|arg| number(&arg.read(frame)))
            .collect::<Option<Vec<_>>>();
        let result = match numbers {
            Some(numbers) => symbolic::evaluate(self.function, &numbers),
            None => Err("expected numbers".to_owned()),
        };
        let result = result.map_err(|what| {
            error(
                code::SYMBOLIC,
                format!("`sym.{}`: {what}", self.function.name()),
            )
        })?;
        self.frees.iter().for_each(|slot| frame.clear(*slot));
        if let Some(slot) = self.result {
            frame
                .set(slot, &result.into_value())
                .map_err(|problem| error(code::SYMBOLIC, problem.message()))?;
        }
        Ok(())
    }
}

/// A number, or the number that a tensor of one element stands for.
fn number(value: &Value) -> Option<Number> {
    match value {
        Value::Tensor(tensor) => {
            let item = Op::find("aten::item")?
                .call(&[Value::Tensor(tensor.shallow_clone())], &[])
                .ok()?;
            item.first().and_then(Number::from_value)
        }
        value => Number::from_value(value),
    }
}
