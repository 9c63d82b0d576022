//! Symbolic scalars: arithmetic on them, sizes and strides of tensors, and what is read out of tensors.

use expc_symbolic::{Built, Expr, Func, Relation};

use super::{Item, NoInference, call::Call, rules::Row, size::Size};

type Results = Result<Vec<Item>, NoInference>;

pub const RULES: &[Row] = &[
    ("sym.add", |call| arithmetic(call, |a, b| Expr::add([a, b]))),
    ("sym.sub", |call| arithmetic(call, |a, b| a.sub(&b))),
    ("sym.mul", |call| arithmetic(call, |a, b| Expr::mul([a, b]))),
    ("sym.truediv", truediv),
    ("sym.floordiv", |call| {
        arithmetic(call, |a, b| Expr::call(Func::FloorDiv, vec![a, b]))
    }),
    ("sym.mod", |call| arithmetic(call, modulo)),
    ("sym.pow", pow),
    ("sym.neg", |call| unary(call, |a| a.neg())),
    ("sym.pos sym.index", |call| unary(call, Ok)),
    ("sym.abs", |call| unary(call, |a| function(Func::Abs, a))),
    ("sym.and_", |call| bits(call, Func::And, Func::BitwiseAnd)),
    ("sym.or_", |call| bits(call, Func::Or, Func::BitwiseOr)),
    ("sym.xor", |call| {
        bits(call, Func::BitwiseXor, Func::BitwiseXor)
    }),
    ("sym.lshift", |call| {
        arithmetic(call, |a, b| Expr::call(Func::LShift, vec![a, b]))
    }),
    ("sym.rshift", |call| {
        arithmetic(call, |a, b| Expr::call(Func::RShift, vec![a, b]))
    }),
    ("sym.not_ sym.sym_not", |call| {
        to_bool(call, |a| function(Func::Not, a))
    }),
    ("sym.truth", |call| to_bool(call, Ok)),
    ("sym.eq", |call| compare(call, Relation::Eq)),
    ("sym.ne", |call| compare(call, Relation::Ne)),
    ("sym.lt", |call| compare(call, Relation::Lt)),
    ("sym.le", |call| compare(call, Relation::Le)),
    ("sym.gt", |call| compare(call, Relation::Gt)),
    ("sym.ge", |call| compare(call, Relation::Ge)),
    ("sym.trunc sym.sym_int", |call| {
        rounded(call, Func::TruncToInt)
    }),
    ("sym.floor", |call| rounded(call, Func::FloorToInt)),
    ("sym.ceil", |call| rounded(call, Func::CeilToInt)),
    ("sym.sym_float", |call| math(call, Func::ToFloat)),
    ("sym.sym_max", |call| {
        arithmetic(call, |a, b| Expr::call(Func::Max, vec![a, b]))
    }),
    ("sym.sym_min", |call| {
        arithmetic(call, |a, b| Expr::call(Func::Min, vec![a, b]))
    }),
    ("sym.sym_ite", if_then_else),
    ("sym.sym_sum", sum),
    ("sym.sym_fresh_size", |call| {
        Ok(vec![Item::Int(call.env.unbacked())])
    }),
    ("sym._sym_sqrt sym.sym_sqrt", |call| math(call, Func::Sqrt)),
    ("sym._sym_cos", |call| math(call, Func::Cos)),
    ("sym._sym_cosh", |call| math(call, Func::Cosh)),
    ("sym._sym_sin", |call| math(call, Func::Sin)),
    ("sym._sym_sinh", |call| math(call, Func::Sinh)),
    ("sym._sym_tan", |call| math(call, Func::Tan)),
    ("sym._sym_tanh", |call| math(call, Func::Tanh)),
    ("sym._sym_asin", |call| math(call, Func::Asin)),
    ("sym._sym_acos", |call| math(call, Func::Acos)),
    ("sym._sym_atan", |call| math(call, Func::Atan)),
    ("sym._sym_log2", |call| math(call, Func::Log2)),
    ("aten.sym_size.int aten.size.int", size),
    ("aten.sym_size.default aten.size.default", sizes),
    ("aten.sym_stride.int aten.stride.int", stride),
    ("aten.sym_stride.default aten.stride.default", strides),
    ("aten.sym_numel aten.numel", numel),
    (
        "aten.sym_storage_offset aten.storage_offset",
        storage_offset,
    ),
    ("aten.dim", dim),
    ("aten.sym_is_contiguous aten.is_contiguous", is_contiguous),
    ("aten.is_complex", |call| {
        dtype_is(call, |tensor| tensor.dtype.is_complex())
    }),
    ("aten.is_floating_point", |call| {
        dtype_is(call, |tensor| tensor.dtype.is_floating_point())
    }),
    ("aten.item aten._local_scalar_dense", item),
];

/// A scalar with its expression.
#[derive(Clone)]
enum Scalar {
    Int(Expr),
    Float(Expr),
    Bool(Expr),
}

impl Scalar {
    fn expr(self) -> Expr {
        match self {
            Self::Int(expr) | Self::Float(expr) | Self::Bool(expr) => expr,
        }
    }

    /// As a float, as Python's arithmetic takes ints that meet floats.
    fn into_float(self) -> Built {
        match self {
            Self::Float(expr) => Ok(expr),
            Self::Int(expr) | Self::Bool(expr) => Expr::call(Func::ToFloat, vec![expr]),
        }
    }
}

fn scalar(call: &Call<'_>, item: &Item) -> Result<Scalar, NoInference> {
    Ok(match item {
        Item::Int(size) => Scalar::Int(size.to_expr()),
        Item::Float(value) => Scalar::Float(Expr::float(*value)?),
        Item::Bool(value) => Scalar::Bool(Expr::bool(*value)),
        Item::SymFloat(Some(expr)) => Scalar::Float(expr.clone()),
        Item::SymBool(Some(expr)) => Scalar::Bool(expr.clone()),
        other => return Err(call.unexpected("operand", "a scalar of known expression", other)),
    })
}

fn operands<const N: usize>(call: &Call<'_>) -> Result<[Scalar; N], NoInference> {
    let found = call
        .given()
        .map(|item| scalar(call, item))
        .collect::<Result<Vec<_>, _>>()?;
    let count = found.len();
    <[Scalar; N]>::try_from(found)
        .map_err(|_| call.contradiction(format!("there are {count} operands, expected {N}")))
}

fn int(expr: Expr) -> Results {
    Ok(vec![Item::Int(expr.into())])
}

fn float(expr: Expr) -> Results {
    Ok(vec![Item::SymFloat(Some(expr))])
}

fn truth(expr: Expr) -> Results {
    Ok(vec![Item::SymBool(Some(expr))])
}

/// Ints give an int; where one operand is a float, so is the result.
fn arithmetic(call: &Call<'_>, compute: fn(Expr, Expr) -> Built) -> Results {
    match operands::<2>(call)? {
        [Scalar::Int(a), Scalar::Int(b)] => int(compute(a, b)?),
        [a, b] => float(compute(a.into_float()?, b.into_float()?)?),
    }
}

fn function(func: Func, arg: Expr) -> Built {
    Expr::call(func, vec![arg])
}

fn unary(call: &Call<'_>, compute: fn(Expr) -> Built) -> Results {
    match operands::<1>(call)? {
        [Scalar::Int(a) | Scalar::Bool(a)] => int(compute(a)?),
        [Scalar::Float(a)] => float(compute(a)?),
    }
}

/// Python's remainder, which is that of C where nothing is negative.
fn modulo(a: Expr, b: Expr) -> Built {
    let zero = Expr::int(0);
    let is_nonnegative = |expr: &Expr| {
        let relation = Expr::relation(Relation::Ge, expr, &zero);
        relation.is_ok_and(|relation| relation.as_bool() == Some(true))
    };
    let func = if is_nonnegative(&a) && is_nonnegative(&b) {
        Func::Mod
    } else {
        Func::PythonMod
    };
    Expr::call(func, vec![a, b])
}

fn truediv(call: &Call<'_>) -> Results {
    match operands::<2>(call)? {
        [Scalar::Int(a), Scalar::Int(b)] => float(Expr::call(Func::IntTrueDiv, vec![a, b])?),
        [a, b] => float(Expr::call(
            Func::FloatTrueDiv,
            vec![a.into_float()?, b.into_float()?],
        )?),
    }
}

fn pow(call: &Call<'_>) -> Results {
    match operands::<2>(call)? {
        [Scalar::Int(a), Scalar::Int(b)] => int(Expr::call(Func::PowByNatural, vec![a, b])?),
        [a, b] => float(Expr::call(
            Func::FloatPow,
            vec![a.into_float()?, b.into_float()?],
        )?),
    }
}

fn bits(call: &Call<'_>, bools: Func, ints: Func) -> Results {
    match operands::<2>(call)? {
        [Scalar::Bool(a), Scalar::Bool(b)] => truth(Expr::call(bools, vec![a, b])?),
        [a, b] => int(Expr::call(ints, vec![a.expr(), b.expr()])?),
    }
}

fn to_bool(call: &Call<'_>, compute: fn(Expr) -> Built) -> Results {
    let [a] = operands::<1>(call)?;
    let condition = match a {
        Scalar::Bool(expr) => expr,
        number => Expr::relation(Relation::Ne, &number.expr(), &Expr::int(0))?,
    };
    truth(compute(condition)?)
}

fn compare(call: &Call<'_>, relation: Relation) -> Results {
    let (a, b) = match operands::<2>(call)? {
        [a @ Scalar::Float(_), b] | [a, b @ Scalar::Float(_)] => (a.into_float()?, b.into_float()?),
        [a, b] => (a.expr(), b.expr()),
    };
    truth(Expr::relation(relation, &a, &b)?)
}

fn rounded(call: &Call<'_>, func: Func) -> Results {
    match operands::<1>(call)? {
        [Scalar::Float(a)] => int(function(func, a)?),
        [Scalar::Int(a) | Scalar::Bool(a)] => int(a),
    }
}

fn math(call: &Call<'_>, func: Func) -> Results {
    let [a] = operands::<1>(call)?;
    float(match (func, a) {
        (Func::ToFloat, Scalar::Float(a)) => a,
        (func, a) => function(func, a.expr())?,
    })
}

fn if_then_else(call: &Call<'_>) -> Results {
    let [condition, yes, no] = operands::<3>(call)?;
    let both_ints = matches!((&yes, &no), (Scalar::Int(_), Scalar::Int(_)));
    let both_bools = matches!((&yes, &no), (Scalar::Bool(_), Scalar::Bool(_)));
    let args = vec![yes.expr(), condition.expr(), no.expr(), Expr::bool(true)];
    let expr = Expr::call(Func::Piecewise, args)?;
    if both_ints {
        int(expr)
    } else if both_bools {
        truth(expr)
    } else {
        float(expr)
    }
}

fn sum(call: &Call<'_>) -> Results {
    let mut terms = Vec::new();
    for item in call.given() {
        let items = match item {
            Item::List(items) => items.as_slice(),
            item => std::slice::from_ref(item),
        };
        for item in items {
            terms.push(scalar(call, item)?.expr());
        }
    }
    int(Expr::add(terms)?)
}

fn size(call: &Call<'_>) -> Results {
    let tensor = call.tensor_at(0)?;
    let dim = call.dim("dim", tensor.rank())?;
    one_of(call, &tensor.sizes, dim)
}

fn stride(call: &Call<'_>) -> Results {
    let tensor = call.tensor_at(0)?;
    let dim = call.dim("dim", tensor.rank())?;
    one_of(call, &tensor.strides, dim)
}

fn one_of(call: &Call<'_>, values: &[Size], dim: usize) -> Results {
    match values.get(dim) {
        Some(value) => Ok(vec![Item::Int(value.clone())]),
        None => Err(call.contradiction("the tensor has no dimensions")),
    }
}

fn sizes(call: &Call<'_>) -> Results {
    let tensor = call.tensor_at(0)?;
    Ok(vec![tensor.sizes.as_slice().into()])
}

fn strides(call: &Call<'_>) -> Results {
    let tensor = call.tensor_at(0)?;
    Ok(vec![tensor.strides.as_slice().into()])
}

fn numel(call: &Call<'_>) -> Results {
    Ok(vec![Item::Int(call.tensor_at(0)?.numel()?)])
}

fn storage_offset(call: &Call<'_>) -> Results {
    Ok(vec![Item::Int(call.tensor_at(0)?.offset.clone())])
}

fn dim(call: &Call<'_>) -> Results {
    Ok(vec![Item::Int(Size::count(call.tensor_at(0)?.rank()))])
}

fn is_contiguous(call: &Call<'_>) -> Results {
    let tensor = call.tensor_at(0)?;
    if !tensor.is_static() {
        return Err(call.unknown("sizes are symbolic"));
    }
    let format = call
        .memory_format("memory_format")
        .unwrap_or(super::MemoryFormat::Contiguous);
    Ok(vec![Item::Bool(tensor.is_contiguous_in(call.env, format))])
}

fn dtype_is(call: &Call<'_>, holds: fn(&super::Tensor) -> bool) -> Results {
    Ok(vec![Item::Bool(holds(&*call.tensor_at(0)?))])
}

/// The only element, of a value that data decide.
fn item(call: &Call<'_>) -> Results {
    let tensor = call.tensor_at(0)?;
    let dtype = tensor.dtype;
    if dtype.is_complex() {
        return Err(call.unknown("complex numbers cannot be symbolic"));
    }
    Ok(vec![if dtype.is_floating_point() {
        Item::SymFloat(Some(call.env.unbacked_float()))
    } else if dtype == expc_dialects::ScalarType::Bool {
        let number = call.env.unbacked().to_expr();
        Item::SymBool(Some(Expr::relation(Relation::Eq, &number, &Expr::int(1))?))
    } else {
        Item::Int(call.env.unbacked())
    }])
}
