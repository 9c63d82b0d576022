//! Programs that are traced here and in PyTorch (`tools/record_traces.py`, whose texts are in `expected/`) print the same.

use std::collections::HashMap;

use super::{
    Arguments, Dim, DynamicShapes, Inputs, Sample, Tensor, Tracer, Value, number::SymInt, trace,
};
use crate::tch;

/// The printed program without comments and blank lines, its symbols numbered in order of appearance.
pub fn normalized(text: &str) -> String {
    let lines = text.lines().map(str::trim_end);
    let lines = lines.filter(|line| !line.is_empty() && !line.trim_start().starts_with("# "));
    let text = lines.collect::<Vec<_>>().join("\n");
    let mut symbols: HashMap<String, usize> = HashMap::new();
    let mut renamed = String::new();
    let mut word = String::new();
    for c in text.chars().chain(['\n']) {
        if c.is_ascii_alphanumeric() || c == '_' {
            word.push(c);
            continue;
        }
        let is_symbol = word
            .strip_prefix('s')
            .is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|c| c.is_ascii_digit()));
        match is_symbol {
            true => {
                let next = symbols.len();
                let number = *symbols.entry(word.clone()).or_insert(next);
                renamed.push_str(&format!("s{number}"));
            }
            false => renamed.push_str(&word),
        }
        word.clear();
        renamed.push(c);
    }
    renamed.trim_end().to_owned()
}

#[track_caller]
fn check<R: Into<Value>>(
    expected: &str,
    inputs: &Inputs,
    shapes: &DynamicShapes,
    forward: impl FnOnce(&Tracer, &Arguments) -> R,
) {
    let program = trace(inputs, shapes, forward).unwrap_or_else(|fault| panic!("{fault}"));
    let found = program.text().unwrap_or_else(|fault| panic!("{fault}"));
    let (found, expected) = (normalized(&found), normalized(expected));
    assert!(found == expected, "found:\n{found}\nexpected:\n{expected}");
}

fn floats(sizes: &[&[i64]]) -> Inputs {
    let mut inputs = Inputs::new();
    for (name, sizes) in ["x", "y"].iter().zip(sizes) {
        inputs = inputs.arg(name, Sample::floats(sizes));
    }
    inputs
}

fn n() -> Dim {
    Dim::new("n").min(2).max(16)
}

fn first(dim: Dim) -> DynamicShapes {
    DynamicShapes::new().input("x", [(0, dim)])
}

fn static_sizes() -> DynamicShapes {
    DynamicShapes::new()
}

fn ones() -> tch::Tensor {
    tch::Tensor::ones([4, 3], (tch::Kind::Float, tch::Device::Cpu))
}

#[test]
fn two_inputs() {
    let shapes = first(n()).input("y", [(0, n())]);
    let expected = include_str!("expected/two_inputs.txt");
    check(
        expected,
        &floats(&[&[4, 2], &[4, 2]]),
        &shapes,
        |t, inputs| {
            let (x, y) = (inputs.tensor("x"), inputs.tensor("y"));
            t.cat([&(&x + &y), &x])
        },
    );
}

#[test]
fn two_dims() {
    let shapes = DynamicShapes::new().input("x", vec![n(), n()]);
    let expected = include_str!("expected/two_dims.txt");
    check(expected, &floats(&[&[4, 4]]), &shapes, |t, inputs| {
        let x = inputs.tensor("x");
        x.matmul(x.t()) + t.eye(x.size(0))
    });
}

#[test]
fn derived_double() {
    let shapes = first(n()).input("y", [(0, 2 * n())]);
    let expected = include_str!("expected/derived_double.txt");
    check(expected, &floats(&[&[3], &[6]]), &shapes, |_, inputs| {
        let (x, y) = (inputs.tensor("x"), inputs.tensor("y"));
        &x + y.view((x.size(0), 2)).sum_dim_int_list([1_i64])
    });
}

#[test]
fn derived_offset() {
    let shapes = first(n()).input("y", [(0, n() + 1)]);
    let expected = include_str!("expected/derived_offset.txt");
    check(expected, &floats(&[&[4], &[5]]), &shapes, |_, inputs| {
        let (x, y) = (inputs.tensor("x"), inputs.tensor("y"));
        let later = y.slice(0, Some(1.into()), Some(i64::MAX.into()), 1);
        x + later - y.slice(0, Some(0.into()), Some((-1).into()), 1)
    });
}

#[test]
fn branch() {
    let expected = include_str!("expected/branch.txt");
    check(
        expected,
        &floats(&[&[8, 3]]),
        &first(Dim::AUTO),
        |_, inputs| {
            let x = inputs.tensor("x");
            match x.size(0) > 5 {
                true => x.sum_dim_int_list([1_i64]),
                false => x.mean_dim([1_i64]),
            }
        },
    );
}

#[test]
fn sizes() {
    let expected = include_str!("expected/sizes.txt");
    check(
        expected,
        &floats(&[&[5]]),
        &first(Dim::AUTO),
        |t, inputs| {
            let x = inputs.tensor("x");
            let n = x.size(0);
            let tensors = [
                t.full([3_i64], &n * 2 + 1),
                t.zeros((&n / 2 + 1,)),
                t.ones((&n % 3 + 1,)),
                x.new_zeros((2 * &n - 1, 2)),
            ];
            Value::Tuple(tensors.into_iter().map(Into::into).collect())
        },
    );
}

#[test]
fn greater_and_lesser() {
    let shapes = first(n()).input("y", [(0, Dim::new("m"))]);
    let expected = include_str!("expected/greater_and_lesser.txt");
    check(expected, &floats(&[&[5], &[4]]), &shapes, |_, inputs| {
        let (x, y) = (inputs.tensor("x"), inputs.tensor("y"));
        let (greater, lesser) = ((x.size(0) - 4).sym_max(1), y.size(0).sym_min(6));
        (greater * &x, lesser + &y)
    });
}

#[test]
fn shared_size() {
    let shapes = first(n()).input("y", [(0, n())]);
    let expected = include_str!("expected/shared_size.txt");
    check(expected, &floats(&[&[4], &[4]]), &shapes, |t, inputs| {
        let (x, y) = (inputs.tensor("x"), inputs.tensor("y"));
        t.zeros((x.size(0),)) + &x + y * x.size(0)
    });
}

#[test]
fn found_equal() {
    let shapes = first(Dim::AUTO).input("y", [(0, Dim::AUTO)]);
    let expected = include_str!("expected/found_equal.txt");
    check(expected, &floats(&[&[4], &[4]]), &shapes, |t, inputs| {
        let (x, y) = (inputs.tensor("x"), inputs.tensor("y"));
        let size = x.size(0);
        (x + y, t.zeros((size,)))
    });
}

#[test]
fn returned() {
    let expected = include_str!("expected/returned.txt");
    check(
        expected,
        &floats(&[&[4, 3]]),
        &first(Dim::AUTO),
        |_, inputs| {
            let x = inputs.tensor("x");
            (x.size(0), x.sum(), 2 * x.size(0))
        },
    );
}

#[test]
fn counted() {
    let expected = include_str!("expected/counted.txt");
    check(expected, &floats(&[&[5]]), &static_sizes(), |_, inputs| {
        let x = inputs.tensor("x");
        let positions = x.nonzero();
        let chosen = x.masked_select(x.lt_scalar(0)).abs();
        let mask = x.gt_scalar(0);
        let indexed = x.index_tensor(&[Some(&mask)]);
        (positions, chosen, indexed * 2)
    });
}

#[test]
fn item() {
    let inputs = Inputs::new()
        .arg("x", Sample::ints(&[]))
        .arg("y", Sample::floats(&[8]));
    let expected = include_str!("expected/item.txt");
    check(expected, &inputs, &static_sizes(), |t, inputs| {
        let (count, y) = (inputs.tensor("x").item_int(), inputs.tensor("y"));
        t.check(count.sym_ge(1));
        t.check(count.sym_le(8));
        let ones = t.ones((&count,));
        let start = y.slice(0, None, Some(count.clone()), 1);
        (ones, start, y.sum() * count)
    });
}

#[test]
fn chain() {
    let expected = include_str!("expected/chain.txt");
    check(expected, &floats(&[&[9]]), &static_sizes(), |t, inputs| {
        let x = inputs.tensor("x");
        let mask = x.gt_scalar(0.5);
        let chosen = x.index_tensor(&[Some(&mask)]);
        let padded = chosen.pad([0_i64, 2]);
        let end: SymInt = chosen.size(0) + 2;
        (padded.clone(), t.arange(end) * padded)
    });
}

#[test]
fn data_cond() {
    let expected = include_str!("expected/data_cond.txt");
    check(expected, &floats(&[&[4]]), &static_sizes(), |t, inputs| {
        let x = inputs.tensor("x");
        let count = x.gt_scalar(0).sum().item_int();
        t.cond(count.sym_gt(2), |x| &x[0] + 1, |x| &x[0] - 1, &[x])
    });
}

#[test]
fn size_cond() {
    let expected = include_str!("expected/size_cond.txt");
    check(expected, &floats(&[&[5, 2]]), &first(n()), |t, inputs| {
        let x = inputs.tensor("x");
        let is_long = x.size(0).sym_gt(4);
        t.cond(
            is_long,
            |x| &x[0] * x[0].size(0),
            |x| &x[0] + x[0].size(0),
            &[x],
        )
    });
}

#[test]
fn nested_cond() {
    let expected = include_str!("expected/nested_cond.txt");
    check(
        expected,
        &floats(&[&[3], &[3]]),
        &static_sizes(),
        |t, inputs| {
            let operands = [inputs.tensor("x"), inputs.tensor("y")];
            let on_true = |xy: &[Tensor]| {
                let is_positive = xy[1].sum().gt_scalar(0);
                t.cond(&is_positive, |xy| &xy[0] + &xy[1], |xy| &xy[0] - &xy[1], xy)
            };
            let is_positive = operands[0].sum().gt_scalar(0);
            t.cond(&is_positive, on_true, |xy| &xy[0] * &xy[1], &operands)
        },
    );
}

#[test]
fn scanned() {
    let inputs = Inputs::new()
        .arg("init", Sample::floats(&[3]))
        .arg("xs", Sample::floats(&[4, 3]));
    let expected = include_str!("expected/scanned.txt");
    check(expected, &inputs, &static_sizes(), |t, inputs| {
        let body = |carry: &[Tensor], x: &[Tensor]| {
            let next = &carry[0] + &x[0];
            (vec![next], vec![(&carry[0] * &x[0]).clone_default()])
        };
        let results = t.scan(body, &[inputs.tensor("init")], &[inputs.tensor("xs")]);
        Value::Tuple(results.into_iter().map(Into::into).collect())
    });
}

#[test]
fn counter() {
    let inputs = Inputs::new()
        .arg("n", Sample::ints(&[]))
        .arg("x", Sample::floats(&[3]));
    let expected = include_str!("expected/counter.txt");
    check(expected, &inputs, &static_sizes(), |t, inputs| {
        let carried = [inputs.tensor("n"), inputs.tensor("x")];
        let results = t.while_loop(
            |carried| carried[0].gt_scalar(0),
            |carried| vec![&carried[0] - 1, &carried[1] * 1.5],
            carried.to_vec(),
        );
        Value::Tuple(results.into_iter().map(Into::into).collect())
    });
}

#[test]
fn counted_rounds() {
    let expected = include_str!("expected/counted_rounds.txt");
    check(expected, &floats(&[&[5]]), &first(n()), |t, inputs| {
        t.while_loop(
            |(i, x)| i.sym_lt(x.size(0)),
            |(i, x)| (i + 1, x + i),
            (SymInt::from(0), inputs.tensor("x")),
        )
    });
}

#[test]
fn two_counters() {
    let expected = include_str!("expected/two_counters.txt");
    check(expected, &floats(&[&[5]]), &first(n()), |t, inputs| {
        let x = inputs.tensor("x");
        let later = &x + 1;
        let (i, j, y, z) = t.while_loop(
            |(i, j, _, _)| i.sym_lt(j),
            |(i, j, y, z)| (i + 1, j - 1, y + z, z * j),
            (SymInt::from(0), x.size(0), x, later),
        );
        (y, z * i, j)
    });
}

#[test]
fn known_count() {
    let expected = include_str!("expected/known_count.txt");
    check(expected, &floats(&[&[5]]), &first(n()), |t, inputs| {
        let (_, y) = t.while_loop(
            |(i, _)| i.sym_lt(5),
            |(_, y)| (SymInt::from(6), y * 2),
            (SymInt::from(0), inputs.tensor("x")),
        );
        y
    });
}

#[test]
fn only_counter() {
    let expected = include_str!("expected/only_counter.txt");
    check(expected, &floats(&[&[5]]), &first(n()), |t, inputs| {
        let count = t.while_loop(|i| i.sym_lt(5), |i| i + 2, SymInt::from(0));
        inputs.tensor("x") * count
    });
}

#[test]
fn running_sums() {
    let expected = include_str!("expected/running_sums.txt");
    check(expected, &floats(&[&[5, 2]]), &first(n()), |t, inputs| {
        t.associative_scan(|a, b| a + b, inputs.tensor("x"), 0, false)
    });
}

#[test]
fn recurrence() {
    let expected = include_str!("expected/recurrence.txt");
    let inputs = floats(&[&[3, 5], &[3, 5]]);
    check(expected, &inputs, &static_sizes(), |t, inputs| {
        let (x, y) = (inputs.tensor("x"), inputs.tensor("y"));
        let scale = x.sum();
        t.associative_scan(
            |(a, b), (c, d)| (a * c, b * c + d * &scale),
            (x, y),
            -1,
            true,
        )
    });
}

#[test]
fn checked() {
    let inputs = Inputs::new()
        .arg("x", Sample::ints(&[]))
        .arg("y", Sample::ints(&[]));
    let expected = include_str!("expected/checked.txt");
    check(expected, &inputs, &static_sizes(), |t, inputs| {
        let (a, b) = (inputs.tensor("x").item_int(), inputs.tensor("y").item_int());
        t.check(a.sym_ge(0));
        t.check(b.sym_ge(0));
        t.check((&a + &b).sym_eq(7));
        t.zeros((a, b))
    });
}

#[test]
fn counting() {
    let expected = include_str!("expected/counting.txt");
    let shapes = first(Dim::new("batch"));
    check(expected, &floats(&[&[2, 3]]), &shapes, |t, inputs| {
        let root = t.root("Counting");
        let layers = root.child("layers", "Sequential");
        let linear = layers.child("0", "Linear");
        let weight = linear.parameter("weight", &ones());
        let bias = linear.parameter("bias", &ones().select(1, 0));
        let calls = root.buffer("calls", &tch::Tensor::from(0_i64));
        calls.add_tensor_inplace(1);
        let x = inputs.tensor("x");
        let y = layers.call(|| linear.call(|| x.linear_with(&weight, Some(&bias))).relu());
        y * calls
    });
}
