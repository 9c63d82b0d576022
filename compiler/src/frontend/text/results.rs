//! The results of an op: how many there are, what they are called, and their types.

use expc_dialects::{
    Diagnostic, ResultSpec, TensorMeta, ValueType,
    table::{self, OpDef, Type},
};
use expc_passes::shape::InferredReturn;
use melior::Context;
use rustc_hash::FxHashSet;

use super::{
    ast::{Annotation, Statement},
    types::annotated_type,
    uses::Uses,
};
use crate::frontend::pt2::symbols::Expressions;

/// The results of one op.
pub struct Results<'e, 't> {
    pub groups: Vec<Group<'e, 't>>,
    /// The value of the call is its result; nothing is taken out of it.
    pub is_bare: bool,
}

/// A return of an op.
pub enum Group<'e, 't> {
    Single(Slot<'e, 't>),
    /// The names of the list itself, and its elements.
    List(Vec<&'t str>, Vec<Slot<'e, 't>>),
}

/// A result.
#[derive(Default)]
pub struct Slot<'e, 't> {
    /// The FX name.
    pub name: String,
    /// All names that the code has for it.
    pub bound: Vec<&'t str>,
    annotation: Option<&'e Annotation>,
    /// The type in the schema.
    declared: Option<&'static Type<'static>>,
    /// The type that is taken where there is no annotation, and for what annotations do not tell.
    inferred: Option<ValueType>,
}

/// The types of results, in order.
pub struct Types<'c> {
    pub specs: Vec<ResultSpec<'c>>,
    /// The type and expression of each result.
    pub flat: Vec<(ValueType, Option<String>)>,
}

/// What is known of a call beside its line.
pub struct Known<'r> {
    /// What shape inference says of the returns; empty if it says nothing.
    pub inferred: &'r [InferredReturn],
    /// What the last graph among the arguments returns.
    pub graph: Option<&'r [ValueType]>,
}

impl<'e, 't> Results<'e, 't> {
    /// The results of the call on a line.
    pub fn of(op: &str, line: &'e Statement<'t>, uses: &Uses<'e, 't>, known: &Known<'_>) -> Self {
        let mut results = match (table::lookup(op), op.split_once('.')) {
            (Some(def), _) => Self::of_schema(def, line, uses, known),
            (None, Some((table::SYM, name))) => {
                let returns = table::sym(name).and_then(|def| def.schema.returns.first());
                Self::bare(line, returns.map(|returned| &returned.ty))
            }
            (None, Some((table::HOP, name))) => {
                Self::of_higher_order(table::hop(name), line, uses, known)
            }
            (None, _) => Self::of_unknown(line, uses),
        };
        results.fill(known.inferred);
        results
    }

    fn bare(line: &'e Statement<'t>, declared: Option<&'static Type<'static>>) -> Self {
        let slot = Slot {
            name: line.name.to_owned(),
            bound: vec![line.name],
            annotation: line.annotation.as_ref(),
            declared,
            inferred: None,
        };
        Self {
            groups: vec![Group::Single(slot)],
            is_bare: true,
        }
    }

    fn of_schema(
        def: &'static OpDef,
        line: &'e Statement<'t>,
        uses: &Uses<'e, 't>,
        known: &Known<'_>,
    ) -> Self {
        let inferred_length = |index: usize| match known.inferred.get(index) {
            Some(InferredReturn::List(elements)) => elements.len(),
            _ => 0,
        };
        let groups = match def.schema.returns.as_slice() {
            [only] if only.ty.is_list() => {
                vec![list(line.name, vec![line.name], inferred_length(0), uses)]
            }
            [only] => return Self::bare(line, Some(&only.ty)),
            returns => {
                let group = |(index, returned): (usize, &'static table::Return<'static>)| {
                    if returned.ty.is_list() {
                        return list_item(line.name, index, inferred_length(index), uses);
                    }
                    let mut slot = Slot::item(line.name, index, uses);
                    slot.declared = Some(&returned.ty);
                    Group::Single(slot)
                };
                returns.iter().enumerate().map(group).collect()
            }
        };
        Self {
            groups,
            is_bare: false,
        }
    }

    /// A higher-order op returns what its last graph does, unless the code takes out more or its row says otherwise.
    fn of_higher_order(
        def: Option<&'static OpDef>,
        line: &'e Statement<'t>,
        uses: &Uses<'e, 't>,
        known: &Known<'_>,
    ) -> Self {
        let n_items = uses.n_items(line.name);
        if line.annotation.is_some() || (n_items == 0 && uses.is_used(line.name)) {
            return Self::bare(line, None);
        }
        let n_declared = def.map_or(0, |def| def.schema.returns.len());
        let returned = known.graph.unwrap_or_default();
        let n_known = known.inferred.len().max(returned.len());
        let n_results = n_items.max(n_declared).max(n_known);
        let groups = (0..n_results).map(|index| {
            let mut slot = Slot::item(line.name, index, uses);
            slot.inferred = returned.get(index).cloned();
            Group::Single(slot)
        });
        Self {
            groups: groups.collect(),
            is_bare: false,
        }
    }

    /// Of an op without a schema, the code alone tells what it returns.
    fn of_unknown(line: &'e Statement<'t>, uses: &Uses<'e, 't>) -> Self {
        let n_items = uses.n_items(line.name);
        if line.annotation.is_some() || (n_items == 0 && uses.is_used(line.name)) {
            return Self::bare(line, None);
        }
        let groups = (0..n_items).map(|index| {
            let is_list = uses
                .item(line.name, index)
                .is_some_and(|item| uses.n_items(item.name) > 0);
            match is_list {
                true => list_item(line.name, index, 0, uses),
                false => Group::Single(Slot::item(line.name, index, uses)),
            }
        });
        Self {
            groups: groups.collect(),
            is_bare: false,
        }
    }

    /// Takes inferred types for results that have none.
    fn fill(&mut self, inferred: &[InferredReturn]) {
        for (group, inferred) in self.groups.iter_mut().zip(inferred) {
            match (group, inferred) {
                (Group::Single(slot), InferredReturn::Single(found)) => {
                    slot.inferred = Some(found.clone());
                }
                (Group::List(_, slots), InferredReturn::List(found)) => {
                    for (slot, found) in slots.iter_mut().zip(found) {
                        slot.inferred = Some(found.clone());
                    }
                }
                _ => {}
            }
        }
    }

    /// Makes tokens of the results with these names.
    pub fn set_tokens(&mut self, tokens: &FxHashSet<&'t str>) {
        for group in &mut self.groups {
            let slots = match group {
                Group::Single(slot) => std::slice::from_mut(slot),
                Group::List(_, slots) => slots.as_mut_slice(),
            };
            for slot in slots {
                if slot.bound.iter().any(|name| tokens.contains(name)) {
                    slot.inferred = Some(ValueType::Token);
                }
            }
        }
    }

    /// All results in order.
    pub fn slots(&self) -> impl Iterator<Item = &Slot<'e, 't>> {
        self.groups.iter().flat_map(|group| match group {
            Group::Single(slot) => std::slice::from_ref(slot),
            Group::List(_, slots) => slots.as_slice(),
        })
    }

    /// The types of all results.
    ///
    /// # Errors
    /// An annotation that is no type.
    pub fn types<'c>(
        &self,
        context: &'c Context,
        expressions: &mut Expressions,
    ) -> Result<Types<'c>, Diagnostic> {
        let mut flat = Vec::new();
        let mut specs = Vec::new();
        for group in &self.groups {
            let mut one = |slot: &Slot<'e, 't>| -> Result<_, Diagnostic> {
                let found = slot.value_type(expressions)?;
                let r#type = found.0.to_mlir(context);
                flat.push(found);
                Ok(r#type)
            };
            specs.push(match group {
                Group::Single(slot) => ResultSpec::Single(one(slot)?),
                Group::List(_, slots) => {
                    ResultSpec::List(slots.iter().map(one).collect::<Result<_, _>>()?)
                }
            });
        }
        Ok(Types { specs, flat })
    }
}

impl<'e, 't> Slot<'e, 't> {
    /// The result of an index, named like the line that takes it out. The file has such a name for a result that
    /// nothing takes out.
    fn item(source: &str, index: usize, uses: &Uses<'e, 't>) -> Self {
        let item = uses.item(source, index);
        let items = uses.items(source).iter();
        Self {
            name: item.map_or_else(
                || format!("{source}_unused_{index}"),
                |item| item.name.to_owned(),
            ),
            bound: items
                .filter(|(found, _)| *found == index)
                .map(|(_, item)| item.name)
                .collect(),
            annotation: item.and_then(|item| item.annotation.as_ref()),
            ..Self::default()
        }
    }

    fn value_type(
        &self,
        expressions: &mut Expressions,
    ) -> Result<(ValueType, Option<String>), Diagnostic> {
        let Some(annotation) = self.annotation else {
            let declared = self.declared.and_then(scalar_type);
            let found = self.inferred.clone().or(declared);
            return Ok((found.unwrap_or(ValueType::Any), None));
        };
        let (mut value_type, sym) = annotated_type(annotation, expressions)?;
        if let (ValueType::Tensor(tensor), Some(ValueType::Tensor(inferred))) =
            (&mut value_type, &self.inferred)
        {
            complete(tensor, inferred);
        }
        let declared = self
            .declared
            .filter(|_| sym.is_some())
            .and_then(scalar_type);
        Ok((declared.unwrap_or(value_type), sym))
    }
}

/// Takes over what annotations do not tell from an inferred type that does not contradict.
fn complete(tensor: &mut TensorMeta, inferred: &TensorMeta) {
    if tensor.dtype != inferred.dtype {
        return;
    }
    if tensor.device == "cpu" {
        tensor.device.clone_from(&inferred.device);
    }
    tensor.layout.clone_from(&inferred.layout);
    if tensor.sizes == inferred.sizes && tensor.strides.is_none() {
        tensor.strides.clone_from(&inferred.strides);
        tensor.storage_offset = inferred.storage_offset.clone();
    }
}

/// The type of a scalar that the schema tells alone.
fn scalar_type(declared: &Type<'_>) -> Option<ValueType> {
    Some(match declared.without_optional() {
        Type::Int | Type::SymInt => ValueType::SymInt,
        Type::Float | Type::SymFloat => ValueType::SymFloat,
        Type::Bool | Type::SymBool => ValueType::SymBool,
        Type::Str => ValueType::Str,
        _ => return None,
    })
}

/// A list that is one of several results.
fn list_item<'e, 't>(
    source: &str,
    index: usize,
    length: usize,
    uses: &Uses<'e, 't>,
) -> Group<'e, 't> {
    let names = Slot::item(source, index, uses);
    list(&names.name, names.bound, length, uses)
}

/// A list of at least `length` elements.
fn list<'e, 't>(
    name: &str,
    bound: Vec<&'t str>,
    length: usize,
    uses: &Uses<'e, 't>,
) -> Group<'e, 't> {
    let length = uses.n_items(name).max(length);
    let slots = (0..length).map(|index| Slot::item(name, index, uses));
    Group::List(bound, slots.collect())
}
