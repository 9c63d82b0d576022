//! Ops that make tensors from numbers.

use std::rc::Rc;

use expc_dialects::ScalarType;

use super::{
    Item, NoInference, Tensor,
    call::Call,
    promote::{self, DEFAULT_FLOAT},
    rules::Row,
    size::Size,
    tensor::{MemoryFormat, contiguous_strides, dense, dense_strides, format_strides},
};

type Results = Result<Vec<Item>, NoInference>;

pub const RULES: &[Row] = &[
    (
        "aten.zeros aten.ones aten.empty.memory_format aten.rand aten.randn",
        of_size,
    ),
    (
        "aten.unfold_backward aten.select_backward aten.slice_backward aten.diagonal_backward",
        of_input_sizes,
    ),
    ("aten.randint aten.randperm", of_longs),
    ("aten.full", full),
    ("aten.scalar_tensor prims.scalar_tensor", scalar_tensor),
    ("aten.empty_strided prims.empty_strided", empty_strided),
    ("aten.empty_permuted prims.empty_permuted", empty_permuted),
    (
        "aten.new_zeros aten.new_ones aten.new_empty aten.new_full",
        new_of_size,
    ),
    ("aten.new_empty_strided", empty_strided),
    ("aten.arange", arange),
    ("prims.iota", iota),
    ("aten.linspace aten.logspace", linspace),
    ("aten.eye", eye),
    (
        "aten.hann_window aten.hamming_window aten.blackman_window aten.bartlett_window aten.kaiser_window",
        window,
    ),
    ("aten.fft_fftfreq", fftfreq),
    ("aten.fft_rfftfreq", rfftfreq),
    ("aten.tril_indices", tril_indices),
    ("aten.triu_indices", triu_indices),
    ("aten.normal", normal),
    ("aten._efficientzerotensor", of_size),
];

/// The device with its number, as tensors have it.
pub fn normal_device(device: &str) -> Rc<str> {
    match device {
        "cuda" => Rc::from("cuda:0"),
        other => Rc::from(other),
    }
}

fn device_or(call: &Call<'_>, default: &str) -> Rc<str> {
    normal_device(call.device("device").as_deref().unwrap_or(default))
}

/// Refuses layouts other than strided.
fn check_layout(call: &Call<'_>) -> Result<(), NoInference> {
    match call.get("layout") {
        Item::Layout(layout) if &*layout != "strided" => {
            Err(call.unknown(format!("the layout is `{layout}`")))
        }
        _ => Ok(()),
    }
}

fn made(call: &Call<'_>, dtype: ScalarType, sizes: Vec<Size>, device: &str) -> Results {
    check_layout(call)?;
    let device = device_or(call, device);
    let format = call
        .memory_format("memory_format")
        .unwrap_or(MemoryFormat::Contiguous);
    if let Some(negative) = sizes
        .iter()
        .find(|size| size.as_int().is_some_and(|size| size < 0))
    {
        return Err(call.contradiction(format!("a size is {negative}")));
    }
    let strides = format_strides(&sizes, format)?;
    Ok(vec![Tensor::strided(dtype, sizes, strides, &device).into()])
}

fn of_size(call: &Call<'_>) -> Results {
    let dtype = call.dtype("dtype").unwrap_or(DEFAULT_FLOAT);
    made(call, dtype, call.sizes("size")?, "cpu")
}

/// Gradients of views: what is viewed, of which only the sizes are known.
fn of_input_sizes(call: &Call<'_>) -> Results {
    let gradient = call.tensor_at(0)?;
    dense(&gradient, call.sizes("input_sizes")?)
}

/// Random integers; `randperm` has the number of them instead of a size.
fn of_longs(call: &Call<'_>) -> Results {
    let dtype = call.dtype("dtype").unwrap_or(ScalarType::Int64);
    let sizes = if call.has("size") {
        call.sizes("size")?
    } else {
        vec![call.size("n")?]
    };
    made(call, dtype, sizes, "cpu")
}

fn full(call: &Call<'_>) -> Results {
    let of_value = promote::dtype_of_number(&call.get("fill_value"));
    let dtype = call.dtype("dtype").or(of_value).unwrap_or(DEFAULT_FLOAT);
    made(call, dtype, call.sizes("size")?, "cpu")
}

fn scalar_tensor(call: &Call<'_>) -> Results {
    let dtype = call.dtype("dtype").unwrap_or(DEFAULT_FLOAT);
    made(call, dtype, Vec::new(), "cpu")
}

fn empty_strided(call: &Call<'_>) -> Results {
    let like = call.get("self").as_tensor().cloned();
    let name =
        |plural: &'static str, single: &'static str| if call.has(single) { single } else { plural };
    let sizes = call.sizes(name("shape", "size"))?;
    let strides = call.sizes(name("strides", "stride"))?;
    if sizes.len() != strides.len() {
        return Err(call.contradiction(format!(
            "there are {} sizes and {} strides",
            sizes.len(),
            strides.len()
        )));
    }
    check_layout(call)?;
    let dtype = call
        .dtype("dtype")
        .or(like.as_ref().map(|like| like.dtype))
        .unwrap_or(DEFAULT_FLOAT);
    let device = device_or(call, like.as_ref().map_or("cpu", |like| &like.device));
    Ok(vec![Tensor::strided(dtype, sizes, strides, &device).into()])
}

fn empty_permuted(call: &Call<'_>) -> Results {
    let sizes = call.sizes(if call.has("size") { "size" } else { "shape" })?;
    let mut order = call
        .optional_dims("physical_layout", sizes.len())?
        .unwrap_or_default();
    if order.len() != sizes.len() {
        return Err(call.contradiction("the physical layout does not have one entry per size"));
    }
    order.reverse();
    check_layout(call)?;
    let strides = dense_strides(&sizes, &order)?;
    let dtype = call.dtype("dtype").unwrap_or(DEFAULT_FLOAT);
    Ok(vec![
        Tensor::strided(dtype, sizes, strides, &device_or(call, "cpu")).into(),
    ])
}

fn new_of_size(call: &Call<'_>) -> Results {
    let like = call.tensor("self")?;
    let dtype = call.dtype("dtype").unwrap_or(like.dtype);
    made(call, dtype, call.sizes("size")?, &like.device)
}

fn arange(call: &Call<'_>) -> Results {
    let given = |name: &str, default: i64| match call.get(name) {
        Item::None => Item::Int(Size::Int(default)),
        item => item,
    };
    let (start, end, step) = (given("start", 0), given("end", 0), given("step", 1));
    let bounds = [&start, &end, &step];
    let all_ints = bounds
        .iter()
        .all(|bound| matches!(bound, Item::Int(_) | Item::Bool(_)));
    let default = if all_ints {
        ScalarType::Int64
    } else {
        DEFAULT_FLOAT
    };
    let dtype = call.dtype("dtype").unwrap_or(default);
    let length = if all_ints || dtype == ScalarType::Int64 {
        let truncated = |item: &Item| match item {
            Item::Int(size) => Ok(size.clone()),
            Item::Bool(value) => Ok(Size::Int(i64::from(*value))),
            Item::Float(value) if value.abs() < 9e15 => Ok(Size::Int(value.trunc() as i64)),
            other => Err(call.unexpected("end", "a number", other)),
        };
        arange_length(
            call,
            &truncated(&start)?,
            &truncated(&end)?,
            &truncated(&step)?,
        )?
    } else {
        float_arange_length(call, bounds)?
    };
    made(call, dtype, vec![length], "cpu")
}

/// `ceil((end - start) / step)` in integers.
fn arange_length(
    call: &Call<'_>,
    start: &Size,
    end: &Size,
    step: &Size,
) -> Result<Size, NoInference> {
    let is_up = match call
        .env
        .decide(expc_symbolic::Relation::Gt, step, &Size::ZERO)
    {
        Some(is_up) => is_up,
        None => return Err(call.unknown(format!("the sign of step {step} is not known"))),
    };
    let sign = Size::Int(if is_up { 1 } else { -1 });
    let length = end.sub(start)?.add(step)?.sub(&sign)?.floor_div(step)?;
    match length {
        Size::Int(length) if length < 0 => Err(call.contradiction(format!(
            "the bounds {start} and {end} do not go with step {step}"
        ))),
        length => Ok(length),
    }
}

fn float_arange_length(call: &Call<'_>, bounds: [&Item; 3]) -> Result<Size, NoInference> {
    let mut values = [0.0; 3];
    for (value, item) in values.iter_mut().zip(bounds) {
        *value = match item {
            Item::Float(value) => *value,
            Item::Int(Size::Int(value)) => *value as f64,
            other => return Err(call.unexpected("end", "a constant number", other)),
        };
    }
    let [start, end, step] = values;
    let length = ((end - start) / step).ceil();
    if !(0.0..9e15).contains(&length) {
        return Err(call.contradiction(format!(
            "there is no range from {start} to {end} in steps of {step}"
        )));
    }
    Ok(Size::Int(length as i64))
}

fn iota(call: &Call<'_>) -> Results {
    let dtype = call.dtype("dtype").unwrap_or(ScalarType::Int64);
    made(call, dtype, vec![call.size("length")?], "cpu")
}

fn linspace(call: &Call<'_>) -> Results {
    let is_complex = ["start", "end"].iter().any(|name| match call.get(name) {
        Item::Complex => true,
        Item::Tensor(tensor) => tensor.dtype.is_complex(),
        _ => false,
    });
    let default = if is_complex {
        ScalarType::Complex64
    } else {
        DEFAULT_FLOAT
    };
    let device = ["start", "end"].iter().find_map(|name| {
        call.get(name)
            .as_tensor()
            .map(|tensor| tensor.device.to_string())
    });
    let dtype = call.dtype("dtype").unwrap_or(default);
    made(
        call,
        dtype,
        vec![call.size("steps")?],
        device.as_deref().unwrap_or("cpu"),
    )
}

fn eye(call: &Call<'_>) -> Results {
    let rows = call.size("n")?;
    let columns = if call.has("m") {
        call.size("m")?
    } else {
        rows.clone()
    };
    made(
        call,
        call.dtype("dtype").unwrap_or(DEFAULT_FLOAT),
        vec![rows, columns],
        "cpu",
    )
}

fn window(call: &Call<'_>) -> Results {
    let dtype = call.dtype("dtype").unwrap_or(DEFAULT_FLOAT);
    made(call, dtype, vec![call.size("window_length")?], "cpu")
}

fn fftfreq(call: &Call<'_>) -> Results {
    let dtype = call.dtype("dtype").unwrap_or(DEFAULT_FLOAT);
    made(call, dtype, vec![call.size("n")?], "cpu")
}

fn rfftfreq(call: &Call<'_>) -> Results {
    let half = call.size("n")?.floor_div(&Size::Int(2))?.add(&Size::ONE)?;
    made(
        call,
        call.dtype("dtype").unwrap_or(DEFAULT_FLOAT),
        vec![half],
        "cpu",
    )
}

fn tril_indices(call: &Call<'_>) -> Results {
    let (rows, columns, offset) = (call.int("row")?, call.int("col")?, call.int("offset")?);
    triangle(call, tril_count(rows, columns, offset))
}

fn triu_indices(call: &Call<'_>) -> Results {
    let (rows, columns, offset) = (call.int("row")?, call.int("col")?, call.int("offset")?);
    let below = offset
        .checked_sub(1)
        .and_then(|offset| tril_count(rows, columns, offset));
    let all = rows.checked_mul(columns);
    triangle(
        call,
        all.zip(below)
            .and_then(|(all, below)| all.checked_sub(below)),
    )
}

fn triangle(call: &Call<'_>, count: Option<i64>) -> Results {
    let count = count.ok_or_else(|| call.contradiction("the number of elements overflows"))?;
    let dtype = call.dtype("dtype").unwrap_or(ScalarType::Int64);
    made(call, dtype, vec![Size::Int(2), Size::Int(count)], "cpu")
}

/// Elements on and below a diagonal of a matrix.
fn tril_count(rows: i64, columns: i64, offset: i64) -> Option<i64> {
    if rows <= 0 || columns <= 0 {
        return Some(0);
    }
    // Row i has min(columns, max(0, i + 1 + offset)) of them: none, then one more each, then all.
    let first_with_some = offset.checked_neg()?.clamp(0, rows);
    let first_full = columns
        .checked_sub(1)?
        .checked_sub(offset)?
        .clamp(first_with_some, rows);
    let growing = first_full - first_with_some;
    let first_length = first_with_some.checked_add(1)?.checked_add(offset)?;
    let sum = i128::from(growing) * i128::from(first_length)
        + i128::from(growing) * (i128::from(growing) - 1) / 2
        + i128::from(rows - first_full) * i128::from(columns);
    i64::try_from(sum).ok()
}

/// Sizes given, or those of the mean and the deviation.
fn normal(call: &Call<'_>) -> Results {
    if call.has("size") {
        return of_size(call);
    }
    let tensors = call.all_tensors()?;
    let first = tensors
        .first()
        .ok_or_else(|| call.unknown("there is no tensor"))?;
    let shapes: Vec<&[Size]> = tensors
        .iter()
        .map(|tensor| tensor.sizes.as_slice())
        .collect();
    let sizes = super::broadcast::broadcast_sizes(call.env, &shapes)?;
    let strides = contiguous_strides(&sizes)?;
    Ok(vec![
        Tensor::strided(first.dtype, sizes, strides, &first.device).into(),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn triangles_are_counted() {
        for (rows, columns, offset) in [
            (3, 3, 0),
            (4, 2, 1),
            (2, 5, -1),
            (3, 3, -5),
            (3, 4, 9),
            (0, 3, 0),
        ] {
            let counted: i64 = (0..rows)
                .map(|row: i64| (row + 1 + offset).clamp(0, columns))
                .sum();
            assert_eq!(
                tril_count(rows, columns, offset),
                Some(counted),
                "{rows} {columns} {offset}"
            );
        }
        assert_eq!(tril_count(i64::MAX, i64::MAX, 0), None);
    }
}
