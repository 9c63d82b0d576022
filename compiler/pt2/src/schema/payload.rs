//! The index of weights and constants in archives of PyTorch 2.9 and later.

use serde::Deserialize;

use super::graph::TensorMeta;
use super::text::{Map, Str, map};

/// `<model>_weights_config.json` and `<model>_constants_config.json`.
#[derive(Debug, Deserialize)]
pub(crate) struct PayloadConfig<'a> {
    #[serde(borrow, deserialize_with = "map")]
    pub config: Map<'a, PayloadMeta<'a>>,
}

/// Where a tensor or object is and how to read it.
#[derive(Debug, Deserialize)]
pub(crate) struct PayloadMeta<'a> {
    /// The entry, relative to the folder of weights or constants.
    #[serde(borrow)]
    pub path_name: Str<'a>,
    pub is_param: bool,
    pub use_pickle: bool,
    #[serde(borrow, default)]
    pub tensor_meta: Option<TensorMeta<'a>>,
}
