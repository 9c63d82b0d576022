//! Files that are no model for expc but are handed over as one: what they are and what to do instead.
//!
//! Zips are told apart by `expc_pt2`, which reads their directory. Nothing is concluded from a file's name.

use expc_dialects::Diagnostic;

/// A kind of file, how its bytes begin, and what to do instead.
struct Foreign {
    name: &'static str,
    is: fn(&[u8]) -> bool,
    help: &'static str,
}

const EXPORT_IT: &str =
    "trace the model with `torch.export.export` and write it with `torch.export.save`";

const FOREIGN: [Foreign; 12] = [
    Foreign {
        name: "an empty file",
        is: <[u8]>::is_empty,
        help: EXPORT_IT,
    },
    Foreign {
        name: "a pickle, as older versions of `torch.save` wrote it",
        is: |bytes| matches!(bytes, [0x80, 2..=5, ..]),
        help: "weights or a pickled module are no program, write one with `torch.export.save`",
    },
    Foreign {
        name: "a `.safetensors` file",
        is: is_safetensors,
        help: "inputs are given with `--inputs`, weights of a printed program with `--weights`",
    },
    Foreign {
        name: "an `.npy` file",
        is: |bytes| bytes.starts_with(b"\x93NUMPY"),
        help: "inputs are given with `--input NAME=FILE`",
    },
    Foreign {
        name: "an ONNX model",
        // The version of the format as field 1, then the name of the producer as field 2 or the graph as field 7.
        is: |bytes| matches!(bytes, [0x08, 1..=0x7f, 0x12 | 0x3a, ..]),
        help: EXPORT_IT,
    },
    Foreign {
        name: "a TensorFlow Lite model",
        is: |bytes| bytes.get(4..8) == Some(b"TFL3"),
        help: EXPORT_IT,
    },
    Foreign {
        name: "a GGUF model",
        is: |bytes| bytes.starts_with(b"GGUF"),
        help: EXPORT_IT,
    },
    Foreign {
        name: "an HDF5 file",
        is: |bytes| bytes.starts_with(b"\x89HDF\r\n\x1a\n"),
        help: EXPORT_IT,
    },
    Foreign {
        name: "MLIR bytecode",
        is: |bytes| bytes.starts_with(b"ML\xefR"),
        help: "give the module as text",
    },
    Foreign {
        name: "a library or program",
        is: |bytes| bytes.starts_with(b"\x7fELF"),
        help: "libraries that register operators are given with `--load-library`",
    },
    Foreign {
        name: "a compressed file",
        is: |bytes| {
            bytes.starts_with(b"\x1f\x8b")
                || bytes.starts_with(b"\x28\xb5\x2f\xfd")
                || bytes.starts_with(b"\xfd7zXZ")
        },
        help: "unpack it",
    },
    Foreign {
        name: "Python source",
        is: |bytes| {
            let text = bytes.trim_ascii_start();
            text.starts_with(b"import ") || text.starts_with(b"from ")
        },
        help: EXPORT_IT,
    },
];

/// The length of the header, then the header, a JSON object.
fn is_safetensors(bytes: &[u8]) -> bool {
    let Some((length, header)) = bytes.split_first_chunk::<8>() else {
        return false;
    };
    header.first() == Some(&b'{') && u64::from_le_bytes(*length) <= header.len() as u64
}

/// The diagnostic for bytes that are known to be something else than a model.
pub(super) fn refuse(bytes: &[u8]) -> Option<Diagnostic> {
    let foreign = FOREIGN.iter().find(|foreign| (foreign.is)(bytes))?;
    let what = format!(
        "expected a `.pt2` archive, a module of the dialect or a printed program, found {}",
        foreign.name
    );
    Some(Diagnostic::error("E0155", what).help(foreign.help))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(bytes: &[u8]) -> Option<String> {
        let fault = refuse(bytes)?;
        let (_, name) = fault.message.rsplit_once("found ")?;
        Some(name.to_owned())
    }

    #[test]
    fn files_of_other_tools_are_named() {
        let cases: [(&[u8], &str); 13] = [
            (b"", "an empty file"),
            (
                b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.",
                "a pickle, as older versions of `torch.save` wrote it",
            ),
            (b"\x02\0\0\0\0\0\0\0{}", "a `.safetensors` file"),
            (b"\x93NUMPY\x01\0", "an `.npy` file"),
            (b"\x08\x08\x12\x07pytorch", "an ONNX model"),
            (b"\x1c\0\0\0TFL3", "a TensorFlow Lite model"),
            (b"GGUF\x03\0\0\0", "a GGUF model"),
            (b"\x89HDF\r\n\x1a\n\0", "an HDF5 file"),
            (b"ML\xefR\x06", "MLIR bytecode"),
            (b"\x7fELF\x02", "a library or program"),
            (b"\x1f\x8b\x08\0", "a compressed file"),
            (b"\nimport torch\n", "Python source"),
            (b"from torch import nn\n", "Python source"),
        ];
        for (bytes, name) in cases {
            assert_eq!(found(bytes).as_deref(), Some(name));
        }
    }

    #[test]
    fn models_are_left_alone() {
        for text in [
            "ExportedProgram:\n    class GraphModule",
            "func.func @main() {\n  return\n}\n",
            "// comment\nmodule {}\n",
            "#map = affine_map<() -> ()>\nmodule {}\n",
        ] {
            assert_eq!(found(text.as_bytes()), None, "{text}");
        }
    }
}
