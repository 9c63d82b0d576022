//! How callers see a program: the pytrees of its inputs and outputs.

use std::collections::HashMap;

use expc_dialects::{Diagnostic, Program};
use expc_pt2::{Limits, Map, ModuleCallSignature, NamedTupleDef, Str, TreeSpec};

/// The pytrees of a program.
#[derive(Clone, Debug, Default)]
pub struct CallingConvention {
    /// A tuple of positional arguments and a dictionary of keyword arguments; none if the program does not say.
    pub inputs: Option<TreeSpec>,
    pub outputs: Option<TreeSpec>,
    /// How Python reaches each user input, constants included: `x`, `batch['ids'][0]`.
    pub input_paths: Vec<String>,
}

/// Reads the pytrees that the program carries.
///
/// # Errors
/// The text of a pytree is damaged.
pub fn calling_convention(program: &Program<'_, '_>) -> Result<CallingConvention, Diagnostic> {
    let calls = program.module_call_graph();
    let Some((_, json)) = calls
        .iter()
        .find(|(fqn, json)| fqn.is_empty() && !json.is_empty())
    else {
        return Ok(CallingConvention::default());
    };
    let damaged = |what: &str, error: &dyn std::fmt::Display| {
        Diagnostic::error(
            "E0103",
            format!("the {what} of the program is damaged: {error}"),
        )
    };
    let signature: ModuleCallSignature<'_> =
        serde_json::from_str(json).map_err(|error| damaged("call signature", &error))?;
    let namedtuples = program.namedtuples().unwrap_or_else(|| "{}".to_owned());
    let namedtuples: HashMap<Str<'_>, NamedTupleDef<'_>> =
        serde_json::from_str(&namedtuples).map_err(|error| damaged("namedtuple table", &error))?;
    let namedtuples: Map<'_, NamedTupleDef<'_>> = namedtuples.into_iter().collect();
    let parse = |what: &str, text: &str| match text {
        "" => Ok(None),
        text => TreeSpec::parse(text, &namedtuples, &Limits::default())
            .map(Some)
            .map_err(|error| damaged(what, &error)),
    };
    let inputs = parse("input pytree", signature.in_spec.as_str())?;
    let outputs = parse("output pytree", signature.out_spec.as_str())?;
    let input_paths = match &inputs {
        Some(inputs) => inputs
            .as_call()
            .map_err(|error| damaged("input pytree", &error))?
            .leaf_paths(signature.forward_arg_names.as_deref()),
        None => Vec::new(),
    };
    Ok(CallingConvention {
        inputs,
        outputs,
        input_paths,
    })
}
