//! The examples, one a file, in order of their names.

use super::{Case, Support};

macro_rules! cases {
    (@expected $name:ident recorded) => {
        Some(include_str!(concat!("expected/", stringify!($name), ".txt")))
    };
    (@expected $name:ident refused) => {
        None
    };
    ($($name:ident $support:ident $expected:ident [$($tag:literal),*];)*) => {
        $(mod $name;)*

        /// All examples, by name.
        pub const CASES: &[Case] = &[$(Case {
            name: stringify!($name),
            tags: &[$($tag),*],
            support: Support::$support,
            source: include_str!(concat!("examples/", stringify!($name), ".rs")),
            expected: cases!(@expected $name $expected),
            inputs: $name::inputs,
            shapes: $name::shapes,
            forward: $name::forward,
        }),*];
    };
}

cases! {
    assume_constant_result Supported recorded ["torch.escape-hatch"];
    autograd_function Supported recorded [];
    class_method Supported recorded [];
    cond_branch_class_method Supported recorded ["torch.cond", "torch.dynamic-shape"];
    cond_branch_nested_function Supported recorded ["torch.cond", "torch.dynamic-shape"];
    cond_branch_nonlocal_variables Supported recorded ["torch.cond", "torch.dynamic-shape"];
    cond_closed_over_variable Supported recorded ["python.closure", "torch.cond"];
    cond_operands Supported recorded ["torch.cond", "torch.dynamic-shape"];
    cond_predicate Supported recorded ["torch.cond", "torch.dynamic-shape"];
    constrain_as_size_example Supported recorded ["torch.dynamic-value", "torch.escape-hatch"];
    constrain_as_value_example Supported recorded ["torch.dynamic-value", "torch.escape-hatch"];
    decorator Supported recorded [];
    dictionary Supported recorded ["python.data-structure"];
    dynamic_shape_assert Supported recorded ["python.assert"];
    dynamic_shape_constructor Supported recorded ["torch.dynamic-shape"];
    dynamic_shape_if_guard Supported recorded ["python.control-flow", "torch.dynamic-shape"];
    dynamic_shape_map Supported recorded ["torch.dynamic-shape", "torch.map"];
    dynamic_shape_round NotSupportedYet refused ["python.builtin", "torch.dynamic-shape"];
    dynamic_shape_slicing Supported recorded ["torch.dynamic-shape"];
    dynamic_shape_view Supported recorded ["torch.dynamic-shape"];
    fn_with_kwargs Supported recorded ["python.data-structure"];
    list_contains Supported recorded ["python.assert", "python.data-structure", "torch.dynamic-shape"];
    list_unpack Supported recorded ["python.control-flow", "python.data-structure"];
    model_attr_mutation Supported recorded ["python.object-model"];
    nested_function Supported recorded ["python.closure"];
    null_context_manager Supported recorded ["python.context-manager"];
    optional_input Supported recorded ["python.object-model"];
    pytree_flatten Supported recorded [];
    scalar_output Supported recorded ["torch.dynamic-shape"];
    specialized_attribute Supported recorded [];
    static_for_loop Supported recorded ["python.control-flow"];
    static_if Supported recorded ["python.control-flow"];
    tensor_setattr Supported recorded ["python.builtin"];
    type_reflection_method Supported recorded ["python.builtin"];
    unsupported_operator NotSupportedYet recorded ["torch.operator"];
    user_input_mutation Supported recorded ["torch.mutation"];
}
