//! Files that are damaged or lie: each is refused with a message that says where.

use crate::support::{ZipEntry, entries_of, faults, zip};
use expc_pt2::Limits;

/// Expects exactly these faults; `*` at the end of one stands for any rest.
#[track_caller]
fn check(bytes: Vec<u8>, expected: &[&str]) {
    check_with(bytes, &Limits::default(), expected);
}

#[track_caller]
fn check_with(bytes: Vec<u8>, limits: &Limits, expected: &[&str]) {
    let found = faults(bytes, limits);
    let fits = |found: &String, expected: &&str| match expected.strip_suffix('*') {
        Some(start) => found.starts_with(start),
        None => found == expected,
    };
    let all = found.len() == expected.len()
        && found
            .iter()
            .zip(expected)
            .all(|(found, expected)| fits(found, expected));
    assert!(all, "found {found:#?}, expected {expected:#?}");
}

fn model(torch: &str) -> Vec<u8> {
    std::fs::read(expc_fixtures::case(torch, "mlp").model()).expect("a fixture")
}

/// A small archive with one entry more.
fn with_extra(entry: ZipEntry) -> Vec<u8> {
    let mut entries = entries_of("2.11.0", "mlp");
    entries.push(entry);
    zip(&entries)
}

/// A fixture in which the entry `entry` has other content.
fn with_entry(
    torch: &str,
    name: &str,
    entry: &str,
    edit: impl FnOnce(&[u8]) -> Vec<u8>,
) -> Vec<u8> {
    let mut entries = entries_of(torch, name);
    let found = entries
        .iter_mut()
        .find(|candidate| candidate.name == entry.as_bytes())
        .expect("the entry");
    *found = ZipEntry::stored(entry, &edit(&found.data));
    zip(&entries)
}

/// A fixture of 2.11 in whose program `from` is replaced by `to`, where it first occurs.
fn with_program(name: &str, from: &str, to: &str) -> Vec<u8> {
    with_entry("2.11.0", name, "model/models/model.json", |json| {
        let json = std::str::from_utf8(json).expect("text");
        assert!(json.contains(from), "{from}");
        json.replacen(from, to, 1).into_bytes()
    })
}

#[test]
fn truncated_and_overlong_files() {
    check(Vec::new(), &["model.pt2: the file is empty"]);
    check(
        b"PK".to_vec(),
        &["model.pt2: not a zip archive, or cut short: no end of central directory in 2 bytes"],
    );
    for torch in ["2.5.1", "2.8.0", "2.11.0"] {
        let whole = model(torch);
        for cut in [1, 10, 22, 40, whole.len() / 2] {
            let bytes = whole[..whole.len() - cut].to_vec();
            check(
                bytes,
                &["model.pt2: not a zip archive, or cut short: no end of central directory*"],
            );
        }
        let overlong = [&whole[..], b"more"].concat();
        check(
            overlong,
            &["model.pt2: 4 bytes follow the end of the zip archive"],
        );
        let shifted = [b"more", &whole[..]].concat();
        assert_eq!(faults(shifted, &Limits::default()).len(), 1);
    }
}

#[test]
fn zips_of_other_tools_are_named() {
    let cases = [
        (
            &["m/data.pkl", "m/code/__torch__.py", "m/constants.pkl"][..],
            "model.pt2: not a PyTorch 2 archive but a TorchScript archive; trace the model*",
        ),
        (
            &["m/data.pkl", "m/data/0"],
            "model.pt2: not a PyTorch 2 archive but a file of `torch.save`; weights or*",
        ),
        (
            &["0.npy"],
            "model.pt2: not a PyTorch 2 archive but an `.npz` file of arrays; inputs are given*",
        ),
        (
            &["config.json", "model.weights.h5"],
            "model.pt2: not a PyTorch 2 archive but a Keras model; trace*",
        ),
        (
            &["a.txt"],
            "model.pt2: not a PyTorch 2 archive: found neither*",
        ),
    ];
    for (names, expected) in cases {
        let entries: Vec<_> = names
            .iter()
            .map(|name| ZipEntry::stored(name, b"content"))
            .collect();
        check(zip(&entries), &[expected]);
    }
}

#[test]
fn names_that_leave_the_archive() {
    let cases = [
        (
            "model/../../etc/passwd",
            "model/../../etc/passwd: the name is a path with `..`",
        ),
        ("/etc/passwd", "/etc/passwd: the name is absolute"),
        ("C:/x", "C:/x: the name is absolute"),
        (
            "model\\x",
            "model\\\\x: the name is a path with a backslash",
        ),
        (
            "model/x\0",
            "model/x\\0: the name is one with a NUL or control character",
        ),
        ("", ": the name is empty"),
    ];
    for (name, expected) in cases {
        check(
            with_extra(ZipEntry::stored(name, b"x")),
            &[&format!("model.pt2: entry {expected}")],
        );
    }
    let not_text = ZipEntry {
        name: vec![0xff],
        local_name: vec![0xff],
        ..ZipEntry::stored("", b"x")
    };
    check(
        with_extra(not_text),
        &["model.pt2: entry \u{fffd}: the name is not UTF-8"],
    );
    let duplicate = ZipEntry::stored("model/byteorder", b"little");
    check(
        with_extra(duplicate),
        &["model.pt2: entry model/byteorder: the name occurs twice"],
    );
}

#[test]
fn entries_that_lie() {
    let entry = || ZipEntry::stored("model/x", b"0123456789");
    check(
        with_extra(ZipEntry {
            declared: 1 << 30,
            ..entry()
        }),
        &["model.pt2: entry model/x: stored with 10 bytes but declared with 1073741824"],
    );
    check(
        with_extra(ZipEntry {
            flags: 1,
            ..entry()
        }),
        &["model.pt2: entry model/x: the entry is encrypted"],
    );
    check(
        with_extra(ZipEntry {
            method: 12,
            ..entry()
        }),
        &[
            "model.pt2: entry model/x: compression method 12 is not supported, expected 0 (stored) or 8 (deflated)",
        ],
    );
    let found = faults(
        with_extra(ZipEntry {
            local_name: b"model/y".to_vec(),
            ..entry()
        }),
        &Limits::default(),
    );
    assert!(
        found[0].ends_with("has another name than the central directory"),
        "{found:?}"
    );
}

#[test]
fn a_zip_bomb_is_refused_by_what_it_declares() {
    let bomb = ZipEntry {
        declared: u32::MAX - 1,
        ..ZipEntry::deflated("model/extra/bomb", &[0; 100_000])
    };
    check(
        with_extra(bomb.clone()),
        &["model.pt2: entry model/extra/bomb: deflated entries declare 4294967294 bytes in *"],
    );
    let limits = Limits {
        inflated_bytes: 1 << 20,
        ..Limits::default()
    };
    check_with(
        with_extra(bomb),
        &limits,
        &[
            "model.pt2: entry model/extra/bomb: deflated entries declare 4294967294 bytes together, and the limit is 1048576",
        ],
    );
    // More than it declares: inflating stops there.
    let json = entries_of("2.11.0", "mlp");
    let entries: Vec<ZipEntry> = json
        .into_iter()
        .map(|entry| match &entry.name[..] {
            b"model/models/model.json" => ZipEntry {
                declared: 100,
                ..ZipEntry::deflated("model/models/model.json", &entry.data)
            },
            _ => entry,
        })
        .collect();
    check(
        zip(&entries),
        &[
            "model.pt2: entry model/models/model.json: the deflated data is damaged or does not have the declared 100 bytes",
        ],
    );
}

#[test]
fn overlapping_entries() {
    let mut bytes = zip(&[
        ZipEntry::stored("version", b"8.17"),
        ZipEntry::stored("b", &[7; 200]),
    ]);
    // The second entry's local header is copied into the first one's data, and the directory points there.
    let second = 30 + 7 + 4;
    let header = bytes[second..second + 31].to_vec();
    let inner = second + 31 + 50;
    bytes[inner..inner + 31].copy_from_slice(&header);
    let directory = bytes.len() - 22 - (46 + 7) - (46 + 1);
    let first_offset = directory + 42;
    bytes[first_offset..first_offset + 4].copy_from_slice(&(second as u32).to_le_bytes());
    check(
        bytes,
        &[
            "model.pt2: entry version: the header at byte 41 has another name than the central directory",
        ],
    );

    let entries = [
        ZipEntry::stored("a", &[7; 200]),
        ZipEntry::stored("b", &[7; 100]),
    ];
    let mut bytes = zip(&entries);
    let inner_header = ZipEntry::stored("b", &[7; 100]);
    let inner_zip = zip(&[inner_header]);
    bytes[31 + 20..31 + 20 + 31].copy_from_slice(&inner_zip[..31]);
    let offset_of_b = bytes.len() - 22 - (46 + 1) + 42;
    bytes[offset_of_b..offset_of_b + 4].copy_from_slice(&51_u32.to_le_bytes());
    check(bytes, &["model.pt2: entry b: overlaps the entry a"]);
}

#[test]
fn files_that_are_something_else() {
    check(
        zip(&[ZipEntry::stored("archive/data.pkl", b"")]),
        &[
            "model.pt2: not a PyTorch 2 archive but a file of `torch.save`; weights or a pickled module are no program, write one with `torch.export.save`",
        ],
    );
    check(
        zip(&[ZipEntry::stored("archive/other", b"")]),
        &[
            "model.pt2: not a PyTorch 2 archive: found neither the entry `version` (PyTorch 2.3 to 2.7) nor `<root>/archive_format` (2.8 and later)",
        ],
    );
    check(
        zip(&[ZipEntry::stored("m/archive_format", b"xyz")]),
        &["model.pt2: entry m/archive_format: expected the archive format `pt2`, found `xyz`"],
    );
    check(
        zip(&[
            ZipEntry::stored("m/archive_format", b"pt2"),
            ZipEntry::stored("m/byteorder", b"big"),
        ]),
        &[
            "model.pt2: entry m/byteorder: expected the byte order `little`, found `big`: big-endian archives are not supported",
        ],
    );
    check(
        zip(&[
            ZipEntry::stored("m/archive_format", b"pt2"),
            ZipEntry::stored("m/data/aotinductor/model/a.so", b""),
        ]),
        &[
            "model.pt2: the archive holds no exported program (no `m/models/*.json`), only libraries compiled by AOTInductor",
        ],
    );
    check(
        zip(&[ZipEntry::stored("version", b"6.1")]),
        &[
            "model.pt2: entry version: schema version 6.1 is not supported, expected a major of 5, 7 or 8 (PyTorch 2.3 to 2.15)",
        ],
    );
    check(
        zip(&[ZipEntry::stored("version", b"new")]),
        &["model.pt2: entry version: expected a schema version such as `8.17`, found `new`"],
    );
}

#[test]
fn an_unknown_major_is_refused_and_an_unknown_minor_read() {
    check(
        with_program("mlp", "\"major\": 8", "\"major\": 9"),
        &[
            "model.pt2: entry model/models/model.json: schema version 9.17 is not supported, expected a major of 5, 7 or 8 (PyTorch 2.3 to 2.15)",
        ],
    );
    // Refused for its version even where the new schema has another shape.
    let bytes = with_entry("2.11.0", "mlp", "model/models/model.json", |_| {
        b"{\"schema_version\": {\"major\": 10, \"minor\": 0}, \"graph\": 7}".to_vec()
    });
    check(
        bytes,
        &["model.pt2: entry model/models/model.json: schema version 10.0 is not supported*"],
    );
    check(
        with_program("mlp", "\"minor\": 17", "\"minor\": 99, \"codename\": [{}]"),
        &[],
    );
    check(
        with_program(
            "mlp",
            "\"is_hop_single_tensor_return\": null",
            "\"novel\": {\"x\": null}",
        ),
        &[],
    );
}

#[test]
fn json_that_is_cut_deep_or_of_the_wrong_shape() {
    const AT: &str = "model.pt2: entry model/models/model.json: ";
    let at = |rest: &str| format!("{AT}{rest}");
    let edit = |json: &dyn Fn(&[u8]) -> Vec<u8>| {
        with_entry("2.11.0", "mlp", "model/models/model.json", json)
    };
    check(
        edit(&|json| json[..json.len() / 2].to_vec()),
        &[&at("line 1, column *")],
    );
    check(
        edit(&|_| Vec::new()),
        &[&at("line 1, column 0: EOF while parsing a value")],
    );
    check(
        edit(&|_| "[".repeat(100_000).into_bytes()),
        &[&at(
            "brackets are nested more than 256 deep (line 1, column 257)",
        )],
    );
    check(
        edit(&|json| [json, b"{}"].concat()),
        &[&at("line 1, column *")],
    );
    check(
        edit(&|json| [json, b"\xff"].concat()),
        &[&at("the text is not UTF-8 (byte *")],
    );
    check(
        with_program(
            "mlp",
            "\"as_tensor\": {\"name\": \"p_",
            "\"as_thing\": {\"name\": \"p_",
        ),
        &[&at(
            "line 1, column 50, at graph_module.graph.inputs[0]: unknown tag `as_thing` of an argument, expected one of `as_none`, *",
        )],
    );
    check(
        with_program(
            "mlp",
            "\"inputs\": [{\"as_tensor\"",
            "\"inputs\": [{\"as_none\": true, \"as_tensor\"",
        ),
        &[&at("line 1, column *")],
    );
    check(
        with_program("mlp", "\"dtype\": 7", "\"dtype\": 99"),
        &[&at("line 1, column *")],
    );
    check(
        with_program("mlp", "\"target\": \"torch", "\"tarjet\": \"torch"),
        &[&at("line 1, column *")],
    );
    check(
        with_program(
            "mlp",
            "\"module_call_graph\": [{\"fqn\": \"\", \"signature\": {\"inputs\": []",
            "\"module_call_graph\": [{\"fqn\": \"\", \"signature\": {\"inputs\": 3",
        ),
        &[&at("line 1, column *")],
    );
}

#[test]
fn names_that_are_undefined_cyclic_or_doubled() {
    const AT: &str = "model.pt2: entry model/models/model.json: ";
    let at = |rest: &str| format!("{AT}{rest}");
    let uses_relu = |to: &str| {
        with_entry("2.11.0", "mlp", "model/models/model.json", |json| {
            let json = std::str::from_utf8(json).expect("text");
            let from = "{\"name\": \"self\", \"arg\": {\"as_tensor\": {\"name\": \"linear\"}}";
            assert!(json.contains(from), "{json}");
            json.replacen(from, &from.replace("linear", to), 1)
                .into_bytes()
        })
    };
    check(
        uses_relu("nowhere"),
        &[&at("node 1 `relu` (torch.ops.aten.relu.default) at *")],
    );
    let found = faults(uses_relu("relu"), &Limits::default());
    assert!(
        found[0].ends_with(": `relu` is used before node 1 defines it"),
        "{found:?}"
    );
    let found = faults(uses_relu("linear_1"), &Limits::default());
    assert!(
        found[0].ends_with(": `linear_1` is used before node 2 defines it"),
        "{found:?}"
    );
    let doubled = with_program(
        "mlp",
        "\"outputs\": [{\"as_tensor\": {\"name\": \"relu\"}}]",
        "\"outputs\": [{\"as_tensor\": {\"name\": \"x\"}}]",
    );
    let found = faults(doubled, &Limits::default());
    assert!(
        found
            .iter()
            .any(|fault| fault.contains("`x` is defined twice")),
        "{found:?}"
    );
    assert!(
        found
            .iter()
            .any(|fault| fault.contains("`relu` is used but never defined")),
        "{found:?}"
    );
}

#[test]
fn signatures_that_do_not_fit() {
    let found = |from: &str, to: &str| faults(with_program("mlp", from, to), &Limits::default());
    let missing = found(
        "\"input_specs\": [",
        "\"input_specs\": [{\"token\": {\"arg\": {\"name\": \"t\"}}}, ",
    );
    assert!(
        missing[0].ends_with("the signature has 6 input specs, and the graph has 5 inputs"),
        "{missing:?}"
    );
    let target = found(
        "\"parameter_name\": \"net.0.weight\"",
        "\"parameter_name\": \"net.0.weihgt\"",
    );
    assert_eq!(
        target,
        [
            "model.pt2: entry model/models/model.json: the parameter `net.0.weihgt` of input `p_net_0_weight` is in neither weights nor constants"
        ]
    );
    let range = found("\"min_val\": 2", "\"min_val\": 200");
    assert!(range[0].ends_with("is empty: 200..=64"), "{range:?}");
    let infinite = found("\"min_val\": 2", "\"min_val\": -Infinity");
    assert!(infinite.is_empty(), "{infinite:?}");
}

#[test]
fn tensors_whose_storage_is_too_short() {
    const CONFIG: &str = "model/data/weights/model_weights_config.json";
    let edit = |from: &str, to: &str| {
        with_entry("2.11.0", "dtypes", CONFIG, |json| {
            let json = std::str::from_utf8(json).expect("text");
            let at = json.find("\"view_b\"").expect("view_b");
            let (head, tail) = json.split_at(at);
            assert!(tail.contains(from), "{tail}");
            format!("{head}{}", tail.replacen(from, to, 1)).into_bytes()
        })
    };
    let at = |rest: &str| format!("model.pt2: entry {CONFIG}: tensor `view_b`: {rest}");
    check(
        edit("{\"as_int\": 8}", "{\"as_int\": 13}"),
        &[&at(
            "the storage has 96 bytes, and sizes [3, 4] with strides [4, 1] and offset 13 of `float32` need 100",
        )],
    );
    check(
        edit("{\"as_int\": 3}", "{\"as_int\": -3}"),
        &[&at("a size is -3, expected no negative number")],
    );
    check(
        edit("{\"as_int\": 3}", "{\"as_int\": 9223372036854775807}"),
        &[&at(
            "sizes [9223372036854775807, 4] with strides [4, 1] and offset 8 overflow",
        )],
    );
    check(
        edit("{\"as_int\": 3}, ", ""),
        &[&at("1 sizes but 2 strides")],
    );
    check(
        edit("\"dtype\": 7", "\"dtype\": 0"),
        &[&at("the dtype is not known")],
    );
    check(
        edit("\"dtype\": 7", "\"dtype\": 6"),
        &[&at(
            "the storage was saved as `float32`, and another tensor of it is `float16`",
        )],
    );
    check(
        edit("\"layout\": 7", "\"layout\": 1"),
        &[&at(
            "the layout `sparse_coo` is not supported, expected `strided`",
        )],
    );
    check(
        edit("\"weight_0\"", "\"weight_77\""),
        &[&format!(
            "model.pt2: entry {CONFIG}: `view_b` names the entry `weight_77`, which is not in the archive"
        )],
    );
    check(
        edit("{\"as_int\": 3}", "{\"as_expr\": {\"expr_str\": \"s0\"}}"),
        &[&at("a size is symbolic (`s0`), expected a number")],
    );
}

#[test]
fn pickled_weights_that_ask_for_more() {
    let pickle = b"\x80\x02}X\x08\0\0\0a.weightcposix\nsystem\nX\x02\0\0\0id\x85Rs.";
    let entries = [
        ZipEntry::stored("archive/data.pkl", pickle),
        ZipEntry::stored("archive/byteorder", b"little"),
    ];
    let bytes = with_entry("2.5.1", "mlp", "serialized_state_dict.pt", |_| {
        zip(&entries)
    });
    let found = faults(bytes, &Limits::default());
    assert_eq!(
        found[0],
        "model.pt2: entry serialized_state_dict.pt!archive/data.pkl: `a.weight`: the pickle asks for `posix.system` (byte 16), which is refused"
    );
    let big = [
        entries[0].clone(),
        ZipEntry::stored("archive/byteorder", b"big"),
    ];
    let found = faults(
        with_entry("2.5.1", "mlp", "serialized_state_dict.pt", |_| zip(&big)),
        &Limits::default(),
    );
    assert!(
        found[0].contains("expected the byte order `little`, found `big`"),
        "{found:?}"
    );
    let cut = with_entry("2.8.0", "mlp", "model/data/weights/model.pt", |zip| {
        zip[..zip.len() - 1].to_vec()
    });
    let found = faults(cut, &Limits::default());
    assert!(
        found[0].starts_with(
            "model.pt2: entry model/data/weights/model.pt: not a zip archive, or cut short"
        ),
        "{found:?}"
    );
}

#[test]
fn damaged_json_is_noticed_by_its_checksum() {
    let mut bytes = model("2.11.0");
    let from = b"\"as_int\": 1";
    let at = bytes
        .windows(from.len())
        .position(|window| window == from)
        .expect("a number")
        + from.len()
        - 1;
    bytes[at] = b'2';
    let found = faults(bytes, &Limits::default());
    assert_eq!(found.len(), 1);
    assert!(found[0].contains(": the checksum is "), "{found:?}");
}

#[test]
fn graphs_may_be_nested_but_not_without_end() {
    let nested = |depth: usize| {
        let leaf = "{\"as_none\": true}".to_owned();
        let argument = (0..depth).fold(leaf, |inner, level| {
            let node = format!("{{\"target\": \"torch.ops.higher_order.cond\", \"inputs\": [{{\"name\": \"\", \"arg\": {inner}}}], \"outputs\": [], \"metadata\": {{}}}}");
            format!("{{\"as_graph\": {{\"name\": \"g{level}\", \"graph\": {{\"inputs\": [], \"outputs\": [], \"nodes\": [{node}], \"tensor_values\": {{}}, \"sym_int_values\": {{}}, \"sym_bool_values\": {{}}}}}}}}")
        });
        let node = format!(
            "\"nodes\": [{{\"target\": \"torch.ops.higher_order.cond\", \"inputs\": [{{\"name\": \"\", \"arg\": {argument}}}], \"outputs\": [], \"metadata\": {{}}}}, "
        );
        with_program("mlp", "\"nodes\": [", &node)
    };
    check(nested(24), &[]);
    let found = faults(nested(26), &Limits::default());
    assert!(
        found[0].ends_with("graphs are nested more than 24 deep"),
        "{found:?}"
    );
    let found = faults(nested(60), &Limits::default());
    assert!(
        found[0].contains("brackets are nested more than 256 deep"),
        "{found:?}"
    );
}
