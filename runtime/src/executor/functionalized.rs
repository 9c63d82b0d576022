//! `auto_functionalized` and `auto_functionalized_v2`: a mutating operator run on copies of what it writes to.

use super::{
    control::{HopArgs, malformed, tch_error, torch},
    step::find_op,
    value::Operand,
};
use crate::{
    error::{Result, code, error},
    plan::Arg,
    torch::{Frame, Op, SharedValue, Step, StepBuilder, TensorInfo, Value, clone_tensor},
};

/// The operator, prepared on a frame of its own: argument `i` of the schema in slot `i`, then the results.
#[derive(Debug)]
pub(super) struct Functionalized {
    step: Step,
    arguments: Vec<Given>,
    returns: u32,
    /// Second version: the tensors whose copies the arguments are views of.
    bases: Option<Operand>,
}

/// An argument of the operator.
#[derive(Debug)]
struct Given {
    /// Position in the schema.
    slot: u32,
    source: Source,
}

#[derive(Debug)]
enum Source {
    Value(Operand),
    /// First version: written to, so copied; the copy is a result.
    Copied(Operand),
    /// Second version: written to, so a view of the copy of a base.
    View(View),
    Views(Vec<View>),
}

/// How to make an argument from the copied bases.
#[derive(Debug)]
struct View {
    /// The position of the base; none stands for `None`.
    base: Option<usize>,
    shape: Shape,
}

#[derive(Debug)]
enum Shape {
    Whole,
    Strided {
        sizes: Operand,
        strides: Operand,
        offset: Operand,
    },
    Slice {
        dim: Operand,
        start: Operand,
        end: Operand,
    },
}

impl Functionalized {
    /// Reads `auto_functionalized(op, **arguments)`.
    pub(super) fn v1(args: &HopArgs<'_>) -> Result<Self> {
        let op = mutable_op(args)?;
        let mut arguments = Vec::new();
        for (name, arg) in args.kwargs {
            let index = argument_index(&op, name)?;
            let operand = Operand::new(arg, args.target)?;
            let written = op.argument_is_written(index);
            let source = if written {
                Source::Copied(operand)
            } else {
                Source::Value(operand)
            };
            arguments.push((index, source));
        }
        Self::new(&op, arguments, None)
    }

    /// Reads `auto_functionalized_v2(op, **arguments, _all_bases, _x_base_index, …)`.
    pub(super) fn v2(args: &HopArgs<'_>) -> Result<Self> {
        let op = mutable_op(args)?;
        let views = Views { args };
        let mut arguments = Vec::new();
        for index in 0..op.argument_count() {
            let name = op.argument_name(index);
            if op.argument_is_written(index) {
                arguments.extend(views.source(name)?.map(|source| (index, source)));
            } else if let Some(arg) = views.find(name) {
                arguments.push((index, Source::Value(Operand::new(arg, args.target)?)));
            }
        }
        let bases = match views.find("_all_bases") {
            Some(arg) => Operand::new(arg, args.target)?,
            None => Operand::Constant(SharedValue::new(Value::List(Vec::new()))),
        };
        Self::new(&op, arguments, Some(bases))
    }

    fn new(op: &Op, arguments: Vec<(usize, Source)>, bases: Option<Operand>) -> Result<Self> {
        let count = |number: usize| {
            u32::try_from(number).map_err(|_| error(code::HIGHER_ORDER, "too many arguments"))
        };
        let (first_result, returns) = (count(op.argument_count())?, count(op.return_count())?);
        let named = |problem: crate::torch::TorchError| {
            error(
                code::ARGUMENTS,
                format!("`{}`: {}", op.name(), problem.message()),
            )
        };
        let mut builder = StepBuilder::new(op);
        let mut given = Vec::with_capacity(arguments.len());
        for (index, source) in arguments {
            let slot = count(index)?;
            builder.slot(index, slot).map_err(named)?;
            given.push(Given { slot, source });
        }
        (first_result..first_result.saturating_add(returns))
            .for_each(|slot| builder.result(Some(slot)));
        let step = builder.finish(&[]).map_err(named)?;
        Ok(Self {
            step,
            arguments: given,
            returns,
            bases,
        })
    }

    /// The operator's results (`None` if it has none), then the copies that it wrote to.
    pub(super) fn run(&self, outer: &Frame) -> Result<Vec<Value>> {
        let mut copies = match &self.bases {
            Some(bases) => copies_of(bases.read(outer))?,
            None => Vec::new(),
        };
        let first_result = self.step.slot_bound().saturating_sub(self.returns);
        let mut frame = Frame::new(self.step.slot_bound());
        for argument in &self.arguments {
            let value = match &argument.source {
                Source::Value(operand) => operand.read(outer),
                Source::Copied(operand) => {
                    let copy = copy_of(operand.read(outer))?;
                    copies.push(copy.clone());
                    copy
                }
                Source::View(view) => view.make(&copies, outer)?,
                Source::Views(views) => Value::List(
                    views
                        .iter()
                        .map(|view| view.make(&copies, outer))
                        .collect::<Result<_>>()?,
                ),
            };
            frame.set(argument.slot, &value).map_err(torch)?;
        }
        self.step.run(&mut frame).map_err(torch)?;
        let mut outputs: Vec<_> = (first_result..self.step.slot_bound())
            .map(|slot| frame.get(slot))
            .collect();
        if outputs.is_empty() {
            outputs.push(Value::None);
        }
        outputs.extend(copies);
        Ok(outputs)
    }
}

fn mutable_op(args: &HopArgs<'_>) -> Result<Op> {
    match args.get(0, "_mutable_op")? {
        Arg::Op(name) if name.contains("::") => find_op(name),
        Arg::Op(name) => malformed(format!(
            "the higher-order operator `{name}` cannot be run in functional form"
        )),
        _ => malformed("the first argument is no operator"),
    }
}

fn argument_index(op: &Op, name: &str) -> Result<usize> {
    op.require_argument(name).map_err(|problem| {
        error(
            code::ARGUMENTS,
            format!("`{}`: {}", op.name(), problem.message()),
        )
    })
}

/// Reads the keyword arguments in which the second version describes views.
struct Views<'a> {
    args: &'a HopArgs<'a>,
}

impl<'a> Views<'a> {
    fn find(&self, name: &str) -> Option<&'a Arg> {
        self.args
            .kwargs
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, arg)| arg)
    }

    fn require(&self, name: String) -> Result<Operand> {
        match self.find(&name) {
            Some(arg) => Operand::new(arg, self.args.target),
            None => malformed(format!("argument `{name}` is missing")),
        }
    }

    /// How to make the written argument `name`; none if it was not given.
    fn source(&self, name: &str) -> Result<Option<Source>> {
        match self.find(&format!("_{name}_length")) {
            Some(Arg::Int(length)) => {
                let views = (0..*length).map(|item| self.view(&format!("_{name}_{item}")));
                Ok(Some(Source::Views(views.collect::<Result<_>>()?)))
            }
            Some(_) => Ok(Some(Source::Value(Operand::Constant(SharedValue::new(
                Value::None,
            ))))),
            None if self.find(&format!("_{name}_base_index")).is_none() => Ok(None),
            None => Ok(Some(Source::View(self.view(&format!("_{name}"))?))),
        }
    }

    fn view(&self, prefix: &str) -> Result<View> {
        let base = match self.find(&format!("{prefix}_base_index")) {
            Some(Arg::Int(index)) => usize::try_from(*index).ok(),
            Some(Arg::None) => {
                return Ok(View {
                    base: None,
                    shape: Shape::Whole,
                });
            }
            _ => None,
        };
        if base.is_none() {
            return malformed(format!(
                "argument `{prefix}_base_index` is missing or no index"
            ));
        }
        let shape = if self.find(&format!("{prefix}_storage_offset")).is_some() {
            Shape::Strided {
                sizes: self.require(format!("{prefix}_size"))?,
                strides: self.require(format!("{prefix}_stride"))?,
                offset: self.require(format!("{prefix}_storage_offset"))?,
            }
        } else if self.find(&format!("{prefix}_slice_dim")).is_some() {
            Shape::Slice {
                dim: self.require(format!("{prefix}_slice_dim"))?,
                start: self.require(format!("{prefix}_slice_start"))?,
                end: self.require(format!("{prefix}_slice_end"))?,
            }
        } else {
            Shape::Whole
        };
        Ok(View { base, shape })
    }
}

impl View {
    fn make(&self, bases: &[Value], outer: &Frame) -> Result<Value> {
        let Some(index) = self.base else {
            return Ok(Value::None);
        };
        let Some(base) = bases.get(index) else {
            return malformed(format!("base {index} is named, there are {}", bases.len()));
        };
        let (name, arguments) = match &self.shape {
            Shape::Whole => return Ok(base.clone()),
            Shape::Strided {
                sizes,
                strides,
                offset,
            } => ("aten::as_strided", [sizes, strides, offset]),
            Shape::Slice { dim, start, end } => ("aten::slice.Tensor", [dim, start, end]),
        };
        let arguments: Vec<_> = std::iter::once(base.clone())
            .chain(arguments.iter().map(|operand| operand.read(outer)))
            .collect();
        match find_op(name)?.call(&arguments, &[]).map_err(torch)?.pop() {
            Some(view) => Ok(view),
            None => malformed("a view is missing"),
        }
    }
}

fn copies_of(values: Value) -> Result<Vec<Value>> {
    match values {
        Value::List(items) => items.into_iter().map(copy_of).collect(),
        _ => malformed("the bases are no list"),
    }
}

/// A copy with the same strides and offset, of whatever of the storage the tensor reaches.
fn copy_of(value: Value) -> Result<Value> {
    match value {
        Value::Tensor(tensor) => Ok(Value::Tensor(copy_with_strides(&tensor)?)),
        Value::List(items) => Ok(Value::List(
            items.into_iter().map(copy_of).collect::<Result<_>>()?,
        )),
        other => Ok(other),
    }
}

fn copy_with_strides(tensor: &tch::Tensor) -> Result<tch::Tensor> {
    let info = TensorInfo::of(tensor);
    let (Some(strides), Some(length)) = (&info.strides, info.storage_length()) else {
        return clone_tensor(tensor, None).map_err(torch);
    };
    let whole = tensor
        .f_as_strided([length], [1], Some(0))
        .map_err(tch_error)?;
    let copy = clone_tensor(&whole, None).map_err(torch)?;
    copy.f_as_strided(&info.sizes, strides, Some(info.storage_offset))
        .map_err(tch_error)
}
