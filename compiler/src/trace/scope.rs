//! The tree of modules: names of parameters and buffers, and which module a node belongs to.

use std::panic::Location;

use expc_dialects::{Diagnostic, Dim, InputKind, InputSpec, ScalarType, TensorMeta};
use expc_runtime::torch::{SharedTensor, TensorInfo};

use super::{lower::code, operand::Operand, stack::ModuleCall, tensor::Tensor, tracer::Tracer};

/// A module of the program, by its path.
///
/// ```
/// use expc::{tch, trace::{self, DynamicShapes, Inputs, Sample}};
///
/// # fn main() -> Result<(), expc::Diagnostics> {
/// let inputs = Inputs::new().arg("x", Sample::floats(&[3, 4]));
/// let program = trace::trace(&inputs, &DynamicShapes::new(), |t, inputs| {
///     let layer = t.root("Model").child("layer", "Linear");
///     let weight = layer.parameter("weight", &tch::Tensor::ones([2, 4], (tch::Kind::Float, tch::Device::Cpu)));
///     layer.call(|| inputs.tensor("x").linear(&weight))
/// })?;
/// assert!(program.text()?.contains("p_layer_weight: PARAMETER target='layer.weight'"));
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Scope {
    tracer: Tracer,
    path: String,
    class: String,
}

impl Tracer {
    /// The root module, with the name of its class.
    pub fn root(&self, class: &str) -> Scope {
        *self.state.root_class.borrow_mut() = class.to_owned();
        Scope {
            tracer: self.clone(),
            path: String::new(),
            class: class.to_owned(),
        }
    }

    /// A tensor that the program holds, without a name of its own.
    #[track_caller]
    pub fn constant(&self, tensor: &tch::Tensor) -> Tensor {
        let number = self.state.n_lifted.get();
        self.state.n_lifted.set(number.saturating_add(1));
        let target = format!("lifted_tensor_{number}");
        self.weight(
            InputKind::ConstantTensor,
            target,
            tensor,
            None,
            Location::caller(),
        )
    }

    /// A tensor that is written in the program itself, as `torch.tensor([…])` is in Python: a constant that each call
    /// copies.
    #[track_caller]
    pub fn literal(&self, tensor: &tch::Tensor) -> Tensor {
        let constant = self.constant(tensor);
        let copy = constant.call(
            "aten.lift_fresh_copy.default",
            vec![Some((&constant).into())],
        );
        copy.into_only().detach_inplace()
    }

    #[track_caller]
    fn weight(
        &self,
        kind: InputKind,
        target: String,
        tensor: &tch::Tensor,
        persistent: Option<bool>,
        place: &'static Location<'static>,
    ) -> Tensor {
        if let Some(known) = self.state.weights.borrow().get(&target) {
            return known.clone();
        }
        let shared = SharedTensor::new(tensor.shallow_clone());
        let Some(meta) = meta_of(&shared.info()) else {
            let what = format!("the tensor `{target}` has no sizes or an unknown dtype");
            self.fail(Diagnostic::error(code::INPUT, what), place)
        };
        let meta = TensorMeta {
            requires_grad: kind == InputKind::Parameter,
            ..meta
        };
        self.state
            .builder
            .borrow_mut()
            .weight_tensor(target.clone(), tensor.shallow_clone());
        let spec = InputSpec {
            target: Some(target.clone()),
            persistent,
            ..InputSpec::new(kind, "")
        };
        let traced = self.placeholder(spec, meta);
        self.state
            .weights
            .borrow_mut()
            .insert(target, traced.clone());
        traced
    }
}

impl Scope {
    /// A submodule.
    pub fn child(&self, name: &str, class: &str) -> Scope {
        Scope {
            tracer: self.tracer.clone(),
            path: self.target(name),
            class: class.to_owned(),
        }
    }

    /// The path from the root: `layers.0`.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// A parameter; asked for again it is the same one.
    #[track_caller]
    pub fn parameter(&self, name: &str, tensor: &tch::Tensor) -> Tensor {
        let place = Location::caller();
        self.tracer
            .weight(InputKind::Parameter, self.target(name), tensor, None, place)
    }

    /// A buffer that is saved with the program.
    #[track_caller]
    pub fn buffer(&self, name: &str, tensor: &tch::Tensor) -> Tensor {
        let place = Location::caller();
        self.tracer.weight(
            InputKind::Buffer,
            self.target(name),
            tensor,
            Some(true),
            place,
        )
    }

    /// A buffer that is no part of the state of the module.
    #[track_caller]
    pub fn temporary_buffer(&self, name: &str, tensor: &tch::Tensor) -> Tensor {
        let place = Location::caller();
        self.tracer.weight(
            InputKind::Buffer,
            self.target(name),
            tensor,
            Some(false),
            place,
        )
    }

    /// Gives a buffer a new value, as assigning to the attribute of a module does in Python.
    #[track_caller]
    pub fn assign(&self, buffer: &Tensor, value: &Tensor) {
        let given = vec![Some(Operand::from(buffer)), Some(Operand::from(value))];
        let result = buffer.call("aten.copy_.default", given).tensor();
        buffer.become_result(&result);
    }

    /// Runs what the module does: the nodes that it adds carry its path.
    pub fn call<T>(&self, forward: impl FnOnce() -> T) -> T {
        if self.path.is_empty() {
            return forward();
        }
        let state = &self.tracer.state;
        {
            let mut called = state.called.borrow_mut();
            let mut known = called.iter_mut().filter(|(path, _)| *path == self.path);
            let earlier = match known.next() {
                Some((_, count)) => {
                    *count += 1;
                    *count - 1
                }
                None => {
                    called.push((self.path.clone(), 1));
                    0
                }
            };
            state.modules.borrow_mut().push(ModuleCall {
                path: self.path.clone(),
                class: self.class.clone(),
                earlier,
            });
        }
        let returned = forward();
        state.modules.borrow_mut().pop();
        returned
    }

    fn target(&self, name: &str) -> String {
        match self.path.as_str() {
            "" => name.to_owned(),
            path => format!("{path}.{name}"),
        }
    }
}

/// The type of a tensor; none if it has none that programs know.
fn meta_of(info: &TensorInfo) -> Option<TensorMeta> {
    let dims = |values: &[i64]| values.iter().copied().map(Dim::Static).collect::<Vec<_>>();
    let dtype: ScalarType = info.dtype?;
    let mut contiguous = Vec::new();
    let mut stride = 1_i64;
    for size in info.sizes.iter().rev() {
        contiguous.push(stride);
        stride = stride.saturating_mul((*size).max(1));
    }
    contiguous.reverse();
    let strides = info
        .strides
        .as_ref()
        .filter(|strides| **strides != contiguous);
    Some(TensorMeta {
        strides: strides.map(|strides| dims(strides)),
        storage_offset: Dim::Static(0),
        ..TensorMeta::new(dtype, Some(dims(&info.sizes)))
    })
}
