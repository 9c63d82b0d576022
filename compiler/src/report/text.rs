//! A report for people at a terminal.

use std::fmt::Write;

use super::{Outcome, Report};

/// The report as text: the stages, then each module in which something stands in the way.
pub fn text(report: &Report) -> String {
    let mut text = String::new();
    let nodes: usize = report.modules.values().map(|module| module.nodes).sum();
    // Writing to a string does not fail.
    let _ = writeln!(
        text,
        "{}: {nodes} nodes in {} modules\n",
        report.file,
        report.modules.len()
    );
    for (stage, outcome) in &report.stages {
        let _ = writeln!(text, "  {:<14} {}", stage.name(), outcome_text(outcome));
    }
    for (path, module) in report.faulty() {
        let name = if path.is_empty() { "(root)" } else { path };
        let _ = writeln!(text, "\n{name}: {} nodes", module.nodes);
        for fault in &module.faults {
            let diagnostic = &fault.diagnostic;
            let _ = writeln!(
                text,
                "  {}: {}[{}]: {}",
                fault.stage.name(),
                diagnostic.severity,
                diagnostic.code,
                diagnostic.message
            );
            let node = diagnostic
                .place
                .node
                .iter()
                .map(|node| format!("at node `{node}`"));
            let python = diagnostic
                .place
                .python
                .iter()
                .flat_map(|python| python.lines());
            let notes = diagnostic.notes.iter().map(|note| format!("note: {note}"));
            let help = diagnostic.help.iter().map(|help| format!("help: {help}"));
            for line in node
                .chain(python.map(|line| line.trim_end().to_owned()))
                .chain(notes)
                .chain(help)
            {
                let _ = writeln!(text, "    {line}");
            }
        }
    }
    text
}

/// What became of a stage, in a few words.
pub(super) fn outcome_text(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Ok => "ok".to_owned(),
        Outcome::Failed(1) => "1 fault".to_owned(),
        Outcome::Failed(count) => format!("{count} faults"),
        Outcome::NotTried(stage) => format!("not tried: needs `{}`", stage.name()),
    }
}
