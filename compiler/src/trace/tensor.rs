//! Traced tensors.

use std::{cell::RefCell, fmt, ops, panic::Location, rc::Rc};

use expc_dialects::{Constant, Diagnostic, ScalarType};
use expc_passes::shape::{Item, Size};

use super::{
    graph::{Arg, Call, CallArg, ValueId},
    lower::code,
    number::{Number, Origin, SymBool, SymFloat, SymInt},
    operand::Operand,
    tracer::{Outcomes, Place, Tracer},
};

/// A tensor of the program that is being traced.
///
/// A handle: clones are the same tensor, as in Python, so that an op in place is seen through all of them.
#[derive(Clone)]
pub struct Tensor {
    tracer: Tracer,
    cell: Rc<RefCell<Held>>,
}

/// What a tensor is now: ops in place change it.
struct Held {
    id: ValueId,
    item: Item,
    /// The numbers of its sizes, so that one is the same number whenever it is asked for.
    sizes: Vec<(i64, Number)>,
}

impl fmt::Debug for Tensor {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Tensor({:?})", self.cell.borrow().item)
    }
}

impl Tensor {
    pub(super) fn new(tracer: Tracer, id: ValueId, item: Item) -> Self {
        Self {
            tracer,
            cell: Rc::new(RefCell::new(Held {
                id,
                item,
                sizes: Vec::new(),
            })),
        }
    }

    /// The trace that the tensor belongs to, for ops that take no tensor.
    pub fn tracer(&self) -> &Tracer {
        &self.tracer
    }

    pub(super) fn item(&self) -> Item {
        self.cell.borrow().item.clone()
    }

    pub(super) fn id(&self) -> ValueId {
        self.cell.borrow().id
    }

    /// The value, if the tensor is of this trace.
    pub(super) fn id_in(&self, tracer: &Tracer, place: Place) -> ValueId {
        if !self.tracer.is(tracer) {
            let what = "a tensor of another trace is used";
            self.tracer
                .fail(Diagnostic::error(code::FOREIGN_VALUE, what), place)
        }
        self.id()
    }

    /// What an op in place has made of the tensor.
    pub(super) fn become_result(&self, result: &Tensor) {
        if !Rc::ptr_eq(&self.cell, &result.cell) {
            let (id, item) = (result.id(), result.item());
            *self.cell.borrow_mut() = Held {
                id,
                item,
                sizes: Vec::new(),
            };
        }
    }

    #[track_caller]
    pub(super) fn call(&self, op: &'static str, given: Vec<Option<Operand>>) -> Outcomes {
        let place = Location::caller();
        let outcomes = self.tracer.call(op, given, place);
        Outcomes::new(self.tracer.clone(), outcomes, place)
    }

    #[track_caller]
    fn known(&self) -> Rc<expc_passes::shape::Tensor> {
        match self.item() {
            Item::Tensor(tensor) => tensor,
            _ => {
                let fault = Diagnostic::error(code::CALL, "the rank of the tensor is not known");
                self.tracer.fail(fault, Location::caller())
            }
        }
    }

    /// The number of dimensions.
    #[track_caller]
    pub fn dim(&self) -> usize {
        self.known().sizes.len()
    }

    /// The element type.
    #[track_caller]
    pub fn dtype(&self) -> ScalarType {
        match self.item() {
            Item::Unranked(dtype) => dtype,
            _ => self.known().dtype,
        }
    }

    /// The device: `cpu`, `cuda:0`.
    #[track_caller]
    pub fn device(&self) -> String {
        self.known().device.to_string()
    }

    /// The size of a dimension, counted from the end where it is negative.
    #[track_caller]
    pub fn size(&self, dim: i64) -> SymInt {
        let tensor = self.known();
        let rank = i64::try_from(tensor.sizes.len()).unwrap_or(i64::MAX);
        let wrapped = if dim < 0 {
            dim.saturating_add(rank)
        } else {
            dim
        };
        let position = usize::try_from(wrapped).ok();
        let Some(size) = position.and_then(|position| tensor.sizes.get(position)) else {
            let what = format!("a tensor of rank {rank} has no dimension {dim}");
            self.tracer
                .fail(Diagnostic::error(code::CALL, what), Location::caller())
        };
        self.size_number(size, wrapped)
    }

    fn size_number(&self, size: &Size, dim: i64) -> SymInt {
        let size = match size {
            Size::Int(value) => return SymInt::from(*value),
            Size::Expr(expr) => Size::from(self.tracer.state.shapes.borrow().resolve(expr)),
        };
        let known = |held: &Held| {
            let found = held.sizes.iter().find(|(known, _)| *known == dim);
            found.map(|(_, number)| number.clone())
        };
        if let Some(number) = known(&self.cell.borrow()) {
            return SymInt::from_number(number);
        }
        let origin = Origin::SizeOf(self.id(), dim);
        let number = Number::new(self.tracer.clone(), Item::Int(size), origin);
        self.cell.borrow_mut().sizes.push((dim, number.clone()));
        SymInt::from_number(number)
    }

    /// The sizes of all dimensions.
    #[track_caller]
    pub fn shape(&self) -> Vec<SymInt> {
        let tensor = self.known();
        let dims = (0_i64..).zip(&tensor.sizes);
        dims.map(|(dim, size)| self.size_number(size, dim))
            .collect()
    }

    /// The number of elements, if no size is symbolic; otherwise the product of the sizes.
    #[track_caller]
    pub fn numel(&self) -> SymInt {
        let mut product = SymInt::from(1);
        for size in self.shape() {
            product = product * size;
        }
        product
    }

    /// The only element of an integer tensor, a number that data decide.
    #[track_caller]
    pub fn item_int(&self) -> SymInt {
        SymInt::from_number(self.read_item())
    }

    /// The only element of a floating-point tensor, a number that data decide.
    #[track_caller]
    pub fn item_float(&self) -> SymFloat {
        SymFloat::from_number(self.read_item())
    }

    /// The only element of a boolean tensor, which data decide.
    #[track_caller]
    pub fn item_bool(&self) -> SymBool {
        SymBool::from_number(self.read_item())
    }

    #[track_caller]
    fn read_item(&self) -> Number {
        self.call("aten.item.default", vec![Some(self.into())])
            .number()
    }

    /// `self[start:end:step]` in a dimension; `end` left open is the end of the tensor.
    #[track_caller]
    pub fn slice(
        &self,
        dim: i64,
        start: impl Into<Option<SymInt>>,
        end: impl Into<Option<SymInt>>,
        step: i64,
    ) -> Tensor {
        let bound = |bound: Option<SymInt>| match bound {
            Some(bound) => Operand::from(bound),
            None => Operand::Constant(Constant::None),
        };
        let given = vec![
            Some(self.into()),
            Some(dim.into()),
            Some(bound(start.into())),
            Some(bound(end.into())),
            Some(step.into()),
        ];
        self.call("aten.slice.Tensor", given).tensor()
    }

    /// The tensor with another element type, as Python's `x.to(dtype)`: the program asserts the type that it has now.
    #[track_caller]
    pub fn to(&self, dtype: ScalarType) -> Tensor {
        let place = Location::caller();
        let known = self.known();
        let by_keyword = |name: &str, constant| CallArg {
            by_keyword: true,
            ..CallArg::new(name, Arg::Constant(constant))
        };
        let args = vec![
            CallArg::new("a", Operand::from(self).into_arg(&self.tracer, place)),
            by_keyword("dtype", Constant::Dtype(known.dtype)),
            by_keyword("device", Constant::Device(known.device.to_string())),
            by_keyword("layout", Constant::Layout(known.layout.to_string())),
        ];
        let call = Call::new("aten._assert_tensor_metadata.default", args)
            .named("_assert_tensor_metadata_default");
        self.tracer.add(call, Vec::new(), place);
        self.call("aten.to.dtype", vec![Some(self.into()), Some(dtype.into())])
            .tensor()
    }

    /// `self ** exponent`.
    #[track_caller]
    pub fn pow(&self, exponent: impl Into<Operand>) -> Tensor {
        let exponent = exponent.into();
        let op = match exponent {
            Operand::Tensor(_) => "aten.pow.Tensor_Tensor",
            _ => "aten.pow.Tensor_Scalar",
        };
        self.call(op, vec![Some(self.into()), Some(exponent)])
            .tensor()
    }
}

/// Binary operators: the op, and the op where a number stands on the left.
macro_rules! operators {
    ($($trait:ident $method:ident $op:literal;)*) => {
        $(
            impl<T: Into<Operand>> ops::$trait<T> for &Tensor {
                type Output = Tensor;
                #[track_caller]
                fn $method(self, other: T) -> Tensor {
                    self.call($op, vec![Some(self.into()), Some(other.into())]).tensor()
                }
            }

            impl<T: Into<Operand>> ops::$trait<T> for Tensor {
                type Output = Tensor;
                #[track_caller]
                fn $method(self, other: T) -> Tensor {
                    ops::$trait::$method(&self, other)
                }
            }
        )*
    };
}

operators! {
    Add add "aten.add.Tensor";
    Sub sub "aten.sub.Tensor";
    Mul mul "aten.mul.Tensor";
    Div div "aten.div.Tensor";
    Rem rem "aten.remainder.Tensor";
}

impl ops::Neg for &Tensor {
    type Output = Tensor;
    #[track_caller]
    fn neg(self) -> Tensor {
        self.call("aten.neg.default", vec![Some(self.into())])
            .tensor()
    }
}

impl ops::Neg for Tensor {
    type Output = Tensor;
    #[track_caller]
    fn neg(self) -> Tensor {
        -&self
    }
}

/// Operators with a number on the left, which Python writes as other ops.
macro_rules! operators_of_numbers {
    ($($number:ty)*) => {
        $(
            impl ops::Add<&Tensor> for $number {
                type Output = Tensor;
                #[track_caller]
                fn add(self, other: &Tensor) -> Tensor {
                    other + self
                }
            }

            impl ops::Mul<&Tensor> for $number {
                type Output = Tensor;
                #[track_caller]
                fn mul(self, other: &Tensor) -> Tensor {
                    other * self
                }
            }

            impl ops::Sub<&Tensor> for $number {
                type Output = Tensor;
                #[track_caller]
                fn sub(self, other: &Tensor) -> Tensor {
                    other
                        .call("aten.rsub.Scalar", vec![Some(other.into()), Some(self.into())])
                        .tensor()
                }
            }

            impl ops::Div<&Tensor> for $number {
                type Output = Tensor;
                #[track_caller]
                fn div(self, other: &Tensor) -> Tensor {
                    let reciprocal = other
                        .call("aten.reciprocal.default", vec![Some(other.into())])
                        .tensor();
                    ops::Mul::mul(&reciprocal, self)
                }
            }
        )*
    };
}

operators_of_numbers!(i64 f64 SymInt);
