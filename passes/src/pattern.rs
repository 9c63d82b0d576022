//! What rewrite rules are written with.
//!
//! A rule is a free function from a [`Rewrite`] of the matched op to the values that replace its results; it
//! answers [`Refusal::DoesNotApply`] where its conditions do not hold. New ops are typed by
//! [`crate::shape::infer`] and carry the location of the op that they replace.

use std::{
    cell::{OnceCell, RefCell},
    rc::Rc,
};

use expc_dialects::{
    Argument, AtenOp, Constant, Diagnostic, GivenArgument, OpBuilder, ResultSpec, ScalarType,
    TensorMeta, ValueType, mlir,
    table::{self, DefaultValue},
};
use expc_symbolic::Expr;
use melior::{
    Context, RewriterBase,
    ir::{
        Location, TypeLike, Value, ValueLike,
        operation::{OperationLike, OperationRef},
    },
};

use crate::shape::{self, InferredReturn, MemoryFormat, ShapeEnv};

/// Why a rule left an op alone.
#[derive(Clone, Debug)]
pub enum Refusal {
    /// The rule's conditions do not hold; the reason is for the log.
    DoesNotApply(String),
    /// The rule applies and something is wrong.
    Fault(Box<Diagnostic>),
}

impl From<Diagnostic> for Refusal {
    fn from(diagnostic: Diagnostic) -> Self {
        Self::Fault(Box::new(diagnostic))
    }
}

/// What a rule answers.
pub type Rewritten<T> = Result<T, Refusal>;

/// Leaves a rule because of a condition.
pub fn refuse<T>(reason: impl Into<String>) -> Rewritten<T> {
    Err(Refusal::DoesNotApply(reason.into()))
}

/// The replacement of an op: one value per result, none where the result is unused and not computed.
pub type Replacement<'c, 'a> = Vec<Option<Value<'c, 'a>>>;

/// A rule.
pub type Rule = for<'x, 'r, 'c, 'a> fn(&'x Rewrite<'r, 'c, 'a>) -> Rewritten<Replacement<'c, 'a>>;

/// Makes the replacement of an op with one result.
pub fn single<'c, 'a>(value: Value<'c, 'a>) -> Rewritten<Replacement<'c, 'a>> {
    Ok(vec![Some(value)])
}

/// A size, stride or symbolic scalar: a number, or a value of the program with its expression.
#[derive(Clone, Debug)]
pub enum Size<'c, 'a> {
    Static(i64),
    Symbolic(Value<'c, 'a>, Expr),
}

impl<'c, 'a> Size<'c, 'a> {
    pub fn as_static(&self) -> Option<i64> {
        match self {
            Self::Static(size) => Some(*size),
            Self::Symbolic(..) => None,
        }
    }

    pub fn expr(&self) -> Expr {
        match self {
            Self::Static(size) => Expr::int(i128::from(*size)),
            Self::Symbolic(_, expr) => expr.clone(),
        }
    }

    /// The size as shape rules see it.
    pub fn to_shape(&self) -> shape::Size {
        match self {
            Self::Static(size) => shape::Size::Int(*size),
            Self::Symbolic(_, expr) => shape::Size::Expr(expr.clone()),
        }
    }
}

impl<'c, 'a> From<Size<'c, 'a>> for Argument<'c, 'a> {
    fn from(size: Size<'c, 'a>) -> Self {
        match size {
            Size::Static(size) => size.into(),
            Size::Symbolic(value, _) => value.into(),
        }
    }
}

/// The default of an argument as a program would give it.
pub fn default_constant(default: &DefaultValue<'_>) -> Constant {
    match default {
        DefaultValue::None => Constant::None,
        DefaultValue::Int(value) => Constant::Int(*value),
        DefaultValue::Float(value) => Constant::Float(*value),
        DefaultValue::Bool(value) => Constant::Bool(*value),
        DefaultValue::Str(text) => Constant::Str(text.clone().into_owned()),
        DefaultValue::IntList(values) => Constant::Ints(values.clone()),
        DefaultValue::FloatList(values) => Constant::Floats(values.clone()),
        DefaultValue::BoolList(values) => Constant::Bools(values.clone()),
        DefaultValue::StrList(texts) => Constant::List(
            texts
                .iter()
                .map(|text| Constant::Str(text.clone().into_owned()))
                .collect(),
        ),
        DefaultValue::EnumName(name) => Constant::Str((*name).to_owned()),
    }
}

/// A list of sizes as an argument.
pub fn size_argument<'c, 'a>(sizes: impl IntoIterator<Item = Size<'c, 'a>>) -> Argument<'c, 'a> {
    sizes
        .into_iter()
        .map(Argument::from)
        .collect::<Vec<_>>()
        .into()
}

/// The positional arguments of a new op.
#[macro_export]
macro_rules! args {
    ($($arg:expr),* $(,)?) => { vec![$($crate::Argument::from($arg)),*] };
}

/// An op that a rule looks at, and the place for new ones.
pub struct Rewrite<'r, 'c: 'a, 'a> {
    context: &'c Context,
    rewriter: &'r RewriterBase<'c, 'a>,
    env: &'r ShapeEnv<'r>,
    op: AtenOp<'c, 'a>,
    arguments: Vec<GivenArgument<'c, 'a>>,
    /// Of new ops; made when it is first needed.
    location: OnceCell<Location<'c>>,
    built: RefCell<Vec<OperationRef<'c, 'a>>>,
}

impl<'r, 'c: 'a, 'a> Rewrite<'r, 'c, 'a> {
    /// Looks at an op; the insertion point of the rewriter must be before it.
    pub fn new(
        op: OperationRef<'c, 'a>,
        rewriter: &'r RewriterBase<'c, 'a>,
        env: &'r ShapeEnv<'r>,
    ) -> Rewritten<Self> {
        let context = mlir::context_of(op);
        let view = AtenOp::new(op);
        Ok(Self {
            context,
            rewriter,
            env,
            op: view,
            arguments: view.arguments()?,
            location: OnceCell::new(),
            built: RefCell::default(),
        })
    }

    /// New ops keep where the op came from; their names are made when the program is printed or written.
    fn location(&self) -> Location<'c> {
        let make = || {
            self.op
                .metadata()
                .of_replacement()
                .to_location(self.context)
        };
        *self.location.get_or_init(make)
    }

    /// With the node's own name on new ops: for rules that put one op in the place of another.
    #[must_use]
    pub fn keeping_name(mut self) -> Self {
        self.location = OnceCell::from(self.op.operation().location());
        self
    }

    /// The op that computes a value, to ask for its arguments; nothing may be built from there.
    pub fn producer(&self, value: Value<'c, 'a>) -> Rewritten<Self> {
        match mlir::producer(value) {
            Some(op) => Self::new(op, self.rewriter, self.env),
            None => refuse("the value is an input"),
        }
    }

    /// The matched op.
    pub fn op(&self) -> AtenOp<'c, 'a> {
        self.op
    }

    pub fn context(&self) -> &'c Context {
        self.context
    }

    /// Ranges of the program's symbols.
    pub fn env(&self) -> &'r ShapeEnv<'r> {
        self.env
    }

    // Arguments of the matched op. Those that the program did not give have the schema's default.

    /// An argument; none if it is None or without a default.
    pub fn arg(&self, name: &str) -> Option<Argument<'c, 'a>> {
        let given = self.arguments.iter().find(|argument| argument.name == name);
        let value = match given {
            Some(argument) => argument.value.clone(),
            None => Argument::Constant(self.default(name)?),
        };
        (!matches!(value, Argument::Constant(Constant::None))).then_some(value)
    }

    /// Whether the program gave the argument.
    pub fn is_given(&self, name: &str) -> bool {
        self.arguments.iter().any(|argument| argument.name == name)
    }

    /// The arguments that the program gave.
    pub fn given(&self) -> Vec<GivenArgument<'c, 'a>> {
        self.arguments.clone()
    }

    fn default(&self, name: &str) -> Option<Constant> {
        let (_, arg) = self.op.def()?.schema.arg(name)?;
        arg.default.as_ref().map(default_constant)
    }

    fn wrong<T>(&self, name: &str, what: &str) -> Rewritten<T> {
        refuse(format!(
            "argument `{name}` of `{}` is no {what}",
            self.op.name()
        ))
    }

    /// A tensor argument.
    pub fn tensor(&self, name: &str) -> Rewritten<Value<'c, 'a>> {
        match self.arg(name).and_then(|arg| arg.as_value()) {
            Some(value) if value.r#type().is_tensor() => Ok(value),
            _ => self.wrong(name, "tensor"),
        }
    }

    /// A tensor argument, or none.
    pub fn optional_tensor(&self, name: &str) -> Option<Value<'c, 'a>> {
        self.tensor(name).ok()
    }

    /// The elements of a list of tensors.
    pub fn tensors(&self, name: &str) -> Rewritten<Vec<Value<'c, 'a>>> {
        let elements = self
            .arg(name)
            .and_then(|arg| arg.elements())
            .unwrap_or_default();
        let values: Option<Vec<_>> = elements.iter().map(Argument::as_value).collect();
        values.map_or_else(|| self.wrong(name, "list of tensors"), Ok)
    }

    /// A constant int.
    pub fn int(&self, name: &str) -> Rewritten<i64> {
        match self.arg(name) {
            Some(Argument::Constant(Constant::Int(value))) => Ok(value),
            Some(Argument::Constant(Constant::Bool(value))) => Ok(i64::from(value)),
            _ => self.wrong(name, "constant int"),
        }
    }

    /// A constant int, or none.
    pub fn optional_int(&self, name: &str) -> Rewritten<Option<i64>> {
        self.arg(name).map(|_| self.int(name)).transpose()
    }

    /// A constant bool.
    pub fn boolean(&self, name: &str) -> Rewritten<bool> {
        match self.arg(name) {
            Some(Argument::Constant(Constant::Bool(value))) => Ok(value),
            Some(Argument::Constant(Constant::Int(value))) => Ok(value != 0),
            _ => self.wrong(name, "constant bool"),
        }
    }

    /// A constant number as a float.
    pub fn float(&self, name: &str) -> Rewritten<f64> {
        match self.arg(name) {
            Some(Argument::Constant(Constant::Float(value))) => Ok(value),
            #[allow(clippy::cast_precision_loss, reason = "Python's own conversion")]
            Some(Argument::Constant(Constant::Int(value))) => Ok(value as f64),
            Some(Argument::Constant(Constant::Bool(value))) => Ok(f64::from(u8::from(value))),
            _ => self.wrong(name, "constant number"),
        }
    }

    /// A constant float, or none.
    pub fn optional_float(&self, name: &str) -> Rewritten<Option<f64>> {
        self.arg(name).map(|_| self.float(name)).transpose()
    }

    /// A constant string.
    pub fn string(&self, name: &str) -> Rewritten<String> {
        match self.arg(name) {
            Some(Argument::Constant(Constant::Str(text))) => Ok(text),
            _ => self.wrong(name, "string"),
        }
    }

    /// A list of constant ints; a single int counts as a list of one.
    pub fn ints(&self, name: &str) -> Rewritten<Vec<i64>> {
        match self.arg(name) {
            Some(Argument::Constant(Constant::Ints(values))) => Ok(values),
            Some(Argument::Constant(Constant::Int(value))) => Ok(vec![value]),
            Some(Argument::Constant(Constant::List(elements))) if elements.is_empty() => {
                Ok(Vec::new())
            }
            _ => self.wrong(name, "list of constant ints"),
        }
    }

    /// A list of constant ints, or none.
    pub fn optional_ints(&self, name: &str) -> Rewritten<Option<Vec<i64>>> {
        self.arg(name).map(|_| self.ints(name)).transpose()
    }

    /// A list of ints, symbolic or not.
    pub fn size_list(&self, name: &str) -> Rewritten<Vec<Size<'c, 'a>>> {
        let Some(arg) = self.arg(name) else {
            return self.wrong(name, "list of ints");
        };
        let elements = arg.elements().unwrap_or_else(|| vec![arg]);
        elements
            .iter()
            .map(|element| self.as_size(element, name))
            .collect()
    }

    /// An int, symbolic or not.
    pub fn size(&self, name: &str) -> Rewritten<Size<'c, 'a>> {
        match self.arg(name) {
            Some(arg) => self.as_size(&arg, name),
            None => self.wrong(name, "int"),
        }
    }

    fn as_size(&self, argument: &Argument<'c, 'a>, name: &str) -> Rewritten<Size<'c, 'a>> {
        match argument {
            Argument::Constant(Constant::Int(value)) => Ok(Size::Static(*value)),
            Argument::Value(value) => match shape::expression_of(*value) {
                Some(expr) => Ok(Size::Symbolic(*value, expr)),
                None => refuse(format!("nothing is known of the int `{name}`")),
            },
            _ => self.wrong(name, "int"),
        }
    }

    /// A memory format, or none.
    pub fn memory_format(&self, name: &str) -> Option<MemoryFormat> {
        match self.arg(name)? {
            Argument::Constant(Constant::MemoryFormat(name)) => MemoryFormat::by_name(&name),
            _ => None,
        }
    }

    /// A dtype, or none.
    pub fn dtype(&self, name: &str) -> Option<ScalarType> {
        match self.arg(name)? {
            Argument::Constant(Constant::Dtype(dtype)) => Some(dtype),
            _ => None,
        }
    }

    // Types.

    /// What is known of a tensor.
    pub fn meta(&self, value: Value<'c, 'a>) -> Rewritten<TensorMeta> {
        match TensorMeta::from_mlir(value.r#type()) {
            Some(meta) => Ok(meta),
            None => refuse(format!("{} is no tensor type", value.r#type())),
        }
    }

    pub fn dtype_of(&self, value: Value<'c, 'a>) -> Rewritten<ScalarType> {
        match self.env.tensor_of(value.r#type()) {
            Some(tensor) => Ok(tensor.dtype),
            None => self.meta(value).map(|meta| meta.dtype),
        }
    }

    /// The number of dimensions; refuses where it is not known.
    pub fn rank(&self, value: Value<'c, 'a>) -> Rewritten<usize> {
        if let Some(tensor) = self.env.tensor_of(value.r#type()) {
            return Ok(tensor.sizes.len());
        }
        match self.meta(value)?.sizes {
            Some(sizes) => Ok(sizes.len()),
            None => refuse("the rank is not known"),
        }
    }

    /// A dimension counted from the front, as Python counts: -1 is the last.
    pub fn dimension(&self, value: Value<'c, 'a>, dim: i64) -> Rewritten<usize> {
        let rank = i64::try_from(self.rank(value)?).unwrap_or(i64::MAX);
        // Torch lets a 0-d tensor have one dimension.
        let wrapped = if dim < 0 { dim + rank.max(1) } else { dim };
        match usize::try_from(wrapped) {
            Ok(dim) if wrapped < rank.max(1) => Ok(dim),
            _ => refuse(format!("dimension {dim} of a tensor of rank {rank}")),
        }
    }

    /// The sizes of a tensor; symbolic ones are read by `aten.sym_size.int`.
    pub fn sizes(&self, value: Value<'c, 'a>) -> Rewritten<Vec<Size<'c, 'a>>> {
        (0..self.rank(value)?)
            .map(|dim| self.size_of(value, dim))
            .collect()
    }

    /// The size of a dimension.
    pub fn size_of(&self, value: Value<'c, 'a>, dim: usize) -> Rewritten<Size<'c, 'a>> {
        let size = match self.env.tensor_of(value.r#type()) {
            Some(tensor) => tensor.sizes.get(dim).and_then(shape::Size::as_int),
            None => {
                let sizes = self.meta(value)?.sizes.unwrap_or_default();
                sizes.get(dim).and_then(|size| size.as_static())
            }
        };
        match size {
            Some(size) => Ok(Size::Static(size)),
            None => {
                let dim = i64::try_from(dim).unwrap_or(i64::MAX);
                let size = self.op_value("aten.sym_size.int", args![value, dim])?;
                match shape::expression_of(size) {
                    Some(expr) => Ok(Size::Symbolic(size, expr)),
                    None => refuse("nothing is known of a size"),
                }
            }
        }
    }

    /// `left * right`.
    pub fn size_mul(&self, left: &Size<'c, 'a>, right: &Size<'c, 'a>) -> Rewritten<Size<'c, 'a>> {
        self.size_arithmetic("mul", left, right, i64::checked_mul)
    }

    /// `left + right`.
    pub fn size_add(&self, left: &Size<'c, 'a>, right: &Size<'c, 'a>) -> Rewritten<Size<'c, 'a>> {
        self.size_arithmetic("add", left, right, i64::checked_add)
    }

    /// `left - right`.
    pub fn size_sub(&self, left: &Size<'c, 'a>, right: &Size<'c, 'a>) -> Rewritten<Size<'c, 'a>> {
        self.size_arithmetic("sub", left, right, i64::checked_sub)
    }

    /// `left // right`, rounding down.
    pub fn size_floordiv(
        &self,
        left: &Size<'c, 'a>,
        right: &Size<'c, 'a>,
    ) -> Rewritten<Size<'c, 'a>> {
        self.size_arithmetic("floordiv", left, right, |left, right| {
            let quotient = left.checked_div(right)?;
            let adjust = left % right != 0 && (left < 0) != (right < 0);
            Some(quotient - i64::from(adjust))
        })
    }

    /// `left % right`, with the sign of the divisor.
    pub fn size_mod(&self, left: &Size<'c, 'a>, right: &Size<'c, 'a>) -> Rewritten<Size<'c, 'a>> {
        self.size_arithmetic("mod", left, right, |left, right| {
            let rest = left.checked_rem(right)?;
            let adjust = rest != 0 && (rest < 0) != (right < 0);
            Some(if adjust { rest + right } else { rest })
        })
    }

    fn size_arithmetic(
        &self,
        function: &str,
        left: &Size<'c, 'a>,
        right: &Size<'c, 'a>,
        fold: fn(i64, i64) -> Option<i64>,
    ) -> Rewritten<Size<'c, 'a>> {
        if let (Size::Static(left), Size::Static(right)) = (left, right) {
            return match fold(*left, *right) {
                Some(result) => Ok(Size::Static(result)),
                None => refuse(format!("`{function}` of {left} and {right} overflows")),
            };
        }
        let value = self.op_value(
            &format!("sym.{function}"),
            args![left.clone(), right.clone()],
        )?;
        self.symbolic(value)
    }

    /// A symbolic int; a number where its expression is one.
    pub fn symbolic(&self, value: Value<'c, 'a>) -> Rewritten<Size<'c, 'a>> {
        let Some(expr) = shape::expression_of(value) else {
            return refuse("nothing is known of a size");
        };
        let number = expr.as_int().and_then(|number| i64::try_from(number).ok());
        Ok(number.map_or(Size::Symbolic(value, expr), Size::Static))
    }

    /// The product of sizes; 1 for none.
    pub fn product(&self, sizes: &[Size<'c, 'a>]) -> Rewritten<Size<'c, 'a>> {
        sizes
            .iter()
            .try_fold(Size::Static(1), |product, size| match product {
                Size::Static(1) => Ok(size.clone()),
                product => self.size_mul(&product, size),
            })
    }

    // New ops.

    /// A new op with one result; arguments by position in the schema.
    pub fn op_value(&self, name: &str, args: Vec<Argument<'c, 'a>>) -> Rewritten<Value<'c, 'a>> {
        self.op_with(name, args, &[])
    }

    /// A new op with one result; arguments by position, then by name.
    pub fn op_with(
        &self,
        name: &str,
        args: Vec<Argument<'c, 'a>>,
        kwargs: &[(&str, Argument<'c, 'a>)],
    ) -> Rewritten<Value<'c, 'a>> {
        match self.ops(name, args, kwargs)?.as_slice() {
            [value] => Ok(*value),
            values => refuse(format!(
                "`{name}` has {} results, one is wanted",
                values.len()
            )),
        }
    }

    /// A new op with any results.
    pub fn ops(
        &self,
        name: &str,
        args: Vec<Argument<'c, 'a>>,
        kwargs: &[(&str, Argument<'c, 'a>)],
    ) -> Rewritten<Vec<Value<'c, 'a>>> {
        let def = table::lookup(name);
        let mut given: Vec<GivenArgument> = Vec::with_capacity(args.len() + kwargs.len());
        for (index, value) in args.into_iter().enumerate() {
            let name = match def {
                Some(def) => match def.schema.args.get(index) {
                    Some(arg) => arg.name.to_owned(),
                    None => {
                        return refuse(format!(
                            "`{name}` takes fewer than {} arguments",
                            index + 1
                        ));
                    }
                },
                None => String::new(),
            };
            given.push(GivenArgument {
                name,
                value,
                by_keyword: false,
            });
        }
        for (name, value) in kwargs {
            given.push(GivenArgument {
                name: (*name).to_owned(),
                value: value.clone(),
                by_keyword: def.is_none(),
            });
        }
        self.op_of_given(name, given)
    }

    /// A new op with any results, from arguments that have names.
    pub fn op_of_given(
        &self,
        name: &str,
        given: Vec<GivenArgument<'c, 'a>>,
    ) -> Rewritten<Vec<Value<'c, 'a>>> {
        let inferred = match shape::infer(self.env, name, &given) {
            Ok(inferred) => inferred,
            Err(reason) => {
                return refuse(format!(
                    "the type of a new `{name}` cannot be inferred: {reason}"
                ));
            }
        };
        let results = inferred.results.iter().map(|result| match result {
            InferredReturn::Single(value_type) => {
                ResultSpec::Single(value_type.to_mlir(self.context))
            }
            InferredReturn::List(types) => ResultSpec::List(
                types
                    .iter()
                    .map(|value_type| value_type.to_mlir(self.context))
                    .collect(),
            ),
        });
        let operation = OpBuilder::new(self.context, name, self.location())
            .arguments(given)
            .results(results.collect::<Vec<_>>())
            .symbolic_results(&inferred.syms)
            .build()?;
        let inserted = mlir::insert_before(self.rewriter, self.op.operation(), operation);
        self.built.borrow_mut().push(inserted);
        Ok(inserted.results().map(Value::from).collect())
    }

    // Frequent ops.

    /// `aten.reshape`: a view where strides allow it, a copy elsewhere.
    pub fn reshape(
        &self,
        value: Value<'c, 'a>,
        sizes: impl IntoIterator<Item = Size<'c, 'a>>,
    ) -> Rewritten<Value<'c, 'a>> {
        self.op_value("aten.reshape.default", args![value, size_argument(sizes)])
    }

    /// `aten.view`.
    pub fn view(
        &self,
        value: Value<'c, 'a>,
        sizes: impl IntoIterator<Item = Size<'c, 'a>>,
    ) -> Rewritten<Value<'c, 'a>> {
        self.op_value("aten.view.default", args![value, size_argument(sizes)])
    }

    /// `aten.expand`.
    pub fn expand(
        &self,
        value: Value<'c, 'a>,
        sizes: impl IntoIterator<Item = Size<'c, 'a>>,
    ) -> Rewritten<Value<'c, 'a>> {
        self.op_value("aten.expand.default", args![value, size_argument(sizes)])
    }

    /// `aten.permute`.
    pub fn permute(
        &self,
        value: Value<'c, 'a>,
        dims: impl Into<Vec<i64>>,
    ) -> Rewritten<Value<'c, 'a>> {
        self.op_value("aten.permute.default", args![value, dims.into()])
    }

    /// `aten.transpose`.
    pub fn transpose(
        &self,
        value: Value<'c, 'a>,
        dim0: i64,
        dim1: i64,
    ) -> Rewritten<Value<'c, 'a>> {
        self.op_value("aten.transpose.int", args![value, dim0, dim1])
    }

    /// `aten.unsqueeze`.
    pub fn unsqueeze(&self, value: Value<'c, 'a>, dim: i64) -> Rewritten<Value<'c, 'a>> {
        self.op_value("aten.unsqueeze.default", args![value, dim])
    }

    /// `aten.squeeze` of one dimension.
    pub fn squeeze(&self, value: Value<'c, 'a>, dim: i64) -> Rewritten<Value<'c, 'a>> {
        self.op_value("aten.squeeze.dim", args![value, dim])
    }

    /// `aten.contiguous`: the value itself where it is row-major.
    pub fn contiguous(&self, value: Value<'c, 'a>) -> Rewritten<Value<'c, 'a>> {
        self.op_value("aten.contiguous.default", args![value])
    }

    /// `aten.clone` in a memory format.
    pub fn clone_in(&self, value: Value<'c, 'a>, format: MemoryFormat) -> Rewritten<Value<'c, 'a>> {
        let format = Constant::MemoryFormat(format.name().to_owned());
        self.op_with(
            "aten.clone.default",
            args![value],
            &[("memory_format", format.into())],
        )
    }

    /// `aten.clone` in row-major order.
    pub fn copy(&self, value: Value<'c, 'a>) -> Rewritten<Value<'c, 'a>> {
        self.clone_in(value, MemoryFormat::Contiguous)
    }

    // Facts about sizes and strides.

    /// Whether a tensor is known to be dense and row-major.
    pub fn is_contiguous(&self, value: Value<'c, 'a>) -> Rewritten<bool> {
        Ok(self.strided(value)?.is_contiguous(self.env))
    }

    /// A tensor with its sizes and strides as expressions.
    pub fn strided(&self, value: Value<'c, 'a>) -> Rewritten<Rc<shape::Tensor>> {
        match self.env.tensor_of(value.r#type()) {
            Some(tensor) => Ok(tensor),
            None => refuse("the sizes are not known"),
        }
    }

    /// Whether two sizes are known to be equal.
    pub fn sizes_equal(&self, left: &Size<'c, 'a>, right: &Size<'c, 'a>) -> bool {
        self.env.equal(&left.to_shape(), &right.to_shape())
    }

    /// Whether a size is known to be this number.
    pub fn size_is(&self, size: &Size<'c, 'a>, value: i64) -> bool {
        self.env.is(&size.to_shape(), value)
    }

    /// Whether a value is an input of its graph for which gradients are asked: what a graph computes asks
    /// for none while PyTorch takes ops apart.
    pub fn is_trained_input(&self, value: Value<'c, 'a>) -> bool {
        value.is_block_argument() && self.meta(value).is_ok_and(|meta| meta.requires_grad)
    }

    /// Whether a value is a result of an op that this rule built.
    pub fn is_built(&self, value: Value<'c, 'a>) -> bool {
        let built = self.built.borrow();
        built.iter().any(|op| {
            op.results()
                .any(|result| mlir::same_value(result.into(), value))
        })
    }

    /// What was built, in order.
    pub fn into_built(self) -> Vec<OperationRef<'c, 'a>> {
        self.built.into_inner()
    }

    /// Erases what was built, the last first: a rule that refuses leaves nothing behind.
    pub fn abandon(&self) {
        for op in self.built.take().into_iter().rev() {
            self.rewriter.erase_op(op);
        }
    }

    /// The matched op's results, as types.
    pub fn result_types(&self) -> Vec<ValueType> {
        let operation = self.op.operation();
        operation
            .results()
            .map(|result| ValueType::from_mlir(result.r#type()).unwrap_or(ValueType::Any))
            .collect()
    }

    /// What is known of the matched op's tensor result.
    pub fn result_meta(&self, index: usize) -> Rewritten<TensorMeta> {
        match self.result_types().into_iter().nth(index) {
            Some(ValueType::Tensor(meta)) => Ok(meta),
            _ => refuse(format!("result {index} is no tensor")),
        }
    }

    /// Whether a result of the matched op is used.
    pub fn is_used(&self, index: usize) -> bool {
        self.op
            .operation()
            .result(index)
            .is_ok_and(|result| !mlir::is_unused(result.into()))
    }
}
