//! The arguments of a call as exported programs have them: what equals its default is left out where it can be.

use expc_dialects::{
    Constant,
    table::{DefaultValue, OpDef, Type},
};

use super::graph::{Arg, CallArg};

/// The arguments of a call from those that were given, by schema position; none where nothing was given.
///
/// Positional arguments at the end that equal their defaults are left out, and so are such arguments by keyword. A
/// positional argument that was not given although a later one was is filled in with its default.
pub fn call_args(def: &OpDef, given: Vec<Option<Arg>>) -> Vec<CallArg> {
    let schema_args = &def.schema.args;
    let mut given: Vec<Option<Arg>> = given;
    given.resize(schema_args.len(), None);
    let stands_for_default = |position: usize, arg: &Option<Arg>| {
        let schema = schema_args.get(position);
        match (schema.and_then(|schema| schema.default.as_ref()), arg) {
            (_, None) => true,
            (Some(default), Some(Arg::Constant(constant))) => is_default(constant, default),
            (Some(default), Some(Arg::List(elements))) => is_default_list(elements, default),
            _ => false,
        }
    };
    let last_given = given.iter().enumerate().rev().find_map(|(position, arg)| {
        let by_position = schema_args.get(position).is_some_and(|arg| !arg.kwarg_only);
        (by_position && !stands_for_default(position, arg)).then_some(position)
    });
    let mut args = Vec::new();
    for (position, (schema, arg)) in schema_args.iter().zip(given).enumerate() {
        let is_needed = match schema.kwarg_only {
            true => !stands_for_default(position, &arg),
            false => last_given.is_some_and(|last| position <= last),
        };
        if !is_needed {
            continue;
        }
        let default = || {
            schema
                .default
                .as_ref()
                .map(|default| constant(default, &schema.ty))
        };
        if let Some(value) = arg.or_else(|| default().map(Arg::Constant)) {
            args.push(CallArg::new(schema.name, value));
        }
    }
    args
}

fn is_default_list(elements: &[Arg], default: &DefaultValue<'_>) -> bool {
    let constants: Option<Vec<Constant>> = elements
        .iter()
        .map(|element| match element {
            Arg::Constant(constant) => Some(constant.clone()),
            _ => None,
        })
        .collect();
    constants.is_some_and(|constants| is_default(&Constant::List(constants), default))
}

/// Whether a constant is this default.
fn is_default(given: &Constant, default: &DefaultValue<'_>) -> bool {
    match (given, default) {
        (Constant::None, DefaultValue::None) => true,
        (Constant::Int(given), DefaultValue::Int(default)) => given == default,
        (Constant::Float(given), DefaultValue::Float(default)) => given == default,
        (Constant::Float(given), DefaultValue::Int(default)) => *given == *default as f64,
        (Constant::Bool(given), DefaultValue::Bool(default)) => given == default,
        (Constant::Str(given), DefaultValue::Str(default)) => given == default,
        (Constant::Ints(given), DefaultValue::IntList(default)) => given == default,
        (Constant::Ints(given), DefaultValue::Int(default)) => {
            given.iter().all(|element| element == default)
        }
        (Constant::Floats(given), DefaultValue::FloatList(default)) => given == default,
        (Constant::Bools(given), DefaultValue::BoolList(default)) => given == default,
        (Constant::MemoryFormat(given), DefaultValue::Int(default)) => {
            memory_format(*default) == given
        }
        (Constant::MemoryFormat(given), DefaultValue::EnumName(default)) => given == default,
        (Constant::List(given), DefaultValue::IntList(default)) => {
            given.len() == default.len()
                && given
                    .iter()
                    .zip(default)
                    .all(|(given, default)| *given == Constant::Int(*default))
        }
        _ => false,
    }
}

/// Torch's name for a memory format that a schema writes as its number.
fn memory_format(number: i64) -> &'static str {
    match number {
        1 => "preserve_format",
        2 => "channels_last",
        3 => "channels_last_3d",
        _ => "contiguous_format",
    }
}

/// A default as an argument.
fn constant(default: &DefaultValue<'_>, ty: &Type<'_>) -> Constant {
    match default {
        DefaultValue::None => Constant::None,
        DefaultValue::Int(value) => match ty.without_optional() {
            Type::MemoryFormat => Constant::MemoryFormat(memory_format(*value).to_owned()),
            Type::Float => Constant::Float(*value as f64),
            _ => Constant::Int(*value),
        },
        DefaultValue::Float(value) => Constant::Float(*value),
        DefaultValue::Bool(value) => Constant::Bool(*value),
        DefaultValue::Str(text) => Constant::Str(text.to_string()),
        DefaultValue::IntList(values) => Constant::Ints(values.clone()),
        DefaultValue::FloatList(values) => Constant::Floats(values.clone()),
        DefaultValue::BoolList(values) => Constant::Bools(values.clone()),
        DefaultValue::StrList(values) => Constant::List(
            values
                .iter()
                .map(|text| Constant::Str(text.to_string()))
                .collect(),
        ),
        DefaultValue::EnumName(name) => Constant::MemoryFormat(name.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use expc_dialects::table;

    use super::*;

    /// The names of the arguments that a call keeps.
    fn kept(op: &str, given: &[(&str, Constant)]) -> Vec<String> {
        let def = table::lookup(op).expect("an op");
        let mut args = vec![None; def.schema.args.len()];
        for (name, constant) in given {
            let (position, _) = def.schema.arg(name).expect("an argument");
            args[position] = Some(Arg::Constant(constant.clone()));
        }
        let kept = call_args(def, args).into_iter();
        kept.map(|arg| format!("{}={:?}", arg.name, arg.value))
            .collect()
    }

    #[test]
    fn defaults_at_the_end_are_left_out() {
        let keep_dim = ("keepdim", Constant::Bool(false));
        let dims = ("dim", Constant::Ints(vec![1]));
        let kept = kept("aten.sum.dim_IntList", &[dims, keep_dim]);
        assert_eq!(kept, ["dim=Constant(Ints([1]))"]);
    }

    #[test]
    fn a_later_argument_brings_the_defaults_before_it() {
        let step = ("step", Constant::Int(2));
        assert_eq!(
            kept("aten.slice.Tensor", &[step]),
            [
                "dim=Constant(Int(0))",
                "start=Constant(None)",
                "end=Constant(None)",
                "step=Constant(Int(2))"
            ]
        );
    }

    #[test]
    fn keyword_arguments_stand_alone() {
        let alpha = ("alpha", Constant::Int(2));
        assert_eq!(
            kept("aten.add.Tensor", &[alpha]),
            ["alpha=Constant(Int(2))"]
        );
        let alpha = ("alpha", Constant::Int(1));
        assert!(kept("aten.add.Tensor", &[alpha]).is_empty());
    }
}
