//! Inputs are checked before anything runs.

use super::*;

/// Hands back its first input; the signature is what is tested.
fn identity(inputs: Vec<Input>, ranges: Vec<Range>, guards: &[&str]) -> Executable {
    let given = inputs
        .iter()
        .filter(|input| !matches!(input.spec, InputSpec::Constant(_)))
        .count();
    let graph = GraphBuilder::new(u32::try_from(given).expect("few")).returns(&[Arg::Slot(0)]);
    let guards = guards.iter().map(|guard| (*guard).to_owned()).collect();
    let outputs = vec![output(OutputKind::User, None)];
    load(
        vec![graph],
        Signature {
            inputs,
            outputs,
            ranges,
            guards,
        },
        &Weights::new(),
    )
}

#[test]
fn inputs_are_checked_for_number_dtype_rank_and_size() {
    let program = identity(vec![user("x", float_tensor(&["2", "3"]))], vec![], &[]);
    assert_eq!(run(&program, &[zeros(&[2, 3])])[0].len(), 6);
    let double = Value::Tensor(Tensor::from_slice(&[1.0_f64]));
    assert_eq!(
        refusal(&program, &[]),
        "E0501: the program takes 1 inputs, found 0"
    );
    assert_eq!(
        refusal(&program, &[double]),
        "E0502: x: expected a tensor of float32, found float64"
    );
    assert_eq!(
        refusal(&program, &[Value::Int(1)]),
        "E0502: x: expected a tensor, found int"
    );
    assert_eq!(
        refusal(&program, &[zeros(&[2])]),
        "E0503: x: expected 2 dimensions, found 1: sizes [2]"
    );
    assert_eq!(
        refusal(&program, &[zeros(&[2, 4])]),
        "E0503: x.shape[1] is 4, the program was exported for 3"
    );
}

#[test]
fn symbols_ranges_and_guards_are_checked() {
    let inputs = vec![
        user("x", float_tensor(&["s0", "2*s1"])),
        user("y", float_tensor(&["s1", "s0 + 1"])),
    ];
    let ranges = vec![
        Range {
            expression: "s0".into(),
            min: Some(2),
            max: Some(64),
        },
        Range {
            expression: "s1".into(),
            min: Some(4),
            max: None,
        },
    ];
    let program = identity(
        inputs,
        ranges,
        &[
            "L['x'].size()[0] < L['x'].size()[1]",
            "L['gone'].size()[0] > 1",
        ],
    );
    assert_eq!(program.warnings().len(), 1);
    let check = |x: [i64; 2], y: [i64; 2]| {
        program
            .call(&[zeros(&x), zeros(&y)])
            .map(|_| ())
            .map_err(|e| e.message)
    };
    assert_eq!(check([3, 10], [5, 4]), Ok(()));
    assert_eq!(
        check([1, 10], [5, 2]),
        Err("x.shape[0] is 1, exported for 2..64".into())
    );
    assert_eq!(
        check([100, 10], [5, 101]),
        Err("x.shape[0] is 100, exported for 2..64".into())
    );
    assert_eq!(
        check([3, 6], [3, 4]),
        Err("y.shape[0] is 3, exported for 4 and more".into())
    );
    assert_eq!(
        check([3, 9], [5, 4]),
        Err("x.shape[1] is 9, expected 10 because of y.shape[0]".into())
    );
    assert_eq!(
        check([3, 10], [5, 5]),
        Err("y.shape[1] is 5, expected 4 because of x.shape[0]".into())
    );
    assert_eq!(
        check([10, 10], [5, 11]),
        Err(
            "x.shape[0] is 10 and x.shape[1] is 10, exported for inputs with `x.shape[0] < x.shape[1]`"
                .into()
        )
    );
}

#[test]
fn derived_sizes_define_their_symbol() {
    let inputs = vec![
        user("x", float_tensor(&["2*s0"])),
        user("y", float_tensor(&["s0 + 1"])),
    ];
    let program = identity(inputs, vec![], &[]);
    let check = |x: i64, y: i64| {
        program
            .call(&[zeros(&[x]), zeros(&[y])])
            .map(|_| ())
            .map_err(|e| e.message)
    };
    assert_eq!(check(6, 4), Ok(()));
    assert_eq!(
        check(6, 5),
        Err("y.shape[0] is 5, expected 4 because of x.shape[0]".into())
    );
}

#[test]
fn numbers_and_constants_are_inputs_too() {
    let inputs = vec![
        user(
            "n",
            InputSpec::Int {
                expression: Some("s0".into()),
            },
        ),
        user("flag", InputSpec::Constant(Arg::Bool(true))),
        user("x", float_tensor(&["s0"])),
        user("rate", InputSpec::Float { expression: None }),
    ];
    let graph = GraphBuilder::new(3);
    let outputs = vec![output(OutputKind::User, None)];
    let signature = Signature {
        inputs,
        outputs,
        ..Signature::default()
    };
    let program = load(
        vec![graph.returns(&[Arg::Slot(1)])],
        signature,
        &Weights::new(),
    );
    let call = |n: Value, flag: Value, rate: Value| {
        program
            .call(&[n, flag, vector(&[1.0, 2.0]), rate])
            .map(|_| ())
            .map_err(|problem| problem.message)
    };
    assert_eq!(
        call(Value::Int(2), Value::Bool(true), Value::Float(0.5)),
        Ok(())
    );
    assert_eq!(call(Value::Int(2), Value::None, Value::Int(1)), Ok(()));
    assert_eq!(
        call(Value::Int(2), Value::Bool(false), Value::Int(1)),
        Err("flag is False, the program was exported for True".into())
    );
    assert_eq!(
        call(Value::Int(3), Value::None, Value::Int(1)),
        Err("x.shape[0] is 2, expected 3 because of n".into())
    );
    assert_eq!(
        call(Value::Float(2.0), Value::None, Value::Int(1)),
        Err("n: expected an int, found float".into())
    );
}

#[test]
fn two_and_more_is_no_range_that_anybody_asked_for() {
    let range = |min, max| Range {
        expression: "s0".into(),
        min: Some(min),
        max,
    };
    let accepts = |range: Range, size: i64| {
        let inputs = vec![user("x", float_tensor(&["s0"]))];
        identity(inputs, vec![range], &[])
            .call(&[zeros(&[size])])
            .is_ok()
    };
    assert!(accepts(range(2, None), 1));
    assert!(accepts(range(2, None), 0));
    assert!(!accepts(range(2, Some(8)), 1));
    assert!(!accepts(range(3, None), 2));
    assert!(!accepts(range(1, Some(8)), 0));
}

#[test]
fn sizes_that_no_symbol_gives_are_refused() {
    let program = identity(vec![user("x", float_tensor(&["4*s0"]))], vec![], &[]);
    assert!(program.call(&[zeros(&[12])]).is_ok());
    assert_eq!(
        refusal(&program, &[zeros(&[13])]),
        "E0504: x.shape[0] is 13, exported for sizes `4*s0` with a whole s0"
    );
    // Not affine, so not solved.
    let program = identity(vec![user("x", float_tensor(&["4*((s0//4))"]))], vec![], &[]);
    assert!(program.call(&[zeros(&[13])]).is_ok());
}

#[test]
fn guards_name_inputs_in_three_ways() {
    let inputs = || {
        vec![
            user("args_0", float_tensor(&["s0"])),
            user("x", float_tensor(&["s1"])),
        ]
    };
    for guard in [
        "L['flat_args'][0].size()[0] < L['flat_args'][1].size()[0]",
        "L['args'][0].size()[0] < L['x'].size()[0]",
        "L['args_0'].size()[0] < L['x'].size()[0]",
    ] {
        let program = identity(inputs(), vec![], &[guard]);
        assert!(program.warnings().is_empty(), "{guard}");
        assert!(program.call(&[zeros(&[1]), zeros(&[2])]).is_ok());
        assert!(program.call(&[zeros(&[2]), zeros(&[2])]).is_err());
    }
}
