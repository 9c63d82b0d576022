//! Archives that PyTorch does not write by default and that are sound all the same.

use expc_pt2::{Archive, Limits};

use crate::support::{ZipEntry, entries_of, faults, zip};

fn check_sound(bytes: Vec<u8>) {
    assert_eq!(faults(bytes, &Limits::default()), Vec::<String>::new());
}

fn name_of(entry: &ZipEntry) -> &str {
    std::str::from_utf8(&entry.name).expect("text")
}

#[test]
fn rebuilt_archives() {
    check_sound(zip(&entries_of("2.11.0", "mlp")));
    check_sound(zip(&entries_of("2.3.1", "mlp")));
}

#[test]
fn deflated_archives() {
    for torch in ["2.5.1", "2.8.0", "2.11.0"] {
        let entries = entries_of(torch, "pytree");
        let deflated: Vec<ZipEntry> = entries
            .iter()
            .map(|entry| ZipEntry::deflated(name_of(entry), &entry.data))
            .collect();
        let bytes = zip(&deflated);
        let archive = Archive::from_bytes("deflated.pt2", bytes.clone(), &Limits::default())
            .expect("an archive");
        let stored = Archive::open(
            expc_fixtures::case(torch, "pytree").model(),
            &Limits::default(),
        )
        .expect("an archive");
        let (deflated, stored) = (
            archive.weights().expect("weights"),
            stored.weights().expect("weights"),
        );
        assert_eq!(deflated.state_dict(), stored.state_dict());
        for (left, right) in deflated
            .storages()
            .as_slice()
            .iter()
            .zip(stored.storages().as_slice())
        {
            assert_eq!(left.bytes[..], right.bytes[..]);
        }
        check_sound(bytes);
    }
}

#[test]
fn several_programs() {
    let mut entries = Vec::new();
    for entry in entries_of("2.11.0", "mlp") {
        for (from, to) in [
            ("models/model.json", "models/second/inner.json"),
            (
                "data/weights/model_weights_config.json",
                "data/weights/second/inner_weights_config.json",
            ),
            (
                "data/constants/model_constants_config.json",
                "data/constants/second/inner_constants_config.json",
            ),
        ] {
            if name_of(&entry).ends_with(from) {
                entries.push(ZipEntry::stored(
                    &name_of(&entry).replace(from, to),
                    &entry.data,
                ));
            }
        }
        entries.push(entry);
    }
    let mut archive =
        Archive::from_bytes("two.pt2", zip(&entries), &Limits::default()).expect("an archive");
    assert_eq!(archive.programs(), ["second/inner", "model"]);
    assert_eq!(archive.program_name(), "model");
    archive.select("second/inner").expect("the other program");
    assert_eq!(archive.program_entry(), "model/models/second/inner.json");
    assert_eq!(archive.weights().expect("weights").state_dict().len(), 4);
    assert!(archive.sample_inputs().expect("no inputs").is_none());
    let error = archive
        .select("third")
        .expect_err("no such program")
        .to_string();
    assert_eq!(
        error,
        "two.pt2: the archive has no program `third`, it has `second/inner`, `model`"
    );
}

/// Sizes and offsets in 64-bit extra fields and records, as archives above 4 GiB have them.
#[test]
fn zip64_records() {
    let entries = entries_of("2.11.0", "mlp");
    let plain = zip(&entries);
    let start = plain.len()
        - 22
        - entries
            .iter()
            .map(|entry| 46 + entry.name.len())
            .sum::<usize>();
    let mut bytes = plain[..start].to_vec();
    let mut offset = 0_u64;
    for entry in &entries {
        let size = entry.data.len() as u64;
        bytes.extend_from_slice(b"PK\x01\x02\x2d\0\x2d\0\0\0\0\0\0\0\0\0");
        bytes.extend_from_slice(&entry.crc.to_le_bytes());
        bytes.extend_from_slice(&[0xff; 8]);
        bytes.extend_from_slice(&(entry.name.len() as u16).to_le_bytes());
        bytes.extend_from_slice(&[32, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        bytes.extend_from_slice(&[0xff; 4]);
        bytes.extend_from_slice(&entry.name);
        // Another field first, then the two sizes and the offset.
        bytes.extend_from_slice(b"XX\0\0\x01\0\x18\0");
        for value in [size, size, offset] {
            bytes.extend_from_slice(&value.to_le_bytes());
        }
        offset += 30 + entry.name.len() as u64 + size;
    }
    let record = bytes.len() as u64;
    bytes.extend_from_slice(b"PK\x06\x06");
    bytes.extend_from_slice(&44_u64.to_le_bytes());
    bytes.extend_from_slice(&[0x2d, 0, 0x2d, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    let n_entries = entries.len() as u64;
    for value in [n_entries, n_entries, record - start as u64, start as u64] {
        bytes.extend_from_slice(&value.to_le_bytes());
    }
    bytes.extend_from_slice(b"PK\x06\x07\0\0\0\0");
    bytes.extend_from_slice(&record.to_le_bytes());
    bytes.extend_from_slice(&[1, 0, 0, 0]);
    bytes.extend_from_slice(b"PK\x05\x06\0\0\0\0");
    bytes.extend_from_slice(&[0xff; 12]);
    bytes.extend_from_slice(&[0, 0]);
    check_sound(bytes.clone());

    // Without the record that the end record points to, the numbers are missing.
    bytes[record as usize] = b'X';
    let found = faults(bytes, &Limits::default());
    assert!(
        found[0].contains("the 64-bit end of central directory"),
        "{found:?}"
    );
}

/// The deepest text that the limits allow, and a fault at its bottom, on a thread with a usual stack.
#[test]
fn the_deepest_json_fits_the_stack() {
    let mut argument = "{\"as_thing\": 1}".to_owned();
    for _ in 0..120 {
        argument = format!("{{\"as_string_to_argument\": {{\"k\": {argument}}}}}");
    }
    let node = format!(
        "\"nodes\": [{{\"target\": \"t\", \"inputs\": [{{\"name\": \"\", \"arg\": {argument}}}], \"outputs\": [], \"metadata\": {{}}}}, "
    );
    let mut entries = entries_of("2.11.0", "mlp");
    for entry in &mut entries {
        if entry.name.ends_with(b"models/model.json") {
            let json = String::from_utf8(entry.data.clone())
                .expect("text")
                .replacen("\"nodes\": [", &node, 1);
            *entry = ZipEntry::stored("model/models/model.json", json.as_bytes());
        }
    }
    let bytes = zip(&entries);
    let thread = std::thread::Builder::new()
        .stack_size(2 << 20)
        .spawn(move || faults(bytes, &Limits::default()));
    let found = thread.expect("a thread").join().expect("no overflow");
    assert!(
        found[0].contains("unknown tag `as_thing` of an argument"),
        "{found:?}"
    );
}
