//! The module that each call belongs to: what the code says, or what the names of its weights tell.

use expc_runtime::torch::record::{RecordedCall, RecordedValue, Recording, ValueNumber};
use rustc_hash::{FxHashMap, FxHashSet};

use super::{capture::NamedWeight, emit::visit_tensors, scope::ScopeEntry};
use crate::trace::stack::{self, ModuleCall};

/// The class of a module of which nothing else is known: Rust has none at run time.
const CLASS: &str = "torch.nn.modules.module.Module";

/// The modules of PyTorch that call one operator. Those with `{}` have the number of sizes that they are made for.
const CLASSES: &[(&str, &str)] = &[
    ("aten.linear.default", "torch.nn.modules.linear.Linear"),
    ("aten.conv1d.default", "torch.nn.modules.conv.Conv1d"),
    ("aten.conv1d.padding", "torch.nn.modules.conv.Conv1d"),
    ("aten.conv2d.default", "torch.nn.modules.conv.Conv2d"),
    ("aten.conv2d.padding", "torch.nn.modules.conv.Conv2d"),
    ("aten.conv3d.default", "torch.nn.modules.conv.Conv3d"),
    ("aten.conv3d.padding", "torch.nn.modules.conv.Conv3d"),
    (
        "aten.conv_transpose1d.default",
        "torch.nn.modules.conv.ConvTranspose1d",
    ),
    (
        "aten.conv_transpose2d.input",
        "torch.nn.modules.conv.ConvTranspose2d",
    ),
    (
        "aten.conv_transpose3d.input",
        "torch.nn.modules.conv.ConvTranspose3d",
    ),
    (
        "aten.batch_norm.default",
        "torch.nn.modules.batchnorm.BatchNorm{}d",
    ),
    (
        "aten.instance_norm.default",
        "torch.nn.modules.instancenorm.InstanceNorm{}d",
    ),
    (
        "aten.layer_norm.default",
        "torch.nn.modules.normalization.LayerNorm",
    ),
    (
        "aten.group_norm.default",
        "torch.nn.modules.normalization.GroupNorm",
    ),
    (
        "aten.rms_norm.default",
        "torch.nn.modules.normalization.RMSNorm",
    ),
    (
        "aten.embedding.default",
        "torch.nn.modules.sparse.Embedding",
    ),
    ("aten.prelu.default", "torch.nn.modules.activation.PReLU"),
    ("aten.lstm.input", "torch.nn.modules.rnn.LSTM"),
    ("aten.gru.input", "torch.nn.modules.rnn.GRU"),
    ("aten.rnn_tanh.input", "torch.nn.modules.rnn.RNN"),
    ("aten.rnn_relu.input", "torch.nn.modules.rnn.RNN"),
];

/// The modules of each call.
#[derive(Debug)]
pub(super) struct ModulePaths {
    by_call: Vec<Vec<ModuleCall>>,
}

impl ModulePaths {
    /// A call without a scope belongs to the module whose weights it uses. One without either stands between two that
    /// have one, and belongs to what their paths have in common.
    pub fn of(
        recording: &Recording,
        scopes: &[ScopeEntry],
        numbers: &[ValueNumber],
        weights: &[NamedWeight],
    ) -> Self {
        let names: FxHashMap<ValueNumber, &str> = numbers
            .iter()
            .zip(weights)
            .map(|(number, weight)| (*number, module_of(&weight.name)))
            .collect();
        let calls = &recording.calls;
        let known: Vec<Option<String>> = calls
            .iter()
            .map(|call| known_path(call, scopes, &names))
            .collect();
        let mut after = vec![None; known.len()];
        let mut next: Option<&str> = None;
        for (position, path) in known.iter().enumerate().rev() {
            next = path.as_deref().or(next);
            if let Some(slot) = after.get_mut(position) {
                *slot = next;
            }
        }
        let mut before: Option<&str> = None;
        let mut by_call = Vec::with_capacity(known.len());
        for (path, after) in known.iter().zip(after) {
            before = path.as_deref().or(before);
            by_call.push(match (path, before, after) {
                (Some(path), ..) => path.clone(),
                (None, Some(before), Some(after)) => common(before, after),
                (None, ..) => String::new(),
            });
        }
        let classes = classes(calls, &by_call, &names);
        Self {
            by_call: stacks(calls, &by_call, scopes, &classes),
        }
    }

    /// The path of a call.
    pub fn path(&self, call: usize) -> &str {
        self.innermost(call).map_or("", |module| &module.path)
    }

    /// The call of a module that a call belongs to; none for the root.
    pub fn innermost(&self, call: usize) -> Option<&ModuleCall> {
        self.by_call.get(call).and_then(|stack| stack.last())
    }

    /// The text of `nn_module_stack`.
    pub fn stack(&self, call: usize) -> String {
        stack::text(CLASS, self.by_call.get(call).into_iter().flatten())
    }

    /// The paths of all modules, in the order of their first call.
    pub fn called(&self) -> Vec<String> {
        let mut called: Vec<String> = Vec::new();
        let mut seen = FxHashSet::default();
        for module in self.by_call.iter().flatten() {
            if seen.insert(module.path.as_str()) {
                called.push(module.path.clone());
            }
        }
        called
    }
}

/// The modules around each call. A module is called anew where the code enters it again, or, where only weights tell,
/// comes back to it.
fn stacks(
    calls: &[RecordedCall],
    paths: &[String],
    scopes: &[ScopeEntry],
    classes: &FxHashMap<&str, String>,
) -> Vec<Vec<ModuleCall>> {
    let mut n_calls: FxHashMap<&str, usize> = FxHashMap::default();
    // With the scope that each of them is, if it is one.
    let mut open: Vec<(ModuleCall, Option<usize>)> = Vec::new();
    let mut by_call = Vec::with_capacity(calls.len());
    for (call, path) in calls.iter().zip(paths) {
        let entered = enclosing(call, scopes);
        let frames = prefixes(path).map(|prefix| {
            let scope = entered.iter().find(|(path, _)| *path == prefix);
            (prefix, scope.map(|(_, scope)| *scope))
        });
        let frames: Vec<_> = frames.collect();
        let is_open = |((module, at), (path, scope)): (&(ModuleCall, _), &(&str, _))| {
            module.path == *path && at == scope
        };
        let n_open = open
            .iter()
            .zip(&frames)
            .take_while(|pair| is_open(*pair))
            .count();
        open.truncate(n_open);
        for (path, scope) in frames.into_iter().skip(n_open) {
            let earlier = n_calls.entry(path).or_default();
            let module = ModuleCall {
                path: path.to_owned(),
                class: classes
                    .get(path)
                    .cloned()
                    .unwrap_or_else(|| CLASS.to_owned()),
                earlier: *earlier,
            };
            *earlier += 1;
            open.push((module, scope));
        }
        by_call.push(open.iter().map(|(module, _)| module.clone()).collect());
    }
    by_call
}

/// The scopes around a call with their numbers, innermost first.
fn enclosing<'a>(call: &RecordedCall, scopes: &'a [ScopeEntry]) -> Vec<(&'a str, usize)> {
    let mut found = Vec::new();
    let mut number = usize::try_from(call.scope).unwrap_or(usize::MAX);
    // The root is no scope that code enters, and parents come before what is in them.
    while let Some(entry) = scopes.get(number).filter(|_| number != 0) {
        found.push((entry.path.as_str(), number));
        number = entry.parent.min(number - 1);
    }
    found
}

/// The classes of modules that do nothing but one operator on their own weights.
fn classes<'a>(
    calls: &[RecordedCall],
    paths: &'a [String],
    names: &FxHashMap<ValueNumber, &str>,
) -> FxHashMap<&'a str, String> {
    let mut classes: FxHashMap<&str, Option<String>> = FxHashMap::default();
    for (call, path) in calls.iter().zip(paths) {
        let class = class_of(call, path, names);
        let known = classes.entry(path).or_insert_with(|| class.clone());
        if *known != class {
            *known = None;
        }
    }
    // What holds other modules is none of these.
    let parents: FxHashSet<&str> = paths
        .iter()
        .flat_map(|path| prefixes(path).filter(move |prefix| prefix != path))
        .collect();
    let known = classes.into_iter();
    known
        .filter(|(path, _)| !path.is_empty() && !parents.contains(path))
        .filter_map(|(path, class)| Some((path, class?)))
        .collect()
}

fn class_of(
    call: &RecordedCall,
    path: &str,
    names: &FxHashMap<ValueNumber, &str>,
) -> Option<String> {
    let (_, class) = CLASSES.iter().find(|(op, _)| *op == call.op)?;
    let mut has_weight = false;
    visit_tensors(&call.arguments, &mut |tensor| {
        has_weight |= names.get(&tensor.value) == Some(&path);
    });
    let rank = call.arguments.first().and_then(|input| match input {
        RecordedValue::Tensor(tensor) => Some(tensor.info.sizes.len()),
        _ => None,
    });
    let n_sizes = rank.unwrap_or(0).saturating_sub(2).max(1);
    has_weight.then(|| class.replace("{}", &n_sizes.to_string()))
}

fn known_path(
    call: &RecordedCall,
    scopes: &[ScopeEntry],
    names: &FxHashMap<ValueNumber, &str>,
) -> Option<String> {
    let scope = usize::try_from(call.scope).ok()?;
    if let Some(scope) = scopes.get(scope).filter(|scope| !scope.path.is_empty()) {
        return Some(scope.path.clone());
    }
    let mut of_weights: Option<String> = None;
    visit_tensors(&call.arguments, &mut |tensor| {
        if let Some(path) = names.get(&tensor.value) {
            of_weights = Some(match &of_weights {
                Some(other) => common(other, path),
                None => (*path).to_owned(),
            });
        }
    });
    of_weights
}

/// The module that a weight belongs to.
fn module_of(weight: &str) -> &str {
    weight.rsplit_once('.').map_or("", |(module, _)| module)
}

/// The path and those of the modules around it, outermost first; none for the root.
fn prefixes(path: &str) -> impl Iterator<Item = &str> {
    let ends = path.match_indices('.').map(|(end, _)| end);
    let ends = ends.chain((!path.is_empty()).then_some(path.len()));
    ends.filter_map(move |end| path.get(..end))
}

/// The innermost module that holds both.
fn common(left: &str, right: &str) -> String {
    let parts = left.split('.').zip(right.split('.'));
    let shared: Vec<&str> = parts
        .take_while(|(left, right)| left == right)
        .map(|(part, _)| part)
        .collect();
    shared.join(".")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_have_prefixes_and_a_common_part() {
        assert_eq!(
            prefixes("layer1.0.conv").collect::<Vec<_>>(),
            ["layer1", "layer1.0", "layer1.0.conv"]
        );
        assert_eq!(prefixes("").count(), 0);
        assert_eq!(common("layer1.0.conv", "layer1.0.bn"), "layer1.0");
        assert_eq!(common("layer1", "layer10"), "");
    }
}
