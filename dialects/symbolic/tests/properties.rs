//! Properties of random expressions: text is read back, rewriting keeps values, ranges hold them.

use expc_symbolic::{
    Built, Env, Expr, Func, Number, Program, Relation, Value, ValueRange, bound, eval, statically,
};
use proptest::prelude::*;

const SYMBOLS: [&str; 4] = ["s0", "s1", "u0", "u1"];

/// A recipe of an expression; building it can fail, for instance by dividing by zero.
#[derive(Clone, Debug)]
enum Recipe {
    Int(i64),
    Symbol(usize),
    Add(Vec<Recipe>),
    Mul(Vec<Recipe>),
    Power(Box<Recipe>, i64),
    Call(Func, Vec<Recipe>),
    Where(Relation, Box<[Recipe; 4]>),
}

impl Recipe {
    fn build(&self) -> Built {
        let all = |list: &[Recipe]| {
            list.iter()
                .map(Recipe::build)
                .collect::<Result<Vec<_>, _>>()
        };
        match self {
            Recipe::Int(value) => Ok(Expr::int(i128::from(*value))),
            Recipe::Symbol(index) => Ok(Expr::torch_symbol(SYMBOLS[*index])),
            Recipe::Add(terms) => Expr::add(all(terms)?),
            Recipe::Mul(factors) => Expr::mul(all(factors)?),
            Recipe::Power(base, exponent) => {
                Expr::pow(&base.build()?, &Expr::int(i128::from(*exponent)))
            }
            Recipe::Call(func, args) => Expr::call(*func, all(args)?),
            Recipe::Where(relation, parts) => {
                let [a, b, yes, no] = parts.as_ref();
                let condition = Expr::relation(*relation, &a.build()?, &b.build()?)?;
                Expr::call(Func::Where, vec![condition, yes.build()?, no.build()?])
            }
        }
    }

    /// The value by plain Python arithmetic, without any expression.
    fn value(&self, symbols: &[i64]) -> Option<i128> {
        let all = |list: &[Recipe]| {
            let values = list.iter().map(|recipe| recipe.value(symbols));
            values.collect::<Option<Vec<_>>>()
        };
        match self {
            Recipe::Int(value) => Some(i128::from(*value)),
            Recipe::Symbol(index) => Some(i128::from(symbols[*index])),
            Recipe::Add(terms) => all(terms)?.into_iter().try_fold(0i128, i128::checked_add),
            Recipe::Mul(factors) => all(factors)?.into_iter().try_fold(1i128, i128::checked_mul),
            Recipe::Power(base, exponent) => base.value(symbols)?.checked_pow(*exponent as u32),
            Recipe::Call(func, args) => {
                let args = all(args)?;
                match (func, args.as_slice()) {
                    (Func::Max, args) => args.iter().max().copied(),
                    (Func::Min, args) => args.iter().min().copied(),
                    (Func::Abs, [a]) => a.checked_abs(),
                    (_, [_, 0]) => None,
                    (Func::FloorDiv, [a, b]) => Some(floor_div(*a, *b)),
                    (_, [a, b]) => a.checked_sub(floor_div(*a, *b).checked_mul(*b)?),
                    _ => None,
                }
            }
            Recipe::Where(relation, parts) => {
                let [a, b, yes, no] = parts.as_ref();
                let order = a.value(symbols)?.cmp(&b.value(symbols)?);
                // Both branches are computed, so that a failure of either is one of the whole.
                let (yes, no) = (yes.value(symbols)?, no.value(symbols)?);
                Some(if relation.holds(order) { yes } else { no })
            }
        }
    }
}

fn floor_div(a: i128, b: i128) -> i128 {
    let quotient = a / b;
    if a % b != 0 && (a < 0) != (b < 0) {
        quotient - 1
    } else {
        quotient
    }
}

fn relation() -> impl Strategy<Value = Relation> {
    prop_oneof![
        Just(Relation::Eq),
        Just(Relation::Ne),
        Just(Relation::Lt),
        Just(Relation::Le),
        Just(Relation::Gt),
        Just(Relation::Ge),
    ]
}

fn recipe() -> impl Strategy<Value = Recipe> {
    let leaf = prop_oneof![
        (-9i64..10).prop_map(Recipe::Int),
        (0..SYMBOLS.len()).prop_map(Recipe::Symbol),
        (0..SYMBOLS.len()).prop_map(Recipe::Symbol),
    ];
    leaf.prop_recursive(4, 24, 3, |inner| {
        let list = || proptest::collection::vec(inner.clone(), 2..4);
        let pair = || (inner.clone(), inner.clone()).prop_map(|(a, b)| vec![a, b]);
        let binary = prop_oneof![Just(Func::FloorDiv), Just(Func::PythonMod)];
        let extreme = prop_oneof![Just(Func::Max), Just(Func::Min)];
        let parts = proptest::array::uniform4(inner.clone());
        prop_oneof![
            3 => list().prop_map(Recipe::Add),
            3 => list().prop_map(Recipe::Mul),
            1 => (inner.clone(), 0i64..4).prop_map(|(base, e)| Recipe::Power(Box::new(base), e)),
            3 => (binary, pair()).prop_map(|(func, args)| Recipe::Call(func, args)),
            2 => (extreme, list()).prop_map(|(func, args)| Recipe::Call(func, args)),
            1 => inner.clone().prop_map(|arg| Recipe::Call(Func::Abs, vec![arg])),
            1 => (relation(), parts).prop_map(|(relation, parts)| Recipe::Where(relation, Box::new(parts))),
        ]
    })
}

/// Values of the symbols: sizes are positive.
fn values() -> impl Strategy<Value = Vec<i64>> {
    (1i64..12, 1i64..12, -12i64..12, -12i64..12).prop_map(|(a, b, c, d)| vec![a, b, c, d])
}

fn lookup(values: &[i64]) -> impl Fn(&str) -> Option<Value> {
    move |name| {
        let index = SYMBOLS.iter().position(|symbol| *symbol == name)?;
        Some(Value::Int(values[index]))
    }
}

/// Each symbol around its value.
fn env(values: &[i64], slack: &[i64]) -> Env {
    let range = |(index, name): (usize, &&str)| {
        let (value, slack) = (i128::from(values[index]), i128::from(slack[index]));
        let range =
            ValueRange::ints(Some(value - slack / 3), Some(value + slack)).expect("a range");
        (name.to_string(), range)
    };
    SYMBOLS.iter().enumerate().map(range).collect()
}

fn slack() -> impl Strategy<Value = Vec<i64>> {
    proptest::collection::vec(0i64..8, 4)
}

/// The value of an expression, if it has one that fits.
fn value(expr: &Expr, values: &[i64]) -> Option<i64> {
    match eval(expr, &lookup(values)) {
        Ok(Value::Int(value)) => Some(value),
        _ => None,
    }
}

proptest! {
    // 256 cases, or `PROPTEST_CASES`; what fails is printed and not written beside the test.
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Construction folds and reorders, but keeps the value.
    #[test]
    fn an_expression_has_the_value_of_its_recipe(recipe in recipe(), values in values()) {
        if let (Some(expected), Ok(expr)) = (recipe.value(&values), recipe.build())
            && let Ok(expected) = i64::try_from(expected)
        {
            prop_assert_eq!(eval(&expr, &lookup(&values)), Ok(Value::Int(expected)), "{}", expr);
        }
    }

    #[test]
    fn text_and_srepr_are_read_back(recipe in recipe()) {
        if let Ok(expr) = recipe.build() {
            let srepr = expr.to_srepr();
            prop_assert_eq!(&Expr::parse(&srepr).expect("srepr is read"), &expr, "{}", srepr);
            let text = expr.to_string();
            let read = Expr::parse(&text).expect("text is read");
            prop_assert_eq!(read.to_string(), text);
        }
    }

    /// Building an expression from its own parts changes nothing.
    #[test]
    fn canonical_form_is_stable(recipe in recipe()) {
        if let Ok(expr) = recipe.build() {
            let again = Expr::parse(&expr.to_srepr()).expect("srepr is read");
            prop_assert_eq!(again.to_srepr(), expr.to_srepr());
        }
    }

    #[test]
    fn rewriting_keeps_the_value(recipe in recipe(), values in values(), slack in slack()) {
        let Ok(expr) = recipe.build() else { return Ok(()) };
        let Some(expected) = value(&expr, &values) else { return Ok(()) };
        if let Ok(expanded) = expr.expand() {
            prop_assert_eq!(value(&expanded, &values), Some(expected), "{} to {}", expr, expanded);
        }
        if let Ok(simple) = expr.simplify_with_ranges(&env(&values, &slack)) {
            prop_assert_eq!(value(&simple, &values), Some(expected), "{} to {}", expr, simple);
        }
    }

    #[test]
    fn the_range_holds_the_value(recipe in recipe(), values in values(), slack in slack()) {
        let Ok(expr) = recipe.build() else { return Ok(()) };
        let Some(value) = value(&expr, &values) else { return Ok(()) };
        let range = bound(&expr, &env(&values, &slack));
        prop_assert!(range.contains(Number::Int(i128::from(value))), "{} of {} is {}", range, expr, value);
    }

    #[test]
    fn a_decided_relation_is_decided_rightly(
        a in recipe(), b in recipe(), relation in relation(), values in values(), slack in slack(),
    ) {
        let (Ok(a), Ok(b)) = (a.build(), b.build()) else { return Ok(()) };
        let (Some(x), Some(y)) = (value(&a, &values), value(&b, &values)) else { return Ok(()) };
        let Ok(expr) = Expr::relation(relation, &a, &b) else { return Ok(()) };
        if let Some(decided) = statically(&expr, &env(&values, &slack)) {
            prop_assert_eq!(decided, relation.holds(x.cmp(&y)), "{}", expr);
        }
    }

    /// Replacing symbols by their values folds to the value.
    #[test]
    fn substitution_agrees_with_evaluation(recipe in recipe(), values in values()) {
        let Ok(expr) = recipe.build() else { return Ok(()) };
        let Some(expected) = value(&expr, &values) else { return Ok(()) };
        let constants = SYMBOLS.iter().zip(&values);
        let constants = constants.map(|(name, value)| (name.to_string(), Expr::int(i128::from(*value))));
        if let Ok(result) = expr.substitute(&constants.collect()) {
            prop_assert_eq!(result.as_int(), Some(i128::from(expected)), "{}", expr);
        }
    }

    /// No text makes the parser panic.
    #[test]
    fn any_text_is_read_or_refused(text in r"[-a-zA-Z0-9_ ()\[\].,'*/%+<>=&|~!]{0,60}") {
        let _ = Expr::parse(&text);
        let _ = expc_symbolic::Guard::parse(&text);
    }
}

#[test]
fn a_program_takes_its_slots_in_order() {
    let program = Program::new(&Expr::parse("s1*(s0 - 3) + s1").expect("an expression"));
    let slots: Vec<Value> = program
        .symbols()
        .iter()
        .map(|name| Value::Int(if name == "s0" { 10 } else { 2 }))
        .collect();
    assert_eq!(program.run(&slots), Ok(Value::Int(16)));
}
