//! Single schemas: what the parser makes of them, and what it refuses.

use std::borrow::Cow;

use expc_schema::{Alias, Arg, DefaultValue, OpSchema, SchemaKind, Tag, Type, parse_tagged};

fn parse(text: &str) -> OpSchema<'_> {
    let schema = OpSchema::parse(text).unwrap_or_else(|error| panic!("{error}: {text}"));
    assert_eq!(schema.to_string(), text);
    schema
}

fn arg<'a, 's>(schema: &'s OpSchema<'a>, name: &str) -> &'s Arg<'a> {
    schema
        .arg(name)
        .unwrap_or_else(|| panic!("no argument {name}"))
        .1
}

fn list(ty: Type<'static>) -> Type<'static> {
    Type::List(Box::new(ty), None)
}

fn optional(ty: Type<'static>) -> Type<'static> {
    Type::Optional(Box::new(ty))
}

fn alias(
    before: &'static str,
    after: &[&'static str],
    write: bool,
    depth: u8,
) -> Option<Alias<'static>> {
    Some(Alias {
        before: vec![before],
        after: after.to_vec(),
        write,
        depth,
    })
}

#[test]
fn names() {
    let add = parse("aten::add.Tensor(Tensor self, Tensor other, *, Scalar alpha=1) -> Tensor");
    assert_eq!(
        (add.namespace, add.name, add.overload),
        ("aten", "add", "Tensor")
    );
    assert_eq!(add.full_name(), "aten.add.Tensor");
    assert_eq!(
        parse("aten::relu(Tensor self) -> Tensor").full_name(),
        "aten.relu.default"
    );
    assert_eq!(
        parse("aten::__iadd__.t(t[](a!) self, t[] b) -> t[](a!)").full_name(),
        "aten.__iadd__.t"
    );
    assert_eq!(parse("silu(Tensor self) -> Tensor").namespace, "");
}

#[test]
fn arguments() {
    let add = parse("aten::add.Tensor(Tensor self, Tensor other, *, Scalar alpha=1) -> Tensor");
    let (index, alpha) = add.arg("alpha").unwrap();
    assert_eq!(
        (index, alpha.kwarg_only, &alpha.ty),
        (2, true, &Type::Scalar)
    );
    assert_eq!(alpha.default, Some(DefaultValue::Int(1)));
    assert!(!arg(&add, "other").kwarg_only);
    assert!(add.arg("out").is_none());
}

#[test]
fn lists_and_optionals() {
    let index = parse("aten::index.Tensor(Tensor self, Tensor?[] indices) -> Tensor");
    let indices = &arg(&index, "indices").ty;
    assert_eq!(*indices, list(optional(Type::Tensor)));
    assert!(indices.is_tensor_like() && indices.is_list() && !indices.is_tensor());
    assert_eq!(indices.list_element(), Some(&optional(Type::Tensor)));

    let conv = parse(
        "aten::conv2d.padding(Tensor input, Tensor weight, Tensor? bias=None, SymInt[2] stride=[1, 1], \
         str padding=\"valid\", SymInt[2] dilation=[1, 1], SymInt groups=1) -> Tensor",
    );
    assert_eq!(
        arg(&conv, "stride").ty,
        Type::List(Box::new(Type::SymInt), Some(2))
    );
    assert_eq!(
        arg(&conv, "stride").default,
        Some(DefaultValue::IntList(vec![1, 1]))
    );
    assert_eq!(
        arg(&conv, "padding").default,
        Some(DefaultValue::Str(Cow::Borrowed("valid")))
    );
    assert_eq!(arg(&conv, "bias").default, Some(DefaultValue::None));
    assert!(arg(&conv, "bias").ty.is_optional() && arg(&conv, "groups").ty.is_number());
    assert_eq!(
        *parse("x::f(float[]? a) -> ()").args[0].ty.element(),
        Type::Float
    );
}

#[test]
fn several_results() {
    let lstm = parse(
        "aten::lstm.input(Tensor input, Tensor[] hx, Tensor[] params, bool has_biases, int num_layers, \
         float dropout, bool train, bool bidirectional, bool batch_first) -> (Tensor, Tensor, Tensor)",
    );
    assert_eq!((lstm.args.len(), lstm.returns.len()), (9, 3));
    let max = parse(
        "aten::max.dim(Tensor self, int dim, bool keepdim=False) -> (Tensor values, Tensor indices)",
    );
    assert_eq!(
        max.returns.iter().map(|ret| ret.name).collect::<Vec<_>>(),
        [Some("values"), Some("indices")]
    );
    assert_eq!(
        parse("aten::items.str(Dict(str, t) self) -> ((str, t)[])")
            .returns
            .len(),
        1
    );
    assert!(parse("aten::_print(str s) -> ()").returns.is_empty());
}

#[test]
fn varargs() {
    let chunk = parse("prim::ConstantChunk(...) -> ...");
    assert!(chunk.is_vararg && chunk.is_varret && chunk.args.is_empty());
    let einsum = parse("aten::einsum.sublist(Tensor a, ...) -> Tensor");
    assert!(einsum.is_vararg && !einsum.is_varret && einsum.args.len() == 1);
}

#[test]
fn aliases() {
    let split = parse(
        "aten::split.Tensor(Tensor(a -> *) self, SymInt split_size, int dim=0) -> Tensor(a)[]",
    );
    assert_eq!(split.args[0].alias, alias("a", &["*"], false, 0));
    assert_eq!(split.returns[0].alias, alias("a", &[], false, 1));
    assert!(split.is_view() && split.kind() == SchemaKind::Functional);
    assert_eq!(split.aliased_args(0).collect::<Vec<_>>(), [0]);

    let foreach = parse(
        "aten::_foreach_add_.List(Tensor(a!)[] self, Tensor[] other, *, Scalar alpha=1) -> ()",
    );
    assert_eq!(foreach.args[0].alias, alias("a", &[], true, 1));
    let to = parse("aten::cpu(Tensor(a) self) -> Tensor(b|a)");
    assert_eq!(to.returns[0].alias.as_ref().unwrap().before, ["b", "a"]);
    assert!(to.is_view());
    assert_eq!(
        parse("aten::append.t(t[](a!) self, t(c -> *) el) -> t[](a!)").args[0].alias,
        alias("a", &[], true, 0)
    );
}

#[test]
fn kinds() {
    for (text, kind) in [
        ("aten::add(Tensor self) -> Tensor", SchemaKind::Functional),
        (
            "aten::add_(Tensor(a!) self) -> Tensor(a!)",
            SchemaKind::Inplace,
        ),
        (
            "aten::__ior__(Tensor(a!) self) -> Tensor(a!)",
            SchemaKind::Inplace,
        ),
        (
            "aten::_foreach_add_(Tensor(a!)[] self) -> ()",
            SchemaKind::Inplace,
        ),
        (
            "aten::add.out(Tensor self, *, Tensor(a!) out) -> Tensor(a!)",
            SchemaKind::Out,
        ),
        (
            "aten::bn(Tensor x, Tensor(a!) running_mean) -> Tensor",
            SchemaKind::Mutable,
        ),
    ] {
        assert_eq!(parse(text).kind(), kind, "{text}");
    }
    assert!(!parse("aten::add_(Tensor(a!) self) -> Tensor(a!)").is_view());
}

#[test]
fn types() {
    let schema = parse(
        "x::f(Dict(str, Tensor[]) a, (int, t)[] b, Future(t) c, RRef(t) d, Await(t) e, Union(int, float)? g, \
         __torch__.torch.classes.quantized.LinearPackedParamsBase h, AnyEnumType i, NoneType j) -> Any",
    );
    assert_eq!(
        schema.args[0].ty,
        Type::Dict(Box::new(Type::Str), Box::new(list(Type::Tensor)))
    );
    assert_eq!(
        schema.args[1].ty,
        list(Type::Tuple(vec![Type::Int, Type::Variable("t")]))
    );
    assert_eq!(
        schema.args[6].ty,
        Type::Class("__torch__.torch.classes.quantized.LinearPackedParamsBase")
    );
    assert_eq!(schema.returns[0].ty, Type::Any);
}

#[test]
fn default_values() {
    let default = |text: &'static str| {
        OpSchema::parse(text)
            .unwrap()
            .args
            .remove(0)
            .default
            .unwrap()
    };
    assert_eq!(
        default("f(float a=1.0000000000000001e-05) -> ()"),
        DefaultValue::Float(1e-5)
    );
    assert_eq!(default("f(float a=1.) -> ()"), DefaultValue::Float(1.0));
    assert_eq!(
        default("f(float a=-inf) -> ()"),
        DefaultValue::Float(f64::NEG_INFINITY)
    );
    assert_eq!(
        default("f(float[] a=[1, 0.5]) -> ()"),
        DefaultValue::FloatList(vec![1.0, 0.5])
    );
    assert_eq!(
        default("f(bool[2] a=[True, False]) -> ()"),
        DefaultValue::BoolList(vec![true, false])
    );
    assert_eq!(
        default("f(Tensor[] a=[]) -> ()"),
        DefaultValue::IntList(vec![])
    );
    assert_eq!(
        default("f(MemoryFormat a=contiguous_format) -> ()"),
        DefaultValue::EnumName("contiguous_format")
    );
    let escaped = default("f(str a=\"\\\"\\'\\\\ \\n\\033\") -> ()");
    assert_eq!(
        escaped,
        DefaultValue::Str(Cow::Owned("\"'\\ \n\u{1b}".into()))
    );
    assert_eq!(escaped.to_string(), "\"\\\"\\'\\\\ \\n\\033\"");
}

#[test]
fn floats_print_as_torch_prints_them() {
    for (value, text) in [
        (0.0, "0."),
        (-2.0, "-2."),
        (0.125, "0.125"),
        (1.0 / 3.0, "0.33333333333333331"),
        (1e-4, "0.0001"),
        (1e-5, "1.0000000000000001e-05"),
        (1e16, "10000000000000000."),
        (1e17, "1e+17"),
        (1.5e300, "1.5000000000000001e+300"),
        (f64::INFINITY, "inf"),
    ] {
        assert_eq!(DefaultValue::Float(value).to_string(), text);
    }
}

#[test]
fn spaces_are_free() {
    let loose = OpSchema::parse("aten::f( Tensor(a!)self , *,int  b = 1 )->Tensor( a! )").unwrap();
    assert_eq!(
        loose.to_string(),
        "aten::f(Tensor(a!) self, *, int b=1) -> Tensor(a!)"
    );
}

#[test]
fn tags() {
    let (schema, tags) =
        parse_tagged("aten::relu(Tensor self) -> Tensor  # core, pointwise").unwrap();
    assert_eq!(schema.name, "relu");
    assert_eq!(tags.iter().collect::<Vec<_>>(), [Tag::Core, Tag::Pointwise]);
}

#[test]
fn errors_say_where() {
    let deep = format!("f({}int{} a) -> ()", "(".repeat(50), ")".repeat(50));
    let suffixes = format!("f(int{} a) -> ()", "[]".repeat(50));
    for (text, message) in [
        ("", "1:1: expected the name of an op"),
        ("aten::add(Tensor self)", "1:23: expected `->`"),
        (
            "aten::add(Tensor self) -> Tensor x y",
            "1:36: expected the end",
        ),
        ("f(Tensr a) -> ()", "1:3: unknown type `Tensr`"),
        ("f(int a, *, *, int b) -> ()", "1:13: second `*`"),
        ("f(..., int b) -> ()", "1:8: nothing may follow `...`"),
        (
            "f(int a=99999999999999999999) -> ()",
            "1:9: number `99999999999999999999` out of range",
        ),
        (
            "f(int[99999999999] a) -> ()",
            "1:7: number `99999999999` out of range",
        ),
        (
            "f(int[] a=[1, True]) -> ()",
            "1:11: list of values of different types",
        ),
        (
            "f(Dict(int) a) -> ()",
            "1:3: `Dict` takes 2 type parameters, found 1",
        ),
        (
            "f(Dict(int, Tensor(a!)) a) -> ()",
            "1:13: alias annotation inside a generic type",
        ),
        ("f(Tensor(a)[](b) x) -> ()", "1:14: second alias annotation"),
        ("f(str a=\"\\q\") -> ()", "1:9: unknown escape in \"\\q\""),
        (&deep, "1:18: nested deeper than 16 levels"),
        (&suffixes, "1:38: nested deeper than 16 levels"),
    ] {
        assert_eq!(
            OpSchema::parse(text).unwrap_err().to_string(),
            message,
            "{text}"
        );
    }
    let error = parse_tagged("aten::f() -> ()  # core, fast")
        .unwrap_err()
        .to_string();
    assert!(
        error.starts_with("1:26: unknown tag `fast`; known are `composite`, "),
        "{error}"
    );
}
