//! Random programs: what a pass leaves computes the same bits, and damaged programs end in a diagnostic.
//!
//! A seed makes the same trials everywhere. `EXPC_RANDOM_SECONDS` makes each trial go on for so long, with further
//! seeds, and `EXPC_RANDOM_SEED` says where it begins.

mod damage;
mod equal;
mod program;

use std::env;
use std::time::{Duration, Instant};

use libtest_mimic::{Failed, Trial};

const SECONDS: &str = "EXPC_RANDOM_SECONDS";
const SEED: &str = "EXPC_RANDOM_SEED";

/// The trials.
pub fn trials() -> Vec<Trial> {
    vec![
        Trial::test("random/equal", || go_on(60, &equal::check)),
        Trial::test("random/damage", || {
            let texts = damage::texts()?;
            go_on(150, &|random| damage::check(&texts, random))
        }),
    ]
}

/// Calls a check with seeds, so many or for as long as it is told to; all that fail are told together.
fn go_on(count: u64, check: &dyn Fn(&mut Random) -> Result<(), String>) -> Result<(), Failed> {
    let number = |name| {
        env::var(name)
            .ok()
            .and_then(|text| text.parse::<u64>().ok())
    };
    let first = number(SEED).unwrap_or(0);
    let end = number(SECONDS).map(|seconds| Instant::now() + Duration::from_secs(seconds));
    let mut found = Vec::new();
    let mut done = 0;
    while end.map_or(done < count, |end| Instant::now() < end) {
        let seed = first.wrapping_add(done);
        if let Err(message) = check(&mut Random(seed)) {
            found.push(format!("seed {seed}: {message}"));
        }
        done += 1;
    }
    match found.as_slice() {
        [] => Ok(()),
        found => Err(Failed::from(format!("{done} seeds\n{}", found.join("\n")))),
    }
}

/// SplitMix64.
pub struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `bound`, 0 if that is 0.
    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound.max(1) as u64) as usize
    }

    fn one_of<T: Copy>(&mut self, items: &[T]) -> T {
        items[self.below(items.len())]
    }
}
