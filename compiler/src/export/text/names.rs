//! Names of variables in printed code, as FX makes them unique.
//!
//! FX gives each node a name that is unique in its graph. When it prints the graph, it runs these names
//! through a namespace once more, so that none of them hides a Python word or the name of a function that
//! the code calls.

use rustc_hash::{FxHashMap, FxHashSet};

/// Names that FX puts into the globals of every printed graph.
const GLOBALS: [&str; 7] = [
    "inf",
    "nan",
    "NoneType",
    "torch",
    "device",
    "fx_pytree",
    "pytree",
];

/// Words that no variable is named, sorted: Python's keywords, its builtins, and [`GLOBALS`].
const RESERVED: &str = "\
ArithmeticError AssertionError AttributeError BaseException BaseExceptionGroup BlockingIOError \
BrokenPipeError BufferError BytesWarning ChildProcessError ConnectionAbortedError ConnectionError \
ConnectionRefusedError ConnectionResetError DeprecationWarning EOFError Ellipsis EncodingWarning \
EnvironmentError Exception ExceptionGroup False FileExistsError FileNotFoundError FloatingPointError \
FutureWarning GeneratorExit IOError ImportError ImportWarning IndentationError IndexError \
InterruptedError IsADirectoryError KeyError KeyboardInterrupt LookupError MemoryError \
ModuleNotFoundError NameError None NoneType NotADirectoryError NotImplemented NotImplementedError \
OSError OverflowError PendingDeprecationWarning PermissionError ProcessLookupError RecursionError \
ReferenceError ResourceWarning RuntimeError RuntimeWarning StopAsyncIteration StopIteration SyntaxError \
SyntaxWarning SystemError SystemExit TabError TimeoutError True TypeError UnboundLocalError \
UnicodeDecodeError UnicodeEncodeError UnicodeError UnicodeTranslateError UnicodeWarning UserWarning \
ValueError Warning ZeroDivisionError __build_class__ __debug__ __doc__ __import__ __loader__ __name__ \
__package__ __spec__ abs aiter all and anext any as ascii assert async await bin bool break breakpoint \
bytearray bytes callable chr class classmethod compile complex continue copyright credits def del \
delattr device dict dir divmod elif else enumerate eval except exec exit filter finally float for \
format from frozenset fx_pytree getattr global globals hasattr hash help hex id if import in inf input \
int is isinstance issubclass iter lambda len license list locals map max memoryview min nan next \
nonlocal not object oct open or ord pass pow print property pytree quit raise range repr return \
reversed round set setattr slice sorted staticmethod str sum super torch try tuple type vars while \
with yield zip";

/// Whether FX never gives a variable this name.
pub fn is_reserved(name: &str) -> bool {
    RESERVED.split(' ').any(|word| word == name)
}

/// The names of one graph.
#[derive(Clone, Debug)]
pub struct Namespace {
    used: FxHashSet<String>,
    /// The number last given to a name, by the name without its number.
    numbers: FxHashMap<String, u64>,
    globals: FxHashMap<String, String>,
}

impl Default for Namespace {
    fn default() -> Self {
        Self::new()
    }
}

impl Namespace {
    /// The namespace of a graph before its first line.
    pub fn new() -> Self {
        Self {
            used: GLOBALS.iter().map(|name| (*name).to_owned()).collect(),
            numbers: GLOBALS.iter().map(|name| ((*name).to_owned(), 0)).collect(),
            globals: FxHashMap::default(),
        }
    }

    /// A name for a variable: the candidate itself if it is free and a fit name.
    pub fn create(&mut self, candidate: &str) -> String {
        let candidate = to_identifier(candidate);
        let (base, number) = split_number(&candidate);
        let mut name = candidate.clone();
        let mut next = match number {
            Some(number) if !self.used.contains(&candidate) => number,
            _ => {
                let mut number = self.numbers.get(&candidate).copied().unwrap_or(0);
                if is_reserved(&candidate) {
                    number += 1;
                    name = format!("{base}_{number}");
                }
                number
            }
        };
        while self.used.contains(&name) {
            next += 1;
            name = format!("{base}_{next}");
        }
        self.used.insert(name.clone());
        self.numbers.insert(base.to_owned(), next);
        name
    }

    /// The name by which the code refers to a Python function that is none of torch's: `math_trunc`.
    pub fn global(&mut self, path: &str) -> String {
        if let Some(name) = self.globals.get(path) {
            return name.clone();
        }
        let name = self.create(path);
        self.globals.insert(path.to_owned(), name.clone());
        name
    }
}

/// The candidate with what no identifier holds replaced.
fn to_identifier(candidate: &str) -> String {
    let mut name = String::with_capacity(candidate.len());
    let mut replaced = false;
    for c in candidate.chars() {
        let fits = c.is_ascii_alphanumeric() || c == '_';
        match (fits, replaced) {
            (true, _) => name.push(c),
            (false, false) => name.push('_'),
            (false, true) => {}
        }
        replaced = !fits;
    }
    if name.is_empty() {
        return "_unnamed".to_owned();
    }
    if name.starts_with(|c: char| c.is_ascii_digit()) {
        name.insert(0, '_');
    }
    name
}

/// `add` and 1 of `add_1`. Numbers too long to count on belong to the name.
pub fn split_number(name: &str) -> (&str, Option<u64>) {
    const LONGEST: usize = 18;
    let Some((base, digits)) = name.rsplit_once('_') else {
        return (name, None);
    };
    let is_number = !digits.is_empty()
        && digits.len() <= LONGEST
        && digits.bytes().all(|digit| digit.is_ascii_digit());
    match digits.parse() {
        Ok(number) if is_number && !base.is_empty() => (base, Some(number)),
        _ => (name, None),
    }
}

/// Names for nodes that the program does not name, chosen as FX would when it first makes the node.
#[derive(Default)]
pub struct FreeNames {
    taken: FxHashSet<String>,
    next: FxHashMap<String, u64>,
}

impl FreeNames {
    /// Keeps a name from being given to another node.
    pub fn reserve(&mut self, name: &str) {
        self.taken.insert(name.to_owned());
    }

    /// `base_N` with the smallest number from `first` on that is free.
    pub fn create_from(&mut self, base: &str, first: u64) -> String {
        let name = (first..)
            .map(|number| format!("{base}_{number}"))
            .find(|name| !self.taken.contains(name))
            .unwrap_or_default();
        self.taken.insert(name.clone());
        name
    }

    /// `base`, or `base_N` with the smallest number that is free.
    pub fn create(&mut self, base: &str) -> String {
        let base = to_identifier(base);
        let mut number = self.next.get(&base).copied().unwrap_or(0);
        let name = loop {
            let name = match number {
                0 => base.clone(),
                number => format!("{base}_{number}"),
            };
            let is_free = !self.taken.contains(&name) && (number > 0 || !is_reserved(&name));
            number += 1;
            if is_free {
                break name;
            }
        };
        self.next.insert(base, number);
        self.taken.insert(name.clone());
        name
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fit_names_are_kept() {
        let mut names = Namespace::new();
        for name in [
            "add",
            "add_1",
            "getitem",
            "p_layers_0_weight",
            "_softmax",
            "add__1",
            "_1",
        ] {
            assert_eq!(names.create(name), name);
        }
    }

    #[test]
    fn taken_and_reserved_names_get_a_number() {
        let mut names = Namespace::new();
        assert_eq!(names.create("input"), "input_1");
        assert_eq!(names.create("x"), "x");
        assert_eq!(names.create("x"), "x_1");
        assert_eq!(names.create("x_1"), "x_2");
        assert_eq!(names.create("lambda"), "lambda_1");
        assert_eq!(names.create("torch"), "torch_1");
    }

    #[test]
    fn unfit_names_are_made_fit() {
        let mut names = Namespace::new();
        assert_eq!(names.create("layers.0::x"), "layers_0_x");
        assert_eq!(names.create("2d"), "_2d");
        assert_eq!(names.create(""), "_unnamed");
    }

    #[test]
    fn a_function_has_one_name() {
        let mut names = Namespace::new();
        assert_eq!(names.global("math.trunc"), "math_trunc");
        assert_eq!(names.global("math.trunc"), "math_trunc");
        assert_eq!(names.create("math_trunc"), "math_trunc_1");
    }

    #[test]
    fn free_names_go_round_those_that_are_taken() {
        let mut names = FreeNames::default();
        names.reserve("split");
        names.reserve("max_1");
        assert_eq!(names.create("split"), "split_1");
        assert_eq!(names.create("split"), "split_2");
        assert_eq!(names.create("max"), "max_2");
        assert_eq!(names.create("chunk"), "chunk");
    }

    #[test]
    fn long_numbers_belong_to_the_name() {
        assert_eq!(
            split_number("a_12345678901234567890"),
            ("a_12345678901234567890", None)
        );
        assert_eq!(split_number("a_12"), ("a", Some(12)));
        assert_eq!(split_number("_12"), ("_12", None));
    }
}
