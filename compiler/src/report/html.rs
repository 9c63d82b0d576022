//! A report as one self-contained page: the stages, and the tree of modules with what stands in the way of each.

use std::{collections::BTreeMap, fmt::Write};

use super::{Fault, Module, Outcome, Report, Stage, Verdict, text::outcome_text};

const STYLE: &str = "
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 60rem; padding: 0 1rem; color: #222; }
table { border-collapse: collapse; margin: 1rem 0; }
td, th { padding: .2rem .8rem; text-align: left; border-bottom: 1px solid #ddd; }
.ok { color: #17692f; } .bad { color: #b3261e; font-weight: 600; } .skipped { color: #777; }
.marks { font: 12px monospace; letter-spacing: .2em; }
details { margin-left: 1.2rem; } summary { cursor: pointer; } .count { color: #777; }
.fault { margin: .4rem 0 .8rem 1.2rem; padding: .4rem .8rem; border-left: 3px solid #b3261e; background: #faf3f2; }
pre { margin: .3rem 0 0; white-space: pre-wrap; font-size: 13px; }
@media (prefers-color-scheme: dark) {
  body { background: #181a1b; color: #ddd; } td, th { border-color: #444; }
  .fault { background: #2a1f1e; } .ok { color: #6fcf88; } .bad { color: #ff8a80; }
}
";

/// A module with those below it.
#[derive(Default)]
struct Tree<'r> {
    module: Option<&'r Module>,
    children: BTreeMap<Segment<'r>, Tree<'r>>,
}

/// A part of a path: numbers sort as numbers.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Segment<'r> {
    Number(u64),
    Name(&'r str),
}

/// The page.
pub fn html(report: &Report) -> String {
    let mut page = String::new();
    let title = escaped(&report.file);
    let _ = write!(
        page,
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{title}: exportability</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<h1>{title}</h1>\n"
    );
    page.push_str("<table id=\"stages\">\n<tr><th>stage</th><th>result</th></tr>\n");
    for (stage, outcome) in &report.stages {
        let class = match outcome {
            Outcome::Ok => "ok",
            Outcome::Failed(_) => "bad",
            Outcome::NotTried(_) => "skipped",
        };
        let _ = writeln!(
            page,
            "<tr><td>{}</td><td class=\"{class}\">{}</td></tr>",
            stage.name(),
            escaped(&outcome_text(outcome))
        );
    }
    page.push_str("</table>\n<h2>Modules</h2>\n");
    let tree = tree(report);
    node(&mut page, "(root)", &tree, true);
    page.push_str("</body>\n</html>\n");
    page
}

fn tree(report: &Report) -> Tree<'_> {
    let mut root = Tree::default();
    for (path, module) in &report.modules {
        let mut place = &mut root;
        for part in path.split('.').filter(|part| !part.is_empty()) {
            let segment = part.parse().map_or(Segment::Name(part), Segment::Number);
            place = place.children.entry(segment).or_default();
        }
        place.module = Some(module);
    }
    root
}

impl Tree<'_> {
    fn nodes(&self) -> usize {
        let own = self.module.map_or(0, |module| module.nodes);
        own + self.children.values().map(Tree::nodes).sum::<usize>()
    }

    fn faults(&self) -> usize {
        let own = self.module.map_or(0, |module| module.faults.len());
        own + self.children.values().map(Tree::faults).sum::<usize>()
    }
}

/// What the stages say of a module, one letter each.
fn marks(module: &Module) -> String {
    let mark = |(stage, verdict): (&Stage, &Verdict)| {
        let (class, what) = match verdict {
            Verdict::Ok => ("ok", "ok"),
            Verdict::Failed => ("bad", "failed"),
            Verdict::NotReached => ("skipped", "not reached"),
        };
        let name = stage.name();
        let letter = name.chars().next().unwrap_or('?').to_ascii_uppercase();
        format!("<span class=\"{class}\" title=\"{name}: {what}\">{letter}</span>")
    };
    let marks: String = module.stages.iter().map(mark).collect();
    format!("<span class=\"marks\">{marks}</span>")
}

fn node(page: &mut String, name: &str, tree: &Tree<'_>, is_open: bool) {
    let (faults, nodes) = (tree.faults(), tree.nodes());
    let open = if is_open || faults > 0 { " open" } else { "" };
    let mark = match faults {
        0 => "<span class=\"ok\">ok</span>".to_owned(),
        1 => "<span class=\"bad\">1 fault</span>".to_owned(),
        count => format!("<span class=\"bad\">{count} faults</span>"),
    };
    let name = escaped(name);
    let marks = tree.module.map(marks).unwrap_or_default();
    let _ = writeln!(
        page,
        "<details{open}><summary>{name} <span class=\"count\">{nodes} nodes</span> {mark} {marks}</summary>"
    );
    for fault in tree.module.iter().flat_map(|module| &module.faults) {
        page.push_str(&fault_text(fault));
    }
    for (segment, child) in &tree.children {
        let name = match segment {
            Segment::Number(number) => number.to_string(),
            Segment::Name(name) => (*name).to_owned(),
        };
        node(page, &name, child, false);
    }
    page.push_str("</details>\n");
}

fn fault_text(fault: &Fault) -> String {
    let diagnostic = &fault.diagnostic;
    let mut details = Vec::new();
    details.extend(
        diagnostic
            .place
            .node
            .iter()
            .map(|node| format!("node `{node}`")),
    );
    details.extend(diagnostic.place.python.iter().cloned());
    details.extend(diagnostic.notes.iter().cloned());
    details.extend(diagnostic.help.iter().map(|help| format!("help: {help}")));
    format!(
        "<div class=\"fault\">{}: {} {}<pre>{}</pre></div>\n",
        fault.stage.name(),
        diagnostic.code,
        escaped(&diagnostic.message),
        escaped(&details.join("\n"))
    )
}

/// Text in which no character is markup.
fn escaped(text: &str) -> String {
    let mut result = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => result.push_str("&amp;"),
            '<' => result.push_str("&lt;"),
            '>' => result.push_str("&gt;"),
            '"' => result.push_str("&quot;"),
            '\'' => result.push_str("&#39;"),
            other => result.push(other),
        }
    }
    result
}
