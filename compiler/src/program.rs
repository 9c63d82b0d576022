//! The library's view of a program: load it, look at its signature, run it.
//!
//! [`ExportedProgram`] is what a file holds, [`Module`] a program on a device, ready to be called from any thread.

use std::{path::Path, sync::Arc};

use expc_dialects::{Constant, Diagnostic, Program, program::Symbol};
use expc_pt2::TreeSpec;
use expc_runtime::{
    executor::{Executable, Observer, Options, StandIns, Trial, try_steps},
    plan::{Input, InputKind, InputSpec, Plan, Range, Signature},
    torch::{self, Device, DeviceKind, Value},
    weights::Weights,
};

use crate::{
    diagnostics::Diagnostics,
    frontend::{
        self, Loaded, pt2,
        signature::{CallingConvention, calling_convention},
    },
};

/// What the functions of the library answer.
pub type Result<T> = std::result::Result<T, Diagnostics>;

/// A program as a file holds it: graph, signature and weights, without MLIR and without a device.
///
/// The weights stay in the mapped file until a module needs them; the file must not be changed meanwhile.
#[derive(Debug)]
pub struct ExportedProgram {
    file: String,
    plan: Plan,
    calling: Arc<CallingConvention>,
    weights: Weights,
    symbols: Vec<Symbol>,
}

impl ExportedProgram {
    /// Reads a `.pt2` archive of PyTorch 2.3 to 2.15, or a module of the dialect (`.mlir`), and verifies it.
    ///
    /// # Errors
    /// The file cannot be read or is damaged, or the program is not well formed; all that was found.
    pub fn load(path: impl AsRef<Path>) -> Result<Self> {
        let context = expc_dialects::context();
        Self::from_loaded(&frontend::load_file(&context, path.as_ref())?)
    }

    /// Reads a program that is in memory; `name` stands for its path in messages.
    ///
    /// # Errors
    /// As [`ExportedProgram::load`].
    pub fn from_bytes(name: &str, bytes: Vec<u8>) -> Result<Self> {
        let context = expc_dialects::context();
        Self::from_loaded(&frontend::load_bytes(&context, bytes, name)?)
    }

    /// Takes from a model in the dialect what running it needs.
    ///
    /// # Errors
    /// The program cannot be planned, or the index of its weights is damaged.
    pub fn from_loaded(loaded: &Loaded<'_>) -> Result<Self> {
        let program = loaded.program();
        let in_file = |fault: Diagnostic| Diagnostics::from(fault.in_file(&loaded.file));
        let calling = calling_convention(&program).map_err(in_file)?;
        let plan = expc_runtime::plan::plan(&program, &calling.input_paths);
        let plan = plan.map_err(|found| Diagnostics::new(found).in_file(&loaded.file))?;
        let weights = match &loaded.archive {
            Some(archive) => pt2::weights(archive).map_err(in_file)?,
            None => Weights::new(),
        };
        let symbols = symbols(&program).map_err(in_file)?;
        Ok(Self {
            file: loaded.file.clone(),
            plan,
            calling: Arc::new(calling),
            weights,
            symbols,
        })
    }

    /// The path, or the name given for bytes in memory.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// Inputs and outputs with their kinds, range constraints and guards.
    pub fn signature(&self) -> &Signature {
        self.plan.signature()
    }

    /// The program as the runtime takes it.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Bounds of the symbols and expressions in the program's sizes.
    pub fn range_constraints(&self) -> &[Range] {
        &self.signature().ranges
    }

    /// The inputs that callers give, constants included, in the order in which [`Module::call`] takes them.
    pub fn user_inputs(&self) -> impl Iterator<Item = &Input> {
        self.signature()
            .inputs
            .iter()
            .filter(|input| input.kind == InputKind::User)
    }

    /// The names of the placeholders of all user inputs.
    pub fn input_names(&self) -> Vec<&str> {
        self.user_inputs()
            .map(|input| input.name.as_str())
            .collect()
    }

    /// The pytrees of inputs and outputs.
    pub fn calling_convention(&self) -> &CallingConvention {
        &self.calling
    }

    /// The symbols of the sizes, with their values at export time where the program tells them.
    pub fn symbols(&self) -> &[Symbol] {
        &self.symbols
    }

    /// The value of a symbol when the program was exported.
    pub fn symbol_hint(&self, name: &str) -> Option<i64> {
        match self.symbols.iter().find(|symbol| symbol.name == name)?.hint {
            Some(Constant::Int(hint)) => Some(hint),
            _ => None,
        }
    }

    /// The parameters, buffers and constants.
    pub fn weights(&self) -> &Weights {
        &self.weights
    }

    /// Weights to add, or to replace those of the same name.
    pub fn weights_mut(&mut self) -> &mut Weights {
        &mut self.weights
    }

    /// The program on a device: its operators resolved, its weights there.
    ///
    /// Each module has its own state: what its calls change, no other module sees.
    ///
    /// # Errors
    /// The device is not there, an operator is not registered, or a weight is missing or of another dtype or size;
    /// all that was found.
    pub fn module(&self, device: Device) -> Result<Module> {
        check_device(device)?;
        let options = Options {
            device: Some(device),
        };
        let executable = Executable::new(&self.plan, &self.weights, options);
        let executable = executable.map_err(|found| Diagnostics::new(found).in_file(&self.file))?;
        let inputs = self.user_inputs().cloned().collect();
        Ok(Module {
            file: self.file.clone(),
            device,
            inputs,
            calling: Arc::clone(&self.calling),
            executable,
        })
    }

    /// Calls the program once on a device and goes on after faults, with values that `stand_ins` makes up.
    ///
    /// # Errors
    /// Nothing could be run: the device is not there, a weight is missing, or the inputs do not fit.
    pub(crate) fn try_steps(
        &self,
        device: Device,
        inputs: &[Value],
        stand_ins: &mut dyn StandIns,
    ) -> Result<Trial> {
        check_device(device)?;
        let options = Options {
            device: Some(device),
        };
        let trial = try_steps(&self.plan, &self.weights, options, inputs, stand_ins);
        let mut trial = trial.map_err(|found| Diagnostics::new(found).in_file(&self.file))?;
        let faults = trial.faults.into_iter();
        trial.faults = faults.map(|fault| fault.in_file(&self.file)).collect();
        Ok(trial)
    }
}

/// Makes sure that libtorch can use the device.
fn check_device(device: Device) -> Result<()> {
    let missing = |what: String| {
        Diagnostics::from(Diagnostic::error(expc_runtime::error::code::DEVICE, what))
    };
    match device.kind {
        DeviceKind::Cpu => Ok(()),
        DeviceKind::Cuda => {
            torch::load_cuda()
                .map_err(|error| missing(format!("cannot run on `{device}`: {error}")))?;
            let count = torch::cuda_device_count();
            match device.index.unwrap_or_default() < count {
                true => Ok(()),
                false => Err(missing(format!(
                    "there is no device `{device}`, libtorch finds {count}"
                ))),
            }
        }
        DeviceKind::Meta | DeviceKind::Other(_) => Err(missing(format!(
            "cannot run on `{device}`, expected `cpu` or `cuda`"
        ))),
    }
}

fn symbols(program: &Program<'_, '_>) -> std::result::Result<Vec<Symbol>, Diagnostic> {
    program.symbols()
}

/// A program that is ready to be called, from many threads at once if need be.
///
/// Calls of a program that changes its own state (buffers, a cache) run one after the other; others run side by side
/// on the same weights. Nothing records gradients.
#[derive(Debug)]
pub struct Module {
    file: String,
    device: Device,
    inputs: Vec<Input>,
    calling: Arc<CallingConvention>,
    executable: Executable,
}

impl Module {
    /// The device that the weights are on and inputs must be on.
    pub fn device(&self) -> Device {
        self.device
    }

    /// Calls the program with one tensor for each user input that is not a constant, and gives its tensors.
    ///
    /// ```
    /// use expc::{Device, ExportedProgram, tch::Tensor};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let model = concat!(env!("CARGO_MANIFEST_DIR"), "/src/driver/samples/add_mul.mlir");
    /// let program = ExportedProgram::load(model)?;
    /// assert_eq!(program.input_names(), ["x", "y"]);
    ///
    /// let module = program.module(Device::CPU)?;
    /// let (x, y) = (Tensor::from_slice(&[1.0_f32, 2.0]), Tensor::from_slice(&[10.0_f32, 20.0]));
    /// let outputs = module.forward(&[x, y])?;
    /// assert_eq!(Vec::<f32>::try_from(&outputs[0])?, [11.0, 22.0]);
    ///
    /// // A module is called from many threads at once; they share its weights.
    /// std::thread::scope(|scope| {
    ///     for _ in 0..4 {
    ///         scope.spawn(|| module.forward(&[Tensor::from_slice(&[1.0_f32]), Tensor::from_slice(&[2.0_f32])]));
    ///     }
    /// });
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// The number, dtypes or sizes of the tensors do not fit the signature, an operator failed, or an output is no
    /// tensor (then use [`Module::call`]).
    pub fn forward(&self, inputs: &[tch::Tensor]) -> Result<Vec<tch::Tensor>> {
        let mut given = inputs.iter();
        let mut values = Vec::with_capacity(self.inputs.len());
        for input in &self.inputs {
            values.push(match input.spec {
                InputSpec::Constant(_) => Value::None,
                _ => given
                    .next()
                    .map_or(Value::None, |tensor| Value::Tensor(tensor.shallow_clone())),
            });
        }
        let expected = self
            .inputs
            .iter()
            .filter(|input| !matches!(input.spec, InputSpec::Constant(_)))
            .count();
        if expected != inputs.len() {
            let what = format!(
                "the program takes {expected} inputs, found {}",
                inputs.len()
            );
            return Err(
                Diagnostic::error(expc_runtime::error::code::INPUT_COUNT, what)
                    .in_file(&self.file)
                    .into(),
            );
        }
        let tensor = |value| match value {
            Value::Tensor(tensor) => Ok(tensor),
            other => {
                let what = format!(
                    "an output of the program is no tensor, but of the kind `{}`",
                    other.kind().name()
                );
                Err(Diagnostic::error("E0610", what).in_file(&self.file).into())
            }
        };
        self.call(&values)?
            .into_values()
            .into_iter()
            .map(tensor)
            .collect()
    }

    /// Calls the program with inputs by name: a placeholder's name (`x`, `batch_ids`), or how Python reaches the
    /// value from the parameters of `forward` (`batch['ids']`). Constants may be left out.
    ///
    /// # Errors
    /// A name is not known or given twice, an input is missing, or as [`Module::call`].
    pub fn forward_named(&self, inputs: &[(&str, Value)]) -> Result<Outputs> {
        let mut values: Vec<Option<Value>> = self.inputs.iter().map(|_| None).collect();
        for (name, value) in inputs {
            let position = self
                .inputs
                .iter()
                .position(|input| input.name == *name || input.path == *name);
            match position.and_then(|position| values.get_mut(position)) {
                Some(slot @ None) => *slot = Some(value.clone()),
                Some(_) => {
                    return Err(self.name_fault(format!("the input `{name}` is given twice")));
                }
                None => return Err(self.name_fault(format!("the program has no input `{name}`"))),
            }
        }
        let mut given = Vec::with_capacity(values.len());
        for (value, input) in values.into_iter().zip(&self.inputs) {
            given.push(match (value, &input.spec) {
                (Some(value), _) => value,
                (None, InputSpec::Constant(_)) => Value::None,
                (None, _) => {
                    return Err(self.name_fault(format!("the input `{}` is missing", input.path)));
                }
            });
        }
        self.call(&given)
    }

    /// Calls the program with one value for each user input, constants included (`Value::None` stands for "as
    /// exported").
    ///
    /// # Errors
    /// The inputs do not fit the signature, or an operator failed; the diagnostic names the node, its module and the
    /// Python line.
    pub fn call(&self, inputs: &[Value]) -> Result<Outputs> {
        let values = self
            .executable
            .call(inputs)
            .map_err(|fault| Diagnostics::from(fault.in_file(&self.file)))?;
        Ok(Outputs {
            calling: Arc::clone(&self.calling),
            values,
        })
    }

    /// As [`Module::call`], and tells `observer` of each step of the root graph: what it ran, how long it took and
    /// what it gave.
    ///
    /// # Errors
    /// As [`Module::call`].
    pub fn call_observed(&self, inputs: &[Value], observer: &mut Observer<'_>) -> Result<Outputs> {
        let values = self
            .executable
            .call_observed(inputs, observer)
            .map_err(|fault| Diagnostics::from(fault.in_file(&self.file)))?;
        Ok(Outputs {
            calling: Arc::clone(&self.calling),
            values,
        })
    }

    /// The parameters, buffers and constants that calls may change, by name.
    pub fn mutable_state(&self) -> Vec<(&str, Value)> {
        self.executable.mutable_state()
    }

    /// A parameter, buffer or constant by its fully qualified name.
    pub fn weight(&self, name: &str) -> Option<tch::Tensor> {
        self.executable.weight(name)
    }

    /// Conditions on the inputs that could not be understood and are not checked.
    pub fn warnings(&self) -> &[Diagnostic] {
        self.executable.warnings()
    }

    fn name_fault(&self, what: String) -> Diagnostics {
        let names: Vec<_> = self
            .inputs
            .iter()
            .map(|input| format!("`{}`", input.path))
            .collect();
        let note = format!("the inputs are {}", names.join(", "));
        Diagnostic::error("E0611", what)
            .in_file(&self.file)
            .note(note)
            .into()
    }
}

/// What a call gives: the flat outputs, and how Python arranges them.
#[derive(Debug)]
pub struct Outputs {
    calling: Arc<CallingConvention>,
    values: Vec<Value>,
}

impl Outputs {
    /// The flat outputs in the order of the signature.
    pub fn values(&self) -> &[Value] {
        &self.values
    }

    pub fn into_values(self) -> Vec<Value> {
        self.values
    }

    /// The containers around the outputs; none if the program does not say, or gives more than its caller sees.
    pub fn tree(&self) -> Option<&TreeSpec> {
        self.calling
            .outputs
            .as_ref()
            .filter(|tree| tree.n_leaves() == self.values.len())
    }

    /// How Python reaches each output from what the call returned: `['logits']`, `[0].x`, nothing for a bare value.
    pub fn paths(&self) -> Vec<String> {
        match self.tree() {
            Some(tree) => tree.leaf_paths(""),
            None => (0..self.values.len())
                .map(|position| format!("[{position}]"))
                .collect(),
        }
    }

    /// The output that Python reaches by `path`.
    pub fn get(&self, path: &str) -> Option<&Value> {
        let position = self.paths().iter().position(|known| known == path)?;
        self.values.get(position)
    }
}

#[cfg(test)]
mod tests;
