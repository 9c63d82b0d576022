//! What functionalization makes of an op, from the op table alone: for `expc ops`, and for the test that every op that
//! writes or shows memory is handled or refused with a reason.

use expc_dialects::table::{OpDef, Tag};

use super::{
    diagonal, hidden, inverse, mutation, resize,
    views::{functional_view_name, is_undeclared_view},
};

/// What becomes of an op that writes to its arguments or shows their memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Support {
    /// How it becomes functional.
    Functional(String),
    /// A view that may be read and not be written through, for this reason.
    ReadOnly(&'static str),
    /// Refused, for this reason.
    Refused(&'static str),
}

impl std::fmt::Display for Support {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Functional(how) => formatter.write_str(how),
            Self::ReadOnly(reason) => write!(formatter, "a view to be read only: {reason}"),
            Self::Refused(reason) => write!(formatter, "refused: {reason}"),
        }
    }
}

/// What becomes of an op; none if it neither writes nor shows memory, so that it stays.
pub fn support(def: &'static OpDef) -> Option<Support> {
    if def.schema.mutates() {
        return Some(mutation_support(def));
    }
    if !def.columns.writes.is_empty() {
        return Some(match hidden::summary_of(def.name) {
            Some(form) => Support::Functional(format!("becomes {form} where it writes")),
            None => Support::Refused(hidden::NO_FORM),
        });
    }
    let is_view = def.schema.is_view() || is_undeclared_view(def.name);
    is_view.then(|| view_support(def))
}

fn mutation_support(def: &'static OpDef) -> Support {
    if let Some(reason) = mutation::refusal_of(def) {
        return Support::Refused(reason);
    }
    if mutation::has_no_effect(def.name) {
        return Support::Functional("is left out".to_owned());
    }
    if let Some(how) = resize::summary_of(def.name) {
        return Support::Functional(how);
    }
    if let Some(how) = diagonal::summary_of(def.name) {
        return Support::Functional(how.to_owned());
    }
    if def.has_tag(Tag::InplaceView) {
        let view = functional_view_name(def.name);
        return Support::Functional(format!("the argument becomes the view `{view}`"));
    }
    match mutation::functional_form(def) {
        Some(form) => Support::Functional(format!("becomes `{}`", form.def.name)),
        None => Support::Functional("becomes `hop.auto_functionalized_v2`".to_owned()),
    }
}

fn view_support(def: &OpDef) -> Support {
    match (inverse::summary_of(def.name), inverse::refusal_of(def.name)) {
        (Some(how), _) => Support::Functional(format!("a write through it becomes {how}")),
        (None, Some(reason)) => Support::ReadOnly(reason),
        (None, None) => Support::ReadOnly(inverse::UNKNOWN),
    }
}

#[cfg(test)]
mod tests {
    use expc_dialects::table;

    use super::*;

    /// A view of the table that nobody has thought of would be refused as unknown.
    #[test]
    fn every_view_is_known() {
        let unknown: Vec<_> = table::all()
            .filter(|def| support(def) == Some(Support::ReadOnly(inverse::UNKNOWN)))
            .map(|def| def.name)
            .collect();
        assert_eq!(unknown, [""; 0]);
    }

    /// In-place views of the table must have the view that the argument becomes.
    #[test]
    fn every_in_place_view_has_its_view() {
        let without: Vec<_> = table::all()
            .filter(|def| def.schema.mutates() && def.has_tag(Tag::InplaceView))
            .filter(|def| mutation::refusal_of(def).is_none())
            .filter(|def| table::lookup(&functional_view_name(def.name)).is_none())
            .map(|def| def.name)
            .collect();
        assert_eq!(without, [""; 0]);
    }

    /// Ops of torch itself have functional forms, apart from these.
    #[test]
    fn ops_without_functional_form() {
        let how = "becomes `hop.auto_functionalized_v2`".to_owned();
        let without: Vec<_> = ["aten", "prims"]
            .into_iter()
            .flat_map(table::dialect)
            .filter(|def| support(def) == Some(Support::Functional(how.clone())))
            .map(|def| def.name)
            .collect();
        assert_eq!(
            without,
            [
                "aten._batch_norm_with_update.out",
                "aten._cummax_helper.default",
                "aten._cummin_helper.default",
                "aten._fill_mem_eff_dropout_mask_.default",
                "aten._fused_moving_avg_obs_fq_helper.out",
                "aten._native_batch_norm_legit.out",
                "aten._slow_conv2d_backward.grad_input",
                "aten._sobol_engine_ff_.default",
                "aten._sobol_engine_initialize_state_.default",
                "aten._sobol_engine_scramble_.default",
                "aten.adaptive_avg_pool3d_backward.grad_input",
                "aten.fbgemm_linear_fp16_weight.out",
                "aten.fbgemm_linear_fp16_weight_fp32_activation.out",
                "aten.fused_moving_avg_obs_fake_quant.default",
                "aten.normal.out",
                "aten.rrelu_with_noise.out",
                "aten.rrelu_with_noise_.default",
                "prims.copy_to.default",
            ]
        );
    }
}
