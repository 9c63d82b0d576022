//! Which sizes of the inputs are dynamic: dimensions with names and bounds, and where in the inputs they are.

use std::{collections::BTreeMap, fmt, ops};

use expc_dialects::{Constant, Diagnostic};
use expc_pt2::TreeKey;

use super::{
    lower::code,
    value::{Inputs, Leaf, Tree},
};

/// What a size of an input may be.
///
/// ```
/// use expc::trace::Dim;
///
/// let batch = Dim::new("batch").min(2).max(64);
/// let twice = 2 * batch.clone() + 1;
/// assert_eq!(twice.to_string(), "2*batch + 1");
/// assert_eq!(batch.to_string(), "batch");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dim {
    pub(super) kind: DimKind,
    pub(super) min: Option<i64>,
    pub(super) max: Option<i64>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum DimKind {
    Static,
    Auto,
    Dynamic,
    Named(String),
    /// `factor * root + offset`; the bounds are the root's.
    Derived {
        root: String,
        factor: i64,
        offset: i64,
    },
}

impl Dim {
    /// Dynamic if the program allows it, otherwise what it was found to be; no fault either way.
    pub const AUTO: Dim = Dim::of(DimKind::Auto);
    /// Dynamic, or it is a fault.
    pub const DYNAMIC: Dim = Dim::of(DimKind::Dynamic);
    /// As in the example.
    pub const STATIC: Dim = Dim::of(DimKind::Static);

    const fn of(kind: DimKind) -> Self {
        Self {
            kind,
            min: None,
            max: None,
        }
    }

    /// A dimension with a name. Wherever it is given the size is the same.
    pub fn new(name: &str) -> Self {
        Self::of(DimKind::Named(name.to_owned()))
    }

    /// With a smallest size.
    #[must_use]
    pub fn min(mut self, min: i64) -> Self {
        self.min = Some(min);
        self
    }

    /// With a greatest size.
    #[must_use]
    pub fn max(mut self, max: i64) -> Self {
        self.max = Some(max);
        self
    }

    /// Whether a violated assumption is no fault.
    pub(super) fn is_lenient(&self) -> bool {
        matches!(self.kind, DimKind::Auto | DimKind::Static)
    }

    /// `factor * self + offset`, where that is a multiple of a named dimension.
    fn derived(self, times: i64, plus: i64) -> Self {
        let (root, factor, offset) = match self.kind {
            DimKind::Named(root) => (root, 1, 0),
            DimKind::Derived {
                root,
                factor,
                offset,
            } => (root, factor, offset),
            kind => return Self { kind, ..self },
        };
        Self {
            kind: DimKind::Derived {
                root,
                factor: factor.saturating_mul(times),
                offset: offset.saturating_mul(times).saturating_add(plus),
            },
            ..self
        }
    }
}

impl fmt::Display for Dim {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            DimKind::Static => formatter.write_str("Dim::STATIC"),
            DimKind::Auto => formatter.write_str("Dim::AUTO"),
            DimKind::Dynamic => formatter.write_str("Dim::DYNAMIC"),
            DimKind::Named(name) => formatter.write_str(name),
            DimKind::Derived {
                root,
                factor,
                offset,
            } => {
                match factor {
                    1 => formatter.write_str(root)?,
                    factor => write!(formatter, "{factor}*{root}")?,
                }
                match offset {
                    0 => Ok(()),
                    offset if *offset < 0 => write!(formatter, " - {}", offset.unsigned_abs()),
                    offset => write!(formatter, " + {offset}"),
                }
            }
        }
    }
}

impl ops::Mul<Dim> for i64 {
    type Output = Dim;
    fn mul(self, dim: Dim) -> Dim {
        dim.derived(self, 0)
    }
}

impl ops::Mul<i64> for Dim {
    type Output = Dim;
    fn mul(self, factor: i64) -> Dim {
        self.derived(factor, 0)
    }
}

impl ops::Add<i64> for Dim {
    type Output = Dim;
    fn add(self, offset: i64) -> Dim {
        self.derived(1, offset)
    }
}

impl ops::Sub<i64> for Dim {
    type Output = Dim;
    fn sub(self, offset: i64) -> Dim {
        self.derived(1, offset.saturating_neg())
    }
}

/// The dimensions of an input that is a tensor, or of a tree of them.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Spec {
    /// Everything is static.
    #[default]
    Static,
    /// By dimension; those that are not there are static.
    Dims(BTreeMap<usize, Dim>),
    /// Of an input that is an integer, which is not negative.
    Number(Dim),
    List(Vec<Spec>),
    Dict(Vec<(TreeKey, Spec)>),
}

impl<const N: usize> From<[(usize, Dim); N]> for Spec {
    fn from(dims: [(usize, Dim); N]) -> Self {
        Self::Dims(dims.into())
    }
}

impl From<Dim> for Spec {
    fn from(dim: Dim) -> Self {
        Self::Number(dim)
    }
}

impl From<Vec<Dim>> for Spec {
    /// One for each dimension.
    fn from(dims: Vec<Dim>) -> Self {
        Self::Dims(dims.into_iter().enumerate().collect())
    }
}

/// The dynamic sizes of all inputs: by the names of arguments, by position, or both.
///
/// ```
/// use expc::trace::{Dim, DynamicShapes};
///
/// let batch = Dim::new("batch");
/// let shapes = DynamicShapes::new()
///     .input("x", [(0, batch.clone())])
///     .input("y", vec![batch, Dim::AUTO]);
/// # let _ = shapes;
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DynamicShapes {
    named: Vec<(String, Spec)>,
    positional: Vec<Spec>,
}

impl DynamicShapes {
    /// Everything is static.
    pub fn new() -> Self {
        Self::default()
    }

    /// With the spec of an argument.
    #[must_use]
    pub fn input(mut self, name: &str, spec: impl Into<Spec>) -> Self {
        self.named.push((name.to_owned(), spec.into()));
        self
    }

    /// With the spec of the next argument by position.
    #[must_use]
    pub fn next(mut self, spec: impl Into<Spec>) -> Self {
        self.positional.push(spec.into());
        self
    }

    /// The dimensions of each leaf of the inputs, in order; a number has one.
    ///
    /// # Errors
    /// A spec for something that is not there (E0197).
    pub(super) fn resolve(&self, inputs: &Inputs) -> Result<Vec<BTreeMap<usize, Dim>>, Diagnostic> {
        let names: Vec<&String> = inputs.all().map(|(name, _)| name).collect();
        if let Some((unknown, _)) = self.named.iter().find(|(name, _)| !names.contains(&name)) {
            return Err(spec_fault(format!("there is no input `{unknown}`")));
        }
        if self.positional.len() > names.len() {
            let (found, expected) = (self.positional.len(), names.len());
            return Err(spec_fault(format!(
                "there are {expected} inputs, found specs for {found}"
            )));
        }
        let mut resolved = Vec::new();
        for (position, (name, sample)) in inputs.all().enumerate() {
            let named = self.named.iter().find(|(known, _)| known == name);
            let spec = named.map(|(_, spec)| spec);
            let spec = spec.or_else(|| self.positional.get(position));
            fit(spec.unwrap_or(&Spec::Static), sample, name, &mut resolved)?;
        }
        check_bounds(&resolved)?;
        Ok(resolved)
    }
}

/// Takes the dimensions of one input apart.
fn fit(
    spec: &Spec,
    sample: &Tree<Leaf>,
    path: &str,
    resolved: &mut Vec<BTreeMap<usize, Dim>>,
) -> Result<(), Diagnostic> {
    let mismatch = |what: &str| {
        spec_fault(format!(
            "the input `{path}` is {what}, which the spec is not for"
        ))
    };
    match (spec, sample) {
        (Spec::Static, sample) => resolved.extend(sample.leaves().iter().map(|_| BTreeMap::new())),
        (Spec::Dims(dims), Tree::Leaf(Leaf::Tensor { sizes, .. })) => {
            if let Some((dim, _)) = dims.iter().find(|(dim, _)| **dim >= sizes.len()) {
                let rank = sizes.len();
                return Err(spec_fault(format!(
                    "the spec of `{path}` names dimension {dim}, the tensor has {rank}"
                )));
            }
            resolved.push(dims.clone());
        }
        (Spec::Number(dim), Tree::Leaf(Leaf::Constant(Constant::Int(_)))) => {
            resolved.push(BTreeMap::from([(0, dim.clone())]));
        }
        (Spec::Dims(_) | Spec::Number(_), Tree::Leaf(Leaf::Constant(_))) => {
            return Err(mismatch("a constant"));
        }
        (Spec::Number(_), Tree::Leaf(Leaf::Tensor { .. })) => return Err(mismatch("a tensor")),
        (Spec::List(specs), Tree::Tuple(elements) | Tree::List(elements)) => {
            if specs.len() != elements.len() {
                return Err(mismatch(&format!("a list of {}", elements.len())));
            }
            for (index, (spec, element)) in specs.iter().zip(elements).enumerate() {
                fit(spec, element, &format!("{path}[{index}]"), resolved)?;
            }
        }
        (Spec::Dict(specs), Tree::Dict(entries)) => {
            if let Some((key, _)) = specs.iter().find(|(key, _)| sample.get(key).is_none()) {
                return Err(spec_fault(format!("the input `{path}` has no key {key}")));
            }
            for (key, element) in entries {
                let found = specs.iter().find(|(known, _)| known == key);
                let spec = found.map_or(&Spec::Static, |(_, spec)| spec);
                fit(spec, element, &format!("{path}[{key}]"), resolved)?;
            }
        }
        (_, Tree::Leaf(_)) => return Err(mismatch("no container")),
        (_, Tree::Tuple(_) | Tree::List(_)) => return Err(mismatch("a list")),
        (_, Tree::Dict(_)) => return Err(mismatch("a dictionary")),
    }
    Ok(())
}

/// A name stands for one dimension, so it has the same bounds everywhere.
fn check_bounds(resolved: &[BTreeMap<usize, Dim>]) -> Result<(), Diagnostic> {
    let mut known: BTreeMap<&str, &Dim> = BTreeMap::new();
    for dim in resolved.iter().flat_map(BTreeMap::values) {
        if let (Some(min), Some(max)) = (dim.min, dim.max)
            && min > max
        {
            return Err(spec_fault(format!(
                "`{dim}` has the bounds {min} and {max}"
            )));
        }
        let (DimKind::Named(name) | DimKind::Derived { root: name, .. }) = &dim.kind else {
            continue;
        };
        if let DimKind::Derived { factor, .. } = &dim.kind
            && *factor < 1
        {
            return Err(spec_fault(format!(
                "`{dim}` shrinks where `{name}` grows, expected a positive factor"
            )));
        }
        let other = known.entry(name).or_insert(dim);
        if (other.min, other.max) != (dim.min, dim.max) {
            return Err(spec_fault(format!(
                "`{name}` has different bounds in different places"
            )));
        }
    }
    Ok(())
}

fn spec_fault(what: String) -> Diagnostic {
    Diagnostic::error(code::SPEC, what)
}

/// Specs by the paths of tensors: `batch['ids']`, as `torch.export.ShapesCollection` by the tensors.
#[derive(Clone, Debug, Default)]
pub struct ShapesCollection {
    specs: Vec<(String, Spec)>,
}

impl ShapesCollection {
    pub fn new() -> Self {
        Self::default()
    }

    /// With the spec of the tensor that Python reaches by this path.
    #[must_use]
    pub fn set(mut self, path: &str, spec: impl Into<Spec>) -> Self {
        self.specs.push((path.to_owned(), spec.into()));
        self
    }

    /// The specs as a tree like the inputs.
    ///
    /// # Errors
    /// A path to no tensor (E0197).
    pub fn dynamic_shapes(&self, inputs: &Inputs) -> Result<DynamicShapes, Diagnostic> {
        let mut used = vec![false; self.specs.len()];
        let mut shapes = DynamicShapes::new();
        for (name, sample) in inputs.all() {
            let spec = self.spec_at(sample, name, &mut used);
            shapes.named.push((name.clone(), spec));
        }
        match self.specs.iter().zip(used).find(|(_, used)| !used) {
            Some(((path, _), _)) => Err(spec_fault(format!("there is no tensor `{path}`"))),
            None => Ok(shapes),
        }
    }

    fn spec_at(&self, sample: &Tree<Leaf>, path: &str, used: &mut [bool]) -> Spec {
        match sample {
            Tree::Leaf(_) => {
                let position = self.specs.iter().position(|(known, _)| known == path);
                if let Some(used) = position.and_then(|position| used.get_mut(position)) {
                    *used = true;
                }
                let found = position.and_then(|position| self.specs.get(position));
                found.map(|(_, spec)| spec.clone()).unwrap_or_default()
            }
            Tree::Tuple(elements) | Tree::List(elements) => Spec::List(
                elements
                    .iter()
                    .enumerate()
                    .map(|(index, element)| {
                        self.spec_at(element, &format!("{path}[{index}]"), used)
                    })
                    .collect(),
            ),
            Tree::Dict(entries) => Spec::Dict(
                entries
                    .iter()
                    .map(|(key, element)| {
                        let spec = self.spec_at(element, &format!("{path}[{key}]"), used);
                        (key.clone(), spec)
                    })
                    .collect(),
            ),
        }
    }
}

/// More example inputs: sizes that differ among them are dynamic, all others static.
#[derive(Clone, Debug, Default)]
pub struct AdditionalInputs {
    others: Vec<Inputs>,
}

impl AdditionalInputs {
    pub fn new() -> Self {
        Self::default()
    }

    /// With another example.
    #[must_use]
    pub fn example(mut self, inputs: Inputs) -> Self {
        self.others.push(inputs);
        self
    }

    /// The specs that follow from the examples.
    ///
    /// # Errors
    /// An example of another form (E0197).
    pub fn dynamic_shapes(&self, inputs: &Inputs) -> Result<DynamicShapes, Diagnostic> {
        let mut shapes = DynamicShapes::new();
        for (position, (name, sample)) in inputs.all().enumerate() {
            let mut others = Vec::new();
            for other in &self.others {
                let found = other.all().nth(position);
                let (_, found) = found.ok_or_else(|| other_form(name))?;
                others.push(found);
            }
            let spec = differing(sample, &others).ok_or_else(|| other_form(name))?;
            shapes.named.push((name.clone(), spec));
        }
        Ok(shapes)
    }
}

fn other_form(name: &str) -> Diagnostic {
    spec_fault(format!(
        "an additional example has another form at `{name}`"
    ))
}

/// The sizes that differ are dynamic; none if the examples do not have one form.
fn differing(sample: &Tree<Leaf>, others: &[&Tree<Leaf>]) -> Option<Spec> {
    let children = |index: usize| -> Option<Vec<&Tree<Leaf>>> {
        others
            .iter()
            .map(|other| match other {
                Tree::Tuple(elements) | Tree::List(elements) => elements.get(index),
                Tree::Dict(entries) => entries.get(index).map(|(_, element)| element),
                Tree::Leaf(_) => None,
            })
            .collect()
    };
    Some(match sample {
        Tree::Leaf(Leaf::Tensor { sizes, .. }) => {
            let mut dims = BTreeMap::new();
            for other in others {
                let Tree::Leaf(Leaf::Tensor { sizes: other, .. }) = other else {
                    return None;
                };
                if other.len() != sizes.len() {
                    return None;
                }
                let pairs = sizes.iter().zip(other).enumerate();
                dims.extend(
                    pairs
                        .filter(|(_, (one, other))| one != other)
                        .map(|(dim, _)| (dim, Dim::DYNAMIC)),
                );
            }
            Spec::Dims(dims)
        }
        Tree::Leaf(Leaf::Constant(constant)) => {
            let same =
                |other: &&Tree<Leaf>| **other == Tree::Leaf(Leaf::Constant(constant.clone()));
            let is_int =
                |other: &&Tree<Leaf>| matches!(other, Tree::Leaf(Leaf::Constant(Constant::Int(_))));
            match constant {
                _ if others.iter().all(same) => Spec::Static,
                Constant::Int(_) if others.iter().all(is_int) => Spec::Number(Dim::DYNAMIC),
                _ => return None,
            }
        }
        Tree::Tuple(elements) | Tree::List(elements) => Spec::List(
            elements
                .iter()
                .enumerate()
                .map(|(index, element)| differing(element, &children(index)?))
                .collect::<Option<_>>()?,
        ),
        Tree::Dict(entries) => Spec::Dict(
            entries
                .iter()
                .enumerate()
                .map(|(index, (key, element))| {
                    Some((key.clone(), differing(element, &children(index)?)?))
                })
                .collect::<Option<_>>()?,
        ),
    })
}
