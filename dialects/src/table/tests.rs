//! Tests of `table`.

use super::*;

#[test]
fn every_entry_decodes() {
    assert_eq!(defs().count(), all_names().count());
    assert!(all_names().is_sorted());
    for name in all_names() {
        let def = find(name).unwrap();
        assert_eq!(def.name, name);
    }
}

#[test]
fn operators_are_found_by_name() {
    let add = lookup("aten.add.Tensor").unwrap();
    assert_eq!((add.dialect(), add.short_name()), ("aten", "add.Tensor"));
    assert!(add.is_core() && add.is_pure() && add.is_pointwise());
    assert_eq!(add.schema.args.len(), 3);
    assert_eq!(add.numerics(), Numerics::Rounding);

    for name in [
        "aten.relu.default",
        "quantized_decomposed.quantize_per_tensor.default",
        "torchvision.nms.default",
    ] {
        assert!(lookup(name).is_some(), "{name}");
    }
    for name in [
        "aten.relu",
        "aten.nonsense.default",
        "sym.mul",
        "hop.cond",
        "",
        "aten",
        "aten.",
    ] {
        assert!(lookup(name).is_none(), "{name}");
    }
}

#[test]
fn purity() {
    for (name, removable, pure) in [
        ("aten.mm.default", true, true),
        ("aten.view.default", true, true),
        ("aten.empty.memory_format", true, false),
        ("aten.add_.Tensor", false, false),
        ("aten.add.out", false, false),
        ("aten.rand.default", false, false),
        ("aten.native_dropout.default", false, false),
        ("aten.bernoulli.p", false, false),
        ("aten._assert_scalar.default", false, false),
        ("aten._functional_assert_async.msg", false, false),
        ("_c10d_functional.all_reduce.default", false, false),
    ] {
        let def = lookup(name).unwrap();
        assert_eq!(
            (def.is_removable(), def.is_pure()),
            (removable, pure),
            "{name}"
        );
    }
}

#[test]
fn core_ops_are_those_of_torch() {
    let core = all().filter(|def| def.is_core()).count();
    assert!((180..=200).contains(&core), "{core}");
    assert!(all().filter(|def| def.is_random()).count() > 150);
}

#[test]
fn numerics() {
    for (name, numerics) in [
        ("aten.relu.default", Numerics::Exact),
        ("aten.slice.Tensor", Numerics::Exact),
        ("aten.view_copy.default", Numerics::Exact),
        ("aten.cat.default", Numerics::Exact),
        ("aten.exp.default", Numerics::Rounding),
        ("aten.index_put.default", Numerics::Rounding),
        ("aten.randn.default", Numerics::Random),
    ] {
        assert_eq!(lookup(name).unwrap().numerics(), numerics, "{name}");
    }
}

#[test]
fn symbolic_functions() {
    let mul = sym("mul").unwrap();
    assert_eq!(mul.name, "sym.mul");
    assert_eq!(mul.columns.format, Some("{} * {}"));
    assert_eq!(mul.schema.args.len(), 2);
    assert!(std::ptr::eq(mul, sym_by_target("_operator.mul").unwrap()));
    assert_eq!(
        sym_by_target("torch._sym_sqrt").unwrap().name,
        "sym._sym_sqrt"
    );
    assert_eq!(sym_by_target("math.trunc").unwrap().columns.format, None);
    assert!(sym_by_target("builtins.eval").is_none() && sym("").is_none());
    for def in sym_all() {
        let target = def.columns.python.unwrap();
        assert_eq!(target.rsplit_once('.').unwrap().1, def.short_name());
        let holes = def
            .columns
            .format
            .map(|format| format.matches("{}").count());
        assert!(
            holes.is_none_or(|holes| holes == def.schema.args.len()),
            "{}",
            def.name
        );
    }
}

#[test]
fn higher_order_ops() {
    let cond = hop("cond").unwrap();
    assert_eq!(
        (cond.name, cond.columns.graphs.as_slice()),
        ("hop.cond", ["true_fn", "false_fn"].as_slice())
    );
    assert!(hop("mul").is_none());
    assert!(hop_all().count() >= 40);
}

#[test]
fn dialects() {
    let namespaces = namespaces();
    assert!(namespaces.is_sorted());
    for expected in [
        "aten",
        "hop",
        "prims",
        "quantized_decomposed",
        "sym",
        "torchvision",
    ] {
        assert!(namespaces.contains(&expected), "{expected}");
    }
    assert!(dialect("prims").all(|def| def.dialect() == "prims"));
    assert_eq!(
        dialect("prim").count() + dialect("nothing").count(),
        all_names().filter(|name| name.starts_with("prim.")).count()
    );
}

#[test]
fn suggestions() {
    assert_eq!(
        suggest("aten.relu.Tensor").first(),
        Some(&"aten.relu.default")
    );
    assert!(suggest("aten.relv.default").contains(&"aten.relu.default"));
    assert!(
        suggest("aten.mul.Tensr")
            .iter()
            .all(|name| name.starts_with("aten.mul."))
    );
    assert!(suggest("my_library.something_else.default").is_empty());
}

#[test]
fn distances() {
    assert_eq!(distance_up_to("kitten", "sitting", 3), Some(3));
    assert_eq!(distance_up_to("kitten", "sitting", 2), None);
    assert_eq!(distance_up_to("", "ab", 2), Some(2));
    assert_eq!(distance_up_to("same", "same", 0), Some(0));
}
