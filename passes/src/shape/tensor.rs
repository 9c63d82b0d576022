//! Tensors as the rules see them: sizes, strides and offset always there, as numbers or expressions.

use std::rc::Rc;

use expc_dialects::{Dim, ScalarType, TensorMeta, ValueType};
use expc_symbolic::Relation;

use super::{
    Item, NoInference, ShapeEnv,
    size::{Computed, Size},
};

/// A tensor of known rank without its data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tensor {
    pub dtype: ScalarType,
    pub sizes: Vec<Size>,
    /// In elements, one per dimension.
    pub strides: Vec<Size>,
    /// In elements.
    pub offset: Size,
    /// `cpu`, `cuda:0`.
    pub device: Rc<str>,
    /// `strided`, `sparse_coo`.
    pub layout: Rc<str>,
    pub requires_grad: bool,
}

/// The order of dimensions in memory that an argument may ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemoryFormat {
    Contiguous,
    Preserve,
    ChannelsLast,
    ChannelsLast3d,
}

impl MemoryFormat {
    /// The format of torch's name for it, without `torch.`.
    pub fn by_name(name: &str) -> Option<Self> {
        Some(match name {
            "contiguous_format" => Self::Contiguous,
            "preserve_format" => Self::Preserve,
            "channels_last" => Self::ChannelsLast,
            "channels_last_3d" => Self::ChannelsLast3d,
            _ => return None,
        })
    }

    /// Torch's name for it, without `torch.`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Contiguous => "contiguous_format",
            Self::Preserve => "preserve_format",
            Self::ChannelsLast => "channels_last",
            Self::ChannelsLast3d => "channels_last_3d",
        }
    }

    /// The rank of a channels-last format.
    fn rank(self) -> Option<usize> {
        match self {
            Self::ChannelsLast => Some(4),
            Self::ChannelsLast3d => Some(5),
            Self::Contiguous | Self::Preserve => None,
        }
    }
}

impl Tensor {
    /// A dense row-major tensor.
    pub fn contiguous(
        dtype: ScalarType,
        sizes: Vec<Size>,
        device: &Rc<str>,
    ) -> Result<Self, NoInference> {
        let strides = contiguous_strides(&sizes)?;
        Ok(Self::strided(dtype, sizes, strides, device))
    }

    /// A tensor with memory of its own.
    pub fn strided(
        dtype: ScalarType,
        sizes: Vec<Size>,
        strides: Vec<Size>,
        device: &Rc<str>,
    ) -> Self {
        Self {
            dtype,
            sizes,
            strides,
            offset: Size::ZERO,
            device: Rc::clone(device),
            layout: Rc::from("strided"),
            requires_grad: false,
        }
    }

    /// Reads the form of the IR; none if the rank is unknown or an expression cannot be read.
    pub fn from_meta(env: &ShapeEnv<'_>, meta: &TensorMeta) -> Option<Self> {
        let read =
            |dims: &[Dim]| -> Option<Vec<Size>> { dims.iter().map(|dim| env.size(dim)).collect() };
        let sizes = read(meta.sizes.as_deref()?)?;
        let strides = match &meta.strides {
            Some(strides) if strides.len() == sizes.len() => read(strides)?,
            Some(_) => return None,
            None => implied_strides(&sizes).ok()?,
        };
        Some(Self {
            dtype: meta.dtype,
            sizes,
            strides,
            offset: env.size(&meta.storage_offset)?,
            device: Rc::from(meta.device.as_str()),
            layout: Rc::from(meta.layout.as_str()),
            requires_grad: meta.requires_grad,
        })
    }

    /// The form of the IR, with expressions as PyTorch records them.
    pub fn to_meta(&self) -> TensorMeta {
        let write = |sizes: &[Size]| sizes.iter().map(to_dim).collect::<Vec<Dim>>();
        let is_plain = implied_strides(&self.sizes)
            .is_ok_and(|implied| same_after_expansion(&implied, &self.strides));
        TensorMeta {
            dtype: self.dtype,
            sizes: Some(write(&self.sizes)),
            strides: (!is_plain).then(|| write(&self.strides)),
            storage_offset: to_dim(&self.offset),
            device: self.device.to_string(),
            layout: self.layout.to_string(),
            requires_grad: self.requires_grad,
        }
    }

    /// The type of a value that holds this tensor.
    pub fn to_value_type(&self) -> ValueType {
        ValueType::Tensor(self.to_meta())
    }

    pub fn rank(&self) -> usize {
        self.sizes.len()
    }

    /// Number of elements.
    pub fn numel(&self) -> Computed {
        Size::product(&self.sizes)
    }

    /// A 0-dimensional tensor on the CPU, which goes with tensors of any device.
    pub fn is_cpu_scalar(&self) -> bool {
        self.sizes.is_empty() && &*self.device == "cpu"
    }

    /// Every size, stride and the offset is a number.
    pub fn is_static(&self) -> bool {
        let is_number = |size: &Size| size.as_int().is_some();
        self.sizes.iter().all(is_number)
            && self.strides.iter().all(is_number)
            && is_number(&self.offset)
    }

    /// Known to have no element.
    pub fn is_empty(&self, env: &ShapeEnv<'_>) -> bool {
        self.sizes.iter().any(|size| env.is(size, 0))
    }

    /// Known to be dense and row-major.
    pub fn is_contiguous(&self, env: &ShapeEnv<'_>) -> bool {
        let order = (0..self.rank()).rev();
        self.is_empty(env) || self.is_dense_in_order(env, order)
    }

    /// Known to be dense in a memory format.
    pub fn is_contiguous_in(&self, env: &ShapeEnv<'_>, format: MemoryFormat) -> bool {
        match format.rank() {
            None => self.is_contiguous(env),
            Some(rank) => {
                let order = std::iter::once(1).chain((2..rank).rev()).chain([0]);
                self.rank() == rank && (self.is_dense_in_order(env, order))
            }
        }
    }

    /// Whether strides grow with the dimensions in this order as those of a dense tensor.
    fn is_dense_in_order(&self, env: &ShapeEnv<'_>, order: impl Iterator<Item = usize>) -> bool {
        let mut expected = Size::ONE;
        for dim in order {
            let (Some(size), Some(stride)) = (self.sizes.get(dim), self.strides.get(dim)) else {
                return false;
            };
            if env.is(size, 1) {
                continue;
            }
            if !env.equal(stride, &expected) && !equal_dense_stride(env, stride, &expected) {
                return false;
            }
            let Ok(next) = expected.mul(size) else {
                return false;
            };
            expected = next;
        }
        true
    }

    /// Known to occupy each element of its memory once.
    pub fn is_dense(&self, env: &ShapeEnv<'_>) -> bool {
        if self.rank() == 1 {
            let (size, stride) = (&self.sizes[0], &self.strides[0]);
            return env.is(stride, 1) || env.holds(Relation::Lt, size, &Size::Int(2));
        }
        if self.is_contiguous(env) {
            return true;
        }
        let mut order: Vec<usize> = (0..self.rank()).collect();
        order.sort_by(|left, right| self.compare_for_density(env, *left, *right));
        let mut expected = Size::ONE;
        for dim in order {
            let (size, stride) = (&self.sizes[dim], &self.strides[dim]);
            if env.holds(Relation::Lt, size, &Size::Int(2)) {
                continue;
            }
            if !env.equal(stride, &expected) && !equal_dense_stride(env, stride, &expected) {
                return false;
            }
            let Ok(next) = expected.mul(size) else {
                return false;
            };
            expected = next;
        }
        true
    }

    fn compare_for_density(
        &self,
        env: &ShapeEnv<'_>,
        left: usize,
        right: usize,
    ) -> std::cmp::Ordering {
        use std::cmp::Ordering;
        let small = |dim: usize| env.holds(Relation::Lt, &self.sizes[dim], &Size::Int(2));
        match (small(left), small(right)) {
            (true, true) => return Ordering::Equal,
            (true, false) => return Ordering::Greater,
            (false, true) => return Ordering::Less,
            (false, false) => {}
        }
        let (left, right) = (&self.strides[left], &self.strides[right]);
        if env.equal(left, right) {
            Ordering::Equal
        } else if env.holds(Relation::Lt, left, right) || divides(env, left, right) {
            Ordering::Less
        } else {
            Ordering::Greater
        }
    }

    /// The channels-last format that the strides suggest, as an op that preserves formats sees it.
    pub fn suggested_format(&self, env: &ShapeEnv<'_>) -> MemoryFormat {
        for format in [MemoryFormat::ChannelsLast, MemoryFormat::ChannelsLast3d] {
            if format.rank() == Some(self.rank()) && self.has_channels_last_strides(env) {
                return format;
            }
        }
        MemoryFormat::Contiguous
    }

    /// Strides in the order of channels last, not necessarily dense.
    fn has_channels_last_strides(&self, env: &ShapeEnv<'_>) -> bool {
        let Some(channels) = self.strides.get(1) else {
            return false;
        };
        if env.is(channels, 0) {
            return false;
        }
        let mut least = Size::ZERO;
        let order = std::iter::once(1).chain((2..self.rank()).rev()).chain([0]);
        for dim in order {
            let (size, stride) = (&self.sizes[dim], &self.strides[dim]);
            if env.is(size, 0) || !at_least(env, stride, &least) {
                return false;
            }
            // A batch of one image with one channel is taken for row-major.
            if dim == 0 && env.equal(&least, channels) {
                return false;
            }
            least = stride.clone();
            if env.holds(Relation::Gt, size, &Size::ONE)
                || env.decide(Relation::Gt, size, &Size::ONE).is_none()
            {
                let Ok(next) = least.mul(size) else {
                    return false;
                };
                least = next;
            }
        }
        true
    }
}

/// The only result of an op: a row-major tensor with dtype and device of another.
pub fn dense(like: &Tensor, sizes: Vec<Size>) -> Result<Vec<Item>, NoInference> {
    dense_of(like, like.dtype, sizes)
}

/// The only result of an op: a row-major tensor on the device of another.
pub fn dense_of(
    like: &Tensor,
    dtype: ScalarType,
    sizes: Vec<Size>,
) -> Result<Vec<Item>, NoInference> {
    Ok(vec![Tensor::contiguous(dtype, sizes, &like.device)?.into()])
}

/// `left >= right`, also where only a symbolic factor shows it.
fn at_least(env: &ShapeEnv<'_>, left: &Size, right: &Size) -> bool {
    env.holds(Relation::Ge, left, right) || divides(env, right, left)
}

/// Whether `right` is known to be a multiple of `left`.
fn divides(env: &ShapeEnv<'_>, left: &Size, right: &Size) -> bool {
    left.as_int() != Some(0)
        && right
            .modulo(left)
            .is_ok_and(|remainder| env.is(&remainder, 0))
}

/// Equal once both are multiplied out and `Max(1, u0)` stands for `u0`, as strides of dense tensors have it.
fn equal_dense_stride(env: &ShapeEnv<'_>, stride: &Size, expected: &Size) -> bool {
    if stride.as_int().is_some() && expected.as_int().is_some() {
        return false;
    }
    env.equal(
        &without_max(&stride.expanded()).expanded(),
        &without_max(&expected.expanded()).expanded(),
    )
}

/// The expression with `x` for each `Max(1, x)`.
fn without_max(size: &Size) -> Size {
    use expc_symbolic::{Expr, Func, Kind};
    fn rebuilt(expr: &Expr) -> Option<Expr> {
        let parts = |args: &[Expr]| args.iter().map(rebuilt).collect::<Option<Vec<_>>>();
        match expr.kind() {
            Kind::Add(terms) => Expr::add(parts(terms)?).ok(),
            Kind::Mul(factors) => Expr::mul(parts(factors)?).ok(),
            Kind::Call(Func::Max, args) => match args.as_slice() {
                [one, other] if one.as_int() == Some(1) => Some(other.clone()),
                _ => Some(expr.clone()),
            },
            _ => Some(expr.clone()),
        }
    }
    match size {
        Size::Int(_) => size.clone(),
        Size::Expr(expr) => rebuilt(expr).map_or_else(|| size.clone(), Size::from),
    }
}

/// Strides of a dense row-major tensor, as PyTorch computes them: a dimension of size 0 counts as 1.
pub fn contiguous_strides(sizes: &[Size]) -> Result<Vec<Size>, NoInference> {
    let order: Vec<usize> = (0..sizes.len()).rev().collect();
    dense_strides(sizes, &order)
}

/// Whether these are exactly the strides of a dense row-major tensor, those of dimensions of size 1 included.
pub fn is_row_major(sizes: &[Size], strides: &[Size]) -> bool {
    implied_strides(sizes).is_ok_and(|implied| same_after_expansion(&implied, strides))
}

/// Strides of a dense tensor whose dimensions follow each other in memory in this order, innermost first.
pub fn dense_strides(sizes: &[Size], order: &[usize]) -> Result<Vec<Size>, NoInference> {
    let mut strides = vec![Size::ONE; sizes.len()];
    let mut stride = Size::ONE;
    for dim in order {
        let (Some(slot), Some(size)) = (strides.get_mut(*dim), sizes.get(*dim)) else {
            return Err(NoInference::new(format!("there is no dimension {dim}")));
        };
        *slot = stride.clone();
        stride = stride.mul(&Size::ONE.max(size)?)?;
    }
    Ok(strides)
}

/// Strides of a memory format; channels-last formats call for their rank.
pub fn format_strides(sizes: &[Size], format: MemoryFormat) -> Result<Vec<Size>, NoInference> {
    match format.rank() {
        None => contiguous_strides(sizes),
        Some(rank) if rank == sizes.len() => {
            let order: Vec<usize> = std::iter::once(1)
                .chain((2..rank).rev())
                .chain([0])
                .collect();
            dense_strides(sizes, &order)
        }
        Some(rank) => Err(NoInference::contradiction(format!(
            "a tensor of rank {} cannot be channels last, expected rank {rank}",
            sizes.len()
        ))),
    }
}

/// The strides that a type without strides has.
fn implied_strides(sizes: &[Size]) -> Result<Vec<Size>, NoInference> {
    let mut strides = Vec::with_capacity(sizes.len());
    let mut stride = Size::ONE;
    for size in sizes.iter().rev() {
        strides.push(stride.clone());
        let factor = match size {
            Size::Int(value) => Size::Int((*value).max(1)),
            Size::Expr(_) => size.clone(),
        };
        stride = stride.mul(&factor)?;
    }
    strides.reverse();
    Ok(strides)
}

fn same_after_expansion(left: &[Size], right: &[Size]) -> bool {
    left.len() == right.len()
        && left
            .iter()
            .zip(right)
            .all(|(left, right)| left == right || left.expanded() == right.expanded())
}

fn to_dim(size: &Size) -> Dim {
    match size {
        Size::Int(value) => Dim::Static(*value),
        Size::Expr(_) => match size.expanded() {
            Size::Int(value) => Dim::Static(value),
            Size::Expr(expr) => Dim::Symbolic(expr.to_string()),
        },
    }
}
