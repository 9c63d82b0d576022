//! `nn_module_stack` of a node: the modules that are being called, from the root on.

use std::fmt::Write as _;

/// A call of a module below the root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModuleCall {
    /// `layers.0`.
    pub path: String,
    pub class: String,
    /// How often the module was called before.
    pub earlier: usize,
}

/// The text of a node that belongs to no call, as the size of an input that a range is about; `torch.export.unflatten`
/// refuses nodes without any.
pub const EMPTY: &str = "_empty_nn_module_stack_from_metadata_hook,_empty_nn_module_stack_from_metadata_hook,_empty_nn_module_stack_from_metadata_hook";

/// The text that archives have: key, path and class of each module. The keys of later calls of a module have a number,
/// which is how `torch.export.unflatten` tells the calls from each other.
pub fn text<'a>(root_class: &str, calls: impl IntoIterator<Item = &'a ModuleCall>) -> String {
    let mut text = format!("L__self__,,{root_class}");
    for ModuleCall {
        path,
        class,
        earlier,
    } in calls
    {
        // Writing to a string cannot fail.
        let _ = match earlier {
            0 => write!(text, ";L__self__{path},{path},{class}"),
            earlier => write!(text, ";L__self__{path}@{earlier},{path},{class}"),
        };
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn later_calls_have_numbers() {
        let call = |path: &str, earlier| ModuleCall {
            path: path.to_owned(),
            class: "Block".to_owned(),
            earlier,
        };
        assert_eq!(
            text("Net", &[call("a", 0), call("a.0", 2)]),
            "L__self__,,Net;L__self__a,a,Block;L__self__a.0@2,a.0,Block"
        );
        assert_eq!(text("Net", &[]), "L__self__,,Net");
    }
}
