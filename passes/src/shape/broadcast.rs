//! Sizes of operands that are broadcast with each other, and the strides of elementwise results.

use std::rc::Rc;

use expc_symbolic::Relation;

use super::{
    Item, NoInference, ShapeEnv,
    call::Call,
    size::{self, Size},
    tensor::{MemoryFormat, Tensor, contiguous_strides, dense_strides, format_strides},
};
use expc_dialects::ScalarType;

/// The sizes to which shapes are broadcast.
///
/// Sizes that data decide are taken to be equal, as PyTorch takes them: only a size that is known to be 1 is
/// stretched.
pub fn broadcast_sizes(env: &ShapeEnv<'_>, shapes: &[&[Size]]) -> Result<Vec<Size>, NoInference> {
    let rank = shapes.iter().map(|shape| shape.len()).max().unwrap_or(0);
    let mut result = vec![Size::ONE; rank];
    for shape in shapes {
        for (size, slot) in shape.iter().rev().zip(result.iter_mut().rev()) {
            if slot == size {
                continue;
            }
            if env.is(slot, 1) {
                // Also of two sizes that were 1 at export time the later one is what PyTorch records.
                *slot = size.clone();
            } else if env.is(size, 1) {
                continue;
            } else if env.decide(Relation::Eq, slot, size) == Some(false) {
                let found: Vec<String> = shapes.iter().map(|shape| size::list(shape)).collect();
                return Err(NoInference::contradiction(format!(
                    "shapes {} cannot be broadcast with each other",
                    found.join(" and ")
                )));
            } else if slot.as_int().is_none() && size.as_int().is_some() {
                *slot = size.clone();
            }
        }
    }
    Ok(result)
}

/// Strides of a tensor that is expanded to sizes: 0 where it is stretched.
pub fn expanded_strides(env: &ShapeEnv<'_>, tensor: &Tensor, sizes: &[Size]) -> Vec<Size> {
    let added = sizes.len().saturating_sub(tensor.rank());
    let mut strides = vec![Size::ZERO; added];
    let own = tensor.sizes.iter().zip(&tensor.strides);
    strides.extend(
        own.zip(sizes.iter().skip(added))
            .map(|((own, stride), size)| {
                let is_stretched = own != size && env.is(own, 1) && !env.is(size, 1);
                if is_stretched {
                    Size::ZERO
                } else {
                    stride.clone()
                }
            }),
    );
    strides
}

/// Strides of the result of an elementwise op over operands broadcast to `sizes`.
pub fn elementwise_strides(
    env: &ShapeEnv<'_>,
    sizes: &[Size],
    operands: &[Rc<Tensor>],
) -> Result<Vec<Size>, NoInference> {
    let same_shape = |tensor: &Rc<Tensor>| {
        tensor.rank() == sizes.len()
            && tensor
                .sizes
                .iter()
                .zip(sizes)
                .all(|(own, size)| env.equal(own, size))
    };
    if sizes.len() > 1 && operands.iter().all(same_shape) {
        if operands.iter().all(|tensor| tensor.is_contiguous(env)) {
            return contiguous_strides(sizes);
        }
        let channels_last = MemoryFormat::ChannelsLast;
        if operands
            .iter()
            .all(|tensor| tensor.is_contiguous_in(env, channels_last))
        {
            return format_strides(sizes, channels_last);
        }
        if let Some((first, rest)) = operands.split_first()
            && first.is_dense(env)
            && rest.iter().all(|other| other.strides == first.strides)
        {
            return Ok(first.strides.clone());
        }
    }
    let strides: Vec<Vec<Size>> = operands
        .iter()
        .map(|tensor| expanded_strides(env, tensor, sizes))
        .collect();
    let order = memory_order(env, sizes, &strides);
    if order.iter().rev().copied().eq(0..sizes.len()) {
        return contiguous_strides(sizes);
    }
    dense_strides(sizes, &order)
}

/// The order of dimensions, innermost first, in which an iteration over operands of these strides goes.
pub fn memory_order(env: &ShapeEnv<'_>, sizes: &[Size], operands: &[Vec<Size>]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..sizes.len()).rev().collect();
    for start in 1..order.len() {
        let mut moving = start;
        for other in (0..start).rev() {
            match should_swap(env, sizes, operands, order[other], order[moving]) {
                Some(true) => {
                    order.swap(other, moving);
                    moving = other;
                }
                Some(false) => break,
                None => {}
            }
        }
    }
    order
}

/// Whether dimension `left`, now the inner one, belongs outside of `right`; none if the operands do not say.
fn should_swap(
    env: &ShapeEnv<'_>,
    sizes: &[Size],
    operands: &[Vec<Size>],
    left: usize,
    right: usize,
) -> Option<bool> {
    let at_least = |a: &Size, b: &Size| {
        if env.is(b, 0) {
            return true;
        }
        if env.is(a, 0) {
            return false;
        }
        env.holds(Relation::Ge, a, b) || a.modulo(b).is_ok_and(|rest| env.is(&rest, 0))
    };
    for strides in operands {
        let (Some(a), Some(b)) = (strides.get(left), strides.get(right)) else {
            continue;
        };
        if env.is(a, 0) || env.is(b, 0) {
            continue;
        }
        if env.equal(a, b) {
            let (Some(size_a), Some(size_b)) = (sizes.get(left), sizes.get(right)) else {
                continue;
            };
            if at_least(size_b, size_a) {
                continue;
            }
            return Some(true);
        }
        if at_least(b, a) {
            return Some(false);
        }
        if at_least(a, b) {
            return Some(true);
        }
    }
    None
}

/// The device of a result: that of the first operand that is no CPU scalar.
pub fn common_device(tensors: &[Rc<Tensor>]) -> Rc<str> {
    let first = tensors
        .iter()
        .find(|tensor| !tensor.is_cpu_scalar())
        .or(tensors.first());
    first.map_or_else(|| Rc::from("cpu"), |tensor| Rc::clone(&tensor.device))
}

/// The result of an elementwise op over these operands.
pub fn elementwise_result(
    call: &Call<'_>,
    operands: &[Rc<Tensor>],
    dtype: ScalarType,
) -> Result<Item, NoInference> {
    let shapes: Vec<&[Size]> = operands
        .iter()
        .map(|tensor| tensor.sizes.as_slice())
        .collect();
    let sizes = broadcast_sizes(call.env, &shapes).map_err(|fault| NoInference {
        reason: format!("`{}`: {}", call.name, fault.reason),
        ..fault
    })?;
    let strides = elementwise_strides(call.env, &sizes, operands)?;
    Ok(Tensor::strided(dtype, sizes, strides, &common_device(operands)).into())
}

/// A result with the dtype given and sizes and memory order of one tensor, as `empty_like` makes it.
pub fn like(env: &ShapeEnv<'_>, tensor: &Tensor, dtype: ScalarType) -> Result<Tensor, NoInference> {
    let (sizes, channels_last) = (&tensor.sizes, MemoryFormat::ChannelsLast);
    let formats = [
        tensor.is_contiguous(env),
        tensor.is_contiguous_in(env, channels_last),
    ];
    let strides = match formats {
        _ if sizes.len() < 2 => contiguous_strides(sizes)?,
        [true, false] => contiguous_strides(sizes)?,
        [false, true] => format_strides(sizes, channels_last)?,
        _ => {
            let order = memory_order(env, sizes, std::slice::from_ref(&tensor.strides));
            dense_strides(sizes, &order)?
        }
    };
    Ok(Tensor::strided(
        dtype,
        sizes.clone(),
        strides,
        &tensor.device,
    ))
}

/// A copy in the memory order of one tensor, with its very strides where it is dense.
pub fn copy_of(
    env: &ShapeEnv<'_>,
    tensor: &Tensor,
    dtype: ScalarType,
) -> Result<Tensor, NoInference> {
    if !tensor.is_dense(env) {
        return like(env, tensor, dtype);
    }
    let (sizes, strides) = (tensor.sizes.clone(), tensor.strides.clone());
    Ok(Tensor::strided(dtype, sizes, strides, &tensor.device))
}

#[cfg(test)]
mod tests {
    use expc_symbolic::Expr;

    use super::*;

    fn symbol(name: &str) -> Size {
        Expr::torch_symbol(name).into()
    }

    fn tensor(sizes: &[i64], strides: &[i64]) -> Rc<Tensor> {
        let read = |values: &[i64]| values.iter().copied().map(Size::Int).collect();
        let device = Rc::from("cpu");
        Rc::new(Tensor::strided(
            ScalarType::Float32,
            read(sizes),
            read(strides),
            &device,
        ))
    }

    fn ints(sizes: &[Size]) -> Vec<i64> {
        sizes.iter().map(|size| size.as_int().unwrap()).collect()
    }

    #[test]
    fn ones_are_stretched() {
        let env = ShapeEnv::new();
        let left = [symbol("s0"), Size::Int(1)];
        let right = [Size::Int(4)];
        let sizes = broadcast_sizes(&env, &[&left, &right]).unwrap();
        assert_eq!(sizes, [symbol("s0"), Size::Int(4)]);
    }

    #[test]
    fn other_sizes_must_be_equal() {
        let env = ShapeEnv::new();
        let fault = broadcast_sizes(&env, &[&[Size::Int(2)], &[Size::Int(3)]]).unwrap_err();
        assert!(fault.is_contradiction);
        assert_eq!(
            fault.reason,
            "shapes [2] and [3] cannot be broadcast with each other"
        );
        // What data decide is taken to fit.
        let sizes = broadcast_sizes(&env, &[&[symbol("u0")], &[Size::Int(3)]]).unwrap();
        assert_eq!(sizes, [Size::Int(3)]);
    }

    #[test]
    fn the_memory_order_of_operands_is_kept() {
        let env = ShapeEnv::new();
        let strides = |sizes: &[i64], operands: &[Rc<Tensor>]| {
            let sizes: Vec<Size> = sizes.iter().copied().map(Size::Int).collect();
            ints(&elementwise_strides(&env, &sizes, operands).unwrap())
        };
        // Transposed operands give a transposed result, one with gaps a dense one.
        assert_eq!(strides(&[3, 4], &[tensor(&[3, 4], &[1, 3])]), [1, 3]);
        assert_eq!(strides(&[3, 4], &[tensor(&[3, 4], &[1, 6])]), [1, 3]);
        let channels_last = tensor(&[2, 3, 4, 4], &[48, 1, 12, 3]);
        assert_eq!(
            strides(&[2, 3, 4, 4], &[channels_last.clone(), tensor(&[], &[])]),
            [48, 1, 12, 3]
        );
        // A stretched operand says nothing of the dimensions in which it is stretched.
        let bias = tensor(&[3, 1, 1], &[1, 1, 1]);
        assert_eq!(
            strides(&[2, 3, 4, 4], &[channels_last, bias]),
            [48, 1, 12, 3]
        );
    }
}
