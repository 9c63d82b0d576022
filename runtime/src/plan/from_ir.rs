//! From a module of the dialect to a [`Plan`].
//!
//! Each value gets a slot, each op a step; nothing is optimized here.

use expc_dialects::{
    Argument, AtenOp, Constant, Diagnostic, InputKind as IrInputKind, OutputKind as IrOutputKind,
    Program, ResultGroup, ValueType, mlir, table,
};
use melior::ir::{Value, ValueLike, operation::OperationLike};
use rustc_hash::FxHashMap;

use super::{
    Action, Arg, Graph, GraphId, Input, InputKind, InputSpec, Origin, Output, OutputKind, Plan,
    PlanParts, Range, Signature, Slot, Step, SymFunction,
};
use crate::error::code;

/// The plan of a verified program.
///
/// `input_paths` says how callers name the user inputs, `batch['ids'][0]`, constants included, in the order of the
/// signature; where it is too short, the placeholder's name serves.
///
/// # Errors
/// What the verifier would have refused, and symbolic functions that the runtime does not know.
pub fn plan(program: &Program<'_, '_>, input_paths: &[String]) -> Result<Plan, Vec<Diagnostic>> {
    let one = |diagnostic| vec![diagnostic];
    let root = program.root().map_err(one)?;
    let mut graphs = program.graphs();
    graphs.sort_by_key(|graph| graph.symbol() != root.symbol());
    let ids = (0..)
        .zip(&graphs)
        .map(|(id, graph)| (graph.symbol(), id))
        .collect();
    let mut parts = PlanParts::default();
    let mut found = Vec::new();
    for graph in &graphs {
        match GraphLowering::new(&ids).run(graph) {
            Ok(graph) => parts.graphs.push(graph),
            Err(diagnostic) => found.push(diagnostic),
        }
    }
    match signature(program, &root, input_paths) {
        Ok(signature) => parts.signature = signature,
        Err(diagnostic) => found.push(diagnostic),
    }
    if !found.is_empty() {
        return Err(found);
    }
    Plan::new(parts).map_err(|error| vec![Diagnostic::error(code::PLAN, error.to_string())])
}

struct GraphLowering<'i> {
    graphs: &'i FxHashMap<String, GraphId>,
    slots: FxHashMap<usize, Slot>,
    next: Slot,
}

impl<'i> GraphLowering<'i> {
    fn new(graphs: &'i FxHashMap<String, GraphId>) -> Self {
        Self {
            graphs,
            slots: FxHashMap::default(),
            next: 0,
        }
    }

    fn run(mut self, graph: &expc_dialects::Graph<'_, '_>) -> Result<Graph, Diagnostic> {
        let signature = graph.signature()?;
        let mut arguments = graph.arguments().into_iter();
        let mut inputs = Vec::with_capacity(signature.inputs.len());
        for input in &signature.inputs {
            // A graph that a higher-order op calls is handed its constants too; the root is not.
            if input.constant.is_some() {
                if graph.symbol() != "main" {
                    inputs.push(self.fresh());
                }
                continue;
            }
            if let Some(argument) = arguments.next() {
                inputs.push(self.define(argument));
            }
        }
        let operations = graph.operations();
        let mut steps = Vec::with_capacity(operations.len());
        for operation in operations {
            steps.push(self.step(&AtenOp::new(operation))?);
        }
        let mut returned = graph.returned().into_iter();
        let mut outputs = Vec::with_capacity(signature.outputs.len());
        for output in &signature.outputs {
            outputs.push(match (&output.constant, returned.next()) {
                (Some(constant), value) => {
                    // The constant took no value: hand it to the next output.
                    returned = value
                        .into_iter()
                        .chain(returned)
                        .collect::<Vec<_>>()
                        .into_iter();
                    self.constant(constant)
                }
                (None, Some(value)) => self.read(value),
                (None, None) => Arg::None,
            });
        }
        Ok(Graph {
            name: graph.symbol(),
            slots: self.next,
            inputs,
            steps,
            outputs,
        })
    }

    fn step(&mut self, op: &AtenOp<'_, '_>) -> Result<Step, Diagnostic> {
        let name = op.name();
        let mut args = Vec::new();
        let mut kwargs = Vec::new();
        for argument in op.arguments()? {
            let value = self.argument(&argument.value);
            if argument.name.is_empty() {
                args.push(value);
            } else {
                kwargs.push((argument.name, value));
            }
        }
        let groups = op.result_groups()?;
        let action = if let Some(function) = strip_dialect(&name, table::SYM) {
            let function = SymFunction::from_name(function).ok_or_else(|| {
                Diagnostic::at(
                    &op.operation(),
                    code::SYMBOLIC,
                    format!("the runtime does not know the symbolic function `{name}`"),
                )
            })?;
            Action::Symbolic { function, args }
        } else if let Some(hop) = strip_dialect(&name, table::HOP) {
            Action::Hop {
                name: hop.to_owned(),
                args,
                kwargs,
            }
        } else {
            Action::Call {
                op: operator_name(&name),
                args,
                kwargs,
                result_groups: result_groups(&groups),
            }
        };
        let operation = op.operation();
        let results = operation.results().map(Value::from).map(|value| {
            let is_none = ValueType::from_mlir(value.r#type()) == Some(ValueType::None);
            (!is_none && !mlir::is_unused(value)).then(|| self.define(value))
        });
        let results = results.collect();
        Ok(Step {
            action,
            results,
            origin: origin(op),
        })
    }

    fn argument(&self, argument: &Argument<'_, '_>) -> Arg {
        match argument {
            Argument::Value(value) => self.read(*value),
            Argument::Constant(constant) => self.constant(constant),
            Argument::List(items) => {
                Arg::List(items.iter().map(|item| self.argument(item)).collect())
            }
            Argument::Dict(entries) => Arg::Dict(
                entries
                    .iter()
                    .map(|(key, item)| (key.clone(), self.argument(item)))
                    .collect(),
            ),
        }
    }

    fn constant(&self, constant: &Constant) -> Arg {
        match constant {
            Constant::None | Constant::Operand => Arg::None,
            Constant::Int(value) => Arg::Int(*value),
            Constant::Float(value) => Arg::Float(*value),
            Constant::Bool(value) => Arg::Bool(*value),
            Constant::Complex(re, im) => Arg::Complex(*re, *im),
            Constant::Str(text) => Arg::Str(text.clone()),
            Constant::Dtype(dtype) => Arg::Dtype(dtype.torch_name().to_owned()),
            Constant::Device(name) => Arg::Device(name.clone()),
            Constant::Layout(name) => Arg::Layout(name.clone()),
            Constant::MemoryFormat(name) => Arg::MemoryFormat(name.clone()),
            Constant::Ints(values) => Arg::List(values.iter().copied().map(Arg::Int).collect()),
            Constant::Floats(values) => Arg::List(values.iter().copied().map(Arg::Float).collect()),
            Constant::Bools(values) => Arg::List(values.iter().copied().map(Arg::Bool).collect()),
            Constant::List(items) => {
                Arg::List(items.iter().map(|item| self.constant(item)).collect())
            }
            Constant::Dict(entries) => Arg::Dict(
                entries
                    .iter()
                    .map(|(key, item)| (key.clone(), self.constant(item)))
                    .collect(),
            ),
            Constant::Operator(target) => Arg::Op(operator_target(target)),
            // An unknown graph gets a number that the plan's check refuses.
            Constant::Graph(symbol) => {
                Arg::Graph(self.graphs.get(symbol).copied().unwrap_or(GraphId::MAX))
            }
        }
    }

    /// A value of type `none` is the constant; any other was defined before it is read.
    fn read(&self, value: Value<'_, '_>) -> Arg {
        self.slots
            .get(&mlir::value_key(value))
            .map_or(Arg::None, |slot| Arg::Slot(*slot))
    }

    fn define(&mut self, value: Value<'_, '_>) -> Slot {
        let slot = self.fresh();
        self.slots.insert(mlir::value_key(value), slot);
        slot
    }

    fn fresh(&mut self) -> Slot {
        let slot = self.next;
        self.next += 1;
        slot
    }
}

fn strip_dialect<'n>(name: &'n str, dialect: &str) -> Option<&'n str> {
    name.strip_prefix(dialect)?.strip_prefix('.')
}

/// `aten::add.Tensor` of `aten.add.Tensor`.
fn operator_name(name: &str) -> String {
    name.replacen('.', "::", 1)
}

/// `aten::add_.Tensor` of `torch.ops.aten.add_.Tensor`, `invoke_subgraph` of `torch.ops.higher_order.invoke_subgraph`.
fn operator_target(target: &str) -> String {
    let name = target.strip_prefix("torch.ops.").unwrap_or(target);
    match name.strip_prefix("higher_order.") {
        Some(hop) => hop.to_owned(),
        None => operator_name(name),
    }
}

/// Empty where each return is one result or the only return is a list.
fn result_groups(groups: &[ResultGroup<'_, '_>]) -> Vec<u32> {
    let has_list = groups
        .iter()
        .any(|group| matches!(group, ResultGroup::List(_)));
    if !has_list {
        return Vec::new();
    }
    let size = |group: &ResultGroup<'_, '_>| match group {
        ResultGroup::Single(_) => 1,
        ResultGroup::List(values) => u32::try_from(values.len()).unwrap_or(u32::MAX),
    };
    groups.iter().map(size).collect()
}

fn origin(op: &AtenOp<'_, '_>) -> Origin {
    let metadata = op.metadata();
    Origin {
        module: metadata.module_path(),
        python: metadata.innermost_frame(),
        node: metadata.exported_node().map(str::to_owned),
    }
}

fn signature(
    program: &Program<'_, '_>,
    root: &expc_dialects::Graph<'_, '_>,
    input_paths: &[String],
) -> Result<Signature, Diagnostic> {
    let ir = root.signature()?;
    let mut arguments = root.arguments().into_iter();
    let mut paths = input_paths.iter();
    let mut inputs = Vec::with_capacity(ir.inputs.len());
    for input in ir.inputs {
        let path = match input.kind {
            IrInputKind::UserInput => paths.next().cloned(),
            _ => None,
        };
        let spec = match &input.constant {
            Some(constant) => {
                InputSpec::Constant(GraphLowering::new(&FxHashMap::default()).constant(constant))
            }
            None => arguments
                .next()
                .map_or(InputSpec::Any, |value| input_spec(value, input.sym)),
        };
        inputs.push(Input {
            kind: match input.kind {
                IrInputKind::UserInput => InputKind::User,
                IrInputKind::Parameter => InputKind::Parameter,
                IrInputKind::Buffer => InputKind::Buffer {
                    persistent: input.persistent.unwrap_or(true),
                },
                IrInputKind::ConstantTensor => InputKind::ConstantTensor,
                IrInputKind::CustomObj => InputKind::CustomObject,
                IrInputKind::Token => InputKind::Token,
            },
            path: path.unwrap_or_else(|| input.name.clone()),
            name: input.name,
            target: input.target,
            spec,
        });
    }
    let outputs = ir.outputs.into_iter().map(|output| Output {
        kind: match output.kind {
            IrOutputKind::UserOutput => OutputKind::User,
            IrOutputKind::LossOutput => OutputKind::Loss,
            IrOutputKind::BufferMutation => OutputKind::BufferMutation,
            IrOutputKind::ParameterMutation => OutputKind::ParameterMutation,
            IrOutputKind::UserInputMutation => OutputKind::UserInputMutation,
            IrOutputKind::GradientToParameter => OutputKind::GradientToParameter,
            IrOutputKind::GradientToUserInput => OutputKind::GradientToUserInput,
            IrOutputKind::Token => OutputKind::Token,
        },
        target: output.target,
    });
    let ranges = program.ranges()?.into_iter();
    Ok(Signature {
        inputs,
        outputs: outputs.collect(),
        ranges: ranges
            .map(|range| Range {
                expression: range.expression,
                min: range.min,
                max: range.max,
            })
            .collect(),
        guards: program.guards(),
    })
}

fn input_spec(value: Value<'_, '_>, sym: Option<String>) -> InputSpec {
    match ValueType::from_mlir(value.r#type()) {
        Some(ValueType::Tensor(meta)) => InputSpec::Tensor {
            dtype: Some(meta.dtype.torch_name().to_owned()),
            sizes: meta
                .sizes
                .map(|sizes| sizes.iter().map(ToString::to_string).collect()),
        },
        Some(ValueType::SymInt) => InputSpec::Int { expression: sym },
        Some(ValueType::SymFloat) => InputSpec::Float { expression: sym },
        Some(ValueType::SymBool) => InputSpec::Bool { expression: sym },
        Some(ValueType::Str) => InputSpec::Str,
        _ => InputSpec::Any,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan_of(text: &str) -> Plan {
        let context = expc_dialects::context();
        let module =
            expc_dialects::text::parse_module(&context, text, "test.mlir").expect("valid text");
        plan(&Program::new(&module), &[]).expect("a plan")
    }

    #[test]
    fn values_become_slots_and_attributes_constants() {
        let plan = plan_of(
            "func.func @main(%x: tensor<2xf32>) -> (tensor<2xf32>, tensor<2xf32>) {
               %0 = \"aten.add.Tensor\"(%x, %x) {alpha = 2 : i64} : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
               %1:2 = \"aten.split.Tensor\"(%0) {split_size = 1 : i64} : (tensor<2xf32>) -> (tensor<2xf32>, tensor<2xf32>)
               return %1#1, %0 : tensor<2xf32>, tensor<2xf32>
             }",
        );
        let root = &plan.graphs()[0];
        assert_eq!(root.inputs, [0]);
        assert_eq!(root.outputs, [Arg::Slot(2), Arg::Slot(1)]);
        let Action::Call { op, kwargs, .. } = &root.steps[0].action else {
            panic!("a call")
        };
        assert_eq!(op, "aten::add.Tensor");
        let alpha = kwargs
            .iter()
            .find(|(name, _)| name == "alpha")
            .map(|(_, arg)| arg);
        assert_eq!(alpha, Some(&Arg::Int(2)));
        assert_eq!(root.steps[1].results, [None, Some(2)]);
    }

    #[test]
    fn constants_of_the_signature_keep_their_place() {
        let plan = plan_of(
            "func.func @main(%x: tensor<2xf32>) -> tensor<2xf32> attributes {
               aten.constant_inputs = [[0, \"n\", 3]], aten.constant_outputs = [[0, \"user_output\", none]]
             } { return %x : tensor<2xf32> }",
        );
        assert_eq!(
            plan.signature().inputs[0].spec,
            InputSpec::Constant(Arg::Int(3))
        );
        assert_eq!(plan.graphs()[0].outputs, [Arg::None, Arg::Slot(0)]);
    }
}
