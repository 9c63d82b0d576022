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

/// Parts of paths of libraries that traced code calls, but is not.
const LIBRARIES: &[&str] = &[
    "/rustc/",
    "/torch-sys-",
    "/src/wrappers/tensor",
    "/src/tensor/",
    "/src/nn/",
    "libtch",
];

/// Files of the tracer between libtorch and the traced code, and the one where the traced code ends.
const INSIDE: &[&str] = &[
    "torch/record.rs",
    "eager/scope.rs",
    "eager/values.rs",
    "record.cpp",
];
const END: &str = "eager/capture.rs";

impl Lines {
    /// The innermost line of the traced code among the callers of a call, innermost first.
    pub fn of(&mut self, frames: &[usize]) -> Option<Line> {
        for frame in frames {
            for line in self.lines(*frame) {
                if line.file.ends_with(END) {
                    return None;
                }
                let is_skipped = |part: &&str| line.file.contains(*part);
                if !LIBRARIES.iter().chain(INSIDE).any(|part| is_skipped(&part)) {
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

/// The path relative to the folder that the program runs in, where it lies inside.
fn from_here(file: &Path) -> String {
    let here = std::env::current_dir().ok();
    let inside = here.and_then(|here| file.strip_prefix(here).ok().map(Path::to_owned));
    inside.as_deref().unwrap_or(file).display().to_string()
}

/// `forward` of `<net::Block as nn::Module>::forward`; closures have the name of the function around them.
fn short(name: &str) -> String {
    let parts = name.rsplit("::");
    let mut parts = parts.filter(|part| !part.starts_with("{{closure}}"));
    let last = parts.next().unwrap_or_default();
    last.split('<').next().unwrap_or(last).to_owned()
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
