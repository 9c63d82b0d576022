//! Pytree specs: how the flat inputs and outputs of a program are arranged in Python containers.
//!
//! The text is `[1, {"type": ..., "context": ..., "children_spec": [...]}]` in every version; a leaf has no type.
//! `None` and numbers are leaves. The context is JSON inside a string for most types, and of a form of its own
//! for `defaultdict` and namedtuples.

use std::fmt;

use serde::Deserialize;
use serde_json::Value;

use crate::json::{JsonError, Text};
use crate::limits::Limits;
use crate::schema::{Map, NamedTupleDef, Str};

/// The structure of a Python value around its leaves.
#[derive(Clone, Debug, PartialEq)]
pub enum TreeSpec {
    Leaf,
    Node {
        kind: TreeKind,
        children: Vec<TreeSpec>,
    },
}

/// What kind of container a node is, with what is needed to build it again.
#[derive(Clone, Debug, PartialEq)]
pub enum TreeKind {
    Tuple,
    List,
    Dict {
        keys: Vec<TreeKey>,
    },
    OrderedDict {
        keys: Vec<TreeKey>,
    },
    DefaultDict {
        /// The Python path of the default factory, `builtins.list`.
        factory: String,
        keys: Vec<TreeKey>,
    },
    Deque {
        max_len: Option<i64>,
    },
    NamedTuple {
        type_name: String,
        /// If the program tells them (8.7 and later).
        fields: Option<Vec<String>>,
    },
    /// A registered dataclass; fields that were `None` are not among the children.
    Dataclass {
        type_name: String,
        fields: Vec<String>,
        none_fields: Vec<String>,
    },
    /// A registered class that flattens like a dictionary.
    Mapping {
        type_name: String,
        keys: Vec<TreeKey>,
    },
    /// Any other registered class, with its context word for word.
    Other {
        type_name: String,
        context: String,
    },
}

/// A key of a dictionary.
#[derive(Clone, Debug, PartialEq)]
pub enum TreeKey {
    Str(String),
    Int(i64),
    Float(f64),
    Bool(bool),
    None,
    /// A member of a Python enum: the class's path and the member.
    Enum {
        class: String,
        member: String,
    },
    /// A key of a class that JSON cannot hold, as JSON text.
    Other(String),
}

impl fmt::Display for TreeKey {
    /// Python's `repr`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TreeKey::Str(text) => {
                write!(f, "'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
            }
            TreeKey::Int(value) => write!(f, "{value}"),
            TreeKey::Float(value) => write!(f, "{value:?}"),
            TreeKey::Bool(value) => f.write_str(if *value { "True" } else { "False" }),
            TreeKey::None => f.write_str("None"),
            TreeKey::Enum { class, member } => {
                write!(
                    f,
                    "{}.{member}",
                    class.rsplit([':', '.']).next().unwrap_or_default()
                )
            }
            TreeKey::Other(text) => f.write_str(text),
        }
    }
}

/// What is wrong with a pytree spec.
#[derive(Debug, thiserror::Error)]
pub enum TreeSpecError {
    #[error("in a pytree spec: {0}")]
    Json(#[from] JsonError),
    #[error("pytree protocol {found} is not supported, expected 1")]
    Protocol { found: i64 },
    #[error("a leaf of a pytree has {children} children")]
    LeafWithChildren { children: usize },
    #[error("the pytree node `{type_name}` has {children} children and {names} keys or fields")]
    Count {
        type_name: String,
        children: usize,
        names: usize,
    },
    #[error("the pytree node `{type_name}` has a context that is not understood: `{context}`")]
    Context { type_name: String, context: String },
    #[error("a program's in_spec is not a tuple of arguments and keyword arguments")]
    NotACall,
}

impl TreeSpec {
    /// Reads a spec; `namedtuples` tells the fields of namedtuple types.
    ///
    /// # Errors
    /// If the text is not JSON, of another protocol, nested too deep, or a node's context does not fit.
    pub fn parse(
        text: &str,
        namedtuples: &Map<'_, NamedTupleDef<'_>>,
        limits: &Limits,
    ) -> Result<TreeSpec, TreeSpecError> {
        // Each container opens an object and a list; the whole is in one more list.
        let depth = limits.pytree_depth.saturating_mul(2).saturating_add(4);
        let text = Text::new(text.as_bytes(), depth)?;
        let (protocol, root): (i64, NodeJson<'_>) = text.parse()?;
        if protocol != 1 {
            return Err(TreeSpecError::Protocol { found: protocol });
        }
        build(root, namedtuples)
    }

    /// The number of leaves.
    pub fn n_leaves(&self) -> usize {
        match self {
            TreeSpec::Leaf => 1,
            TreeSpec::Node { children, .. } => children.iter().map(TreeSpec::n_leaves).sum(),
        }
    }

    /// The children; none of a leaf.
    pub fn children(&self) -> &[TreeSpec] {
        match self {
            TreeSpec::Leaf => &[],
            TreeSpec::Node { children, .. } => children,
        }
    }

    /// How Python reaches each leaf of a value called `root`: `root['a'][0].x`.
    pub fn leaf_paths(&self, root: &str) -> Vec<String> {
        let mut paths = Vec::new();
        let mut path = root.to_owned();
        self.collect_paths(&mut path, &mut paths);
        paths
    }

    /// The arguments and keyword arguments of a program's `in_spec`.
    ///
    /// # Errors
    /// If it is not a tuple of a tuple and a dictionary.
    pub fn as_call(&self) -> Result<CallSpec<'_>, TreeSpecError> {
        let TreeSpec::Node {
            kind: TreeKind::Tuple,
            children,
        } = self
        else {
            return Err(TreeSpecError::NotACall);
        };
        match &children[..] {
            [
                TreeSpec::Node {
                    kind: TreeKind::Tuple | TreeKind::List,
                    children: args,
                },
                TreeSpec::Node {
                    kind: TreeKind::Dict { keys },
                    children: kwargs,
                },
            ] => Ok(CallSpec { args, keys, kwargs }),
            _ => Err(TreeSpecError::NotACall),
        }
    }

    fn collect_paths(&self, path: &mut String, paths: &mut Vec<String>) {
        let TreeSpec::Node { kind, children } = self else {
            paths.push(path.clone());
            return;
        };
        let len = path.len();
        for (position, child) in children.iter().enumerate() {
            kind.push_step(position, path);
            child.collect_paths(path, paths);
            path.truncate(len);
        }
    }
}

impl TreeKind {
    /// Appends the Python text that goes from the container to its child.
    fn push_step(&self, position: usize, path: &mut String) {
        use std::fmt::Write;
        let written = match self {
            TreeKind::Dict { keys }
            | TreeKind::OrderedDict { keys }
            | TreeKind::DefaultDict { keys, .. }
            | TreeKind::Mapping { keys, .. } => {
                keys.get(position).map(|key| write!(path, "[{key}]"))
            }
            TreeKind::NamedTuple {
                fields: Some(fields),
                ..
            }
            | TreeKind::Dataclass { fields, .. } => {
                fields.get(position).map(|field| write!(path, ".{field}"))
            }
            TreeKind::Tuple
            | TreeKind::List
            | TreeKind::Deque { .. }
            | TreeKind::NamedTuple { fields: None, .. }
            | TreeKind::Other { .. } => None,
        };
        if written.is_none() {
            // Writing to a string cannot fail.
            let _ = write!(path, "[{position}]");
        }
    }

    /// The serialized name of the type.
    pub fn type_name(&self) -> &str {
        match self {
            TreeKind::Tuple => "builtins.tuple",
            TreeKind::List => "builtins.list",
            TreeKind::Dict { .. } => "builtins.dict",
            TreeKind::OrderedDict { .. } => "collections.OrderedDict",
            TreeKind::DefaultDict { .. } => "collections.defaultdict",
            TreeKind::Deque { .. } => "collections.deque",
            TreeKind::NamedTuple { type_name, .. }
            | TreeKind::Dataclass { type_name, .. }
            | TreeKind::Mapping { type_name, .. }
            | TreeKind::Other { type_name, .. } => type_name,
        }
    }
}

/// A program's arguments, taken apart.
#[derive(Clone, Copy, Debug)]
pub struct CallSpec<'s> {
    pub args: &'s [TreeSpec],
    /// The keywords, as many as `kwargs`.
    pub keys: &'s [TreeKey],
    pub kwargs: &'s [TreeSpec],
}

impl CallSpec<'_> {
    /// How Python reaches each leaf from the parameters of `forward`: `x['a'][0]`.
    ///
    /// `forward_arg_names` are those of the call signature; without them, positional arguments are `args[0]`, ....
    pub fn leaf_paths(&self, forward_arg_names: Option<&[Str<'_>]>) -> Vec<String> {
        let mut paths = Vec::new();
        for (position, arg) in self.args.iter().enumerate() {
            let name = forward_arg_names.and_then(|names| names.get(position));
            let root = name.map_or_else(|| format!("args[{position}]"), |name| name.to_string());
            paths.extend(arg.leaf_paths(&root));
        }
        for (key, kwarg) in self.keys.iter().zip(self.kwargs) {
            let root = match key {
                TreeKey::Str(name) => name.clone(),
                key => format!("kwargs[{key}]"),
            };
            paths.extend(kwarg.leaf_paths(&root));
        }
        paths
    }
}

#[derive(Deserialize)]
struct NodeJson<'a> {
    #[serde(borrow, rename = "type")]
    type_name: Option<Str<'a>>,
    context: Value,
    children_spec: Vec<NodeJson<'a>>,
}

fn build(
    node: NodeJson<'_>,
    namedtuples: &Map<'_, NamedTupleDef<'_>>,
) -> Result<TreeSpec, TreeSpecError> {
    let Some(type_name) = node.type_name else {
        return match node.children_spec.len() {
            0 => Ok(TreeSpec::Leaf),
            children => Err(TreeSpecError::LeafWithChildren { children }),
        };
    };
    let n_children = node.children_spec.len();
    let kind = kind_of(&type_name, &node.context, n_children, namedtuples)?;
    let children = node
        .children_spec
        .into_iter()
        .map(|child| build(child, namedtuples))
        .collect::<Result<_, _>>()?;
    Ok(TreeSpec::Node { kind, children })
}

fn kind_of(
    type_name: &str,
    context: &Value,
    n_children: usize,
    namedtuples: &Map<'_, NamedTupleDef<'_>>,
) -> Result<TreeKind, TreeSpecError> {
    let bad_context = || TreeSpecError::Context {
        type_name: type_name.to_owned(),
        context: context.to_string(),
    };
    let counted = |names: usize| match names == n_children {
        true => Ok(()),
        false => Err(TreeSpecError::Count {
            type_name: type_name.to_owned(),
            children: n_children,
            names,
        }),
    };
    let inner = || match context {
        Value::String(text) => serde_json::from_str::<Value>(text).map_err(|_| bad_context()),
        _ => Err(bad_context()),
    };
    let keys = |value: &Value| {
        let keys: Vec<TreeKey> = value
            .as_array()
            .ok_or_else(bad_context)?
            .iter()
            .map(key_of)
            .collect();
        counted(keys.len()).map(|()| keys)
    };
    Ok(match type_name {
        "builtins.tuple" => TreeKind::Tuple,
        "builtins.list" => TreeKind::List,
        "builtins.dict" => TreeKind::Dict {
            keys: keys(&inner()?)?,
        },
        "collections.OrderedDict" => TreeKind::OrderedDict {
            keys: keys(&inner()?)?,
        },
        "collections.defaultdict" => {
            let text = |field: &str| {
                context
                    .get(field)
                    .and_then(Value::as_str)
                    .ok_or_else(bad_context)
            };
            let factory = format!(
                "{}.{}",
                text("default_factory_module")?,
                text("default_factory_name")?
            );
            TreeKind::DefaultDict {
                factory,
                keys: keys(context.get("dict_context").ok_or_else(bad_context)?)?,
            }
        }
        "collections.deque" => match inner()? {
            Value::Null => TreeKind::Deque { max_len: None },
            Value::Number(max_len) => TreeKind::Deque {
                max_len: Some(max_len.as_i64().ok_or_else(bad_context)?),
            },
            _ => return Err(bad_context()),
        },
        "collections.namedtuple" => {
            let type_name = context.as_str().ok_or_else(bad_context)?;
            let fields = namedtuples
                .get(type_name)
                .map(|def| def.field_names.iter().map(Str::to_string).collect());
            if let Some(fields) = &fields {
                counted(Vec::<String>::len(fields))?;
            }
            TreeKind::NamedTuple {
                type_name: type_name.to_owned(),
                fields,
            }
        }
        _ => registered(type_name, context, n_children, namedtuples),
    })
}

/// A class that the program's author registered; what its context looks like tells what it is.
fn registered(
    type_name: &str,
    context: &Value,
    n_children: usize,
    namedtuples: &Map<'_, NamedTupleDef<'_>>,
) -> TreeKind {
    let type_name = type_name.to_owned();
    if let Some(def) = namedtuples
        .get(type_name.as_str())
        .filter(|def| def.field_names.len() == n_children)
    {
        let fields = def.field_names.iter().map(Str::to_string).collect();
        return TreeKind::NamedTuple {
            type_name,
            fields: Some(fields),
        };
    }
    let text = match context {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let names = |value: &Value| -> Option<Vec<String>> {
        value
            .as_array()?
            .iter()
            .map(|name| name.as_str().map(str::to_owned))
            .collect()
    };
    match serde_json::from_str::<Value>(&text) {
        Ok(Value::Array(parts)) => {
            if let [fields, none_fields] = &parts[..]
                && let (Some(fields), Some(none_fields)) = (names(fields), names(none_fields))
                && fields.len() == n_children
            {
                return TreeKind::Dataclass {
                    type_name,
                    fields,
                    none_fields,
                };
            }
            if n_children > 0 && parts.len() == n_children && parts.iter().all(Value::is_string) {
                return TreeKind::Mapping {
                    type_name,
                    keys: parts.iter().map(key_of).collect(),
                };
            }
            TreeKind::Other {
                type_name,
                context: text,
            }
        }
        _ => TreeKind::Other {
            type_name,
            context: text,
        },
    }
}

fn key_of(value: &Value) -> TreeKey {
    match value {
        Value::Null => TreeKey::None,
        Value::Bool(value) => TreeKey::Bool(*value),
        Value::String(text) => TreeKey::Str(text.clone()),
        Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(value), _) => TreeKey::Int(value),
            (None, Some(value)) => TreeKey::Float(value),
            (None, None) => TreeKey::Other(number.to_string()),
        },
        Value::Object(fields) if fields.contains_key("__enum__") => {
            let text = |field: &str| {
                fields
                    .get(field)
                    .and_then(Value::as_str)
                    .unwrap_or_default()
                    .to_owned()
            };
            TreeKey::Enum {
                class: text("fqn"),
                member: text("name"),
            }
        }
        other => TreeKey::Other(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<TreeSpec, TreeSpecError> {
        TreeSpec::parse(text, &Map::new(), &Limits::default())
    }

    const LEAF: &str = r#"{"type": null, "context": null, "children_spec": []}"#;

    fn node(type_name: &str, context: &str, children: &[&str]) -> String {
        let context = serde_json::to_string(context).expect("text");
        format!(
            r#"{{"type": "{type_name}", "context": {context}, "children_spec": [{}]}}"#,
            children.join(", ")
        )
    }

    fn spec(root: &str) -> TreeSpec {
        parse(&format!("[1, {root}]")).expect("spec")
    }

    #[test]
    fn paths_are_spelled_as_in_python() {
        let list = node("builtins.list", "null", &[LEAF, LEAF]);
        let dict = node("builtins.dict", r#"["a", 3, "it's"]"#, &[&list, LEAF, LEAF]);
        let args = node("builtins.tuple", "null", &[&dict, LEAF]);
        let kwargs = node("builtins.dict", r#"["scale"]"#, &[LEAF]);
        let spec = spec(&node("builtins.tuple", "null", &[&args, &kwargs]));
        assert_eq!(spec.n_leaves(), 6);
        let call = spec.as_call().expect("a call");
        let names = [Str::from("x"), Str::from("y")];
        let expected = [
            "x['a'][0]",
            "x['a'][1]",
            "x[3]",
            r"x['it\'s']",
            "y",
            "scale",
        ];
        assert_eq!(call.leaf_paths(Some(&names)), expected);
        assert_eq!(call.leaf_paths(None)[4], "args[1]");
    }

    #[test]
    fn containers_of_the_standard_library() {
        let context = r#"{"default_factory_module": "builtins", "default_factory_name": "list", "dict_context": ["k"]}"#;
        let default = format!(
            r#"{{"type": "collections.defaultdict", "context": {context}, "children_spec": [{LEAF}]}}"#
        );
        let kind = TreeKind::DefaultDict {
            factory: "builtins.list".to_owned(),
            keys: vec![TreeKey::Str("k".to_owned())],
        };
        assert_eq!(
            spec(&default),
            TreeSpec::Node {
                kind,
                children: vec![TreeSpec::Leaf]
            }
        );
        let deque = node("collections.deque", "5", &[LEAF]);
        assert_eq!(spec(&deque).leaf_paths("d"), ["d[0]"]);
        let ordered = node("collections.OrderedDict", r#"["z", "a"]"#, &[LEAF, LEAF]);
        assert_eq!(spec(&ordered).leaf_paths("o"), ["o['z']", "o['a']"]);
    }

    #[test]
    fn registered_classes() {
        let point = node("collections.namedtuple", "__main__.Point", &[LEAF, LEAF]);
        assert_eq!(spec(&point).leaf_paths("p"), ["p[0]", "p[1]"]);
        let mut namedtuples = Map::new();
        let field_names = vec![Str::from("x"), Str::from("y")];
        namedtuples.insert(Str::from("__main__.Point"), NamedTupleDef { field_names });
        let named = TreeSpec::parse(&format!("[1, {point}]"), &namedtuples, &Limits::default())
            .expect("spec");
        assert_eq!(named.leaf_paths("p"), ["p.x", "p.y"]);
        let dataclass = node("__main__.Data", r#"[["a", "c"], ["b"]]"#, &[LEAF, LEAF]);
        assert_eq!(spec(&dataclass).leaf_paths("d"), ["d.a", "d.c"]);
        let output = node("transformers.Output", r#"["logits"]"#, &[LEAF]);
        assert_eq!(spec(&output).leaf_paths("o"), ["o['logits']"]);
        let other = node("my.Class", r#"{"n": 2}"#, &[LEAF]);
        assert_eq!(spec(&other).leaf_paths("o"), ["o[0]"]);
        let constant = node("my.Constant", r#""fast""#, &[]);
        assert_eq!(spec(&constant).n_leaves(), 0);
    }

    #[track_caller]
    fn check_error(text: &str, expected: &str) {
        assert_eq!(parse(text).expect_err("an error").to_string(), expected);
    }

    #[test]
    fn faults_are_named() {
        check_error(
            &format!("[2, {LEAF}]"),
            "pytree protocol 2 is not supported, expected 1",
        );
        check_error(
            &format!("[1, {}]", node("builtins.dict", r#"["a"]"#, &[])),
            "the pytree node `builtins.dict` has 0 children and 1 keys or fields",
        );
        check_error(
            &format!("[1, {}]", node("builtins.dict", "{", &[])),
            "the pytree node `builtins.dict` has a context that is not understood: `\"{\"`",
        );
        check_error(
            &format!(r#"[1, {{"type": null, "context": null, "children_spec": [{LEAF}]}}]"#),
            "a leaf of a pytree has 1 children",
        );
        assert!(parse("[1").is_err());
    }

    #[test]
    fn nesting_is_bounded() {
        let nested = |depth: usize| {
            (0..depth).fold(LEAF.to_owned(), |inner, _| {
                node("builtins.list", "null", &[&inner])
            })
        };
        assert_eq!(spec(&nested(100)).n_leaves(), 1);
        assert!(parse(&format!("[1, {}]", nested(103))).is_err());
    }
}
