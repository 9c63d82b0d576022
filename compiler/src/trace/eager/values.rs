//! What goes into a traced call and what comes out: trees of tensors and constants, and the models that take them.

use expc_dialects::{Constant, Diagnostic};
use expc_pt2::{TreeKey, TreeKind, TreeSpec};
use expc_runtime::torch::Value;
use tch::{Tensor, nn};

use super::{code, pytree};

/// What a traced call returned.
#[derive(Debug)]
pub enum Output {
    Tensor(Tensor),
    Constant(Constant),
    Tuple(Vec<Output>),
    List(Vec<Output>),
    Dict(Vec<(String, Output)>),
}

impl Output {
    /// Tensors and constants in the order of their containers.
    pub(super) fn leaves(self, leaves: &mut Vec<Output>) {
        match self {
            Self::Tensor(_) | Self::Constant(_) => leaves.push(self),
            Self::Tuple(items) | Self::List(items) => {
                items.into_iter().for_each(|item| item.leaves(leaves));
            }
            Self::Dict(entries) => entries
                .into_iter()
                .for_each(|(_, item)| item.leaves(leaves)),
        }
    }

    pub(super) fn tree(&self) -> TreeSpec {
        let list = |items: &[Output]| items.iter().map(Self::tree).collect();
        match self {
            Self::Tensor(_) | Self::Constant(_) => TreeSpec::Leaf,
            Self::Tuple(items) => pytree::tuple(list(items)),
            Self::List(items) => TreeSpec::Node {
                kind: TreeKind::List,
                children: list(items),
            },
            Self::Dict(entries) => TreeSpec::Node {
                kind: TreeKind::Dict {
                    keys: entries
                        .iter()
                        .map(|(key, _)| TreeKey::Str(key.clone()))
                        .collect(),
                },
                children: entries.iter().map(|(_, item)| item.tree()).collect(),
            },
        }
    }
}

/// What traced code may return.
pub trait IntoOutput {
    fn into_output(self) -> Output;
}

impl IntoOutput for Output {
    fn into_output(self) -> Output {
        self
    }
}

impl IntoOutput for Tensor {
    fn into_output(self) -> Output {
        Output::Tensor(self)
    }
}

impl<T: IntoOutput> IntoOutput for Vec<T> {
    fn into_output(self) -> Output {
        Output::List(self.into_iter().map(T::into_output).collect())
    }
}

impl<T: IntoOutput> IntoOutput for Option<T> {
    fn into_output(self) -> Output {
        self.map_or(Output::Constant(Constant::None), T::into_output)
    }
}

impl<T: IntoOutput> IntoOutput for Vec<(String, T)> {
    fn into_output(self) -> Output {
        let entries = self.into_iter();
        Output::Dict(
            entries
                .map(|(key, item)| (key, item.into_output()))
                .collect(),
        )
    }
}

macro_rules! tuples {
    ($($($name:ident)+;)*) => {$(
        impl<$($name: IntoOutput),+> IntoOutput for ($($name,)+) {
            #[allow(non_snake_case, reason = "type parameters name the elements")]
            fn into_output(self) -> Output {
                let ($($name,)+) = self;
                Output::Tuple(vec![$($name.into_output()),+])
            }
        }
    )*};
}

tuples! { A; A B; A B C; A B C D; A B C D E; A B C D E F; }

/// Code that can be traced: a module of tch, or a closure over tensors or over nested values.
///
/// `By` keeps the kinds apart and is always inferred.
pub trait Traceable<By> {
    /// Calls the model with the inputs as they were given; `tensors` are those in them, in order.
    ///
    /// # Errors
    /// The model takes another number of tensors.
    fn call(&self, inputs: &[Value], tensors: &[Tensor], train: bool)
    -> Result<Output, Diagnostic>;
}

/// Marks modules ([`nn::ModuleT`], and so [`nn::Module`]).
#[derive(Debug)]
pub struct ByModule;

impl<M: nn::ModuleT + ?Sized> Traceable<ByModule> for M {
    fn call(&self, _: &[Value], tensors: &[Tensor], train: bool) -> Result<Output, Diagnostic> {
        match tensors {
            [input] => Ok(self.forward_t(input, train).into_output()),
            _ => Err(wrong_count(1, tensors)),
        }
    }
}

/// Marks closures over all tensors of the inputs.
#[derive(Debug)]
pub struct ByTensors<O>(std::marker::PhantomData<O>);

impl<O: IntoOutput, F: Fn(&[Tensor]) -> O> Traceable<ByTensors<O>> for F {
    fn call(&self, _: &[Value], tensors: &[Tensor], _: bool) -> Result<Output, Diagnostic> {
        Ok(self(tensors).into_output())
    }
}

/// Marks closures over the inputs as they are.
#[derive(Debug)]
pub struct ByValues<O>(std::marker::PhantomData<O>);

impl<O: IntoOutput, F: Fn(&[Value]) -> O> Traceable<ByValues<O>> for F {
    fn call(&self, inputs: &[Value], _: &[Tensor], _: bool) -> Result<Output, Diagnostic> {
        Ok(self(inputs).into_output())
    }
}

/// Marks closures over one tensor.
#[derive(Debug)]
pub struct ByTensor<O>(std::marker::PhantomData<O>);

impl<O: IntoOutput, F: Fn(&Tensor) -> O> Traceable<ByTensor<O>> for F {
    fn call(&self, _: &[Value], tensors: &[Tensor], _: bool) -> Result<Output, Diagnostic> {
        match tensors {
            [input] => Ok(self(input).into_output()),
            _ => Err(wrong_count(1, tensors)),
        }
    }
}

/// Marks closures over two tensors.
#[derive(Debug)]
pub struct ByTwoTensors<O>(std::marker::PhantomData<O>);

impl<O: IntoOutput, F: Fn(&Tensor, &Tensor) -> O> Traceable<ByTwoTensors<O>> for F {
    fn call(&self, _: &[Value], tensors: &[Tensor], _: bool) -> Result<Output, Diagnostic> {
        match tensors {
            [first, second] => Ok(self(first, second).into_output()),
            _ => Err(wrong_count(2, tensors)),
        }
    }
}

fn wrong_count(expected: usize, tensors: &[Tensor]) -> Diagnostic {
    let what = format!(
        "the traced code takes {expected} tensors, the inputs have {}",
        tensors.len()
    );
    Diagnostic::error(code::INPUTS, what)
}

/// The tree of an input.
pub(super) fn tree(input: &Value) -> TreeSpec {
    match input {
        Value::List(items) => TreeSpec::Node {
            kind: TreeKind::List,
            children: items.iter().map(tree).collect(),
        },
        Value::Dict(entries) => TreeSpec::Node {
            kind: TreeKind::Dict {
                keys: entries
                    .iter()
                    .map(|(key, _)| TreeKey::Str(key.clone()))
                    .collect(),
            },
            children: entries.iter().map(|(_, item)| tree(item)).collect(),
        },
        _ => TreeSpec::Leaf,
    }
}

/// The leaves of an input with their names: `x`, `x_0` in a list, `x_key` in a dictionary.
pub(super) fn leaves<'a>(name: &str, input: &'a Value, found: &mut Vec<(String, &'a Value)>) {
    match input {
        Value::List(items) => {
            for (position, item) in items.iter().enumerate() {
                leaves(&format!("{name}_{position}"), item, found);
            }
        }
        Value::Dict(entries) => {
            for (key, item) in entries {
                leaves(&format!("{name}_{key}"), item, found);
            }
        }
        leaf => found.push((name.to_owned(), leaf)),
    }
}

/// The same input with other tensors, taken in order.
pub(super) fn with_tensors(input: &Value, tensors: &mut dyn Iterator<Item = Tensor>) -> Value {
    match input {
        Value::Tensor(tensor) => {
            Value::Tensor(tensors.next().unwrap_or_else(|| tensor.shallow_clone()))
        }
        Value::List(items) => Value::List(
            items
                .iter()
                .map(|item| with_tensors(item, tensors))
                .collect(),
        ),
        Value::Dict(entries) => Value::Dict(
            entries
                .iter()
                .map(|(key, item)| (key.clone(), with_tensors(item, tensors)))
                .collect(),
        ),
        other => other.clone(),
    }
}
