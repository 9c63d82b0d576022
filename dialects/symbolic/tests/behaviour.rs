//! Examples of what parsing, folding, ranges, evaluation and guards do, and what they refuse.

use std::collections::BTreeMap;

use expc_symbolic::{
    Built, Env, EvalError, Expr, Func, Guard, Number, PathElement, Property, Relation, Value,
    ValueRange, bound, eval, statically,
};

fn parse(text: &str) -> Expr {
    Expr::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn env(ranges: &[(&str, i128, i128)]) -> Env {
    let range = |(name, low, high): &(&str, i128, i128)| {
        let range = ValueRange::ints(Some(*low), Some(*high)).expect("a range");
        ((*name).to_string(), range)
    };
    ranges.iter().map(range).collect()
}

/// Every text of the first column prints as the second.
fn check_text(cases: &[(&str, &str)]) {
    for (input, expected) in cases {
        assert_eq!(parse(input).to_string(), *expected, "{input}");
    }
}

#[test]
fn reads_the_texts_of_archives() {
    check_text(&[
        ("s0", "s0"),
        ("2*s0", "2*s0"),
        ("-u0 <= -2", "-u0 <= -2"),
        ("u0 >= 2", "u0 >= 2"),
        ("Eq(2*s77, s17)", "Eq(2*s77, s17)"),
        ("Ne(Mod(u0, 2), 0)", "Ne(Mod(u0, 2), 0)"),
        ("((s0//2)) + 1", "((s0//2)) + 1"),
        ("(s0 + 1)**2", "(s0 + 1)**2"),
        ("Max(1, u0)", "Max(1, u0)"),
        ("0 < u0 < s0", "(0 < u0) & (u0 < s0)"),
        ("(u0 > 2) & (s0 < 3)", "(u0 > 2) & (s0 < 3)"),
        ("~((u0 > 2) & (s0 < 3))", "~((u0 > 2) & (s0 < 3))"),
        (
            "Piecewise((u0, u0 > 2), (s0, True))",
            "Piecewise((u0, u0 > 2), (s0, True))",
        ),
        (
            "GreaterThan(Symbol('u0', integer=True), Integer(2))",
            "u0 >= 2",
        ),
        (
            "Function('OpaqueUnaryFn_sqrt')(Symbol('zf1', real=True))",
            "OpaqueUnaryFn_sqrt(zf1)",
        ),
        ("-int_oo", "-int_oo"),
        ("s0*0.5", "0.5*s0"),
    ]);
}

#[test]
fn folds_as_torch_does() {
    check_text(&[
        ("s0 + s0 + 1 - s0", "s0 + 1"),
        ("2*(s0 + 1)", "2*s0 + 2"),
        ("s0*s0*u0/s0", "s0*u0"),
        ("FloorDiv(4*s0 + u0, 4)", "s0 + ((u0//4))"),
        ("FloorDiv(6*s0, 4)", "((3*s0)//2)"),
        ("FloorDiv(4*s0*s1 - 4*s0, s0*s1 - s0)", "4"),
        ("FloorDiv(s0*s1 + s0 + s1 + 1, s1 + 1)", "s0 + 1"),
        ("FloorDiv(s0 + 2, s0 + 1)", "((s0 + 2)//(s0 + 1))"),
        ("FloorDiv(FloorDiv(s0, 2), 3)", "(s0//6)"),
        ("FloorDiv(FloorDiv(s0, 2), s1 + 1)", "(s0//(2*s1 + 2))"),
        // A divisor that may be negative rounds the other way.
        ("FloorDiv(FloorDiv(s0, 2), u0)", "(((s0//2))//u0)"),
        ("Mod(4*s0 + 2, 2)", "0"),
        ("Mod(2*s0 + 1, 2)", "1"),
        ("PythonMod(-7, 3)", "2"),
        ("PythonMod(s0, s0 + 1)", "s0"),
        ("PythonMod(-5*s1, -2*s1)", "PythonMod(-5*s1, -2*s1)"),
        ("FloorDiv(-7, 2)", "-4"),
        ("FloorDiv(7, -2)", "-4"),
        ("FloorDiv(-8, -2)", "4"),
        ("Max(s0, Max(u0, 3), 5)", "Max(5, s0, u0)"),
        ("Max(1, s0)", "s0"),
        ("Min(u0, Max(u0, s0))", "u0"),
        ("Min(0, s0, Max(s0, u0))", "0"),
        ("Max(2, u0, Min(1, u1))", "Max(2, u0)"),
        ("Min(5, Max(5, u0))", "5"),
        ("Min(5, Max(3, u0))", "Min(5, Max(3, u0))"),
        ("LShift(u0, 3)", "8*u0"),
        ("s0 >= 1", "True"),
        ("s0 > 0", "True"),
        ("Eq(2*u0 + 1, 4)", "False"),
        ("And(u0 > 1, 1 < u0, True)", "u0 > 1"),
        ("Or(u0 > 1, u0 <= 1)", "True"),
        ("Not(u0 > 1)", "u0 <= 1"),
        ("Rational(6, 4)*s0", "3*s0/2"),
        ("CeilDiv(u0, 4)", "((u0 + 3)//4)"),
    ]);
}

#[test]
fn refuses_with_the_byte_of_the_fault() {
    for (text, offset, message) in [
        ("", 0, "expected an expression, found the end of the text"),
        ("2*", 2, "expected an expression, found the end of the text"),
        ("s0 s1", 3, "expected the end of the text, found `s1`"),
        ("(s0", 3, "expected `)`, found the end of the text"),
        ("s0 ? 1", 3, "expected an expression, found `?`"),
        ("foo(s0)", 0, "unknown name `foo`"),
        ("nan", 0, "expected a number, found `nan`"),
        (
            "Symbol('x', color=True)",
            18,
            "unknown keyword argument `color` of `Symbol`",
        ),
        ("FloorDiv(s0)", 0, "`FloorDiv` expects 2 arguments, found 1"),
        ("1 + FloorDiv(s0, 0)", 4, "`//` by zero"),
        ("(s0 > 2) + 1", 1, "`+` expects numbers, found `s0 > 2`"),
        (
            "'text'",
            0,
            "expected a number or truth value, found the string `text`",
        ),
        (
            "__import__('os')",
            11,
            "expected a number or truth value, found the string `os`",
        ),
    ] {
        let error = Expr::parse(text).expect_err(text);
        assert_eq!(
            error.to_string(),
            format!("at byte {offset}: {message}"),
            "{text}"
        );
    }
}

/// Deep, long and exploding texts end in an error, in little time and stack.
#[test]
fn hostile_texts_are_refused() {
    for text in [
        "(".repeat(100_000),
        "-".repeat(100_000),
        "not ".repeat(100_000),
        format!("s0{}", ".a".repeat(100_000)),
        format!("s0{}", "**2".repeat(100_000)),
        format!("{}s0{}", "Abs(1.5*".repeat(500), ")".repeat(500)),
        "9".repeat(100),
        "2**1000".to_string(),
        "2**(-1000)".to_string(),
        "s0 ".repeat(600_000),
        "1e999".to_string(),
        "'abc".to_string(),
        "\u{0}\u{7f}é".to_string(),
    ] {
        assert!(Expr::parse(&text).is_err(), "{:.40}", text);
        assert!(Guard::parse(&text).is_err(), "{:.40}", text);
    }
    let explosive = parse("(s0 + s1 + u0 + u1 + 1)**40");
    assert!(explosive.expand().is_err());
}

#[test]
fn a_long_sum_is_flat() {
    let terms: Vec<String> = (0..5000).map(|index| format!("{index}*u{index}")).collect();
    let sum = parse(&terms.join(" + "));
    assert_eq!(sum.args().count(), 4999);
}

#[test]
fn expands_products_and_powers_of_sums() {
    for (input, expected) in [
        ("s0*(s1 + 1)", "s0*s1 + s0"),
        ("(s0 + 1)**2", "s0**2 + 2*s0 + 1"),
        ("(s0 + s1)*(s0 - s1)", "s0**2 - s1**2"),
        ("FloorDiv(s0*(s1 + u0), 3)", "((s0*s1 + s0*u0)//3)"),
    ] {
        let expanded = parse(input).expand().expect(input);
        assert_eq!(expanded.to_string(), expected, "{input}");
    }
}

#[test]
fn ranges_decide() {
    let env = env(&[("s0", 2, 64), ("u0", -3, 5), ("u1", 0, 7)]);
    for (input, range) in [
        ("s0", "VR[2, 64]"),
        ("2*s0 - 1", "VR[3, 127]"),
        ("-u0", "VR[-5, 3]"),
        ("u0**2", "VR[0, 25]"),
        ("s0*u0", "VR[-192, 320]"),
        ("FloorDiv(s0, 3)", "VR[0, 21]"),
        ("FloorDiv(u0, 2)", "VR[-2, 2]"),
        ("Mod(s0, 8)", "VR[0, 7]"),
        ("PythonMod(u0, 4)", "VR[0, 3]"),
        ("Max(u0, 0)", "VR[0, 5]"),
        ("Min(s0, u1)", "VR[0, 7]"),
        ("Abs(u0)", "VR[0, 5]"),
        ("s9", "VR[1, int_oo]"),
        ("u9 + s0", "VR[-int_oo, int_oo]"),
        ("s0 > 1", "VR[True, True]"),
        ("s0 > 10", "VR[False, True]"),
        ("Where(s0 > 1, u0, u9)", "VR[-3, 5]"),
    ] {
        assert_eq!(bound(&parse(input), &env).to_string(), range, "{input}");
    }
    for (input, decided) in [
        ("s0 >= 2", Some(true)),
        ("s0 > 64", Some(false)),
        ("s0 > 3", None),
        ("s0 + u9 > u9", Some(true)),
        ("Eq(s0, 1)", Some(false)),
        ("And(s0 >= 2, u0 < 6)", Some(true)),
        ("Or(u9 > 2, u0 < 6)", Some(true)),
    ] {
        assert_eq!(statically(&parse(input), &env), decided, "{input}");
    }
}

#[test]
fn ranges_simplify() {
    let env = env(&[("s0", 2, 64), ("u1", 0, 7), ("u2", 4, 4)]);
    for (input, expected) in [
        ("Max(1, u1 + 1)", "u1 + 1"),
        ("Max(s0, u9, 2)", "Max(s0, u9)"),
        ("Mod(u1, 8)", "u1"),
        ("FloorDiv(u1, 8)", "0"),
        ("FloorDiv(s0*u9 + u1, s0)", "u9 + ((u1//s0))"),
        ("FloorDiv(FloorDiv(u9, 2), u1)", "(u9//(2*u1))"),
        ("u2*s0", "4*s0"),
        ("Where(s0 > 1, s0, u9)", "s0"),
        ("And(s0 > 1, u9 > 3)", "u9 > 3"),
        ("Abs(u1 - 8)", "8 - u1"),
        ("Max(u9, 3)", "Max(3, u9)"),
    ] {
        let simple = parse(input).simplify_with_ranges(&env).expect(input);
        assert_eq!(simple.to_string(), expected, "{input}");
    }
}

#[test]
fn substitutes_all_at_once() {
    let replacements = BTreeMap::from([
        ("s0".to_string(), parse("s1")),
        ("s1".to_string(), parse("s0 + 1")),
    ]);
    let result = parse("s0 - 2*s1")
        .substitute(&replacements)
        .expect("an expression");
    assert_eq!(result.to_string(), "-2*s0 + s1 - 2");
    let zero = BTreeMap::from([("u0".to_string(), Expr::int(0))]);
    assert!(parse("FloorDiv(s0, u0)").substitute(&zero).is_err());
}

#[test]
fn evaluates_with_the_semantics_of_python() {
    let lookup = |name: &str| match name {
        "s0" => Some(Value::Int(7)),
        "u0" => Some(Value::Int(-7)),
        "zf0" => Some(Value::Float(2.5)),
        "u5" => Some(Value::Int(0)),
        "u9" => Some(Value::Int(i64::MAX)),
        _ => None,
    };
    for (input, expected) in [
        ("FloorDiv(u0, 2)", Ok(Value::Int(-4))),
        ("PythonMod(u0, 3)", Ok(Value::Int(2))),
        ("PythonMod(s0, u0 + 4)", Ok(Value::Int(-2))),
        ("s0/2", Ok(Value::Float(3.5))),
        ("floor(s0/2)", Ok(Value::Int(3))),
        ("ceiling(s0/2)", Ok(Value::Int(4))),
        ("IntTrueDiv(s0, 2)", Ok(Value::Float(3.5))),
        ("RoundToInt(zf0)", Ok(Value::Int(2))),
        ("TruncToInt(-zf0)", Ok(Value::Int(-2))),
        ("CeilToInt(zf0)", Ok(Value::Int(3))),
        ("OpaqueUnaryFn_sqrt(zf0*10)", Ok(Value::Float(5.0))),
        ("s0 > 3", Ok(Value::Bool(true))),
        ("Where(Eq(u5, 0), s0, FloorDiv(s0, u5))", Ok(Value::Int(7))),
        ("FloorDiv(s0, u5)", Err(EvalError::DivisionByZero("//"))),
        ("u9 + s0", Err(EvalError::Overflow("expression"))),
        ("u9**2*u9**2", Err(EvalError::Overflow("**"))),
        ("u7", Err(EvalError::UnknownSymbol("u7".into()))),
        (
            "OpaqueUnaryFn_sqrt(u0)",
            Err(EvalError::Domain {
                name: "OpaqueUnaryFn_sqrt",
                value: -7.0,
            }),
        ),
        (
            "IsNonOverlappingAndDenseIndicator(2, s0, s0, 1)",
            Ok(Value::Int(1)),
        ),
    ] {
        assert_eq!(eval(&parse(input), &lookup), expected, "{input}");
    }
}

/// The guards that torch writes, with values of their sources and whether they hold.
#[test]
fn guards_of_torch_are_read_and_run() {
    let cases: &[(&str, &str, &[i64], bool)] = &[
        (
            "(2*L['x'].size()[0]) == L['y'].size()[0]",
            "x.shape[0], y.shape[0]",
            &[4, 8],
            true,
        ),
        ("(L['x'].size()[1] % 3) == 0", "x.shape[1]", &[7], false),
        ("(L['x'].size()[1] // 2) > 4", "x.shape[1]", &[10], true),
        (
            "max(L['x'].size()[0], L['y'].size()[1]) > 3",
            "x.shape[0], y.shape[1]",
            &[1, 4],
            true,
        ),
        (
            "(L['x'].size()[0] / L['y'].size()[1]) < 2.0",
            "x.shape[0], y.shape[1]",
            &[4, 2],
            false,
        ),
        (
            "L['flat_args'][3].size()[1] > 2",
            "flat_args[3].shape[1]",
            &[3],
            true,
        ),
        (
            "L['n']*L['n'] < 1000*L['x'].size()[0]",
            "n, x.shape[0]",
            &[100, 9],
            false,
        ),
        (
            "math.trunc(0.5*torch.sym_float(L['x'].size()[0])) == 2",
            "x.shape[0]",
            &[5],
            true,
        ),
        (
            "L['args'][0]['k'][2].stride()[1] == 1",
            "args[0]['k'][2].stride()[1]",
            &[1],
            true,
        ),
        (
            "L['x'].storage_offset() == 0",
            "x.storage_offset()",
            &[3],
            false,
        ),
        ("not (L['n'] > 3 and L['n'] < 7)", "n", &[5], false),
        ("1 < L['n'] <= 5 or L['n'] == 9", "n", &[9], true),
        ("torch.sym_max(L['n'], 4) != 4", "n", &[4], false),
        ("L['a'].b.size()[0] == 2", "a.b.shape[0]", &[2], true),
    ];
    for (text, sources, values, expected) in cases {
        let guard = Guard::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        let mut found: Vec<(String, i64)> = Vec::new();
        for (source, value) in sources.split(", ").zip(*values) {
            found.push((source.to_string(), *value));
        }
        let in_order: Vec<Value> = guard
            .sources()
            .iter()
            .map(|source| {
                let text = source.to_string();
                let value = found.iter().find(|(name, _)| *name == text);
                Value::Int(
                    value
                        .unwrap_or_else(|| panic!("unexpected source {text}"))
                        .1,
                )
            })
            .collect();
        assert_eq!(in_order.len(), found.len(), "{text}");
        assert_eq!(guard.holds(&in_order), Ok(*expected), "{text}");
    }
}

#[test]
fn a_source_says_where_to_look() {
    let guard = Guard::parse("L['d']['k'][1].size()[0] >= 2").expect("a guard");
    let [source] = guard.sources() else {
        panic!("one source expected");
    };
    let path = [
        PathElement::Key("d".into()),
        PathElement::Key("k".into()),
        PathElement::Index(1),
    ];
    assert_eq!(source.path, path);
    assert_eq!(source.property, Property::Size(0));
    assert_eq!(guard.source(&source.python()), Some(source));
    assert_eq!(source.python(), "L['d']['k'][1].size()[0]");
}

#[test]
fn what_is_no_guard_is_refused() {
    for (text, message) in [
        (
            "L['x'].size()[0] + 1",
            "at byte 0: expected a condition, found `L['x'].size()[0] + 1`",
        ),
        ("x > 2", "at byte 0: unknown name `x`"),
        ("L['x'].item() > 2", "at byte 0: unknown name"),
        (
            "L['mode'] == 'sum'",
            "at byte 13: expected a number or truth value, found the string `sum`",
        ),
        ("os.system(1) == 2", "at byte 0: unknown name `os.system`"),
        (
            "G['x'] == 2",
            "at byte 0: expected a number or truth value, found a subscript",
        ),
    ] {
        let error = Guard::parse(text).expect_err(text).to_string();
        assert!(
            error.starts_with(message) || text.contains("item"),
            "{text}: {error}"
        );
    }
}

#[test]
fn infinities_and_numbers_compare() {
    let range = ValueRange::ints(None, Some(3)).expect("a range");
    assert!(range.contains(Number::Int(i128::MIN)));
    assert!(!range.contains(Number::Int(4)));
    assert!(ValueRange::ints(Some(3), Some(2)).is_none());
}

/// The deepest expressions that can be built are printed, read, ordered, bounded and evaluated in a thread's stack, and
/// in time that does not double with each level.
#[test]
fn the_deepest_expressions_are_handled() {
    let wrap: [fn(&Expr, &Expr) -> Built; 6] = [
        |x, y| {
            Expr::call(
                Func::Abs,
                vec![Expr::add([x.clone(), y.clone(), Expr::int(-5)])?],
            )
        },
        |x, y| {
            Expr::call(
                Func::PythonMod,
                vec![Expr::add([x.clone(), y.clone()])?, x.clone()],
            )
        },
        |x, y| {
            Expr::add([
                Expr::call(Func::Max, vec![x.clone(), y.clone()])?,
                Expr::int(3),
            ])
        },
        |x, y| Expr::mul([Expr::add([x.clone(), y.clone(), Expr::int(1)])?, y.clone()]),
        |x, y| {
            Expr::call(
                Func::FloorDiv,
                vec![Expr::add([x.clone(), Expr::int(7)])?, y.clone()],
            )
        },
        |x, y| {
            let condition = Expr::relation(Relation::Gt, x, y)?;
            Expr::call(Func::Where, vec![condition, y.clone(), Expr::int(2)])
        },
    ];
    let env = env(&[("u0", -9, 9), ("u1", 1, 9)]);
    for (position, wrap) in wrap.iter().enumerate() {
        let (mut expr, other) = (parse("u0"), parse("u1"));
        let mut levels = 0;
        while let Ok(next) = wrap(&expr, &other) {
            expr = next;
            levels += 1;
            assert!(levels <= 200, "no limit for {position}");
        }
        assert!(levels > 10, "{levels} levels for {position}");
        let text = expr.to_string();
        assert!(!text.is_empty());
        let _ = Expr::parse(&text);
        let _ = Expr::parse(&expr.to_srepr());
        let _ = expr.expand();
        let _ = expr.simplify_with_ranges(&env);
        let _ = bound(&expr, &env);
        let _ = eval(&expr, &|_| Some(Value::Int(3)));
        let _ = expr.substitute(&BTreeMap::from([("u0".to_string(), Expr::int(4))]));
        let _ = Expr::relation(Relation::Lt, &expr, &other);
    }
}
