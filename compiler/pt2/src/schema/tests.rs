//! Tests of `schema`.

use super::*;

#[track_caller]
fn check(json: &str, expected: Argument<'_>) {
    let found: Argument<'_> =
        serde_json::from_str(json).unwrap_or_else(|error| panic!("{json}: {error}"));
    assert_eq!(found, expected, "{json}");
    assert!(json.contains(&format!("\"{}\"", found.tag())), "{json}");
}

#[track_caller]
fn check_error<'a, T: serde::Deserialize<'a> + std::fmt::Debug>(json: &'a str, expected: &str) {
    let error = serde_json::from_str::<T>(json).expect_err(json).to_string();
    assert!(error.starts_with(expected), "{error}");
}

fn text(text: &str) -> Str<'_> {
    Str::from(text)
}

#[test]
fn tensors() {
    check(
        r#"{"as_tensor": {"name": "x"}}"#,
        Argument::Tensor(text("x")),
    );
    check(
        r#"{"as_tensors": [{"name": "x"}, {"name": "y"}]}"#,
        Argument::Tensors(vec![text("x"), text("y")]),
    );
    check(
        r#"{"as_optional_tensor": {"as_tensor": {"name": "x"}}}"#,
        Argument::OptionalTensor(Some(text("x"))),
    );
    check(
        r#"{"as_optional_tensor": {"as_none": true}}"#,
        Argument::OptionalTensor(None),
    );
    check(
        r#"{"as_optional_tensors": [{"as_tensor": "x"}, {"as_none": []}, {"as_tensor": {"name": "y"}}]}"#,
        Argument::OptionalTensors(vec![Some(text("x")), None, Some(text("y"))]),
    );
    check(
        r#"{"as_nested_tensors": [[{"name": "x"}], []]}"#,
        Argument::NestedTensors(vec![vec![text("x")], vec![]]),
    );
}

#[test]
fn constants() {
    check(r#"{"as_none": []}"#, Argument::None);
    check(r#"{"as_none": true}"#, Argument::None);
    check(
        r#"{"as_int": -9223372036854775808}"#,
        Argument::Int(i64::MIN),
    );
    check(r#"{"as_ints": [1, 2]}"#, Argument::Ints(vec![1, 2]));
    check(
        r#"{"as_int_lists": [[1], []]}"#,
        Argument::IntLists(vec![vec![1], vec![]]),
    );
    check(r#"{"as_float": 1e+30}"#, Argument::Float(1e30));
    check(
        r#"{"as_floats": [0.5, "-Infinity", 2]}"#,
        Argument::Floats(vec![0.5, f64::NEG_INFINITY, 2.0]),
    );
    check(
        r#"{"as_float_lists": [[0.5], ["Infinity"]]}"#,
        Argument::FloatLists(vec![vec![0.5], vec![f64::INFINITY]]),
    );
    let complex = ComplexValue {
        real: 1.0,
        imag: f64::INFINITY,
    };
    check(
        r#"{"as_complex": {"real": 1.0, "imag": "Infinity"}}"#,
        Argument::Complex(complex),
    );
    check(r#"{"as_string": "sum"}"#, Argument::String(text("sum")));
    check(
        r#"{"as_strings": ["a", "b"]}"#,
        Argument::Strings(vec![text("a"), text("b")]),
    );
    check(r#"{"as_bool": false}"#, Argument::Bool(false));
    check(
        r#"{"as_bools": [true, false]}"#,
        Argument::Bools(vec![true, false]),
    );
    check(
        r#"{"as_scalar_type": 33}"#,
        Argument::ScalarType(ScalarType::F8E8M0Fnu),
    );
    check(
        r#"{"as_memory_format": 2}"#,
        Argument::MemoryFormat(MemoryFormat::ChannelsLast),
    );
    check(r#"{"as_layout": 7}"#, Argument::Layout(Layout::Strided));
    check(
        r#"{"as_device": {"type": "cuda", "index": 1}}"#,
        Argument::Device(Device {
            kind: text("cuda"),
            index: Some(1),
        }),
    );
    check(
        r#"{"as_device": {"type": "cpu"}}"#,
        Argument::Device(Device {
            kind: text("cpu"),
            index: None,
        }),
    );
    check(
        r#"{"as_operator": "torch.ops.aten.add_.Tensor"}"#,
        Argument::Operator(text("torch.ops.aten.add_.Tensor")),
    );
}

#[test]
fn symbols() {
    check(
        r#"{"as_sym_int": {"as_name": "s"}}"#,
        Argument::SymInt(SymArgument::Name(text("s"))),
    );
    check(
        r#"{"as_sym_ints": [{"as_name": "s"}, {"as_int": 4}]}"#,
        Argument::SymInts(vec![SymArgument::Name(text("s")), SymArgument::Value(4)]),
    );
    check(
        r#"{"as_sym_float": {"as_float": 0.5}}"#,
        Argument::SymFloat(SymArgument::Value(0.5)),
    );
    check(
        r#"{"as_sym_floats": [{"as_float": "Infinity"}]}"#,
        Argument::SymFloats(vec![SymArgument::Value(f64::INFINITY)]),
    );
    check(
        r#"{"as_sym_bool": {"as_bool": true}}"#,
        Argument::SymBool(SymArgument::Value(true)),
    );
    check(
        r#"{"as_sym_bools": [{"as_name": "b"}]}"#,
        Argument::SymBools(vec![SymArgument::Name(text("b"))]),
    );
}

#[test]
fn structures() {
    let object = CustomObjArgument {
        name: text("o"),
        class_fqn: text("a.B"),
    };
    check(
        r#"{"as_custom_obj": {"name": "o", "class_fqn": "a.B"}}"#,
        Argument::CustomObj(object),
    );
    let map: Map<'_, Argument<'_>> = [(text("z"), Argument::Int(1)), (text("a"), Argument::None)]
        .into_iter()
        .collect();
    let json = r#"{"as_string_to_argument": {"z": {"as_int": 1}, "a": {"as_none": true}}}"#;
    check(json, Argument::StringToArgument(map));
    let mut names = Vec::new();
    let nested: Argument<'_> = serde_json::from_str(
        r#"{"as_string_to_argument": {"k": {"as_sym_ints": [{"as_int": 1}, {"as_name": "s"}]}, "t": {"as_tensor": {"name": "x"}}}}"#,
    )
    .expect("an argument");
    nested.for_each_name(&mut |kind, name| names.push((kind, name.to_string())));
    assert_eq!(
        names,
        [
            (NamedValue::SymInt, "s".to_owned()),
            (NamedValue::Tensor, "x".to_owned())
        ]
    );
}

#[test]
fn unions_have_exactly_one_known_tag() {
    check_error::<Argument<'_>>("{}", "an argument without a tag");
    check_error::<Argument<'_>>(
        r#"{"as_int": 1, "as_none": true}"#,
        "an argument with two tags, `as_int` and `as_none`",
    );
    check_error::<Argument<'_>>(
        r#"{"as_i": 1}"#,
        "unknown tag `as_i` of an argument, expected one of `as_none`, `as_tensor`",
    );
    check_error::<Argument<'_>>(
        "3",
        "invalid type: integer `3`, expected an argument, an object with one tag",
    );
    check_error::<Argument<'_>>(
        r#"{"as_scalar_type": 14}"#,
        "invalid value: integer `14`, expected the number of a scalar type",
    );
    check_error::<Argument<'_>>(
        r#"{"as_int": 9223372036854775808}"#,
        "invalid value: integer `9223372036854775808`, expected i64",
    );
    check_error::<Argument<'_>>(r#"{"as_tensor": {"nom": "x"}}"#, "missing field `name`");
}

#[test]
fn input_specs() {
    let read = |json: &'static str| serde_json::from_str::<InputSpec<'static>>(json).expect(json);
    let constant = read(r#"{"user_input": {"arg": {"as_int": 3}}}"#);
    assert_eq!(
        constant,
        InputSpec::ConstantInput {
            name: Str::default(),
            value: ConstantValue::Int(3)
        }
    );
    let named = read(r#"{"constant_input": {"name": "n", "value": {"as_string": "mode"}}}"#);
    assert_eq!(
        named,
        InputSpec::ConstantInput {
            name: text("n"),
            value: ConstantValue::String(text("mode"))
        }
    );
    let symbol = read(r#"{"user_input": {"arg": {"as_sym_int": {"as_name": "n"}}}}"#);
    assert_eq!(symbol.name(), Some(&text("n")));
    let buffer =
        read(r#"{"buffer": {"arg": {"name": "b_x"}, "buffer_name": "x", "persistent": false}}"#);
    assert_eq!(
        (buffer.tag(), buffer.target()),
        ("buffer", Some(&text("x")))
    );
    let object = read(
        r#"{"custom_obj": {"arg": {"name": "o", "class_fqn": "a.B"}, "custom_obj_name": "obj"}}"#,
    );
    assert_eq!(
        (object.name(), object.target()),
        (Some(&text("o")), Some(&text("obj")))
    );
    assert_eq!(
        read(r#"{"token": {"arg": {"name": "t"}}}"#),
        InputSpec::Token { name: text("t") }
    );
}

#[test]
fn output_specs() {
    for (tag, target) in [
        ("buffer_mutation", Some("buffer_name")),
        ("parameter_mutation", Some("parameter_name")),
        ("user_input_mutation", Some("user_input_name")),
        ("gradient_to_parameter", Some("parameter_name")),
        ("gradient_to_user_input", Some("user_input_name")),
        ("loss_output", None),
        ("token", None),
    ] {
        let field = target
            .map(|field| format!(", \"{field}\": \"w\""))
            .unwrap_or_default();
        let json = format!("{{\"{tag}\": {{\"arg\": {{\"name\": \"x\"}}{field}}}}}");
        let spec: OutputSpec<'_> = serde_json::from_str(&json).expect("a spec");
        assert_eq!(spec.tag(), tag);
        assert_eq!(spec.name(), Some(&text("x")), "{tag}");
        assert_eq!(spec.target().map(Str::as_str), target.map(|_| "w"), "{tag}");
    }
    let constant: OutputSpec<'_> =
        serde_json::from_str(r#"{"user_output": {"arg": {"as_int": 1}}}"#).expect("a spec");
    assert_eq!((constant.name(), constant.tag()), (None, "user_output"));
}

#[test]
fn ranges_without_bounds() {
    let read = |json: &str| serde_json::from_str::<RangeConstraint>(json).expect("a range");
    let bounded = RangeConstraint {
        min_val: Some(0),
        max_val: Some(9_223_372_036_854_775_806),
    };
    assert_eq!(
        read(r#"{"min_val": 0, "max_val": 9223372036854775806}"#),
        bounded
    );
    let unbounded = RangeConstraint {
        min_val: None,
        max_val: None,
    };
    assert_eq!(read(r#"{"min_val": null, "max_val": null}"#), unbounded);
    assert_eq!(
        read(r#"{"min_val": "-Infinity", "max_val": "Infinity"}"#),
        unbounded
    );
    check_error::<RangeConstraint>(r#"{"min_val": "low"}"#, "invalid value: string \"low\"");
}

#[test]
fn numbers_and_names_of_enums_agree() {
    for &dtype in ScalarType::ALL {
        assert_eq!(ScalarType::from_number(dtype.number()), Some(dtype));
        assert_eq!(ScalarType::from_name(dtype.name()), Some(dtype));
        assert_eq!(dtype.size().is_none(), dtype == ScalarType::Unknown);
    }
    assert_eq!(ScalarType::Complex64.unit_size(), Some(4));
    assert_eq!(Layout::from_name("strided"), Some(Layout::Strided));
    assert_eq!(ArgumentKind::from_number(2), Some(ArgumentKind::Keyword));
}
