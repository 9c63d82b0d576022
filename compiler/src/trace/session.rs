//! A trace from its inputs to the program.

use std::collections::BTreeMap;

use expc_dialects::{
    Constant, Dim as TypeDim, InputKind, InputSpec, OutputKind, TensorMeta, ValueType,
    program::{Range, Symbol},
};
use expc_passes::shape::{Item, Size};
use expc_pt2::TreeKey;
use expc_symbolic::Expr;

use super::{
    asserts,
    dim::{Dim, DimKind, DynamicShapes},
    graph::{Arg, Calling, GraphId, Recorded, Sizes, ValueInfo},
    lower::code,
    python, pytree,
    tracer::{Tracer, to_constant, to_info},
    value::{Arguments, Inputs, Leaf, Sample, Traced, Value},
    violation::{self, Dimension},
};
use crate::{Diagnostic, Diagnostics};

/// Traces a function: calls it with inputs that have the types and sizes of the examples but no data, and records what
/// it does with them.
///
/// ```
/// use expc::trace::{self, Dim, DynamicShapes, Inputs, Sample};
///
/// # fn main() -> Result<(), expc::Diagnostics> {
/// let inputs = Inputs::new().arg("x", Sample::floats(&[3, 2]));
/// let shapes = DynamicShapes::new().input("x", [(0, Dim::new("batch").min(2).max(64))]);
/// let program = trace::trace(&inputs, &shapes, |_, inputs| {
///     let x = inputs.tensor("x");
///     let rows = x.size(0);
///     x.sum_dim_int_list([1_i64]) * rows
/// })?;
/// assert!(program.text()?.contains("Range constraints: {s0: VR[2, 64]}"));
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// An op cannot be called so, a branch depends on data (E0192), the sizes are not what the specs say (E0196), or a spec
/// does not fit the inputs (E0197); the line of Rust is in the diagnostic.
pub fn trace<R: Into<Value>>(
    inputs: &Inputs,
    shapes: &DynamicShapes,
    forward: impl FnOnce(&Tracer, &Arguments) -> R,
) -> Result<Recorded, Diagnostics> {
    traced(inputs, shapes, false, forward).map(|traced| traced.program)
}

/// A program with what had to be assumed to trace it.
pub struct Draft {
    pub program: Recorded,
    /// Branches on data that were taken for false, and sizes that are not what their specs say.
    pub assumptions: Vec<Diagnostic>,
}

/// As [`trace`], but goes on where a branch depends on data or a spec is violated, and says what it assumed.
///
/// # Errors
/// As [`trace`], without E0192 and E0196.
pub fn draft<R: Into<Value>>(
    inputs: &Inputs,
    shapes: &DynamicShapes,
    forward: impl FnOnce(&Tracer, &Arguments) -> R,
) -> Result<Draft, Diagnostics> {
    traced(inputs, shapes, true, forward)
}

fn traced<R: Into<Value>>(
    inputs: &Inputs,
    shapes: &DynamicShapes,
    is_draft: bool,
    forward: impl FnOnce(&Tracer, &Arguments) -> R,
) -> Result<Draft, Diagnostics> {
    let tracer = Tracer::new();
    tracer.state.shapes.borrow_mut().is_draft = is_draft;
    let mut session = Session {
        tracer: tracer.clone(),
        dimensions: Vec::new(),
        roots: BTreeMap::new(),
    };
    let arguments = session.inputs(inputs, shapes)?;
    let returned = tracer
        .run(|| {
            let returned = forward(&tracer, &arguments).into();
            let outputs = outputs(&tracer, &returned);
            (returned, outputs)
        })
        .map_err(Diagnostics::from)?;
    let (returned, outputs) = returned;
    for output in outputs {
        let mut builder = tracer.state.builder.borrow_mut();
        builder.output(GraphId::ROOT, OutputKind::UserOutput, output);
    }
    session.finish(inputs, &returned, is_draft)
}

/// The outputs of the root, numbers computed.
#[track_caller]
fn outputs(tracer: &Tracer, returned: &Value) -> Vec<Arg> {
    let place = std::panic::Location::caller();
    let leaf = |leaf: &Traced| match leaf {
        Traced::Tensor(tensor) => Arg::Value(tensor.id_in(tracer, place)),
        Traced::Number(number) => number.arg(tracer, place),
        Traced::Constant(constant) => Arg::Constant(constant.clone()),
    };
    returned.leaves().into_iter().map(leaf).collect()
}

struct Session {
    tracer: Tracer,
    /// The sizes that a spec speaks of.
    dimensions: Vec<Dimension>,
    /// The symbols of named dimensions.
    roots: BTreeMap<String, Expr>,
}

impl Session {
    fn inputs(
        &mut self,
        inputs: &Inputs,
        shapes: &DynamicShapes,
    ) -> Result<Arguments, Diagnostics> {
        let mut specs = shapes
            .resolve(inputs)
            .map_err(Diagnostics::from)?
            .into_iter();
        let mut values = Vec::new();
        for (name, sample) in inputs.all() {
            let value = self.input(name, sample, &mut specs)?;
            values.push((name.clone(), value));
        }
        Ok(Arguments {
            tracer: self.tracer.clone(),
            values,
        })
    }

    fn input(
        &mut self,
        name: &str,
        sample: &Sample,
        specs: &mut dyn Iterator<Item = BTreeMap<usize, Dim>>,
    ) -> Result<Value, Diagnostics> {
        let mut path = Vec::new();
        sample.map(&mut path, &mut |path, leaf| {
            let dims = specs.next().unwrap_or_default();
            let spec = InputSpec::new(InputKind::UserInput, placeholder_name(name, path));
            match leaf {
                Leaf::Constant(Constant::Int(value)) if !dims.is_empty() => {
                    let dim = dims.get(&0).cloned().unwrap_or(Dim::STATIC);
                    let expr = self.size(python_path(name, path), *value, &dim)?;
                    Ok(Traced::Number(self.tracer.number_placeholder(spec, expr)))
                }
                Leaf::Constant(constant) => {
                    let mut builder = self.tracer.state.builder.borrow_mut();
                    builder.constant_input(spec.name, constant.clone());
                    Ok(Traced::Constant(constant.clone()))
                }
                Leaf::Tensor {
                    dtype,
                    sizes,
                    device,
                } => {
                    let source = python_path(name, path);
                    let sizes = self.sizes(&source, sizes, &dims)?;
                    let meta = TensorMeta {
                        device: device.clone(),
                        ..TensorMeta::new(*dtype, Some(sizes))
                    };
                    Ok(Traced::Tensor(self.tracer.placeholder(spec, meta)))
                }
            }
        })
    }

    fn sizes(
        &mut self,
        source: &str,
        sizes: &[i64],
        dims: &BTreeMap<usize, Dim>,
    ) -> Result<Vec<TypeDim>, Diagnostics> {
        let mut found = Vec::with_capacity(sizes.len());
        for (position, size) in sizes.iter().enumerate() {
            let dim = dims.get(&position).cloned().unwrap_or(Dim::STATIC);
            let source = format!("{source}.size()[{position}]");
            let expr = self.size(source, *size, &dim)?;
            found.push(match Size::from(expr) {
                Size::Int(value) => TypeDim::Static(value),
                Size::Expr(expr) => TypeDim::Symbolic(expr.to_string()),
            });
        }
        Ok(found)
    }

    /// The expression of a size.
    fn size(&mut self, source: String, size: i64, dim: &Dim) -> Result<Expr, Diagnostics> {
        let fixed = Expr::int(i128::from(size));
        violation::check_example(&source, size, dim)?;
        let (root, factor, offset) = match &dim.kind {
            DimKind::Static => return Ok(fixed),
            // A program is the same for no two sizes if one of them is 0 or 1.
            DimKind::Auto if size < 2 => return Ok(fixed),
            DimKind::Auto | DimKind::Dynamic => (None, 1, 0),
            DimKind::Named(name) => (Some(name.clone()), 1, 0),
            DimKind::Derived {
                root,
                factor,
                offset,
            } => (Some(root.clone()), *factor, *offset),
        };
        let hint = violation::root_of_example(&source, size, dim, factor, offset)?;
        let known = root.as_ref().and_then(|root| self.roots.get(root)).cloned();
        let symbol = match known {
            Some(symbol) => {
                self.check_same(&source, dim, &symbol, hint)?;
                symbol
            }
            None => {
                let mut shapes = self.tracer.state.shapes.borrow_mut();
                let min = dim.min.unwrap_or(0).max(2);
                let symbol = shapes.symbol(hint, source.clone(), Some(min), dim.max);
                if let Some(root) = root {
                    self.roots.insert(root, symbol.clone());
                }
                symbol
            }
        };
        let expr = scaled(&symbol, factor, offset).map_err(|error| {
            Diagnostic::error(code::SPEC, format!("`{dim}` cannot be computed: {error}"))
        })?;
        self.dimensions.push(Dimension {
            dim: dim.clone(),
            source,
            symbol,
            expr: expr.clone(),
        });
        Ok(expr)
    }

    /// A name stands for one size.
    fn check_same(
        &self,
        source: &str,
        dim: &Dim,
        symbol: &Expr,
        hint: i64,
    ) -> Result<(), Diagnostic> {
        let known = self.tracer.state.shapes.borrow().value(symbol);
        if known == Some(hint) {
            return Ok(());
        }
        let first = self.dimensions.iter().find(|known| known.symbol == *symbol);
        let first = first.map_or_else(String::new, |first| format!(" and `{}`", first.source));
        Err(Diagnostic::error(
            code::CONSTRAINT,
            format!(
                "`{source}`{first} are different in the examples, but the spec says of both `{dim}`"
            ),
        ))
    }

    fn finish(
        self,
        inputs: &Inputs,
        returned: &Value,
        is_draft: bool,
    ) -> Result<Draft, Diagnostics> {
        let found = violation::violations(&self.tracer.state.shapes.borrow(), &self.dimensions);
        if !is_draft && !found.is_empty() {
            return Err(Diagnostics::new(found));
        }
        let shapes = self.tracer.state.shapes.borrow();
        let mut assumptions: Vec<Diagnostic> =
            shapes.assumed.iter().map(violation::assumption).collect();
        assumptions.extend(found);
        let mut builder = self.tracer.state.builder.take();
        asserts::insert(&mut builder, &shapes);
        builder.remove_unused_symbolic();
        for value in builder.value_ids() {
            if let Some(info) = builder.info(value).cloned() {
                builder.set_info(value, resolved(&shapes, info));
            }
        }
        let args = inputs.args.iter().map(|(_, sample)| sample.spec());
        let kwargs = inputs.kwargs.iter();
        let kwargs = kwargs.map(|(name, sample)| (name.clone(), sample.spec()));
        builder.calling = Calling {
            inputs: Some(pytree::call(args.collect(), kwargs.collect())),
            outputs: Some(returned.spec()),
            arg_names: inputs.all().map(|(name, _)| name.clone()).collect(),
            modules: self.called(),
        };
        builder.sizes = Sizes {
            symbols: self.symbols(&shapes),
            ranges: self.ranges(&shapes),
            guards: self.guards(&shapes),
        };
        Ok(Draft {
            program: builder.finish(),
            assumptions,
        })
    }

    fn symbols(&self, shapes: &super::guards::Shapes) -> Vec<Symbol> {
        let backed = shapes
            .symbols
            .iter()
            .filter(|symbol| shapes.replacement(&symbol.name).is_none());
        let backed = backed.map(|symbol| Symbol {
            name: symbol.name.clone(),
            hint: Some(Constant::Int(symbol.hint)),
            positive: true,
            integer: true,
        });
        let unbacked = shapes
            .env
            .unbacked_symbols()
            .into_iter()
            .map(|name| Symbol {
                integer: !name.starts_with('z'),
                name,
                hint: None,
                positive: false,
            });
        backed.chain(unbacked).collect()
    }

    /// The paths of the modules that were called.
    fn called(&self) -> Vec<String> {
        let called = self.tracer.state.called.borrow();
        called.iter().map(|(path, _)| path.clone()).collect()
    }

    /// The ranges in the order of PyTorch: numbers of data, then the sizes that specs speak of.
    fn ranges(&self, shapes: &super::guards::Shapes) -> Vec<Range> {
        let mut ranges: Vec<Range> = Vec::new();
        for name in shapes.env.unbacked_symbols() {
            if name.starts_with('u') {
                let (min, max) = shapes.range(&name);
                ranges.push(Range {
                    expression: name,
                    min,
                    max,
                });
            }
        }
        for dimension in &self.dimensions {
            let expression = shapes.resolve(&dimension.expr);
            let text = expression.to_string();
            if expression.as_int().is_some() || ranges.iter().any(|range| range.expression == text)
            {
                continue;
            }
            let (min, max) = dimension.printed_range(shapes);
            ranges.push(Range {
                expression: text,
                min,
                max,
            });
        }
        // A root that no size is by itself has a range behind the sizes that follow from it.
        for symbol in &shapes.symbols {
            let is_known = ranges.iter().any(|range| range.expression == symbol.name);
            if shapes.replacement(&symbol.name).is_none() && !is_known {
                let (min, max) = shapes.range(&symbol.name);
                ranges.push(Range {
                    expression: symbol.name.clone(),
                    min,
                    max,
                });
            }
        }
        ranges
    }

    /// The conditions that the inputs must meet beyond their types, as Python text.
    fn guards(&self, shapes: &super::guards::Shapes) -> Vec<String> {
        let mut guards = Vec::new();
        let mut first: BTreeMap<String, &Dimension> = BTreeMap::new();
        let sources: BTreeMap<String, String> = shapes
            .symbols
            .iter()
            .map(|symbol| (symbol.name.clone(), self.source_of(symbol)))
            .collect();
        for dimension in &self.dimensions {
            let text = dimension.expr.to_string();
            match first.get(&text) {
                Some(known) => guards.push(format!("{} == {}", known.source, dimension.source)),
                None => {
                    first.insert(text, dimension);
                }
            }
            if matches!(dimension.dim.kind, DimKind::Derived { .. }) {
                let value = python::text(&dimension.expr, &sources);
                guards.push(format!("{} == {value}", dimension.source));
            }
        }
        guards.extend(
            shapes
                .guards
                .iter()
                .map(|guard| python::text(&guard.expr, &sources)),
        );
        guards.retain(|guard| !guard.is_empty());
        guards.dedup();
        guards
    }

    /// How Python computes a symbol from the inputs.
    fn source_of(&self, symbol: &super::guards::SizeSymbol) -> String {
        let plain = self.dimensions.iter().find(|dimension| {
            dimension.expr == dimension.symbol && dimension.symbol.to_string() == symbol.name
        });
        if let Some(dimension) = plain {
            return dimension.source.clone();
        }
        let derived = self
            .dimensions
            .iter()
            .find(|dimension| dimension.symbol.to_string() == symbol.name);
        match derived.map(|dimension| (&dimension.dim.kind, &dimension.source)) {
            Some((DimKind::Derived { factor, offset, .. }, source)) => {
                format!("(({source} - {offset}) // {factor})")
            }
            _ => symbol.source.clone(),
        }
    }
}

/// `factor * symbol + offset`.
fn scaled(symbol: &Expr, factor: i64, offset: i64) -> expc_symbolic::Built {
    let scaled = Expr::mul([Expr::int(i128::from(factor)), symbol.clone()])?;
    Expr::add([scaled, Expr::int(i128::from(offset))])
}

/// The name of a placeholder: `x`, `x_0_key`.
fn placeholder_name(name: &str, path: &[TreeKey]) -> String {
    let mut text = name.to_lowercase();
    for key in path {
        let key = match key {
            TreeKey::Str(key) => key.clone(),
            key => key.to_string(),
        };
        let fits = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
        text.push('_');
        text.extend(key.to_lowercase().chars().map(fits));
    }
    text
}

/// How Python reaches an input: `L['x'][0]['key']`.
fn python_path(name: &str, path: &[TreeKey]) -> String {
    let mut text = format!("L['{name}']");
    for key in path {
        text.push_str(&format!("[{key}]"));
    }
    text
}

/// What is known of a value, in the symbols that are left.
fn resolved(shapes: &super::guards::Shapes, info: ValueInfo) -> ValueInfo {
    let text = |text: &str| match Expr::parse(text) {
        Ok(expr) => shapes.resolve(&expr).to_string(),
        Err(_) => text.to_owned(),
    };
    let dim = |dim: &TypeDim| match dim {
        TypeDim::Static(_) => dim.clone(),
        TypeDim::Symbolic(symbolic) => {
            let resolved = text(symbolic);
            resolved
                .parse()
                .map_or(TypeDim::Symbolic(resolved), TypeDim::Static)
        }
    };
    let value_type = match info.value_type {
        ValueType::Tensor(meta) => ValueType::Tensor(TensorMeta {
            sizes: meta.sizes.map(|sizes| sizes.iter().map(dim).collect()),
            strides: meta
                .strides
                .map(|strides| strides.iter().map(dim).collect()),
            storage_offset: dim(&meta.storage_offset),
            ..meta
        }),
        other => other,
    };
    ValueInfo {
        value_type,
        sym: info.sym.as_deref().map(text),
    }
}

impl Tracer {
    /// A new input of the root that is an integer.
    fn number_placeholder(&self, spec: InputSpec, expr: Expr) -> super::Number {
        let item = Item::Int(expr.into());
        if let Some(constant) = to_constant(&item) {
            let mut builder = self.state.builder.borrow_mut();
            builder.constant_input(spec.name, constant);
            return super::Number::constant(item);
        }
        let id = {
            let mut builder = self.state.builder.borrow_mut();
            builder.input(spec, to_info(&item))
        };
        self.own(id, GraphId::ROOT);
        self.number(id, item)
    }

    /// A new input of the root that is a tensor.
    pub(super) fn placeholder(&self, spec: InputSpec, meta: TensorMeta) -> super::Tensor {
        let value_type = ValueType::Tensor(meta);
        let item = {
            let shapes = self.state.shapes.borrow();
            Item::from_value_type(&shapes.env, &value_type, None)
        };
        let id = {
            let mut builder = self.state.builder.borrow_mut();
            builder.input(spec, to_info(&item))
        };
        self.own(id, GraphId::ROOT);
        self.tensor(id, item)
    }
}
