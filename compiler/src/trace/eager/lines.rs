//! Lines of Rust: where in the traced code a call was made.

use std::{ffi::c_void, path::Path};

use rustc_hash::FxHashMap;

/// A line of Rust.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    pub file: String,
    pub line: u32,
    /// The innermost function, without its path.
    pub function: String,
}

impl Line {
    /// As exported programs have it.
    pub fn stack_trace(&self, op: &str) -> String {
        let Self {
            file,
            line,
            function,
        } = self;
        format!("File \"{file}\", line {line}, in {function}\n    {op}")
    }
}

/// Finds lines by addresses, as far as the binary has debug information.
#[derive(Debug, Default)]
pub(super) struct Lines {
    /// The lines of an address, innermost first: inlined functions have their own.
    known: FxHashMap<usize, Vec<Line>>,
}

/// Files of the tracer between libtorch and the traced code, and the one where the traced code ends.
const INSIDE: &[&str] = &["torch/record.rs", "eager/scope.rs", "eager/values.rs"];
const END: &str = "eager/capture.rs";

impl Lines {
    /// The innermost line of the traced code among the callers of a call, innermost first.
    pub fn of(&mut self, frames: &[usize]) -> Option<Line> {
        for frame in frames {
            for line in self.lines(*frame) {
                if line.file.ends_with(END) {
                    return None;
                }
                if is_traced_code(&line.file) {
                    return Some(line.clone());
                }
            }
        }
        None
    }

    fn lines(&mut self, frame: usize) -> &[Line] {
        self.known.entry(frame).or_insert_with(|| {
            let mut lines = Vec::new();
            backtrace::resolve(
                std::ptr::without_provenance_mut::<c_void>(frame),
                |symbol| {
                    if let (Some(file), Some(line)) = (symbol.filename(), symbol.lineno()) {
                        let name = symbol.name().map(|name| format!("{name:#}"));
                        lines.push(Line {
                            file: from_here(file),
                            line,
                            function: short(&name.unwrap_or_default()),
                        });
                    }
                },
            );
            lines
        })
    }
}

/// Whether a file is neither libtorch, nor its bindings, nor Rust's library, nor the tracer. The models that tch brings
/// are traced code.
fn is_traced_code(file: &str) -> bool {
    let is_bindings = file.contains("/torch-sys-")
        || (file.contains("/tch-0.") && !file.contains("/src/vision/"));
    file.ends_with(".rs")
        && !is_bindings
        && !file.contains("/rustc/")
        && !INSIDE.iter().any(|part| file.contains(part))
}

/// The path relative to the folder that the program runs in, where it lies inside.
fn from_here(file: &Path) -> String {
    let here = std::env::current_dir().ok();
    let inside = here.and_then(|here| file.strip_prefix(here).ok().map(Path::to_owned));
    inside.as_deref().unwrap_or(file).display().to_string()
}

/// `forward` of `<net::Block as nn::Module>::forward`; closures have the name of the function around them.
fn short(name: &str) -> String {
    let mut depth = 0_usize;
    let mut plain = String::with_capacity(name.len());
    for character in name.chars() {
        match character {
            '<' => depth += 1,
            '>' => depth = depth.saturating_sub(1),
            other if depth == 0 => plain.push(other),
            _ => {}
        }
    }
    let parts = plain.rsplit("::");
    let mut parts = parts.filter(|part| !part.is_empty() && !part.starts_with("{{closure}}"));
    parts.next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_have_short_names() {
        assert_eq!(
            short("<net::Block as tch::nn::module::Module>::forward"),
            "forward"
        );
        assert_eq!(short("net::block::{{closure}}"), "block");
        assert_eq!(short("export<net::Block>"), "export");
    }

    #[test]
    fn bindings_are_no_traced_code() {
        assert!(is_traced_code("src/nn/attention.rs"));
        assert!(is_traced_code("/registry/tch-0.24.0/src/vision/resnet.rs"));
        assert!(!is_traced_code("/registry/tch-0.24.0/src/nn/linear.rs"));
        assert!(!is_traced_code("/rustc/library/core/src/ops/function.rs"));
        assert!(!is_traced_code("ATen/ops/relu.h"));
    }

    #[test]
    fn a_line_has_pytorchs_form() {
        let line = Line {
            file: "src/net.rs".to_owned(),
            line: 7,
            function: "forward".to_owned(),
        };
        assert_eq!(
            line.stack_trace("aten.relu.default"),
            "File \"src/net.rs\", line 7, in forward\n    aten.relu.default"
        );
    }
}
