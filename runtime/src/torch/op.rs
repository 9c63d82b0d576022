//! Registered operators and their schemas.

use std::ptr::NonNull;

use expc_dialects::table;

use super::{Frame, StepBuilder, TorchError, Value, check, ffi, text};

/// A registered operator, such as `aten::add.Tensor`.
#[derive(Debug)]
pub struct Op {
    raw: NonNull<ffi::CxxOp>,
    name: String,
    arguments: Vec<String>,
}

// SAFETY: an OperatorHandle points to an entry of the dispatcher, which is never removed while we hold it (we unload
// no library), and its schema is constant; the dispatcher is made for many threads.
unsafe impl Send for Op {}
// SAFETY: as above.
unsafe impl Sync for Op {}

impl Drop for Op {
    fn drop(&mut self) {
        // SAFETY: this is the only owner.
        unsafe { ffi::expc_op_free(self.raw.as_ptr()) }
    }
}

impl Op {
    /// Looks up `namespace::name.overload`; the overload `default` is the one without a name.
    ///
    /// Operators that PyTorch defines in Python are registered when they are first asked for.
    pub fn find(name: &str) -> Option<Self> {
        let (base, overload) = split_name(name);
        let find = || {
            // SAFETY: the texts are alive during the call.
            let raw = unsafe { ffi::expc_op_find(ffi::Text::new(base), ffi::Text::new(overload)) };
            NonNull::new(raw)
        };
        let raw = find().or_else(|| register_python_op(base, overload).then(find)?)?;
        let mut op = Self {
            raw,
            name: name.to_owned(),
            arguments: Vec::new(),
        };
        op.arguments = (0..op.argument_count())
            .map(|index| op.read_argument_name(index))
            .collect();
        Some(op)
    }

    /// The name that [`Op::find`] was given.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The schema as torch prints it.
    pub fn schema(&self) -> String {
        // SAFETY: the handle is alive.
        text(|sink| unsafe { ffi::expc_op_schema(self.as_ptr(), sink) })
    }

    pub fn argument_count(&self) -> usize {
        // SAFETY: the handle is alive.
        unsafe { ffi::expc_op_argument_count(self.as_ptr()) }
    }

    /// The argument's name, empty past the last one.
    pub fn argument_name(&self, index: usize) -> &str {
        self.arguments.get(index).map_or("", String::as_str)
    }

    fn read_argument_name(&self, index: usize) -> String {
        // SAFETY: the handle is alive; the border checks the index.
        text(|sink| unsafe { ffi::expc_op_argument_name(self.as_ptr(), index, sink) })
    }

    pub fn argument_index(&self, name: &str) -> Option<usize> {
        self.arguments.iter().position(|argument| argument == name)
    }

    pub fn argument_is_keyword_only(&self, index: usize) -> bool {
        // SAFETY: the handle is alive; the border checks the index.
        unsafe { ffi::expc_op_argument_keyword_only(self.as_ptr(), index) }
    }

    /// Whether the schema says that the operator writes to the argument.
    pub fn argument_is_written(&self, index: usize) -> bool {
        // SAFETY: the handle is alive; the border checks the index.
        unsafe { ffi::expc_op_argument_written(self.as_ptr(), index) }
    }

    /// Whether a result may be the argument itself or a view of it. Composite operators need not say so in their
    /// schema, so for them the answer is always yes.
    pub fn argument_may_alias_result(&self, index: usize) -> bool {
        // SAFETY: the handle is alive; the border checks the index.
        unsafe { ffi::expc_op_argument_may_alias_result(self.as_ptr(), index) }
    }

    pub fn argument_has_default(&self, index: usize) -> bool {
        // SAFETY: the handle is alive; the border checks the index.
        unsafe { ffi::expc_op_argument_has_default(self.as_ptr(), index) }
    }

    pub fn return_count(&self) -> usize {
        // SAFETY: the handle is alive.
        unsafe { ffi::expc_op_return_count(self.as_ptr()) }
    }

    pub fn return_is_list(&self, index: usize) -> bool {
        // SAFETY: the handle is alive; the border checks the index.
        unsafe { ffi::expc_op_return_is_list(self.as_ptr(), index) }
    }

    /// Whether the schema says that the result may share memory with an argument.
    pub fn return_aliases(&self, index: usize) -> bool {
        // SAFETY: the handle is alive; the border checks the index.
        unsafe { ffi::expc_op_return_aliases(self.as_ptr(), index) }
    }

    /// Calls the operator once; arguments that are not given take their defaults.
    ///
    /// Gradient and autocast mode are those of the thread. The operator takes any device, `meta` included.
    ///
    /// # Errors
    /// An argument is missing, surplus or of the wrong type, or the kernel refused.
    pub fn call(
        &self,
        arguments: &[Value],
        keyword_arguments: &[(&str, Value)],
    ) -> Result<Vec<Value>, TorchError> {
        let mut builder = StepBuilder::new(self);
        for (index, value) in arguments.iter().enumerate() {
            builder.constant(index, value)?;
        }
        for (name, value) in keyword_arguments {
            builder.constant(self.require_argument(name)?, value)?;
        }
        let count =
            u32::try_from(self.return_count()).map_err(|_| TorchError::new("too many results"))?;
        (0..count).for_each(|slot| builder.result(Some(slot)));
        let mut frame = Frame::new(count);
        builder.finish(&[])?.run(&mut frame)?;
        Ok((0..count).map(|slot| frame.get(slot)).collect())
    }

    /// The position of an argument, or an error that names the ones there are.
    pub fn require_argument(&self, name: &str) -> Result<usize, TorchError> {
        self.argument_index(name).ok_or_else(|| {
            let names: Vec<_> = self
                .arguments
                .iter()
                .map(|name| format!("`{name}`"))
                .collect();
            TorchError::new(format!(
                "no argument is named `{name}`, there are {}",
                names.join(", ")
            ))
        })
    }

    pub(super) fn as_ptr(&self) -> *const ffi::CxxOp {
        self.raw.as_ptr()
    }
}

/// `aten::add.Tensor` as base name and overload.
fn split_name(name: &str) -> (&str, &str) {
    let (base, overload) = match name.split_once("::") {
        Some((namespace, rest)) => match rest.split_once('.') {
            Some((operator, overload)) => (&name[..namespace.len() + 2 + operator.len()], overload),
            None => (name, ""),
        },
        None => (name, ""),
    };
    (base, if overload == "default" { "" } else { overload })
}

/// Registers our kernel of an operator that PyTorch defines in Python, under its schema of the op table. False if
/// there is none.
fn register_python_op(base: &str, overload: &str) -> bool {
    let overload = if overload.is_empty() {
        "default"
    } else {
        overload
    };
    let ir_name = format!("{}.{overload}", base.replacen("::", ".", 1));
    let Some(def) = table::lookup(&ir_name) else {
        return false;
    };
    let name = match def.schema.overload {
        "" => base.to_owned(),
        overload => format!("{base}.{overload}"),
    };
    let schema = def.schema.to_string();
    let registered = check(|error| unsafe {
        // SAFETY: the texts are alive during the call.
        ffi::expc_python_op_register(ffi::Text::new(&name), ffi::Text::new(&schema), error)
    });
    registered.is_ok()
}

/// A registered schema and the numbers of its tags (`at::Tag`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegisteredSchema {
    pub schema: String,
    pub tags: Vec<i64>,
}

/// Every schema that is registered now, by name.
pub fn all_schemas() -> Vec<RegisteredSchema> {
    // SAFETY: the border only reads the dispatcher's list.
    let lines = text(|sink| unsafe { ffi::expc_all_schemas(sink) });
    let mut schemas: Vec<_> = lines
        .lines()
        .filter_map(|line| line.split_once('\t'))
        .map(|(schema, tags)| RegisteredSchema {
            schema: schema.to_owned(),
            tags: tags.split(' ').filter_map(|tag| tag.parse().ok()).collect(),
        })
        .collect();
    schemas.sort_by(|a, b| a.schema.cmp(&b.schema));
    schemas
}
