//! The check of plans, and their serialized form.

use super::*;

fn relu(arg: Slot, result: Slot) -> Step {
    Step {
        action: Action::Call {
            op: "aten::relu".into(),
            args: vec![Arg::Slot(arg)],
            kwargs: Vec::new(),
            result_groups: Vec::new(),
        },
        results: vec![Some(result)],
        origin: Origin::default(),
    }
}

fn calling(graph: GraphId) -> Step {
    let action = Action::Hop {
        name: "wrap".into(),
        args: vec![Arg::Graph(graph)],
        kwargs: Vec::new(),
    };
    Step {
        action,
        results: Vec::new(),
        origin: Origin::default(),
    }
}

fn graph(slots: u32, steps: Vec<Step>, outputs: Vec<Arg>) -> Graph {
    Graph {
        name: "main".into(),
        slots,
        inputs: vec![0],
        steps,
        outputs,
    }
}

fn parts(graphs: Vec<Graph>) -> PlanParts {
    let input = Input {
        kind: InputKind::User,
        name: "x".into(),
        path: "x".into(),
        target: None,
        spec: InputSpec::Any,
    };
    let output = Output {
        kind: OutputKind::User,
        target: None,
    };
    let outputs = graphs.first().map_or(0, |root| root.outputs.len());
    let signature = Signature {
        inputs: vec![input],
        outputs: vec![output; outputs],
        ..Signature::default()
    };
    PlanParts { graphs, signature }
}

fn check(graphs: Vec<Graph>, expected: &str) {
    let error = Plan::new(parts(graphs)).expect_err("refused");
    assert_eq!(error.to_string(), expected);
}

#[test]
fn values_are_freed_where_they_are_read_last() {
    let steps = vec![relu(0, 1), relu(1, 2), relu(1, 3)];
    let plan = Plan::new(parts(vec![graph(4, steps, vec![Arg::Slot(3)])])).expect("valid");
    assert_eq!(plan.last_reads(0, 0), [0]);
    assert!(plan.last_reads(0, 1).is_empty());
    assert_eq!(plan.last_reads(0, 2), [1]);
    assert!(plan.last_reads(7, 7).is_empty());
    assert_eq!(
        plan.graphs()[0].steps[1].results,
        [None],
        "nobody reads slot 2"
    );
}

#[test]
fn slots_are_checked() {
    let output = || vec![Arg::Slot(1)];
    check(
        vec![graph(1, vec![relu(0, 1)], output())],
        "graph `main`: slot 1 does not exist",
    );
    check(
        vec![graph(3, vec![relu(2, 1)], output())],
        "graph `main`: slot 2 is read before it is written",
    );
    check(
        vec![graph(2, vec![relu(0, 0)], output())],
        "graph `main`: slot 0 is written twice",
    );
    check(
        vec![graph(2, vec![], output())],
        "graph `main`: slot 1 is read before it is written",
    );
    check(
        vec![graph(u32::MAX, vec![], vec![])],
        "graph `main`: has 4294967295 slots, at most 67108864 are allowed",
    );
}

#[test]
fn graphs_are_checked() {
    check(vec![], "graph `main`: there is no root graph");
    check(
        vec![graph(1, vec![calling(0)], vec![])],
        "graph `main`: uses itself",
    );
    check(
        vec![graph(1, vec![calling(7)], vec![])],
        "graph `#7`: is named and does not exist",
    );
    let chain = (1..=100)
        .map(|next| graph(1, vec![calling(next % 100)], vec![]))
        .collect();
    check(chain, "graph `main`: graphs nest deeper than 64");
}

#[test]
fn arguments_nest_no_deeper_than_allowed() {
    let deep = (0..40).fold(Arg::None, |arg, _| Arg::List(vec![arg]));
    check(
        vec![graph(1, vec![], vec![deep])],
        "graph `main`: an argument nests deeper than 32",
    );
}

#[test]
fn the_signature_fits_the_root_graph() {
    let mut parts = parts(vec![graph(1, vec![], vec![Arg::Slot(0)])]);
    parts.signature.outputs.clear();
    let error = Plan::new(parts.clone()).expect_err("refused");
    assert_eq!(
        error.to_string(),
        "graph `main`: has 1 outputs, the signature has 0"
    );
    parts.signature.inputs.clear();
    let error = Plan::new(parts).expect_err("refused");
    assert_eq!(
        error.to_string(),
        "graph `main`: has 1 inputs, the signature has 0"
    );
}

#[test]
fn plans_survive_serialization_and_are_checked_after_it() {
    let plan =
        Plan::new(parts(vec![graph(2, vec![relu(0, 1)], vec![Arg::Slot(1)])])).expect("valid");
    let text = serde_json::to_string(&plan).expect("serializes");
    assert_eq!(serde_json::from_str::<Plan>(&text).expect("reads"), plan);
    let broken = text.replace("\"slots\":2", "\"slots\":1");
    let error = serde_json::from_str::<Plan>(&broken).expect_err("refused");
    assert!(
        error.to_string().contains("slot 1 does not exist"),
        "{error}"
    );
}

#[test]
fn symbolic_functions_are_found_by_name() {
    for function in SymFunction::ALL {
        assert_eq!(SymFunction::from_name(function.name()), Some(*function));
    }
    assert_eq!(SymFunction::from_name("no_such_function"), None);
}
