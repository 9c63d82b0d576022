//! From schemas to the source of methods.
//!
//! An op whose first argument is a tensor is a method of `Tensor`, another one of `Tracer`. The name is torch's with the
//! overload in snake case (`add_tensor`), in-place ops end in `_inplace`. Arguments without a default are parameters; an op
//! that has others too has a second method that takes them as options (`add_tensor_with`).

use std::{collections::BTreeSet, fmt::Write as _};

use expc_schema::{Arg, OpSchema, SchemaKind, Type, parse_tagged};

/// Words that no method is named, and methods that are written by hand or would hide one of Rust's.
const TAKEN: &[&str] = &[
    "as", "box", "break", "clone", "const", "dim", "else", "eq", "fn", "for", "if", "in", "item",
    "loop", "match", "mod", "move", "ne", "numel", "pow", "ref", "shape", "size", "slice", "type",
    "use", "where", "while", "yield",
];

/// The source of all methods.
pub fn source(schemas: &str) -> Result<String, String> {
    let (mut of_tensor, mut of_tracer) = (String::new(), String::new());
    let mut names = BTreeSet::new();
    for line in schemas.lines().filter(|line| !line.starts_with('#')) {
        let (schema, _) = parse_tagged(line).map_err(|error| error.to_string())?;
        let Some(method) = Method::of(&schema) else {
            continue;
        };
        if !names.insert((method.is_of_tensor, method.name.clone())) {
            return Err(format!("two ops have the method `{}`", method.name));
        }
        let target = if method.is_of_tensor {
            &mut of_tensor
        } else {
            &mut of_tracer
        };
        method.write(target);
    }
    Ok(format!(
        "impl Tensor {{\n{of_tensor}}}\n\nimpl Tracer {{\n{of_tracer}}}\n"
    ))
}

/// How a parameter is written.
struct Parameter {
    name: String,
    /// The Rust type of a required parameter, and of the optional one.
    required: String,
    optional: String,
    /// From the parameter to `Option<Operand>`.
    convert: String,
    convert_option: String,
    has_default: bool,
}

struct Method<'s> {
    schema: &'s OpSchema<'s>,
    name: String,
    is_of_tensor: bool,
    parameters: Vec<Option<Parameter>>,
    returns: Vec<Returned>,
}

#[derive(Clone, Copy)]
enum Returned {
    Tensor,
    Tensors,
}

impl<'s> Method<'s> {
    /// The method of an op; none if it has none.
    fn of(schema: &'s OpSchema<'s>) -> Option<Self> {
        let is_hidden = schema.name.starts_with('_') || schema.name.chars().next()?.is_uppercase();
        let is_written = matches!(schema.kind(), SchemaKind::Functional | SchemaKind::Inplace);
        if is_hidden
            || !is_written
            || schema.is_vararg
            || schema.is_varret
            || schema.mutates_others()
        {
            return None;
        }
        let is_of_tensor = matches!(schema.args.first()?.ty, Type::Tensor);
        let mut parameters = Vec::new();
        for (position, arg) in schema.args.iter().enumerate() {
            let is_self = position == 0 && is_of_tensor;
            parameters.push(match arg.ty.without_optional() {
                _ if is_self => None,
                Type::Generator if arg.default.is_some() || arg.ty.is_optional() => None,
                _ => Some(parameter(arg)?),
            });
        }
        let returns: Vec<Returned> = schema
            .returns
            .iter()
            .map(|returned| match &returned.ty {
                Type::Tensor => Some(Returned::Tensor),
                Type::List(element, _) if matches!(**element, Type::Tensor) => {
                    Some(Returned::Tensors)
                }
                _ => None,
            })
            .collect::<Option<_>>()?;
        let takes_tensors = schema.args.iter().any(|arg| arg.ty.is_tensor_like());
        let is_factory = schema.args.iter().any(|arg| arg.name == "pin_memory");
        if !takes_tensors && !is_factory {
            return None;
        }
        Some(Self {
            schema,
            name: method_name(schema),
            is_of_tensor,
            parameters,
            returns,
        })
    }

    fn write(&self, target: &mut String) {
        let has_options = self
            .parameters
            .iter()
            .flatten()
            .any(|parameter| parameter.has_default);
        self.write_one(target, false);
        if has_options {
            self.write_one(target, true);
        }
    }

    fn write_one(&self, target: &mut String, with_options: bool) {
        let (mut parameters, mut given) = (String::new(), String::new());
        for (position, parameter) in self.parameters.iter().enumerate() {
            let Some(parameter) = parameter else {
                let is_self = position == 0 && self.is_of_tensor;
                given.push_str(if is_self {
                    "Some(self.into()), "
                } else {
                    "None, "
                });
                continue;
            };
            let Parameter { name, .. } = parameter;
            let value = match (parameter.has_default, with_options) {
                (false, _) => {
                    let _ = write!(parameters, ", {name}: {}", parameter.required);
                    parameter.convert.clone()
                }
                (true, false) => "None".to_owned(),
                (true, true) => {
                    let _ = write!(parameters, ", {name}: {}", parameter.optional);
                    parameter.convert_option.clone()
                }
            };
            let _ = write!(given, "{}, ", self.with_torch_default(name, value));
        }
        let suffix = if with_options { "_with" } else { "" };
        let (result, body) = self.result();
        let _ = write!(
            target,
            "    /// `{}`: `{}`\n    #[track_caller]\n    pub fn {}{suffix}(&self{parameters}){result} {{\n        \
             let mut outcomes = self.call_op({:?}, vec![{given}]);\n        {body}\n    }}\n\n",
            self.op(),
            self.schema,
            self.name,
            self.op(),
        );
    }

    /// What Python's functions give although the schema has a default.
    fn with_torch_default(&self, name: &str, value: String) -> String {
        let is_factory = self.schema.args.iter().any(|arg| arg.name == "pin_memory");
        match name {
            "pin_memory" if is_factory => format!("{value}.or(Some(false.into()))"),
            "device" if is_factory && !self.is_of_tensor => {
                format!("{value}.or_else(|| Some(Device::from(\"cpu\").into()))")
            }
            _ => value,
        }
    }

    /// `aten.add.Tensor`.
    fn op(&self) -> String {
        self.schema.full_name()
    }

    fn result(&self) -> (String, String) {
        let is_inplace = matches!(self.schema.kind(), SchemaKind::Inplace);
        if is_inplace && self.is_of_tensor && self.returns.len() == 1 {
            let body = "let result = outcomes.tensor();\n        self.become_result(&result);\n        result";
            return (" -> Tensor".to_owned(), body.to_owned());
        }
        let types: Vec<&str> = self
            .returns
            .iter()
            .map(|returned| match returned {
                Returned::Tensor => "Tensor",
                Returned::Tensors => "Vec<Tensor>",
            })
            .collect();
        let takes: Vec<&str> = self
            .returns
            .iter()
            .map(|returned| match returned {
                Returned::Tensor => "outcomes.tensor()",
                Returned::Tensors => "outcomes.tensors()",
            })
            .collect();
        match (types.as_slice(), takes.as_slice()) {
            ([], _) => (String::new(), "let _ = &mut outcomes;".to_owned()),
            ([only], [take]) => (format!(" -> {only}"), (*take).to_owned()),
            _ => (
                format!(" -> ({})", types.join(", ")),
                format!("({})", takes.join(", ")),
            ),
        }
    }
}

/// Facts that only this file asks for.
trait Mutation {
    /// Whether an argument other than the first one of an in-place op is written to.
    fn mutates_others(&self) -> bool;
}

impl Mutation for OpSchema<'_> {
    fn mutates_others(&self) -> bool {
        let written = self
            .args
            .iter()
            .enumerate()
            .filter(|(_, arg)| arg.is_written());
        let is_inplace = matches!(self.kind(), SchemaKind::Inplace);
        written
            .into_iter()
            .any(|(position, _)| position > 0 || !is_inplace)
    }
}

fn parameter(arg: &Arg<'_>) -> Option<Parameter> {
    let name = match arg.name {
        "self" | "in" | "mod" | "type" | "where" | "match" | "move" | "fn" | "ref" | "unsafe" => {
            format!("{}_", arg.name)
        }
        name => snake_case(name),
    };
    let is_optional = arg.ty.is_optional();
    // The type where it is required, and the one inside the option.
    let (required, inner) = match arg.ty.without_optional() {
        Type::Tensor if is_optional => ("Option<&Tensor>", "&Tensor"),
        Type::Tensor => ("impl Into<Operand>", "&Tensor"),
        Type::Int => ("i64", "i64"),
        Type::SymInt => ("impl Into<SymInt>", "SymInt"),
        Type::Float => ("f64", "f64"),
        Type::Bool => ("bool", "bool"),
        Type::Scalar => ("impl Into<Operand>", "Operand"),
        Type::Str => ("&str", "&str"),
        Type::ScalarType => ("ScalarType", "ScalarType"),
        Type::Layout => ("Layout", "Layout"),
        Type::Device => ("Device", "Device"),
        Type::MemoryFormat => ("MemoryFormat", "MemoryFormat"),
        Type::List(element, _) => match &**element {
            Type::Int | Type::SymInt => ("impl IntoSizes", "Vec<SymInt>"),
            Type::Float => ("&[f64]", "&[f64]"),
            Type::Bool => ("&[bool]", "&[bool]"),
            Type::Tensor => ("impl Into<Operand>", "&[Tensor]"),
            Type::Optional(element) if matches!(**element, Type::Tensor) => {
                ("&[Option<&Tensor>]", "&[Option<&Tensor>]")
            }
            _ => return None,
        },
        _ => return None,
    };
    let is_list = matches!(inner, "Vec<SymInt>");
    let given_option = |name: &str| match is_list {
        true => format!("{name}.map(|sizes| sizes.into_sizes())"),
        false => format!("{name}.map(Operand::from)"),
    };
    let is_plain = !required.starts_with("impl") && !required.starts_with("Option");
    let (required, convert) = match required {
        "impl IntoSizes" => (required.to_owned(), format!("Some({name}.into_sizes())")),
        "impl Into<SymInt>" if !is_optional => (
            required.to_owned(),
            format!("Some(Operand::from({name}.into()))"),
        ),
        "impl Into<SymInt>" => (
            "Option<SymInt>".to_owned(),
            format!("Some(or_none({name}))"),
        ),
        _ if is_optional && is_plain => {
            (format!("Option<{inner}>"), format!("Some(or_none({name}))"))
        }
        _ => (required.to_owned(), format!("Some({name}.into())")),
    };
    Some(Parameter {
        required,
        optional: format!("Option<{inner}>"),
        convert,
        convert_option: given_option(&name),
        name,
        has_default: arg.default.is_some(),
    })
}

/// `add_tensor` of `add.Tensor`, `relu_inplace` of `relu_`.
fn method_name(schema: &OpSchema<'_>) -> String {
    let (base, is_inplace) = match schema.name.strip_suffix('_') {
        Some(base) => (base, true),
        None => (schema.name, false),
    };
    let mut name = snake_case(base);
    if !schema.overload.is_empty() {
        let _ = write!(name, "_{}", snake_case(schema.overload));
    }
    if is_inplace {
        name.push_str("_inplace");
    }
    if TAKEN.contains(&name.as_str()) {
        name.push_str("_default");
    }
    name
}

fn snake_case(name: &str) -> String {
    let mut snake = String::new();
    let mut before_is_lower = false;
    for c in name.chars() {
        if c.is_uppercase() && before_is_lower {
            snake.push('_');
        }
        before_is_lower = c.is_lowercase() || c.is_ascii_digit();
        if c != '_' || !snake.ends_with('_') {
            snake.extend(c.to_lowercase());
        }
    }
    snake
}
