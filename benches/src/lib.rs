//! What the benches share: the models that they measure.

use std::path::PathBuf;

/// A model of `tools/make_models.py --set models`; none, with a message, where it was not made.
pub fn model(name: &str) -> Option<PathBuf> {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let path = root
        .join(".corpus/full/models")
        .join(name)
        .join("model.pt2");
    if path.is_file() {
        return Some(path);
    }
    eprintln!(
        "{name} is not there; make it with: .deps/venv/bin/python tools/make_models.py .corpus/full/models"
    );
    None
}
