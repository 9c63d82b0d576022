//! The bounds that a reader puts on a file before it believes what the file says of itself.

/// What a reader allows a file to ask for; everything past a bound is a located error.
///
/// The defaults admit every program that fits in memory and was written by PyTorch; a service that reads
/// strangers' files may set them lower.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Entries in one zip directory.
    pub entries: u64,
    /// Bytes of one entry name.
    pub name_bytes: usize,
    /// Bytes of the program's JSON, and of every other text that is parsed whole.
    pub text_bytes: u64,
    /// Bytes that all deflated entries together may declare.
    pub inflated_bytes: u64,
    /// How many times larger than their compressed form all deflated entries together may be, once they
    /// declare more than `inflate_free_bytes`.
    pub inflate_ratio: u64,
    /// Bytes up to which the ratio does not matter: masks and zeros compress a thousandfold.
    pub inflate_free_bytes: u64,
    /// Brackets that may be open at once in a JSON text.
    pub json_depth: usize,
    /// Objects that one pickle may hold.
    pub pickle_objects: usize,
    /// Containers that may be nested in a pickle.
    pub pickle_depth: usize,
    /// Dimensions of a tensor.
    pub tensor_rank: usize,
    /// Graphs that may be nested in one another through higher-order ops.
    pub graph_depth: usize,
    /// Containers that may be nested in a pytree.
    pub pytree_depth: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            entries: 1 << 20,
            name_bytes: 4096,
            text_bytes: 2 << 30,
            inflated_bytes: 8 << 30,
            inflate_ratio: 100,
            inflate_free_bytes: 256 << 20,
            json_depth: 256,
            pickle_objects: 1 << 24,
            pickle_depth: 128,
            tensor_rank: 64,
            graph_depth: 24,
            pytree_depth: 100,
        }
    }
}
