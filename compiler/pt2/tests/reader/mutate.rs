//! Random damage: of bytes, of the entries of an archive, of the JSON and pickles in them.

use crate::support::{ZipEntry, zip};

/// SplitMix64, so that a seed gives the same damage everywhere.
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `bound`, 0 if that is 0.
    pub fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound.max(1) as u64) as usize
    }

    fn one_of<'t, T: ?Sized>(&mut self, items: &[&'t T]) -> &'t T {
        items[self.below(items.len())]
    }
}

/// Flips bits, cuts, repeats, swaps parts, or writes numbers that are likely to matter.
pub fn damage_bytes(random: &mut Random, bytes: &mut Vec<u8>) {
    if bytes.is_empty() {
        return;
    }
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
            let values: [&[u8]; 4] = [&[0xff; 8], &[0; 8], &[0xff, 0xff, 0xff, 0x7f], &[0x80]];
            let value = random.one_of(&values);
            let end = (at + value.len()).min(bytes.len());
            bytes[at..end].copy_from_slice(&value[..end - at]);
        }
        _ => bytes[at] = random.next() as u8,
    }
}

/// Replaces a JSON value by another value of the same text, or by one that is likely to matter.
pub fn damage_json(random: &mut Random, json: &mut Vec<u8>) {
    let values = value_ranges(json);
    if values.is_empty() {
        return damage_bytes(random, json);
    }
    let target = values[random.below(values.len())].clone();
    let other = json[values[random.below(values.len())].clone()].to_vec();
    let odd: [&[u8]; 14] = [
        b"null",
        b"true",
        b"[]",
        b"{}",
        b"-1",
        b"0",
        b"9223372036854775807",
        b"-9223372036854775808",
        b"1e999",
        b"NaN",
        b"\"\"",
        b"{\"as_int\": 1}",
        b"[[[[[[[[]]]]]]]]",
        b"18446744073709551616",
    ];
    let value = if random.below(2) == 0 {
        other
    } else {
        random.one_of(&odd).to_vec()
    };
    json.splice(target, value);
}

/// The places of strings, numbers, and small lists and objects.
fn value_ranges(json: &[u8]) -> Vec<std::ops::Range<usize>> {
    let mut ranges = Vec::new();
    let mut open = Vec::new();
    let mut at = 0;
    while at < json.len() {
        let start = at;
        match json[at] {
            b'"' => {
                at += 1;
                while at < json.len() && json[at] != b'"' {
                    at += 1 + usize::from(json[at] == b'\\');
                }
                at = (at + 1).min(json.len());
                ranges.push(start..at);
            }
            b'[' | b'{' => {
                open.push(at);
                at += 1;
            }
            b']' | b'}' => {
                at += 1;
                if let Some(start) = open.pop()
                    && at - start < 2000
                {
                    ranges.push(start..at);
                }
            }
            byte if byte.is_ascii_alphanumeric() || byte == b'-' => {
                while at < json.len()
                    && (json[at].is_ascii_alphanumeric() || b"+-.".contains(&json[at]))
                {
                    at += 1;
                }
                ranges.push(start..at);
            }
            _ => at += 1,
        }
    }
    ranges
}

/// Changes, inserts or removes bytes of the pickle in a zip that `torch.save` wrote; false if there is none.
pub fn damage_pickle(random: &mut Random, zipped: &mut Vec<u8>) -> bool {
    let Some(mut entries) = unzip(zipped) else {
        return false;
    };
    let Some(pickle) = entries
        .iter_mut()
        .find(|entry| entry.name.ends_with(b"/data.pkl"))
    else {
        return false;
    };
    let data = &mut pickle.data;
    for _ in 0..=random.below(3) {
        let at = random.below(data.len());
        let opcodes: [&[u8]; 16] = [
            b"(", b"0", b"1", b"2", b"R", b"b", b"t", b"e", b"u", b"\x85", b"\x86", b"\x93",
            b"\x94", b"Q", b"h\x01", b"K\xff",
        ];
        match random.below(4) {
            0 => drop(data.splice(at..at, random.one_of(&opcodes).iter().copied())),
            1 if at < data.len() => drop(data.remove(at)),
            2 if at < data.len() => data[at] = random.next() as u8,
            _ => damage_bytes(random, data),
        }
    }
    let entry = ZipEntry::stored(
        std::str::from_utf8(&pickle.name).expect("text"),
        &pickle.data,
    );
    *pickle = entry;
    *zipped = zip(&entries);
    true
}

/// The entries of a zip that PyTorch wrote, whose directory is taken at its word.
fn unzip(bytes: &[u8]) -> Option<Vec<ZipEntry>> {
    let u16_at = |at: usize| Some(u16::from_le_bytes(bytes.get(at..at + 2)?.try_into().ok()?));
    let u32_at =
        |at: usize| Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?) as usize);
    let end = bytes.len().checked_sub(22)?;
    let mut at = u32_at(end + 16)?;
    let mut entries = Vec::new();
    for _ in 0..u16_at(end + 10)? {
        let (size, name_len) = (u32_at(at + 20)?, usize::from(u16_at(at + 28)?));
        let header = u32_at(at + 42)?;
        let name = bytes.get(at + 46..at + 46 + name_len)?;
        let data =
            header + 30 + usize::from(u16_at(header + 26)?) + usize::from(u16_at(header + 28)?);
        entries.push(ZipEntry::stored(
            std::str::from_utf8(name).ok()?,
            bytes.get(data..data + size)?,
        ));
        at += 46 + name_len + usize::from(u16_at(at + 30)?) + usize::from(u16_at(at + 32)?);
    }
    Some(entries)
}

/// Damages one entry in a way that fits it; the zip around it stays sound.
pub fn damage_entry(random: &mut Random, entry: &mut ZipEntry) {
    let name = String::from_utf8_lossy(&entry.name).into_owned();
    let mut data = entry.data.clone();
    let kind = random.below(4);
    if name.ends_with(".json") && kind > 0 {
        for _ in 0..=random.below(3) {
            damage_json(random, &mut data);
        }
    } else if kind == 0 || !damage_pickle(random, &mut data) {
        damage_bytes(random, &mut data);
    }
    *entry = ZipEntry::stored(&name, &data);
}
