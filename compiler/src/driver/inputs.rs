//! From arrays by name to the inputs of a program.
//!
//! A key is a position among the user inputs (constants counted), the name of a placeholder, or the path by which
//! Python reaches the value. Numbers are arrays without dimensions. bfloat16 and the float8 kinds come as float32,
//! complex32 as complex64; every other dtype must be the placeholder's. Sizes and ranges are the runtime's to check.

use std::path::Path;

use expc_dialects::{Diagnostic, ScalarType};
use expc_runtime::{
    plan::{Arg, Input, InputSpec},
    torch::{Device, Value},
};

use super::{
    console::{Failure, Outcome},
    tensors::{to_host, to_tensor, widened},
};
use crate::tensor_file::{self, Format, HostTensor};

/// What the user gives for one input.
#[derive(Clone, Debug, PartialEq)]
pub enum Given {
    Tensor(HostTensor),
    /// A number from the command line, which has no dtype of its own.
    Number(Number),
}

/// A Python number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Number {
    Int(i64),
    Float(f64),
    Bool(bool),
}

/// Everything that the user gives: the arrays of a file, and single inputs that win over them.
#[derive(Clone, Debug, Default)]
pub struct GivenInputs {
    file: Vec<(String, Given)>,
    single: Vec<(String, Given)>,
}

impl GivenInputs {
    /// Reads what `--inputs FILE` and `--input NAME=VALUE` name.
    ///
    /// # Errors
    /// A file is damaged; a single input has no `=`, which is a fault of the command line.
    pub fn read(file: Option<&Path>, single: &[String]) -> Outcome<Self> {
        let tensors = file.map(tensor_file::read).transpose()?.unwrap_or_default();
        let file = tensors
            .into_iter()
            .map(|(name, tensor)| (name, Given::Tensor(tensor)))
            .collect();
        let single = single
            .iter()
            .map(|text| read_single(text))
            .collect::<Outcome<_>>()?;
        Ok(Self { file, single })
    }

    /// One value for each input, in order; constants that are not given are `None`.
    ///
    /// # Errors
    /// All keys that are unknown or given twice, inputs that are missing, and dtypes that do not fit.
    pub fn bind(&self, inputs: &[&Input], device: Device) -> Result<Vec<Value>, Vec<Diagnostic>> {
        let mut found = Vec::new();
        let mut chosen: Vec<Option<&Given>> = vec![None; inputs.len()];
        for source in [&self.file, &self.single] {
            let mut seen: Vec<Option<&str>> = vec![None; inputs.len()];
            for (key, given) in source {
                let Some(position) = position_of(key, inputs) else {
                    found.push(unknown_key(key, inputs));
                    continue;
                };
                if let Some(other) = seen.get(position).copied().flatten() {
                    let what = format!("the keys `{other}` and `{key}` give the same input");
                    found.push(Diagnostic::error("E0615", what));
                }
                seen.get_mut(position)
                    .into_iter()
                    .for_each(|slot| *slot = Some(key));
                chosen
                    .get_mut(position)
                    .into_iter()
                    .for_each(|slot| *slot = Some(given));
            }
        }
        let mut values = Vec::with_capacity(inputs.len());
        for (position, (input, given)) in inputs.iter().zip(chosen).enumerate() {
            match convert(input, position, given, device) {
                Ok(value) => values.push(value),
                Err(fault) => found.push(fault),
            }
        }
        if found.is_empty() {
            Ok(values)
        } else {
            Err(found)
        }
    }
}

/// `x=x.npy`, `n=3`, `flag=True`.
fn read_single(text: &str) -> Outcome<(String, Given)> {
    let Some((name, value)) = text.split_once('=') else {
        return Err(Failure::usage(format!(
            "expected `--input NAME=FILE.npy` or `--input NAME=NUMBER`, found `{text}`"
        )));
    };
    let given = match Number::parse(value) {
        Some(number) => Given::Number(number),
        None => Given::Tensor(tensor_file::read_one(Path::new(value))?),
    };
    Ok((name.to_owned(), given))
}

impl Number {
    fn parse(text: &str) -> Option<Self> {
        let as_bool = match text {
            "True" => Some(true),
            "False" => Some(false),
            _ => None,
        };
        let as_int = || text.parse().ok().map(Self::Int);
        let as_float = || text.parse().ok().map(Self::Float);
        as_bool.map(Self::Bool).or_else(as_int).or_else(as_float)
    }

    /// The number in an array without dimensions.
    fn of(host: &HostTensor) -> Result<Option<Self>, String> {
        if !host.shape().is_empty() {
            return Ok(None);
        }
        let eight = |dtype| -> Result<Option<[u8; 8]>, String> {
            let cast = to_host(&to_tensor(host, dtype, Device::CPU)?, Format::Npz)?;
            Ok(cast.bytes().first_chunk().copied())
        };
        let dtype = host.dtype();
        Ok(if dtype == ScalarType::Bool {
            host.bytes().first().map(|byte| Self::Bool(*byte != 0))
        } else if dtype.is_integer() {
            let is_unsigned = dtype == ScalarType::Uint64;
            let value = eight(ScalarType::Int64)?.map(i64::from_ne_bytes);
            // What does not fit wraps around to a negative number.
            value
                .filter(|value| !is_unsigned || *value >= 0)
                .map(Self::Int)
        } else if dtype.is_floating_point() {
            eight(ScalarType::Float64)?.map(|bytes| Self::Float(f64::from_ne_bytes(bytes)))
        } else {
            None
        })
    }

    fn value(self) -> Value {
        match self {
            Self::Int(value) => Value::Int(value),
            Self::Float(value) => Value::Float(value),
            Self::Bool(value) => Value::Bool(value),
        }
    }

    /// The array that NumPy makes of the number.
    fn host(self) -> Option<HostTensor> {
        match self {
            Self::Int(value) => {
                HostTensor::new(ScalarType::Int64, Vec::new(), value.to_ne_bytes().to_vec())
            }
            Self::Float(value) => HostTensor::new(
                ScalarType::Float64,
                Vec::new(),
                value.to_ne_bytes().to_vec(),
            ),
            Self::Bool(value) => {
                HostTensor::new(ScalarType::Bool, Vec::new(), vec![u8::from(value)])
            }
        }
    }

    /// Whether Python would use the number as an element of the dtype without a second thought.
    fn fits(self, dtype: ScalarType) -> bool {
        match self {
            Self::Bool(_) => dtype == ScalarType::Bool,
            Self::Int(_) => dtype != ScalarType::Bool,
            Self::Float(_) => dtype.is_floating_point() || dtype.is_complex(),
        }
    }
}

/// The input that a key means.
fn position_of(key: &str, inputs: &[&Input]) -> Option<usize> {
    let by_number = key
        .parse::<usize>()
        .ok()
        .filter(|position| *position < inputs.len());
    let single_quoted = key.replace('"', "'");
    let by_path = || inputs.iter().position(|input| input.path == single_quoted);
    by_number
        .or_else(by_path)
        .or_else(|| inputs.iter().position(|input| input.name == key))
}

fn unknown_key(key: &str, inputs: &[&Input]) -> Diagnostic {
    // Short names are near to everything.
    let farthest = ((key.len() + 1) / 3).min(2);
    let names = inputs
        .iter()
        .flat_map(|input| [input.path.as_str(), input.name.as_str()]);
    let nearest = names
        .filter(|name| !name.is_empty())
        .map(|name| (strsim::damerau_levenshtein(name, key), name))
        .filter(|(distance, _)| *distance <= farthest)
        .min();
    let fault = Diagnostic::error("E0612", format!("the program has no input `{key}`"))
        .note(listing(inputs));
    match nearest {
        Some((_, name)) => fault.help(format!("did you mean `{name}`")),
        None => fault,
    }
}

/// What inputs there are, with their keys.
fn listing(inputs: &[&Input]) -> String {
    const MOST: usize = 16;
    let mut lines: Vec<_> = inputs
        .iter()
        .enumerate()
        .take(MOST)
        .map(|(position, input)| {
            format!(
                "\"{position}\": `{}`, {}",
                input.path,
                describe(&input.spec)
            )
        })
        .collect();
    if inputs.len() > MOST {
        lines.push(format!("and {} more", inputs.len() - MOST));
    }
    match lines.is_empty() {
        true => "the program takes no inputs".to_owned(),
        false => format!("the inputs are\n{}", lines.join("\n")),
    }
}

/// What an input must be, in the words of PyTorch.
pub fn describe(spec: &InputSpec) -> String {
    match spec {
        InputSpec::Tensor { dtype, sizes } => {
            let dtype = dtype.as_deref().unwrap_or("tensor");
            let sizes = sizes
                .as_ref()
                .map_or_else(|| "..".to_owned(), |sizes| sizes.join(", "));
            format!("{dtype}[{sizes}]")
        }
        InputSpec::Int { .. } => "an int".to_owned(),
        InputSpec::Float { .. } => "a float".to_owned(),
        InputSpec::Bool { .. } => "a bool".to_owned(),
        InputSpec::Str => "a string".to_owned(),
        InputSpec::Constant(value) => format!("the constant {}", constant_text(value)),
        InputSpec::Any => "an object".to_owned(),
    }
}

fn constant_text(value: &Arg) -> String {
    match value {
        Arg::None => "None".to_owned(),
        Arg::Int(value) => value.to_string(),
        Arg::Float(value) => format!("{value:?}"),
        Arg::Bool(true) => "True".to_owned(),
        Arg::Bool(false) => "False".to_owned(),
        Arg::Str(value) => format!("'{value}'"),
        _ => "of the program".to_owned(),
    }
}

fn convert(
    input: &Input,
    position: usize,
    given: Option<&Given>,
    device: Device,
) -> Result<Value, Diagnostic> {
    let fault =
        |what: String| Diagnostic::error("E0614", format!("input `{}`: {what}", input.path));
    let Some(given) = given else {
        return match input.spec {
            InputSpec::Constant(_) | InputSpec::Any => Ok(Value::None),
            _ => Err(missing(input, position)),
        };
    };
    match (&input.spec, given) {
        (InputSpec::Tensor { dtype, .. }, given) => {
            let expected = dtype.as_deref().and_then(ScalarType::from_torch_name);
            tensor(given, expected, device).map_err(fault)
        }
        (InputSpec::Any, Given::Tensor(host)) => to_tensor(host, host.dtype(), device)
            .map(Value::Tensor)
            .map_err(fault),
        (InputSpec::Str, _) => Err(fault(
            "expected a string, which a file of tensors cannot hold".to_owned(),
        )),
        (_, Given::Number(number)) => Ok(number.value()),
        (spec, Given::Tensor(host)) => {
            let number = Number::of(host).map_err(fault)?;
            let found = || format!("expected {}, found {}", describe(spec), describe_host(host));
            number.map(Number::value).ok_or_else(|| fault(found()))
        }
    }
}

fn missing(input: &Input, position: usize) -> Diagnostic {
    let what = format!(
        "the input `{}` is missing, expected {}",
        input.path,
        describe(&input.spec)
    );
    let keys = match input.name == input.path {
        true => format!("its key is \"{position}\" or `{}`", input.name),
        false => format!(
            "its key is \"{position}\", `{}` or `{}`",
            input.path, input.name
        ),
    };
    Diagnostic::error("E0613", what).note(keys)
}

/// A tensor of the placeholder's dtype, or why not.
fn tensor(given: &Given, expected: Option<ScalarType>, device: Device) -> Result<Value, String> {
    let make = |host: &HostTensor, dtype| to_tensor(host, dtype, device).map(Value::Tensor);
    match (given, expected) {
        (Given::Tensor(host), Some(expected)) => {
            let found = host.dtype();
            if found == expected || widened(expected) == Some(found) {
                return make(host, expected);
            }
            let carried =
                widened(expected).map(|dtype| format!(" (given as {})", dtype.torch_name()));
            let expected = expected.torch_name();
            let carried = carried.unwrap_or_default();
            Err(format!(
                "expected the dtype {expected}{carried}, found {}",
                describe_host(host)
            ))
        }
        (Given::Tensor(host), None) => make(host, host.dtype()),
        (Given::Number(number), expected) => {
            let host = number.host().ok_or("the number has no array")?;
            let dtype = expected.unwrap_or(host.dtype());
            match number.fits(dtype) {
                true => make(&host, dtype),
                false => Err(format!(
                    "expected the dtype {}, found a {} number",
                    dtype.torch_name(),
                    host.dtype().torch_name()
                )),
            }
        }
    }
}

fn describe_host(host: &HostTensor) -> String {
    format!("{}{:?}", host.dtype().torch_name(), host.shape())
}

#[cfg(test)]
mod tests {
    use expc_runtime::{plan::InputKind, torch::TensorInfo};

    use super::*;

    fn input(name: &str, path: &str, spec: InputSpec) -> Input {
        Input {
            kind: InputKind::User,
            name: name.to_owned(),
            path: path.to_owned(),
            target: None,
            spec,
        }
    }

    fn float_spec(dtype: &str) -> InputSpec {
        InputSpec::Tensor {
            dtype: Some(dtype.to_owned()),
            sizes: Some(vec!["s77".to_owned(), "2".to_owned()]),
        }
    }

    fn program() -> Vec<Input> {
        vec![
            input("x", "x", float_spec("float32")),
            input("batch_ids", "batch['ids']", float_spec("bfloat16")),
            input(
                "n",
                "n",
                InputSpec::Int {
                    expression: Some("s3".to_owned()),
                },
            ),
            input("scale", "scale", InputSpec::Constant(Arg::Float(0.5))),
        ]
    }

    fn host(dtype: ScalarType, shape: &[usize]) -> HostTensor {
        let length = shape.iter().product::<usize>() * dtype.size();
        HostTensor::new(dtype, shape.to_vec(), vec![0; length]).expect("fits")
    }

    fn bind(given: &[(&str, Given)]) -> Result<Vec<Value>, String> {
        let file = given
            .iter()
            .map(|(key, given)| ((*key).to_owned(), given.clone()))
            .collect();
        let inputs = program();
        let inputs: Vec<_> = inputs.iter().collect();
        let bound = GivenInputs {
            file,
            single: Vec::new(),
        }
        .bind(&inputs, Device::CPU);
        bound.map_err(|found| {
            found
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join("\n")
        })
    }

    fn good() -> Vec<(&'static str, Given)> {
        vec![
            ("0", Given::Tensor(host(ScalarType::Float32, &[3, 2]))),
            (
                "batch['ids']",
                Given::Tensor(host(ScalarType::Float32, &[3, 2])),
            ),
            ("n", Given::Tensor(host(ScalarType::Int32, &[]))),
        ]
    }

    #[test]
    fn positions_names_and_paths_are_keys() {
        let values = bind(&good()).expect("bound");
        let dtypes: Vec<_> = values
            .iter()
            .filter_map(Value::as_tensor)
            .map(|x| TensorInfo::of(x).dtype)
            .collect();
        assert_eq!(
            dtypes,
            [Some(ScalarType::Float32), Some(ScalarType::BFloat16)]
        );
        assert!(matches!(
            values.get(2..),
            Some([Value::Int(0), Value::None])
        ));
        let mut by_name = good();
        by_name[1].0 = "batch_ids";
        assert!(bind(&by_name).is_ok());
        by_name[1].0 = "batch[\"ids\"]";
        assert!(bind(&by_name).is_ok());
    }

    #[test]
    fn constants_may_be_given() {
        let mut given = good();
        given.push(("3", Given::Number(Number::Float(0.5))));
        let values = bind(&given).expect("bound");
        assert!(matches!(values.last(), Some(Value::Float(0.5))));
    }

    #[test]
    fn all_faults_are_reported_with_expected_and_found() {
        let faults = bind(&[
            ("x", Given::Tensor(host(ScalarType::Float64, &[3, 2]))),
            (
                "batch_id",
                Given::Tensor(host(ScalarType::Float32, &[3, 2])),
            ),
            ("n", Given::Tensor(host(ScalarType::Int64, &[1]))),
            ("7", Given::Number(Number::Int(1))),
        ]);
        insta::assert_snapshot!(faults.expect_err("refused"));
    }

    #[test]
    fn one_input_under_two_keys_is_refused() {
        let mut given = good();
        given.push(("x", Given::Tensor(host(ScalarType::Float32, &[3, 2]))));
        let fault = bind(&given).expect_err("refused");
        assert_eq!(
            fault,
            "error[E0615]: the keys `0` and `x` give the same input"
        );
    }

    #[test]
    fn single_inputs_win_over_the_file() {
        let inputs = [input("x", "x", InputSpec::Float { expression: None })];
        let inputs: Vec<_> = inputs.iter().collect();
        let given = |value| vec![("x".to_owned(), Given::Number(Number::Float(value)))];
        let bound = GivenInputs {
            file: given(1.0),
            single: given(2.0),
        }
        .bind(&inputs, Device::CPU)
        .expect("bound");
        assert!(matches!(bound.as_slice(), [Value::Float(2.0)]));
    }

    #[test]
    fn numbers_are_read_as_python_writes_them() {
        for (text, number) in [
            ("3", Some(Number::Int(3))),
            ("-3", Some(Number::Int(-3))),
            ("2.5", Some(Number::Float(2.5))),
            ("1e-3", Some(Number::Float(0.001))),
            ("inf", Some(Number::Float(f64::INFINITY))),
            ("True", Some(Number::Bool(true))),
            ("False", Some(Number::Bool(false))),
            ("x.npy", None),
            ("", None),
        ] {
            assert_eq!(Number::parse(text), number, "{text}");
        }
    }

    #[test]
    fn a_number_fits_tensors_of_its_kind() {
        let tensor =
            |number, dtype| tensor(&Given::Number(number), Some(dtype), Device::CPU).is_ok();
        assert!(tensor(Number::Int(3), ScalarType::Float32));
        assert!(tensor(Number::Float(0.5), ScalarType::BFloat16));
        assert!(!tensor(Number::Float(0.5), ScalarType::Int64));
        assert!(!tensor(Number::Int(1), ScalarType::Bool));
    }

    #[test]
    fn a_number_too_large_for_an_int_is_refused() {
        let host = HostTensor::new(ScalarType::Uint64, vec![], u64::MAX.to_ne_bytes().to_vec())
            .expect("one");
        assert_eq!(Number::of(&host).expect("read"), None);
    }
}
