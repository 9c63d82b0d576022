//! The verifier: what a module must satisfy beyond MLIR's own rules, driven by the op table.
//!
//! - E0201: a required argument is given
//! - E0202: an argument has the kind that the schema wants
//! - E0203: an attribute of an op is an argument of its schema
//! - E0204: an op has the results that its schema returns
//! - E0205: a graph that an op names exists
//! - E0206: a graph that gets the only list of operands, as `cond`'s branches do, has as many arguments
//! - E0207: parameters, buffers, constants and objects name their target
//! - E0208: a mutation names an input of the program
//! - E0209: names of user inputs are unique
//! - E0214: sizes, strides, symbolic results, ranges are expressions
//! - E0215: a range is not empty
//! - E0216: a value is of a type of the dialect
//!
//! Layout faults (operand segments, templates, signature attributes) are found by the views themselves
//! (E021x, E022x). Everything found is reported; nothing is changed.

use std::collections::HashSet;

use expc_symbolic::Expr;
use melior::ir::{Type as IrType, TypeLike, Value, ValueLike, operation::OperationLike};
use rustc_hash::FxHashSet;

use crate::{
    Argument, AtenOp, Constant, Diagnostic, Dim, Graph, InputKind, OutputKind, Program,
    ResultGroup, Signature, TensorMeta, ValueType,
    table::{self, OpDef, Type},
};

/// Everything that is wrong with a program; empty if it is well formed.
pub fn verify(program: &Program<'_, '_>) -> Vec<Diagnostic> {
    let mut verifier = Verifier {
        program: *program,
        found: Vec::new(),
        expressions: HashSet::new(),
        types: FxHashSet::default(),
    };
    verifier.module();
    for graph in program.graphs() {
        verifier.graph(&graph);
    }
    verifier.found
}

struct Verifier<'c, 'a> {
    program: Program<'c, 'a>,
    found: Vec<Diagnostic>,
    /// Expressions that were parsed before.
    expressions: HashSet<String>,
    /// Types in which nothing was found, by their addresses.
    types: FxHashSet<usize>,
}

impl<'c: 'a, 'a> Verifier<'c, 'a> {
    fn module(&mut self) {
        match self.program.root().and_then(|root| root.signature()) {
            Ok(signature) => self.signature(&signature),
            Err(diagnostic) => self.found.push(diagnostic),
        }
        match self.program.ranges() {
            Ok(ranges) => {
                for range in ranges {
                    self.expression(&range.expression, None);
                    if let (Some(min), Some(max)) = (range.min, range.max)
                        && min > max
                    {
                        self.found.push(Diagnostic::error(
                            "E0215",
                            format!("the range of `{}` is empty: {min}..{max}", range.expression),
                        ));
                    }
                }
            }
            Err(diagnostic) => self.found.push(diagnostic),
        }
        if let Err(diagnostic) = self.program.symbols() {
            self.found.push(diagnostic);
        }
    }

    fn signature(&mut self, signature: &Signature) {
        let mut names = HashSet::new();
        for input in &signature.inputs {
            let needs_target = !matches!(input.kind, InputKind::UserInput | InputKind::Token);
            if needs_target && input.target.is_none() {
                self.found.push(Diagnostic::error(
                    "E0207",
                    format!(
                        "input `{}` is a {} without a target",
                        input.name,
                        input.kind.name()
                    ),
                ));
            }
            if !input.name.is_empty() && !names.insert(input.name.as_str()) {
                self.found.push(Diagnostic::error(
                    "E0209",
                    format!("two inputs have the name `{}`", input.name),
                ));
            }
        }
        for output in &signature.outputs {
            let (what, is_known): (_, TargetCheck<'_>) = match output.kind {
                OutputKind::BufferMutation => (
                    "buffer",
                    Box::new(|target| has_target(signature, InputKind::Buffer, target)),
                ),
                OutputKind::ParameterMutation | OutputKind::GradientToParameter => (
                    "parameter",
                    Box::new(|target| has_target(signature, InputKind::Parameter, target)),
                ),
                OutputKind::UserInputMutation | OutputKind::GradientToUserInput => (
                    "user input",
                    Box::new(|target| signature.inputs.iter().any(|input| input.name == target)),
                ),
                OutputKind::UserOutput | OutputKind::LossOutput | OutputKind::Token => continue,
            };
            let target = output.target.as_deref().unwrap_or_default();
            if !is_known(target) {
                self.found.push(Diagnostic::error(
                    "E0208",
                    format!("an output of kind {} names the {what} `{target}`, which the program does not have", output.kind.name()),
                ));
            }
        }
    }

    fn graph(&mut self, graph: &Graph<'c, 'a>) {
        for value in graph.arguments() {
            self.value_type(value, graph.symbol().as_str());
        }
        if let Err(diagnostic) = graph.signature() {
            self.found.push(diagnostic);
        }
        for operation in graph.operations() {
            let op = AtenOp::new(operation);
            self.op(&op);
        }
    }

    fn op(&mut self, op: &AtenOp<'c, 'a>) {
        let name = op.name();
        for result in op.operation().results() {
            self.value_type(result.into(), &name);
        }
        for (_, expression) in op.symbolic_results() {
            self.expression(&expression, Some(op));
        }
        let arguments = match op.arguments() {
            Ok(arguments) => arguments,
            Err(diagnostic) => return self.found.push(diagnostic),
        };
        let mut graphs = Vec::new();
        for argument in &arguments {
            collect_graphs(&argument.value, &mut graphs);
        }
        for symbol in &graphs {
            if self.program.graph(symbol).is_none() {
                self.report(
                    op,
                    "E0205",
                    format!("`{name}` names the graph `@{symbol}`, which the module does not have"),
                );
            }
        }
        let Some(def) = op.def() else {
            return self.branch_arity(
                op,
                &arguments
                    .iter()
                    .map(|argument| argument.value.clone())
                    .collect::<Vec<_>>(),
            );
        };
        for argument in &arguments {
            let Some((_, arg)) = def.schema.arg(&argument.name) else {
                continue;
            };
            if !accepts(&arg.ty, &argument.value) {
                self.report(
                    op,
                    "E0202",
                    format!(
                        "argument `{}` of `{name}`: expected {}, found {}",
                        arg.name,
                        arg.ty,
                        describe(&argument.value)
                    ),
                );
            }
        }
        for arg in def.schema.args.iter().filter(|arg| arg.default.is_none()) {
            let is_given = arguments.iter().any(|argument| argument.name == arg.name);
            if !is_given && !arg.ty.is_optional() {
                self.report(
                    op,
                    "E0201",
                    format!("`{name}` is without its argument `{}`", arg.name),
                );
            }
        }
        self.attributes(op, def);
        self.results(op, def);
    }

    fn attributes(&mut self, op: &AtenOp<'c, 'a>, def: &OpDef) {
        for (identifier, _) in op.operation().attributes() {
            let key = crate::mlir::identifier_text(identifier);
            let is_known = key.starts_with("aten.")
                || key.ends_with("SegmentSizes")
                || def.schema.arg(&key).is_some();
            if !is_known {
                self.report(
                    op,
                    "E0203",
                    format!("`{}` has no argument `{key}`", def.name),
                );
            }
        }
    }

    fn results(&mut self, op: &AtenOp<'c, 'a>, def: &OpDef) {
        if def.schema.is_varret {
            return;
        }
        let groups = match op.result_groups() {
            Ok(groups) => groups,
            Err(diagnostic) => return self.found.push(diagnostic),
        };
        let returns = &def.schema.returns;
        if groups.len() != returns.len() {
            return self.report(
                op,
                "E0204",
                format!(
                    "`{}` returns {} values, found {}",
                    def.name,
                    returns.len(),
                    groups.len()
                ),
            );
        }
        for (index, (group, ret)) in groups.iter().zip(returns).enumerate() {
            let fits = match group {
                ResultGroup::Single(value) => returns_value(&ret.ty, *value),
                ResultGroup::List(values) => {
                    let element = ret.ty.list_element();
                    values
                        .iter()
                        .all(|value| element.is_some_and(|element| returns_value(element, *value)))
                }
            };
            if !fits {
                let found: Vec<String> = match group {
                    ResultGroup::Single(value) => vec![value.r#type().to_string()],
                    ResultGroup::List(values) => values
                        .iter()
                        .map(|value| value.r#type().to_string())
                        .collect(),
                };
                self.report(
                    op,
                    "E0204",
                    format!(
                        "result {index} of `{}`: expected {}, found {}",
                        def.name,
                        ret.ty,
                        found.join(", ")
                    ),
                );
            }
        }
    }

    /// The graphs of an op whose only list argument is the last one get that list.
    fn branch_arity(&mut self, op: &AtenOp<'c, 'a>, arguments: &[Argument<'c, 'a>]) {
        let name = op.name();
        let def = name.strip_prefix("hop.").and_then(table::hop);
        let takes_last_list = def.is_some_and(|def| {
            let lists = def
                .schema
                .args
                .iter()
                .filter(|arg| arg.ty.is_list())
                .count();
            lists == 1 && def.schema.args.last().is_some_and(|arg| arg.ty.is_list())
        });
        let Some(operands) = arguments.last().and_then(Argument::elements) else {
            return;
        };
        if !takes_last_list {
            return;
        }
        for argument in arguments {
            let Argument::Constant(Constant::Graph(symbol)) = argument else {
                continue;
            };
            let Some(graph) = self.program.graph(symbol) else {
                continue;
            };
            let n_arguments = graph
                .signature()
                .map_or(0, |signature| signature.inputs.len());
            if n_arguments != operands.len() {
                self.report(
                    op,
                    "E0206",
                    format!(
                        "`{name}` hands {} operands to `@{symbol}`, which takes {n_arguments}",
                        operands.len()
                    ),
                );
            }
        }
    }

    fn value_type(&mut self, value: Value<'c, 'a>, owner: &str) {
        let address = value.r#type().to_raw().ptr as usize;
        if self.types.contains(&address) {
            return;
        }
        let found_before = self.found.len();
        self.read_type(value, owner);
        if self.found.len() == found_before {
            self.types.insert(address);
        }
    }

    fn read_type(&mut self, value: Value<'c, 'a>, owner: &str) {
        match ValueType::from_mlir(value.r#type()) {
            Some(ValueType::Tensor(meta)) => self.tensor(&meta, value),
            Some(_) => {}
            None => self.found.push(
                Diagnostic::error(
                    "E0216",
                    format!(
                        "a value of `{owner}` has the type {}, which is no type of the dialect",
                        value.r#type()
                    ),
                )
                .located(crate::mlir::value_location(value)),
            ),
        }
    }

    fn tensor(&mut self, meta: &TensorMeta, value: Value<'c, 'a>) {
        let dims = meta
            .sizes
            .iter()
            .flatten()
            .chain(meta.strides.iter().flatten());
        for dim in dims.chain([&meta.storage_offset]) {
            match dim {
                Dim::Symbolic(text) if text != "?" => {
                    if let Err(message) = self.check_expression(text) {
                        self.found.push(
                            Diagnostic::error("E0214", message)
                                .located(crate::mlir::value_location(value)),
                        );
                    }
                }
                _ => {}
            }
        }
    }

    fn expression(&mut self, text: &str, op: Option<&AtenOp<'c, 'a>>) {
        if let Err(message) = self.check_expression(text) {
            match op {
                Some(op) => self.report(op, "E0214", message),
                None => self.found.push(Diagnostic::error("E0214", message)),
            }
        }
    }

    fn check_expression(&mut self, text: &str) -> Result<(), String> {
        if !self.expressions.insert(text.to_owned()) {
            return Ok(());
        }
        Expr::parse(text)
            .map(|_| ())
            .map_err(|error| format!("`{text}` is no expression: {error}"))
    }

    fn report(&mut self, op: &AtenOp<'c, 'a>, code: &'static str, message: String) {
        self.found
            .push(Diagnostic::at(&op.operation(), code, message));
    }
}

/// Whether a program has a target of that name.
type TargetCheck<'s> = Box<dyn Fn(&str) -> bool + 's>;

fn has_target(signature: &Signature, kind: InputKind, target: &str) -> bool {
    signature
        .inputs
        .iter()
        .any(|input| input.kind == kind && input.target.as_deref() == Some(target))
}

fn collect_graphs(argument: &Argument<'_, '_>, graphs: &mut Vec<String>) {
    match argument {
        Argument::Constant(constant) => collect_constant_graphs(constant, graphs),
        Argument::List(elements) => elements
            .iter()
            .for_each(|element| collect_graphs(element, graphs)),
        Argument::Dict(entries) => entries
            .iter()
            .for_each(|(_, element)| collect_graphs(element, graphs)),
        Argument::Value(_) => {}
    }
}

fn collect_constant_graphs(constant: &Constant, graphs: &mut Vec<String>) {
    match constant {
        Constant::Graph(symbol) => graphs.push(symbol.clone()),
        Constant::List(elements) => elements
            .iter()
            .for_each(|element| collect_constant_graphs(element, graphs)),
        Constant::Dict(entries) => entries
            .iter()
            .for_each(|(_, element)| collect_constant_graphs(element, graphs)),
        _ => {}
    }
}

/// Whether torch's dispatcher takes this argument for a parameter of that type.
///
/// Python numbers stand for tensors (they become 0-d tensors that do not take part in type promotion),
/// ints for floats, and a single element for a list of fixed size.
pub fn accepts(ty: &Type<'_>, argument: &Argument<'_, '_>) -> bool {
    use Constant as C;
    let constant = argument.as_constant();
    let kind = argument
        .as_value()
        .and_then(|value| Kind::of(value.r#type()));
    let number = matches!(
        constant,
        Some(C::Int(_) | C::Float(_) | C::Bool(_) | C::Complex(..))
    );
    let scalar = kind.is_some_and(Kind::is_scalar);
    match ty {
        _ if kind == Some(Kind::Any) => true,
        Type::Optional(inner) => {
            matches!(constant, Some(C::None))
                || kind == Some(Kind::None)
                || accepts(inner, argument)
        }
        Type::Tensor => matches!(kind, Some(Kind::Tensor | Kind::None)) || number || scalar,
        Type::Scalar => number || scalar || kind == Some(Kind::Tensor),
        Type::Int | Type::SymInt => {
            matches!(constant, Some(C::Int(_) | C::Bool(_)))
                || matches!(kind, Some(Kind::SymInt | Kind::SymBool | Kind::Tensor))
        }
        Type::Float | Type::SymFloat => {
            matches!(constant, Some(C::Int(_) | C::Float(_) | C::Bool(_)))
                || scalar
                || kind == Some(Kind::Tensor)
        }
        Type::Bool | Type::SymBool => {
            matches!(constant, Some(C::Bool(_) | C::Int(_))) || scalar || kind == Some(Kind::Tensor)
        }
        Type::Complex => number,
        Type::Str => matches!(constant, Some(C::Str(_))) || kind == Some(Kind::Str),
        Type::Dimname => matches!(constant, Some(C::Str(_))),
        Type::ScalarType => matches!(constant, Some(C::Dtype(_) | C::Int(_))),
        Type::Layout => matches!(constant, Some(C::Layout(_) | C::Int(_))),
        Type::MemoryFormat => matches!(constant, Some(C::MemoryFormat(_) | C::Int(_))),
        Type::Device => matches!(constant, Some(C::Device(_) | C::Str(_))),
        Type::List(element, size) => match argument.elements() {
            Some(elements) => elements.iter().all(|item| accepts(element, item)),
            None => size.is_some() && accepts(element, argument),
        },
        Type::Dict(..) => matches!(argument, Argument::Dict(_) | Argument::Constant(C::Dict(_))),
        Type::Class(_) => kind == Some(Kind::Object),
        Type::Generator | Type::Storage | Type::Stream | Type::None => {
            matches!(constant, Some(C::None))
        }
        _ => true,
    }
}

fn returns_value(ty: &Type<'_>, value: Value<'_, '_>) -> bool {
    let Some(found) = Kind::of(value.r#type()) else {
        return false;
    };
    match ty.without_optional() {
        _ if found == Kind::Any => true,
        Type::Tensor => matches!(found, Kind::Tensor | Kind::None),
        Type::Int | Type::SymInt => found == Kind::SymInt,
        Type::Float | Type::SymFloat => found == Kind::SymFloat,
        Type::Bool | Type::SymBool => found == Kind::SymBool,
        Type::Scalar => found.is_scalar(),
        Type::Str => found == Kind::Str,
        Type::Class(_) => found == Kind::Object,
        _ => true,
    }
}

/// What kind of value a type stands for, without its details.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Tensor,
    SymInt,
    SymFloat,
    SymBool,
    None,
    Object,
    Token,
    Str,
    Any,
}

impl Kind {
    /// None for what is no type of the dialect; what is wrong in a tensor type is found where it is read.
    fn of(r#type: IrType<'_>) -> Option<Self> {
        if r#type.is_tensor() {
            return Some(Self::Tensor);
        }
        Some(match ValueType::from_mlir(r#type)? {
            ValueType::Tensor(_) => Self::Tensor,
            ValueType::SymInt => Self::SymInt,
            ValueType::SymFloat => Self::SymFloat,
            ValueType::SymBool => Self::SymBool,
            ValueType::None => Self::None,
            ValueType::Object(_) => Self::Object,
            ValueType::Token => Self::Token,
            ValueType::Str => Self::Str,
            ValueType::Any => Self::Any,
        })
    }

    fn is_scalar(self) -> bool {
        matches!(self, Self::SymInt | Self::SymFloat | Self::SymBool)
    }
}

fn describe(argument: &Argument<'_, '_>) -> String {
    match argument {
        Argument::Value(value) => format!("a value of type {}", value.r#type()),
        Argument::Constant(constant) => describe_constant(constant),
        Argument::List(elements) => {
            let elements: Vec<String> = elements.iter().map(describe).collect();
            format!("[{}]", elements.join(", "))
        }
        Argument::Dict(_) => "a dictionary".to_owned(),
    }
}

fn describe_constant(constant: &Constant) -> String {
    match constant {
        Constant::None => "None".to_owned(),
        Constant::Int(value) => format!("the int {value}"),
        Constant::Float(value) => format!("the float {value:?}"),
        Constant::Bool(value) => format!("the bool {value}"),
        Constant::Complex(re, im) => format!("the complex number {re:?}+{im:?}j"),
        Constant::Str(text) => format!("the string {text:?}"),
        Constant::Dtype(dtype) => format!("torch.{}", dtype.torch_name()),
        Constant::Device(name) => format!("the device {name}"),
        Constant::Layout(name) | Constant::MemoryFormat(name) => format!("torch.{name}"),
        Constant::Ints(values) => format!("{values:?}"),
        Constant::Floats(values) => format!("{values:?}"),
        Constant::Bools(values) => format!("{values:?}"),
        Constant::List(elements) => {
            let elements: Vec<String> = elements.iter().map(describe_constant).collect();
            format!("[{}]", elements.join(", "))
        }
        Constant::Dict(_) => "a dictionary".to_owned(),
        Constant::Operator(target) => format!("the operator {target}"),
        Constant::Graph(symbol) => format!("the graph @{symbol}"),
        Constant::Operand => "an operand".to_owned(),
    }
}
