//! What stands between a program and each stage of expc, module by module.
//!
//! Every stage is tried on a program of its own and all faults are collected, so that one run names everything
//! there is to fix: verification, functionalization, decomposition to Core ATen, shape inference, execution. A
//! stage that needs the result of one that failed is not tried.

mod html;
mod text;

use std::collections::{BTreeMap, BTreeSet};

use expc_dialects::{AtenOp, Diagnostic, Program, Severity};
use expc_passes::{
    functionalize::CustomOps,
    shape::{
        ShapeEnv,
        propagate::{self, Options},
    },
};
use serde::Serialize;

use crate::{
    frontend::Loaded,
    meta_device::MetaDevice,
    pipeline::{self, Given, Level},
};

pub use html::html;
pub use text::text;

/// What is tried, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// The file is read and the program is well formed.
    Verify,
    /// No op writes to its arguments.
    Functionalize,
    /// No op of the Core ATen decomposition table is left.
    Decompose,
    /// The type of every value follows from those of the inputs.
    InferShapes,
    /// The program runs on inputs that fit its signature.
    Execute,
}

impl Stage {
    pub const ALL: [Self; 5] = [
        Self::Verify,
        Self::Functionalize,
        Self::Decompose,
        Self::InferShapes,
        Self::Execute,
    ];

    /// The name for people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Verify => "verify",
            Self::Functionalize => "functionalize",
            Self::Decompose => "decompose",
            Self::InferShapes => "infer shapes",
            Self::Execute => "execute",
        }
    }
}

/// How a stage ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    Ok,
    /// With this many faults.
    Failed(usize),
    /// The stage needs this one, which failed.
    NotTried(Stage),
}

/// A fault, with the stage that met it.
#[derive(Clone, Debug, Serialize)]
pub struct Fault {
    pub stage: Stage,
    #[serde(flatten)]
    pub diagnostic: Diagnostic,
}

/// What a stage says of one module.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    Ok,
    /// Something stands in the way there.
    Failed,
    /// The stage ended before it could tell.
    NotReached,
}

/// A module of the program: the nodes that its `forward` made itself, without those of its children.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Module {
    /// How many nodes.
    pub nodes: usize,
    /// What each stage says.
    pub stages: BTreeMap<Stage, Verdict>,
    /// What stands in the way there.
    pub faults: Vec<Fault>,
}

/// What was found of a program.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Report {
    /// The name of the model's file.
    pub file: String,
    /// In the order in which they were tried.
    pub stages: Vec<(Stage, Outcome)>,
    /// By path (`layers.0.attention`); the root and what belongs to no module have the empty path.
    pub modules: BTreeMap<String, Module>,
}

impl Report {
    /// Whether every stage went through.
    pub fn is_clean(&self) -> bool {
        self.stages
            .iter()
            .all(|(_, outcome)| *outcome == Outcome::Ok)
    }

    /// The modules in which something stands in the way.
    pub fn faulty(&self) -> impl Iterator<Item = (&str, &Module)> {
        self.modules
            .iter()
            .filter(|(_, module)| !module.faults.is_empty())
            .map(|(path, module)| (path.as_str(), module))
    }

    fn add(&mut self, stage: Stage, found: Vec<Diagnostic>) {
        let mut seen = BTreeSet::new();
        let faults: Vec<Diagnostic> = found
            .into_iter()
            .filter(|fault| fault.severity == Severity::Error && seen.insert(fault.to_string()))
            .collect();
        self.stages.push((
            stage,
            match faults.len() {
                0 => Outcome::Ok,
                count => Outcome::Failed(count),
            },
        ));
        for diagnostic in faults {
            let path = diagnostic.place.module.clone().unwrap_or_default();
            let module = self.modules.entry(path).or_default();
            module.faults.push(Fault { stage, diagnostic });
        }
    }

    /// Tells each module what the stages say of it; nodes of the modules in `not_run` could not be run, or nothing
    /// could.
    fn settle(&mut self, not_run: Option<&BTreeSet<String>>) {
        for (path, module) in &mut self.modules {
            let verdicts = self.stages.iter().map(|(stage, outcome)| {
                let is_faulty = module.faults.iter().any(|fault| fault.stage == *stage);
                let verdict = match outcome {
                    _ if is_faulty => Verdict::Failed,
                    Outcome::Ok => Verdict::Ok,
                    Outcome::NotTried(_) => Verdict::NotReached,
                    // Reading ends where something goes wrong, the other stages go on.
                    Outcome::Failed(_) => match stage {
                        Stage::Verify => Verdict::NotReached,
                        Stage::Execute => {
                            match not_run.is_some_and(|paths| !paths.contains(path)) {
                                true => Verdict::Ok,
                                false => Verdict::NotReached,
                            }
                        }
                        Stage::Functionalize | Stage::Decompose | Stage::InferShapes => Verdict::Ok,
                    },
                };
                (*stage, verdict)
            });
            module.stages = verdicts.collect();
        }
    }

    fn skip(&mut self, stage: Stage, needs: Stage) {
        self.stages.push((stage, Outcome::NotTried(needs)));
    }

    fn failed(&self, stage: Stage) -> bool {
        let outcome = self.stages.iter().find(|(tried, _)| *tried == stage);
        outcome.is_some_and(|(_, outcome)| *outcome != Outcome::Ok)
    }
}

/// What came of running a program.
#[derive(Debug, Default)]
pub struct Executed {
    pub faults: Vec<Diagnostic>,
    /// The modules with nodes that could not be run; none if nothing could.
    pub not_run: Option<BTreeSet<String>>,
}

/// Tries all stages. `custom` has the ops that the op table has not; `load` reads the model anew for each stage;
/// `execute` runs it.
pub fn report<'c>(
    file: &str,
    custom: &CustomOps,
    load: &mut dyn FnMut() -> Result<Loaded<'c>, Vec<Diagnostic>>,
    execute: &mut dyn FnMut(&Loaded<'c>) -> Executed,
) -> Report {
    let mut report = Report {
        file: file.to_owned(),
        ..Report::default()
    };
    let exported = match load() {
        Ok(loaded) => loaded,
        Err(found) => {
            report.add(Stage::Verify, found);
            for stage in Stage::ALL.into_iter().skip(1) {
                report.skip(stage, Stage::Verify);
            }
            report.settle(None);
            return report;
        }
    };
    report.add(Stage::Verify, Vec::new());
    count_nodes(&exported.program(), &mut report);
    report.add(
        Stage::Functionalize,
        to_level(load, Level::Functional, custom),
    );
    if report.failed(Stage::Functionalize) {
        // What follows is told all the same if operators that nobody knows are all that stands in the way.
        let custom = assuming(custom, &exported.program());
        match to_level(load, Level::Functional, &custom).is_empty() {
            true => report.add(Stage::Decompose, to_core(load, &custom)),
            false => report.skip(Stage::Decompose, Stage::Functionalize),
        }
    } else {
        report.add(Stage::Decompose, to_core(load, custom));
    }
    report.add(Stage::InferShapes, uninferred(&exported.program()));
    let executed = execute(&exported);
    report.add(Stage::Execute, executed.faults);
    report.settle(executed.not_run.as_ref());
    report
}

/// The known ops, and all others of the program as ops that only read.
fn assuming(known: &CustomOps, program: &Program<'_, '_>) -> CustomOps {
    let mut custom = known.clone();
    let graphs = program.graphs().into_iter();
    for operation in graphs.flat_map(|graph| graph.operations()) {
        let op = AtenOp::new(operation);
        let (name, is_described) = (op.name(), op.def().is_some());
        if !is_described && !custom.knows(&name) {
            custom.assume_reading(&name);
        }
    }
    custom
}

fn count_nodes(program: &Program<'_, '_>, report: &mut Report) {
    for graph in program.graphs() {
        for operation in graph.operations() {
            let path = AtenOp::new(operation).metadata().module_path();
            report
                .modules
                .entry(path.unwrap_or_default())
                .or_default()
                .nodes += 1;
        }
    }
}

type Load<'l, 'c> = &'l mut dyn FnMut() -> Result<Loaded<'c>, Vec<Diagnostic>>;

fn to_level(load: Load<'_, '_>, level: Level, custom: &CustomOps) -> Vec<Diagnostic> {
    let lowered =
        load().and_then(|loaded| pipeline::lower_by(&loaded.module, level, given(custom), &mut ()));
    lowered.err().unwrap_or_default()
}

fn given(custom: &CustomOps) -> Given<'_> {
    Given {
        custom: Some(custom),
        ..Given::default()
    }
}

/// Faults of decomposition, and the ops that it left.
fn to_core(load: Load<'_, '_>, custom: &CustomOps) -> Vec<Diagnostic> {
    let loaded = match load() {
        Ok(loaded) => loaded,
        Err(found) => return found,
    };
    match pipeline::lower_by(&loaded.module, Level::Core, given(custom), &mut ()) {
        Ok(warnings) => warnings.into_iter().map(as_error).collect(),
        Err(found) => found,
    }
}

fn as_error(warning: Diagnostic) -> Diagnostic {
    Diagnostic {
        severity: Severity::Error,
        ..warning
    }
    .help("a decomposition can be given for it, or the operator be left to the backend")
}

/// The values of which inference says nothing, or another type than the program, each told from the recorded types of
/// its op's operands: what does not follow is named, and not what comes after it.
fn uninferred(program: &Program<'_, '_>) -> Vec<Diagnostic> {
    let compared = ShapeEnv::of_program(program).and_then(|env| {
        propagate::compare(
            program,
            &env.with_meta(&MetaDevice),
            Options { strip: false },
        )
    });
    match compared {
        Ok(report) => {
            let mut found = report.errors();
            // That a type does not follow is no fault of the program, but one of expc's rules.
            found.extend(report.warnings().into_iter().map(|mut found| {
                found.severity = Severity::Error;
                found
            }));
            found
        }
        Err(fault) => vec![fault],
    }
}
