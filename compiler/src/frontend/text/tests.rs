//! Printed programs of all fixtures, and damaged ones.

use expc_dialects::{Program, mlir, verify::verify};
use melior::Context;

use super::read;
use crate::export::text::program_text;

/// What the program of a text prints, or the code and place of the fault.
fn reprinted(context: &Context, text: &str) -> Result<String, String> {
    let printed = read(context, text).map_err(|fault| {
        let (line, column) = fault.place.line_column.unwrap_or_default();
        format!("{} at {line}:{column}: {}", fault.code, fault.message)
    })?;
    let program = Program::new(&printed.module);
    if let Some(fault) = printed
        .positions
        .locate(verify(&program))
        .into_iter()
        .next()
    {
        return Err(fault.to_string());
    }
    program_text(&program).map_err(|fault| fault.to_string())
}

/// The MLIR text of a printed program, without its locations.
fn module_of(context: &Context, text: &str) -> String {
    let printed = read(context, text).unwrap();
    mlir::print_operation(&printed.module.as_operation(), Default::default())
}

/// The text of a fixture, of the versions that are asked for.
fn texts(is_wanted: impl Fn(&[u32]) -> bool) -> Vec<(String, String)> {
    let cases = expc_fixtures::cases().into_iter();
    cases
        .filter(|case| is_wanted(&case.version()))
        .map(|case| {
            let text = std::fs::read_to_string(case.dir.join("text.txt")).unwrap();
            (case.label(), text)
        })
        .collect()
}

/// In the style of 2.11; from 2.12 on, a line of the signature has lost the blank at its end.
fn in_style_of_2_11(text: &str) -> String {
    text.replace("Graph signature:\n", "Graph signature: \n")
}

#[test]
fn programs_of_2_11_and_later_print_as_they_were() {
    let context = expc_dialects::context();
    let texts = texts(|version| version >= &[2, 11][..]);
    assert!(texts.len() >= 61, "{} texts", texts.len());
    for (label, text) in texts {
        assert_eq!(
            reprinted(&context, &text),
            Ok(in_style_of_2_11(&text)),
            "{label}"
        );
    }
}

#[test]
fn older_styles_give_the_module_that_their_reprint_gives() {
    let context = expc_dialects::context();
    let texts = texts(|version| version < &[2, 11][..]);
    assert!(texts.len() >= 96, "{} texts", texts.len());
    for (label, text) in texts {
        let again = reprinted(&context, &text).unwrap_or_else(|fault| panic!("{label}: {fault}"));
        assert_eq!(reprinted(&context, &again).as_ref(), Ok(&again), "{label}");
        // The one-line signature alone says what constant inputs are.
        if !text.contains("ConstantArgument(") {
            assert_eq!(
                module_of(&context, &again),
                module_of(&context, &text),
                "{label}"
            );
        }
    }
}

#[test]
fn damaged_texts_are_faults_and_never_panic() {
    let context = expc_dialects::context();
    let case = expc_fixtures::case("2.11.0", "cond");
    let text = std::fs::read_to_string(case.dir.join("text.txt")).unwrap();
    for cut in (0..text.len()).step_by(31) {
        let _ = reprinted(&context, &text[..cut]);
    }
    let lines: Vec<&str> = text.lines().collect();
    for without in 0..lines.len() {
        let mut lines = lines.clone();
        lines.remove(without);
        let _ = reprinted(&context, &lines.join("\n"));
    }
    for (index, replacement) in (0..text.len())
        .step_by(29)
        .zip("([{)]}\"'=:,.-x0 \n".chars().cycle())
    {
        let mut damaged = text.clone();
        damaged.replace_range(index..=index, replacement.encode_utf8(&mut [0; 4]));
        let _ = reprinted(&context, &damaged);
    }
}

/// A graph with one line between its head and its end.
fn with_line(line: &str) -> String {
    format!(
        "class GraphModule(torch.nn.Module):\n    def forward(self, x: \"f32[2]\"):\n        {line}\n        return (x,)\n"
    )
}

#[test]
fn deep_nesting_is_refused() {
    let context = expc_dialects::context();
    let deep = |open: &str, close: &str| open.repeat(100_000) + "1" + &close.repeat(100_000);
    for expression in [
        deep("[", "]"),
        deep("(", ")"),
        deep("{'a': ", "}"),
        deep("f(", ")"),
        deep("-", ""),
        deep("x", "[0]"),
    ] {
        let fault = reprinted(&context, &with_line(&format!("y = {expression}"))).unwrap_err();
        assert!(fault.starts_with("E0171 at 3:"), "{fault}");
    }
    let classes: String = (0..100)
        .map(|depth| {
            let indent = " ".repeat(depth);
            format!("{indent}class a(torch.nn.Module):\n{indent} def forward(self):\n{indent}  return ()\n")
        })
        .collect();
    let fault = reprinted(&context, &classes).unwrap_err();
    assert!(fault.starts_with("E0171 at 193:65: classes"), "{fault}");
}

#[test]
fn brackets_in_strings_and_comments_are_not_nested() {
    let context = expc_dialects::context();
    let text = with_line(&format!(
        "# {0}\n        a = torch.ops.aten._assert_scalar.default(True, '\\'{0}')",
        "(".repeat(200)
    ));
    assert!(reprinted(&context, &text).is_ok());
}

#[test]
fn nesting_up_to_the_bound_is_parsed() {
    let context = expc_dialects::context();
    for (open, close) in [("[", "]"), ("(", ",)"), ("{'a': ", "}")] {
        let nested = open.repeat(60) + "1" + &close.repeat(60);
        let line = format!("y = torch.ops.my.op.default({nested})");
        assert!(reprinted(&context, &with_line(&line)).is_ok(), "{line}");
    }
}

/// Constants as the printer writes them, and some that only other printers do.
#[test]
fn constants_are_read_as_they_are_printed() {
    let context = expc_dialects::context();
    for (given, printed) in [
        ("-inf, nan, 1e-05, -0.0, 5e-324, 1e+16", ""),
        ("2j, (1+2.5j), (-0-1j), (nan+infj), -0j, (1e+16-1e-05j)", ""),
        ("-9223372036854775808, 9223372036854775807", ""),
        (
            "'it\\'s \"\\n\\x00\\u2028', \"it's\"",
            "'it\\'s \"\\n\\x00\\u2028', \"it's\"",
        ),
        ("[1, 2], [1.0], [True, None], ['a'], [[1], [2]], []", ""),
        ("{'a': 1, 'b': [x]}, {}", ""),
        (
            "torch.float8_e4m3fn, torch.strided, torch.channels_last",
            "",
        ),
        ("torch.ops.aten.add_.Tensor", ""),
        ("device(type='cpu'), device(type='cuda', index=1)", ""),
        (
            "torch.device('cuda', 1), (1, 2,), +1",
            "device(type='cuda', index=1), [1, 2], 1",
        ),
    ] {
        let printed = if printed.is_empty() { given } else { printed };
        let text = reprinted(
            &context,
            &with_line(&format!("y = torch.ops.my.op.default({given})")),
        );
        let text = text.unwrap_or_else(|fault| panic!("{given}: {fault}"));
        let expected = format!("op = torch.ops.my.op.default({printed})");
        assert!(
            text.contains(&format!("y = torch.ops.my.op.default({printed})")),
            "{expected}\n{text}"
        );
    }
}
