//! Ops that are other ops under a second name.

use std::sync::LazyLock;

use super::{Rule, elementwise::Answer};
use crate::pattern::{Rewrite, refuse};

/// The alias and what it stands for; both take the same arguments.
const ALIASES: &[(&str, &str)] = &[
    ("aten.__and__.Scalar", "aten.bitwise_and.Scalar"),
    ("aten.__and__.Tensor", "aten.bitwise_and.Tensor"),
    ("aten.__or__.Scalar", "aten.bitwise_or.Scalar"),
    ("aten.__or__.Tensor", "aten.bitwise_or.Tensor"),
    ("aten.__xor__.Scalar", "aten.bitwise_xor.Scalar"),
    ("aten.__xor__.Tensor", "aten.bitwise_xor.Tensor"),
    ("aten.absolute.default", "aten.abs.default"),
    ("aten.arccos.default", "aten.acos.default"),
    ("aten.arccosh.default", "aten.acosh.default"),
    ("aten.arcsin.default", "aten.asin.default"),
    ("aten.arcsinh.default", "aten.asinh.default"),
    ("aten.arctan.default", "aten.atan.default"),
    ("aten.arctan2.default", "aten.atan2.default"),
    ("aten.arctanh.default", "aten.atanh.default"),
    ("aten.clamp_max.Tensor", "aten.clamp.Tensor"),
    ("aten.clamp_max.default", "aten.clamp.default"),
    ("aten.clamp_min.Tensor", "aten.clamp.Tensor"),
    ("aten.clamp_min.default", "aten.clamp.default"),
    ("aten.clip.Tensor", "aten.clamp.Tensor"),
    ("aten.clip.default", "aten.clamp.default"),
    ("aten.divide.Scalar", "aten.div.Scalar"),
    ("aten.divide.Scalar_mode", "aten.div.Scalar_mode"),
    ("aten.divide.Tensor", "aten.div.Tensor"),
    ("aten.divide.Tensor_mode", "aten.div.Tensor_mode"),
    ("aten.fix.default", "aten.trunc.default"),
    ("aten.floor_divide.Scalar", "aten.floor_divide.default"),
    ("aten.greater.Scalar", "aten.gt.Scalar"),
    ("aten.greater.Tensor", "aten.gt.Tensor"),
    ("aten.greater_equal.Scalar", "aten.ge.Scalar"),
    ("aten.greater_equal.Tensor", "aten.ge.Tensor"),
    ("aten.less.Scalar", "aten.lt.Scalar"),
    ("aten.less.Tensor", "aten.lt.Tensor"),
    ("aten.less_equal.Scalar", "aten.le.Scalar"),
    ("aten.less_equal.Tensor", "aten.le.Tensor"),
    ("aten.max.other", "aten.maximum.default"),
    ("aten.min.other", "aten.minimum.default"),
    ("aten.multiply.Scalar", "aten.mul.Scalar"),
    ("aten.multiply.Tensor", "aten.mul.Tensor"),
    ("aten.negative.default", "aten.neg.default"),
    ("aten.not_equal.Scalar", "aten.ne.Scalar"),
    ("aten.not_equal.Tensor", "aten.ne.Tensor"),
    ("aten.special_digamma.default", "aten.digamma.default"),
    ("aten.special_erf.default", "aten.erf.default"),
    ("aten.special_erfc.default", "aten.erfc.default"),
    ("aten.special_erfinv.default", "aten.erfinv.default"),
    ("aten.special_exp2.default", "aten.exp2.default"),
    ("aten.special_expit.default", "aten.sigmoid.default"),
    ("aten.special_expm1.default", "aten.expm1.default"),
    ("aten.special_gammainc.default", "aten.igamma.default"),
    ("aten.special_gammaincc.default", "aten.igammac.default"),
    ("aten.special_gammaln.default", "aten.lgamma.default"),
    ("aten.special_i0.default", "aten.i0.default"),
    ("aten.special_log1p.default", "aten.log1p.default"),
    ("aten.special_log_softmax.default", "aten.log_softmax.int"),
    ("aten.special_logit.default", "aten.logit.default"),
    ("aten.special_logsumexp.default", "aten.logsumexp.default"),
    ("aten.special_multigammaln.default", "aten.mvlgamma.default"),
    ("aten.special_polygamma.default", "aten.polygamma.default"),
    ("aten.special_psi.default", "aten.digamma.default"),
    ("aten.special_round.default", "aten.round.decimals"),
    ("aten.special_sinc.default", "aten.sinc.default"),
    ("aten.special_softmax.default", "aten.softmax.int"),
    ("aten.special_xlogy.default", "aten.xlogy.Tensor"),
    ("aten.special_xlogy.other_scalar", "aten.xlogy.Scalar_Other"),
    ("aten.special_xlogy.self_scalar", "aten.xlogy.Scalar_Self"),
    ("aten.subtract.Scalar", "aten.sub.Scalar"),
    ("aten.subtract.Tensor", "aten.sub.Tensor"),
    ("aten.true_divide.Scalar", "aten.div.Scalar"),
    ("aten.true_divide.Tensor", "aten.div.Tensor"),
];

pub(super) static RULES: LazyLock<Vec<(&'static str, Rule)>> = LazyLock::new(|| {
    ALIASES
        .iter()
        .map(|(alias, _)| (*alias, stands_for as Rule))
        .collect()
});

// alias(x, ...) = op(x, ...).
fn stands_for<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let name = b.op().name();
    match ALIASES.iter().find(|(alias, _)| *alias == name) {
        Some((_, op)) => b.renamed(op),
        None => refuse(format!("`{name}` stands for no other op")),
    }
}

#[cfg(test)]
mod tests {
    use expc_dialects::table;

    use super::*;

    #[test]
    fn aliases_take_the_same_arguments() {
        for (alias, op) in ALIASES {
            let (Some(alias), Some(op)) = (table::lookup(alias), table::lookup(op)) else {
                panic!("`{alias}` or `{op}` is not in the op table");
            };
            for arg in &alias.schema.args {
                let found = op.schema.args.iter().any(|other| other.name == arg.name);
                assert!(found, "`{}` has no argument `{}`", op.name, arg.name);
            }
        }
    }
}
