//! The passes by name, and lists of passes as the command line writes them: `functionalize,decompose(table=core)`.

use std::fmt;

use expc_dialects::{Diagnostic, Program};
use melior::ir::Module;

use crate::{
    canonicalize, cleanup,
    decompose::{self, Decompositions},
    fold,
    functionalize::{self, CustomOps},
    rewrites::Rewrites,
    shape::{MetaKernel, ShapeEnv, propagate},
};

/// What a pass may ask for beside the module.
#[derive(Clone, Copy)]
pub struct PassContext<'m> {
    /// Types the results of ops without a rule, where there is one.
    pub meta: Option<&'static dyn MetaKernel>,
    /// What `decompose` takes apart where its options do not say; none is PyTorch's Core ATen table.
    pub decompositions: Option<&'m Decompositions>,
    /// Ops that the op table does not have.
    pub custom: Option<&'m CustomOps>,
    /// Counts what the passes do, and may end it.
    pub rewrites: &'m Rewrites,
    /// Floats may be taken for real numbers, where the options of a pass do not say.
    pub fast_math: bool,
}

impl<'m> PassContext<'m> {
    /// Nothing beside the module, and a count.
    pub fn new(rewrites: &'m Rewrites) -> Self {
        Self {
            meta: None,
            decompositions: None,
            custom: None,
            rewrites,
            fast_math: false,
        }
    }
}

impl PassContext<'_> {
    /// What is known of the symbols of a module, with the kernel.
    fn env(self, module: &Module<'_>) -> Result<ShapeEnv<'static>, Vec<Diagnostic>> {
        let env = ShapeEnv::of_program(&Program::new(module)).map_err(|fault| vec![fault])?;
        Ok(match self.meta {
            Some(meta) => env.with_meta(meta),
            None => env,
        })
    }
}

/// What a pass answers: warnings, or the faults because of which it did not finish.
pub type PassResult = Result<Vec<Diagnostic>, Vec<Diagnostic>>;

type Run = fn(&Module<'_>, &[Given], PassContext<'_>) -> PassResult;

/// A pass.
pub struct Pass {
    /// Its name on the command line.
    pub name: &'static str,
    pub summary: &'static str,
    options: &'static [PassOption],
    run: Run,
}

/// An option of a pass, which is one of a few words.
struct PassOption {
    name: &'static str,
    /// The first is the default.
    values: &'static [&'static str],
}

/// An option that was given, with the position of its value.
type Given = (&'static str, &'static str);

/// All passes.
pub const PASSES: &[Pass] = &[
    Pass {
        name: "functionalize",
        summary: "replaces ops that write to their arguments; what the program changes becomes an output",
        options: &[],
        run: |module, _, context| {
            let none = CustomOps::default();
            let custom = context.custom.unwrap_or(&none);
            whole("functionalize", context, || {
                functionalize::functionalize(module, &context.env(module)?, custom)?;
                Ok(Vec::new())
            })
        },
    },
    Pass {
        name: "decompose",
        summary: "takes ops apart into smaller ones, by a table",
        options: &[PassOption {
            name: "table",
            values: &["core", "none"],
        }],
        run: |module, given, context| {
            let table = match (option(given, "table"), context.decompositions) {
                (Some("none"), _) => decompose::Table::None.into(),
                (None, Some(given)) => given.clone(),
                _ => decompose::Table::Core.into(),
            };
            let report =
                decompose::decompose(module, &table, context.env(module)?, context.rewrites)?;
            Ok(report.left)
        },
    },
    Pass {
        name: "specialize",
        summary: "puts numbers in the place of symbolic scalars that are the same whenever the program runs",
        options: &[],
        run: |module, _, context| {
            canonicalize::specialize(module, &context.env(module)?, context.rewrites)?;
            Ok(Vec::new())
        },
    },
    Pass {
        name: "infer_shapes",
        summary: "infers dtypes, sizes, strides and devices of all values from those of the inputs",
        options: &[PassOption {
            name: "recorded",
            values: &["keep", "forget"],
        }],
        run: |module, given, context| {
            let env = context.env(module)?;
            let options = propagate::Options {
                strip: option(given, "recorded") == Some("forget"),
            };
            whole("infer_shapes", context, || {
                Ok(propagate::infer_shapes(module, &env, options)?.untyped())
            })
        },
    },
    Pass {
        name: "remove_dead_ops",
        summary: "removes ops without effects whose results nobody uses",
        options: &[],
        run: |module, _, context| {
            cleanup::remove_dead_ops(&Program::new(module), "remove_dead_ops", context.rewrites);
            Ok(Vec::new())
        },
    },
    Pass {
        name: "canonicalize",
        summary: "leaves out ops that do nothing and makes one of two, bit for bit",
        options: &[PassOption {
            name: "fast_math",
            values: &["false", "true"],
        }],
        run: |module, given, context| {
            let options = canonicalize::Options {
                fast_math: option(given, "fast_math")
                    .map_or(context.fast_math, |given| given == "true"),
            };
            canonicalize::canonicalize(module, options, &context.env(module)?, context.rewrites)?;
            Ok(Vec::new())
        },
    },
    Pass {
        name: "fold",
        summary: "computes what is constant, bit for bit as the kernels do",
        options: &[],
        run: |module, _, context| {
            fold::fold(module, &context.env(module)?, context.rewrites)?;
            Ok(Vec::new())
        },
    },
    Pass {
        name: "cse",
        summary: "computes once what equal ops compute",
        options: &[],
        run: |module, _, context| {
            cleanup::merge_equal_ops(module, &context.env(module)?, context.rewrites)?;
            Ok(Vec::new())
        },
    },
];

/// Runs a pass that is done as a whole or not at all, which is one rewrite.
fn whole(
    name: &'static str,
    context: PassContext<'_>,
    run: impl FnOnce() -> PassResult,
) -> PassResult {
    if !context.rewrites.may_go_on() {
        return Ok(Vec::new());
    }
    let outcome = run()?;
    context.rewrites.note_whole(name);
    Ok(outcome)
}

fn option(given: &[Given], name: &str) -> Option<&'static str> {
    let found = given.iter().find(|(option, _)| *option == name);
    found.map(|(_, value)| *value)
}

/// A pass with its options.
#[derive(Clone)]
pub struct PassCall {
    pass: &'static Pass,
    given: Vec<Given>,
}

impl PassCall {
    /// The name of the pass.
    pub fn name(&self) -> &'static str {
        self.pass.name
    }

    /// Runs the pass.
    ///
    /// # Errors
    /// What is wrong with the program; the module may be half changed then.
    pub fn run(&self, module: &Module<'_>, context: PassContext<'_>) -> PassResult {
        (self.pass.run)(module, &self.given, context)
    }
}

/// As a list of passes has it.
impl fmt::Display for PassCall {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())?;
        if self.given.is_empty() {
            return Ok(());
        }
        let given: Vec<String> = self
            .given
            .iter()
            .map(|(option, value)| format!("{option}={value}"))
            .collect();
        write!(formatter, "({})", given.join(","))
    }
}

/// Reads a list of passes: `a,b(c=d,e=f)`.
///
/// # Errors
/// What the list has that is no pass, no option of one or no value of that, with what there is.
pub fn parse_passes(text: &str) -> Result<Vec<PassCall>, String> {
    let mut calls = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        let end = rest.find([',', '(']).unwrap_or(rest.len());
        let (name, mut after) = rest.split_at(end);
        let mut options = "";
        if let Some(inside) = after.strip_prefix('(') {
            let Some((found, left)) = inside.split_once(')') else {
                return Err(format!(
                    "the options of `{}` are not closed by `)`",
                    name.trim()
                ));
            };
            (options, after) = (found, left.trim_start());
        }
        calls.push(parse_call(name.trim(), options)?);
        rest = match after.strip_prefix(',') {
            Some(left) if left.trim().is_empty() => {
                return Err("expected a pass after the last `,`".to_owned());
            }
            Some(left) => left.trim_start(),
            None if after.is_empty() => after,
            None => {
                return Err(format!(
                    "expected `,` or the end of the list, found `{after}`"
                ));
            }
        };
    }
    Ok(calls)
}

fn parse_call(name: &str, options: &str) -> Result<PassCall, String> {
    let Some(pass) = PASSES.iter().find(|pass| pass.name == name) else {
        let names = list(PASSES.iter().map(|pass| pass.name));
        return Err(format!(
            "there is no pass `{name}`, expected one of {names}"
        ));
    };
    let mut given = Vec::new();
    for text in options
        .split(',')
        .map(str::trim)
        .filter(|text| !text.is_empty())
    {
        let (key, value) = text.split_once('=').unwrap_or((text, ""));
        let (key, value) = (key.trim(), value.trim());
        let Some(option) = pass.options.iter().find(|option| option.name == key) else {
            let known = match pass.options {
                [] => "it has none".to_owned(),
                known => format!("expected {}", list(known.iter().map(|option| option.name))),
            };
            return Err(format!("`{name}` has no option `{key}`, {known}"));
        };
        let Some(value) = option.values.iter().find(|known| **known == value) else {
            let known = list(option.values.iter().copied());
            return Err(format!(
                "`{key}` of `{name}` is `{value}`, expected one of {known}"
            ));
        };
        given.push((option.name, *value));
    }
    Ok(PassCall { pass, given })
}

fn list<'t>(names: impl Iterator<Item = &'t str>) -> String {
    let names: Vec<String> = names.map(|name| format!("`{name}`")).collect();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Result<&[&str], &str>) {
        let found = parse_passes(text).map(|calls| {
            let names = calls.iter().map(ToString::to_string);
            names.collect::<Vec<_>>()
        });
        let found = found
            .as_ref()
            .map(|names| names.iter().map(String::as_str).collect::<Vec<_>>());
        match (found, expected) {
            (Ok(found), Ok(expected)) => assert_eq!(found, expected, "{text}"),
            (Err(found), Err(expected)) => assert!(found.contains(expected), "{text}: {found}"),
            (found, expected) => panic!("{text}: {found:?}, expected {expected:?}"),
        }
    }

    /// The page of passes has a section for each, with its summary as the first words and its options.
    #[test]
    fn the_page_of_passes_is_complete() {
        let page = include_str!("../../docs/passes.md");
        let (_, page) = page.split_once("## The passes").unwrap();
        let (page, _) = page.split_once("\n## ").unwrap();
        let sections: Vec<&str> = page.split("\n### ").skip(1).collect();
        assert_eq!(sections.len(), PASSES.len());
        for (pass, section) in PASSES.iter().zip(sections) {
            let (title, text) = section.split_once("\n\n").unwrap();
            assert_eq!(title, format!("`{}`", pass.name));
            assert!(
                text.to_lowercase()
                    .starts_with(&pass.summary.to_lowercase()),
                "`{}` begins otherwise than its summary",
                pass.name
            );
            for option in pass.options {
                for value in option.values {
                    let call = format!("`{}({}={value})`", pass.name, option.name);
                    assert!(text.contains(&call), "{call} is not told of");
                }
            }
        }
    }

    #[test]
    fn lists_of_passes_are_read() {
        check("", Ok(&[]));
        check("functionalize", Ok(&["functionalize"]));
        check(
            " functionalize , decompose( table = none ) ,remove_dead_ops",
            Ok(&["functionalize", "decompose(table=none)", "remove_dead_ops"]),
        );
        check("decompose()", Ok(&["decompose"]));
    }

    #[test]
    fn what_is_no_pass_is_refused() {
        check(
            "fuse",
            Err("there is no pass `fuse`, expected one of `functionalize`"),
        );
        check("functionalize,", Err("expected a pass after the last `,`"));
        check("decompose(table=core", Err("not closed by `)`"));
        check(
            "decompose(table=all)",
            Err("`table` of `decompose` is `all`, expected one of `core`, `none`"),
        );
        check(
            "functionalize(deep=1)",
            Err("`functionalize` has no option `deep`, it has none"),
        );
        check("decompose(x=core)", Err("expected `table`"));
        check(
            "decompose(table=core) x",
            Err("expected `,` or the end of the list, found `x`"),
        );
    }
}
