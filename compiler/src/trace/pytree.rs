//! Pytree specs as the text that exported programs hold.

use expc_pt2::{TreeKey, TreeKind, TreeSpec};
use serde_json::{Value, json};

/// The text of a spec in protocol 1, as PyTorch writes it.
pub fn text(spec: &TreeSpec) -> String {
    python_json(&json!([1, node(spec)]))
}

/// A call with `args` and keyword arguments.
pub fn call(args: Vec<TreeSpec>, kwargs: Vec<(String, TreeSpec)>) -> TreeSpec {
    let (keys, values) = kwargs
        .into_iter()
        .map(|(key, spec)| (TreeKey::Str(key), spec))
        .unzip();
    tuple(vec![
        tuple(args),
        TreeSpec::Node {
            kind: TreeKind::Dict { keys },
            children: values,
        },
    ])
}

/// A tuple.
pub fn tuple(children: Vec<TreeSpec>) -> TreeSpec {
    TreeSpec::Node {
        kind: TreeKind::Tuple,
        children,
    }
}

fn node(spec: &TreeSpec) -> Value {
    let TreeSpec::Node { kind, children } = spec else {
        return json!({ "type": null, "context": null, "children_spec": [] });
    };
    let text = Value::String;
    let (type_name, context) = match kind {
        TreeKind::Tuple => ("builtins.tuple", text("null".to_owned())),
        TreeKind::List => ("builtins.list", text("null".to_owned())),
        TreeKind::Dict { keys } => ("builtins.dict", text(keys_text(keys))),
        TreeKind::OrderedDict { keys } => ("collections.OrderedDict", text(keys_text(keys))),
        TreeKind::DefaultDict { factory, keys } => {
            let (module, name) = factory.rsplit_once('.').unwrap_or(("", factory));
            let context = json!({
                "default_factory_module": module,
                "default_factory_name": name,
                "dict_context": keys.iter().map(key).collect::<Vec<_>>(),
            });
            ("collections.defaultdict", context)
        }
        TreeKind::Deque { max_len } => ("collections.deque", text(json!(max_len).to_string())),
        TreeKind::NamedTuple { type_name, .. } => ("collections.namedtuple", json!(type_name)),
        TreeKind::Dataclass {
            type_name,
            fields,
            none_fields,
        } => {
            let context = python_json(&json!([fields, none_fields]));
            (type_name.as_str(), text(context))
        }
        TreeKind::Mapping { type_name, keys } => (type_name.as_str(), text(keys_text(keys))),
        TreeKind::Other { type_name, context } => (type_name.as_str(), json!(context)),
    };
    let children: Vec<Value> = children.iter().map(node).collect();
    json!({ "type": type_name, "context": context, "children_spec": children })
}

fn keys_text(keys: &[TreeKey]) -> String {
    python_json(&Value::Array(keys.iter().map(key).collect()))
}

fn key(key: &TreeKey) -> Value {
    match key {
        TreeKey::Str(text) => json!(text),
        TreeKey::Int(value) => json!(value),
        TreeKey::Float(value) => json!(value),
        TreeKey::Bool(value) => json!(value),
        TreeKey::None => Value::Null,
        TreeKey::Enum { class, member } => json!({
            "__enum__": true,
            "fqn": class,
            "name": member,
        }),
        TreeKey::Other(text) => json!(text),
    }
}

/// JSON with blanks behind commas and colons, as Python writes it.
fn python_json(value: &Value) -> String {
    use std::fmt::Write as _;
    fn write(value: &Value, text: &mut String) {
        match value {
            Value::Array(elements) => {
                text.push('[');
                for (position, element) in elements.iter().enumerate() {
                    text.push_str(if position > 0 { ", " } else { "" });
                    write(element, text);
                }
                text.push(']');
            }
            Value::Object(entries) => {
                text.push('{');
                // Python keeps the order of writing, which for nodes is this one.
                let known = ["type", "context", "children_spec"];
                let rank = |key: &str| known.iter().position(|known| *known == key);
                let mut entries: Vec<_> = entries.iter().collect();
                entries.sort_by_key(|(key, _)| rank(key).unwrap_or(known.len()));
                for (position, (key, element)) in entries.into_iter().enumerate() {
                    text.push_str(if position > 0 { ", " } else { "" });
                    // Writing to a string cannot fail.
                    let _ = write!(text, "{}: ", Value::String(key.clone()));
                    write(element, text);
                }
                text.push('}');
            }
            leaf => {
                let _ = write!(text, "{leaf}");
            }
        }
    }
    let mut text = String::new();
    write(value, &mut text);
    text
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use expc_pt2::{Limits, Map, NamedTupleDef, Str};

    use super::*;

    #[test]
    fn text_is_that_of_pytorch() {
        let spec = call(
            vec![TreeSpec::Leaf],
            vec![("mask".to_owned(), TreeSpec::Leaf)],
        );
        let leaf = r#"{"type": null, "context": null, "children_spec": []}"#;
        let args = format!(
            r#"{{"type": "builtins.tuple", "context": "null", "children_spec": [{leaf}]}}"#
        );
        let kwargs = format!(
            r#"{{"type": "builtins.dict", "context": "[\"mask\"]", "children_spec": [{leaf}]}}"#
        );
        assert_eq!(
            text(&spec),
            format!(
                r#"[1, {{"type": "builtins.tuple", "context": "null", "children_spec": [{args}, {kwargs}]}}]"#
            )
        );
    }

    #[test]
    fn specs_survive_their_text() {
        let keys = vec![TreeKey::Str("a".to_owned()), TreeKey::Int(1)];
        let spec = TreeSpec::Node {
            kind: TreeKind::List,
            children: vec![
                TreeSpec::Node {
                    kind: TreeKind::Dict { keys: keys.clone() },
                    children: vec![TreeSpec::Leaf, tuple(vec![])],
                },
                TreeSpec::Node {
                    kind: TreeKind::OrderedDict { keys },
                    children: vec![TreeSpec::Leaf, TreeSpec::Leaf],
                },
                TreeSpec::Node {
                    kind: TreeKind::Deque { max_len: Some(3) },
                    children: vec![TreeSpec::Leaf],
                },
            ],
        };
        let none: HashMap<Str<'_>, NamedTupleDef<'_>> = HashMap::new();
        let none: Map<'_, NamedTupleDef<'_>> = none.into_iter().collect();
        let read = TreeSpec::parse(&text(&spec), &none, &Limits::default());
        assert_eq!(read.ok(), Some(spec));
    }
}
