//! Tests of `control`.

use super::{ShapeEnv, infer_in, value_of};

fn returning(graphs: &[(&str, &[&str])]) -> ShapeEnv<'static> {
    let env = ShapeEnv::new();
    for (graph, results) in graphs {
        env.set_graph(graph, results.iter().map(|text| value_of(text)).collect());
    }
    env
}

#[test]
fn branches_are_unified() {
    let arguments = "b8[], @yes, @no, [f32[2]]";
    let same = returning(&[("yes", &["f32[2, 3]"]), ("no", &["f32[2, 3]"])]);
    assert_eq!(infer_in(&same, "hop.cond", arguments), "f32[2, 3]");
    let other = returning(&[("yes", &["f32[2, 3]"]), ("no", &["f32[4, 3]"])]);
    assert_eq!(infer_in(&other, "hop.cond", arguments), "f32[u0, 3]");
    let ranks = returning(&[("yes", &["f32[2, 3]"]), ("no", &["f32[3]"])]);
    assert_eq!(infer_in(&ranks, "hop.cond", arguments), "f32[*]");
    let counts = returning(&[("yes", &["f32[2]"]), ("no", &[])]);
    assert_eq!(
        infer_in(&counts, "hop.cond", arguments),
        "error: `hop.cond`: the branches return 1 and 0 values"
    );
}

#[test]
fn an_unknown_graph_is_refused() {
    let env = ShapeEnv::new();
    let found = infer_in(
        &env,
        "hop.wrap_with_set_grad_enabled",
        "True, @body, f32[2]",
    );
    assert_eq!(
        found,
        "unknown: `hop.wrap_with_set_grad_enabled`: nothing is known of what `@body` returns"
    );
}

#[test]
fn loops_keep_what_they_carry() {
    let env = returning(&[("cond", &["b8[]"]), ("body", &["f32[2]", "u7"])]);
    let found = infer_in(&env, "hop.while_loop", "@cond, @body, [f32[2], 0], []");
    assert_eq!(found, "f32[2]; u0");
}

#[test]
fn maps_and_scans_stack_rows() {
    let env = returning(&[("f", &["f32[3]"]), ("step", &["f32[4]", "i64[]"])]);
    assert_eq!(
        infer_in(&env, "hop.map_impl", "@f, [f32[s0, 2]], []"),
        "f32[s0, 3]"
    );
    assert_eq!(
        infer_in(&env, "hop.scan", "@step, [f32[4]], [f32[s0, 2]], []"),
        "f32[4]; i64[s0]"
    );
}
