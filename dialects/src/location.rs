//! What an op's location tells: FX node name, the node's metadata, the Python line.

use melior::{
    Context,
    ir::{Attribute, Location, attribute::StringAttribute},
};

use crate::mlir;

/// The contents of a location, as `ARCHITECTURE.md` ("Locations") defines it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Metadata {
    /// FX node name.
    pub name: Option<String>,
    /// The node's metadata in the file, word for word, sorted by key.
    pub entries: Vec<(String, String)>,
    /// File, line and column from 1 of a text input that was parsed.
    pub text_position: Option<(String, usize, usize)>,
}

/// The metadata key of ops that a pass made: the node of the exported program that they stand for.
pub const DECOMPOSED_FROM: &str = "decomposed_from";

impl Metadata {
    /// Reads a location of any form.
    pub fn from_location(location: Location<'_>) -> Self {
        let mut metadata = Self::default();
        metadata.collect(location, 0);
        metadata
    }

    fn collect(&mut self, location: Location<'_>, depth: usize) {
        if depth > 16 {
            return;
        }
        if location.is_name() {
            if self.name.is_none() {
                self.name = Some(mlir::identifier_text(location.name_value()));
            }
            self.collect(location.name_child_location(), depth + 1);
        } else if location.is_fused() {
            let entries = mlir::fused_metadata(location).and_then(mlir::dictionary_entries);
            for (key, value) in entries.into_iter().flatten() {
                if let Some(value) = mlir::string_text(value) {
                    self.entries.push((key, value));
                }
            }
            // The parts repeat what the metadata says, unless there is none.
            if self.entries.is_empty() {
                for index in 0..location.fused_num_locations() {
                    self.collect(location.fused_location(index), depth + 1);
                }
            }
        } else if location.is_file_line_col_range() && self.text_position.is_none() {
            let file = location.file_line_col_range_filename();
            self.text_position = Some((
                mlir::identifier_text(file),
                location.file_line_col_range_start_line(),
                location.file_line_col_range_start_column(),
            ));
        }
    }

    /// The location that carries this.
    pub fn to_location<'c>(&self, context: &'c Context) -> Location<'c> {
        let mut location = Location::unknown(context);
        if !self.entries.is_empty() {
            let entries: Vec<(&str, Attribute)> = self
                .entries
                .iter()
                .map(|(key, value)| (key.as_str(), StringAttribute::new(context, value).into()))
                .collect();
            let (file, line) = self.python_line().unwrap_or_default();
            let python = Location::new(context, &file, line, 0);
            location = Location::fused(context, &[python], mlir::dictionary(context, &entries));
        }
        match &self.name {
            Some(name) => Location::name(context, name, location),
            None => location,
        }
    }

    /// A metadata entry.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.entries
            .iter()
            .find(|(entry, _)| entry == key)
            .map(|(_, value)| value.as_str())
    }

    /// The node of the exported program that this is, or that it was made for.
    pub fn exported_node(&self) -> Option<&str> {
        self.name.as_deref().or_else(|| self.get(DECOMPOSED_FROM))
    }

    /// What ops carry that are made in place of this one: its metadata, and its name as that of their origin.
    #[must_use]
    pub fn of_replacement(&self) -> Self {
        let mut entries = self.entries.clone();
        if let Some(name) = &self.name
            && self.get(DECOMPOSED_FROM).is_none()
        {
            entries.push((DECOMPOSED_FROM.to_owned(), name.clone()));
            entries.sort();
        }
        Self {
            name: None,
            entries,
            text_position: self.text_position.clone(),
        }
    }

    /// The last frame of the stack trace: its `File …` line and what follows it.
    pub fn innermost_frame(&self) -> Option<String> {
        let trace = self.get("stack_trace")?;
        let start = trace.rfind("File \"")?;
        Some(trace[start..].trim_end().to_owned())
    }

    fn python_line(&self) -> Option<(String, usize)> {
        let frame = self.innermost_frame()?;
        let rest = frame.strip_prefix("File \"")?;
        let (file, rest) = rest.split_once('"')?;
        let rest = rest.strip_prefix(", line ")?;
        let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
        Some((file.to_owned(), digits.parse().unwrap_or(0)))
    }

    /// The path of the innermost module in `nn_module_stack` (`key,path,type;…`), without the root.
    pub fn module_path(&self) -> Option<String> {
        let stack = self.get("nn_module_stack")?;
        let path = stack.rsplit(';').next()?.split(',').nth(1)?;
        let path = path.strip_prefix("L['self'].").unwrap_or(path);
        // PyTorch puts a placeholder where a pass of its own made the node.
        let is_module = !path.is_empty() && !path.starts_with("_empty_nn_module_stack");
        is_module.then(|| path.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_survives_a_location() {
        let context = crate::context();
        let metadata = Metadata {
            name: Some("add_1".to_owned()),
            entries: vec![
                ("nn_module_stack".to_owned(), "L__self__,,M;a,layers.0,N".to_owned()),
                (
                    "stack_trace".to_owned(),
                    "  File \"a.py\", line 1, in f\n    g()\n  File \"b.py\", line 12, in g\n    x + 1\n"
                        .to_owned(),
                ),
            ],
            text_position: None,
        };
        let location = metadata.to_location(&context);
        assert_eq!(Metadata::from_location(location), metadata);
        assert_eq!(metadata.module_path().as_deref(), Some("layers.0"));
        assert_eq!(
            metadata.innermost_frame().as_deref(),
            Some("File \"b.py\", line 12, in g\n    x + 1")
        );
        assert!(location.to_string().contains("b.py"));
    }
}
