//! The module that each call belongs to: what the code says, or what the names of its weights tell.

use expc_runtime::torch::record::{RecordedCall, Recording, ValueNumber};
use rustc_hash::FxHashMap;

use super::{capture::NamedWeight, emit::visit_tensors};

/// What stands for the class of a module, which Rust does not know at run time.
const CLASS: &str = "torch.nn.modules.module.Module";

/// The path of each call.
#[derive(Debug)]
pub(super) struct ModulePaths {
    by_call: Vec<String>,
}

impl ModulePaths {
    /// A call without a scope belongs to the module whose weights it uses. One without either stands between two that
    /// have one, and belongs to what their paths have in common.
    pub fn of(
        recording: &Recording,
        scopes: &[String],
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
        Self { by_call }
    }

    /// The path of a call.
    pub fn path(&self, call: usize) -> &str {
        self.by_call.get(call).map_or("", String::as_str)
    }

    /// The text of `nn_module_stack`: each module from the root on as key, path and class.
    pub fn stack(&self, call: usize) -> String {
        let path = self.path(call);
        let mut text = format!("L__self__,,{CLASS}");
        for prefix in prefixes(path) {
            let key = prefix.replace('.', "_");
            text.push_str(&format!(";L__self__{key},{prefix},{CLASS}"));
        }
        text
    }

    /// The paths of all modules, in the order of their first call.
    pub fn called(&self) -> Vec<String> {
        let mut called: Vec<String> = Vec::new();
        let mut seen = rustc_hash::FxHashSet::default();
        for prefix in self.by_call.iter().flat_map(|path| prefixes(path)) {
            if seen.insert(prefix) {
                called.push(prefix.to_owned());
            }
        }
        called
    }
}

fn known_path(
    call: &RecordedCall,
    scopes: &[String],
    names: &FxHashMap<ValueNumber, &str>,
) -> Option<String> {
    let scope = usize::try_from(call.scope).ok()?;
    if let Some(path) = scopes.get(scope).filter(|path| !path.is_empty()) {
        return Some(path.clone());
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
