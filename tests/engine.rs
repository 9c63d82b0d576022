//! The compiler and the runtime as the harness sees them.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;

use expc::pipeline::{Given, Level, lower_by, registered_ops};
use expc::tensor_file::{self, HostTensor};
use expc::{Device, ExportedProgram, frontend};
use expc_dialects::ScalarType;
use expc_pt2::SharedBytes;
use expc_runtime::compare::{self, Difference, Tolerance};
use expc_runtime::plan::InputKind;
use expc_runtime::torch::{
    self, Storage, StorageView, TensorInfo, Value, clone_tensor, tensor_bytes,
};
use expc_tests::conformance::{Arrays, Engine, Program, Rule};
use expc_tests::driver::{self, Outcome};
use tch::{Kind, Tensor};

/// As the binary has it: MLIR's parser does not bound its recursion.
const STACK_BYTES: usize = 1 << 28;

/// Settles what holds for the whole process.
pub fn prepare() -> Result<(), String> {
    // The trials already use all cores, and PyTorch's answers were recorded with one thread.
    torch::set_num_threads(1).map_err(|error| error.to_string())
}

/// The driver, in this process.
pub fn drive(arguments: &[String], stdin: &[u8]) -> Outcome {
    let arguments: Vec<OsString> = std::iter::once("expc")
        .chain(arguments.iter().map(String::as_str))
        .map(OsString::from)
        .collect();
    with_stack(|| {
        let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
        let status = expc::driver::run(&arguments, &mut &stdin[..], &mut stdout, &mut stderr);
        Outcome {
            status,
            stdout: String::from_utf8_lossy(&stdout).into_owned(),
            stderr: String::from_utf8_lossy(&stderr).into_owned(),
        }
    })
}

fn with_stack<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    thread::scope(|scope| {
        let thread = thread::Builder::new()
            .stack_size(STACK_BYTES)
            .spawn_scoped(scope, work);
        let result = thread.expect("a thread can be started").join();
        result.unwrap_or_else(|payload| std::panic::resume_unwind(payload))
    })
}

/// Single calls go through `expc run`, sequences of calls through the library.
pub struct Expc;

impl Engine for Expc {
    type Array = Tensor;

    fn expc(&self, arguments: &[String]) -> Result<Outcome, String> {
        driver::call(drive, arguments, &[])
    }

    fn call(&self, program: &Program, inputs: &[PathBuf]) -> Result<Vec<Arrays<Tensor>>, String> {
        match inputs {
            [inputs] => Ok(vec![self.run(program, inputs)?]),
            inputs => with_stack(|| call_in_turn(program, inputs)),
        }
    }

    fn read(&self, file: &Path) -> Result<Arrays<Tensor>, String> {
        let tensors = tensor_file::read(file).map_err(|error| error.to_string())?;
        tensors
            .into_iter()
            .map(|(name, host)| Ok((name, to_tensor(&host)?)))
            .collect()
    }

    fn difference(&self, actual: &Tensor, expected: &Tensor, rule: &Rule) -> Option<String> {
        let tolerance = match rule {
            Rule::SameKind => Tolerance::EXACT,
            Rule::Close { dtype, relative } => tolerance(expected, dtype.as_deref(), *relative),
        };
        match (compare::compare(actual, expected, Some(tolerance)), rule) {
            (Err(error), _) => Some(error.to_string()),
            (Ok(Some(Difference::Values(_))), Rule::SameKind) => None,
            (Ok(difference), _) => difference.map(|difference| difference.to_string()),
        }
    }
}

impl Expc {
    fn run(&self, program: &Program, inputs: &Path) -> Result<Arrays<Tensor>, String> {
        let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
        let output = folder.path().join("out.npz");
        let mut arguments = program.arguments(inputs, &output);
        arguments.push("--state".to_owned());
        let outcome = self.expc(&arguments)?;
        match outcome.status {
            0 => self.read(&output),
            status => Err(format!(
                "`expc run` ended with status {status}\n{}",
                outcome.stderr
            )),
        }
    }
}

/// PyTorch's tolerance for the program's own dtype; `relative` widens both parts, as `tools/corpus.py` does.
fn tolerance(expected: &Tensor, dtype: Option<&str>, relative: Option<f64>) -> Tolerance {
    let dtype = dtype
        .and_then(ScalarType::from_torch_name)
        .or(TensorInfo::of(expected).dtype);
    let default = dtype.map_or(Tolerance::EXACT, Tolerance::of);
    match relative {
        Some(relative) if default != Tolerance::EXACT => Tolerance {
            relative: relative.max(default.relative),
            absolute: (relative * 0.1).max(default.absolute),
        },
        _ => default,
    }
}

/// Loads a program once and calls it with each file's tensors.
fn call_in_turn(program: &Program, inputs: &[PathBuf]) -> Result<Vec<Arrays<Tensor>>, String> {
    for library in &program.libraries {
        torch::load_library(library).map_err(|error| error.to_string())?;
    }
    let program = load(program)?;
    let module = program
        .module(Device::CPU)
        .map_err(|error| error.to_string())?;
    let n_inputs = program.user_inputs().count();
    let state_names: Vec<_> = program
        .signature()
        .inputs
        .iter()
        .filter(|input| matches!(input.kind, InputKind::Parameter | InputKind::Buffer { .. }))
        .filter_map(|input| input.target.clone())
        .collect();
    let state = || {
        let state = module.mutable_state().into_iter();
        let state = state.filter(|(name, _)| state_names.iter().any(|known| known == name));
        contents(state.map(|(name, value)| (format!("buffer:{name}"), value)))
    };
    let mut results = Vec::new();
    for file in inputs {
        let given = Expc.read(file)?;
        let value = |position: usize| match given.get(&position.to_string()) {
            Some(tensor) => Value::Tensor(tensor.shallow_clone()),
            None => Value::None,
        };
        let values: Vec<_> = (0..n_inputs).map(value).collect();
        let of_inputs = || {
            let named = values.iter().enumerate();
            contents(named.map(|(position, value)| (format!("input:{position}"), value.clone())))
        };
        let before = [state()?, of_inputs()?];
        let outputs = module.call(&values).map_err(|error| error.to_string())?;
        let outputs = outputs.values().iter().enumerate();
        let outputs = outputs.map(|(position, value)| (position.to_string(), value.clone()));
        let mut arrays = arrays(contents(outputs)?);
        for (before, mut after) in before.iter().zip([state()?, of_inputs()?]) {
            after.retain(|name, (bytes, _)| {
                before.get(name).is_none_or(|(known, _)| known != bytes)
            });
            arrays.extend(self::arrays(after));
        }
        results.push(arrays);
    }
    Ok(results)
}

/// Loads a program at the level that its options name.
fn load(program: &Program) -> Result<ExportedProgram, String> {
    let level = match program.options {
        ["--level", "functional"] => Level::Functional,
        ["--level", "core"] => Level::Core,
        _ => Level::Exported,
    };
    let load = || -> expc::Result<ExportedProgram> {
        let context = expc::context();
        let loaded = frontend::load_file(&context, &program.model)?;
        let custom = match program.libraries.as_slice() {
            [] => None,
            _ => Some(registered_ops()),
        };
        let given = Given {
            custom: custom.as_ref(),
            ..Given::default()
        };
        lower_by(&loaded.module, level, given, &mut ())?;
        ExportedProgram::from_loaded(&loaded)
    };
    // MLIR recurses over the module.
    with_stack(|| load().map_err(|error| error.to_string()))
}

/// Copies of tensors, with their bytes to tell whether they change.
type Contents = BTreeMap<String, (Vec<u8>, Tensor)>;

fn arrays(contents: Contents) -> Arrays<Tensor> {
    contents
        .into_iter()
        .map(|(name, (_, tensor))| (name, tensor))
        .collect()
}

/// The values that files can hold.
fn contents(values: impl Iterator<Item = (String, Value)>) -> Result<Contents, String> {
    let tensors = values.filter_map(|(name, value)| Some((name, as_array(&value)?)));
    let content = |tensor: Tensor| {
        let copy = clone_tensor(&tensor, None)?;
        Ok((tensor_bytes(&copy)?, copy))
    };
    tensors
        .map(|(name, tensor)| {
            Ok((
                name,
                content(tensor).map_err(|error: torch::TorchError| error.to_string())?,
            ))
        })
        .collect()
}

/// A tensor of a dtype that files have; numbers have no dimensions.
fn as_array(value: &Value) -> Option<Tensor> {
    match value {
        Value::Tensor(tensor) => Some(match tensor.kind() {
            Kind::BFloat16 | Kind::Float8e4m3fn | Kind::Float8e5m2 => tensor.to_kind(Kind::Float),
            _ => tensor.shallow_clone(),
        }),
        Value::Int(value) => Some(Tensor::from(*value)),
        Value::Float(value) => Some(Tensor::from(*value)),
        Value::Bool(value) => Some(Tensor::from(*value)),
        _ => None,
    }
}

struct Bytes(SharedBytes);

impl AsRef<[u8]> for Bytes {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

fn to_tensor(host: &HostTensor) -> Result<Tensor, String> {
    let sizes: Vec<i64> = host.shape().iter().map(|size| *size as i64).collect();
    let mut strides = vec![1; sizes.len()];
    for dimension in (1..sizes.len()).rev() {
        strides[dimension - 1] = strides[dimension] * sizes[dimension].max(1);
    }
    let bytes = host.bytes().clone();
    let range = 0..bytes.len();
    let view = StorageView {
        dtype: host.dtype(),
        sizes,
        strides,
        offset: 0,
    };
    let storage =
        Storage::from_bytes(Arc::new(Bytes(bytes)), range).map_err(|error| error.to_string())?;
    let shared = storage.view(&view).map_err(|error| error.to_string())?;
    clone_tensor(&shared, None).map_err(|error| error.to_string())
}
