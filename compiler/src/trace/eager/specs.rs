//! From what is said of the inputs' sizes ([`DynamicShapes`]) to symbols and expressions.

use expc_dialects::Diagnostic;
use expc_pt2::TreeKey;
use expc_runtime::torch::{TensorInfo, Value};
use expc_symbolic::{BuildError, Expr};

use super::{
    code,
    dynamic::{DynamicDim, DynamicSizes, SizeSymbol},
    emit::constant_of,
    values,
};
use crate::trace::{
    dim::{Dim, DimKind, DynamicShapes},
    value::{Inputs, Leaf, Sample, Tree},
    violation,
};

/// The sizes that may change, for inputs that were given.
///
/// Sizes that are `Dim::AUTO` and equal in the given inputs have one symbol.
///
/// # Errors
/// A spec does not fit the inputs, or is not true of them.
pub(super) fn dynamic_sizes(
    shapes: &DynamicShapes,
    inputs: &[(String, Value)],
) -> Result<DynamicSizes, Diagnostic> {
    let mut samples = Inputs::new();
    for (name, input) in inputs {
        samples = samples.arg(name, sample(input)?);
    }
    let resolved = shapes.resolve(&samples)?;
    let mut leaves = Vec::new();
    for (name, input) in inputs {
        values::leaves(name, input, &mut leaves);
    }
    let mut found = DynamicSizes::default();
    let mut tensor = 0;
    for ((name, leaf), dims) in leaves.into_iter().zip(resolved) {
        let Value::Tensor(given) = leaf else {
            continue;
        };
        let sizes = given.size();
        for (dim, spec) in dims {
            if let Some(size) = sizes.get(dim) {
                let place = Place {
                    input: &name,
                    tensor,
                    dim,
                    size: *size,
                };
                found.add(&place, &spec)?;
            }
        }
        tensor += 1;
    }
    Ok(found)
}

/// A size of an input.
struct Place<'a> {
    input: &'a str,
    tensor: usize,
    dim: usize,
    size: i64,
}

impl Place<'_> {
    fn source(&self) -> String {
        format!("{}.size()[{}]", self.input, self.dim)
    }
}

impl DynamicSizes {
    fn add(&mut self, place: &Place<'_>, spec: &Dim) -> Result<(), Diagnostic> {
        let source = place.source();
        let (label, factor, offset) = match &spec.kind {
            DimKind::Static => return Ok(()),
            // As in PyTorch, 0 and 1 are no examples of other sizes.
            DimKind::Auto if place.size < 2 => return Ok(()),
            DimKind::Auto => (format!("Dim::AUTO of size {}", place.size), 1, 0),
            DimKind::Dynamic => (source.clone(), 1, 0),
            DimKind::Named(name) => (name.clone(), 1, 0),
            DimKind::Derived {
                root,
                factor,
                offset,
            } => (root.clone(), *factor, *offset),
        };
        violation::check_example(&source, place.size, spec)?;
        let rest = place.size.checked_sub(offset);
        let hint = rest
            .filter(|rest| rest.checked_rem(factor) == Some(0))
            .and_then(|rest| rest.checked_div(factor));
        let hint = hint.ok_or_else(|| {
            let what = format!(
                "`{source}` is {} in the example, which is no `{spec}`",
                place.size
            );
            Diagnostic::error(code::CONSTRAINT, what)
        })?;
        let known = self.symbols.iter().find(|symbol| symbol.label == label);
        let name = match known {
            Some(symbol) if symbol.hint == hint => symbol.name.clone(),
            Some(symbol) => {
                let what = format!(
                    "`{label}` is {} by one size of the example, and {hint} by `{source}`",
                    symbol.hint
                );
                let advice = "a name stands for one size: give this one another name";
                return Err(Diagnostic::error(code::CONSTRAINT, what).help(advice));
            }
            None => self.add_symbol(label, spec, hint),
        };
        let expr = affine(factor, &name, offset)
            .map_err(|error| Diagnostic::error(code::CONSTRAINT, error.to_string()))?;
        self.dims.push(DynamicDim {
            tensor: place.tensor,
            dim: place.dim,
            expr,
            source,
        });
        Ok(())
    }

    fn add_symbol(&mut self, label: String, spec: &Dim, hint: i64) -> String {
        let name = format!("s{}", self.symbols.len());
        self.symbols.push(SizeSymbol {
            name: name.clone(),
            label,
            is_auto: spec.kind == DimKind::Auto,
            is_named: !matches!(spec.kind, DimKind::Auto | DimKind::Dynamic),
            min: spec.min,
            max: spec.max,
            hint,
        });
        name
    }
}

fn affine(factor: i64, symbol: &str, offset: i64) -> Result<Expr, BuildError> {
    let product = Expr::mul([Expr::int(i128::from(factor)), Expr::torch_symbol(symbol)])?;
    Expr::add([product, Expr::int(i128::from(offset))])
}

/// An input without its elements.
fn sample(input: &Value) -> Result<Sample, Diagnostic> {
    Ok(match input {
        Value::Tensor(tensor) => {
            let info = TensorInfo::of(tensor);
            let dtype = info.dtype.ok_or_else(|| {
                let what = "an input has a dtype that programs cannot name";
                Diagnostic::error(code::INPUTS, what)
            })?;
            Tree::Leaf(Leaf::Tensor {
                dtype,
                sizes: info.sizes,
                device: info.device.to_string(),
            })
        }
        Value::List(items) => Tree::List(items.iter().map(sample).collect::<Result<_, _>>()?),
        Value::Dict(entries) => {
            let entries = entries
                .iter()
                .map(|(key, item)| Ok((TreeKey::Str(key.clone()), sample(item)?)));
            Tree::Dict(entries.collect::<Result<_, Diagnostic>>()?)
        }
        constant => Tree::Leaf(Leaf::Constant(constant_of(constant)?)),
    })
}
