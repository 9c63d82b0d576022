//! Writing through a view: what the viewed tensor holds when the view holds something new.
//!
//! [`RULES`] has the views with an inverse, [`REFUSED`] the ones without; together they name every view of the op
//! table.

use expc_dialects::{Argument, AtenOp, Constant, Diagnostic, Dim, GivenArgument, TensorMeta};
use melior::ir::{Value, ValueLike, operation::OperationLike};

use super::{
    aliases::View,
    emit::{self, Emit, given},
    views::{self, functional_view_name, is_listed},
};

/// Writing through a view: the viewed tensor, as it was, with `new` where the view shows it.
pub(super) fn inverse<'c: 'a, 'a>(
    emit: &Emit<'c, 'a, '_>,
    view: &View<'c, 'a>,
    base: Value<'c, 'a>,
    new: Value<'c, 'a>,
) -> Result<Value<'c, 'a>, Diagnostic> {
    let op = AtenOp::new(view.op);
    let name = functional_view_name(&op.name());
    let inverse = Inverse {
        emit: emit.at(view.op.location()),
        op,
        view,
        base,
        new,
    };
    match rule_of(&name) {
        Some(row) => (row.rule)(&inverse),
        None => inverse.refuse(refusal_of(&name).unwrap_or(UNKNOWN)),
    }
}

/// Why writes are refused through a view that [`RULES`] and [`REFUSED`] do not have.
pub(super) const UNKNOWN: &str = "how to write through it is not known";

/// How writes through a view become functional, in words.
pub(super) fn summary_of(name: &str) -> Option<&'static str> {
    rule_of(&functional_view_name(name)).map(|row| row.summary)
}

/// Why writes through a view are refused.
pub(super) fn refusal_of(name: &str) -> Option<&'static str> {
    let row = REFUSED.iter().find(|(names, _)| is_listed(names, name));
    row.map(|(_, reason)| *reason)
}

fn rule_of(name: &str) -> Option<&'static Row> {
    RULES.iter().find(|row| is_listed(row.names, name))
}

/// A write through a view.
struct Inverse<'v, 'c: 'a, 'a, 'e> {
    emit: Emit<'c, 'a, 'e>,
    op: AtenOp<'c, 'a>,
    view: &'v View<'c, 'a>,
    base: Value<'c, 'a>,
    new: Value<'c, 'a>,
}

type Outcome<'c, 'a> = Result<Value<'c, 'a>, Diagnostic>;
type Rule = for<'v, 'c, 'a, 'e> fn(&Inverse<'v, 'c, 'a, 'e>) -> Outcome<'c, 'a>;

struct Row {
    /// With or without overloads.
    names: &'static str,
    summary: &'static str,
    rule: Rule,
}

const RULES: &[Row] = &[
    Row {
        names: "aten.slice.Tensor",
        summary: "`aten.slice_scatter.default`",
        rule: |inverse| inverse.scatter("aten.slice_scatter.default", &[]),
    },
    Row {
        names: "aten.select.int",
        summary: "`aten.select_scatter.default`",
        rule: |inverse| inverse.scatter("aten.select_scatter.default", &[]),
    },
    Row {
        names: "aten.diagonal.default",
        summary: "`aten.diagonal_scatter.default`",
        rule: |inverse| inverse.scatter("aten.diagonal_scatter.default", &[]),
    },
    Row {
        names: "aten.linalg_diagonal",
        summary: "`aten.diagonal_scatter.default`",
        rule: |inverse| {
            inverse.scatter(
                "aten.diagonal_scatter.default",
                &[("dim1", -2), ("dim2", -1)],
            )
        },
    },
    Row {
        names: "aten.as_strided prims.as_strided",
        summary: "`aten.as_strided_scatter.default`",
        rule: |inverse| inverse.of_memory(),
    },
    Row {
        names: "aten.unfold",
        summary: "`aten.unfold_backward.default` of parts that tile a dimension, `aten.as_strided_scatter.default`",
        rule: |inverse| inverse.fold(),
    },
    Row {
        names: "aten.alias aten.detach aten.lift_fresh aten.contiguous aten.to aten.type_as aten.positive aten.cpu \
                aten.cuda aten.pin_memory aten.as_tensor aten.resolve_conj aten.resolve_neg aten.dropout \
                aten.feature_dropout aten.alpha_dropout aten.feature_alpha_dropout aten.conj_physical \
                aten.cartesian_prod aten.sum_to_size aten._autocast_to_full_precision \
                aten._autocast_to_reduced_precision prims.view_of",
        summary: "the new value itself",
        rule: |inverse| inverse.same(),
    },
    Row {
        names: "aten._conj aten.conj prims.conj",
        summary: "`aten._conj_physical.default`",
        rule: |inverse| match views::is_complex(inverse.base) {
            true => inverse.unary("aten._conj_physical.default"),
            false => inverse.same(),
        },
    },
    Row {
        names: "aten._neg_view",
        summary: "`aten.neg.default`",
        rule: |inverse| inverse.unary("aten.neg.default"),
    },
    Row {
        names: "aten.mH aten.matrix_H aten.adjoint",
        summary: "the same view of the new value, with `aten.resolve_conj.default`",
        rule: |inverse| inverse.adjoint(),
    },
    Row {
        names: "aten.t aten.mT aten.numpy_T",
        summary: "the same view of the new value",
        rule: |inverse| inverse.unary(&functional_view_name(&inverse.op.name())),
    },
    Row {
        names: "aten.unsqueeze",
        summary: "`aten.squeeze.dim`",
        rule: |inverse| {
            let dim = inverse.constant_dim()?;
            inverse.build(
                "aten.squeeze.dim",
                vec![given("self", inverse.new), given("dim", dim)],
            )
        },
    },
    Row {
        names: "aten.squeeze.default aten.squeeze.dim aten.squeeze.dims",
        summary: "`aten.unsqueeze.default`; `aten.view.default` where sizes are symbolic",
        rule: |inverse| inverse.unsqueeze(),
    },
    Row {
        names: "aten.transpose.int aten.swapaxes aten.swapdims",
        summary: "the same view of the new value",
        rule: |inverse| inverse.same_again(),
    },
    Row {
        names: "aten.permute prims.transpose",
        summary: "`aten.permute.default`, the other way",
        rule: |inverse| inverse.permute(),
    },
    Row {
        names: "aten.movedim.int aten.movedim.intlist aten.moveaxis.int aten.moveaxis.intlist",
        summary: "the same view, the other way",
        rule: |inverse| inverse.move_back(),
    },
    Row {
        names: "aten.view.default aten.view_as aten._unsafe_view aten._reshape_alias aten.reshape aten.reshape_as \
                aten.ravel aten.flatten.using_ints aten.unflatten.int aten.atleast_1d aten.atleast_2d aten.atleast_3d prims.split_dim \
                prims.collapse_view prims.squeeze",
        summary: "`aten.view.default` with the old sizes",
        rule: |inverse| inverse.reshape_back(),
    },
    Row {
        names: "aten.expand aten.expand_as aten.broadcast_to",
        summary: "`aten.view.default` of the first of equal elements",
        rule: |inverse| inverse.expand(),
    },
    Row {
        names: "aten.view.dtype prims.view_of_dtype",
        summary: "`aten.view.dtype` with the old dtype",
        rule: |inverse| inverse.bits(),
    },
    Row {
        names: "aten.view_as_real",
        summary: "`aten.view_as_complex.default`",
        rule: |inverse| inverse.unary("aten.view_as_complex.default"),
    },
    Row {
        names: "aten.view_as_complex",
        summary: "`aten.view_as_real.default`",
        rule: |inverse| inverse.unary("aten.view_as_real.default"),
    },
    Row {
        names: "aten.real prims.real",
        summary: "`aten.select_scatter.default` of the parts",
        rule: |inverse| inverse.part_of_complex(0),
    },
    Row {
        names: "aten.imag prims.imag",
        summary: "`aten.select_scatter.default` of the parts",
        rule: |inverse| inverse.part_of_complex(1),
    },
    Row {
        names: "aten.narrow.default",
        summary: "`aten.slice_scatter.default`, twice",
        rule: |inverse| inverse.narrow(),
    },
    Row {
        names: "aten.unbind.int",
        summary: "`aten.select_scatter.default`",
        rule: |inverse| inverse.unbind(),
    },
    Row {
        names: "aten.split.Tensor aten.split.default aten.split.sizes aten.split_with_sizes aten.chunk \
                aten.tensor_split",
        summary: "`aten.slice_scatter.default`; `aten.cat.default` where it begins is not given",
        rule: |inverse| {
            let dim = inverse.constant_dim()?;
            inverse.part(dim)
        },
    },
    Row {
        names: "aten.hsplit",
        summary: "`aten.slice_scatter.default`; `aten.cat.default` where it begins is not given",
        rule: |inverse| {
            let is_vector = inverse.rank() == Some(1);
            inverse.part(i64::from(!is_vector))
        },
    },
    Row {
        names: "aten.vsplit",
        summary: "`aten.slice_scatter.default`; `aten.cat.default` where it begins is not given",
        rule: |inverse| inverse.part(0),
    },
    Row {
        names: "aten.dsplit",
        summary: "`aten.slice_scatter.default`; `aten.cat.default` where it begins is not given",
        rule: |inverse| inverse.part(2),
    },
];

/// Views that nothing can be written through, and why. They are followed as long as they are only read.
const REFUSED: &[(&str, &str)] = &[
    (
        "aten._indices aten._values aten.indices aten.values aten.crow_indices aten.col_indices aten.ccol_indices \
         aten.row_indices aten.coalesce aten._sparse_broadcast_to",
        "it shows a part of a sparse tensor",
    ),
    (
        "aten._nested_get_values aten._nested_view_from_buffer aten._nested_view_from_jagged",
        "it shows a part of a nested tensor",
    ),
    (
        "aten.align_to aten.refine_names aten.rename aten.diagonal.Dimname aten.flatten.DimnameList \
         aten.flatten.named_out_dim aten.flatten.using_names aten.select.Dimname aten.squeeze.dimname \
         aten.transpose.Dimname aten.unbind.Dimname aten.unflatten.Dimname",
        "its dimensions have names",
    ),
    (
        "aten._fw_primal aten._make_dual aten._unpack_dual aten._grad_sum_to_size",
        "it belongs to automatic differentiation",
    ),
    (
        "aten._ncf_unsqueeze aten._ncf_view aten._test_autograd_multiple_dispatch_view aten._unwrap_optional \
         aten.slice_inverse aten.mT.a aten.mH.a aten.matrix_H.a aten.numpy_T.a prim.Guard prim.IfThenElse prim.data \
         prim.unchecked_unwrap_optional static_runtime.select_tensor",
        "programs that `torch.export` makes do not have it",
    ),
    ("aten.narrow.Tensor", "where it begins depends on data"),
    (
        "prims.broadcast_in_dim aten.meshgrid aten.broadcast_tensors",
        "more than one of its elements may show the same place",
    ),
];

impl<'c: 'a, 'a> Inverse<'_, 'c, 'a, '_> {
    fn same(&self) -> Outcome<'c, 'a> {
        Ok(self.new)
    }

    fn rank(&self) -> Option<usize> {
        TensorMeta::from_mlir(self.base.r#type())?
            .sizes
            .map(|sizes| sizes.len())
    }

    /// `op_scatter(base, new, …)` with the view's own arguments, or others in their place.
    fn scatter(&self, name: &str, defaults: &[(&str, i64)]) -> Outcome<'c, 'a> {
        let mut arguments = vec![given("self", self.base), given("src", self.new)];
        for argument in self.op.arguments()? {
            if !matches!(argument.name.as_str(), "self" | "A") {
                arguments.push(argument);
            }
        }
        for (name, value) in defaults {
            if !arguments.iter().any(|argument| argument.name == *name) {
                arguments.push(given(name, *value));
            }
        }
        self.build(name, arguments)
    }

    fn unary(&self, name: &str) -> Outcome<'c, 'a> {
        let first = expc_dialects::table::lookup(name)
            .and_then(|def| def.schema.args.first())
            .map_or("self", |arg| arg.name);
        self.build(name, vec![given(first, self.new)])
    }

    fn adjoint(&self) -> Outcome<'c, 'a> {
        let adjoint = self.unary(&functional_view_name(&self.op.name()))?;
        match views::is_complex(self.base) {
            true => self.build("aten.resolve_conj.default", vec![given("self", adjoint)]),
            false => Ok(adjoint),
        }
    }

    /// The dimensions of size 1 that are gone are put back, the first of them first.
    fn unsqueeze(&self) -> Outcome<'c, 'a> {
        let sizes = |value: Value<'c, 'a>| -> Option<Vec<i64>> {
            let sizes = TensorMeta::from_mlir(value.r#type())?.sizes?;
            sizes.iter().map(Dim::as_static).collect()
        };
        let (Some(old), Some(new)) = (sizes(self.base), sizes(self.new)) else {
            return self.reshape_back();
        };
        let mut left = new.iter().peekable();
        let mut value = self.new;
        for (dim, size) in (0_i64..).zip(&old) {
            if left.peek() == Some(&size) {
                left.next();
                continue;
            }
            let arguments = vec![given("self", value), given("dim", dim)];
            value = self.emit.value("aten.unsqueeze.default", arguments, None)?;
        }
        Ok(value)
    }

    /// Views that undo themselves.
    fn same_again(&self) -> Outcome<'c, 'a> {
        let arguments = views::arguments_on(self.view, self.new)?;
        self.build(&functional_view_name(&self.op.name()), arguments)
    }

    /// permute(x, p) is undone by permute(x, p⁻¹).
    fn permute(&self) -> Outcome<'c, 'a> {
        let dims = self
            .op
            .argument("dims")?
            .or(self.op.argument("permutation")?);
        let Some(Argument::Constant(Constant::Ints(dims))) = dims else {
            return match self.rank() {
                Some(0) => self.same(),
                _ => self.refuse("its dimensions are not constant"),
            };
        };
        let rank = i64::try_from(dims.len()).unwrap_or(i64::MAX);
        let mut inverse = vec![0; dims.len()];
        for (position, dim) in (0..).zip(&dims) {
            let slot = usize::try_from(dim.rem_euclid(rank.max(1)))
                .ok()
                .and_then(|dim| inverse.get_mut(dim));
            if let Some(slot) = slot {
                *slot = position;
            }
        }
        let arguments = vec![given("self", self.new), given("dims", inverse)];
        self.build("aten.permute.default", arguments)
    }

    /// movedim(x, from, to) is undone by movedim(x, to, from).
    fn move_back(&self) -> Outcome<'c, 'a> {
        let mut arguments = views::arguments_on(self.view, self.new)?;
        for argument in &mut arguments {
            let other = match argument.name.as_str() {
                "source" => "destination",
                "destination" => "source",
                _ => continue,
            };
            other.clone_into(&mut argument.name);
        }
        self.build(&self.op.name(), arguments)
    }

    /// Views that keep the order of elements are undone by the old sizes.
    fn reshape_back(&self) -> Outcome<'c, 'a> {
        self.view_as_base(self.new)
    }

    fn view_as_base(&self, new: Value<'c, 'a>) -> Outcome<'c, 'a> {
        match self.emit.sizes(self.base)? {
            Some(sizes) => {
                let recorded = Some(self.base.r#type());
                self.emit.view(new, Argument::from(sizes), recorded)
            }
            None => self.refuse("the sizes of the viewed tensor are not known"),
        }
    }

    /// Where an expanded tensor is written, all elements that show one place get one value: the first stands for
    /// all.
    fn expand(&self) -> Outcome<'c, 'a> {
        let sizes = |value: Value<'c, 'a>| TensorMeta::from_mlir(value.r#type())?.sizes;
        let (Some(from), Some(to)) = (sizes(self.base), sizes(self.new)) else {
            return self.refuse("the sizes of the viewed tensor are not known");
        };
        let Some(added) = to.len().checked_sub(from.len()) else {
            return self.refuse("it has fewer dimensions than what it shows");
        };
        let mut first = self.new;
        for (dim, size) in to.iter().enumerate() {
            let old = dim.checked_sub(added).and_then(|dim| from.get(dim));
            if *size == Dim::Static(1) || old == Some(size) {
                continue;
            }
            if old.is_some_and(|old| *old != Dim::Static(1)) {
                return self.refuse("which of its dimensions it repeats is not known");
            }
            let arguments = vec![
                given("self", first),
                given("dim", i64::try_from(dim).unwrap_or(i64::MAX)),
                given("start", 0_i64),
                given("end", 1_i64),
            ];
            first = self.emit.value("aten.slice.Tensor", arguments, None)?;
        }
        self.view_as_base(first)
    }

    /// The new bits, read as what the viewed tensor has.
    fn bits(&self) -> Outcome<'c, 'a> {
        let Some(meta) = TensorMeta::from_mlir(self.base.r#type()) else {
            return self.refuse("the dtype of the viewed tensor is not known");
        };
        let arguments = vec![
            given("self", self.new),
            given("dtype", Argument::from(meta.dtype)),
        ];
        self.build("aten.view.dtype", arguments)
    }

    /// The real or imaginary part is select(view_as_real(x), -1, part).
    fn part_of_complex(&self, part: i64) -> Outcome<'c, 'a> {
        if !views::is_complex(self.base) {
            return self.same();
        }
        let parts = vec![given("self", self.base)];
        let parts = self.emit.value("aten.view_as_real.default", parts, None)?;
        let arguments = vec![
            given("self", parts),
            given("src", self.new),
            given("dim", -1_i64),
            given("index", part),
        ];
        let parts = self.emit.value(
            "aten.select_scatter.default",
            arguments,
            Some(parts.r#type()),
        )?;
        self.build("aten.view_as_complex.default", vec![given("self", parts)])
    }

    /// The viewed memory is laid out as the view op found it.
    fn of_memory(&self) -> Outcome<'c, 'a> {
        let base = match &self.view.memory {
            Some(memory) => self.emit.with_layout(self.base, memory.layout)?,
            None => self.base,
        };
        let mut arguments = vec![given("self", base), given("src", self.new)];
        arguments.extend(
            views::arguments_on(self.view, base)?
                .into_iter()
                .filter(|argument| argument.name != "self"),
        );
        self.build("aten.as_strided_scatter.default", arguments)
    }

    /// Parts side by side that show each element once are put back by the gradient of unfold.
    fn fold(&self) -> Outcome<'c, 'a> {
        let int = |name: &str| -> Result<Option<i64>, Diagnostic> {
            let argument = self.op.argument(name)?;
            Ok(match argument {
                Some(Argument::Constant(Constant::Int(number))) => Some(number),
                _ => None,
            })
        };
        let (dim, part) = (int("dimension")?, int("size")?);
        let meta = TensorMeta::from_mlir(self.base.r#type());
        let sizes: Option<Vec<i64>> = meta
            .and_then(|meta| meta.sizes)
            .and_then(|sizes| sizes.iter().map(Dim::as_static).collect());
        let (Some(dim), Some(part), Some(sizes)) = (dim, part, sizes) else {
            return self.strided();
        };
        let rank = i64::try_from(sizes.len()).unwrap_or(i64::MAX);
        let size = usize::try_from(dim.rem_euclid(rank.max(1)))
            .ok()
            .and_then(|dim| sizes.get(dim).copied());
        let is_tiled = size.is_some_and(|size| part > 0 && size % part == 0);
        if !is_tiled || int("step")? != Some(part) {
            return self.strided();
        }
        let arguments = vec![
            given("grad_in", self.new),
            given("input_sizes", sizes),
            given("dim", dim),
            given("size", part),
            given("step", part),
        ];
        self.build("aten.unfold_backward.default", arguments)
    }

    /// Any view by numbers of elements, where its strides are constant.
    fn strided(&self) -> Outcome<'c, 'a> {
        let shown = views::replay(&self.emit, self.view, self.base)?;
        let numbers = |dims: Option<Vec<Dim>>| -> Option<Vec<i64>> {
            dims?.iter().map(Dim::as_static).collect()
        };
        let layout = TensorMeta::from_mlir(shown.r#type()).and_then(|meta| {
            let sizes = numbers(meta.sizes)?;
            let strides = match meta.strides {
                Some(strides) => numbers(Some(strides))?,
                None => emit::row_major(&sizes)?,
            };
            Some((sizes, strides, meta.storage_offset.as_static()?))
        });
        let Some((sizes, strides, offset)) = layout else {
            return self.refuse("its strides are not constant");
        };
        let arguments = vec![
            given("self", self.base),
            given("src", self.new),
            given("size", sizes),
            given("stride", strides),
            given("storage_offset", offset),
        ];
        self.build("aten.as_strided_scatter.default", arguments)
    }

    /// narrow(x, dim, start, length) is slice(slice(x, dim, start), dim, 0, length).
    fn narrow(&self) -> Outcome<'c, 'a> {
        let dim = self.constant_dim()?;
        let (start, length) = (self.op.argument("start")?, self.op.argument("length")?);
        let (Some(start), Some(length)) = (start, length) else {
            return self.refuse("its bounds are not known");
        };
        let bounds = |tensor, start| {
            vec![
                given("self", tensor),
                given("dim", dim),
                GivenArgument {
                    name: "start".to_owned(),
                    value: start,
                    by_keyword: false,
                },
            ]
        };
        let tail = self
            .emit
            .value("aten.slice.Tensor", bounds(self.base, start.clone()), None)?;
        let mut arguments = bounds(tail, Argument::from(0_i64));
        arguments.push(given("end", length));
        arguments.push(given("src", self.new));
        let tail = self
            .emit
            .value("aten.slice_scatter.default", arguments, Some(tail.r#type()))?;
        let mut arguments = bounds(self.base, start);
        arguments.push(given("src", tail));
        self.build("aten.slice_scatter.default", arguments)
    }

    /// Result `i` of unbind is select(x, dim, i).
    fn unbind(&self) -> Outcome<'c, 'a> {
        let index = i64::try_from(self.view.result).unwrap_or(i64::MAX);
        let arguments = vec![
            given("self", self.base),
            given("src", self.new),
            given("dim", self.constant_dim()?),
            given("index", index),
        ];
        self.build("aten.select_scatter.default", arguments)
    }

    /// Result `i` of a split begins where the results before it end.
    fn part(&self, dim: i64) -> Outcome<'c, 'a> {
        let (start, end) = match (self.bounds(dim), self.symbolic_bounds()?) {
            (Some((start, end)), _) => (Argument::from(start), Argument::from(end)),
            (None, Some(bounds)) => bounds,
            (None, None) => return self.joined(dim),
        };
        let arguments = vec![
            given("self", self.base),
            given("src", self.new),
            given("dim", dim),
            given("start", start),
            given("end", end),
        ];
        self.build("aten.slice_scatter.default", arguments)
    }

    /// Where the part lies, if its size and those of the parts before it are constant.
    fn bounds(&self, dim: i64) -> Option<(i64, i64)> {
        let mut start = 0_i64;
        for (index, result) in self.view.op.results().enumerate() {
            let sizes = TensorMeta::from_mlir(result.r#type())?.sizes?;
            let rank = i64::try_from(sizes.len()).ok()?;
            let position = usize::try_from(dim.rem_euclid(rank.max(1))).ok()?;
            let end = start.checked_add(sizes.get(position)?.as_static()?)?;
            if index == self.view.result {
                return Some((start, end));
            }
            start = end;
        }
        None
    }

    /// Where the part lies, from the sizes that the program splits by.
    fn symbolic_bounds(&self) -> Result<Option<(Argument<'c, 'a>, Argument<'c, 'a>)>, Diagnostic> {
        let sizes = match (
            self.op.argument("split_sizes")?,
            self.op.argument("split_size")?,
        ) {
            (Some(sizes), _) | (None, Some(sizes)) => sizes.elements(),
            (None, None) => None,
        };
        let Some(sizes) = sizes.filter(|sizes| sizes.len() > self.view.result) else {
            return Ok(None);
        };
        let mut bounds = (Argument::from(0_i64), Argument::from(0_i64));
        for size in sizes.into_iter().take(self.view.result.saturating_add(1)) {
            let end = self.emit.sum(bounds.1.clone(), size)?;
            bounds = (bounds.1, end);
        }
        Ok(Some(bounds))
    }

    /// All parts, the new one among them, side by side.
    fn joined(&self, dim: i64) -> Outcome<'c, 'a> {
        let mut parts: Vec<Value<'c, 'a>> = Vec::new();
        for index in 0..self.view.op.result_count() {
            let part = View {
                result: index,
                ..*self.view
            };
            parts.push(match index == self.view.result {
                true => self.new,
                false => views::replay(&self.emit, &part, self.base)?,
            });
        }
        let arguments = vec![given("tensors", Argument::from(parts)), given("dim", dim)];
        self.build("aten.cat.default", arguments)
    }

    fn constant_dim(&self) -> Result<i64, Diagnostic> {
        match self.op.argument("dim")? {
            Some(Argument::Constant(Constant::Int(dim))) => Ok(dim),
            None => Ok(0),
            Some(_) => self.refuse("its dimension is not constant"),
        }
    }

    fn build(&self, name: &str, arguments: Vec<GivenArgument<'c, 'a>>) -> Outcome<'c, 'a> {
        self.emit.value(name, arguments, Some(self.base.r#type()))
    }

    fn refuse<T>(&self, why: &str) -> Result<T, Diagnostic> {
        Err(Diagnostic::at(
            &self.view.op,
            "E0303",
            format!(
                "a write through the view `{}` has no functional form: {why}",
                self.op.name()
            ),
        ))
    }
}
