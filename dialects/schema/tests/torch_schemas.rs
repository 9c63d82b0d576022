//! Every schema of the pinned torch: parsed, printed, and what is derived from it.

use std::{fs, path::Path};

use expc_schema::{OpSchema, SchemaKind, Tag, Tags, parse_tagged};

/// The lines of the schema files, each with the name of its file.
fn lines() -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../ops/torch");
    let mut lines = Vec::new();
    for item in fs::read_dir(folder).unwrap() {
        let path = item.unwrap().path();
        let stem = path.file_stem().unwrap().to_string_lossy().into_owned();
        let text = fs::read_to_string(&path).unwrap();
        lines.extend(
            text.lines()
                .filter(|line| !line.starts_with('#'))
                .map(|line| (stem.clone(), line.to_owned())),
        );
    }
    lines
}

fn print_tagged(schema: &OpSchema<'_>, tags: Tags) -> String {
    let words: Vec<&str> = tags.iter().map(Tag::as_str).collect();
    if words.is_empty() {
        schema.to_string()
    } else {
        format!("{schema}  # {}", words.join(", "))
    }
}

#[test]
fn all_schemas_round_trip() {
    for (_, line) in lines() {
        let (schema, tags) = parse_tagged(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
        assert_eq!(print_tagged(&schema, tags), line);
    }
}

#[test]
fn all_schemas_survive_encoding() {
    for (_, line) in lines() {
        let (schema, _) = parse_tagged(&line).unwrap();
        let bytes = postcard::to_allocvec(&schema).unwrap();
        assert_eq!(
            postcard::from_bytes::<OpSchema<'_>>(&bytes).unwrap(),
            schema
        );
    }
}

#[test]
fn schemas_are_in_the_file_of_their_namespace() {
    for (stem, line) in lines() {
        assert_eq!(parse_tagged(&line).unwrap().0.namespace, stem);
    }
}

#[test]
fn namespaces_hold_as_many_schemas_as_torch_has() {
    let lines = lines();
    let count = |namespace: &str| lines.iter().filter(|(stem, _)| stem == namespace).count();
    for (namespace, least) in [
        ("aten", 3850),
        ("quantized", 170),
        ("prim", 125),
        ("prims", 125),
        ("quantized_decomposed", 15),
        ("torchvision", 12),
        ("_c10d_functional", 14),
    ] {
        assert!(
            count(namespace) >= least,
            "{namespace}: {} of {least}",
            count(namespace)
        );
    }
}

/// Torch's code generator tells 342 in-place, 1,140 out and 9 otherwise mutable overloads of
/// native_functions.yaml apart, and 104 that alias an argument they do not write to; the dispatcher adds
/// out variants of its own making and the ops of TorchScript.
#[test]
fn derived_facts_agree_with_torchgen() {
    let lines = lines();
    let aten = lines.iter().filter(|(stem, _)| stem == "aten");
    let schemas: Vec<OpSchema<'_>> = aten
        .map(|(_, line)| parse_tagged(line).unwrap().0)
        .collect();
    let count = |kind: SchemaKind| {
        schemas
            .iter()
            .filter(|schema| schema.kind() == kind)
            .count()
    };
    assert_eq!(count(SchemaKind::Inplace), 353);
    assert_eq!(count(SchemaKind::Out), 1140);
    assert_eq!(count(SchemaKind::Mutable), 81);
    assert_eq!(
        schemas.iter().filter(|schema| schema.is_view()).count(),
        119
    );
}

/// Whatever one missing character makes of a schema is refused, or prints as it was understood.
#[test]
fn damaged_schemas_are_refused_or_understood() {
    for (_, line) in lines().iter().step_by(40) {
        for gap in 0..line.len() {
            let damaged = format!("{}{}", &line[..gap], &line[gap + 1..]);
            if let Ok((schema, _)) = parse_tagged(&damaged) {
                let printed = schema.to_string();
                assert_eq!(OpSchema::parse(&printed).as_ref(), Ok(&schema), "{damaged}");
            }
        }
    }
}
