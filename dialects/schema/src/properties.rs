//! What a schema alone says about an op: whether it writes, what it aliases, how it is named.

use crate::ast::{Alias, Arg, OpSchema, Type};

/// The four forms of an op, as torch's code generator tells them apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SchemaKind {
    /// Writes to no argument.
    Functional,
    /// Writes to its first argument, and is named so: `add_`, `__iadd__`.
    Inplace,
    /// Writes its results into keyword arguments that are there for that.
    Out,
    /// Writes to some other argument.
    Mutable,
}

impl<'a> OpSchema<'a> {
    /// `aten.add.Tensor`; `aten.relu.default` if the overload has no name.
    pub fn full_name(&self) -> String {
        let overload = if self.overload.is_empty() {
            "default"
        } else {
            self.overload
        };
        format!("{}.{}.{overload}", self.namespace, self.name)
    }

    /// The argument of that name and its position.
    pub fn arg(&self, name: &str) -> Option<(usize, &Arg<'a>)> {
        self.args
            .iter()
            .enumerate()
            .find(|(_, arg)| arg.name == name)
    }

    /// The form of the op.
    pub fn kind(&self) -> SchemaKind {
        if !self.mutates() {
            SchemaKind::Functional
        } else if self.out_args().next().is_some() {
            SchemaKind::Out
        } else if self.has_inplace_name() && self.args.first().is_some_and(Arg::is_written) {
            SchemaKind::Inplace
        } else {
            SchemaKind::Mutable
        }
    }

    /// Writes to an argument.
    pub fn mutates(&self) -> bool {
        self.args.iter().any(Arg::is_written)
    }

    /// A result may share memory with an argument that the op does not write to.
    pub fn is_view(&self) -> bool {
        let may_view = |alias: &Alias<'_>| {
            !alias.write && self.args.iter().any(|arg| arg.may_be_viewed_as(alias))
        };
        self.returns
            .iter()
            .filter_map(|ret| ret.alias.as_ref())
            .any(may_view)
    }

    /// Positions of the arguments whose memory the result at `index` may share, written ones included.
    pub fn aliased_args(&self, index: usize) -> impl Iterator<Item = usize> + '_ {
        let alias = self.returns.get(index).and_then(|ret| ret.alias.as_ref());
        let aliased = move |arg: &Arg<'_>| alias.is_some_and(|alias| arg.shares_set_with(alias));
        self.args
            .iter()
            .enumerate()
            .filter(move |(_, arg)| aliased(arg))
            .map(|(position, _)| position)
    }

    /// The keyword arguments that results are written into.
    pub fn out_args(&self) -> impl Iterator<Item = &Arg<'a>> {
        self.args
            .iter()
            .filter(|arg| arg.kwarg_only && arg.is_written() && arg.ty.is_tensor_like())
    }

    /// `add_`, `__iadd__`, `__lshift__` without the `i` is none.
    fn has_inplace_name(&self) -> bool {
        match self
            .name
            .strip_prefix("__")
            .and_then(|rest| rest.strip_suffix("__"))
        {
            Some(operator) => operator.starts_with('i'),
            None => self.name.ends_with('_'),
        }
    }
}

impl Arg<'_> {
    /// The op writes to it.
    pub fn is_written(&self) -> bool {
        self.alias.as_ref().is_some_and(|alias| alias.write)
    }

    fn may_be_viewed_as(&self, alias: &Alias<'_>) -> bool {
        !self.is_written() && self.shares_set_with(alias)
    }

    fn shares_set_with(&self, alias: &Alias<'_>) -> bool {
        self.alias
            .as_ref()
            .is_some_and(|own| own.before.iter().any(|set| alias.before.contains(set)))
    }
}

impl<'a> Type<'a> {
    /// `Tensor`.
    pub fn is_tensor(&self) -> bool {
        matches!(self, Type::Tensor)
    }

    /// A tensor, an optional tensor, or a list of either, optional or not.
    pub fn is_tensor_like(&self) -> bool {
        self.element().is_tensor()
    }

    /// A number or bool, symbolic or not, optional or not.
    pub fn is_number(&self) -> bool {
        matches!(
            self.without_optional(),
            Type::Int
                | Type::SymInt
                | Type::Float
                | Type::SymFloat
                | Type::Bool
                | Type::SymBool
                | Type::Complex
                | Type::Scalar
        )
    }

    /// A list, optional or not.
    pub fn is_list(&self) -> bool {
        matches!(self.without_optional(), Type::List(..))
    }

    /// `T?`.
    pub fn is_optional(&self) -> bool {
        matches!(self, Type::Optional(_))
    }

    /// `T` of `T?`, and of any other type itself.
    pub fn without_optional(&self) -> &Type<'a> {
        let mut ty = self;
        while let Type::Optional(inner) = ty {
            ty = inner;
        }
        ty
    }

    /// What `T[]`, `T?[]` and `T[]?` are made of; of any other type itself.
    pub fn element(&self) -> &Type<'a> {
        let mut ty = self;
        while let Type::Optional(inner) | Type::List(inner, _) = ty {
            ty = inner;
        }
        ty
    }

    /// The element type of a list, optional or not: `Tensor?` of `Tensor?[]`.
    pub fn list_element(&self) -> Option<&Type<'a>> {
        match self.without_optional() {
            Type::List(inner, _) => Some(inner),
            _ => None,
        }
    }
}
