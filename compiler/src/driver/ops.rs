//! `expc ops`: the op table as a person or program reads it.

mod page;

use expc_dialects::{
    Diagnostic,
    table::{self, Family, Numerics, OpDef, SchemaKind, Tag, Trait},
};
use expc_passes::{
    decompose::{self, Table},
    functionalize, shape,
};
use expc_runtime::torch;
use serde::Serialize;

use super::{
    cli::OpsArgs,
    console::{Console, Outcome},
    load,
};

/// Shows one op, or lists those that the arguments select.
pub fn run(args: &OpsArgs, console: &mut Console<'_>) -> Outcome {
    if args.registered {
        return registered(args, console);
    }
    if args.markdown {
        return Ok(write!(console.stdout, "{}", page::markdown())?);
    }
    let defs = match &args.name {
        Some(name) => named(name)?,
        None => table::namespaces()
            .into_iter()
            .flat_map(table::dialect)
            .collect(),
    };
    if let Some(namespace) = &args.namespace {
        check_namespace(namespace)?;
    }
    let is_selected = |def: &&'static OpDef| {
        let in_namespace = args
            .namespace
            .as_ref()
            .is_none_or(|namespace| def.dialect() == namespace);
        in_namespace && (!args.core || def.is_core()) && (!args.missing || !missing(def).is_empty())
    };
    let selected: Vec<_> = defs.into_iter().filter(is_selected).collect();
    match (args.json, &args.name) {
        (true, _) => selected
            .into_iter()
            .try_for_each(|def| write_json(def, console)),
        (false, Some(_)) => selected
            .into_iter()
            .try_for_each(|def| write_page(def, console)),
        (false, None) if args.missing => write_missing(&selected, console),
        (false, None) => write_list(&selected, console),
    }
}

/// The op of that name, or all overloads of it; dots, `torch.ops.` and `::` are all understood.
fn named(name: &str) -> Outcome<Vec<&'static OpDef>> {
    let spelled = name
        .strip_prefix("torch.ops.")
        .unwrap_or(name)
        .replace("::", ".");
    let dialect = spelled.split_once('.').map_or("", |(dialect, _)| dialect);
    let is_meant = |def: &&OpDef| match def.name.strip_prefix(spelled.as_str()) {
        Some(rest) => rest.is_empty() || (rest.starts_with('.') && spelled.contains('.')),
        None => false,
    };
    let overloads: Vec<_> = table::dialect(dialect).filter(is_meant).collect();
    if let Some(exact) = overloads.iter().find(|def| def.name == spelled) {
        return Ok(vec![exact]);
    }
    if !overloads.is_empty() {
        return Ok(overloads);
    }
    let unknown = Diagnostic::error("E0691", format!("there is no operator `{spelled}`"));
    Err(with_suggestions(unknown, &table::suggest(&spelled)).into())
}

fn check_namespace(namespace: &str) -> Outcome {
    let known = table::namespaces();
    if known.contains(&namespace) {
        return Ok(());
    }
    let unknown = Diagnostic::error("E0692", format!("there is no namespace `{namespace}`"));
    Err(unknown
        .help(format!("the op table has `{}`", known.join("`, `")))
        .into())
}

fn with_suggestions(diagnostic: Diagnostic, names: &[&str]) -> Diagnostic {
    match names {
        [] => diagnostic.help("`expc ops` lists all operators"),
        names => diagnostic.help(format!("did you mean `{}`", names.join("` or `"))),
    }
}

/// A row as JSON.
#[derive(Serialize)]
struct Row {
    name: &'static str,
    schema: String,
    kind: &'static str,
    family: Option<&'static str>,
    tags: Vec<&'static str>,
    traits: Vec<&'static str>,
    numerics: &'static str,
    /// Whether its types follow from a rule; what has none is asked of libtorch's meta device.
    shape_rule: bool,
    /// Which of PyTorch's tables takes it apart: `core`, or `always`.
    decomposed_by: Option<&'static str>,
    /// How.
    decomposed: Option<String>,
    /// What functionalization makes of it.
    functionalized: Option<String>,
    /// What expc cannot do with it, and why.
    missing: Vec<String>,
}

impl Row {
    fn of(def: &'static OpDef) -> Self {
        Self {
            name: def.name,
            schema: def.schema.to_string(),
            kind: kind_name(def.kind()),
            family: def.family.map(Family::as_str),
            tags: def.tags.iter().map(Tag::as_str).collect(),
            traits: traits(def),
            numerics: Numerics::as_str(def.numerics()),
            shape_rule: shape::has_rule(def.name),
            decomposed_by: table_of(def),
            decomposed: decompose::support::support(def).map(|support| support.to_string()),
            functionalized: functionalize::support(def).map(|support| support.to_string()),
            missing: missing(def),
        }
    }
}

fn table_of(def: &OpDef) -> Option<&'static str> {
    let tables = [(Table::None, "always"), (Table::Core, "core")];
    let found = tables.into_iter().find(|(table, _)| table.contains(def));
    found.map(|(_, name)| name)
}

/// What cannot be done with an op, each with the reason.
fn missing(def: &'static OpDef) -> Vec<String> {
    let decomposed = decompose::support::support(def)
        .filter(|support| matches!(support, decompose::support::Support::Missing(_)))
        .map(|support| format!("decomposed: {support}"));
    let functionalized = functionalize::support(def)
        .filter(|support| !matches!(support, functionalize::Support::Functional(_)))
        .map(|support| format!("functionalized: {support}"));
    let typed = (def.is_core() && !shape::has_rule(def.name))
        .then(|| "typed: there is no shape rule".to_owned());
    decomposed
        .into_iter()
        .chain(functionalized)
        .chain(typed)
        .collect()
}

fn kind_name(kind: SchemaKind) -> &'static str {
    match kind {
        SchemaKind::Functional => "functional",
        SchemaKind::Inplace => "in-place",
        SchemaKind::Out => "out",
        SchemaKind::Mutable => "mutable",
    }
}

/// What our row says, and what follows from it and the schema.
fn traits(def: &OpDef) -> Vec<&'static str> {
    let derived = [
        (def.is_pure(), "pure"),
        (def.is_removable() && !def.is_pure(), "removable"),
        (def.schema.is_view(), "view"),
        (def.is_random(), "random"),
        (
            def.is_pointwise() && !def.has_trait(Trait::Pointwise),
            "pointwise",
        ),
    ];
    let derived = derived
        .into_iter()
        .filter(|(holds, _)| *holds)
        .map(|(_, name)| name);
    derived
        .chain(def.columns.traits.iter().map(Trait::as_str))
        .collect()
}

fn write_json(def: &'static OpDef, console: &mut Console<'_>) -> Outcome {
    serde_json::to_writer(&mut *console.stdout, &Row::of(def))?;
    Ok(writeln!(console.stdout)?)
}

fn write_page(def: &'static OpDef, console: &mut Console<'_>) -> Outcome {
    let row = Row::of(def);
    let list = |words: &[&str]| {
        if words.is_empty() {
            "-".to_owned()
        } else {
            words.join(", ")
        }
    };
    writeln!(console.stdout, "{}", row.name)?;
    writeln!(console.stdout, "  schema    {}", row.schema)?;
    writeln!(console.stdout, "  kind      {}", row.kind)?;
    writeln!(console.stdout, "  family    {}", row.family.unwrap_or("-"))?;
    writeln!(console.stdout, "  tags      {}", list(&row.tags))?;
    writeln!(console.stdout, "  traits    {}", list(&row.traits))?;
    writeln!(console.stdout, "  numerics  {}", row.numerics)?;
    let typed = if row.shape_rule {
        "by a rule"
    } else {
        "by the meta device"
    };
    writeln!(console.stdout, "  typed     {typed}")?;
    if let (Some(table), Some(decomposed)) = (row.decomposed_by, &row.decomposed) {
        writeln!(console.stdout, "  decomposed  {table}, {decomposed}")?;
    }
    if let Some(functionalized) = &row.functionalized {
        writeln!(console.stdout, "  functionalized  {functionalized}")?;
    }
    Ok(())
}

/// A line for each thing that cannot be done.
fn write_missing(defs: &[&'static OpDef], console: &mut Console<'_>) -> Outcome {
    let width = defs
        .iter()
        .map(|def| def.name.len())
        .max()
        .unwrap_or_default();
    for def in defs {
        for what in missing(def) {
            writeln!(console.stdout, "{:width$}  {what}", def.name)?;
        }
    }
    Ok(())
}

fn write_list(defs: &[&'static OpDef], console: &mut Console<'_>) -> Outcome {
    let width = defs
        .iter()
        .map(|def| def.name.len())
        .max()
        .unwrap_or_default()
        .max("operator".len());
    writeln!(
        console.stdout,
        "{:width$}  {:10}  {:8}  {:9}  traits",
        "operator", "kind", "numerics", "family"
    )?;
    for def in defs {
        let row = Row::of(def);
        let core = if def.is_core() {
            ["core"].as_slice()
        } else {
            &[]
        };
        let words = [core, &row.traits].concat().join(", ");
        let (family, kind, numerics) = (row.family.unwrap_or("-"), row.kind, row.numerics);
        let line = format!(
            "{:width$}  {kind:10}  {numerics:8}  {family:9}  {words}",
            row.name
        );
        writeln!(console.stdout, "{}", line.trim_end())?;
    }
    Ok(())
}

/// What libtorch itself has, with what the given libraries add.
fn registered(args: &OpsArgs, console: &mut Console<'_>) -> Outcome {
    load::libraries(&args.load_library)?;
    let name = args.name.as_deref().map(|name| {
        name.strip_prefix("torch.ops.")
            .unwrap_or(name)
            .replace("::", ".")
    });
    let mut schemas: Vec<String> = torch::all_schemas()
        .into_iter()
        .map(|registered| registered.schema)
        .filter(|schema| is_selected(schema, name.as_deref(), args.namespace.as_deref()))
        .collect();
    schemas.sort_unstable();
    if let (Some(name), true) = (&name, schemas.is_empty()) {
        let unknown = Diagnostic::error("E0691", format!("libtorch has no operator `{name}`"));
        return Err(unknown
            .help("`expc ops --registered` lists all of them")
            .into());
    }
    for schema in schemas {
        match args.json {
            true => writeln!(
                console.stdout,
                "{}",
                serde_json::json!({ "schema": schema })
            )?,
            false => writeln!(console.stdout, "{schema}")?,
        }
    }
    Ok(())
}

/// Whether a registered schema is of the namespace and of the op, any overload of it if the name has none.
fn is_selected(schema: &str, name: Option<&str>, namespace: Option<&str>) -> bool {
    let full = schema
        .split_once('(')
        .map_or(schema, |(name, _)| name)
        .replace("::", ".");
    let in_namespace = namespace.is_none_or(|namespace| full.split('.').next() == Some(namespace));
    let is_meant = name.is_none_or(|name| {
        match full.strip_prefix(name.strip_suffix(".default").unwrap_or(name)) {
            Some(rest) => rest.is_empty() || (rest.starts_with('.') && !name.ends_with(".default")),
            None => false,
        }
    });
    in_namespace && is_meant
}
