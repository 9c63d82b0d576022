//! Views of a whole program: its functions, its signature and what the module says of its symbols
//! (`ARCHITECTURE.md`, "Signature").

use melior::{
    Context,
    ir::{
        Attribute, BlockLike, BlockRef, Module, RegionLike, Type, Value,
        attribute::{ArrayAttribute, StringAttribute, TypeAttribute},
        operation::{OperationLike, OperationRef},
        r#type::FunctionType,
    },
};

use crate::{
    Diagnostic,
    constant::{Constant, array_elements, string_array_values},
    mlir,
    ops::array_of_arrays,
};

/// Names of the attributes on modules and functions.
pub mod attribute {
    pub const PROGRAM: &str = "aten.program";
    pub const SYMBOLS: &str = "aten.symbols";
    pub const RANGES: &str = "aten.ranges";
    pub const GUARDS: &str = "aten.guards";
    pub const MODULE_CALL_GRAPH: &str = "aten.module_call_graph";
    pub const NAMEDTUPLES: &str = "aten.namedtuples";
    pub const INPUT: &str = "aten.input";
    pub const OUTPUT: &str = "aten.output";
    pub const CONSTANT_INPUTS: &str = "aten.constant_inputs";
    pub const CONSTANT_OUTPUTS: &str = "aten.constant_outputs";
}

macro_rules! kinds {
    ($(#[$doc:meta])* $name:ident { $($variant:ident $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $name { $($variant,)* }

        impl $name {
            /// The spelling in the IR and, in upper case, in printed programs.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }

            pub fn from_name(name: &str) -> Option<Self> {
                match name { $($text => Some(Self::$variant),)* _ => None }
            }
        }
    };
}

kinds! {
    /// Kinds of graph inputs (`torch.export.graph_signature.InputKind`).
    InputKind {
        UserInput "user_input",
        Parameter "parameter",
        Buffer "buffer",
        ConstantTensor "constant_tensor",
        CustomObj "custom_obj",
        Token "token",
    }
}

kinds! {
    /// Kinds of graph outputs (`torch.export.graph_signature.OutputKind`).
    OutputKind {
        UserOutput "user_output",
        LossOutput "loss_output",
        BufferMutation "buffer_mutation",
        ParameterMutation "parameter_mutation",
        GradientToParameter "gradient_to_parameter",
        GradientToUserInput "gradient_to_user_input",
        UserInputMutation "user_input_mutation",
        Token "token",
    }
}

impl OutputKind {
    /// Whether the output is the new value of an input.
    pub fn is_mutation(self) -> bool {
        matches!(
            self,
            Self::BufferMutation | Self::ParameterMutation | Self::UserInputMutation
        )
    }
}

/// An input of the root graph, apart from its value.
#[derive(Clone, Debug, PartialEq)]
pub struct InputSpec {
    pub kind: InputKind,
    /// Name of the placeholder; empty where the file has none.
    pub name: String,
    /// FQN of the parameter, buffer, constant or object.
    pub target: Option<String>,
    /// Only buffers have it.
    pub persistent: Option<bool>,
    /// Expression of a symbolic scalar.
    pub sym: Option<String>,
    /// The value of a constant input, which is no argument of the function.
    pub constant: Option<Constant>,
}

impl InputSpec {
    /// An input of a kind, without further facts.
    pub fn new(kind: InputKind, name: impl Into<String>) -> Self {
        Self {
            kind,
            name: name.into(),
            target: None,
            persistent: None,
            sym: None,
            constant: None,
        }
    }
}

/// An output of the root graph, apart from its value.
#[derive(Clone, Debug, PartialEq)]
pub struct OutputSpec {
    pub kind: OutputKind,
    /// FQN of the mutated buffer or parameter, name of the mutated input.
    pub target: Option<String>,
    /// Expression of a symbolic scalar.
    pub sym: Option<String>,
    /// The value of a constant output, which is no result of the function.
    pub constant: Option<Constant>,
}

impl OutputSpec {
    /// An output of a kind, without further facts.
    pub fn new(kind: OutputKind) -> Self {
        Self {
            kind,
            target: None,
            sym: None,
            constant: None,
        }
    }
}

/// Inputs and outputs of the root graph in the order of its signature, constants included.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Signature {
    pub inputs: Vec<InputSpec>,
    pub outputs: Vec<OutputSpec>,
}

/// Function attributes that hold a signature.
pub struct SignatureAttributes<'c> {
    pub arg_attrs: Attribute<'c>,
    pub res_attrs: Attribute<'c>,
    pub constant_inputs: Option<Attribute<'c>>,
    pub constant_outputs: Option<Attribute<'c>>,
}

impl Signature {
    /// The attributes of `func.func` that hold this signature.
    pub fn to_attributes<'c>(&self, context: &'c Context) -> SignatureAttributes<'c> {
        let string = |text: &str| -> Attribute<'c> { StringAttribute::new(context, text).into() };
        let mut arg_attrs = Vec::new();
        let mut constant_inputs = Vec::new();
        for (position, input) in self.inputs.iter().enumerate() {
            if let Some(constant) = &input.constant {
                constant_inputs.push(Constant::List(vec![
                    index_constant(position),
                    Constant::Str(input.name.clone()),
                    constant.clone(),
                ]));
                continue;
            }
            let mut entries = vec![
                ("kind", string(input.kind.name())),
                ("name", string(&input.name)),
            ];
            if let Some(target) = &input.target {
                entries.push(("target", string(target)));
            }
            if let Some(persistent) = input.persistent {
                entries.push((
                    "persistent",
                    Constant::Bool(persistent).to_attribute(context),
                ));
            }
            if let Some(sym) = &input.sym {
                entries.push(("sym", string(sym)));
            }
            arg_attrs.push(wrap(context, attribute::INPUT, &entries));
        }
        let mut res_attrs = Vec::new();
        let mut constant_outputs = Vec::new();
        for (position, output) in self.outputs.iter().enumerate() {
            if let Some(constant) = &output.constant {
                constant_outputs.push(Constant::List(vec![
                    index_constant(position),
                    Constant::Str(output.kind.name().to_owned()),
                    constant.clone(),
                ]));
                continue;
            }
            let mut entries = vec![("kind", string(output.kind.name()))];
            if let Some(target) = &output.target {
                entries.push(("target", string(target)));
            }
            if let Some(sym) = &output.sym {
                entries.push(("sym", string(sym)));
            }
            res_attrs.push(wrap(context, attribute::OUTPUT, &entries));
        }
        let list = |constants: Vec<Constant>| {
            (!constants.is_empty()).then(|| Constant::List(constants).to_attribute(context))
        };
        SignatureAttributes {
            arg_attrs: ArrayAttribute::new(context, &arg_attrs).into(),
            res_attrs: ArrayAttribute::new(context, &res_attrs).into(),
            constant_inputs: list(constant_inputs),
            constant_outputs: list(constant_outputs),
        }
    }
}

fn index_constant(position: usize) -> Constant {
    Constant::Int(i64::try_from(position).unwrap_or(i64::MAX))
}

fn wrap<'c>(context: &'c Context, key: &str, entries: &[(&str, Attribute<'c>)]) -> Attribute<'c> {
    mlir::dictionary(context, &[(key, mlir::dictionary(context, entries))])
}

/// A range constraint: an expression between two bounds, inclusive; none is no bound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Range {
    pub expression: String,
    pub min: Option<i64>,
    pub max: Option<i64>,
}

/// What the module says of a symbol.
#[derive(Clone, Debug, PartialEq)]
pub struct Symbol {
    pub name: String,
    /// The value at export time.
    pub hint: Option<Constant>,
    pub positive: bool,
    pub integer: bool,
}

/// A view of a function that holds a graph.
#[derive(Clone, Copy)]
pub struct Graph<'c, 'a> {
    op: OperationRef<'c, 'a>,
    block: BlockRef<'c, 'a>,
}

impl<'c: 'a, 'a> Graph<'c, 'a> {
    /// The graph of a `func.func` with a body of one block.
    pub fn from_operation(op: OperationRef<'c, 'a>) -> Option<Self> {
        if op.name().as_string_ref().as_str().ok()? != "func.func" {
            return None;
        }
        let region = op.first_region()?;
        let block = region.first_block()?;
        block
            .next_in_region()
            .is_none()
            .then_some(Self { op, block })
    }

    pub fn operation(&self) -> OperationRef<'c, 'a> {
        self.op
    }

    pub fn block(&self) -> BlockRef<'c, 'a> {
        self.block
    }

    /// The symbol, without `@`.
    pub fn symbol(&self) -> String {
        self.op
            .attribute("sym_name")
            .ok()
            .and_then(mlir::string_text)
            .unwrap_or_default()
    }

    pub fn arguments(&self) -> Vec<Value<'c, 'a>> {
        (0..self.block.argument_count())
            .filter_map(|index| self.block.argument(index).ok().map(Value::from))
            .collect()
    }

    /// The ops of the body, without the terminator.
    pub fn operations(&self) -> Vec<OperationRef<'c, 'a>> {
        let mut operations = Vec::new();
        let mut next = self.block.first_operation();
        while let Some(op) = next {
            next = op.next_in_block();
            if next.is_some() || !is_return(op) {
                operations.push(op);
            }
        }
        operations
    }

    /// The `func.return` that ends the graph.
    pub fn terminator(&self) -> Option<OperationRef<'c, 'a>> {
        let mut last = None;
        let mut next = self.block.first_operation();
        while let Some(op) = next {
            last = Some(op);
            next = op.next_in_block();
        }
        last.filter(|op| is_return(*op))
    }

    /// The values that the graph returns.
    pub fn returned(&self) -> Vec<Value<'c, 'a>> {
        self.terminator()
            .map(|op| op.operands().collect())
            .unwrap_or_default()
    }

    pub fn function_type(&self) -> Option<FunctionType<'c>> {
        let r#type = TypeAttribute::try_from(self.op.attribute("function_type").ok()?).ok()?;
        FunctionType::try_from(r#type.value()).ok()
    }

    /// The signature on the function. Arguments without one are user inputs named `arg0`, `arg1`, …, and
    /// results without one user outputs.
    pub fn signature(&self) -> Result<Signature, Diagnostic> {
        let mut signature = Signature::default();
        let arg_attrs = self.attribute_elements("arg_attrs");
        for index in 0..self.block.argument_count() {
            let entries = spec_entries(arg_attrs.get(index).copied(), attribute::INPUT);
            signature.inputs.push(self.input_spec(index, entries)?);
        }
        let res_attrs = self.attribute_elements("res_attrs");
        for index in 0..self.returned().len() {
            let entries = spec_entries(res_attrs.get(index).copied(), attribute::OUTPUT);
            signature.outputs.push(self.output_spec(entries)?);
        }
        for (position, name, constant) in self.constants(attribute::CONSTANT_INPUTS)? {
            let spec = InputSpec {
                constant: Some(constant),
                ..InputSpec::new(InputKind::UserInput, name)
            };
            insert_at(&mut signature.inputs, position, spec)
                .ok_or_else(|| self.malformed(attribute::CONSTANT_INPUTS))?;
        }
        for (position, kind, constant) in self.constants(attribute::CONSTANT_OUTPUTS)? {
            let kind = OutputKind::from_name(&kind)
                .ok_or_else(|| self.malformed(attribute::CONSTANT_OUTPUTS))?;
            let spec = OutputSpec {
                constant: Some(constant),
                ..OutputSpec::new(kind)
            };
            insert_at(&mut signature.outputs, position, spec)
                .ok_or_else(|| self.malformed(attribute::CONSTANT_OUTPUTS))?;
        }
        Ok(signature)
    }

    fn input_spec(&self, index: usize, entries: Entries<'c>) -> Result<InputSpec, Diagnostic> {
        let mut spec = InputSpec::new(InputKind::UserInput, format!("arg{index}"));
        for (key, value) in entries {
            let text = mlir::string_text(value);
            match (key.as_str(), text) {
                ("kind", Some(text)) => {
                    spec.kind = InputKind::from_name(&text)
                        .ok_or_else(|| self.unknown_kind("input", &text))?;
                }
                ("name", Some(text)) => spec.name = text,
                ("target", Some(text)) => spec.target = Some(text),
                ("sym", Some(text)) => spec.sym = Some(text),
                ("persistent", _) => {
                    spec.persistent =
                        Some(Constant::from_attribute(value) == Some(Constant::Bool(true)));
                }
                _ => {}
            }
        }
        Ok(spec)
    }

    fn output_spec(&self, entries: Entries<'c>) -> Result<OutputSpec, Diagnostic> {
        let mut spec = OutputSpec::new(OutputKind::UserOutput);
        for (key, value) in entries {
            match (key.as_str(), mlir::string_text(value)) {
                ("kind", Some(text)) => {
                    spec.kind = OutputKind::from_name(&text)
                        .ok_or_else(|| self.unknown_kind("output", &text))?;
                }
                ("target", Some(text)) => spec.target = Some(text),
                ("sym", Some(text)) => spec.sym = Some(text),
                _ => {}
            }
        }
        Ok(spec)
    }

    fn attribute_elements(&self, name: &str) -> Vec<Attribute<'c>> {
        self.op
            .attribute(name)
            .ok()
            .and_then(|attribute| ArrayAttribute::try_from(attribute).ok())
            .map(|array| array_elements(array).collect())
            .unwrap_or_default()
    }

    fn constants(&self, name: &str) -> Result<Vec<(usize, String, Constant)>, Diagnostic> {
        let Ok(attribute) = self.op.attribute(name) else {
            return Ok(Vec::new());
        };
        array_of_arrays(attribute)
            .and_then(|entries| {
                entries
                    .into_iter()
                    .map(|entry| match <[Constant; 3]>::try_from(entry).ok()? {
                        [Constant::Int(position), Constant::Str(text), constant] => {
                            Some((usize::try_from(position).ok()?, text, constant))
                        }
                        _ => None,
                    })
                    .collect()
            })
            .ok_or_else(|| self.malformed(name))
    }

    fn malformed(&self, name: &str) -> Diagnostic {
        Diagnostic::at(
            &self.op,
            "E0220",
            format!(
                "attribute `{name}` of `@{}` does not have the form of the dialect",
                self.symbol()
            ),
        )
    }

    fn unknown_kind(&self, what: &str, kind: &str) -> Diagnostic {
        Diagnostic::at(
            &self.op,
            "E0221",
            format!("there is no {what} kind `{kind}`"),
        )
    }
}

type Entries<'c> = Vec<(String, Attribute<'c>)>;

fn spec_entries<'c>(attributes: Option<Attribute<'c>>, key: &str) -> Entries<'c> {
    attributes
        .and_then(mlir::dictionary_entries)
        .and_then(|entries| entries.into_iter().find(|(name, _)| name == key))
        .and_then(|(_, value)| mlir::dictionary_entries(value))
        .unwrap_or_default()
}

fn insert_at<T>(list: &mut Vec<T>, position: usize, element: T) -> Option<()> {
    (position <= list.len()).then(|| list.insert(position, element))
}

fn is_return(op: OperationRef<'_, '_>) -> bool {
    op.name().as_string_ref().as_str() == Ok("func.return")
}

/// A view of a module that holds a program.
#[derive(Clone, Copy)]
pub struct Program<'c, 'a> {
    module: OperationRef<'c, 'a>,
}

impl<'c: 'a, 'a> Program<'c, 'a> {
    pub fn new(module: &'a Module<'c>) -> Self {
        Self {
            module: module.as_operation(),
        }
    }

    pub fn operation(&self) -> OperationRef<'c, 'a> {
        self.module
    }

    /// All graphs, the root among them, in the order of the module.
    pub fn graphs(&self) -> Vec<Graph<'c, 'a>> {
        let mut graphs = Vec::new();
        let mut next = self
            .module
            .first_region()
            .and_then(|region| region.first_block())
            .and_then(|block| block.first_operation());
        while let Some(op) = next {
            graphs.extend(Graph::from_operation(op));
            next = op.next_in_block();
        }
        graphs
    }

    pub fn graph(&self, symbol: &str) -> Option<Graph<'c, 'a>> {
        self.graphs()
            .into_iter()
            .find(|graph| graph.symbol() == symbol)
    }

    /// `@main`, or the only function of the module.
    pub fn root(&self) -> Result<Graph<'c, 'a>, Diagnostic> {
        let graphs = self.graphs();
        match graphs.as_slice() {
            [only] => Ok(*only),
            _ => graphs
                .into_iter()
                .find(|graph| graph.symbol() == "main")
                .ok_or_else(|| {
                    Diagnostic::at(&self.module, "E0222", "the module has no function `@main`")
                }),
        }
    }

    /// Range constraints in the order of the file.
    pub fn ranges(&self) -> Result<Vec<Range>, Diagnostic> {
        let Ok(attribute) = self.module.attribute(attribute::RANGES) else {
            return Ok(Vec::new());
        };
        let bound = |constant: &Constant| match constant {
            Constant::Int(value) => Some(Some(*value)),
            Constant::None => Some(None),
            _ => None,
        };
        array_of_arrays(attribute)
            .and_then(|entries| {
                entries
                    .iter()
                    .map(|entry| match entry.as_slice() {
                        [Constant::Str(expression), min, max] => Some(Range {
                            expression: expression.clone(),
                            min: bound(min)?,
                            max: bound(max)?,
                        }),
                        _ => None,
                    })
                    .collect()
            })
            .ok_or_else(|| self.malformed(attribute::RANGES))
    }

    /// The symbols of the program.
    pub fn symbols(&self) -> Result<Vec<Symbol>, Diagnostic> {
        let Ok(attribute) = self.module.attribute(attribute::SYMBOLS) else {
            return Ok(Vec::new());
        };
        let malformed = || self.malformed(attribute::SYMBOLS);
        let array = ArrayAttribute::try_from(attribute).map_err(|_| malformed())?;
        array_elements(array)
            .map(|element| {
                let mut symbol = Symbol {
                    name: String::new(),
                    hint: None,
                    positive: false,
                    integer: false,
                };
                for (key, value) in mlir::dictionary_entries(element)? {
                    match key.as_str() {
                        "name" => symbol.name = mlir::string_text(value)?,
                        "hint" => symbol.hint = Some(Constant::from_attribute(value)?),
                        "positive" => symbol.positive = true,
                        "integer" => symbol.integer = true,
                        _ => {}
                    }
                }
                Some(symbol)
            })
            .collect::<Option<_>>()
            .ok_or_else(malformed)
    }

    /// Guards on the inputs, Python text.
    pub fn guards(&self) -> Vec<String> {
        self.module
            .attribute(attribute::GUARDS)
            .ok()
            .and_then(string_array_values)
            .unwrap_or_default()
    }

    /// FQN and JSON text of each module call's signature (empty if it has none), the root first.
    pub fn module_call_graph(&self) -> Vec<(String, String)> {
        let entries = self.module.attribute(attribute::MODULE_CALL_GRAPH).ok();
        entries
            .and_then(|attribute| ArrayAttribute::try_from(attribute).ok())
            .map(|array| {
                array_elements(array)
                    .filter_map(|entry| match string_array_values(entry)?.as_slice() {
                        [fqn, signature] => Some((fqn.clone(), signature.clone())),
                        _ => None,
                    })
                    .collect()
            })
            .unwrap_or_default()
    }

    /// JSON text of `treespec_namedtuple_fields`.
    pub fn namedtuples(&self) -> Option<String> {
        mlir::string_text(self.module.attribute(attribute::NAMEDTUPLES).ok()?)
    }

    /// Provenance: schema version, torch version, verifiers, opset.
    pub fn provenance(&self) -> Vec<(String, Constant)> {
        self.module
            .attribute(attribute::PROGRAM)
            .ok()
            .and_then(Constant::from_attribute)
            .and_then(|constant| match constant {
                Constant::Dict(entries) => Some(entries),
                _ => None,
            })
            .unwrap_or_default()
    }

    fn malformed(&self, name: &str) -> Diagnostic {
        Diagnostic::at(
            &self.module,
            "E0223",
            format!("module attribute `{name}` does not have the form of the dialect"),
        )
    }
}

impl Range {
    /// The element of `aten.ranges`.
    pub fn to_constant(&self) -> Constant {
        let bound = |bound: Option<i64>| bound.map_or(Constant::None, Constant::Int);
        Constant::List(vec![
            Constant::Str(self.expression.clone()),
            bound(self.min),
            bound(self.max),
        ])
    }
}

impl Symbol {
    /// The element of `aten.symbols`.
    pub fn to_attribute<'c>(&self, context: &'c Context) -> Attribute<'c> {
        let mut entries = vec![("name", StringAttribute::new(context, &self.name).into())];
        if let Some(hint) = &self.hint {
            entries.push(("hint", hint.to_attribute(context)));
        }
        if self.positive {
            entries.push(("positive", Attribute::unit(context)));
        }
        if self.integer {
            entries.push(("integer", Attribute::unit(context)));
        }
        mlir::dictionary(context, &entries)
    }
}

/// The types of values, for `func.func` and its terminator.
pub fn function_type<'c>(
    context: &'c Context,
    inputs: &[Type<'c>],
    results: &[Type<'c>],
) -> Attribute<'c> {
    TypeAttribute::new(FunctionType::new(context, inputs, results).into()).into()
}
