//! Resizing of images by nearest neighbours, linearly and cubically.

use expc_dialects::{Argument, Constant, ScalarType};
use melior::ir::Value;

use super::{Rule, pool::device_of};
use crate::{
    args,
    pattern::{Replacement, Rewrite, Rewritten, Size, refuse, single, size_argument},
    shape::{self, MemoryFormat},
};

pub(super) const RULES: &[(&str, Rule)] = &[
    ("aten.upsample_nearest1d.default", nearest),
    ("aten.upsample_nearest2d.default", nearest),
    ("aten.upsample_nearest3d.default", nearest),
    ("aten.upsample_nearest1d.vec", nearest),
    ("aten.upsample_nearest2d.vec", nearest),
    ("aten.upsample_nearest3d.vec", nearest),
    ("aten._upsample_nearest_exact1d.default", nearest_exact),
    ("aten._upsample_nearest_exact2d.default", nearest_exact),
    ("aten._upsample_nearest_exact3d.default", nearest_exact),
    ("aten._upsample_nearest_exact1d.vec", nearest_exact),
    ("aten._upsample_nearest_exact2d.vec", nearest_exact),
    ("aten._upsample_nearest_exact3d.vec", nearest_exact),
    ("aten.upsample_linear1d.default", linear),
    ("aten.upsample_bilinear2d.default", linear),
    ("aten.upsample_trilinear3d.default", linear),
    ("aten.upsample_linear1d.vec", linear),
    ("aten.upsample_bilinear2d.vec", linear),
    ("aten.upsample_trilinear3d.vec", linear),
    ("aten.upsample_bicubic2d.default", bicubic),
    ("aten.upsample_bicubic2d.vec", bicubic),
    ("aten._upsample_bilinear2d_aa.vec", bilinear_antialiased),
    ("aten._upsample_bicubic2d_aa.vec", bicubic_antialiased),
];

/// The sizes of a resize and the factors that the program gave, per spatial dimension.
struct Resize<'c, 'a> {
    input: Value<'c, 'a>,
    input_sizes: Vec<Size<'c, 'a>>,
    output_sizes: Vec<Size<'c, 'a>>,
    factors: Vec<Option<f64>>,
}

impl<'c: 'a, 'a> Resize<'c, 'a> {
    fn new(b: &Rewrite<'_, 'c, 'a>) -> Rewritten<Self> {
        let input = b.tensor("self").or_else(|_| b.tensor("input"))?;
        let input_sizes: Vec<Size> = b.sizes(input)?.into_iter().skip(2).collect();
        let count = input_sizes.len();
        let factors = given_factors(b, count)?;
        let output_sizes = match b.arg("output_size") {
            Some(_) => b.size_list("output_size")?,
            None => input_sizes
                .iter()
                .zip(&factors)
                .map(|(size, factor)| resized(b, size, *factor))
                .collect::<Rewritten<_>>()?,
        };
        if count == 0 || output_sizes.len() != count {
            return refuse("the sizes do not fit the input's rank");
        }
        Ok(Self {
            input,
            input_sizes,
            output_sizes,
            factors,
        })
    }

    fn count(&self) -> usize {
        self.input_sizes.len()
    }

    /// The input size, output size and factor of each dimension.
    fn dims(&self) -> impl Iterator<Item = (&Size<'c, 'a>, &Size<'c, 'a>, Option<f64>)> {
        self.input_sizes
            .iter()
            .zip(&self.output_sizes)
            .zip(&self.factors)
            .map(|((input, output), factor)| (input, output, *factor))
    }
}

/// The factors of the matched op, one per dimension.
fn given_factors(b: &Rewrite<'_, '_, '_>, count: usize) -> Rewritten<Vec<Option<f64>>> {
    let from_list = match b.arg("scale_factors") {
        Some(Argument::Constant(Constant::Floats(factors))) => Some(factors),
        Some(_) => return refuse("the factors are not known"),
        None => None,
    };
    if let Some(factors) = from_list {
        if factors.len() != count {
            return refuse("there are not as many factors as dimensions");
        }
        return Ok(factors.into_iter().map(Some).collect());
    }
    let names: &[&str] = match count {
        1 => &["scales"],
        2 => &["scales_h", "scales_w"],
        _ => &["scales_d", "scales_h", "scales_w"],
    };
    let mut factors: Vec<Option<f64>> = names
        .iter()
        .map(|name| b.optional_float(name))
        .collect::<Rewritten<_>>()?;
    factors.resize(count, None);
    Ok(factors)
}

/// The size that a factor makes of another, rounded toward zero.
fn resized<'c, 'a>(
    b: &Rewrite<'_, 'c, 'a>,
    size: &Size<'c, 'a>,
    factor: Option<f64>,
) -> Rewritten<Size<'c, 'a>> {
    let Some(factor) = factor else {
        return refuse("neither a size nor a factor is given");
    };
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        reason = "Python's own conversions; the result is checked against the recorded size"
    )]
    match size {
        _ if factor.fract() == 0.0 => b.size_mul(size, &Size::Static(factor as i64)),
        Size::Static(size) => Ok(Size::Static((*size as f64 * factor) as i64)),
        Size::Symbolic(value, _) => {
            let product = b.op_value("sym.mul", args![*value, factor])?;
            let size = b.op_value("sym.trunc", args![product])?;
            match shape::expression_of(size) {
                Some(expr) => Ok(Size::Symbolic(size, expr)),
                None => refuse("nothing is known of a size"),
            }
        }
    }
}

/// `input / output` as a number or a symbolic one.
fn ratio<'c, 'a>(
    b: &Rewrite<'_, 'c, 'a>,
    input: &Size<'c, 'a>,
    output: &Size<'c, 'a>,
) -> Rewritten<Argument<'c, 'a>> {
    #[allow(clippy::cast_precision_loss, reason = "Python's own conversion")]
    if let (Some(input), Some(output)) = (input.as_static(), output.as_static()) {
        return Ok((input as f64 / output as f64).into());
    }
    let ratio = b.op_value("sym.truediv", args![input.clone(), output.clone()])?;
    Ok(ratio.into())
}

/// `range(count)` in a dtype.
fn positions<'c, 'a>(
    b: &Rewrite<'_, 'c, 'a>,
    count: &Size<'c, 'a>,
    like: Value<'c, 'a>,
    dtype: Option<ScalarType>,
) -> Rewritten<Value<'c, 'a>> {
    let mut kwargs = vec![("device", device_of(b, like)?)];
    if let Some(dtype) = dtype {
        kwargs.insert(0, ("dtype", dtype.into()));
    }
    b.op_with("aten.arange.default", args![count.clone()], &kwargs)
}

/// The elements at the positions of the spatial dimensions.
fn gathered<'c, 'a>(
    b: &Rewrite<'_, 'c, 'a>,
    input: Value<'c, 'a>,
    positions: impl IntoIterator<Item = Value<'c, 'a>>,
) -> Rewritten<Value<'c, 'a>> {
    let none = || Argument::Constant(Constant::None);
    let indices = [none(), none()]
        .into_iter()
        .chain(positions.into_iter().map(Argument::Value));
    let indices = Argument::List(indices.collect());
    b.op_value("aten.index.Tensor", vec![input.into(), indices])
}

fn nearest<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Rewritten<Replacement<'c, 'a>> {
    resize_nearest(b, None)
}

fn nearest_exact<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Rewritten<Replacement<'c, 'a>> {
    resize_nearest(b, Some(0.5))
}

// nearest(x)[i] = x[(i + offset) * in / out], rounded down.
fn resize_nearest<'c, 'a>(
    b: &Rewrite<'_, 'c, 'a>,
    offset: Option<f64>,
) -> Rewritten<Replacement<'c, 'a>> {
    let resize = Resize::new(b)?;
    let ([input], dtype) = b.in_opmath([resize.input])?;
    let count = resize.count();
    let mut indices = Vec::with_capacity(count);
    for (dim, (input_size, output_size, factor)) in resize.dims().enumerate() {
        let scale = nearest_scale(b, input_size, output_size, factor)?;
        let index = positions(b, output_size, input, Some(ScalarType::Float32))?;
        let index = b.add(index, offset.unwrap_or(0.0))?;
        let index = b.mul(index, scale)?;
        let mut index = b.cast(index, ScalarType::Int64)?;
        for _ in dim + 1..count {
            index = b.unsqueeze(index, -1)?;
        }
        indices.push(index);
    }
    let result = gathered(b, input, indices)?;
    let result = if count == 2 {
        in_format_of(b, input, result)?
    } else {
        result
    };
    b.answer(result, dtype)
}

/// Input elements per output element.
fn nearest_scale<'c, 'a>(
    b: &Rewrite<'_, 'c, 'a>,
    input: &Size<'c, 'a>,
    output: &Size<'c, 'a>,
    factor: Option<f64>,
) -> Rewritten<Argument<'c, 'a>> {
    let Some(factor) = factor.filter(|factor| *factor > 0.0) else {
        return ratio(b, input, output);
    };
    match input {
        #[allow(clippy::cast_precision_loss, reason = "Python's own conversion")]
        Size::Static(input) => Ok((*input as f64 / (*input as f64 * factor)).into()),
        Size::Symbolic(value, _) => {
            let output = b.op_value("sym.mul", args![*value, factor])?;
            Ok(b.op_value("sym.truediv", args![*value, output])?.into())
        }
    }
}

/// The result in the memory format that the strides of the input suggest.
fn in_format_of<'c, 'a>(
    b: &Rewrite<'_, 'c, 'a>,
    input: Value<'c, 'a>,
    result: Value<'c, 'a>,
) -> Rewritten<Value<'c, 'a>> {
    let format = b.strided(input)?.suggested_format(b.env());
    if format == MemoryFormat::Contiguous {
        return b.contiguous(result);
    }
    if b.strided(result)?.is_contiguous_in(b.env(), format) {
        return Ok(result);
    }
    b.clone_in(result, format)
}

/// Where the elements of one dimension of a linear resize come from.
struct Neighbours<'c, 'a> {
    /// As a fraction.
    source: Value<'c, 'a>,
    /// Rounded down.
    lower: Value<'c, 'a>,
    upper: Value<'c, 'a>,
}

// linear(x) = x below + (x above - x below) * distance, the last dimension first.
fn linear<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Rewritten<Replacement<'c, 'a>> {
    let resize = Resize::new(b)?;
    let is_float = b.dtype_of(resize.input)?.is_floating_point();
    let ([input], result_dtype) = b.in_opmath([resize.input])?;
    let dtype = if is_float {
        b.dtype_of(input)?
    } else {
        ScalarType::Float32
    };
    let aligned = b.boolean("align_corners")?;
    let count = resize.count();
    let mut neighbours = Vec::with_capacity(count);
    for (dim, (input_size, output_size, factor)) in resize.dims().enumerate() {
        let index = positions(b, output_size, input, None)?;
        let index = b.cast(index, dtype)?;
        let scale = linear_scale(b, input_size, output_size, aligned, factor)?;
        let source = source_positions(b, index, scale, aligned)?;
        let source = b.op_value("aten.clamp.default", args![source, 0.0])?;
        let ones = std::iter::repeat_n(Size::Static(1), count - dim - 1);
        let source = b.reshape(source, std::iter::once(b.size_of(source, 0)?).chain(ones))?;
        let lower = b.cast(source, ScalarType::Int64)?;
        let upper = b.add(lower, 1_i64)?;
        let last = b.size_sub(input_size, &Size::Static(1))?;
        let upper = b.op_value("aten.clamp.default", args![upper, (), last])?;
        neighbours.push(Neighbours {
            source,
            lower,
            upper,
        });
    }
    let mut values = corners(b, input, &neighbours, dtype)?;
    for neighbour in neighbours.iter().rev() {
        values = interpolated(b, &values, neighbour, dtype)?;
    }
    let Some(result) = values.first() else {
        return refuse("no dimension is resized");
    };
    let mut result = in_format_of(b, input, *result)?;
    if !is_float {
        result = b.unary("round", result)?;
    }
    b.answer(result, result_dtype)
}

/// Input elements per output element, between the centres of the corners where these are aligned.
fn linear_scale<'c, 'a>(
    b: &Rewrite<'_, 'c, 'a>,
    input: &Size<'c, 'a>,
    output: &Size<'c, 'a>,
    aligned: bool,
    factor: Option<f64>,
) -> Rewritten<Argument<'c, 'a>> {
    if !aligned {
        return match factor.filter(|factor| *factor > 0.0) {
            Some(factor) => Ok((1.0 / factor).into()),
            None => ratio(b, input, output),
        };
    }
    let one = Size::Static(1);
    if b.size_is(output, 1) {
        return Ok(0_i64.into());
    }
    ratio(b, &b.size_sub(input, &one)?, &b.size_sub(output, &one)?)
}

/// The positions in the input, as fractions.
fn source_positions<'c, 'a>(
    b: &Rewrite<'_, 'c, 'a>,
    index: Value<'c, 'a>,
    scale: Argument<'c, 'a>,
    aligned: bool,
) -> Rewritten<Value<'c, 'a>> {
    if aligned {
        return b.mul(index, scale);
    }
    let index = b.add(index, 0.5)?;
    let index = b.mul(index, scale)?;
    b.sub(index, 0.5)
}

/// The values at all combinations of lower and upper neighbours, the last dimension changing fastest.
fn corners<'c, 'a>(
    b: &Rewrite<'_, 'c, 'a>,
    input: Value<'c, 'a>,
    neighbours: &[Neighbours<'c, 'a>],
    dtype: ScalarType,
) -> Rewritten<Vec<Value<'c, 'a>>> {
    let count = neighbours.len();
    (0_usize..1 << count.min(8))
        .map(|corner| {
            let indices = neighbours.iter().enumerate().map(|(dim, neighbour)| {
                if corner >> (count - dim - 1) & 1 == 0 {
                    neighbour.lower
                } else {
                    neighbour.upper
                }
            });
            let value = gathered(b, input, indices.collect::<Vec<_>>())?;
            b.cast(value, dtype)
        })
        .collect()
}

/// Each pair of values interpolated.
fn interpolated<'c, 'a>(
    b: &Rewrite<'_, 'c, 'a>,
    values: &[Value<'c, 'a>],
    neighbour: &Neighbours<'c, 'a>,
    dtype: ScalarType,
) -> Rewritten<Vec<Value<'c, 'a>>> {
    let distance = b.sub(neighbour.source, neighbour.lower)?;
    let distance = b.op_value("aten.clamp.default", args![distance, 0.0, 1.0])?;
    let distance = b.cast(distance, dtype)?;
    values
        .chunks_exact(2)
        .map(|pair| match pair {
            [lower, upper] => {
                let difference = b.sub(*upper, *lower)?;
                let step = b.mul(difference, distance)?;
                b.add(*lower, step)
            }
            _ => refuse("an odd number of corners"),
        })
        .collect()
}

/// Four neighbours of a position along one dimension, and their weights.
struct Cubic<'c, 'a> {
    positions: [Value<'c, 'a>; 4],
    weights: [Value<'c, 'a>; 4],
}

// bicubic(x) = Σ w x over the 4 x 4 neighbours, of each row first.
fn bicubic<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Rewritten<Replacement<'c, 'a>> {
    let resize = Resize::new(b)?;
    if !b.dtype_of(resize.input)?.is_floating_point() {
        return refuse("a bicubic resize of integers");
    }
    let ([input], result_dtype) = b.in_opmath([resize.input])?;
    let ([height, width], [out_height, out_width], [factor_h, factor_w]) = (
        resize.input_sizes.as_slice(),
        resize.output_sizes.as_slice(),
        resize.factors.as_slice(),
    ) else {
        return refuse("a bicubic resize of other than two dimensions");
    };
    let aligned = b.boolean("align_corners")?;
    let dtype = b.dtype_of(input)?;
    let scale_h = linear_scale(b, height, out_height, aligned, *factor_h)?;
    let scale_w = linear_scale(b, width, out_width, aligned, *factor_w)?;
    let rows = b.cast(positions(b, out_height, input, None)?, dtype)?;
    let columns = b.cast(positions(b, out_width, input, None)?, dtype)?;
    let columns = source_positions(b, columns, scale_w, aligned)?;
    let rows = source_positions(b, rows, scale_h, aligned)?;
    let rows = b.unsqueeze(rows, -1)?;
    let rows = cubic(b, rows, height)?;
    let columns = cubic(b, columns, width)?;
    let mut lines = Vec::with_capacity(4);
    for row in rows.positions {
        let mut values = Vec::with_capacity(4);
        for column in columns.positions {
            values.push(gathered(b, input, [row, column])?);
        }
        lines.push(weighted_sum(b, &values, &columns.weights)?);
    }
    let result = weighted_sum(b, &lines, &rows.weights)?;
    let result = in_format_of(b, input, result)?;
    b.answer(result, result_dtype)
}

/// The neighbours of fractional positions, which stay within the size.
fn cubic<'c, 'a>(
    b: &Rewrite<'_, 'c, 'a>,
    source: Value<'c, 'a>,
    size: &Size<'c, 'a>,
) -> Rewritten<Cubic<'c, 'a>> {
    let floor = b.unary("floor", source)?;
    let distance = b.sub(source, floor)?;
    let distance = b.op_value("aten.clamp.default", args![distance, 0.0, 1.0])?;
    let middle = b.cast(floor, ScalarType::Int64)?;
    let last = b.size_sub(size, &Size::Static(1))?;
    let within = |position: Value<'c, 'a>| {
        b.op_value("aten.clamp.default", args![position, 0_i64, last.clone()])
    };
    let positions = [
        within(b.sub(middle, 1_i64)?)?,
        within(middle)?,
        within(b.add(middle, 1_i64)?)?,
        within(b.add(middle, 2_i64)?)?,
    ];
    Ok(Cubic {
        positions,
        weights: cubic_weights(b, distance)?,
    })
}

/// The weights of the four neighbours at a distance, by the cubic convolution with a slope of -3/4.
fn cubic_weights<'c, 'a>(
    b: &Rewrite<'_, 'c, 'a>,
    distance: Value<'c, 'a>,
) -> Rewritten<[Value<'c, 'a>; 4]> {
    let stacked = |first: Value<'c, 'a>, second: Value<'c, 'a>| {
        b.op_value("aten.stack.default", args![vec![first, second]])
    };
    let near = stacked(distance, b.sub(1.0, distance)?)?;
    let far = stacked(b.add(distance, 1.0)?, b.sub(2.0, distance)?)?;
    // ((a x - 5a) x + 8a) x - 4a
    let far_weights = b.mul(far, -0.75)?;
    let far_weights = b.sub(far_weights, -3.75)?;
    let far_weights = b.mul(far_weights, far)?;
    let far_weights = b.add(far_weights, -6.0)?;
    let far_weights = b.mul(far_weights, far)?;
    let far_weights = b.sub(far_weights, -3.0)?;
    // ((a + 2) x - (a + 3)) x² + 1
    let near_weights = b.mul(near, 1.25)?;
    let near_weights = b.sub(near_weights, 2.25)?;
    let near_weights = b.mul(near_weights, near)?;
    let near_weights = b.mul(near_weights, near)?;
    let near_weights = b.add(near_weights, 1_i64)?;
    let far = b.ops("aten.unbind.int", args![far_weights], &[])?;
    let near = b.ops("aten.unbind.int", args![near_weights], &[])?;
    match (far.as_slice(), near.as_slice()) {
        ([first, fourth], [second, third]) => Ok([*first, *second, *third, *fourth]),
        _ => refuse("weights that come in other than two halves"),
    }
}

/// `values[0] * weights[0] + …`, from the left.
fn weighted_sum<'c, 'a>(
    b: &Rewrite<'_, 'c, 'a>,
    values: &[Value<'c, 'a>],
    weights: &[Value<'c, 'a>],
) -> Rewritten<Value<'c, 'a>> {
    let mut sum = None;
    for (value, weight) in values.iter().zip(weights) {
        let product = b.mul(*value, *weight)?;
        sum = Some(match sum {
            Some(sum) => b.add(sum, product)?,
            None => product,
        });
    }
    match sum {
        Some(sum) => Ok(sum),
        None => refuse("a sum of nothing"),
    }
}

// bilinear_aa(x, sizes or factors) = bilinear_aa(x, sizes, factors).
fn bilinear_antialiased<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Rewritten<Replacement<'c, 'a>> {
    antialiased(b, "aten._upsample_bilinear2d_aa.default")
}

// bicubic_aa(x, sizes or factors) = bicubic_aa(x, sizes, factors).
fn bicubic_antialiased<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Rewritten<Replacement<'c, 'a>> {
    antialiased(b, "aten._upsample_bicubic2d_aa.default")
}

fn antialiased<'c, 'a>(b: &Rewrite<'_, 'c, 'a>, name: &str) -> Rewritten<Replacement<'c, 'a>> {
    let resize = Resize::new(b)?;
    let factor = |factor: Option<f64>| factor.map_or_else(|| Argument::from(()), Argument::from);
    let args = [
        resize.input.into(),
        size_argument(resize.output_sizes),
        b.boolean("align_corners")?.into(),
    ];
    let factors = resize.factors.into_iter().map(factor);
    single(b.op_value(name, args.into_iter().chain(factors).collect())?)
}
