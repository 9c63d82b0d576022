//! `export`: unmodified code of tch to a program.

use expc_dialects::Diagnostic;
use expc_runtime::torch::Value;
use rustc_hash::FxHashSet;
use tch::{Tensor, nn};

use super::{
    bounds,
    capture::{Code, NamedWeight, Request},
    code,
    dynamic::{self, DynamicSizes, Traces},
    emit::{self, Source},
    graph::Recorded,
    specs,
    values::{Output, Traceable},
};
use crate::{Diagnostics, trace::dim::DynamicShapes};

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
    is_abstract: bool,
    without_lines: bool,
    shapes: DynamicShapes,
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

    /// Traces without computing: inputs have sizes and no elements meanwhile, so that a trace costs little whatever the
    /// sizes. Operators for which libtorch cannot do so run on zeros. Code that asks a tensor for its device is told one
    /// that the program will not name.
    #[must_use]
    pub fn without_data(mut self) -> Self {
        self.is_abstract = true;
        self
    }

    /// Leaves the lines of Rust out of the program; finding them needs the debug information of the binary.
    #[must_use]
    pub fn without_lines(mut self) -> Self {
        self.without_lines = true;
        self
    }

    /// Which sizes of the inputs may change, by the names of the inputs. The code is traced at several sizes then, and
    /// integers that it computes from sizes become expressions.
    ///
    /// Sizes that are `Dim::AUTO` change where the code allows it; those that are equal in the given inputs stay equal.
    #[must_use]
    pub fn dynamic_shapes(mut self, shapes: DynamicShapes) -> Self {
        self.shapes = shapes;
        self
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
    let mut job = Job::new(model, inputs, options)?;
    let autos = job.dynamic.autos();
    if autos.is_empty() {
        return job.program(dynamic::traces(&job.request(), &job.dynamic)?);
    }
    let mut traces = job.traces();
    if traces.is_err() {
        // One after the other: what the code does not allow stays as it is.
        let all = std::mem::take(&mut job.dynamic);
        let mut fixed = autos.clone();
        for auto in &autos {
            fixed.retain(|fixed| fixed != auto);
            job.dynamic = all.without(&fixed);
            if job.traces().is_err() {
                fixed.push(auto.clone());
            }
        }
        job.dynamic = all.without(&fixed);
        traces = job.traces();
    }
    job.program(traces?)
}

/// A model with its inputs, as the parts of the tracer take them.
pub(super) struct Job<'a> {
    code: Box<Code<'a>>,
    inputs: Vec<(String, Value)>,
    values: Vec<Value>,
    pub dynamic: DynamicSizes,
    options: &'a Options,
}

impl<'a> Job<'a> {
    pub fn new<By>(
        model: &'a (impl Traceable<By> + ?Sized),
        inputs: impl IntoInputs,
        options: &'a Options,
    ) -> Result<Self, Diagnostic> {
        let inputs = options.named(inputs.into_inputs())?;
        let code = |values: &[Value], tensors: &[Tensor]| -> Result<Output, Diagnostic> {
            model.call(values, tensors, options.train)
        };
        Ok(Self {
            code: Box::new(code),
            values: inputs.iter().map(|(_, input)| input.clone()).collect(),
            dynamic: specs::dynamic_sizes(&options.shapes, &inputs)?,
            inputs,
            options,
        })
    }

    pub fn request(&self) -> Request<'_> {
        Request {
            code: &*self.code,
            inputs: &self.values,
            weights: &self.options.weights,
            with_gradients: self.options.train,
            is_abstract: self.options.is_abstract,
            rescue: None,
        }
    }

    /// Recordings at several sizes that make a program.
    fn traces(&self) -> Result<Traces, Diagnostics> {
        let traces = dynamic::traces(&self.request(), &self.dynamic)?;
        self.emit(&traces, &self.dynamic, false)?;
        Ok(traces)
    }

    /// The program of recordings, for the sizes that the code takes.
    pub fn program(&self, mut traces: Traces) -> Result<Recorded, Diagnostics> {
        let mut dynamic = self.dynamic.clone();
        if !dynamic.is_empty() {
            let emit = |traces: &Traces| self.emit(traces, &self.dynamic, false);
            let more = bounds::narrow(&self.request(), &mut dynamic, &emit)?;
            traces.add(more, &self.request(), &dynamic)?;
        }
        self.emit(&traces, &dynamic, !self.options.without_lines)
    }

    pub fn emit(
        &self,
        traces: &Traces,
        dynamic: &DynamicSizes,
        with_lines: bool,
    ) -> Result<Recorded, Diagnostics> {
        let source = Source {
            inputs: &self.inputs,
            weights: &self.options.weights,
            with_lines,
            with_gradients: self.options.train,
        };
        emit::emit(&source, traces, dynamic)
    }
}

#[cfg(test)]
mod models;
#[cfg(test)]
mod tests;
