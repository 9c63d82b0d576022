//! From a traced program to a module of the dialect, and to what can be printed, written and run.

use std::path::Path;

use expc_dialects::{
    Argument, Constant, Diagnostic, GivenArgument, OpBuilder, Program, ResultSpec, Signature,
    constant::string_array, location::Metadata, program, verify::verify,
};
use expc_runtime::weights::Weights;
use melior::{
    Context,
    ir::{
        Attribute, Block, BlockLike, Location, Module, Region, RegionLike, Type, Value, ValueLike,
        attribute::ArrayAttribute,
        operation::{OperationBuilder, OperationLike},
    },
};
use rustc_hash::FxHashMap;

use super::{
    graph::{
        Arg, Builder, CallResult, GraphData, GraphId, Node, Recorded, ValueId, ValueInfo, is_bare,
    },
    pytree,
};
use crate::{
    Diagnostics, ExportedProgram,
    export::pt2::{self, Source},
    export::text::program_text,
    frontend::{Loaded, function::function},
};

/// The version of PyTorch whose form programs are traced in.
const TORCH: &str = "2.11.0";

impl Recorded {
    /// The program as a module of the dialect, verified.
    ///
    /// # Errors
    /// A call that the dialect refuses: arguments that its schema does not have, types that contradict it.
    pub fn module<'c>(&self, context: &'c Context) -> Result<Module<'c>, Diagnostics> {
        let module = Module::new(Location::unknown(context));
        let builder = &*self.program;
        for graph in builder.graphs.iter().rev() {
            Lowering::new(context, builder)
                .graph(graph, &module)
                .map_err(Diagnostics::from)?;
        }
        set_module_attributes(context, &module, builder);
        let found = verify(&Program::new(&module));
        match found.is_empty() {
            true => Ok(module),
            false => Err(Diagnostics::new(found)),
        }
    }

    /// Parameters, buffers and constants by their targets.
    pub fn weights(&self) -> &Weights {
        self.program.weights()
    }

    /// What `print(exported_program)` shows in PyTorch.
    ///
    /// # Errors
    /// As [`Recorded::module`].
    pub fn text(&self) -> Result<String, Diagnostics> {
        let context = expc_dialects::context();
        let module = self.module(&context)?;
        program_text(&Program::new(&module)).map_err(Diagnostics::from)
    }

    /// The program, ready to be put on a device and called.
    ///
    /// # Errors
    /// As [`Recorded::module`], and those of [`ExportedProgram::from_loaded`].
    pub fn program(&self) -> Result<ExportedProgram, Diagnostics> {
        let context = expc_dialects::context();
        let loaded = Loaded {
            module: self.module(&context)?,
            archive: None,
            file: "traced program".to_owned(),
        };
        let mut program = ExportedProgram::from_loaded(&loaded)?;
        for name in self.weights().names() {
            if let Some(weight) = self.weights().get(name) {
                program.weights_mut().insert(name, weight.clone());
            }
        }
        Ok(program)
    }

    /// Writes the program as an archive that `torch.export.load` reads; a failure leaves no file.
    ///
    /// # Errors
    /// As [`Recorded::module`], a weight is missing, or the file cannot be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), Diagnostics> {
        let context = expc_dialects::context();
        let module = self.module(&context)?;
        let source = Source {
            archive: None,
            weights: Some(self.weights()),
            ..Source::default()
        };
        pt2::save(&Program::new(&module), &source, path.as_ref()).map_err(Diagnostics::new)
    }
}

/// The state of lowering one graph.
struct Lowering<'c, 'b> {
    context: &'c Context,
    builder: &'b Builder,
}

type Bound<'c, 'b> = FxHashMap<ValueId, Value<'c, 'b>>;

impl<'c, 'b> Lowering<'c, 'b> {
    fn new(context: &'c Context, builder: &'b Builder) -> Self {
        Self { context, builder }
    }

    fn graph(&self, graph: &GraphData, module: &Module<'c>) -> Result<(), Diagnostic> {
        let block = Block::new(&[]);
        let (input_types, result_types) = self.fill(graph, &block)?;
        let region = Region::new();
        region.append_block(block);
        let signature = Signature {
            inputs: graph
                .placeholders
                .iter()
                .map(|placeholder| placeholder.spec.clone())
                .collect(),
            outputs: graph.outputs.iter().map(|(spec, _)| spec.clone()).collect(),
        };
        let function = function(
            self.context,
            &graph.symbol,
            program::function_type(self.context, &input_types, &result_types),
            &signature,
            graph.is_single,
            region,
        )?;
        // Graphs are lowered from the last to the first, so that the root comes to stand on top.
        module.body().insert_operation(0, function);
        Ok(())
    }

    /// Lowers arguments, calls and the return into a block; gives the types of the function.
    fn fill(
        &self,
        graph: &GraphData,
        block: &Block<'c>,
    ) -> Result<(Vec<Type<'c>>, Vec<Type<'c>>), Diagnostic> {
        let mut bound = Bound::default();
        let mut input_types = Vec::new();
        for placeholder in &graph.placeholders {
            let Some(id) = placeholder.value else {
                continue;
            };
            let Some(info) = self.builder.info(id) else {
                continue;
            };
            let r#type = info.value_type.to_mlir(self.context);
            let unknown = Location::unknown(self.context);
            let location = Location::name(self.context, &placeholder.spec.name, unknown);
            bound.insert(id, block.add_argument(r#type, location));
            input_types.push(r#type);
        }
        for node in &graph.nodes {
            self.node(node, block, &mut bound)?;
        }
        let mut returned = Vec::new();
        for (_, output) in &graph.outputs {
            match output {
                Arg::Value(id) => returned.push(self.value(*id, &bound)?),
                Arg::Constant(_) => {}
                Arg::List(_) | Arg::Dict(_) | Arg::Graph(_) => {
                    return Err(Diagnostic::error(
                        code::OUTPUT,
                        format!("graph `{}` returns a container", graph.symbol),
                    ));
                }
            }
        }
        let result_types = returned.iter().map(|value| value.r#type()).collect();
        let terminator = OperationBuilder::new("func.return", Location::unknown(self.context))
            .add_operands(&returned)
            .build()
            .map_err(|_| Diagnostic::error("E0133", "a return cannot be built"))?;
        drop(returned);
        block.append_operation(terminator);
        Ok((input_types, result_types))
    }

    fn node<'v>(
        &self,
        node: &Node,
        block: &'v Block<'c>,
        bound: &mut Bound<'c, 'v>,
    ) -> Result<(), Diagnostic> {
        let mut entries = node.call.metadata.clone();
        entries.sort();
        let metadata = Metadata {
            name: Some(node.name.clone()),
            entries,
            text_position: None,
        };
        let location = metadata.to_location(self.context);
        let mut arguments = Vec::with_capacity(node.call.args.len());
        for arg in &node.call.args {
            arguments.push(GivenArgument {
                name: arg.name.clone(),
                value: self
                    .argument(&arg.value, bound)
                    .map_err(|fault| fault.located(location))?,
                by_keyword: arg.by_keyword,
            });
        }
        let infos = |result: &CallResult| match result {
            CallResult::Single(info) => ResultSpec::Single(info.value_type.to_mlir(self.context)),
            CallResult::List(infos) => {
                let types = infos
                    .iter()
                    .map(|info| info.value_type.to_mlir(self.context));
                ResultSpec::List(types.collect())
            }
        };
        let mut builder = OpBuilder::new(self.context, &node.call.op, location)
            .arguments(arguments)
            .results(node.call.results.iter().map(infos))
            .symbolic_results(&syms(&node.call.results));
        if !is_bare(&node.call) && !node.result_names.is_empty() {
            builder = builder.result_names(&node.result_names);
        }
        let op = block.append_operation(builder.build()?);
        let ids = node.results.iter().flatten();
        for (id, result) in ids.zip(op.results()) {
            bound.insert(*id, result.into());
        }
        Ok(())
    }

    fn argument<'v>(
        &self,
        arg: &Arg,
        bound: &Bound<'c, 'v>,
    ) -> Result<Argument<'c, 'v>, Diagnostic> {
        Ok(match arg {
            Arg::Value(id) => Argument::Value(self.value(*id, bound)?),
            Arg::Constant(constant) => Argument::Constant(constant.clone()),
            Arg::Graph(graph) => Argument::Constant(Constant::Graph(self.symbol(*graph))),
            Arg::List(elements) => elements
                .iter()
                .map(|element| self.argument(element, bound))
                .collect::<Result<Vec<_>, _>>()?
                .into(),
            Arg::Dict(entries) => self.dictionary(entries, bound)?,
        })
    }

    fn dictionary<'v>(
        &self,
        entries: &[(String, Arg)],
        bound: &Bound<'c, 'v>,
    ) -> Result<Argument<'c, 'v>, Diagnostic> {
        let mut sorted = entries
            .iter()
            .map(|(key, element)| Ok((key.clone(), self.argument(element, bound)?)))
            .collect::<Result<Vec<_>, Diagnostic>>()?;
        sorted.sort_by(|(left, _), (right, _)| left.cmp(right));
        let constants: Option<Vec<_>> = sorted
            .iter()
            .map(|(key, element)| Some((key.clone(), element.as_constant()?.clone())))
            .collect();
        Ok(match constants {
            Some(constants) => Argument::Constant(Constant::Dict(constants)),
            None => Argument::Dict(sorted),
        })
    }

    fn symbol(&self, graph: GraphId) -> String {
        let graph = self.builder.graphs.get(graph.0);
        graph.map(|graph| graph.symbol.clone()).unwrap_or_default()
    }

    fn value<'v>(&self, id: ValueId, bound: &Bound<'c, 'v>) -> Result<Value<'c, 'v>, Diagnostic> {
        bound.get(&id).copied().ok_or_else(|| {
            Diagnostic::error(
                code::FOREIGN_VALUE,
                format!(
                    "`{}` is used in a graph that it does not belong to",
                    self.builder.name(id)
                ),
            )
        })
    }
}

/// Codes of the diagnostics of tracing.
pub mod code {
    /// A value of another graph, or of another trace.
    pub const FOREIGN_VALUE: &str = "E0190";
    /// An output that no graph can have.
    pub const OUTPUT: &str = "E0191";
    /// A branch on a number that only data decide.
    pub const DATA_DEPENDENT: &str = "E0192";
    /// An op that cannot be called so.
    pub const CALL: &str = "E0193";
    /// Branches or bodies of a higher-order op that do not fit.
    pub const CONTROL: &str = "E0194";
    /// An input that is not there, or of another kind.
    pub const INPUT: &str = "E0195";
    /// Sizes that are not what their specs say.
    pub const CONSTRAINT: &str = "E0196";
    /// A spec that does not fit the inputs.
    pub const SPEC: &str = "E0197";
    /// What exported programs have no form for.
    pub const UNSUPPORTED: &str = "E0198";
}

/// The expressions of scalar results.
fn syms(results: &[CallResult]) -> Vec<String> {
    let infos = results.iter().flat_map(|result| match result {
        CallResult::Single(info) => std::slice::from_ref(info),
        CallResult::List(infos) => infos.as_slice(),
    });
    let scalar = |info: &ValueInfo| {
        info.is_symbolic_scalar()
            .then(|| info.sym.clone().unwrap_or_default())
    };
    let found: Vec<String> = infos.filter_map(scalar).collect();
    match found.iter().all(String::is_empty) {
        true => Vec::new(),
        false => found,
    }
}

fn set_module_attributes<'c>(context: &'c Context, module: &Module<'c>, builder: &Builder) {
    let array = |elements: Vec<Attribute<'c>>| -> Attribute<'c> {
        ArrayAttribute::new(context, &elements).into()
    };
    let mut attributes = vec![
        (
            program::attribute::PROGRAM,
            provenance().to_attribute(context),
        ),
        (
            program::attribute::MODULE_CALL_GRAPH,
            array(module_calls(context, builder)),
        ),
    ];
    let sizes = &builder.sizes;
    if !sizes.symbols.is_empty() {
        let symbols = sizes.symbols.iter();
        let symbols = symbols.map(|symbol| symbol.to_attribute(context)).collect();
        attributes.push((program::attribute::SYMBOLS, array(symbols)));
    }
    if !sizes.ranges.is_empty() {
        let ranges = sizes
            .ranges
            .iter()
            .map(program::Range::to_constant)
            .collect();
        let ranges = Constant::List(ranges).to_attribute(context);
        attributes.push((program::attribute::RANGES, ranges));
    }
    if !sizes.guards.is_empty() {
        let guards = string_array(context, &sizes.guards);
        attributes.push((program::attribute::GUARDS, guards));
    }
    expc_dialects::mlir::set_module_attributes(module, &attributes);
}

fn provenance() -> Constant {
    let opset = vec![("aten".to_owned(), Constant::Int(10))];
    Constant::Dict(vec![
        ("opset".to_owned(), Constant::Dict(opset)),
        ("schema".to_owned(), Constant::Ints(vec![8, 17])),
        ("torch".to_owned(), Constant::Str(TORCH.to_owned())),
        (
            "verifiers".to_owned(),
            Constant::List(vec![Constant::Str("TRAINING".to_owned())]),
        ),
    ])
}

/// The root with its pytrees, and the submodules that were called.
fn module_calls<'c>(context: &'c Context, builder: &Builder) -> Vec<Attribute<'c>> {
    let calling = &builder.calling;
    let signature = match (&calling.inputs, &calling.outputs) {
        (Some(inputs), Some(outputs)) => serde_json::json!({
            "inputs": [],
            "outputs": [],
            "in_spec": pytree::text(inputs),
            "out_spec": pytree::text(outputs),
            "forward_arg_names": calling.arg_names,
        })
        .to_string(),
        _ => String::new(),
    };
    let root = string_array(context, ["", signature.as_str()]);
    let modules = calling.modules.iter();
    std::iter::once(root)
        .chain(modules.map(|path| string_array(context, [path.as_str(), ""])))
        .collect()
}
