//! `expc profile`: where the time of calls goes, by operator, module or node.

use std::{collections::HashMap, time::Instant};

use expc_runtime::executor::StepInfo;
use serde_json::json;

use super::{
    cli::{ProfileArgs, ProfileBy},
    console::{Console, Outcome},
    random::InputSource,
    session::{Session, prepare},
};

/// What a row of the table adds up.
#[derive(Default)]
struct Row {
    /// Steps in all calls.
    steps: u64,
    seconds: f64,
}

/// Runs a model and adds up the times of its steps.
pub fn run(args: &ProfileArgs, console: &mut Console<'_>) -> Outcome {
    let device = prepare(&args.load)?;
    let source = InputSource::read(args.inputs.as_deref())?;
    let session = Session::open(&args.model.model, &args.load, device, console)?;
    let inputs = || source.bind(&session.program, device);
    session.module.call(&inputs()?)?;
    let mut rows: HashMap<String, Row> = HashMap::new();
    let mut whole = 0.0;
    for _ in 0..args.repeat {
        let inputs = inputs()?;
        let start = Instant::now();
        session.module.call_observed(&inputs, &mut |step, _| {
            let row = rows.entry(key(step, args.by)).or_default();
            row.steps += 1;
            row.seconds += step.time.as_secs_f64();
        })?;
        whole += start.elapsed().as_secs_f64();
    }
    let mut rows: Vec<(String, Row)> = rows.into_iter().collect();
    rows.sort_by(|(left_name, left), (right_name, right)| {
        let by_time = right.seconds.total_cmp(&left.seconds);
        by_time.then_with(|| left_name.cmp(right_name))
    });
    write(args, &rows, whole, console)
}

fn key(step: &StepInfo<'_>, by: ProfileBy) -> String {
    let origin = match by {
        ProfileBy::Op => None,
        ProfileBy::Module => step.origin.module.as_deref().or(Some("(root)")),
        ProfileBy::Node => step.origin.node.as_deref(),
    };
    origin.unwrap_or(step.name).to_owned()
}

fn write(
    args: &ProfileArgs,
    rows: &[(String, Row)],
    whole: f64,
    console: &mut Console<'_>,
) -> Outcome {
    let calls = f64::from(args.repeat);
    let per_call = |row: &Row| (row.seconds / calls, row.steps / u64::from(args.repeat));
    if args.json {
        let rows = rows.iter().map(|(name, row)| {
            let (seconds, steps) = per_call(row);
            json!({ "name": name, "steps": steps, "seconds": seconds })
        });
        let answer = json!({ "calls": args.repeat, "seconds": whole / calls, "rows": rows.collect::<Vec<_>>() });
        return Ok(writeln!(console.stdout, "{answer}")?);
    }
    let title = match args.by {
        ProfileBy::Op => "operator",
        ProfileBy::Module => "module",
        ProfileBy::Node => "node",
    };
    writeln!(
        console.stdout,
        "{:>12}  {:>6}  {:>7}  {title}",
        "ms per call", "part", "steps"
    )?;
    for (name, row) in rows.iter().take(args.top) {
        let (seconds, steps) = per_call(row);
        writeln!(
            console.stdout,
            "{:>12.3}  {:>5.1}%  {steps:>7}  {name}",
            1e3 * seconds,
            100.0 * row.seconds / whole
        )?;
    }
    let hidden = rows.len().saturating_sub(args.top);
    if hidden > 0 {
        writeln!(
            console.stdout,
            "{hidden:>12} more rows, `--top N` shows them"
        )?;
    }
    let inside: f64 = rows.iter().map(|(_, row)| row.seconds).sum();
    writeln!(
        console.stdout,
        "{:>12.3}  of which {:.3} ms are not in operators",
        1e3 * whole / calls,
        1e3 * (whole - inside) / calls
    )?;
    Ok(())
}
