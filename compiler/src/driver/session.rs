//! A model on a device, and one case run on it: what `run`, `run-many` and `bench` share.

use std::path::Path;

use expc_dialects::Diagnostic;
use expc_runtime::{
    plan::{Input, InputKind},
    torch::{self, Device, Value, tensor_bytes},
};

use super::{
    cli::LoadArgs,
    console::{Console, Failure, Outcome},
    load,
    outputs::Entry,
    tensors::value_to_host,
    weights,
};
use crate::{
    program::{ExportedProgram, Module, Outputs},
    tensor_file::Format,
};

/// Settles what holds for the whole process: threads, libraries, the device.
///
/// # Errors
/// A library cannot be loaded; the device is no device, which is a fault of the command line.
pub fn prepare(args: &LoadArgs) -> Outcome<Device> {
    let expected = "expected `cpu`, `cuda` or `cuda:N`";
    let unknown = || Failure::usage(format!("there is no device `{}`, {expected}", args.device));
    let device = Device::parse(&args.device).ok_or_else(unknown)?;
    if let Some(threads) = args.threads {
        torch::set_num_threads(threads).map_err(libtorch_fault)?;
    }
    if device.kind == torch::DeviceKind::Cuda {
        torch::load_cuda().map_err(|error| {
            Diagnostic::error(
                expc_runtime::error::code::DEVICE,
                format!("cannot run on `{device}`: {error}"),
            )
        })?;
    }
    load::libraries(&args.load_library)?;
    if let Some(seed) = args.seed {
        torch::manual_seed(seed).map_err(libtorch_fault)?;
    }
    Ok(device)
}

/// A model that is ready to run.
pub struct Session {
    pub program: ExportedProgram,
    pub module: Module,
}

/// What one case gives.
pub struct CaseResult {
    pub outputs: Outputs,
    /// What the last call changed, under the keys of output files.
    pub changed: Vec<(String, Value)>,
}

/// How a case is run.
#[derive(Clone, Copy, Debug)]
pub struct CaseOptions {
    /// At least 1.
    pub repeat: u32,
    pub seed: Option<u64>,
    /// Find out what the calls change.
    pub state: bool,
}

impl Session {
    /// Reads a model and puts it on a device.
    ///
    /// # Errors
    /// Everything that is wrong with the model, its weights or the device.
    pub fn open(
        model: &Path,
        args: &LoadArgs,
        device: Device,
        console: &mut Console<'_>,
    ) -> Outcome<Self> {
        let program = {
            let context = expc_dialects::context();
            let loaded = load::model(&context, model, console)?;
            load::to_level(&loaded, args.level, &args.load_library, console)?;
            let mut program = ExportedProgram::from_loaded(&loaded)?;
            let given = weights::given(
                &args.weights,
                args.seed,
                &loaded.program(),
                program.weights(),
            )?;
            program.weights_mut().extend(given);
            program
        };
        let _spinner = console.spinner(format!("loading {}", model.display()));
        let module = program.module(device).map_err(weights::advised)?;
        console.report(module.warnings());
        Ok(Self { program, module })
    }

    /// The user inputs, constants included.
    pub fn inputs(&self) -> Vec<&Input> {
        self.program.user_inputs().collect()
    }

    /// Gives a program that changes its own state the state of its file again.
    ///
    /// # Errors
    /// As [`Session::open`].
    pub fn reset(&mut self, device: Device) -> Outcome {
        if !self.module.mutable_state().is_empty() {
            self.module = self.program.module(device)?;
        }
        Ok(())
    }

    /// Runs a case. `bind` gives the inputs of each call anew, as calls may write to them.
    ///
    /// # Errors
    /// What `bind` says, and what the program says of its inputs or while it runs.
    pub fn run(
        &self,
        options: CaseOptions,
        bind: &dyn Fn() -> Result<Vec<Value>, Vec<Diagnostic>>,
    ) -> Outcome<CaseResult> {
        if let Some(seed) = options.seed {
            torch::manual_seed(seed).map_err(libtorch_fault)?;
        }
        let before = if options.state {
            contents(&self.state())?
        } else {
            Vec::new()
        };
        let mut inputs = bind()?;
        let mut inputs_before = self.input_contents(&inputs, options)?;
        let mut outputs = self.module.call(&inputs)?;
        for _ in 1..options.repeat {
            inputs = bind()?;
            inputs_before = self.input_contents(&inputs, options)?;
            outputs = self.module.call(&inputs)?;
        }
        let mut changed = Vec::new();
        if options.state {
            changed.extend(differing(self.state(), &before)?);
            changed.extend(differing(named_inputs(&inputs), &inputs_before)?);
        }
        Ok(CaseResult { outputs, changed })
    }

    /// The parameters and buffers that calls may change, under the keys of output files.
    fn state(&self) -> Vec<(String, Value)> {
        let is_state = |name: &str| {
            let of_name = |input: &&Input| input.target.as_deref() == Some(name);
            let input = self.program.signature().inputs.iter().find(of_name);
            input.is_some_and(|input| {
                matches!(input.kind, InputKind::Parameter | InputKind::Buffer { .. })
            })
        };
        let state = self
            .module
            .mutable_state()
            .into_iter()
            .filter(|(name, _)| is_state(name));
        state
            .map(|(name, value)| (format!("buffer:{name}"), value))
            .collect()
    }

    fn input_contents(
        &self,
        inputs: &[Value],
        options: CaseOptions,
    ) -> Outcome<Vec<Option<Vec<u8>>>> {
        if options.state {
            contents(&named_inputs(inputs))
        } else {
            Ok(Vec::new())
        }
    }
}

impl CaseResult {
    /// Outputs and changes as a file of the format holds them, in the order of the signature.
    ///
    /// # Errors
    /// A value cannot be read back from its device.
    pub fn entries(&self, format: Format) -> Outcome<Vec<Entry>> {
        let paths = self.outputs.paths();
        let outputs = self.outputs.values().iter().zip(paths).enumerate();
        let outputs = outputs.map(|(position, (value, path))| (position.to_string(), path, value));
        let changed = self
            .changed
            .iter()
            .map(|(key, value)| (key.clone(), String::new(), value));
        let mut entries = Vec::new();
        for (key, path, value) in outputs.chain(changed) {
            let host = value_to_host(value, format).map_err(libtorch_fault)?;
            entries.push(Entry::new(key, path, value, host));
        }
        Ok(entries)
    }
}

/// What libtorch says of something that is neither a node nor an input of the program.
pub fn libtorch_fault(error: impl std::fmt::Display) -> Diagnostic {
    Diagnostic::error("E0617", error.to_string())
}

fn named_inputs(inputs: &[Value]) -> Vec<(String, Value)> {
    inputs
        .iter()
        .enumerate()
        .map(|(position, value)| (format!("input:{position}"), value.clone()))
        .collect()
}

/// The bytes of all tensors; none for other values.
fn contents(values: &[(String, Value)]) -> Outcome<Vec<Option<Vec<u8>>>> {
    let read = |(_, value): &(String, Value)| {
        let bytes = value.as_tensor().map(tensor_bytes).transpose();
        bytes.map_err(|error| libtorch_fault(error).into())
    };
    values.iter().map(read).collect()
}

/// The tensors whose bytes are not what they were.
fn differing(
    values: Vec<(String, Value)>,
    before: &[Option<Vec<u8>>],
) -> Outcome<Vec<(String, Value)>> {
    let after = contents(&values)?;
    let differs = values
        .into_iter()
        .zip(after.iter().zip(before))
        .filter(|(_, (after, before))| after != before);
    Ok(differs.map(|(value, _)| value).collect())
}
