//! `expc bench`: load time and latency.

use std::time::Instant;

use expc_runtime::torch::{self, Device, DeviceKind, Value};
use serde_json::json;

use super::{
    cli::BenchArgs,
    console::{Console, Outcome},
    random::InputSource,
    session::{Session, libtorch_fault, prepare},
};

/// Times of some calls, in seconds.
struct Latency {
    min: f64,
    median: f64,
    mean: f64,
    max: f64,
}

/// Loads a model, warms it up and measures calls one by one.
pub fn run(args: &BenchArgs, console: &mut Console<'_>) -> Outcome {
    let device = prepare(&args.load)?;
    let source = InputSource::read(args.inputs.as_deref())?;
    let start = Instant::now();
    let session = Session::open(&args.model.model, &args.load, device, console)?;
    let load = start.elapsed().as_secs_f64();
    let inputs = source.bind(&session.program, device)?;
    let first = timed_call(&session, &inputs, device)?;
    let total = args.warmup.saturating_add(args.repeat);
    let progress = console.progress(usize::try_from(total).unwrap_or(usize::MAX), "calls");
    let mut times = Vec::new();
    for call in 0..total {
        let time = timed_call(&session, &inputs, device)?;
        times.extend((call >= args.warmup).then_some(time));
        progress.step();
    }
    drop(progress);
    let latency = Latency::of(times);
    let Latency {
        min,
        median,
        mean,
        max,
    } = latency;
    if args.json {
        let latency = json!({ "min": min, "median": median, "mean": mean, "max": max });
        let answer =
            json!({ "load_s": load, "first_s": first, "latency_s": latency, "runs": args.repeat });
        return Ok(writeln!(console.stdout, "{answer}")?);
    }
    let threads = torch::num_threads();
    let milliseconds = |seconds: f64| format!("{:.3} ms", seconds * 1e3);
    writeln!(console.stdout, "load     {}", milliseconds(load))?;
    writeln!(console.stdout, "first    {}", milliseconds(first))?;
    let (min, median) = (milliseconds(min), milliseconds(median));
    let (mean, max) = (milliseconds(mean), milliseconds(max));
    writeln!(
        console.stdout,
        "latency  min {min}, median {median}, mean {mean}, max {max}"
    )?;
    Ok(writeln!(
        console.stdout,
        "         {} calls on {device}, {threads} threads",
        args.repeat
    )?)
}

/// The seconds that one call takes, on a GPU until its results are there.
fn timed_call(session: &Session, inputs: &[Value], device: Device) -> Outcome<f64> {
    let start = Instant::now();
    let outputs = session.module.call(inputs)?;
    if device.kind == DeviceKind::Cuda {
        torch::synchronize(device.index.unwrap_or_default()).map_err(libtorch_fault)?;
    }
    let seconds = start.elapsed().as_secs_f64();
    // Freeing the outputs is the caller's part.
    drop(outputs);
    Ok(seconds)
}

impl Latency {
    fn of(mut times: Vec<f64>) -> Self {
        times.sort_by(f64::total_cmp);
        let at = |index: usize| times.get(index).copied().unwrap_or_default();
        let middle = times.len() / 2;
        let is_odd = times.len() % 2 == 1;
        let median = if is_odd {
            at(middle)
        } else {
            (at(middle.saturating_sub(1)) + at(middle)) / 2.0
        };
        let mean = times.iter().sum::<f64>() / times.len().max(1) as f64;
        Self {
            min: at(0),
            median,
            mean,
            max: at(times.len().saturating_sub(1)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle() {
        let odd = Latency::of(vec![3.0, 1.0, 2.0]);
        assert_eq!(
            (odd.min, odd.median, odd.mean, odd.max),
            (1.0, 2.0, 2.0, 3.0)
        );
        let even = Latency::of(vec![4.0, 1.0, 2.0, 3.0]);
        assert_eq!(even.median, 2.5);
    }
}
