//! From the syntax tree to a module of the dialect.
//!
//! The form of the result is described in `ARCHITECTURE.md`. Everything is as in the module that the archive of the
//! same program gives, as far as the text tells it.

use expc_dialects::{
    AtenOp, Constant, Diagnostic, GivenArgument, InputKind, InputSpec, OpBuilder, OutputKind,
    OutputSpec, Signature, ValueType, location::Metadata, program, table,
};
use expc_passes::shape::{self, ShapeEnv};
use melior::{
    Context,
    ir::{
        Block, BlockLike, Location, Module, Region, RegionLike, Type, Value, ValueLike,
        operation::{OperationBuilder, OperationLike},
    },
};
use rustc_hash::{FxHashMap, FxHashSet};

use super::{
    Positions, Printed,
    ast::{Class, Expr, Parameter, RangeText, Statement, Text},
    callee::{Action, action},
    constants::{Binding, Scope, argument, constant},
    header::{input_specs, output_specs, range, set_module_attributes},
    metadata,
    results::{Group, Known, Results},
    types::annotated_type,
    uses::Uses,
};
use crate::{
    frontend::{function::function, operands::spread_operands, pt2::symbols::Expressions},
    meta_device::MetaDevice,
};

type Fault = Diagnostic;

/// Lowers a program.
///
/// # Errors
/// The first line that cannot be lowered.
pub fn lower<'c>(context: &'c Context, text: &Text<'_>) -> Result<Printed<'c>, Fault> {
    let module = Module::new(Location::unknown(context));
    let mut lowering = Lowering {
        context,
        module: &module,
        expressions: Expressions::default(),
        env: environment(&text.ranges)?,
        graphs: FxHashMap::default(),
        positions: Positions::default(),
    };
    lowering.root(text)?;
    let Lowering {
        mut expressions,
        positions,
        ..
    } = lowering;
    set_module_attributes(context, &module, &text.ranges, &mut expressions)?;
    Ok(Printed { module, positions })
}

struct Lowering<'e, 't, 'c, 'm> {
    context: &'c Context,
    module: &'m Module<'c>,
    expressions: Expressions,
    env: ShapeEnv<'static>,
    /// By symbol.
    graphs: FxHashMap<String, Lowered<'e, 't>>,
    positions: Positions,
}

/// A graph that is in the module, or that is being lowered.
struct Lowered<'e, 't> {
    class: &'e Class<'t>,
    returned: Vec<ValueType>,
}

/// A function that is being filled.
struct Body<'e, 't, 'c, 'b> {
    class: &'e Class<'t>,
    symbol: &'b str,
    block: &'b Block<'c>,
    uses: Uses<'e, 't>,
    scope: Scope<'t, 'c, 'b>,
    /// The names that have a value, of all lines so far.
    assigned: FxHashSet<&'t str>,
    /// The expressions of symbolic scalars.
    syms: FxHashMap<&'t str, String>,
    /// The names of values that are returned as tokens.
    tokens: FxHashSet<&'t str>,
    children: FxHashMap<String, &'e Class<'t>>,
}

impl<'e, 't, 'c> Lowering<'e, 't, 'c, '_> {
    fn root(&mut self, text: &'e Text<'t>) -> Result<(), Fault> {
        let class = &text.root;
        let signature = text.signature.as_ref();
        let inputs = input_specs(class, signature)?;
        let outputs = output_specs(&returned(class), signature)?;
        let symbol = "main";
        self.enter(symbol, class);
        self.graph(class, symbol, Signature { inputs, outputs })
    }

    /// Registers a graph before its lines are lowered.
    fn enter(&mut self, symbol: &str, class: &'e Class<'t>) {
        let lowered = Lowered {
            class,
            returned: Vec::new(),
        };
        self.graphs.insert(symbol.to_owned(), lowered);
    }

    /// The symbol of the graph of a class inside another, which is lowered when it is first asked for.
    fn child(&mut self, class: &'e Class<'t>, path: &str) -> Result<String, Fault> {
        let mut symbol = path.to_owned();
        for number in 1_usize.. {
            match self.graphs.get(&symbol) {
                Some(known) if std::ptr::eq(known.class, class) => return Ok(symbol),
                Some(_) => symbol = format!("{path}_{number}"),
                None => break,
            }
        }
        let parameters = class.parameters.iter();
        let signature = Signature {
            inputs: parameters
                .map(|parameter| InputSpec::new(InputKind::UserInput, parameter.name))
                .collect(),
            outputs: vec![OutputSpec::new(OutputKind::UserOutput); returned(class).len()],
        };
        self.enter(&symbol, class);
        self.graph(class, &symbol, signature)?;
        Ok(symbol)
    }

    fn graph(
        &mut self,
        class: &'e Class<'t>,
        symbol: &str,
        mut signature: Signature,
    ) -> Result<(), Fault> {
        let block = Block::new(&[]);
        let actions = class.statements.iter().map(|line| action(&line.value));
        let actions: Vec<Action> = actions.collect::<Result<_, _>>()?;
        let mut body = Body {
            class,
            symbol,
            block: &block,
            uses: Uses::of(class),
            scope: Scope::default(),
            assigned: FxHashSet::default(),
            syms: FxHashMap::default(),
            tokens: tokens(class, &signature),
            children: children(class, &actions),
        };
        let mut input_types = Vec::new();
        for (parameter, spec) in class.parameters.iter().zip(&mut signature.inputs) {
            input_types.extend(self.parameter(parameter, spec, &mut body)?);
        }
        for (line, action) in class.statements.iter().zip(actions) {
            self.statement(line, action, &mut body)?;
        }
        let (values, types) = body.returned(&mut signature)?;
        let result_types: Vec<Type> = values.iter().map(|value| value.r#type()).collect();
        let terminator = OperationBuilder::new("func.return", Location::unknown(self.context))
            .add_operands(&values)
            .build();
        let unbuilt = |_| {
            class
                .position
                .error("E0133", format!("function `@{symbol}` cannot be built"))
        };
        let terminator = terminator.map_err(unbuilt)?;
        drop(body);
        block.append_operation(terminator);
        let region = Region::new();
        region.append_block(block);
        let is_single = class.returned.elements().is_none();
        let function_type = program::function_type(self.context, &input_types, &result_types);
        let function = function(
            self.context,
            symbol,
            function_type,
            &signature,
            is_single,
            region,
        )?;
        self.module.body().append_operation(function);
        if let Some(lowered) = self.graphs.get_mut(symbol) {
            lowered.returned = types;
        }
        Ok(())
    }

    /// Defines an input; gives back its type, if it is a value.
    fn parameter(
        &mut self,
        parameter: &'e Parameter<'t>,
        spec: &mut InputSpec,
        body: &mut Body<'e, 't, 'c, '_>,
    ) -> Result<Option<Type<'c>>, Fault> {
        let name = parameter.name;
        if !body.assigned.insert(name) {
            let message = format!("there are two inputs `{name}`");
            return Err(parameter.position.error("E0173", message));
        }
        if let Some(constant) = &spec.constant {
            body.scope.insert(name, Binding::Constant(constant.clone()));
            return Ok(None);
        }
        let value_type = match &parameter.annotation {
            Some(annotation) => {
                let (value_type, sym) = annotated_type(annotation, &mut self.expressions)?;
                if let Some(sym) = &sym {
                    body.syms.insert(name, sym.clone());
                }
                spec.sym = sym;
                value_type
            }
            None if spec.kind == InputKind::Token => ValueType::Token,
            None => ValueType::Any,
        };
        let r#type = value_type.to_mlir(self.context);
        let location = Location::name(self.context, name, Location::unknown(self.context));
        let value = body.block.add_argument(r#type, location);
        body.scope.insert(name, Binding::Value(value));
        Ok(Some(r#type))
    }

    fn statement(
        &mut self,
        line: &'e Statement<'t>,
        action: Action<'e, 't>,
        body: &mut Body<'e, 't, 'c, '_>,
    ) -> Result<(), Fault> {
        let name = line.name;
        if !body.assigned.insert(name) {
            let message = format!("`{name}` is assigned twice");
            return Err(line.position.error("E0173", message));
        }
        match action {
            Action::Call { op, args } => self.call(line, &op, &args, body),
            Action::Alias(source) => {
                let binding = match body.scope.get(source) {
                    Some(binding) => binding.clone(),
                    None => Binding::Constant(constant(&line.value)?),
                };
                body.scope.insert(name, binding);
                Ok(())
            }
            Action::Attribute(attribute) => {
                let class = body.children.get(&attribute).ok_or_else(|| {
                    line.value.position.error(
                        "E0174",
                        format!(
                            "`self.{attribute}` is a graph that class `{}` does not have",
                            body.class.name
                        ),
                    )
                })?;
                let path = match body.symbol {
                    "main" => attribute,
                    parent => format!("{parent}.{attribute}"),
                };
                let symbol = self.child(class, &path)?;
                body.scope.insert(name, Binding::Graph(symbol));
                Ok(())
            }
            // The line of the call has defined it.
            Action::Item(source) if !body.scope.contains_key(name) => {
                let message = match body.assigned.contains(source) {
                    true => format!("`{source}` has no such result"),
                    false => format!("`{source}` is not defined before this line"),
                };
                Err(line.value.position.error("E0173", message))
            }
            Action::Item(..) => Ok(()),
        }
    }

    fn call(
        &mut self,
        line: &'e Statement<'t>,
        op: &str,
        args: &[(Option<&'t str>, &'e Expr<'t>)],
        body: &mut Body<'e, 't, 'c, '_>,
    ) -> Result<(), Fault> {
        let mut arguments = arguments(op, line, args, &body.scope)?;
        spread_operands(op, &mut arguments);
        let inferred = infer(&self.env, op, &arguments, body.uses.n_items(line.name));
        let graph =
            arguments
                .iter()
                .rev()
                .find_map(|argument| match argument.value.as_constant() {
                    Some(Constant::Graph(symbol)) => self.graphs.get(symbol),
                    _ => None,
                });
        let known = Known {
            inferred: &inferred,
            graph: graph.map(|graph| graph.returned.as_slice()),
        };
        let mut results = Results::of(op, line, &body.uses, &known);
        results.set_tokens(&body.tokens);
        let types = results.types(self.context, &mut self.expressions)?;
        let metadata = Metadata {
            name: Some(line.name.to_owned()),
            entries: line.comment.map(metadata::entries).unwrap_or_default(),
            text_position: None,
        };
        self.positions.insert(line.name, line.position);
        let syms: Option<Vec<String>> = types
            .flat
            .iter()
            .filter(|(value_type, _)| is_scalar(value_type))
            .map(|(_, sym)| sym.clone())
            .collect();
        let mut builder = OpBuilder::new(self.context, op, metadata.to_location(self.context))
            .arguments(arguments)
            .results(types.specs)
            .symbolic_results(&syms.unwrap_or_default());
        if !results.is_bare && !results.groups.is_empty() {
            let names: Vec<String> = results.slots().map(|slot| slot.name.clone()).collect();
            builder = builder.result_names(&names);
        }
        let is_higher_order = op
            .split_once('.')
            .is_some_and(|(dialect, _)| dialect == table::HOP);
        if results.is_bare && is_higher_order {
            builder = builder.single();
        }
        let at_line = |mut fault: Fault| {
            fault.place.line_column = Some((line.position.line, line.position.column));
            fault
        };
        let op = body
            .block
            .append_operation(builder.build().map_err(at_line)?);
        let values = op.results().map(|result| result.into()).collect();
        body.define(&results, values, types.flat);
        AtenOp::new(op).arguments().map(|_| ()).map_err(at_line)
    }
}

impl<'c, 'b> Body<'_, '_, 'c, 'b> {
    /// The values of the outputs, with their types, whose specs are completed.
    fn returned(
        &self,
        signature: &mut Signature,
    ) -> Result<(Vec<Value<'c, 'b>>, Vec<ValueType>), Fault> {
        let (mut values, mut types) = (Vec::new(), Vec::new());
        for (expr, spec) in returned(self.class).into_iter().zip(&mut signature.outputs) {
            let binding = expr.as_path().and_then(|name| self.scope.get(name));
            match binding {
                Some(Binding::Value(value)) => {
                    let name = expr.as_path().unwrap_or_default();
                    spec.sym = self.syms.get(name).cloned();
                    types.push(ValueType::from_mlir(value.r#type()).unwrap_or(ValueType::Any));
                    values.push(*value);
                }
                Some(Binding::Constant(constant)) => spec.constant = Some(constant.clone()),
                Some(Binding::List(_) | Binding::Graph(_)) => {
                    return Err(expr
                        .position
                        .error("E0175", "a list or a graph cannot be returned"));
                }
                None => spec.constant = Some(constant(expr)?),
            }
        }
        Ok((values, types))
    }
}

impl<'e, 't, 'c, 'b> Body<'e, 't, 'c, 'b> {
    /// Binds the names of results.
    fn define(
        &mut self,
        results: &Results<'e, 't>,
        values: Vec<Value<'c, 'b>>,
        types: Vec<(ValueType, Option<String>)>,
    ) {
        let mut all = values.into_iter().zip(types);
        for group in &results.groups {
            let (names, slots) = match group {
                Group::Single(slot) => (&[][..], std::slice::from_ref(slot)),
                Group::List(names, slots) => (names.as_slice(), slots.as_slice()),
            };
            let mut elements = Vec::new();
            for (slot, (value, (_, sym))) in slots.iter().zip(all.by_ref().take(slots.len())) {
                elements.push(value);
                for name in &slot.bound {
                    self.scope.insert(name, Binding::Value(value));
                    if let Some(sym) = &sym {
                        self.syms.insert(name, sym.clone());
                    }
                }
            }
            for name in names {
                self.scope.insert(name, Binding::List(elements.clone()));
            }
        }
    }
}

/// The expressions that a class returns.
fn returned<'e, 't>(class: &'e Class<'t>) -> Vec<&'e Expr<'t>> {
    match class.returned.elements() {
        Some(elements) => elements.iter().collect(),
        None => vec![&class.returned],
    }
}

/// The names that a class returns as tokens.
fn tokens<'t>(class: &Class<'t>, signature: &Signature) -> FxHashSet<&'t str> {
    let outputs = returned(class).into_iter().zip(&signature.outputs);
    outputs
        .filter(|(_, spec)| spec.kind == OutputKind::Token)
        .filter_map(|(expr, _)| expr.as_path())
        .collect()
}

/// The classes of the graphs that the lines of a class name: of the same name, or the next of those that are called
/// otherwise, as all were up to PyTorch 2.7.
fn children<'e, 't>(
    class: &'e Class<'t>,
    actions: &[Action<'e, 't>],
) -> FxHashMap<String, &'e Class<'t>> {
    let mut seen = FxHashSet::default();
    let attributes: Vec<&str> = actions
        .iter()
        .filter_map(|action| match action {
            Action::Attribute(attribute) => Some(attribute.as_str()),
            _ => None,
        })
        .filter(|attribute| seen.insert(*attribute))
        .collect();
    let by_name = |name: &str| class.children.iter().find(|child| child.name == name);
    let mut others = class
        .children
        .iter()
        .filter(|child| !seen.contains(child.name));
    attributes
        .iter()
        .filter_map(|name| Some(((*name).to_owned(), by_name(name).or_else(|| others.next())?)))
        .collect()
}

/// The arguments of a call under the names that the schema has for them.
fn arguments<'t, 'c, 'b>(
    op: &str,
    line: &Statement<'t>,
    args: &[(Option<&'t str>, &Expr<'t>)],
    scope: &Scope<'t, 'c, 'b>,
) -> Result<Vec<GivenArgument<'c, 'b>>, Fault> {
    let def = table::lookup(op);
    let mut arguments = Vec::with_capacity(args.len());
    for (position, (keyword, expr)) in args.iter().enumerate() {
        let arg = def.and_then(|def| match keyword {
            Some(keyword) => def.schema.arg(keyword).map(|(_, arg)| arg),
            None => def.schema.args.get(position),
        });
        let name = match (keyword, arg, def) {
            (Some(keyword), ..) => (*keyword).to_owned(),
            (None, Some(arg), _) => arg.name.to_owned(),
            (None, None, None) => String::new(),
            (None, None, Some(def)) => {
                return Err(line.position.error(
                    "E0179",
                    format!(
                        "`{op}` takes {} arguments, {} are given",
                        def.schema.args.len(),
                        args.len()
                    ),
                ));
            }
        };
        arguments.push(GivenArgument {
            name,
            value: argument(expr, arg.map(|arg| &arg.ty), scope)?,
            by_keyword: keyword.is_some(),
        });
    }
    Ok(arguments)
}

/// What shape inference knows of the symbols.
fn environment(ranges: &[RangeText<'_>]) -> Result<ShapeEnv<'static>, Fault> {
    let mut env = ShapeEnv::new().with_meta(&MetaDevice);
    let mut expressions = Expressions::default();
    for text in ranges {
        let range = range(text, &mut expressions)?;
        env.set_range(&range.expression, range.min, range.max);
    }
    Ok(env)
}

/// The types of what a call returns, of which the code takes out `n_items` values; empty where they cannot be told.
fn infer(
    env: &ShapeEnv<'_>,
    op: &str,
    arguments: &[GivenArgument<'_, '_>],
    n_items: usize,
) -> Vec<shape::InferredReturn> {
    let inferred = match table::lookup(op) {
        Some(def) if def.schema.returns.is_empty() => return Vec::new(),
        Some(_) => shape::infer(env, op, arguments),
        None => shape::infer_used(env, op, arguments, n_items),
    };
    match inferred {
        Ok(inferred) => inferred.results,
        Err(_) => Vec::new(),
    }
}

fn is_scalar(value_type: &ValueType) -> bool {
    matches!(
        value_type,
        ValueType::SymInt | ValueType::SymFloat | ValueType::SymBool
    )
}
