//! The graph signature: what each input and output of the root graph is.

use serde::Deserialize;

use super::argument::{Argument, CustomObjArgument, Named};
use super::text::{Float, Str, union};

/// One spec per graph input and per graph output, in the same order.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct GraphSignature<'a> {
    #[serde(borrow)]
    pub input_specs: Vec<InputSpec<'a>>,
    pub output_specs: Vec<OutputSpec<'a>>,
}

/// What an input of the graph is.
#[derive(Clone, Debug, PartialEq)]
pub enum InputSpec<'a> {
    /// A tensor, symbolic scalar or object that the caller gives.
    UserInput { arg: Argument<'a> },
    /// A parameter of the state dict.
    Parameter {
        name: Str<'a>,
        parameter_name: Str<'a>,
    },
    /// A buffer; one that is not persistent is among the constants and not in the state dict.
    Buffer {
        name: Str<'a>,
        buffer_name: Str<'a>,
        persistent: bool,
    },
    /// A tensor constant.
    TensorConstant {
        name: Str<'a>,
        tensor_constant_name: Str<'a>,
    },
    /// A TorchBind object; `custom_obj_name` is its key among the constants.
    CustomObj {
        arg: CustomObjArgument<'a>,
        custom_obj_name: Str<'a>,
    },
    /// A token that orders effects.
    Token { name: Str<'a> },
    /// An argument of the call that tracing fixed. 2.3 has no name for it, and it is empty.
    ConstantInput {
        name: Str<'a>,
        value: ConstantValue<'a>,
    },
}

union!("an input spec", InputSpec<'a>, {
    "user_input" => |spec: ArgSpec<'a>| user_input(spec.arg),
    "parameter" => |spec: ParameterSpec<'a>| InputSpec::Parameter {
        name: spec.arg.0,
        parameter_name: spec.parameter_name,
    },
    "buffer" => |spec: InputBufferSpec<'a>| InputSpec::Buffer {
        name: spec.arg.0,
        buffer_name: spec.buffer_name,
        persistent: spec.persistent,
    },
    "tensor_constant" => |spec: TensorConstantSpec<'a>| InputSpec::TensorConstant {
        name: spec.arg.0,
        tensor_constant_name: spec.tensor_constant_name,
    },
    "custom_obj" => |spec: CustomObjSpec<'a>| InputSpec::CustomObj {
        arg: spec.arg,
        custom_obj_name: spec.custom_obj_name,
    },
    "token" => |spec: NameSpec<'a>| InputSpec::Token { name: spec.arg.0 },
    "constant_input" => |spec: ConstantInputSpec<'a>| InputSpec::ConstantInput { name: spec.name, value: spec.value },
});

impl<'a> InputSpec<'a> {
    /// The tag that the file uses for this kind of input.
    pub fn tag(&self) -> &'static str {
        match self {
            InputSpec::UserInput { .. } => "user_input",
            InputSpec::Parameter { .. } => "parameter",
            InputSpec::Buffer { .. } => "buffer",
            InputSpec::TensorConstant { .. } => "tensor_constant",
            InputSpec::CustomObj { .. } => "custom_obj",
            InputSpec::Token { .. } => "token",
            InputSpec::ConstantInput { .. } => "constant_input",
        }
    }

    /// The name of the graph's input; none of a constant, and none of a user input that is a list.
    pub fn name(&self) -> Option<&Str<'a>> {
        match self {
            InputSpec::UserInput { arg } => arg.single_name(),
            InputSpec::Parameter { name, .. }
            | InputSpec::Buffer { name, .. }
            | InputSpec::TensorConstant { name, .. }
            | InputSpec::Token { name } => Some(name),
            InputSpec::CustomObj { arg, .. } => Some(&arg.name),
            InputSpec::ConstantInput { .. } => None,
        }
    }

    /// The key of the weights or constants that this input is bound to.
    pub fn target(&self) -> Option<&Str<'a>> {
        match self {
            InputSpec::Parameter {
                parameter_name: target,
                ..
            }
            | InputSpec::Buffer {
                buffer_name: target,
                ..
            }
            | InputSpec::TensorConstant {
                tensor_constant_name: target,
                ..
            }
            | InputSpec::CustomObj {
                custom_obj_name: target,
                ..
            } => Some(target),
            InputSpec::UserInput { .. }
            | InputSpec::Token { .. }
            | InputSpec::ConstantInput { .. } => None,
        }
    }
}

/// A user input as 2.3 writes it may be a constant, which later versions write as `constant_input`.
fn user_input<'a>(arg: Argument<'a>) -> InputSpec<'a> {
    let value = match arg {
        Argument::None => ConstantValue::None,
        Argument::Int(value) => ConstantValue::Int(value),
        Argument::Float(value) => ConstantValue::Float(value),
        Argument::String(text) => ConstantValue::String(text),
        Argument::Bool(value) => ConstantValue::Bool(value),
        arg => return InputSpec::UserInput { arg },
    };
    InputSpec::ConstantInput {
        name: Str::default(),
        value,
    }
}

/// The value of a constant input.
#[derive(Clone, Debug, PartialEq)]
pub enum ConstantValue<'a> {
    None,
    Int(i64),
    Float(f64),
    String(Str<'a>),
    Bool(bool),
}

union!("a constant value", ConstantValue<'a>, {
    "as_none" => |_: serde::de::IgnoredAny| ConstantValue::None,
    "as_int" => |value: i64| ConstantValue::Int(value),
    "as_float" => |value: Float| ConstantValue::Float(value.0),
    "as_string" => |text: Str<'a>| ConstantValue::String(text),
    "as_bool" => |value: bool| ConstantValue::Bool(value),
});

/// What an output of the graph is; mutations come before user outputs.
#[derive(Clone, Debug, PartialEq)]
pub enum OutputSpec<'a> {
    /// Returned to the caller; may be a constant.
    UserOutput { arg: Argument<'a> },
    /// The loss of a training graph.
    LossOutput { name: Str<'a> },
    /// The new value of a buffer.
    BufferMutation { name: Str<'a>, buffer_name: Str<'a> },
    /// The new value of a parameter.
    ParameterMutation {
        name: Str<'a>,
        parameter_name: Str<'a>,
    },
    /// The new value of a user input, which the file names by its placeholder.
    UserInputMutation {
        name: Str<'a>,
        user_input_name: Str<'a>,
    },
    /// The gradient of a parameter.
    GradientToParameter {
        name: Str<'a>,
        parameter_name: Str<'a>,
    },
    /// The gradient of a user input.
    GradientToUserInput {
        name: Str<'a>,
        user_input_name: Str<'a>,
    },
    /// A token that orders effects.
    Token { name: Str<'a> },
}

union!("an output spec", OutputSpec<'a>, {
    "user_output" => |spec: ArgSpec<'a>| OutputSpec::UserOutput { arg: spec.arg },
    "loss_output" => |spec: NameSpec<'a>| OutputSpec::LossOutput { name: spec.arg.0 },
    "buffer_mutation" => |spec: OutputBufferSpec<'a>| OutputSpec::BufferMutation {
        name: spec.arg.0,
        buffer_name: spec.buffer_name,
    },
    "gradient_to_parameter" => |spec: ParameterSpec<'a>| OutputSpec::GradientToParameter {
        name: spec.arg.0,
        parameter_name: spec.parameter_name,
    },
    "gradient_to_user_input" => |spec: UserInputNameSpec<'a>| OutputSpec::GradientToUserInput {
        name: spec.arg.0,
        user_input_name: spec.user_input_name,
    },
    "user_input_mutation" => |spec: UserInputNameSpec<'a>| OutputSpec::UserInputMutation {
        name: spec.arg.0,
        user_input_name: spec.user_input_name,
    },
    "token" => |spec: NameSpec<'a>| OutputSpec::Token { name: spec.arg.0 },
    "parameter_mutation" => |spec: ParameterSpec<'a>| OutputSpec::ParameterMutation {
        name: spec.arg.0,
        parameter_name: spec.parameter_name,
    },
});

impl<'a> OutputSpec<'a> {
    /// The tag that the file uses for this kind of output.
    pub fn tag(&self) -> &'static str {
        match self {
            OutputSpec::UserOutput { .. } => "user_output",
            OutputSpec::LossOutput { .. } => "loss_output",
            OutputSpec::BufferMutation { .. } => "buffer_mutation",
            OutputSpec::ParameterMutation { .. } => "parameter_mutation",
            OutputSpec::UserInputMutation { .. } => "user_input_mutation",
            OutputSpec::GradientToParameter { .. } => "gradient_to_parameter",
            OutputSpec::GradientToUserInput { .. } => "gradient_to_user_input",
            OutputSpec::Token { .. } => "token",
        }
    }

    /// The name of the value that is returned; none of a constant.
    pub fn name(&self) -> Option<&Str<'a>> {
        match self {
            OutputSpec::UserOutput { arg } => arg.single_name(),
            OutputSpec::LossOutput { name }
            | OutputSpec::BufferMutation { name, .. }
            | OutputSpec::ParameterMutation { name, .. }
            | OutputSpec::UserInputMutation { name, .. }
            | OutputSpec::GradientToParameter { name, .. }
            | OutputSpec::GradientToUserInput { name, .. }
            | OutputSpec::Token { name } => Some(name),
        }
    }

    /// The parameter, buffer or user input that this output is about.
    pub fn target(&self) -> Option<&Str<'a>> {
        match self {
            OutputSpec::BufferMutation {
                buffer_name: target,
                ..
            }
            | OutputSpec::ParameterMutation {
                parameter_name: target,
                ..
            }
            | OutputSpec::GradientToParameter {
                parameter_name: target,
                ..
            }
            | OutputSpec::UserInputMutation {
                user_input_name: target,
                ..
            }
            | OutputSpec::GradientToUserInput {
                user_input_name: target,
                ..
            } => Some(target),
            OutputSpec::UserOutput { .. }
            | OutputSpec::LossOutput { .. }
            | OutputSpec::Token { .. } => None,
        }
    }
}

#[derive(Deserialize)]
struct ArgSpec<'a> {
    #[serde(borrow)]
    arg: Argument<'a>,
}

#[derive(Deserialize)]
struct NameSpec<'a> {
    #[serde(borrow)]
    arg: Named<'a>,
}

#[derive(Deserialize)]
struct ParameterSpec<'a> {
    #[serde(borrow)]
    arg: Named<'a>,
    parameter_name: Str<'a>,
}

#[derive(Deserialize)]
struct InputBufferSpec<'a> {
    #[serde(borrow)]
    arg: Named<'a>,
    buffer_name: Str<'a>,
    persistent: bool,
}

#[derive(Deserialize)]
struct OutputBufferSpec<'a> {
    #[serde(borrow)]
    arg: Named<'a>,
    buffer_name: Str<'a>,
}

#[derive(Deserialize)]
struct TensorConstantSpec<'a> {
    #[serde(borrow)]
    arg: Named<'a>,
    tensor_constant_name: Str<'a>,
}

#[derive(Deserialize)]
struct UserInputNameSpec<'a> {
    #[serde(borrow)]
    arg: Named<'a>,
    user_input_name: Str<'a>,
}

#[derive(Deserialize)]
struct CustomObjSpec<'a> {
    #[serde(borrow)]
    arg: CustomObjArgument<'a>,
    custom_obj_name: Str<'a>,
}

#[derive(Deserialize)]
struct ConstantInputSpec<'a> {
    #[serde(borrow)]
    name: Str<'a>,
    value: ConstantValue<'a>,
}
