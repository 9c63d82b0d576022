//! The code of a graph: `class … def forward …`, and the classes of the graphs in it.

use expc_dialects::Diagnostic;
use rustc_hash::FxHashSet;

use super::{
    fx::{Arg, Callee, Child, FxGraph, Graphs, Node, NodeIndex, NodeKind},
    names::Namespace,
    python,
};

/// Nesting of graphs that is printed.
const MAX_DEPTH: usize = 64;

/// Number of graphs that is printed.
const MAX_GRAPHS: usize = 1 << 16;

const INDENT: usize = 4;

/// Writes classes; lines that a class leaves empty have four spaces, as in PyTorch.
pub struct Writer<'c, 'a, 'g> {
    graphs: &'g Graphs<'c, 'a>,
    n_graphs: usize,
    out: String,
}

impl<'c: 'a, 'a, 'g> Writer<'c, 'a, 'g> {
    pub fn new(graphs: &'g Graphs<'c, 'a>) -> Self {
        Self {
            graphs,
            n_graphs: 0,
            out: String::new(),
        }
    }

    /// The text so far.
    pub fn finish(self) -> String {
        self.out
    }

    /// Writes the class of a graph, its sub-graphs inside it. `depth` is 1 for the root.
    pub fn class(
        &mut self,
        name: &str,
        graph: &FxGraph<'c, 'a>,
        depth: usize,
    ) -> Result<(), Diagnostic> {
        self.line(depth, &format!("class {name}(torch.nn.Module):"));
        let mut code = Code::new(graph);
        let parameters = code.parameters();
        self.line(
            depth + 1,
            &format!("def forward({}):", parameters.join(", ")),
        );
        for line in code.body() {
            self.line(depth + 2, &line);
        }
        self.line(depth, "");
        for child in &graph.children {
            self.child(child, depth + 1)?;
        }
        Ok(())
    }

    fn child(&mut self, child: &Child<'c, 'a>, depth: usize) -> Result<(), Diagnostic> {
        self.n_graphs += 1;
        if depth > MAX_DEPTH || self.n_graphs > MAX_GRAPHS {
            return Err(Diagnostic::at(
                &child.graph.operation(),
                "E0243",
                format!(
                    "graphs are nested deeper than {MAX_DEPTH}, or there are more than {MAX_GRAPHS} to print"
                ),
            ));
        }
        self.class(&child.name, &FxGraph::child(child, self.graphs)?, depth)
    }

    fn line(&mut self, depth: usize, text: &str) {
        let indent = if text.is_empty() {
            INDENT
        } else {
            INDENT * depth
        };
        self.out.extend(std::iter::repeat_n(' ', indent));
        self.out.push_str(text);
        self.out.push('\n');
    }
}

/// The lines of one function.
struct Code<'c, 'a, 'f> {
    graph: &'f FxGraph<'c, 'a>,
    namespace: Namespace,
    /// Names in the code, of the nodes that were named so far.
    names: Vec<String>,
    /// The values that are no longer needed after a node, and are set to None there.
    last_uses: Vec<Vec<NodeIndex>>,
    lines: Vec<String>,
}

impl<'c, 'a, 'f> Code<'c, 'a, 'f> {
    fn new(graph: &'f FxGraph<'c, 'a>) -> Self {
        Self {
            graph,
            namespace: Namespace::new(),
            names: Vec::with_capacity(graph.nodes.len()),
            last_uses: last_uses(&graph.nodes),
            lines: Vec::new(),
        }
    }

    /// `self` and the inputs. An input whose name the code cannot use is renamed in the body.
    fn parameters(&mut self) -> Vec<String> {
        let mut parameters = vec!["self".to_owned()];
        let placeholders = self
            .graph
            .nodes
            .iter()
            .take_while(|node| matches!(node.kind, NodeKind::Placeholder));
        for node in placeholders {
            let name = self.namespace.create(&node.name);
            parameters.push(annotated(&node.name, node));
            if name != node.name {
                self.lines.push(format!("{name} = {}", node.name));
            }
            self.names.push(name);
        }
        parameters
    }

    fn body(mut self) -> Vec<String> {
        let mut comment = None;
        let graph = self.graph;
        for (index, node) in graph.nodes.iter().enumerate().skip(self.names.len()) {
            if node.comment.is_some() && node.comment != comment {
                if !self.lines.is_empty() {
                    self.lines.push(String::new());
                }
                self.lines.extend(node.comment.clone());
                comment.clone_from(&node.comment);
            }
            let line = match &node.kind {
                NodeKind::Output(value) => format!("return {}", self.arg(value)),
                _ => self.assignment(index, node),
            };
            self.lines.push(line);
        }
        self.lines
    }

    /// `name: "annotation" = value`, and what is set to None behind it.
    fn assignment(&mut self, index: NodeIndex, node: &Node) -> String {
        let callee = match &node.kind {
            NodeKind::Call {
                callee: Callee::Python(path),
                ..
            } => self.namespace.global(path),
            NodeKind::Call {
                callee: Callee::Torch(path),
                ..
            } => path.clone(),
            _ => String::new(),
        };
        let name = self.namespace.create(&node.name);
        let mut line = annotated(&name, node);
        self.names.push(name);
        line.push_str(" = ");
        match &node.kind {
            NodeKind::GetAttr(path) => line.push_str(&attribute_of_self(path)),
            NodeKind::Call {
                callee: Callee::Format(format),
                args,
                ..
            } => {
                line.push_str(&self.fill(format, args));
            }
            NodeKind::Call { args, kwargs, .. } => {
                let args = args.iter().map(|arg| self.arg(arg));
                let kwargs = kwargs
                    .iter()
                    .map(|(name, arg)| format!("{name} = {}", self.arg(arg)));
                let arguments: Vec<String> = args.chain(kwargs).collect();
                line.push_str(&format!("{callee}({})", arguments.join(", ")));
            }
            NodeKind::Placeholder | NodeKind::Output(_) => {}
        }
        let dead = self
            .last_uses
            .get(index)
            .map(Vec::as_slice)
            .unwrap_or_default();
        if !dead.is_empty() {
            let names: Vec<&str> = dead.iter().map(|index| self.name(*index)).collect();
            line.push_str(&format!(";  {} = None", names.join(" = ")));
        }
        line
    }

    fn name(&self, index: NodeIndex) -> &str {
        self.names
            .get(index)
            .map(String::as_str)
            .unwrap_or_default()
    }

    /// A format with its `{}` replaced by arguments.
    fn fill(&self, format: &str, args: &[Arg]) -> String {
        let mut args = args.iter();
        let mut pieces = format.split("{}");
        let mut text = pieces.next().unwrap_or_default().to_owned();
        for piece in pieces {
            text.push_str(&args.next().map(|arg| self.arg(arg)).unwrap_or_default());
            text.push_str(piece);
        }
        text
    }

    fn arg(&self, arg: &Arg) -> String {
        let join = |elements: &[Arg]| {
            let elements: Vec<String> = elements.iter().map(|element| self.arg(element)).collect();
            elements.join(", ")
        };
        match arg {
            Arg::Node(index) => self.name(*index).to_owned(),
            Arg::Constant(constant) => python::constant(constant),
            Arg::List(elements) => format!("[{}]", join(elements)),
            Arg::Tuple(elements) if elements.len() == 1 => format!("({},)", join(elements)),
            Arg::Tuple(elements) => format!("({})", join(elements)),
            Arg::Dict(entries) => {
                let entries: Vec<String> = entries
                    .iter()
                    .map(|(key, element)| format!("{}: {}", python::string(key), self.arg(element)))
                    .collect();
                format!("{{{}}}", entries.join(", "))
            }
        }
    }
}

/// For each node the values that no later node uses, and the node itself if none does.
fn last_uses(nodes: &[Node]) -> Vec<Vec<NodeIndex>> {
    let mut seen = FxHashSet::default();
    let mut last_uses = vec![Vec::new(); nodes.len()];
    for (index, (node, dead)) in nodes.iter().zip(&mut last_uses).enumerate().rev() {
        let is_used = seen.contains(&index);
        dead.extend(
            node.inputs()
                .into_iter()
                .filter(|input| seen.insert(*input)),
        );
        if !is_used {
            dead.push(index);
        }
    }
    last_uses
}

fn annotated(name: &str, node: &Node) -> String {
    match &node.annotation {
        Some(annotation) => format!("{name}: \"{annotation}\""),
        None => name.to_owned(),
    }
}

/// `self.a.b`; parts that are no identifiers are asked for by `getattr`.
fn attribute_of_self(path: &str) -> String {
    path.split('.').fold("self".to_owned(), |object, part| {
        let is_identifier = part.starts_with(|c: char| c == '_' || c.is_alphabetic())
            && part.chars().all(|c| c == '_' || c.is_alphanumeric());
        if is_identifier {
            format!("{object}.{part}")
        } else {
            format!("getattr({object}, \"{part}\")")
        }
    })
}
