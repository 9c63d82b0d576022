//! `expc opt`: passes over a program, and its module written out.

use std::{
    io,
    panic::{self, AssertUnwindSafe},
    path::PathBuf,
    time::Instant,
};

use expc_dialects::{Diagnostic, Program, mlir, text::parse_module};
use expc_passes::{
    decompose::{CustomRules, Decompositions, Table},
    functionalize::CustomOps,
    registry::parse_passes,
    rewrites::Rewrites,
    shape::assume::{self, Assumption},
};
use expc_runtime::weights::Weights;

use super::{
    cli::{Emit, OptArgs, PipelineArgs},
    console::{Console, Failure, Outcome},
    load, weights,
};
use crate::{
    export::{dot::dot, json::json, pt2, text::program_text},
    frontend::{self, Loaded},
    meta_device::MetaDevice,
    pipeline::{self, Dump, Given, Level, Reproducer, Shown, statistics},
    tensor_file::write_atomically,
};

/// Reads a model, runs passes and writes what is left.
pub fn run(args: &OptArgs, console: &mut Console<'_>) -> Outcome {
    if args.schema.is_some() && args.emit != Emit::Pt2 {
        return Err(Failure::usage("`--schema` is for `--emit pt2` only"));
    }
    let passes = args.passes.as_deref().map(parse_passes).transpose();
    let passes = passes.map_err(Failure::usage)?;
    let assumptions = args.assume.iter().map(|text| Assumption::parse(text));
    let assumptions: Vec<Assumption> = assumptions
        .collect::<Result<_, _>>()
        .map_err(Failure::usage)?;
    load::libraries(&args.load_library)?;
    let start = Instant::now();
    let context = expc_dialects::context();
    let dialects = start.elapsed();
    let start = Instant::now();
    let loaded = load::model(&context, &args.model.model, console)?;
    let earlier = vec![("register dialects", dialects), ("read", start.elapsed())];
    if !assumptions.is_empty() {
        let outcome = assume::assume(&loaded.module, &assumptions, Some(&MetaDevice));
        load::report(
            outcome.map(|report| report.untyped()),
            &loaded.file,
            console,
        )?;
    }
    let mut dump = dump(args);
    dump.earlier = earlier;
    let rewrites = Rewrites::with_limit(args.pipeline.rewrite_limit);
    let decompositions = decompositions(args)?;
    let level = match args.decompositions {
        Some(_) => Level::Core,
        None => args.to,
    };
    let custom = match (&passes, level) {
        (None, Level::Exported) => CustomOps::default(),
        _ => load::registered_ops(&args.load_library),
    };
    let given = Given {
        decompositions: Some(&decompositions),
        custom: Some(&custom),
        rewrites: Some(&rewrites),
        fast_math: args.pipeline.fast_math,
        verify_each: args.pipeline.verify_each,
    };
    let module = &loaded.module;
    let run = || match passes {
        Some(passes) => pipeline::run_passes(module, &passes, given, &mut dump),
        None => pipeline::lower_by(module, level, given, &mut dump),
    };
    let outcome = panic::catch_unwind(AssertUnwindSafe(run));
    // What was asked for is shown even if a later pass failed.
    show(&args.pipeline, &dump, &rewrites, console)?;
    let unwritten = dump.fault.map(|(path, error)| unwritable(&path, &error));
    match (outcome, unwritten) {
        (Ok(Ok(_)), Some(fault)) => return Err(fault.into()),
        (Ok(outcome), unwritten) => {
            console.report(unwritten.as_slice());
            load::report(outcome, &loaded.file, console)?;
        }
        (Err(payload), unwritten) => {
            console.report(unwritten.as_slice());
            panic::resume_unwind(payload);
        }
    }
    let mut text = match args.emit {
        Emit::Mlir => module_text(args, &loaded),
        Emit::Text => {
            let text = program_text(&loaded.program());
            text.map_err(|fault| fault.in_file(&loaded.file))?
        }
        Emit::Dot => dot(&loaded.program()).map_err(|fault| fault.in_file(&loaded.file))?,
        Emit::Json => {
            let value = json(&loaded.program()).map_err(|fault| fault.in_file(&loaded.file))?;
            value.to_string()
        }
        Emit::Pt2 => return write_archive(args, &loaded, console),
    };
    if !text.ends_with('\n') {
        text.push('\n');
    }
    match &args.output {
        None => Ok(console.stdout.write_all(text.as_bytes())?),
        Some(path) => write_atomically(path, |file| file.write_all(text.as_bytes()))
            .map_err(|error| unwritable(path, &error).into()),
    }
}

/// The options that say what passes do, as a shell reads them.
fn repeated_options(args: &OptArgs) -> String {
    let mut options = String::new();
    let mut add = |name: &str, value: &str| {
        let is_plain =
            |character: char| character.is_ascii_alphanumeric() || "._-/".contains(character);
        let word = match value.chars().all(is_plain) {
            true => value.to_owned(),
            false => format!("'{}'", value.replace('\'', r"'\''")),
        };
        options.push_str(&format!(" {name}={word}"));
    };
    if let Some(table) = &args.decompositions {
        add("--decompositions", table);
    }
    for op in &args.decompose {
        add("--decompose", op);
    }
    for op in &args.preserve {
        add("--preserve", op);
    }
    for library in &args.load_library {
        add("--load-library", &library.display().to_string());
    }
    for (is_given, name) in [
        (args.pipeline.fast_math, " --fast-math"),
        (args.pipeline.verify_each, " --verify-each"),
    ] {
        if is_given {
            options.push_str(name);
        }
    }
    options
}

/// What is to be kept of the module between passes.
fn dump(opt: &OptArgs) -> Dump {
    let args = &opt.pipeline;
    let shown = |passes: &[String], all| Shown {
        passes: passes.iter().cloned().collect(),
        all,
    };
    let reproducer = |path: &PathBuf| Reproducer::new(path.clone(), repeated_options(opt));
    let mut dump = Dump::default();
    dump.before = shown(&args.print_ir_before, args.print_ir_before_all);
    dump.after = shown(&args.print_ir_after, args.print_ir_after_all);
    dump.on_change = args.print_ir_on_change;
    dump.folder.clone_from(&args.dump_dir);
    dump.reproducer = args.crash_reproducer.as_ref().map(reproducer);
    dump.locations = opt.locations;
    dump
}

/// Shows what the passes did, as far as it was asked for.
fn show(
    args: &PipelineArgs,
    dump: &Dump,
    rewrites: &Rewrites,
    console: &mut Console<'_>,
) -> Outcome {
    write!(console.stderr, "{}", dump.shown)?;
    if args.timing {
        write!(console.stderr, "{}", dump.timing())?;
    }
    if args.statistics {
        write!(console.stderr, "{}", statistics(rewrites))?;
    }
    let Some(limit) = args.rewrite_limit else {
        return Ok(());
    };
    match rewrites.last() {
        Some(last) if last.number >= limit => writeln!(console.stderr, "{last}")?,
        _ => writeln!(
            console.stderr,
            "{} rewrites, fewer than the limit of {limit}",
            rewrites.done()
        )?,
    }
    Ok(())
}

/// The table that the command line asks for.
fn decompositions(args: &OptArgs) -> Outcome<Decompositions> {
    let mut chosen = match args.decompositions.as_deref() {
        None | Some("core") => Table::Core.into(),
        Some("none") => Table::None.into(),
        Some(file) => {
            let mut chosen = Decompositions::from(Table::Core);
            chosen.insert_functions(functions(file)?);
            chosen
        }
    };
    for op in &args.decompose {
        chosen.add(op).map_err(Failure::usage)?;
    }
    for op in &args.preserve {
        chosen.preserve(op).map_err(Failure::usage)?;
    }
    Ok(chosen)
}

/// The decompositions of a file.
fn functions(file: &str) -> Outcome<CustomRules> {
    let unreadable = |error: io::Error| {
        let what = format!("cannot read the decompositions: {error}");
        Diagnostic::error("E0695", what).in_file(file)
    };
    let text = std::fs::read_to_string(file).map_err(unreadable)?;
    let context = expc_dialects::context();
    let module = parse_module(&context, &text, file)?;
    let rules = CustomRules::of_module(&Program::new(&module));
    let in_file = |found: Vec<Diagnostic>| -> Vec<Diagnostic> {
        found.into_iter().map(|fault| fault.in_file(file)).collect()
    };
    Ok(rules.map_err(in_file)?)
}

fn module_text(args: &OptArgs, loaded: &Loaded<'_>) -> String {
    let options = mlir::PrintOptions {
        locations: args.locations,
        ..Default::default()
    };
    mlir::print_operation(&loaded.module.as_operation(), options)
}

/// Writes the program with the weights that it came with, and those of the command line.
fn write_archive(args: &OptArgs, loaded: &Loaded<'_>, console: &mut Console<'_>) -> Outcome {
    let program = loaded.program();
    let weights = given_weights(args, loaded)?;
    // Another archive gives a program that has none more than its tensors, and keeps them as they are.
    let given = match (&loaded.archive, &args.weights.weights) {
        (None, Some(path)) => weights::archive(path)?,
        _ => None,
    };
    let source = pt2::Source {
        schema: args.schema,
        archive: loaded.archive.as_ref().or(given.as_ref()),
        weights: weights.as_ref(),
    };
    let outcome = match &args.output {
        None => {
            let mut out = Watched {
                out: &mut *console.stdout,
                fault: None,
            };
            let outcome = pt2::write_pt2(&program, &source, &mut out);
            if let Some(fault) = out.fault {
                return Err(Failure::Output(fault));
            }
            outcome
        }
        Some(path) => pt2::save(&program, &source, path),
    };
    let in_file = |found: Vec<Diagnostic>| -> Failure {
        let located = found.into_iter().map(|fault| fault.in_file(&loaded.file));
        located.collect::<Vec<_>>().into()
    };
    outcome.map_err(in_file)
}

/// A stream that keeps what went wrong with it.
struct Watched<'w> {
    out: &'w mut dyn io::Write,
    fault: Option<io::Error>,
}

impl Watched<'_> {
    fn note<T>(&mut self, outcome: io::Result<T>) -> io::Result<T> {
        outcome.map_err(|error| {
            let kind = error.kind();
            self.fault = Some(error);
            kind.into()
        })
    }
}

impl io::Write for Watched<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes);
        self.note(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        let flushed = self.out.flush();
        self.note(flushed)
    }
}

/// The weights that the command line brings, if it brings any.
fn given_weights(args: &OptArgs, loaded: &Loaded<'_>) -> Outcome<Option<Weights>> {
    let given = &args.weights;
    if given.weights.is_none() && !given.random_weights {
        return Ok(None);
    }
    let own = match &loaded.archive {
        Some(archive) => frontend::pt2::weights(archive)?,
        None => Weights::new(),
    };
    weights::given(given, args.seed, &loaded.program(), &own).map(Some)
}

fn unwritable(path: &std::path::Path, error: &io::Error) -> Diagnostic {
    let fault = Diagnostic::error("E0693", format!("cannot write the file: {error}"));
    fault.in_file(path.display().to_string())
}
