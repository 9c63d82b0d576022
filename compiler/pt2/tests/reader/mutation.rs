//! Damaged fixtures never panic the reader: thousands of random edits, the same ones in every run.

use crate::support::{ZipEntry, entries_of, faults, zip};
use expc_fixtures::cases;
use expc_pt2::Limits;

/// SplitMix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound.max(1) as u64) as usize
    }
}

/// Flips bits, cuts, repeats, swaps parts, or writes numbers that are likely to matter.
fn mutate(random: &mut Random, bytes: &mut Vec<u8>) {
    let at = random.below(bytes.len());
    let len = random.below(64).min(bytes.len() - at);
    match random.below(7) {
        0 => bytes[at] ^= 1 << random.below(8),
        1 => bytes.truncate(at),
        2 => drop(bytes.drain(at..at + len)),
        3 => {
            let part = bytes[at..at + len].to_vec();
            let to = random.below(bytes.len());
            bytes.splice(to..to, part);
        }
        4 => {
            let to = random.below(bytes.len() - len + 1);
            bytes.copy_within(at..at + len, to);
        }
        5 => {
            let values: [&[u8]; 6] = [
                &[0xff; 8],
                &[0; 8],
                &[0xff, 0xff, 0xff, 0x7f],
                &[0x80],
                b"9223372036854775807",
                b"-1",
            ];
            let value = values[random.below(values.len())];
            let end = (at + value.len()).min(bytes.len());
            bytes[at..end].copy_from_slice(&value[..end - at]);
        }
        _ => bytes[at] = random.next() as u8,
    }
}

fn limits() -> Limits {
    Limits {
        inflated_bytes: 1 << 24,
        pickle_objects: 1 << 16,
        ..Limits::default()
    }
}

#[test]
fn damaged_files() {
    let mut random = Random(1);
    for case in cases().iter().step_by(3) {
        let whole = std::fs::read(case.model()).expect("a fixture");
        for _ in 0..40 {
            let mut bytes = whole.clone();
            for _ in 0..=random.below(4) {
                mutate(&mut random, &mut bytes);
                if bytes.is_empty() {
                    break;
                }
            }
            faults(bytes, &limits());
        }
    }
}

/// Damage behind checksums: an entry, or an entry of an entry, is changed and the zips around it are sound.
#[test]
fn damaged_entries() {
    let mut random = Random(2);
    let versions = [
        "2.3.1", "2.5.1", "2.6.0", "2.7.1", "2.8.0", "2.9.1", "2.11.0", "2.15.0",
    ];
    for torch in versions {
        for name in ["dtypes", "cond", "pytree", "unbacked"] {
            let entries = entries_of(torch, name);
            for _ in 0..40 {
                let mut entries = entries.clone();
                for _ in 0..=random.below(3) {
                    let position = random.below(entries.len());
                    damage(&mut random, &mut entries[position]);
                }
                faults(zip(&entries), &limits());
            }
        }
    }
}

fn damage(random: &mut Random, entry: &mut ZipEntry) {
    if entry.data.is_empty() {
        return;
    }
    let name = String::from_utf8(entry.name.clone()).expect("text");
    let mut data = entry.data.clone();
    let pickle = data.windows(2).position(|window| window == b"\x80\x02");
    if let Some(at) = pickle.filter(|_| name.ends_with(".pt") && random.below(4) > 0) {
        let len = data[at..]
            .windows(2)
            .position(|window| window == b".P")
            .map_or(64, |len| len + 1);
        let position = at + random.below(len);
        data[position] = random.next() as u8;
    } else {
        mutate(random, &mut data);
    }
    *entry = ZipEntry::stored(&name, &data);
}
