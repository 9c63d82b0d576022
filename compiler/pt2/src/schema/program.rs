//! The exported program: the root of the JSON.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::argument::Argument;
use super::graph::Graph;
use super::signature::GraphSignature;
use super::text::{Bound, Map, Str, map, null_is_default};

/// A program as `torch.export.save` wrote it, in the union of the schemas 5.x, 7.x and 8.x.
#[derive(Clone, Debug, Deserialize)]
pub struct ExportedProgram<'a> {
    #[serde(borrow)]
    pub graph_module: GraphModule<'a>,
    /// Opset versions by namespace, `aten` only so far.
    #[serde(borrow, default, deserialize_with = "map")]
    pub opset_version: Map<'a, i64>,
    /// Bounds of symbols and of expressions over symbols, keyed by their text, in the file's order.
    #[serde(borrow, default, deserialize_with = "map")]
    pub range_constraints: Map<'a, RangeConstraint>,
    pub schema_version: SchemaVersion,
    /// `ATEN` in 5.x; gone from 7.x on.
    #[serde(default)]
    pub dialect: Option<Str<'a>>,
    /// `TRAINING` or `ATEN`, from 7.x on.
    #[serde(default, deserialize_with = "null_is_default")]
    pub verifiers: Vec<Str<'a>>,
    /// The version that wrote the file, from 7.x on.
    #[serde(default)]
    pub torch_version: Option<Str<'a>>,
    /// Python text of checks on inputs that ranges do not express, from 8.14 on.
    #[serde(default, deserialize_with = "null_is_default")]
    pub guards_code: Vec<Str<'a>>,
}

/// The root graph with its signature and calling conventions.
#[derive(Clone, Debug, Deserialize)]
pub struct GraphModule<'a> {
    #[serde(borrow)]
    pub graph: Graph<'a>,
    pub signature: GraphSignature<'a>,
    pub module_call_graph: Vec<ModuleCallEntry<'a>>,
    /// From 7.x on.
    #[serde(borrow, default, deserialize_with = "map")]
    pub metadata: Map<'a, Str<'a>>,
    /// Field names of the namedtuples that occur in pytrees, by type name; from 8.7 on.
    #[serde(borrow, default, deserialize_with = "map")]
    pub treespec_namedtuple_fields: Map<'a, NamedTupleDef<'a>>,
}

impl<'a> GraphModule<'a> {
    /// The calling convention of the program itself.
    pub fn root_call(&self) -> Option<&ModuleCallSignature<'a>> {
        let root = self
            .module_call_graph
            .iter()
            .find(|entry| entry.fqn.is_empty())?;
        root.signature.as_ref()
    }
}

/// The schema that a file follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub struct SchemaVersion {
    pub major: i64,
    pub minor: i64,
}

impl std::fmt::Display for SchemaVersion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

/// Inclusive bounds; `None` where there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RangeConstraint {
    pub min_val: Option<i64>,
    pub max_val: Option<i64>,
}

impl<'de> Deserialize<'de> for RangeConstraint {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Bounds {
            #[serde(default = "no_bound")]
            min_val: Bound,
            #[serde(default = "no_bound")]
            max_val: Bound,
        }
        let bounds = Bounds::deserialize(deserializer)?;
        Ok(RangeConstraint {
            min_val: bounds.min_val.0,
            max_val: bounds.max_val.0,
        })
    }
}

fn no_bound() -> Bound {
    Bound(None)
}

/// A module of the original program and how it is called.
#[derive(Clone, Debug)]
pub struct ModuleCallEntry<'a> {
    /// Empty for the program itself.
    pub fqn: Str<'a>,
    pub signature: Option<ModuleCallSignature<'a>>,
    /// The signature's JSON word for word, if the file has one.
    pub signature_json: Option<&'a str>,
}

impl<'de: 'a, 'a> Deserialize<'de> for ModuleCallEntry<'a> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Entry<'a> {
            #[serde(borrow)]
            fqn: Str<'a>,
            #[serde(borrow, default)]
            signature: Option<&'a RawValue>,
        }
        let entry = Entry::deserialize(deserializer)?;
        let signature_json = entry.signature.map(RawValue::get);
        let signature = signature_json
            .map(serde_json::from_str)
            .transpose()
            .map_err(|error| {
                serde::de::Error::custom(format_args!(
                    "in the call signature of `{}`: {error}",
                    entry.fqn
                ))
            })?;
        Ok(ModuleCallEntry {
            fqn: entry.fqn,
            signature,
            signature_json,
        })
    }
}

/// How a module is called: pytrees of its arguments and results, and the flat values they hold.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct ModuleCallSignature<'a> {
    #[serde(borrow)]
    pub inputs: Vec<Argument<'a>>,
    pub outputs: Vec<Argument<'a>>,
    /// Pytree text of `(args, kwargs)`; see [`crate::TreeSpec`].
    pub in_spec: Str<'a>,
    /// Pytree text of the result.
    pub out_spec: Str<'a>,
    /// Names of the positional parameters, then of the keywords; from 8.2 on.
    #[serde(default)]
    pub forward_arg_names: Option<Vec<Str<'a>>>,
}

/// The field names of a namedtuple type.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct NamedTupleDef<'a> {
    #[serde(borrow)]
    pub field_names: Vec<Str<'a>>,
}
