//! Reads damaged archives for as long as it is told to: `cargo run --release -- [SECONDS] [SEED]` in this folder.
//!
//! Starts from the fixtures of all PyTorch versions and damages bytes, JSON values, pickle opcodes and the zips
//! around them. An input on which the reader panics, or takes longer than a second, is written to `artifacts/`
//! and makes the exit status 1. `cargo run --release -- FILE...` reads such inputs again.

#[path = "../../../compiler/pt2/tests/reader/mutate.rs"]
mod mutate;
#[path = "../../../compiler/pt2/tests/reader/support.rs"]
mod support;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use mutate::{Random, damage_bytes, damage_entry};
use support::{ZipEntry, entries_of, faults, tight_limits, zip};

const SLOW: Duration = Duration::from_secs(1);

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let numbers: Option<Vec<u64>> = args.iter().map(|arg| arg.parse().ok()).collect();
    let found = match numbers {
        Some(numbers) => fuzz(
            numbers.first().copied().unwrap_or(60),
            numbers.get(1).copied().unwrap_or(0),
        ),
        None => args.iter().filter(|path| !read_again(path)).count(),
    };
    if found == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// Reads one input, without catching its panic; false if it is slow.
fn read_again(path: &str) -> bool {
    let bytes = std::fs::read(path).expect("the input can be read");
    let start = Instant::now();
    for fault in faults(bytes, &tight_limits()) {
        println!("{fault}");
    }
    println!("{path}: {:?}", start.elapsed());
    start.elapsed() < SLOW
}

/// Returns how many inputs were found.
fn fuzz(seconds: u64, seed: u64) -> usize {
    let corpus: Vec<Vec<ZipEntry>> = expc_fixtures::cases()
        .iter()
        .map(|case| entries_of(&case.torch, &case.name))
        .collect();
    let mut random = Random(seed);
    let (mut runs, mut read, mut found) = (0_u64, 0_u64, 0);
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(seconds) {
        let bytes = input(&mut random, &corpus);
        runs += 1;
        let began = Instant::now();
        let outcome = catch_unwind(AssertUnwindSafe(|| faults(bytes.clone(), &tight_limits())));
        read += u64::from(outcome.as_ref().is_ok_and(Vec::is_empty));
        if outcome.is_err() || began.elapsed() > SLOW {
            found += 1;
            keep(&bytes, seed, runs);
        }
    }
    println!(
        "{runs} inputs in {seconds} s, {read} of them read without a fault, {found} panics or slow inputs"
    );
    found
}

/// A damaged archive, half of the time with parts of another.
fn input(random: &mut Random, corpus: &[Vec<ZipEntry>]) -> Vec<u8> {
    let mut entries = corpus[random.below(corpus.len())].clone();
    if random.below(4) == 0 {
        let other = &corpus[random.below(corpus.len())];
        let entry = &other[random.below(other.len())];
        let position = random.below(entries.len());
        entries[position] = ZipEntry {
            name: entries[position].name.clone(),
            local_name: entries[position].name.clone(),
            ..entry.clone()
        };
    }
    for _ in 0..random.below(4) {
        let position = random.below(entries.len());
        damage_entry(random, &mut entries[position]);
    }
    if random.below(4) == 0 {
        let position = random.below(entries.len());
        let name = String::from_utf8_lossy(&entries[position].name).into_owned();
        entries[position] = ZipEntry::deflated(&name, &entries[position].data);
    }
    let mut bytes = zip(&entries);
    if random.below(3) == 0 {
        damage_bytes(random, &mut bytes);
    }
    bytes
}

fn keep(bytes: &[u8], seed: u64, run: u64) {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("artifacts");
    let path = folder.join(format!("{seed}-{run}.pt2"));
    let written = std::fs::create_dir_all(&folder).and_then(|()| std::fs::write(&path, bytes));
    match written {
        Ok(()) => println!("found {}", path.display()),
        Err(error) => println!(
            "found an input, and cannot write {}: {error}",
            path.display()
        ),
    }
}
