//! The command line, as clap reads it.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use expc_pt2::SchemaVersion;

use crate::pipeline::Level;

/// Reads, prints, checks and runs programs of torch.export, without Python.
#[derive(Debug, Parser)]
#[command(
    name = "expc",
    version,
    arg_required_else_help = true,
    disable_help_subcommand = true
)]
#[command(after_help = "Exit status: 0 done, 1 the program or its inputs are at fault, 2 usage.")]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run a program
    Run(RunArgs),
    /// Run many cases, one a line of a list
    RunMany(RunManyArgs),
    /// Print a program as PyTorch prints an ExportedProgram
    Print(PrintArgs),
    /// Write the module of a program
    Opt(OptArgs),
    /// Show what stands between a program and each stage, module by module
    Report(ReportArgs),
    /// Verify everything that can be verified without running
    Check(CheckArgs),
    /// Show what is known of operators
    Ops(OpsArgs),
    /// Measure load time and latency
    Bench(BenchArgs),
    /// Show where the time of a call goes
    Profile(ProfileArgs),
    /// Run two programs, or two levels of one, in step and show the first value that differs
    Diff(DiffArgs),
    /// Show what can be exported from Rust and what cannot, example by example
    Exportdb(ExportdbArgs),
}

/// The model of most commands.
#[derive(Debug, Args)]
pub struct ModelArg {
    /// A `.pt2` archive, a `.mlir` module or a printed program; `-` is the standard input
    #[arg(value_name = "MODEL")]
    pub model: PathBuf,
}

/// Weights that do not come with the model.
#[derive(Clone, Debug, Default, Args)]
pub struct WeightArgs {
    /// Weights of a model that has none, or that replace its own: tensors by name, or another archive
    #[arg(long, value_name = "FILE.safetensors|.npz|.pt2")]
    pub weights: Option<PathBuf>,

    /// Make up the weights that are missing, after `--seed` [default seed: 0]
    #[arg(long)]
    pub random_weights: bool,
}

/// How a program is loaded.
#[derive(Debug, Args)]
pub struct LoadArgs {
    /// Where to run
    #[arg(long, value_name = "cpu|cuda[:N]", default_value = "cpu")]
    pub device: String,

    /// Threads that one operator uses [default: libtorch's choice]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i32).range(1..=4096))]
    pub threads: Option<i32>,

    /// Load a library that registers operators, running its code (repeatable)
    #[arg(long, value_name = "LIB")]
    pub load_library: Vec<PathBuf>,

    #[command(flatten)]
    pub weights: WeightArgs,

    /// Seed of the random number generators, and of inputs and weights that are made up
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,

    /// The level at which the program is run
    #[arg(long, value_enum, default_value_t = Level::Exported)]
    pub level: Level,

    /// Run the program without optimizations
    #[arg(long)]
    pub no_optimize: bool,
}

/// How a case is run.
#[derive(Debug, Args)]
pub struct ExecutionArgs {
    #[command(flatten)]
    pub load: LoadArgs,

    /// Also write what the call changed: `buffer:FQN` and `input:I`
    #[arg(long)]
    pub state: bool,

    /// Call the program so many times and keep the last result; its state is kept between calls
    #[arg(long, value_name = "N", default_value = "1", value_parser = clap::value_parser!(u32).range(1..))]
    pub repeat: u32,

    /// Answer with JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct ExportdbArgs {
    /// The example to show [default: a list of all]
    #[arg(value_name = "NAME")]
    pub name: Option<String>,

    /// Write the program of the example, too
    #[arg(long, value_name = "FILE.pt2", requires = "name")]
    pub save: Option<PathBuf>,

    /// Answer with the page of the documentation
    #[arg(long, conflicts_with = "name")]
    pub markdown: bool,
}

#[derive(Debug, Args)]
pub struct RunArgs {
    #[command(flatten)]
    pub model: ModelArg,

    /// One input, by name, pytree path or position: a `.npy` file or a Python number (repeatable)
    #[arg(long = "input", value_name = "NAME=VALUE")]
    pub input: Vec<String>,

    /// Inputs, by position ("0", "1", ..), name or pytree path
    #[arg(long, value_name = "FILE.npz|.safetensors")]
    pub inputs: Option<PathBuf>,

    /// Write the flat outputs, with keys "0", "1", ..
    #[arg(short, long, value_name = "FILE.npz|.safetensors")]
    pub output: Option<PathBuf>,

    /// Compare the outputs with those of this file
    #[arg(long, value_name = "FILE.npz|.safetensors")]
    pub expected: Option<PathBuf>,

    #[command(flatten)]
    pub tolerance: ToleranceArgs,

    #[command(flatten)]
    pub execution: ExecutionArgs,
}

/// Two numbers agree if they differ by at most atol + rtol * |expected|.
#[derive(Clone, Copy, Debug, Args)]
pub struct ToleranceArgs {
    /// Relative tolerance of --expected [default: by dtype, as torch.testing.assert_close]
    #[arg(long, value_name = "X", requires = "expected")]
    pub rtol: Option<f64>,

    /// Absolute tolerance of --expected [default: by dtype, as torch.testing.assert_close]
    #[arg(long, value_name = "X", requires = "expected")]
    pub atol: Option<f64>,
}

#[derive(Debug, Args)]
pub struct RunManyArgs {
    /// One case a line: `model<TAB>inputs.npz<TAB>out.npz`; a case that fails writes OUT.err and the next goes on
    #[arg(value_name = "LIST")]
    pub list: PathBuf,

    #[command(flatten)]
    pub execution: ExecutionArgs,
}

#[derive(Debug, Args)]
pub struct PrintArgs {
    #[command(flatten)]
    pub model: ModelArg,

    /// The level to print
    #[arg(long, value_enum, default_value_t = Level::Exported)]
    pub level: Level,

    /// Load a library that registers operators, running its code (repeatable)
    #[arg(long, value_name = "LIB")]
    pub load_library: Vec<PathBuf>,
}

/// What `opt` writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Emit {
    /// The module, which every command reads again
    Mlir,
    /// What PyTorch prints of an ExportedProgram
    Text,
    /// A graph for Graphviz
    Dot,
    /// Signature and nodes, for scripts
    Json,
    /// An archive with weights, which PyTorch 2.11 loads
    Pt2,
}

#[derive(Debug, Args)]
pub struct OptArgs {
    #[command(flatten)]
    pub model: ModelArg,

    /// What to write
    #[arg(long, value_enum, default_value_t = Emit::Mlir)]
    pub emit: Emit,

    /// The schema of an archive that older or newer releases of PyTorch load: 5.1 (2.3) to 8.20 (2.15) [default: 8.17]
    #[arg(long, value_name = "MAJOR.MINOR", value_parser = SchemaVersion::parse_written)]
    pub schema: Option<SchemaVersion>,

    /// The level to bring the program to
    #[arg(long, value_enum, default_value_t = Level::Exported)]
    pub to: Level,

    /// What is taken apart on the way to Core ATen, which this asks for, or by the pass `decompose` of `--passes`:
    /// PyTorch's table, nothing but what is always taken apart, or PyTorch's table with the functions of a module
    #[arg(long, value_name = "core|none|FILE.mlir", conflicts_with = "to")]
    pub decompositions: Option<String>,

    /// Also take apart an operator that the table keeps (repeatable)
    #[arg(long, value_name = "OP")]
    pub decompose: Vec<String>,

    /// Keep an operator whole (repeatable)
    #[arg(long, value_name = "OP")]
    pub preserve: Vec<String>,

    /// Run these passes instead, `a,b(option=value)`
    #[arg(long, value_name = "LIST", conflicts_with = "to")]
    pub passes: Option<String>,

    /// Give an input another size, or one without it its type, and infer all types anew (repeatable), before any pass
    #[arg(
        long,
        value_name = "INPUT.shape[DIM]=SIZE|SYMBOL=SIZE|INPUT=DTYPE[SIZES]"
    )]
    pub assume: Vec<String>,

    #[command(flatten)]
    pub pipeline: PipelineArgs,

    /// Load a library that registers operators, running its code (repeatable)
    #[arg(long, value_name = "LIB")]
    pub load_library: Vec<PathBuf>,

    #[command(flatten)]
    pub weights: WeightArgs,

    /// Seed of weights that are made up
    #[arg(long, value_name = "N", requires = "random_weights")]
    pub seed: Option<u64>,

    /// Where to write [default: the standard output]
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,

    /// Keep node names, stack traces and module paths in the text
    #[arg(long)]
    pub locations: bool,
}

/// How passes are run, and what is shown of that.
#[derive(Debug, Args)]
pub struct PipelineArgs {
    /// Let `canonicalize` and `fold` take floats for real numbers, which changes roundings, signs of zeros and NaNs
    #[arg(long)]
    pub fast_math: bool,

    /// Show the module on the error stream before this pass (repeatable)
    #[arg(long, value_name = "PASS")]
    pub print_ir_before: Vec<String>,

    /// Show the module on the error stream before every pass
    #[arg(long)]
    pub print_ir_before_all: bool,

    /// Show the module on the error stream after this pass (repeatable)
    #[arg(long, value_name = "PASS")]
    pub print_ir_after: Vec<String>,

    /// Show the module on the error stream after every pass
    #[arg(long)]
    pub print_ir_after_all: bool,

    /// Show the module on the error stream after every pass that changed it
    #[arg(long)]
    pub print_ir_on_change: bool,

    /// Keep the module after every pass, as NN-PASS.mlir
    #[arg(long, value_name = "FOLDER")]
    pub dump_dir: Option<PathBuf>,

    /// Show on the error stream how long each pass took
    #[arg(long)]
    pub timing: bool,

    /// Show on the error stream how often each rule was applied
    #[arg(long)]
    pub statistics: bool,

    /// Stop after so many rewrites of all passes together and say which was the last
    #[arg(long, value_name = "N")]
    pub rewrite_limit: Option<usize>,

    /// Verify the module after every pass, not only after the last one
    #[arg(long)]
    pub verify_each: bool,

    /// Where to write the module before a pass that fails, with the command that runs the pass on it
    #[arg(long, value_name = "FILE.mlir")]
    pub crash_reproducer: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct CheckArgs {
    #[command(flatten)]
    pub model: ModelArg,

    /// Weights of a model that has none, or that replace its own: tensors by name, or another archive
    #[arg(long, value_name = "FILE.safetensors|.npz|.pt2")]
    pub weights: Option<PathBuf>,

    /// Load a library that registers operators, running its code (repeatable)
    #[arg(long, value_name = "LIB")]
    pub load_library: Vec<PathBuf>,

    /// Also infer the type of every value from those of the inputs alone and say which are not as recorded
    #[arg(long)]
    pub infer: bool,

    /// Write what was found as JSON, one diagnostic a line
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct OpsArgs {
    /// An operator: `aten.add.Tensor`, or `aten.add` for all its overloads
    #[arg(value_name = "NAME")]
    pub name: Option<String>,

    /// Only operators of this namespace
    #[arg(long, value_name = "NS")]
    pub namespace: Option<String>,

    /// Only operators of the Core ATen op set
    #[arg(long)]
    pub core: bool,

    /// Only operators with which expc cannot do something, and why: taken apart as PyTorch's table does, made
    /// functional, typed
    #[arg(long)]
    pub missing: bool,

    /// The schemas that libtorch registers, instead of the op table
    #[arg(long, conflicts_with_all = ["core", "missing"])]
    pub registered: bool,

    /// Load a library that registers operators, running its code (repeatable)
    #[arg(long, value_name = "LIB", requires = "registered")]
    pub load_library: Vec<PathBuf>,

    /// Answer with JSON, one operator a line
    #[arg(long)]
    pub json: bool,

    /// Answer with the page of the documentation
    #[arg(long, exclusive = true)]
    pub markdown: bool,
}

#[derive(Debug, Args)]
pub struct BenchArgs {
    #[command(flatten)]
    pub model: ModelArg,

    /// Inputs, as for `run` [default: made at random from the signature]
    #[arg(long, value_name = "FILE.npz|.safetensors")]
    pub inputs: Option<PathBuf>,

    /// Calls to measure
    #[arg(long, value_name = "R", default_value = "20", value_parser = clap::value_parser!(u32).range(1..))]
    pub repeat: u32,

    /// Calls before those
    #[arg(long, value_name = "W", default_value = "3")]
    pub warmup: u32,

    #[command(flatten)]
    pub load: LoadArgs,

    /// Answer with JSON, times in seconds
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct ProfileArgs {
    #[command(flatten)]
    pub model: ModelArg,

    /// Inputs, as for `run` [default: made at random from the signature]
    #[arg(long, value_name = "FILE.npz|.safetensors")]
    pub inputs: Option<PathBuf>,

    /// Calls to measure, after one that is not
    #[arg(long, value_name = "R", default_value = "10", value_parser = clap::value_parser!(u32).range(1..))]
    pub repeat: u32,

    /// What a row of the table is
    #[arg(long, value_enum, default_value_t = ProfileBy::Op)]
    pub by: ProfileBy,

    /// Rows to show
    #[arg(long, value_name = "N", default_value = "20")]
    pub top: usize,

    #[command(flatten)]
    pub load: LoadArgs,

    /// Answer with JSON, times in seconds
    #[arg(long)]
    pub json: bool,
}

/// What a row of a profile adds up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ProfileBy {
    /// Calls of one operator
    Op,
    /// Nodes of one module
    Module,
    /// One node
    Node,
}

#[derive(Debug, Args)]
pub struct DiffArgs {
    /// A model
    #[arg(value_name = "A")]
    pub left: PathBuf,

    /// The other model [default: A at the level `core`]
    #[arg(value_name = "B")]
    pub right: Option<PathBuf>,

    /// The level of A
    #[arg(long, value_enum, default_value_t = Level::Exported)]
    pub level_a: Level,

    /// The level of B
    #[arg(long, value_enum)]
    pub level_b: Option<Level>,

    /// Inputs, as for `run` [default: made at random from the signature]
    #[arg(long, value_name = "FILE.npz|.safetensors")]
    pub inputs: Option<PathBuf>,

    /// Relative tolerance [default: by dtype, as torch.testing.assert_close]
    #[arg(long, value_name = "X")]
    pub rtol: Option<f64>,

    /// Absolute tolerance [default: by dtype, as torch.testing.assert_close]
    #[arg(long, value_name = "X")]
    pub atol: Option<f64>,

    /// Show every value that differs, not only the first
    #[arg(long)]
    pub all: bool,

    /// Where to run
    #[arg(long, value_name = "cpu|cuda[:N]", default_value = "cpu")]
    pub device: String,

    /// Load a library that registers operators, running its code (repeatable)
    #[arg(long, value_name = "LIB")]
    pub load_library: Vec<PathBuf>,

    #[command(flatten)]
    pub weights: WeightArgs,

    /// Seed of the random number generators, and of inputs and weights that are made up
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,

    /// Answer with JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct ReportArgs {
    #[command(flatten)]
    pub model: ModelArg,

    /// Inputs to run on, as for `run` [default: made at random from the signature]
    #[arg(long, value_name = "FILE.npz|.safetensors")]
    pub inputs: Option<PathBuf>,

    #[command(flatten)]
    pub load: LoadArgs,

    /// Answer with JSON
    #[arg(long)]
    pub json: bool,

    /// Also write a page for a browser
    #[arg(long, value_name = "FILE.html")]
    pub html: Option<PathBuf>,
}
