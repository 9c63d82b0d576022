//! Runs that go on behind calls that fail: what such a call gave at the given sizes, with the size that changed, stands for
//! what it should have given.

use expc_dialects::Diagnostic;
use expc_runtime::torch::record::{Outcome, RecordedCall, RecordedValue, Recording, ResultForm};

use super::{
    capture::{self, Capture},
    emit::visit_tensors,
    modules::ModulePaths,
    scope,
};
use crate::meta_device::contiguous_strides;

/// The forms of the results of another run.
#[derive(Debug)]
pub(super) struct StandIns {
    calls: Vec<StandIn>,
}

#[derive(Debug)]
struct StandIn {
    op: String,
    /// The path of the scope; empty outside of all.
    scope: String,
    /// How many elements the first tensor that it takes has.
    n_elements: Option<i64>,
    /// None if a result is no dense tensor.
    results: Option<Vec<ResultForm>>,
}

impl StandIns {
    pub fn of(capture: &Capture) -> Self {
        let calls = capture.recording.calls.iter().enumerate();
        let calls = calls.map(|(position, call)| StandIn {
            op: call.op.clone(),
            scope: match call.scope {
                0 => String::new(),
                _ => capture.modules.path(position).to_owned(),
            },
            n_elements: n_elements(call),
            results: call.results.iter().map(form).collect(),
        });
        Self {
            calls: calls.collect(),
        }
    }

    /// From what the call at that position gave or, where the runs took different ways, a call of the same operator in the
    /// same scope. None if its sizes cannot follow those of its arguments.
    pub fn results(&self, position: usize, call: &RecordedCall) -> Option<Vec<ResultForm>> {
        let scope = scope::path_of(call.scope);
        let fits = |other: &&StandIn| other.op == call.op && other.scope == scope;
        let at_position = self.calls.get(position).filter(fits);
        let found = at_position.or_else(|| self.calls.iter().find(fits))?;
        let results = found
            .results
            .as_ref()
            .filter(|results| !results.is_empty())?;
        let (before, now) = (found.n_elements?, n_elements(call)?);
        let resized = results.iter().map(|form| resized(form, before, now));
        resized.collect()
    }
}

/// How many elements the first tensor has that a call takes; none if it takes none.
fn n_elements(call: &RecordedCall) -> Option<i64> {
    let mut first = None;
    visit_tensors(&call.arguments, &mut |tensor| {
        first = first.or_else(|| {
            let mut sizes = tensor.info.sizes.iter();
            sizes.try_fold(1_i64, |product, size| product.checked_mul(*size))
        });
    });
    first
}

/// A result with as many times the elements as the argument has: the first size that can grow so does.
fn resized(form: &ResultForm, before: i64, now: i64) -> Option<ResultForm> {
    if before == now {
        return Some(form.clone());
    }
    let grown = |size: i64| {
        let product = size.checked_mul(now)?;
        let grown = product.checked_div(before)?;
        (size > 1 && grown.checked_mul(before)? == product).then_some(grown)
    };
    let mut sizes = form.sizes.clone();
    let slot = sizes
        .iter_mut()
        .find_map(|size| Some((grown(*size)?, size)));
    let (size, slot) = slot?;
    *slot = size;
    let strides = contiguous_strides(&sizes)?;
    Some(ResultForm {
        sizes,
        strides,
        ..form.clone()
    })
}

fn form(value: &RecordedValue) -> Option<ResultForm> {
    match value {
        RecordedValue::Tensor(tensor) => Some(ResultForm {
            dtype: tensor.info.dtype?,
            sizes: tensor.info.sizes.clone(),
            strides: tensor.info.strides.clone()?,
        }),
        _ => None,
    }
}

/// The calls that failed and were stood in for.
pub(super) fn stood_in_for(recording: &Recording, modules: &ModulePaths) -> Vec<Diagnostic> {
    let calls = recording.calls.iter().enumerate();
    calls
        .filter_map(|(position, call)| match &call.outcome {
            Outcome::Threw(said) if !call.results.is_empty() => {
                Some(capture::failed(position, call, said, modules))
            }
            _ => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use expc_dialects::ScalarType;

    use super::*;

    #[test]
    fn results_grow_with_the_arguments() {
        let form = |sizes: &[i64], strides: &[i64]| ResultForm {
            dtype: ScalarType::Float32,
            sizes: sizes.to_vec(),
            strides: strides.to_vec(),
        };
        let square = form(&[1, 3, 4], &[12, 4, 1]);
        assert_eq!(resized(&square, 12, 12), Some(square.clone()));
        assert_eq!(resized(&square, 8, 10), Some(form(&[1, 3, 5], &[15, 5, 1])));
        assert_eq!(resized(&square, 3, 4), Some(form(&[1, 4, 4], &[16, 4, 1])));
        assert_eq!(resized(&square, 7, 8), None);
        assert_eq!(resized(&square, 0, 8), None);
    }
}
