//! Numbers of the program that is being traced: sizes, what is computed from them, and what is read out of tensors.
//!
//! A number that is known is a constant and leaves nothing in the graph. Others have an expression and an origin; the
//! node that computes one is made when an op needs it as an argument. `==`, `<` and so on give a `bool` and leave a
//! guard behind; [`SymInt::sym_lt`] and its like give a [`SymBool`] that stays in the program.

use std::{cell::RefCell, cmp::Ordering, fmt, ops, panic::Location, rc::Rc};

use expc_dialects::{Constant, Diagnostic};
use expc_passes::shape::{Item, Size, infer_items};
use expc_symbolic::Expr;

use super::{
    graph::{Arg, GraphId, ValueId},
    lower::code,
    operand::Operand,
    tracer::{Outcome, Place, Tracer, to_constant},
};

/// How the graph computes a number.
pub(super) enum Origin {
    Constant,
    /// The value, in whichever graph it is.
    Value(ValueId),
    /// The size of a dimension of a tensor.
    SizeOf(ValueId, i64),
    /// A function of the `sym` dialect.
    Function(&'static str, Vec<Number>),
}

/// A number of any kind.
#[derive(Clone)]
pub struct Number {
    tracer: Option<Tracer>,
    item: Item,
    node: Rc<Node>,
}

struct Node {
    origin: Origin,
    /// The values that hold the number, by graph.
    made: RefCell<Vec<(GraphId, ValueId)>>,
}

impl fmt::Debug for Number {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

impl fmt::Display for Number {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.item.expression_text() {
            Some(text) => formatter.write_str(&text),
            None => formatter.write_str("?"),
        }
    }
}

impl Number {
    pub(super) fn new(tracer: Tracer, item: Item, origin: Origin) -> Self {
        Self {
            tracer: Some(tracer),
            item,
            node: Rc::new(Node {
                origin,
                made: RefCell::default(),
            }),
        }
    }

    pub(super) fn of_value(tracer: Tracer, id: ValueId, item: Item) -> Self {
        Self::new(tracer, item, Origin::Value(id))
    }

    pub(super) fn constant(item: Item) -> Self {
        Self {
            tracer: None,
            item,
            node: Rc::new(Node {
                origin: Origin::Constant,
                made: RefCell::default(),
            }),
        }
    }

    pub(super) fn item(&self) -> &Item {
        &self.item
    }

    /// The expression; none if nothing is known.
    pub(super) fn expr(&self) -> Option<Expr> {
        match &self.item {
            Item::Int(size) => Some(size.to_expr()),
            Item::Float(value) => Expr::float(*value).ok(),
            Item::Bool(value) => Some(Expr::bool(*value)),
            Item::SymFloat(expr) | Item::SymBool(expr) => expr.clone(),
            _ => None,
        }
    }

    /// The argument that stands for the number in the open graph, which computes it if need be.
    pub(super) fn arg(&self, tracer: &Tracer, place: Place) -> Arg {
        if let Some(constant) = to_constant(&self.resolved(tracer)) {
            return Arg::Constant(constant);
        }
        Arg::Value(self.value(tracer, place))
    }

    /// The number with what has been learnt of its symbols since.
    fn resolved(&self, tracer: &Tracer) -> Item {
        match &self.item {
            Item::Int(Size::Expr(expr)) => {
                Item::Int(tracer.state.shapes.borrow().resolve(expr).into())
            }
            item => item.clone(),
        }
    }

    fn value(&self, tracer: &Tracer, place: Place) -> ValueId {
        let graph = tracer.graph();
        let known = |(owner, value): &(GraphId, ValueId)| (*owner == graph).then_some(*value);
        if let Some(value) = self.node.made.borrow().iter().find_map(known) {
            return value;
        }
        let value = match &self.node.origin {
            Origin::Value(id) => tracer.reach(*id),
            Origin::SizeOf(tensor, dim) => {
                let operands = vec![Operand::Value(*tensor, Item::Any), Operand::from(*dim)];
                self.compute(tracer, "aten.sym_size.int", operands, place)
            }
            Origin::Function(name, args) => {
                let operands = args.iter().cloned().map(Operand::Number).collect();
                self.compute(tracer, name, operands, place)
            }
            Origin::Constant => {
                let what = format!("the number `{self}` cannot be computed in the program");
                tracer.fail(Diagnostic::error(code::UNSUPPORTED, what), place)
            }
        };
        self.node.made.borrow_mut().push((graph, value));
        value
    }

    fn compute(
        &self,
        tracer: &Tracer,
        op: &'static str,
        operands: Vec<Operand>,
        place: Place,
    ) -> ValueId {
        let outcomes = match expc_dialects::table::lookup(op) {
            Some(def) => {
                let names = def.schema.args.iter().map(|arg| arg.name);
                let args = names
                    .zip(operands)
                    .map(|(name, operand)| {
                        super::graph::CallArg::new(name, operand.into_arg(tracer, place))
                    })
                    .collect();
                // FX names such nodes after the overload as well.
                let name = def.short_name().replace('.', "_");
                let call = super::graph::Call::new(op, args).named(name);
                tracer.add(call, vec![self.item.clone()], place)
            }
            None => tracer.call_by_position(op, None, operands, place),
        };
        match outcomes.first() {
            Some(Outcome { id: Some(id), .. }) => *id,
            _ => tracer.fail(Diagnostic::error(code::CALL, "a result is missing"), place),
        }
    }

    /// A function of the `sym` dialect of these numbers.
    #[track_caller]
    pub(super) fn function(op: &'static str, args: Vec<Number>) -> Number {
        let place = Location::caller();
        let tracer = args.iter().find_map(|arg| arg.tracer.clone());
        let items = || args.iter().map(|arg| ("", arg.item.clone()));
        let Some(tracer) = tracer else {
            let env = expc_passes::shape::ShapeEnv::new();
            return match infer_items(&env, op, items()) {
                Ok(results) => Self::constant(results.into_iter().next().unwrap_or(Item::Any)),
                Err(_) => Self::constant(Item::Any),
            };
        };
        let item = tracer.infer(op, items(), place).into_iter().next();
        let item = item.unwrap_or(Item::Any);
        let number = Self::new(tracer.clone(), item, Origin::Function(op, args));
        // Bodies of loops and branches compute where the code does, the program itself where a number is needed.
        if tracer.graph() != GraphId::ROOT {
            number.arg(&tracer, place);
        }
        number
    }

    /// Whether the number is true, a guard.
    #[track_caller]
    fn decide(&self) -> bool {
        let place = Location::caller();
        if let Some(Constant::Bool(known)) = to_constant(&self.item) {
            return known;
        }
        let Some(tracer) = &self.tracer else {
            return false;
        };
        let Some(expr) = self.expr() else {
            let what = "nothing is known of the condition";
            tracer.fail(Diagnostic::error(code::DATA_DEPENDENT, what), place)
        };
        let decided = tracer.state.shapes.borrow_mut().decide(&expr, Some(place));
        match decided {
            Ok(holds) => holds,
            Err(fault) => tracer.fail(fault, place),
        }
    }
}

macro_rules! number {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone)]
        pub struct $name(Number);

        impl $name {
            pub(super) fn from_number(number: Number) -> Self {
                Self(number)
            }
        }

        impl From<$name> for Number {
            fn from(number: $name) -> Number {
                number.0
            }
        }

        impl From<&$name> for $name {
            fn from(number: &$name) -> Self {
                number.clone()
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, formatter)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, formatter)
            }
        }
    };
}

number! {
    /// An integer of the program: a size, or what is computed from sizes or read out of a tensor.
    SymInt
}
number! {
    /// A floating-point number of the program.
    SymFloat
}
number! {
    /// A truth value of the program.
    SymBool
}

impl From<i64> for SymInt {
    fn from(value: i64) -> Self {
        Self(Number::constant(Item::Int(Size::Int(value))))
    }
}

impl From<f64> for SymFloat {
    fn from(value: f64) -> Self {
        Self(Number::constant(Item::Float(value)))
    }
}

impl From<bool> for SymBool {
    fn from(value: bool) -> Self {
        Self(Number::constant(Item::Bool(value)))
    }
}

impl From<i64> for Number {
    fn from(value: i64) -> Self {
        SymInt::from(value).0
    }
}

impl SymInt {
    /// The number, if it is known.
    pub fn as_i64(&self) -> Option<i64> {
        match &self.0.item {
            Item::Int(Size::Int(value)) => Some(*value),
            Item::Int(Size::Expr(expr)) => {
                let tracer = self.0.tracer.as_ref()?;
                let resolved = tracer.state.shapes.borrow().resolve(expr);
                i64::try_from(resolved.as_int()?).ok()
            }
            _ => None,
        }
    }

    /// `self // other`, rounded down.
    #[track_caller]
    pub fn floor_div(&self, other: impl Into<SymInt>) -> SymInt {
        self.with("sym.floordiv", other)
    }

    /// `self / other` as a floating-point number.
    #[track_caller]
    pub fn true_div(&self, other: impl Into<SymInt>) -> SymFloat {
        let args = vec![self.0.clone(), other.into().0];
        SymFloat(Number::function("sym.truediv", args))
    }

    /// The greater of the two, as a number of the program.
    #[track_caller]
    pub fn sym_max(&self, other: impl Into<SymInt>) -> SymInt {
        self.with("sym.sym_max", other)
    }

    /// The lesser of the two, as a number of the program.
    #[track_caller]
    pub fn sym_min(&self, other: impl Into<SymInt>) -> SymInt {
        self.with("sym.sym_min", other)
    }

    /// The number as a floating-point number.
    #[track_caller]
    pub fn to_float(&self) -> SymFloat {
        SymFloat(Number::function("sym.sym_float", vec![self.0.clone()]))
    }

    /// Whether the number is a multiple of another; leaves a guard.
    #[track_caller]
    pub fn is_multiple_of(&self, other: i64) -> bool {
        (self.clone() % other) == 0
    }

    #[track_caller]
    fn with(&self, op: &'static str, other: impl Into<SymInt>) -> SymInt {
        SymInt(Number::function(op, vec![self.0.clone(), other.into().0]))
    }

    #[track_caller]
    fn compare(&self, op: &'static str, other: &SymInt) -> SymBool {
        let args = vec![self.0.clone(), other.0.clone()];
        SymBool(Number::function(op, args))
    }
}

macro_rules! comparisons {
    ($($(#[$doc:meta])* $name:ident $op:literal;)*) => {
        impl SymInt {
            $($(#[$doc])*
            #[track_caller]
            pub fn $name(&self, other: impl Into<SymInt>) -> SymBool {
                self.compare($op, &other.into())
            })*
        }
    };
}

comparisons! {
    /// Whether the numbers are equal, as a truth value of the program.
    sym_eq "sym.eq";
    /// Whether the numbers differ, as a truth value of the program.
    sym_ne "sym.ne";
    /// Whether the number is less than the other, as a truth value of the program.
    sym_lt "sym.lt";
    /// Whether the number is at most the other, as a truth value of the program.
    sym_le "sym.le";
    /// Whether the number is greater than the other, as a truth value of the program.
    sym_gt "sym.gt";
    /// Whether the number is at least the other, as a truth value of the program.
    sym_ge "sym.ge";
}

macro_rules! guarding {
    ($($other:ty)*) => {
        $(
            impl PartialEq<$other> for SymInt {
                #[track_caller]
                fn eq(&self, other: &$other) -> bool {
                    self.sym_eq(other.clone()).0.decide()
                }

                #[track_caller]
                #[allow(clippy::partialeq_ne_impl)]
                fn ne(&self, other: &$other) -> bool {
                    self.sym_ne(other.clone()).0.decide()
                }
            }

            impl PartialOrd<$other> for SymInt {
                #[track_caller]
                fn partial_cmp(&self, other: &$other) -> Option<Ordering> {
                    if self == other {
                        return Some(Ordering::Equal);
                    }
                    let is_less = self.sym_lt(other.clone()).0.decide();
                    Some(if is_less { Ordering::Less } else { Ordering::Greater })
                }

                #[track_caller]
                fn lt(&self, other: &$other) -> bool {
                    self.sym_lt(other.clone()).0.decide()
                }

                #[track_caller]
                fn le(&self, other: &$other) -> bool {
                    self.sym_le(other.clone()).0.decide()
                }

                #[track_caller]
                fn gt(&self, other: &$other) -> bool {
                    self.sym_gt(other.clone()).0.decide()
                }

                #[track_caller]
                fn ge(&self, other: &$other) -> bool {
                    self.sym_ge(other.clone()).0.decide()
                }
            }
        )*
    };
}

guarding!(SymInt i64);

macro_rules! arithmetic {
    ($($trait:ident $method:ident $op:literal;)*) => {
        $(
            impl<T: Into<SymInt>> ops::$trait<T> for &SymInt {
                type Output = SymInt;
                #[track_caller]
                fn $method(self, other: T) -> SymInt {
                    self.with($op, other)
                }
            }

            impl<T: Into<SymInt>> ops::$trait<T> for SymInt {
                type Output = SymInt;
                #[track_caller]
                fn $method(self, other: T) -> SymInt {
                    self.with($op, other)
                }
            }

            impl ops::$trait<SymInt> for i64 {
                type Output = SymInt;
                #[track_caller]
                fn $method(self, other: SymInt) -> SymInt {
                    SymInt::from(self).with($op, other)
                }
            }

            impl ops::$trait<&SymInt> for i64 {
                type Output = SymInt;
                #[track_caller]
                fn $method(self, other: &SymInt) -> SymInt {
                    SymInt::from(self).with($op, other)
                }
            }
        )*
    };
}

// Division of integers rounds down, as Rust's does for sizes.
arithmetic! {
    Add add "sym.add";
    Sub sub "sym.sub";
    Mul mul "sym.mul";
    Div div "sym.floordiv";
    Rem rem "sym.mod";
}

impl ops::Neg for SymInt {
    type Output = SymInt;
    #[track_caller]
    fn neg(self) -> SymInt {
        SymInt(Number::function("sym.neg", vec![self.0]))
    }
}

macro_rules! float_arithmetic {
    ($($trait:ident $method:ident $op:literal;)*) => {
        $(impl<T: Into<SymFloat>> ops::$trait<T> for SymFloat {
            type Output = SymFloat;
            #[track_caller]
            fn $method(self, other: T) -> SymFloat {
                SymFloat(Number::function($op, vec![self.0, other.into().0]))
            }
        })*
    };
}

float_arithmetic! {
    Add add "sym.add";
    Sub sub "sym.sub";
    Mul mul "sym.mul";
    Div div "sym.truediv";
}

impl SymFloat {
    /// The number without its fraction.
    #[track_caller]
    pub fn trunc(&self) -> SymInt {
        SymInt(Number::function("sym.trunc", vec![self.0.clone()]))
    }

    /// The number rounded down.
    #[track_caller]
    pub fn floor(&self) -> SymInt {
        SymInt(Number::function("sym.floor", vec![self.0.clone()]))
    }

    /// The number rounded up.
    #[track_caller]
    pub fn ceil(&self) -> SymInt {
        SymInt(Number::function("sym.ceil", vec![self.0.clone()]))
    }

    /// The nearest integer; exported programs have no form for it where the number is symbolic.
    #[track_caller]
    pub fn round(&self) -> SymInt {
        match (&self.0.item, &self.0.tracer) {
            (Item::Float(value), _) => SymInt::from(value.round_ties_even() as i64),
            (_, Some(tracer)) => {
                let fault = Diagnostic::error(
                    code::UNSUPPORTED,
                    format!(
                        "`round` of the symbolic number `{self}` has no form in exported programs"
                    ),
                )
                .help("use `floor`, `ceil` or `trunc`");
                tracer.fail(fault, Location::caller())
            }
            (_, None) => SymInt::from(0),
        }
    }
}

impl SymBool {
    /// The truth value; a question that sizes answer becomes a guard.
    #[track_caller]
    pub fn guard(&self) -> bool {
        self.0.decide()
    }

    /// Both.
    #[track_caller]
    pub fn and(&self, other: impl Into<SymBool>) -> SymBool {
        SymBool(Number::function(
            "sym.and_",
            vec![self.0.clone(), other.into().0],
        ))
    }

    /// One of them or both.
    #[track_caller]
    pub fn or(&self, other: impl Into<SymBool>) -> SymBool {
        SymBool(Number::function(
            "sym.or_",
            vec![self.0.clone(), other.into().0],
        ))
    }
}

impl ops::Not for SymBool {
    type Output = SymBool;
    #[track_caller]
    fn not(self) -> SymBool {
        SymBool(Number::function("sym.sym_not", vec![self.0]))
    }
}

impl Tracer {
    /// Says that a condition holds: what data decide is asserted when the program runs, what sizes decide is a guard.
    #[track_caller]
    pub fn check(&self, condition: SymBool) {
        let place = Location::caller();
        let Some(expr) = condition.0.expr() else {
            let what = "nothing is known of the condition";
            self.fail(Diagnostic::error(code::DATA_DEPENDENT, what), place)
        };
        let expr = self.state.shapes.borrow().resolve(&expr);
        let of_data = |symbol: &expc_symbolic::Symbol| symbol.name().starts_with(['u', 'z']);
        if !expr.free_symbols().iter().any(of_data) {
            if !condition.0.decide() {
                let what = format!("the check `{expr}` fails for the sizes of the inputs");
                self.fail(Diagnostic::error(code::CONSTRAINT, what), place)
            }
            return;
        }
        // The node is where PyTorch has it, and goes with what nothing uses.
        condition.0.arg(self, place);
        if self.state.shapes.borrow().known(&expr) == Some(false) {
            let what = format!("the check `{expr}` contradicts what is known of the number");
            self.fail(Diagnostic::error(code::CONSTRAINT, what), place)
        }
        self.state.shapes.borrow_mut().check(&expr);
    }

    /// Says that a number can be a size: it is not negative.
    #[track_caller]
    pub fn check_is_size(&self, number: &SymInt) {
        self.check(number.sym_ge(0));
    }
}
