//! The weights of one loaded program: bound to the inputs of its root graph, private where the program writes.

use rustc_hash::{FxHashMap, FxHashSet};

use crate::{
    error::{Result, code, error},
    plan::{Input, InputKind, InputSpec, Output, OutputKind, Plan},
    torch::{Device, Frame, Opaque, SharedValue, Storage, TensorInfo, TorchError, Value},
    weights::{StorageKey, Weight, Weights},
};

/// One input of the root graph that the program brings along.
#[derive(Debug)]
pub(super) struct Bound {
    pub slot: u32,
    pub name: String,
    pub value: SharedValue,
    /// Whether calls of the program change it.
    pub mutable: bool,
}

/// All that a program brings along, in the order of the signature.
#[derive(Debug)]
pub(super) struct State {
    pub bound: Vec<Bound>,
    positions: FxHashMap<String, usize>,
    /// The storages of the weights that change.
    mutable_storages: FxHashSet<usize>,
}

impl State {
    /// Binds weights to the inputs that name them. `written` says which inputs of the root graph its steps may write
    /// to; these, and the targets of mutations, get memory of their own.
    pub(super) fn new(
        plan: &Plan,
        weights: &Weights,
        written: &[bool],
        device: Option<Device>,
    ) -> Result<Self> {
        let inputs = lifted_inputs(plan);
        let mutated = mutation_targets(&plan.signature().outputs);
        let mut binder = Binder {
            device,
            private: FxHashSet::default(),
            storages: FxHashMap::default(),
        };
        let mut found = Vec::with_capacity(inputs.len());
        for LiftedInput {
            position,
            slot,
            input,
        } in inputs
        {
            let name = input.target.as_deref().unwrap_or(&input.name);
            let weight = find(weights, name, input)?;
            if written.get(position) == Some(&true) || mutated.contains(name) {
                binder.private.extend(weight.storage_key());
            }
            found.push((slot, name, input, weight));
        }
        let bind = |(slot, name, input, weight): (u32, &str, &Input, &Weight)| {
            let value = binder
                .bind(weight)
                .map_err(|problem| bad_weight(name, problem.message()))?;
            check_weight(name, input, &value)?;
            // A weight that is tied to one that changes changes with it.
            let mutable = weight
                .storage_key()
                .is_some_and(|key| binder.private.contains(&key));
            Ok(Bound {
                slot,
                name: name.to_owned(),
                value,
                mutable,
            })
        };
        let bound = found.into_iter().map(bind).collect::<Result<Vec<_>>>()?;
        let mutable = bound.iter().filter(|bound| bound.mutable);
        let mutable_storages = mutable
            .filter_map(|bound| bound.value.tensor_info()?.storage)
            .collect();
        let positions = bound.iter().enumerate();
        let positions = positions
            .map(|(position, bound)| (bound.name.clone(), position))
            .collect();
        Ok(Self {
            bound,
            positions,
            mutable_storages,
        })
    }

    pub(super) fn position(&self, name: &str) -> Option<usize> {
        self.positions.get(name).copied()
    }

    pub(super) fn value(&self, position: usize) -> Option<Value> {
        self.bound.get(position).map(|bound| bound.value.get())
    }

    pub(super) fn tensor(&self, name: &str) -> Option<tch::Tensor> {
        match self.value(self.position(name)?) {
            Some(Value::Tensor(tensor)) => Some(tensor),
            _ => None,
        }
    }

    /// Whether two calls at the same time would disturb each other.
    pub(super) fn is_mutable(&self) -> bool {
        !self.mutable_storages.is_empty()
    }

    /// Whether later calls may change the elements of `tensor`.
    pub(super) fn shares_mutable_memory(&self, tensor: &tch::Tensor) -> bool {
        let storage = || TensorInfo::of(tensor).storage;
        self.is_mutable()
            && storage().is_some_and(|storage| self.mutable_storages.contains(&storage))
    }

    pub(super) fn fill(&self, frame: &mut Frame) -> Result<()> {
        for bound in &self.bound {
            frame
                .set(bound.slot, &bound.value.get())
                .map_err(|problem| bad_weight(&bound.name, problem.message()))?;
        }
        Ok(())
    }
}

struct LiftedInput<'a> {
    /// Among the inputs of the root graph.
    position: usize,
    slot: u32,
    input: &'a Input,
}

/// The inputs that callers do not give.
fn lifted_inputs(plan: &Plan) -> Vec<LiftedInput<'_>> {
    let slots = plan.graphs().first().map_or(&[][..], |root| &root.inputs);
    let given = plan
        .signature()
        .inputs
        .iter()
        .filter(|input| !matches!(input.spec, InputSpec::Constant(_)));
    given
        .zip(slots)
        .enumerate()
        .filter(|(_, (input, _))| !matches!(input.kind, InputKind::User | InputKind::Token))
        .map(|(position, (input, slot))| LiftedInput {
            position,
            slot: *slot,
            input,
        })
        .collect()
}

fn mutation_targets(outputs: &[Output]) -> FxHashSet<&str> {
    let mutations = outputs.iter().filter(|output| {
        matches!(
            output.kind,
            OutputKind::BufferMutation | OutputKind::ParameterMutation
        )
    });
    mutations
        .filter_map(|output| output.target.as_deref())
        .collect()
}

fn find<'a>(weights: &'a Weights, name: &str, input: &Input) -> Result<&'a Weight> {
    weights.get(name).ok_or_else(|| {
        let what = match input.kind {
            InputKind::Parameter => "parameter",
            InputKind::Buffer { .. } => "buffer",
            InputKind::CustomObject => "custom object",
            _ => "constant",
        };
        error(
            code::MISSING_WEIGHT,
            format!("there is no {what} `{name}`, which the program takes"),
        )
    })
}

fn bad_weight(name: &str, what: &str) -> Box<expc_dialects::Diagnostic> {
    error(code::BAD_WEIGHT, format!("weight `{name}`: {what}"))
}

/// The weight is what the signature says it is. Sizes that are no plain numbers are not checked.
fn check_weight(name: &str, input: &Input, value: &SharedValue) -> Result<()> {
    let (InputSpec::Tensor { dtype, sizes }, Some(info)) = (&input.spec, value.tensor_info())
    else {
        return Ok(());
    };
    let found = info.dtype.map(|dtype| dtype.torch_name());
    if let (Some(expected), Some(found)) = (dtype, found)
        && expected != found
    {
        let what = format!("expected dtype {expected}, found {found}");
        return Err(bad_weight(name, &what));
    }
    let Some(sizes) = sizes else { return Ok(()) };
    let agrees = |(expected, found): (&String, &i64)| {
        expected.parse::<i64>().map_or(true, |size| size == *found)
    };
    if sizes.len() != info.sizes.len() || !sizes.iter().zip(&info.sizes).all(agrees) {
        return Err(bad_weight(
            name,
            &format!(
                "expected sizes [{}], found {:?}",
                sizes.join(", "),
                info.sizes
            ),
        ));
    }
    Ok(())
}

/// Makes tensors of weights, one storage for all that share it.
struct Binder {
    device: Option<Device>,
    private: FxHashSet<StorageKey>,
    storages: FxHashMap<StorageKey, Storage>,
}

impl Binder {
    fn bind(&mut self, weight: &Weight) -> std::result::Result<SharedValue, TorchError> {
        let (Some(key), Some(view)) = (weight.storage_key(), weight.storage_view()) else {
            return self.bind_whole(weight);
        };
        if !self.storages.contains_key(&key) {
            let storage = self.storage(weight, key)?;
            self.storages.insert(key, storage);
        }
        let tensor = match self.storages.get(&key) {
            Some(storage) if storage.is_aligned_for(&view) => storage.view(&view)?,
            Some(storage) => {
                let aligned = storage.copy_to(storage.device())?;
                let tensor = aligned.view(&view)?;
                self.storages.insert(key, aligned);
                tensor
            }
            None => return Err(TorchError::new("internal error: a storage is missing")),
        };
        Ok(SharedValue::new(Value::Tensor(tensor)))
    }

    fn storage(
        &self,
        weight: &Weight,
        key: StorageKey,
    ) -> std::result::Result<Storage, TorchError> {
        let shared = match weight {
            Weight::Stored { storage, .. } => {
                Storage::from_bytes(storage.bytes.clone(), storage.range.clone())?
            }
            Weight::Tensor(tensor) => Storage::of(&tensor.handle()),
            Weight::Object(_) | Weight::PickledObject { .. } => {
                return Err(TorchError::new("an object has no storage"));
            }
        };
        match self.device {
            Some(device) if device != shared.device() => shared.copy_to(device),
            _ if self.private.contains(&key) => shared.copy_to(shared.device()),
            _ => Ok(shared),
        }
    }

    /// Objects, and tensors of layouts without strides.
    fn bind_whole(&self, weight: &Weight) -> std::result::Result<SharedValue, TorchError> {
        match weight {
            Weight::Object(object) => Ok(SharedValue::new(Value::Opaque(object.clone()))),
            Weight::PickledObject { class_name, bytes } => {
                let bytes = bytes.as_slice().unwrap_or_default();
                let object = Opaque::unpickle(bytes).map_err(|error| {
                    TorchError::new(format!(
                        "the object of class `{class_name}` cannot be read; the library that registers the class \
                         must be loaded (`--load-library`): {error}"
                    ))
                })?;
                Ok(SharedValue::new(Value::Opaque(object)))
            }
            Weight::Tensor(tensor) => {
                let copy = crate::torch::clone_tensor(&tensor.handle(), self.device)?;
                Ok(SharedValue::new(Value::Tensor(copy)))
            }
            Weight::Stored { .. } => Err(TorchError::new(
                "internal error: stored bytes without a view",
            )),
        }
    }
}
