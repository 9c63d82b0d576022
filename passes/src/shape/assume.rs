//! "What if the batch were 7?": a program as it would be for other sizes of its inputs, or one without types as it is for
//! inputs of given ones.

use std::collections::BTreeMap;

use expc_dialects::{
    Diagnostic, Dim, Graph, Program, ScalarType, TensorMeta, ValueType, mlir, program,
};
use expc_symbolic::{Expr, Relation, Value, eval};
use melior::ir::{
    self as mlir_ir, Module, ValueLike, attribute::ArrayAttribute, operation::OperationLike,
};

use super::{
    Item, MetaKernel, ShapeEnv, Size, Tensor,
    annotate::forget_types,
    judge::Report,
    propagate::{Options, infer_shapes},
    rename::substituted,
    tensor::{MemoryFormat, format_strides},
};

/// Codes of the diagnostics of this file.
pub mod code {
    /// The program has no such size, or it cannot be that.
    pub const BAD_ASSUMPTION: &str = "E0413";
}

/// A size, or the whole type of an input, that is to be assumed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assumption(Assumed);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Assumed {
    Size { place: Place, value: i64 },
    Type { input: String, meta: TensorMeta },
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Place {
    /// `x.shape[0]`
    Dim { input: String, dim: usize },
    /// `s77`
    Symbol(String),
}

impl Assumption {
    /// Reads `x.shape[0]=7`, `s77=7` or `x=f32[7, 4]`.
    ///
    /// # Errors
    /// The text has another form.
    pub fn parse(text: &str) -> Result<Self, String> {
        let malformed = || {
            format!(
                "expected `INPUT.shape[DIM]=SIZE`, `SYMBOL=SIZE` or `INPUT=DTYPE[SIZES]`, found `{text}`"
            )
        };
        let (place, value) = text.split_once('=').ok_or_else(malformed)?;
        if let Some((dtype, sizes)) = value.trim().split_once('[') {
            let sizes = sizes.strip_suffix(']').ok_or_else(malformed)?;
            let meta = tensor_meta(dtype, sizes).ok_or_else(malformed)?;
            let input = place.trim().to_owned();
            return Ok(Self(Assumed::Type { input, meta }));
        }
        let value: i64 = value.trim().parse().map_err(|_| malformed())?;
        let place = place.trim();
        let dim = place
            .strip_suffix(']')
            .and_then(|place| place.split_once(".shape["));
        let place = match dim {
            Some((input, dim)) => Place::Dim {
                input: input.to_owned(),
                dim: dim.trim().parse().map_err(|_| malformed())?,
            },
            None if !place.is_empty() && place.chars().all(|c| c.is_alphanumeric() || c == '_') => {
                Place::Symbol(place.to_owned())
            }
            None => return Err(malformed()),
        };
        if value < 0 {
            return Err(format!("a size cannot be {value}"));
        }
        Ok(Self(Assumed::Size { place, value }))
    }
}

/// The type of a row-major tensor: `f32` and `7, 4`.
fn tensor_meta(dtype: &str, sizes: &str) -> Option<TensorMeta> {
    let dtype = ScalarType::from_short_name(dtype)?;
    let size = |text: &str| {
        let size: i64 = text.trim().parse().ok()?;
        (size >= 0).then_some(Dim::Static(size))
    };
    let sizes: Vec<Dim> = match sizes.trim() {
        "" => Vec::new(),
        sizes => sizes.split(',').map(size).collect::<Option<_>>()?,
    };
    let numel = sizes.iter().try_fold(1_i64, |numel, size| match size {
        Dim::Static(size) => numel.checked_mul(*size),
        Dim::Symbolic(_) => None,
    });
    numel.map(|_| TensorMeta::new(dtype, Some(sizes)))
}

/// Gives inputs the assumed sizes, and all values the types that follow; recorded ones are forgotten.
///
/// A symbol is that number then wherever it stands, and is taken out of what the module says of symbols.
///
/// # Errors
///
/// The program has no such size or symbol, its range excludes the number (E0413), or an op cannot be called with
/// what follows (E0411): the program is not for such sizes. The module is half changed then.
pub fn assume(
    module: &Module<'_>,
    assumptions: &[Assumption],
    meta: Option<&dyn MetaKernel>,
) -> Result<Report, Vec<Diagnostic>> {
    let one = |fault: Diagnostic| vec![fault];
    let program = Program::new(module);
    let known = resolve(&program, assumptions).map_err(one)?;
    forget_types(module).map_err(one)?;
    let root = program.root().map_err(one)?;
    set_inputs(&program, &root, &known).map_err(one)?;
    forget_symbols(module, &program, &known).map_err(one)?;
    let mut env = ShapeEnv::of_program(&program).map_err(one)?;
    if let Some(meta) = meta {
        env = env.with_meta(meta);
    }
    infer_shapes(module, &env, Options { strip: true })
}

/// What assumptions come to.
#[derive(Default)]
struct Known {
    symbols: BTreeMap<String, Expr>,
    /// Sizes that were numbers, by position of the argument and dimension.
    numbers: BTreeMap<(usize, usize), i64>,
    /// Whole types, by position of the argument.
    types: BTreeMap<usize, TensorMeta>,
}

fn bad(message: impl Into<String>) -> Diagnostic {
    Diagnostic::error(code::BAD_ASSUMPTION, message)
}

fn resolve(program: &Program<'_, '_>, assumptions: &[Assumption]) -> Result<Known, Diagnostic> {
    let env = ShapeEnv::of_program(program)?;
    let mut known = Known::default();
    for Assumption(assumed) in assumptions {
        let (place, value) = match assumed {
            Assumed::Size { place, value } => (place, *value),
            Assumed::Type { input, meta } => {
                let (position, argument) = find_argument(program, input)?;
                let is_scalar = matches!(
                    ValueType::from_mlir(argument.r#type()),
                    Some(ValueType::SymInt | ValueType::SymFloat | ValueType::SymBool)
                );
                if is_scalar {
                    return Err(bad(format!("the input `{input}` is no tensor")));
                }
                known.types.insert(position, meta.clone());
                continue;
            }
        };
        match place {
            Place::Symbol(name) => {
                if !program.symbols()?.iter().any(|symbol| symbol.name == *name) {
                    return Err(bad(format!("the program has no symbol `{name}`")));
                }
                know(&env, &mut known, name, value)?;
            }
            Place::Dim { input, dim } => {
                let (position, tensor) = find_input(program, &env, input)?;
                let size = tensor.sizes.get(*dim).ok_or_else(|| {
                    bad(format!(
                        "`{input}` has rank {}, there is no size {dim}",
                        tensor.rank()
                    ))
                })?;
                match size {
                    Size::Int(_) => {
                        known.numbers.insert((position, *dim), value);
                    }
                    Size::Expr(expr) => {
                        let (name, value) = solve(expr, value).ok_or_else(|| {
                            bad(format!(
                                "`{input}.shape[{dim}]` is `{expr}`, which is never {value}"
                            ))
                        })?;
                        know(&env, &mut known, &name, value)?;
                    }
                }
            }
        }
    }
    Ok(known)
}

fn know(env: &ShapeEnv<'_>, known: &mut Known, name: &str, value: i64) -> Result<(), Diagnostic> {
    let symbol: Size = Expr::torch_symbol(name).into();
    if env.statically(Relation::Eq, &symbol, &Size::Int(value)) == Some(false) {
        let range = symbol
            .to_expr()
            .as_symbol()
            .map(|symbol| env.ranges().range(symbol));
        let range = range.map(|range| format!(", its range is {range}"));
        return Err(bad(format!(
            "`{name}` cannot be {value}{}",
            range.unwrap_or_default()
        )));
    }
    let number = Expr::int(value.into());
    match known.symbols.insert(name.to_owned(), number.clone()) {
        Some(other) if other != number => Err(bad(format!(
            "`{name}` is assumed to be both {other} and {number}"
        ))),
        _ => Ok(()),
    }
}

fn find_argument<'c: 'a, 'a>(
    program: &Program<'c, 'a>,
    name: &str,
) -> Result<(usize, mlir_ir::Value<'c, 'a>), Diagnostic> {
    let root = program.root()?;
    let signature = root.signature()?;
    let inputs = signature
        .inputs
        .iter()
        .filter(|input| input.constant.is_none());
    let names: Vec<&str> = inputs.map(|input| input.name.as_str()).collect();
    let position = names
        .iter()
        .position(|known| *known == name)
        .ok_or_else(|| bad(format!("the program has no input `{name}`")))?;
    let argument = root.arguments().get(position).copied();
    let argument =
        argument.ok_or_else(|| bad(format!("the program has no argument for `{name}`")))?;
    Ok((position, argument))
}

fn find_input(
    program: &Program<'_, '_>,
    env: &ShapeEnv<'_>,
    name: &str,
) -> Result<(usize, std::rc::Rc<Tensor>), Diagnostic> {
    let (position, argument) = find_argument(program, name)?;
    let tensor = env.tensor_of(argument.r#type()).ok_or_else(|| {
        bad(format!("the input `{name}` is no tensor of known rank"))
            .help(format!("give its whole type, as in `{name}=f32[2, 3]`"))
    })?;
    Ok((position, tensor))
}

/// The value of the only symbol of an expression `a*s + b` for which it is the number.
fn solve(expr: &Expr, value: i64) -> Option<(String, i64)> {
    let symbols = expr.free_symbols();
    let mut symbols = symbols.iter();
    let name = symbols.next()?.name().to_owned();
    if symbols.next().is_some() {
        return None;
    }
    let at = |number: i64| match eval(expr, &|_| Some(Value::Int(number))).ok()? {
        Value::Int(value) => Some(value),
        Value::Float(_) | Value::Bool(_) => None,
    };
    let offset = at(0)?;
    let slope = at(1)?.checked_sub(offset)?;
    let difference = value.checked_sub(offset)?;
    let solution = difference.checked_div(slope)?;
    (at(solution)? == value).then_some((name, solution))
}

/// Sets the types of the arguments of the root graph, and the expressions of its scalars.
fn set_inputs(
    program: &Program<'_, '_>,
    root: &Graph<'_, '_>,
    known: &Known,
) -> Result<(), Diagnostic> {
    let env = ShapeEnv::of_program(program)?;
    let context = mlir::context_of(program.operation());
    for (position, value) in root.arguments().into_iter().enumerate() {
        if let Some(meta) = known.types.get(&position) {
            value.set_type(meta.to_mlir(context));
            continue;
        }
        let item = substituted(Item::from_value(&env, value), &known.symbols);
        let item = match item {
            Item::Tensor(tensor) => resized(&env, &tensor, position, known)?.into(),
            item => item,
        };
        value.set_type(item.to_value_type().to_mlir(context));
    }
    let mut signature = root.signature()?;
    for input in &mut signature.inputs {
        let expr = input.sym.as_deref().and_then(|text| env.parse(text));
        let expr = expr.and_then(|expr| expr.substitute(&known.symbols).ok());
        input.sym = expr.map(|expr| expr.to_string()).or(input.sym.take());
    }
    if signature.inputs.iter().any(|input| input.sym.is_some()) {
        mlir::set_signature(root.operation(), &signature);
    }
    Ok(())
}

/// The tensor with assumed numbers for sizes, dense in its memory format.
fn resized(
    env: &ShapeEnv<'_>,
    tensor: &Tensor,
    position: usize,
    known: &Known,
) -> Result<Tensor, Diagnostic> {
    let mut resized = tensor.clone();
    for (dim, size) in resized.sizes.iter_mut().enumerate() {
        if let Some(value) = known.numbers.get(&(position, dim)) {
            *size = Size::Int(*value);
        }
    }
    if resized.sizes == tensor.sizes {
        return Ok(resized);
    }
    let formats = [
        MemoryFormat::Contiguous,
        MemoryFormat::ChannelsLast,
        MemoryFormat::ChannelsLast3d,
    ];
    let format = formats
        .into_iter()
        .find(|format| tensor.is_contiguous_in(env, *format))
        .ok_or_else(|| {
            bad(format!(
                "the input at position {position} is not dense, so its strides for other sizes are not known"
            ))
        })?;
    resized.strides =
        format_strides(&resized.sizes, format).map_err(|reason| bad(reason.to_string()))?;
    Ok(resized)
}

/// Takes symbols that are numbers now out of what the module says of symbols.
fn forget_symbols(
    module: &Module<'_>,
    program: &Program<'_, '_>,
    known: &Known,
) -> Result<(), Diagnostic> {
    let context = mlir::context_of(program.operation());
    let is_free = |text: &str| {
        Expr::parse(text).is_ok_and(|expr| {
            let symbols = expr.free_symbols();
            !symbols
                .iter()
                .any(|symbol| known.symbols.contains_key(symbol.name()))
        })
    };
    let symbols = program.symbols()?;
    let symbols: Vec<_> = symbols
        .iter()
        .filter(|symbol| !known.symbols.contains_key(&symbol.name))
        .map(|symbol| symbol.to_attribute(context))
        .collect();
    let ranges = program.ranges()?;
    let ranges: Vec<_> = ranges
        .iter()
        .filter(|range| is_free(&range.expression))
        .map(|range| range.to_constant().to_attribute(context))
        .collect();
    for (name, entries) in [
        (program::attribute::SYMBOLS, symbols),
        (program::attribute::RANGES, ranges),
    ] {
        let is_there = program.operation().attribute(name).is_ok();
        if is_there {
            let attribute = ArrayAttribute::new(context, &entries).into();
            mlir::set_module_attributes(module, &[(name, attribute)]);
        }
    }
    Ok(())
}
