//! `export`: unmodified code of tch to a program.

use expc_dialects::Diagnostic;
use expc_runtime::torch::Value;
use expc_symbolic::Expr;
use rustc_hash::FxHashSet;
use tch::{Tensor, nn};

use super::{
    capture::NamedWeight,
    code,
    dynamic::{self, DynamicDim, DynamicSizes, SizeSymbol},
    emit::{self, Source},
    graph::Recorded,
    sizes::line_of,
    values::{self, Output, Traceable},
};
use crate::Diagnostics;

/// How to export.
///
/// ```
/// use expc::{trace, tch::{Device, nn}};
///
/// let store = nn::VarStore::new(Device::Cpu);
/// let options = trace::Options::new().weights(&store).input_names(["pixels"]);
/// ```
#[derive(Debug, Default)]
pub struct Options {
    weights: Vec<NamedWeight>,
    input_names: Vec<String>,
    train: bool,
    /// Input leaf, dimension, expression.
    dynamic: Vec<(String, usize, String)>,
    ranges: Vec<(String, i64, i64)>,
}

impl Options {
    /// Inference, no weights, inputs named after their positions.
    pub fn new() -> Self {
        Self::default()
    }

    /// The variables of a store become parameters, where they are trainable, and buffers otherwise, under their names.
    #[must_use]
    pub fn weights(self, store: &nn::VarStore) -> Self {
        self.weights_under("", store)
    }

    /// The same for one store of several: the names get a prefix and a dot.
    #[must_use]
    pub fn weights_under(mut self, prefix: &str, store: &nn::VarStore) -> Self {
        let trainable: FxHashSet<usize> =
            store.trainable_variables().iter().map(identity).collect();
        let mut variables: Vec<_> = store.variables().into_iter().collect();
        variables.sort_by(|(left, _), (right, _)| left.cmp(right));
        for (name, tensor) in variables {
            self.weights.push(NamedWeight {
                name: match prefix {
                    "" => name,
                    prefix => format!("{prefix}.{name}"),
                },
                is_parameter: trainable.contains(&identity(&tensor)),
                tensor,
            });
        }
        self
    }

    /// The names of the inputs; those without one are `input`, or `input_0`, `input_1`, … where there are several.
    #[must_use]
    pub fn input_names<N: Into<String>>(mut self, names: impl IntoIterator<Item = N>) -> Self {
        self.input_names = names.into_iter().map(N::into).collect();
        self
    }

    /// Traces modules in training mode ([`nn::ModuleT::forward_t`] with true) and with gradients recorded.
    #[must_use]
    pub fn train(mut self, train: bool) -> Self {
        self.train = train;
        self
    }

    /// The size of an input in a dimension may change: `size` names it, `batch`, or says what it is made of, `2*n + 1`.
    /// Sizes with the same name are equal. Elements of lists and dictionaries have names such as `x_0` and `x_key`.
    ///
    /// The code is traced at several sizes then, and integers that it computes from sizes become expressions.
    #[must_use]
    pub fn dynamic(mut self, input: &str, dim: usize, size: &str) -> Self {
        self.dynamic.push((input.to_owned(), dim, size.to_owned()));
        self
    }

    /// The least and the largest value that a name in sizes may have; without it the program takes any from 0 on, and
    /// is traced with some from 2 on.
    #[must_use]
    pub fn range(mut self, name: &str, min: i64, max: i64) -> Self {
        self.ranges.push((name.to_owned(), min, max));
        self
    }

    /// What the sizes that may change are, with symbols in place of names.
    fn dynamic_sizes(&self, inputs: &[(String, Value)]) -> Result<DynamicSizes, Diagnostic> {
        let mut leaves = Vec::new();
        for (name, input) in inputs {
            values::leaves(name, input, &mut leaves);
        }
        let tensors = leaves.into_iter();
        let tensors: Vec<(String, &Tensor)> = tensors
            .filter_map(|(name, leaf)| Some((name, leaf.as_tensor()?)))
            .collect();
        let mut symbols = Symbols {
            ranges: &self.ranges,
            ..Symbols::default()
        };
        let mut dims = Vec::new();
        for (input, dim, size) in &self.dynamic {
            let found = tensors.iter().position(|(name, _)| name == input);
            let position = found.ok_or_else(|| no_input(input, &tensors))?;
            let given = tensors
                .get(position)
                .and_then(|(_, tensor)| tensor.size().get(*dim).copied());
            let given = given.ok_or_else(|| {
                let what = format!("the input `{input}` has no dimension {dim}");
                Diagnostic::error(code::INPUTS, what)
            })?;
            dims.push(DynamicDim {
                tensor: position,
                dim: *dim,
                expr: symbols.expr(size, given)?,
            });
        }
        symbols.check_given(&self.dynamic, &dims, &tensors)?;
        Ok(DynamicSizes {
            symbols: symbols.found,
            dims,
        })
    }

    /// The inputs with their names.
    fn named(&self, inputs: Vec<Value>) -> Result<Vec<(String, Value)>, Diagnostic> {
        if self.input_names.len() > inputs.len() {
            let what = format!(
                "{} inputs have names, but {} are given",
                self.input_names.len(),
                inputs.len()
            );
            return Err(Diagnostic::error(code::INPUTS, what));
        }
        let is_single = inputs.len() == 1;
        let named = inputs.into_iter().enumerate().map(|(position, input)| {
            let name = self.input_names.get(position).cloned();
            let name = name.unwrap_or_else(|| match is_single {
                true => "input".to_owned(),
                false => format!("input_{position}"),
            });
            (name, input)
        });
        Ok(named.collect())
    }
}

/// The names in sizes, as symbols.
#[derive(Default)]
struct Symbols<'a> {
    ranges: &'a [(String, i64, i64)],
    names: Vec<String>,
    found: Vec<SizeSymbol>,
}

impl Symbols<'_> {
    /// The expression that a text stands for, whose value for the given inputs is `given`.
    fn expr(&mut self, text: &str, given: i64) -> Result<Expr, Diagnostic> {
        let fail =
            |why: String| Diagnostic::error(code::CONSTRAINT, format!("the size `{text}` {why}"));
        let parsed = Expr::parse(text).map_err(|error| fail(format!("cannot be read: {error}")))?;
        let mut replacements = std::collections::BTreeMap::new();
        let free = parsed.free_symbols();
        for name in &free {
            let known = self.names.iter().position(|known| known == name.name());
            let position = match known {
                Some(position) => position,
                None => {
                    let hint = match (free.len(), line_of(&parsed, name.name())) {
                        (1, Some((factor, shift))) => given
                            .checked_sub(shift)
                            .filter(|rest| rest.checked_rem(factor) == Some(0))
                            .and_then(|rest| rest.checked_div(factor)),
                        _ => None,
                    };
                    let hint = hint.ok_or_else(|| {
                        fail(format!(
                            "does not say what `{name}` is where it is {given}",
                            name = name.name()
                        ))
                    })?;
                    self.add(name.name(), hint)
                }
            };
            if let Some(symbol) = self.found.get(position) {
                let symbol = Expr::torch_symbol(&symbol.name);
                replacements.insert(name.name().to_owned(), symbol);
            }
        }
        parsed
            .substitute(&replacements)
            .map_err(|error| fail(error.to_string()))
    }

    fn add(&mut self, name: &str, hint: i64) -> usize {
        let range = self.ranges.iter().find(|(ranged, ..)| ranged == name);
        self.found.push(SizeSymbol {
            name: format!("s{}", self.found.len()),
            min: range.map(|(_, min, _)| *min),
            max: range.map(|(_, _, max)| *max),
            hint,
        });
        self.names.push(name.to_owned());
        self.names.len() - 1
    }

    /// Makes sure that the given inputs have the sizes that were told of them.
    fn check_given(
        &self,
        told: &[(String, usize, String)],
        dims: &[DynamicDim],
        tensors: &[(String, &Tensor)],
    ) -> Result<(), Diagnostic> {
        for symbol in &self.found {
            let (min, max) = (symbol.min.unwrap_or(0), symbol.max.unwrap_or(i64::MAX));
            if !(min..=max).contains(&symbol.hint) {
                let what = format!(
                    "a size is {} in the inputs, its range is {min} to {max}",
                    symbol.hint
                );
                return Err(Diagnostic::error(code::CONSTRAINT, what));
            }
        }
        let given = DynamicSizes {
            symbols: self.found.clone(),
            dims: Vec::new(),
        };
        let hints: Vec<i64> = self.found.iter().map(|symbol| symbol.hint).collect();
        for ((input, dim, text), dynamic) in told.iter().zip(dims) {
            let expected = dynamic::size_at(&dynamic.expr, &given, &hints)?;
            let tensor = tensors.get(dynamic.tensor);
            let found = tensor.and_then(|(_, tensor)| tensor.size().get(*dim).copied());
            if found != Some(expected) {
                let found = found.unwrap_or_default();
                let what = format!(
                    "`{text}` is {expected} elsewhere, but dimension {dim} of the input `{input}` is {found}"
                );
                let advice = "sizes with the same name are equal: give this one another name";
                return Err(Diagnostic::error(code::CONSTRAINT, what).help(advice));
            }
        }
        Ok(())
    }
}

fn no_input(name: &str, tensors: &[(String, &Tensor)]) -> Diagnostic {
    let names: Vec<String> = tensors
        .iter()
        .map(|(name, _)| format!("`{name}`"))
        .collect();
    Diagnostic::error(code::INPUTS, format!("there is no input tensor `{name}`"))
        .note(format!("the input tensors are {}", names.join(", ")))
}

/// What tells one tensor from another, whatever its handle.
fn identity(tensor: &Tensor) -> usize {
    expc_runtime::torch::tensor_identity(tensor)
}

/// Inputs of a traced call.
pub trait IntoInputs {
    fn into_inputs(self) -> Vec<Value>;
}

impl IntoInputs for &Tensor {
    fn into_inputs(self) -> Vec<Value> {
        vec![Value::Tensor(self.shallow_clone())]
    }
}

impl IntoInputs for Vec<Value> {
    fn into_inputs(self) -> Vec<Value> {
        self
    }
}

impl IntoInputs for &[Tensor] {
    fn into_inputs(self) -> Vec<Value> {
        let tensors = self.iter();
        tensors
            .map(|tensor| Value::Tensor(tensor.shallow_clone()))
            .collect()
    }
}

impl<const N: usize> IntoInputs for [&Tensor; N] {
    fn into_inputs(self) -> Vec<Value> {
        let tensors = self.into_iter();
        tensors
            .map(|tensor| Value::Tensor(tensor.shallow_clone()))
            .collect()
    }
}

/// The program of a model of tch: every operator that it calls for these inputs, at the level of `torch.export.export`.
///
/// `model` is a module, or a closure over one tensor, two tensors, the slice of all, or nested values. It runs as it is;
/// what depends on its Rust code (branches, loops, numbers) is fixed to what these inputs made it do.
///
/// ```
/// use expc::{Device, trace, tch::{self, Kind, Tensor, nn, nn::Module}};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let store = nn::VarStore::new(tch::Device::Cpu);
/// let net = nn::seq()
///     .add(nn::linear(store.root() / "first", 4, 8, Default::default()))
///     .add_fn(|xs| xs.relu())
///     .add(nn::linear(store.root() / "second", 8, 2, Default::default()));
/// let x = Tensor::randn([3, 4], (Kind::Float, tch::Device::Cpu));
///
/// let options = trace::Options::new().weights(&store).input_names(["x"]);
/// let recorded = trace::export(&net, &x, &options)?;
/// let module = recorded.program()?.module(Device::CPU)?;
/// assert!(module.forward(&[x.shallow_clone()])?[0].allclose(&net.forward(&x), 1e-6, 1e-6, false));
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// The code panicked or libtorch refused an operator, a number was read from data that depends on the inputs, or an
/// operator takes what no program can hold.
pub fn export<By>(
    model: &(impl Traceable<By> + ?Sized),
    inputs: impl IntoInputs,
    options: &Options,
) -> Result<Recorded, Diagnostics> {
    let inputs = options.named(inputs.into_inputs())?;
    let values: Vec<Value> = inputs.iter().map(|(_, input)| input.clone()).collect();
    let code = |values: &[Value], tensors: &[Tensor]| -> Result<Output, Diagnostic> {
        model.call(values, tensors, options.train)
    };
    let dynamic = options.dynamic_sizes(&inputs)?;
    let traces = dynamic::traces(&code, &values, &options.weights, options.train, &dynamic)?;
    let source = Source {
        inputs: &inputs,
        weights: &options.weights,
    };
    Ok(emit::emit(&source, &traces, &dynamic)?)
}

#[cfg(test)]
mod models;
#[cfg(test)]
mod tests;
