//! From the file's structs to a module of the dialect.
//!
//! The form of the result is described in `ARCHITECTURE.md`. Nothing is interpreted here: an argument that
//! the file gives is an argument in the IR, whether or not it equals the schema's default. Faults are
//! collected; lowering goes on at the next node where it can.

use expc_dialects::{
    Argument, AtenOp, Constant, Diagnostic, Dim, GivenArgument, InputKind, InputSpec, OpBuilder,
    OutputKind, OutputSpec, Place, ResultSpec, ScalarType, Signature, TensorMeta, ValueType,
    constant::string_array,
    location::Metadata,
    program::{self, Range, Symbol},
    table,
};
use expc_pt2::{self as schema, Sym, SymArgument};
use melior::{
    Context,
    ir::{
        Attribute, Block, BlockLike, Identifier, Location, Module, Operation, Region, RegionLike,
        Type, Value, ValueLike,
        attribute::{ArrayAttribute, StringAttribute},
        operation::OperationBuilder,
    },
};
use rustc_hash::FxHashMap;

use super::symbols::Expressions;

/// Nesting of graphs that is accepted.
const MAX_DEPTH: usize = 64;

/// Lowers a program; on faults, all of them.
pub fn lower<'c>(
    context: &'c Context,
    program: &schema::ExportedProgram<'_>,
) -> Result<Module<'c>, Vec<Diagnostic>> {
    let module = Module::new(Location::unknown(context));
    let mut lowering = Lowering {
        context,
        module: &module,
        expressions: Expressions::default(),
        diagnostics: Vec::new(),
    };
    lowering.root(program);
    lowering.module_attributes(program);
    let diagnostics = lowering.diagnostics;
    if diagnostics.is_empty() {
        Ok(module)
    } else {
        Err(diagnostics)
    }
}

struct Lowering<'c, 'm> {
    context: &'c Context,
    module: &'m Module<'c>,
    expressions: Expressions,
    diagnostics: Vec<Diagnostic>,
}

/// The values of a graph by name.
type Scope<'f, 'c, 'a> = FxHashMap<&'f str, Value<'c, 'a>>;

/// A fault inside a node; the caller knows the node.
type Fault = Diagnostic;

impl<'c> Lowering<'c, '_> {
    fn root(&mut self, program: &schema::ExportedProgram<'_>) {
        let graph = &program.graph_module.graph;
        let signature = &program.graph_module.signature;
        if graph.inputs.len() != signature.input_specs.len()
            || graph.outputs.len() != signature.output_specs.len()
        {
            self.diagnostics.push(Diagnostic::error(
                "E0130",
                format!(
                    "the graph has {} inputs and {} outputs, its signature {} and {}",
                    graph.inputs.len(),
                    graph.outputs.len(),
                    signature.input_specs.len(),
                    signature.output_specs.len()
                ),
            ));
            return;
        }
        let inputs = signature
            .input_specs
            .iter()
            .zip(&graph.inputs)
            .map(|(spec, input)| input_spec(spec, input));
        let outputs = signature.output_specs.iter().map(output_spec);
        let signature = Signature {
            inputs: inputs.collect(),
            outputs: outputs.collect(),
        };
        self.graph(graph, "main", signature, 0);
    }

    /// A graph that a higher-order op names; all its inputs and outputs are the op's.
    fn subgraph(
        &mut self,
        graph: &schema::Graph<'_>,
        symbol: &str,
        depth: usize,
    ) -> Result<(), Fault> {
        if depth > MAX_DEPTH {
            return Err(Diagnostic::error(
                "E0131",
                format!("graphs are nested deeper than {MAX_DEPTH}"),
            ));
        }
        let inputs = graph.inputs.iter().enumerate().map(|(index, input)| {
            let name = argument_name(input).map_or_else(|| format!("arg{index}"), str::to_owned);
            InputSpec {
                constant: constant_of(input),
                ..InputSpec::new(InputKind::UserInput, name)
            }
        });
        let outputs = graph.outputs.iter().map(|output| OutputSpec {
            constant: constant_of(output),
            ..OutputSpec::new(OutputKind::UserOutput)
        });
        let signature = Signature {
            inputs: inputs.collect(),
            outputs: outputs.collect(),
        };
        self.graph(graph, symbol, signature, depth);
        Ok(())
    }

    fn graph(
        &mut self,
        graph: &schema::Graph<'_>,
        symbol: &str,
        mut signature: Signature,
        depth: usize,
    ) {
        let unknown = Location::unknown(self.context);
        let block = Block::new(&[]);
        let mut scope = Scope::default();
        let mut input_types = Vec::new();
        for (input, spec) in graph.inputs.iter().zip(&mut signature.inputs) {
            if spec.constant.is_some() {
                continue;
            }
            let Some(name) = argument_name(input) else {
                self.fault(
                    None,
                    Diagnostic::error(
                        "E0132",
                        format!("input `{}` is neither a value nor a constant", spec.name),
                    ),
                );
                continue;
            };
            match self.value_type(graph, input) {
                Ok((value_type, sym)) => {
                    let r#type = value_type.to_mlir(self.context);
                    spec.sym = sym;
                    input_types.push(r#type);
                    let location = Location::name(self.context, name, unknown);
                    let value = block.add_argument(r#type, location);
                    self.define(&mut scope, name, value);
                }
                Err(fault) => self.fault(None, fault),
            }
        }
        for node in &graph.nodes {
            if let Err(fault) = self.node(graph, node, symbol, &block, &mut scope, depth) {
                self.fault(Some(node), fault);
            }
        }
        let mut returned = Vec::new();
        for (output, spec) in graph.outputs.iter().zip(&mut signature.outputs) {
            if spec.constant.is_some() {
                continue;
            }
            match self.returned_values(graph, output, &scope, spec) {
                Ok(values) => returned.extend(values),
                Err(fault) => self.fault(None, fault),
            }
        }
        let result_types: Vec<Type> = returned.iter().map(|value| value.r#type()).collect();
        let terminator = OperationBuilder::new("func.return", unknown)
            .add_operands(&returned)
            .build();
        let Ok(terminator) = terminator else { return };
        block.append_operation(terminator);
        let region = Region::new();
        region.append_block(block);
        let function_type = program::function_type(self.context, &input_types, &result_types);
        match self.function(
            symbol,
            function_type,
            &signature,
            graph.is_single_tensor_return,
            region,
        ) {
            Ok(function) => {
                self.module.body().append_operation(function);
            }
            Err(fault) => self.fault(None, fault),
        }
    }

    fn function(
        &self,
        symbol: &str,
        function_type: Attribute<'c>,
        signature: &Signature,
        single: bool,
        region: Region<'c>,
    ) -> Result<Operation<'c>, Fault> {
        let attributes = signature.to_attributes(self.context);
        let mut entries = vec![
            ("sym_name", self.string(symbol)),
            ("function_type", function_type),
            ("arg_attrs", attributes.arg_attrs),
            ("res_attrs", attributes.res_attrs),
        ];
        if symbol != "main" {
            entries.push(("sym_visibility", self.string("private")));
            if single {
                entries.push((
                    expc_dialects::ops::attribute::SINGLE,
                    Attribute::unit(self.context),
                ));
            }
        }
        let constants = [
            (
                program::attribute::CONSTANT_INPUTS,
                attributes.constant_inputs,
            ),
            (
                program::attribute::CONSTANT_OUTPUTS,
                attributes.constant_outputs,
            ),
        ];
        entries.extend(
            constants
                .into_iter()
                .filter_map(|(name, value)| Some((name, value?))),
        );
        let entries: Vec<_> = entries
            .into_iter()
            .map(|(name, value)| (Identifier::new(self.context, name), value))
            .collect();
        OperationBuilder::new("func.func", Location::unknown(self.context))
            .add_attributes(&entries)
            .add_regions([region])
            .build()
            .map_err(|_| {
                Diagnostic::error("E0133", format!("function `@{symbol}` cannot be built"))
            })
    }

    /// The values of an output; 2.3 to 2.6 return lists from sub-graphs in one argument.
    fn returned_values<'f, 'a>(
        &mut self,
        graph: &schema::Graph<'f>,
        output: &schema::Argument<'f>,
        scope: &Scope<'_, 'c, 'a>,
        spec: &mut OutputSpec,
    ) -> Result<Vec<Value<'c, 'a>>, Fault> {
        if let schema::Argument::Tensors(names) = output {
            return names
                .iter()
                .map(|name| lookup(scope, name.as_str()))
                .collect();
        }
        if argument_name(output).is_some() {
            spec.sym = self.value_type(graph, output)?.1;
        }
        let argument = self.argument(output, scope)?;
        argument.as_value().map(|value| vec![value]).ok_or_else(|| {
            Diagnostic::error(
                "E0134",
                format!("an output of kind `{}` is not understood", output.tag()),
            )
        })
    }

    fn node<'f, 'b>(
        &mut self,
        graph: &'f schema::Graph<'_>,
        node: &'f schema::Node<'_>,
        symbol: &str,
        block: &'b Block<'c>,
        scope: &mut Scope<'f, 'c, 'b>,
        depth: usize,
    ) -> Result<(), Fault> {
        let name = operation_name(node.target.as_str())?;
        let mut arguments = Vec::with_capacity(node.inputs.len());
        for input in &node.inputs {
            let value = match &input.arg {
                schema::Argument::Graph(nested) => {
                    let path = match symbol {
                        "main" => nested.name.as_str().to_owned(),
                        parent => format!("{parent}.{}", nested.name.as_str()),
                    };
                    self.subgraph(&nested.graph, &path, depth + 1)?;
                    Argument::Constant(Constant::Graph(path))
                }
                argument => self.argument(argument, scope)?,
            };
            arguments.push(GivenArgument {
                name: input.name.as_str().to_owned(),
                value,
                by_keyword: input.kind == Some(schema::ArgumentKind::Keyword),
            });
        }
        if table::lookup(&name).is_none() {
            // Without a schema, only arguments by keyword have names.
            for argument in arguments.iter_mut().filter(|argument| !argument.by_keyword) {
                argument.name.clear();
            }
        }
        let results = self.results(graph, node)?;
        let location = node_metadata(node).to_location(self.context);
        let names: Vec<String> = results
            .iter()
            .map(|result| result.name.to_owned())
            .collect();
        let syms: Vec<String> = results
            .iter()
            .filter_map(|result| result.sym.clone())
            .collect();
        let mut builder = OpBuilder::new(self.context, &name, location)
            .arguments(arguments)
            .results(result_specs(node, &results, name.starts_with("hop.")))
            .symbolic_results(&syms);
        let is_named_like_node = match names.as_slice() {
            [] => true,
            [name] => node.name.as_ref().is_none_or(|node| node.as_str() == name),
            _ => false,
        };
        if !is_named_like_node {
            builder = builder.result_names(&names);
        }
        if node.is_hop_single_tensor_return == Some(true) {
            builder = builder.single();
        }
        let op = block.append_operation(builder.build()?);
        for (index, result) in results.iter().enumerate() {
            if let Ok(value) = op.result(index)
                && !result.name.is_empty()
            {
                self.define(scope, result.name, value.into());
            }
        }
        AtenOp::new(op).arguments().map(|_| ())
    }

    fn define<'f, 'a>(
        &mut self,
        scope: &mut Scope<'f, 'c, 'a>,
        name: &'f str,
        value: Value<'c, 'a>,
    ) {
        if scope.insert(name, value).is_some() {
            self.fault(
                None,
                Diagnostic::error("E0135", format!("`{name}` is defined twice")),
            );
        }
    }

    fn results<'f>(
        &mut self,
        graph: &schema::Graph<'f>,
        node: &'f schema::Node<'_>,
    ) -> Result<Vec<NodeResult<'f, 'c>>, Fault> {
        let mut results = Vec::new();
        for output in &node.outputs {
            match output {
                schema::Argument::Tensors(names) => {
                    for name in names {
                        results.push(self.tensor_result(graph, name.as_str())?);
                    }
                }
                schema::Argument::OptionalTensors(names) => {
                    for name in names {
                        results.push(match name {
                            Some(name) => self.tensor_result(graph, name.as_str())?,
                            None => self.none_result(),
                        });
                    }
                }
                schema::Argument::None | schema::Argument::OptionalTensor(None) => {
                    results.push(self.none_result());
                }
                output => {
                    let name = argument_name(output).ok_or_else(|| {
                        Diagnostic::error(
                            "E0136",
                            format!("a result of kind `{}` is not understood", output.tag()),
                        )
                    })?;
                    let (value_type, sym) = self.value_type(graph, output)?;
                    results.push(NodeResult {
                        name,
                        r#type: value_type.to_mlir(self.context),
                        sym,
                    });
                }
            }
        }
        Ok(results)
    }

    fn none_result<'f>(&self) -> NodeResult<'f, 'c> {
        NodeResult {
            name: "",
            r#type: Type::none(self.context),
            sym: None,
        }
    }

    fn tensor_result<'f>(
        &mut self,
        graph: &schema::Graph<'_>,
        name: &'f str,
    ) -> Result<NodeResult<'f, 'c>, Fault> {
        let meta = self.tensor_meta(graph, name)?;
        Ok(NodeResult {
            name,
            r#type: meta.to_mlir(self.context),
            sym: None,
        })
    }

    /// The type of a named value and, for a symbolic scalar, its expression.
    fn value_type(
        &mut self,
        graph: &schema::Graph<'_>,
        argument: &schema::Argument<'_>,
    ) -> Result<(ValueType, Option<String>), Fault> {
        use schema::Argument as A;
        let undefined =
            |name: &str| Diagnostic::error("E0137", format!("the file gives no type for `{name}`"));
        Ok(match argument {
            A::Tensor(name) | A::OptionalTensor(Some(name)) => (
                ValueType::Tensor(self.tensor_meta(graph, name.as_str())?),
                None,
            ),
            A::SymInt(SymArgument::Name(name)) => {
                let sym = graph
                    .sym_int_values
                    .get(name)
                    .ok_or_else(|| undefined(name.as_str()))?;
                (ValueType::SymInt, Some(self.sym_text(sym)?))
            }
            A::SymFloat(SymArgument::Name(name)) => {
                let sym = graph
                    .sym_float_values
                    .get(name)
                    .ok_or_else(|| undefined(name.as_str()))?;
                (ValueType::SymFloat, Some(self.sym_text(sym)?))
            }
            A::SymBool(SymArgument::Name(name)) => {
                let sym = graph
                    .sym_bool_values
                    .get(name)
                    .ok_or_else(|| undefined(name.as_str()))?;
                (ValueType::SymBool, Some(self.sym_text(sym)?))
            }
            A::CustomObj(object) => (
                ValueType::Object(object.class_fqn.as_str().to_owned()),
                None,
            ),
            other => {
                return Err(Diagnostic::error(
                    "E0138",
                    format!("a value of kind `{}` has no type", other.tag()),
                ));
            }
        })
    }

    fn tensor_meta(&mut self, graph: &schema::Graph<'_>, name: &str) -> Result<TensorMeta, Fault> {
        let meta = graph.tensor_values.get(name).ok_or_else(|| {
            Diagnostic::error("E0137", format!("the file gives no type for `{name}`"))
        })?;
        let dtype = ScalarType::from_torch_name(meta.dtype.name()).ok_or_else(|| {
            Diagnostic::error(
                "E0139",
                format!("`{name}` has the dtype `{}`", meta.dtype.name()),
            )
        })?;
        let dims = |lowering: &mut Self, dims: &[schema::SymInt<'_>]| {
            dims.iter()
                .map(|dim| lowering.dim(dim))
                .collect::<Result<Vec<_>, _>>()
        };
        let sizes = dims(self, &meta.sizes)?;
        let strides = dims(self, &meta.strides)?;
        let is_strided = meta.layout == schema::Layout::Strided;
        let strides = match is_strided && !self.expressions.is_contiguous(&sizes, &strides) {
            true => Some(strides),
            false => None,
        };
        Ok(TensorMeta {
            sizes: Some(sizes),
            strides,
            storage_offset: self.dim(&meta.storage_offset)?,
            device: meta.device.to_string(),
            layout: meta.layout.name().to_owned(),
            requires_grad: meta.requires_grad,
            ..TensorMeta::new(dtype, None)
        })
    }

    fn dim(&mut self, dim: &schema::SymInt<'_>) -> Result<Dim, Fault> {
        match dim {
            Sym::Value(value) => Ok(Dim::Static(*value)),
            Sym::Expr(expr) => self.expressions.dim(expr),
        }
    }

    fn sym_text<T: Copy + PythonText>(&mut self, sym: &Sym<'_, T>) -> Result<String, Fault> {
        match sym {
            Sym::Value(value) => Ok(value.python_text()),
            Sym::Expr(expr) => self.expressions.text(expr),
        }
    }

    fn argument<'a>(
        &mut self,
        argument: &schema::Argument<'_>,
        scope: &Scope<'_, 'c, 'a>,
    ) -> Result<Argument<'c, 'a>, Fault> {
        use schema::Argument as A;
        if let Some(constant) = constant_of(argument) {
            return Ok(Argument::Constant(constant));
        }
        let value = |name: &schema::Str<'_>| lookup(scope, name.as_str()).map(Argument::Value);
        Ok(match argument {
            A::Tensor(name) | A::OptionalTensor(Some(name)) => value(name)?,
            A::CustomObj(object) => value(&object.name)?,
            A::Tensors(names) => {
                Argument::from(names.iter().map(value).collect::<Result<Vec<_>, _>>()?)
            }
            A::OptionalTensors(names) => Argument::from(
                names
                    .iter()
                    .map(|name| match name {
                        Some(name) => value(name),
                        None => Ok(Argument::Constant(Constant::None)),
                    })
                    .collect::<Result<Vec<_>, _>>()?,
            ),
            A::NestedTensors(lists) => Argument::from(
                lists
                    .iter()
                    .map(|names| {
                        Ok(Argument::from(names.iter().map(value).collect::<Result<
                            Vec<_>,
                            Fault,
                        >>(
                        )?))
                    })
                    .collect::<Result<Vec<_>, Fault>>()?,
            ),
            A::SymInt(SymArgument::Name(name))
            | A::SymFloat(SymArgument::Name(name))
            | A::SymBool(SymArgument::Name(name)) => value(name)?,
            A::SymInts(elements) => sym_list(elements, scope, Constant::Int)?,
            A::SymFloats(elements) => sym_list(elements, scope, Constant::Float)?,
            A::SymBools(elements) => sym_list(elements, scope, Constant::Bool)?,
            A::StringToArgument(entries) => {
                let entries = entries
                    .iter()
                    .map(|(key, entry)| Ok((key.as_str().to_owned(), self.argument(entry, scope)?)))
                    .collect::<Result<Vec<_>, Fault>>()?;
                dict(entries)
            }
            other => {
                return Err(Diagnostic::error(
                    "E0140",
                    format!("an argument of kind `{}` cannot stand here", other.tag()),
                ));
            }
        })
    }

    fn module_attributes(&mut self, program: &schema::ExportedProgram<'_>) {
        let ranges = self.ranges(program);
        let symbols = self
            .expressions
            .symbols()
            .iter()
            .map(|symbol: &Symbol| symbol.to_attribute(self.context));
        let symbols: Vec<_> = symbols.collect();
        let module_calls: Vec<Attribute> = program
            .graph_module
            .module_call_graph
            .iter()
            .map(|entry| {
                string_array(
                    self.context,
                    [entry.fqn.as_str(), entry.signature_json.unwrap_or_default()],
                )
            })
            .collect();
        let guards = program.guards_code.iter().map(schema::Str::as_str);
        let mut attributes = vec![
            (
                program::attribute::PROGRAM,
                provenance(program).to_attribute(self.context),
            ),
            (
                program::attribute::MODULE_CALL_GRAPH,
                ArrayAttribute::new(self.context, &module_calls).into(),
            ),
        ];
        if !symbols.is_empty() {
            attributes.push((
                program::attribute::SYMBOLS,
                ArrayAttribute::new(self.context, &symbols).into(),
            ));
        }
        if !ranges.is_empty() {
            attributes.push((
                program::attribute::RANGES,
                Constant::List(ranges).to_attribute(self.context),
            ));
        }
        if !program.guards_code.is_empty() {
            attributes.push((
                program::attribute::GUARDS,
                string_array(self.context, guards),
            ));
        }
        let fields = &program.graph_module.treespec_namedtuple_fields;
        if !fields.is_empty() {
            let fields: serde_json::Map<String, serde_json::Value> = fields
                .iter()
                .map(|(name, def)| {
                    let names: Vec<&str> =
                        def.field_names.iter().map(schema::Str::as_str).collect();
                    (
                        name.as_str().to_owned(),
                        serde_json::json!({ "field_names": names }),
                    )
                })
                .collect();
            let text = serde_json::Value::Object(fields).to_string();
            attributes.push((program::attribute::NAMEDTUPLES, self.string(&text)));
        }
        expc_dialects::mlir::set_module_attributes(self.module, &attributes);
    }

    fn ranges(&mut self, program: &schema::ExportedProgram<'_>) -> Vec<Constant> {
        let mut ranges = Vec::new();
        for (text, range) in &program.range_constraints {
            match self.expressions.parse(text.as_str()) {
                Ok(expression) => ranges.push(
                    Range {
                        expression,
                        min: range.min_val,
                        max: range.max_val,
                    }
                    .to_constant(),
                ),
                Err(fault) => self.fault(None, fault),
            }
        }
        ranges
    }

    fn string(&self, text: &str) -> Attribute<'c> {
        StringAttribute::new(self.context, text).into()
    }

    fn fault(&mut self, node: Option<&schema::Node<'_>>, mut fault: Fault) {
        if let (Some(node), None) = (node, &fault.place.node) {
            let metadata = node_metadata(node);
            fault.place = Place {
                node: metadata.name.clone(),
                module: metadata.module_path(),
                python: metadata.innermost_frame(),
                ..fault.place
            };
        }
        self.diagnostics.push(fault);
    }
}

/// A result of a node: FX name (empty where the result is None), type, expression.
struct NodeResult<'f, 'c> {
    name: &'f str,
    r#type: Type<'c>,
    sym: Option<String>,
}

/// Results as the schema groups them; those of higher-order ops are always flat.
fn result_specs<'c>(
    node: &schema::Node<'_>,
    results: &[NodeResult<'_, 'c>],
    flat: bool,
) -> Vec<ResultSpec<'c>> {
    let mut types = results.iter().map(|result| result.r#type);
    let mut specs = Vec::new();
    for output in &node.outputs {
        let list_length = match output {
            schema::Argument::Tensors(names) => Some(names.len()),
            schema::Argument::OptionalTensors(names) => Some(names.len()),
            _ => None,
        };
        match list_length {
            Some(length) if !flat => {
                specs.push(ResultSpec::List(types.by_ref().take(length).collect()))
            }
            length => specs.extend(
                types
                    .by_ref()
                    .take(length.unwrap_or(1))
                    .map(ResultSpec::Single),
            ),
        }
    }
    specs
}

/// The IR name of a node's target.
fn operation_name(target: &str) -> Result<String, Fault> {
    if let Some(op) = target.strip_prefix("torch.ops.") {
        if let Some(hop) = op.strip_prefix("higher_order.") {
            return Ok(format!("hop.{hop}"));
        }
        let mut parts = op.splitn(3, '.');
        let well_formed =
            parts.by_ref().take(2).all(is_identifier) && parts.next().is_some_and(is_identifier);
        if !well_formed {
            return Err(Diagnostic::error(
                "E0141",
                format!("`{target}` is no operator name"),
            ));
        }
        let namespace = op.split('.').next().unwrap_or_default();
        if table::lookup(op).is_none() && table::namespaces().contains(&namespace) {
            return Err(unknown_operator(op));
        }
        return Ok(op.to_owned());
    }
    table::sym_by_target(target)
        .map(|row| row.name.to_owned())
        .ok_or_else(|| {
            Diagnostic::error(
                "E0142",
                format!("expc does not know the function `{target}`"),
            )
        })
}

fn is_identifier(part: &str) -> bool {
    !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

fn unknown_operator(op: &str) -> Fault {
    let fault = Diagnostic::error("E0143", format!("there is no operator `{op}`"));
    match table::suggest(op).as_slice() {
        [] => fault,
        near => fault.help(format!("did you mean `{}`?", near.join("`, `"))),
    }
}

fn node_metadata(node: &schema::Node<'_>) -> Metadata {
    let name = node
        .name
        .as_ref()
        .map(|name| name.as_str().to_owned())
        .or_else(|| {
            let [output] = node.outputs.as_slice() else {
                return None;
            };
            argument_name(output).map(str::to_owned)
        });
    let mut entries: Vec<(String, String)> = node
        .metadata
        .iter()
        .map(|(key, value)| (key.as_str().to_owned(), value.as_str().to_owned()))
        .collect();
    entries.sort();
    Metadata {
        name,
        entries,
        text_position: None,
    }
}

fn lookup<'c, 'a>(scope: &Scope<'_, 'c, 'a>, name: &str) -> Result<Value<'c, 'a>, Fault> {
    scope
        .get(name)
        .copied()
        .ok_or_else(|| Diagnostic::error("E0144", format!("`{name}` is used before it is defined")))
}

/// The name of an argument that is a value of the graph.
fn argument_name<'f>(argument: &'f schema::Argument<'_>) -> Option<&'f str> {
    use schema::Argument as A;
    match argument {
        A::Tensor(name) | A::OptionalTensor(Some(name)) => Some(name.as_str()),
        A::SymInt(SymArgument::Name(name))
        | A::SymFloat(SymArgument::Name(name))
        | A::SymBool(SymArgument::Name(name)) => Some(name.as_str()),
        A::CustomObj(object) => Some(object.name.as_str()),
        _ => None,
    }
}

/// The constant that an argument is, if it holds no value of the graph.
fn constant_of(argument: &schema::Argument<'_>) -> Option<Constant> {
    use schema::Argument as A;
    Some(match argument {
        A::None | A::OptionalTensor(None) => Constant::None,
        A::Int(value) | A::SymInt(SymArgument::Value(value)) => Constant::Int(*value),
        A::Float(value) | A::SymFloat(SymArgument::Value(value)) => Constant::Float(*value),
        A::Bool(value) | A::SymBool(SymArgument::Value(value)) => Constant::Bool(*value),
        A::Complex(value) => Constant::Complex(value.real, value.imag),
        A::String(text) => Constant::Str(text.as_str().to_owned()),
        A::Ints(values) => Constant::Ints(values.clone()),
        A::Floats(values) => Constant::Floats(values.clone()),
        A::Bools(values) => Constant::Bools(values.clone()),
        A::Strings(texts) => Constant::List(
            texts
                .iter()
                .map(|text| Constant::Str(text.as_str().to_owned()))
                .collect(),
        ),
        A::IntLists(lists) => Constant::List(lists.iter().cloned().map(Constant::Ints).collect()),
        A::FloatLists(lists) => {
            Constant::List(lists.iter().cloned().map(Constant::Floats).collect())
        }
        A::ScalarType(dtype) => Constant::Dtype(ScalarType::from_torch_name(dtype.name())?),
        A::MemoryFormat(format) => Constant::MemoryFormat(format.name().to_owned()),
        A::Layout(layout) => Constant::Layout(layout.name().to_owned()),
        A::Device(device) => Constant::Device(device.to_string()),
        A::Operator(target) => Constant::Operator(target.as_str().to_owned()),
        _ => return None,
    })
}

fn sym_list<'c, 'a, T: Copy>(
    elements: &[SymArgument<'_, T>],
    scope: &Scope<'_, 'c, 'a>,
    constant: impl Fn(T) -> Constant,
) -> Result<Argument<'c, 'a>, Fault> {
    let elements = elements
        .iter()
        .map(|element| match element {
            SymArgument::Name(name) => lookup(scope, name.as_str()).map(Argument::Value),
            SymArgument::Value(value) => Ok(Argument::Constant(constant(*value))),
        })
        .collect::<Result<Vec<_>, _>>()?;
    Ok(Argument::from(elements))
}

fn dict<'c, 'a>(entries: Vec<(String, Argument<'c, 'a>)>) -> Argument<'c, 'a> {
    let constants: Option<Vec<(String, Constant)>> = entries
        .iter()
        .map(|(key, entry)| Some((key.clone(), entry.as_constant()?.clone())))
        .collect();
    match constants {
        Some(mut constants) => {
            constants.sort_by(|left, right| left.0.cmp(&right.0));
            Argument::Constant(Constant::Dict(constants))
        }
        None => {
            let mut entries = entries;
            entries.sort_by(|left, right| left.0.cmp(&right.0));
            Argument::Dict(entries)
        }
    }
}

fn input_spec(spec: &schema::InputSpec<'_>, input: &schema::Argument<'_>) -> InputSpec {
    use schema::InputSpec as S;
    let name = argument_name(input).unwrap_or_default();
    let named = |kind| InputSpec {
        target: spec.target().map(|target| target.as_str().to_owned()),
        ..InputSpec::new(kind, name)
    };
    match spec {
        S::UserInput { .. } => named(InputKind::UserInput),
        S::Parameter { .. } => named(InputKind::Parameter),
        S::Buffer { persistent, .. } => InputSpec {
            persistent: Some(*persistent),
            ..named(InputKind::Buffer)
        },
        S::TensorConstant { .. } => named(InputKind::ConstantTensor),
        S::CustomObj { .. } => named(InputKind::CustomObj),
        S::Token { .. } => named(InputKind::Token),
        S::ConstantInput { name, value } => InputSpec {
            constant: Some(match value {
                schema::ConstantValue::None => Constant::None,
                schema::ConstantValue::Int(value) => Constant::Int(*value),
                schema::ConstantValue::Float(value) => Constant::Float(*value),
                schema::ConstantValue::String(text) => Constant::Str(text.as_str().to_owned()),
                schema::ConstantValue::Bool(value) => Constant::Bool(*value),
            }),
            ..InputSpec::new(InputKind::UserInput, name.as_str())
        },
    }
}

fn output_spec(spec: &schema::OutputSpec<'_>) -> OutputSpec {
    use schema::OutputSpec as S;
    let kind = match spec {
        S::UserOutput { .. } => OutputKind::UserOutput,
        S::LossOutput { .. } => OutputKind::LossOutput,
        S::BufferMutation { .. } => OutputKind::BufferMutation,
        S::ParameterMutation { .. } => OutputKind::ParameterMutation,
        S::UserInputMutation { .. } => OutputKind::UserInputMutation,
        S::GradientToParameter { .. } => OutputKind::GradientToParameter,
        S::GradientToUserInput { .. } => OutputKind::GradientToUserInput,
        S::Token { .. } => OutputKind::Token,
    };
    OutputSpec {
        target: spec.target().map(|target| target.as_str().to_owned()),
        constant: match spec {
            S::UserOutput { arg } => constant_of(arg),
            _ => None,
        },
        ..OutputSpec::new(kind)
    }
}

fn provenance(program: &schema::ExportedProgram<'_>) -> Constant {
    let version = program.schema_version;
    let opset = program
        .opset_version
        .iter()
        .map(|(name, number)| (name.as_str().to_owned(), Constant::Int(*number)))
        .collect();
    let verifiers = program.verifiers.iter().chain(&program.dialect);
    let mut entries = vec![
        ("opset".to_owned(), Constant::Dict(opset)),
        (
            "schema".to_owned(),
            Constant::Ints(vec![version.major, version.minor]),
        ),
        (
            "verifiers".to_owned(),
            Constant::List(
                verifiers
                    .map(|name| Constant::Str(name.as_str().to_owned()))
                    .collect(),
            ),
        ),
    ];
    if let Some(torch) = &program.torch_version {
        entries.push(("torch".to_owned(), Constant::Str(torch.as_str().to_owned())));
    }
    Constant::Dict(entries)
}

/// How Python prints a scalar.
trait PythonText {
    fn python_text(self) -> String;
}

impl PythonText for i64 {
    fn python_text(self) -> String {
        self.to_string()
    }
}

impl PythonText for bool {
    fn python_text(self) -> String {
        if self { "True" } else { "False" }.to_owned()
    }
}

impl PythonText for f64 {
    fn python_text(self) -> String {
        format!("{self:?}")
    }
}
