//! From the file's structs to a module of the dialect.
//!
//! The form of the result is described in `ARCHITECTURE.md`. Nothing is interpreted here: an argument that
//! the file gives is an argument in the IR, whether or not it equals the schema's default. Faults are
//! collected; lowering goes on at the next node where it can.

use expc_dialects::{
    Argument, AtenOp, Constant, Diagnostic, Dim, GivenArgument, InputKind, InputSpec, OpBuilder,
    OutputKind, OutputSpec, Place, ResultSpec, ScalarType, Signature, TensorMeta, ValueType,
    location::Metadata, program, table,
};
use expc_pt2::{self as schema, Sym, SymArgument};
use melior::{
    Context,
    ir::{
        Attribute, Block, BlockLike, Location, Module, Region, RegionLike, Type, Value, ValueLike,
        attribute::StringAttribute, operation::OperationBuilder,
    },
};
use rustc_hash::FxHashMap;

use super::{
    super::{function::function, operands::spread_operands},
    arguments::{argument_name, constant_of, lookup, lower_argument},
    header::{input_spec, output_spec},
    symbols::Expressions,
};

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
        graphs: FxHashMap::default(),
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

pub(super) struct Lowering<'p, 'c, 'm> {
    pub(super) context: &'c Context,
    pub(super) module: &'m Module<'c>,
    pub(super) expressions: Expressions,
    /// The sub-graphs by their symbols: a file has a graph once for every call of it.
    graphs: FxHashMap<String, &'p schema::Graph<'p>>,
    diagnostics: Vec<Diagnostic>,
}

/// The values of a graph by name.
pub(super) type Scope<'f, 'c, 'a> = FxHashMap<&'f str, Value<'c, 'a>>;

/// A fault inside a node; the caller knows the node.
pub(super) type Fault = Diagnostic;

impl<'p, 'c> Lowering<'p, 'c, '_> {
    fn root(&mut self, program: &'p schema::ExportedProgram<'p>) {
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

    /// The symbol of a graph that a higher-order op names. Calls of equal graphs share one; a graph that differs
    /// from another of its path gets a number.
    fn called_graph(
        &mut self,
        graph: &'p schema::Graph<'p>,
        path: &str,
        depth: usize,
    ) -> Result<String, Fault> {
        let mut symbol = path.to_owned();
        for number in 1_usize.. {
            match self.graphs.get(&symbol) {
                Some(known) if *known == graph => return Ok(symbol),
                Some(_) => symbol = format!("{path}_{number}"),
                None => break,
            }
        }
        self.graphs.insert(symbol.clone(), graph);
        self.subgraph(graph, &symbol, depth)?;
        Ok(symbol)
    }

    /// Lowers a graph that a higher-order op names; all its inputs and outputs are the op's.
    fn subgraph(
        &mut self,
        graph: &'p schema::Graph<'p>,
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
        graph: &'p schema::Graph<'p>,
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
        match function(
            self.context,
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
        let argument = lower_argument(output, scope)?;
        argument.as_value().map(|value| vec![value]).ok_or_else(|| {
            Diagnostic::error(
                "E0134",
                format!("an output of kind `{}` is not understood", output.tag()),
            )
        })
    }

    fn node<'b>(
        &mut self,
        graph: &'p schema::Graph<'p>,
        node: &'p schema::Node<'p>,
        symbol: &str,
        block: &'b Block<'c>,
        scope: &mut Scope<'p, 'c, 'b>,
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
                    let symbol = self.called_graph(&nested.graph, &path, depth + 1)?;
                    Argument::Constant(Constant::Graph(symbol))
                }
                argument => lower_argument(argument, scope)?,
            };
            arguments.push(GivenArgument {
                name: input.name.as_str().to_owned(),
                value,
                by_keyword: input.kind == Some(schema::ArgumentKind::Keyword),
            });
        }
        spread_operands(&name, &mut arguments);
        let mut parameters = Vec::new();
        if table::lookup(&name).is_none() {
            // Without a schema, only arguments by keyword have names.
            for argument in arguments.iter_mut().filter(|argument| !argument.by_keyword) {
                parameters.push(std::mem::take(&mut argument.name));
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
        let is_custom = node.target.starts_with("torch.ops.") && !name.starts_with("hop.");
        if is_custom && parameters.iter().any(|name| !name.is_empty()) {
            builder = builder.parameters(&parameters);
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

    pub(super) fn string(&self, text: &str) -> Attribute<'c> {
        StringAttribute::new(self.context, text).into()
    }

    pub(super) fn fault(&mut self, node: Option<&schema::Node<'_>>, mut fault: Fault) {
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
///
/// # Errors
/// The text is no operator's name (E0141), or no function (E0142) or operator (E0143) is called so.
pub fn operation_name(target: &str) -> Result<String, Fault> {
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
