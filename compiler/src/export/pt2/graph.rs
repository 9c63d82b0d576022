//! A function of the module as a graph of the file: its inputs, nodes and outputs, and the types of its values.
//!
//! Start at [`Writer::root`]. Names are those of the printed program (`export/text`), so that what PyTorch prints
//! of the archive is what expc prints of the module.

use expc_dialects::{
    AtenOp, Diagnostic, Dim, Graph, InputSpec, OutputSpec, ResultGroup, Signature, TensorMeta,
    ValueType,
    mlir::{self, value_key},
    table::{self, HOP, OpDef, OpSchema, SYM},
};
use expc_pt2::{
    self as schema, ArgumentKind, CustomObjArgument, GraphArgument, Map, SchemaVersion, Str, Sym,
};
use expc_runtime::torch::Op;
use melior::ir::{
    Value, ValueLike,
    operation::{OperationLike, OperationRef},
};
use rustc_hash::FxHashMap;

use super::{
    argument::{self, Refusal, Scope},
    symbols::Symbols,
};
use crate::export::text::{
    fx::{Child, FxGraph, Graphs},
    layout::is_next_position,
};

/// Nesting of graphs that is written.
const MAX_DEPTH: usize = 64;

/// Number of graphs that is written; one that two ops name counts twice, as the file holds it twice.
const MAX_GRAPHS: usize = 1 << 16;

/// Writes the graphs of a program; what cannot be written is collected.
pub struct Writer<'c, 'a, 'g> {
    pub graphs: &'g Graphs<'c, 'a>,
    pub symbols: Symbols,
    pub diagnostics: Vec<Diagnostic>,
    schema: SchemaVersion,
    n_graphs: usize,
}

/// The root graph as written, with the names of its inputs and the values of its outputs.
pub struct Root {
    pub graph: schema::Graph<'static>,
    pub signature: Signature,
    pub input_names: Vec<String>,
}

impl<'c: 'a, 'a, 'g> Writer<'c, 'a, 'g> {
    pub fn new(graphs: &'g Graphs<'c, 'a>, symbols: Symbols, schema: SchemaVersion) -> Self {
        Self {
            graphs,
            symbols,
            diagnostics: Vec::new(),
            schema,
            n_graphs: 0,
        }
    }

    /// The root of the program.
    pub fn root(&mut self, graph: Graph<'c, 'a>) -> Result<Root, Diagnostic> {
        let signature = graph.signature()?;
        let fx = FxGraph::root(graph, self.graphs)?;
        let written = self.graph(graph, &signature, &fx, 0);
        Ok(Root {
            graph: written,
            signature,
            input_names: fx.input_names,
        })
    }

    fn graph(
        &mut self,
        graph: Graph<'c, 'a>,
        signature: &Signature,
        fx: &FxGraph<'c, 'a>,
        depth: usize,
    ) -> schema::Graph<'static> {
        let mut one = OneGraph {
            writer: self,
            symbol: graph.symbol(),
            depth,
            names: FxHashMap::default(),
            out: schema::Graph {
                inputs: Vec::new(),
                outputs: Vec::new(),
                nodes: Vec::new(),
                tensor_values: Map::new(),
                sym_int_values: Map::new(),
                sym_bool_values: Map::new(),
                sym_float_values: Map::new(),
                custom_obj_values: Map::new(),
                is_single_tensor_return: AtenOp::new(graph.operation()).is_single(),
            },
        };
        one.inputs(graph, &signature.inputs, &fx.input_names);
        for (op, name) in graph.operations().into_iter().zip(&fx.call_names) {
            one.op(AtenOp::new(op), name, fx);
        }
        one.outputs(graph, &signature.outputs);
        one.out
    }

    fn nested(&mut self, symbol: &str, depth: usize) -> Result<schema::Graph<'static>, Refusal> {
        self.n_graphs += 1;
        if depth > MAX_DEPTH || self.n_graphs > MAX_GRAPHS {
            return Err(format!(
                "graphs are nested deeper than {MAX_DEPTH}, or there are more than {MAX_GRAPHS} to write"
            ));
        }
        let graph = *self
            .graphs
            .get(symbol)
            .ok_or_else(|| format!("the module has no graph `@{symbol}`"))?;
        let child = Child {
            name: symbol.to_owned(),
            graph,
            returns_list: false,
        };
        let fx = FxGraph::child(&child, self.graphs).map_err(|fault| fault.message)?;
        let signature = graph.signature().map_err(|fault| fault.message)?;
        Ok(self.graph(graph, &signature, &fx, depth))
    }
}

struct OneGraph<'c, 'a, 'g, 'w> {
    writer: &'w mut Writer<'c, 'a, 'g>,
    symbol: String,
    depth: usize,
    /// The names of values, by key.
    names: FxHashMap<usize, String>,
    out: schema::Graph<'static>,
}

impl<'c: 'a, 'a> Scope<'c, 'a> for OneGraph<'c, 'a, '_, '_> {
    fn name(&self, value: Value<'c, 'a>) -> Result<Str<'static>, Refusal> {
        self.names
            .get(&value_key(value))
            .map(|name| Str::from(name.clone()))
            .ok_or_else(|| "a value is used that is not defined before".to_owned())
    }

    fn graph(&mut self, symbol: &str) -> Result<schema::Argument<'static>, Refusal> {
        let graph = self.writer.nested(symbol, self.depth + 1)?;
        let name = symbol
            .strip_prefix(self.symbol.as_str())
            .and_then(|rest| rest.strip_prefix('.'))
            .unwrap_or(symbol);
        Ok(schema::Argument::Graph(Box::new(GraphArgument {
            name: name.to_owned().into(),
            graph,
        })))
    }
}

impl<'c: 'a, 'a> OneGraph<'c, 'a, '_, '_> {
    fn refuse(&mut self, op: OperationRef<'c, 'a>, what: &str, refusal: &str) {
        let message = format!("{what} cannot be written as `.pt2`: {refusal}");
        let fault = Diagnostic::at(&op, "E0161", message);
        self.writer.diagnostics.push(fault);
    }

    fn inputs(&mut self, graph: Graph<'c, 'a>, specs: &[InputSpec], names: &[String]) {
        let mut arguments = graph.arguments().into_iter();
        for (spec, name) in specs.iter().zip(names) {
            let written = match &spec.constant {
                Some(constant) => argument::constant(constant),
                None => match arguments.next() {
                    Some(value) if is_unknown_and_unused(value) => Ok(schema::Argument::None),
                    Some(value) => self.define(value, name, spec.sym.as_deref()),
                    None => Err("the function has no such argument".to_owned()),
                },
            };
            match written {
                Ok(input) => self.out.inputs.push(input),
                Err(refusal) => {
                    self.refuse(graph.operation(), &format!("input `{name}`"), &refusal);
                }
            }
        }
    }

    fn outputs(&mut self, graph: Graph<'c, 'a>, specs: &[OutputSpec]) {
        let mut returned = graph.returned().into_iter();
        for (position, spec) in specs.iter().enumerate() {
            let written = match &spec.constant {
                Some(constant) => argument::constant(constant),
                None => match returned.next() {
                    Some(value) => argument::value(value, self),
                    None => Err("the function returns no such value".to_owned()),
                },
            };
            match written {
                Ok(output) => self.out.outputs.push(output),
                Err(refusal) => {
                    self.refuse(graph.operation(), &format!("output {position}"), &refusal);
                }
            }
        }
    }

    /// Takes note of a value, its name and its type; gives back how it is written.
    fn define(
        &mut self,
        value: Value<'c, 'a>,
        name: &str,
        sym: Option<&str>,
    ) -> Result<schema::Argument<'static>, Refusal> {
        self.names.insert(value_key(value), name.to_owned());
        let key = || Str::from(name.to_owned());
        let sym = || sym.ok_or_else(|| format!("`{name}` is a symbolic scalar without expression"));
        let schema = self.writer.schema;
        let symbols = &mut self.writer.symbols;
        match ValueType::from_mlir(value.r#type()) {
            Some(ValueType::Tensor(meta)) => {
                let meta = tensor_meta(&meta, symbols)?;
                argument::fitted_dtype(meta.dtype, schema)?;
                self.out.tensor_values.insert(key(), meta);
            }
            Some(ValueType::SymInt) => {
                let sym = symbols.int(sym()?).map_err(|fault| fault.message)?;
                self.out.sym_int_values.insert(key(), sym);
            }
            Some(ValueType::SymFloat) => {
                let sym = symbols.float(sym()?).map_err(|fault| fault.message)?;
                self.out.sym_float_values.insert(key(), sym);
            }
            Some(ValueType::SymBool) => {
                let sym = symbols.bool(sym()?).map_err(|fault| fault.message)?;
                self.out.sym_bool_values.insert(key(), sym);
            }
            Some(ValueType::Object(class)) => {
                let object = CustomObjArgument {
                    name: key(),
                    class_fqn: class.into(),
                };
                self.out.custom_obj_values.insert(key(), object);
            }
            _ => {}
        }
        argument::fitted(argument::value(value, self)?, schema)
    }

    fn op(&mut self, op: AtenOp<'c, 'a>, name: &str, fx: &FxGraph<'c, 'a>) {
        match self.node(op, name, fx) {
            Ok(node) => self.out.nodes.push(node),
            Err(refusal) => {
                self.refuse(op.operation(), &format!("`{}`", op.name()), &refusal);
                // Those who use its results are not at fault.
                for result in op.operation().results() {
                    self.names.insert(value_key(result.into()), name.to_owned());
                }
            }
        }
    }

    fn node(
        &mut self,
        op: AtenOp<'c, 'a>,
        name: &str,
        fx: &FxGraph<'c, 'a>,
    ) -> Result<schema::Node<'static>, Refusal> {
        let op_name = op.name();
        let mut outputs = self.results(op, name, fx)?;
        if is_hop(&op_name) && !op.is_single() && !self.writer.schema.separates_hop_results() {
            outputs = vec![list_of(outputs)?];
        }
        let metadata = op.metadata().entries.into_iter();
        Ok(schema::Node {
            target: target(&op_name)?.into(),
            inputs: self.arguments(op, &op_name)?,
            outputs,
            metadata: metadata
                .map(|(key, value)| (Str::from(key), Str::from(value)))
                .collect(),
            is_hop_single_tensor_return: is_hop(&op_name).then(|| op.is_single()),
            name: Some(name.to_owned().into()),
        })
    }

    fn arguments(
        &mut self,
        op: AtenOp<'c, 'a>,
        op_name: &str,
    ) -> Result<Vec<schema::NamedArgument<'static>>, Refusal> {
        let arguments = op.arguments().map_err(|fault| fault.message)?;
        let row = op.def().or_else(|| symbolic(op_name));
        let parameters = match op.parameters() {
            told if told.is_empty() && row.is_none() => registered_names(op_name),
            told => told,
        };
        let mut written = Vec::with_capacity(arguments.len());
        for (position, given) in arguments.iter().enumerate() {
            let by_keyword = given.by_keyword || !is_next_position(op, given, position);
            let parameter = row.and_then(|row| match given.name.as_str() {
                "" => row.schema.args.get(position),
                name => row.schema.arg(name).map(|(_, arg)| arg),
            });
            let name = match (parameter, given.name.as_str()) {
                (Some(parameter), _) => parameter.name,
                (None, "") => parameters.get(position).map_or("", String::as_str),
                (None, name) => name,
            };
            let ty = parameter.map(|parameter| &parameter.ty);
            let schema = self.writer.schema;
            let arg = argument::argument(&given.value, ty, self)
                .and_then(|arg| argument::fitted(arg, schema))
                .map_err(|refusal| in_argument(name, position, &refusal))?;
            if name.is_empty() && !is_hop(op_name) && row.is_none() {
                let unnamed = "its name is not known; `--load-library` with the library that registers the operator tells it";
                return Err(in_argument(name, position, unnamed));
            }
            written.push(schema::NamedArgument {
                name: name.to_owned().into(),
                arg,
                kind: Some(match by_keyword {
                    true => ArgumentKind::Keyword,
                    false => ArgumentKind::Positional,
                }),
            });
        }
        if op_name == table::INVOKE_SUBGRAPH && !self.writer.schema.spreads_subgraph_operands() {
            // Behind the graph and its identifier.
            let operands = written.split_off(written.len().min(2));
            written.push(schema::NamedArgument {
                name: "".into(),
                arg: list_of(operands.into_iter().map(|operand| operand.arg).collect())?,
                kind: Some(ArgumentKind::Positional),
            });
        }
        Ok(written)
    }

    fn results(
        &mut self,
        op: AtenOp<'c, 'a>,
        node: &str,
        fx: &FxGraph<'c, 'a>,
    ) -> Result<Vec<schema::Argument<'static>>, Refusal> {
        let syms: FxHashMap<usize, String> = op
            .symbolic_results()
            .into_iter()
            .map(|(value, sym)| (value_key(value), sym))
            .collect();
        let groups = op.result_groups().map_err(|fault| fault.message)?;
        let n_groups = groups.len();
        let mut outputs = Vec::with_capacity(n_groups);
        for (index, group) in groups.into_iter().enumerate() {
            let define = |graph: &mut Self, value: Value<'c, 'a>, unused: String| {
                let name = fx.name_of(value).map_or(unused, str::to_owned);
                let sym = syms.get(&value_key(value)).map(String::as_str);
                graph.define(value, &name, sym)
            };
            match group {
                // What an operator without a schema returns, and nobody takes, printed programs do not tell.
                ResultGroup::Single(value) if is_unknown_and_unused(value) => {
                    outputs.push(schema::Argument::None);
                }
                ResultGroup::Single(value) => {
                    outputs.push(define(self, value, format!("{node}_unused_{index}"))?);
                }
                ResultGroup::List(values) => {
                    let list = match n_groups {
                        1 => node.to_owned(),
                        _ => format!("{node}_{index}"),
                    };
                    let elements = values
                        .into_iter()
                        .enumerate()
                        .map(|(position, value)| {
                            define(self, value, format!("{list}_unused_{position}"))
                        })
                        .collect::<Result<Vec<_>, Refusal>>()?;
                    outputs.push(list_of(elements)?);
                }
            }
        }
        Ok(outputs)
    }
}

/// Whether nothing is known of a value and nothing uses it: printed programs do not tell what constant an input was.
fn is_unknown_and_unused(value: Value<'_, '_>) -> bool {
    let is_any = matches!(ValueType::from_mlir(value.r#type()), Some(ValueType::Any));
    is_any && mlir::is_unused(value)
}

/// A list of tensors and None, the only ones that results and operands of graphs have.
fn list_of(elements: Vec<schema::Argument<'static>>) -> Result<schema::Argument<'static>, Refusal> {
    let names = elements
        .into_iter()
        .map(|element| match element {
            schema::Argument::Tensor(name) => Ok(Some(name)),
            schema::Argument::None => Ok(None),
            other => Err(format!(
                "a list has an element of kind `{}`, expected tensors",
                other.tag()
            )),
        })
        .collect::<Result<Vec<_>, Refusal>>()?;
    Ok(match names.iter().cloned().collect::<Option<Vec<_>>>() {
        Some(names) => schema::Argument::Tensors(names),
        None => schema::Argument::OptionalTensors(names),
    })
}

fn in_argument(name: &str, position: usize, refusal: &str) -> Refusal {
    match name {
        "" => format!("argument {position}: {refusal}"),
        name => format!("argument `{name}`: {refusal}"),
    }
}

fn is_hop(op_name: &str) -> bool {
    let name = op_name.strip_prefix(HOP);
    name.is_some_and(|rest| rest.starts_with('.'))
}

/// The names of the arguments of an op that only a loaded library describes; none if no library does.
fn registered_names(op_name: &str) -> Vec<String> {
    let registered = op_name.split_once('.').and_then(|(namespace, name)| {
        let name = name.strip_suffix(".default").unwrap_or(name);
        Op::find(&format!("{namespace}::{name}"))
    });
    let text = registered.map(|op| op.schema()).unwrap_or_default();
    let Ok(schema) = OpSchema::parse(&text) else {
        return Vec::new();
    };
    schema.args.iter().map(|arg| arg.name.to_owned()).collect()
}

/// The row of a symbolic function.
fn symbolic(op_name: &str) -> Option<&'static OpDef> {
    table::sym(op_name.strip_prefix(SYM)?.strip_prefix('.')?)
}

/// The Python path of what an op calls.
fn target(op_name: &str) -> Result<String, Refusal> {
    match op_name.split_once('.') {
        Some((HOP, name)) => Ok(format!("torch.ops.higher_order.{name}")),
        Some((SYM, _)) => symbolic(op_name)
            .and_then(|row| row.columns.python)
            .map(str::to_owned)
            .ok_or_else(|| "there is no such symbolic function".to_owned()),
        Some(("func" | "builtin", _)) | None => Err("it is no op of PyTorch".to_owned()),
        Some(_) => Ok(format!("torch.ops.{op_name}")),
    }
}

fn tensor_meta(
    meta: &TensorMeta,
    symbols: &mut Symbols,
) -> Result<schema::TensorMeta<'static>, Refusal> {
    let sizes = meta
        .sizes
        .as_ref()
        .ok_or("the rank of a tensor is not known")?;
    let strides = match (&meta.strides, meta.layout.as_str()) {
        (Some(strides), _) => dims(strides, symbols)?,
        (None, "strided") => symbols
            .contiguous_strides(sizes)
            .map_err(|fault| fault.message)?,
        // PyTorch says so of tensors that have none.
        (None, _) => vec![Sym::Value(0); sizes.len()],
    };
    Ok(schema::TensorMeta {
        dtype: argument::scalar_type(meta.dtype)?,
        sizes: dims(sizes, symbols)?,
        requires_grad: meta.requires_grad,
        device: argument::device(&meta.device)?,
        strides,
        storage_offset: symbols
            .dim(&meta.storage_offset)
            .map_err(|fault| fault.message)?,
        layout: argument::layout(&meta.layout)?,
    })
}

fn dims(dims: &[Dim], symbols: &mut Symbols) -> Result<Vec<schema::SymInt<'static>>, Refusal> {
    dims.iter()
        .map(|dim| symbols.dim(dim).map_err(|fault| fault.message))
        .collect()
}
