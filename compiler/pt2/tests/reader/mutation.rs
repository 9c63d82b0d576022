//! Damaged fixtures never panic the reader: thousands of random edits, the same ones in every run.
//!
//! `tests/fuzz` does the same for as long as one likes.

use expc_fixtures::cases;

use crate::mutate::{Random, damage_bytes, damage_entry};
use crate::support::{entries_of, faults, tight_limits, zip};

#[test]
fn damaged_files() {
    let mut random = Random(1);
    for case in cases().iter().step_by(4) {
        let whole = std::fs::read(case.model()).expect("a fixture");
        for _ in 0..20 {
            let mut bytes = whole.clone();
            for _ in 0..=random.below(4) {
                damage_bytes(&mut random, &mut bytes);
            }
            faults(bytes, &tight_limits());
        }
    }
}

/// Damage behind checksums: an entry, or an entry of an entry, is changed and the zips around it are sound.
#[test]
fn damaged_entries() {
    let mut random = Random(2);
    for torch in [
        "2.3.1", "2.5.1", "2.6.0", "2.7.1", "2.8.0", "2.9.1", "2.11.0", "2.15.0",
    ] {
        for name in ["dtypes", "cond", "pytree", "unbacked"] {
            let entries = entries_of(torch, name);
            for _ in 0..20 {
                let mut entries = entries.clone();
                for _ in 0..=random.below(3) {
                    let position = random.below(entries.len());
                    damage_entry(&mut random, &mut entries[position]);
                }
                faults(zip(&entries), &tight_limits());
            }
        }
    }
}
