//! Tests of the printed form, on small modules and on what PyTorch printed.

use expc_dialects::{Program, context, text::parse_module};

use super::program_text;
use crate::frontend::load_file;

fn print(module: &str) -> Result<String, String> {
    let context = context();
    let module =
        parse_module(&context, module, "test.mlir").map_err(|found| found[0].message.clone())?;
    program_text(&Program::new(&module))
        .map_err(|fault| format!("{}: {}", fault.code, fault.message))
}

/// The lines of the root's code.
fn body(module: &str) -> Vec<String> {
    let text = print(module).unwrap();
    let code = text
        .lines()
        .skip(3)
        .take_while(|line| !line.trim().is_empty());
    code.map(|line| line.trim_start().to_owned()).collect()
}

const X: &str = r#"tensor<2x3xf32> {aten.input = {kind = "user_input", name = "x"}}"#;

#[test]
fn a_module_without_names_and_places_is_printed() {
    let text = print(
        r#"module attributes {aten.ranges = [["s0", 2 : i64, none], ["2*s0", 4 : i64, 64 : i64]]} {
          func.func @main(
              %w: tensor<3xf32, {requires_grad}> {aten.input = {kind = "parameter", name = "p_w", target = "w"}},
              %b: tensor<i64> {aten.input = {kind = "buffer", name = "b_n", target = "n", persistent = false}},
              %x: tensor<?x3xbf16, {sizes = ["s0", "3"]}> {aten.input = {kind = "user_input", name = "x"}})
              -> (tensor<i64> {aten.output = {kind = "buffer_mutation", target = "n"}},
                  tensor<?x3xbf16, {sizes = ["s0", "3"]}> {aten.output = {kind = "user_output"}})
              attributes {aten.constant_inputs = [[3 : i64, "k", 2 : i64]],
                          aten.constant_outputs = [[1 : i64, "user_output", none]]} {
            %0 = "aten.add.Tensor"(%x, %w) {alpha = 2 : i64}
              : (tensor<?x3xbf16, {sizes = ["s0", "3"]}>, tensor<3xf32, {requires_grad}>) -> tensor<?x3xbf16, {sizes = ["s0", "3"]}>
            %1 = "aten.add.Tensor"(%0, %0)
              : (tensor<?x3xbf16, {sizes = ["s0", "3"]}>, tensor<?x3xbf16, {sizes = ["s0", "3"]}>) -> tensor<?x3xbf16, {sizes = ["s0", "3"]}>
            return %b, %1 : tensor<i64>, tensor<?x3xbf16, {sizes = ["s0", "3"]}>
          }
        }"#,
    );
    let expected = "\
ExportedProgram:
    class GraphModule(torch.nn.Module):
        def forward(self, p_w: \"f32[3]\", b_n: \"i64[]\", x: \"bf16[s0, 3]\", k):
            # No stacktrace found for following nodes
            add: \"bf16[s0, 3]\" = torch.ops.aten.add.Tensor(x, p_w, alpha = 2);  x = p_w = None
            add_1: \"bf16[s0, 3]\" = torch.ops.aten.add.Tensor(add, add);  add = None
            return (b_n, None, add_1)
    
Graph signature: 
    # inputs
    p_w: PARAMETER target='w'
    b_n: BUFFER target='n' persistent=False
    x: USER_INPUT
    k: USER_INPUT
    
    # outputs
    b_n: BUFFER_MUTATION target='n'
    : USER_OUTPUT
    add_1: USER_OUTPUT
    
Range constraints: {s0: VR[2, int_oo], 2*s0: VR[4, 64]}
";
    assert_eq!(text.as_deref(), Ok(expected));
}

#[test]
fn a_comment_stands_above_the_nodes_of_its_line() {
    let place = |name: &str, line: usize| {
        format!(
            r#"loc("{name}"(fused<{{stack_trace = "File \"m.py\", line {line}, in forward\0A  return x + {line}\0A"}}>["m.py":{line}:0]))"#
        )
    };
    let op = |value: &str, name: &str, line| {
        format!(
            "%{value} = \"aten.relu.default\"(%x) : (tensor<2x3xf32>) -> tensor<2x3xf32> {}\n",
            place(name, line)
        )
    };
    let ops = [
        op("0", "a", 1),
        op("1", "b", 1),
        op("2", "c", 2),
        op("3", "d", 1),
    ]
    .concat();
    assert_eq!(
        print(&format!(
            "func.func @main(%x: {X}) -> tensor<2x3xf32> {{\n{ops} return %0 : tensor<2x3xf32> }}"
        ))
        .unwrap()
        .lines()
        .skip(2)
        .take(13)
        .collect::<Vec<_>>(),
        [
            "        def forward(self, x: \"f32[2, 3]\"):",
            "            # File: m.py:1 in forward, code: return x + 1",
            "            a: \"f32[2, 3]\" = torch.ops.aten.relu.default(x)",
            "            b: \"f32[2, 3]\" = torch.ops.aten.relu.default(x);  b = None",
            "    ",
            "            # File: m.py:2 in forward, code: return x + 2",
            "            c: \"f32[2, 3]\" = torch.ops.aten.relu.default(x);  c = None",
            "    ",
            "            # File: m.py:1 in forward, code: return x + 1",
            "            d: \"f32[2, 3]\" = torch.ops.aten.relu.default(x);  x = d = None",
            "            return (a,)",
            "    ",
            "Graph signature: ",
        ]
    );
}

#[test]
fn results_are_taken_out_one_by_one() {
    let lines = body(&format!(
        r#"func.func @main(%x: {X}) -> (tensor<2x1xf32>, tensor<3xf32>) {{
          %0:2 = "aten.split.Tensor"(%x) {{split_size = 2 : i64, dim = 1 : i64, aten.names = ["first", "split_unused_1"]}}
            : (tensor<2x3xf32>) -> (tensor<2x2xf32>, tensor<2x1xf32>) loc("split")
          %1:2 = "aten.max.dim"(%x) {{dim = 0 : i64}} : (tensor<2x3xf32>) -> (tensor<3xf32>, tensor<3xi64>)
          %2:2 = "aten.max.dim"(%x) {{dim = 1 : i64, aten.names = ["v", "top_unused_1"]}}
            : (tensor<2x3xf32>) -> (tensor<2xf32>, tensor<2xi64>)
          return %0#1, %1#0 : tensor<2x1xf32>, tensor<3xf32>
        }}"#
    ));
    assert_eq!(
        lines,
        [
            "# No stacktrace found for following nodes",
            "split = torch.ops.aten.split.Tensor(x, 2, 1)",
            "first: \"f32[2, 2]\" = split[0];  first = None",
            "split_unused_1: \"f32[2, 1]\" = split[1];  split = None",
            "max_1 = torch.ops.aten.max.dim(x, 0)",
            "getitem: \"f32[3]\" = max_1[0];  max_1 = None",
            "top = torch.ops.aten.max.dim(x, 1);  x = None",
            "v: \"f32[2]\" = top[0];  top = v = None",
            "return (split_unused_1, getitem)",
        ]
    );
}

#[test]
fn behind_a_gap_arguments_are_given_by_keyword() {
    let lines = body(&format!(
        r#"func.func @main(%x: {X}) -> tensor<2x3xf32> {{
          %0 = "aten.slice.Tensor"(%x) {{end = 1 : i64}} : (tensor<2x3xf32>) -> tensor<1x3xf32>
          %1 = "aten.clamp.default"(%x) {{min = none, max = 0.5 : f64}} : (tensor<2x3xf32>) -> tensor<2x3xf32>
          %2 = "aten.sum.dim_IntList"(%x) {{dim = array<i64: 0>, keepdim = true, aten.by_keyword = ["keepdim"]}}
            : (tensor<2x3xf32>) -> tensor<1x3xf32>
          return %1 : tensor<2x3xf32>
        }}"#
    ));
    assert_eq!(
        &lines[1..4],
        [
            "slice_1: \"f32[1, 3]\" = torch.ops.aten.slice.Tensor(x, end = 1);  slice_1 = None",
            "clamp: \"f32[2, 3]\" = torch.ops.aten.clamp.default(x, None, 0.5)",
            "sum_1: \"f32[1, 3]\" = torch.ops.aten.sum.dim_IntList(x, [0], keepdim = True);  x = sum_1 = None",
        ]
    );
}

#[test]
fn symbolic_functions_are_written_as_expressions_or_calls() {
    let lines = body(
        r#"func.func @main(%n: i64 {aten.input = {kind = "user_input", name = "n", sym = "s0"}}) -> i64 {
          %0 = "sym.mul"(%n) {args = [2 : i64, #aten.operand], aten.sym = ["2*s0"]} : (i64) -> i64 loc("mul")
          %1 = "sym.neg"(%0) {args = [#aten.operand], aten.sym = ["-2*s0"]} : (i64) -> i64 loc("neg")
          %2 = "sym.sym_max"(%1) {args = [#aten.operand, 1 : i64], aten.sym = ["Max(1, -2*s0)"]} : (i64) -> i64 loc("sym_max")
          %3 = "sym.trunc"(%2) {args = [#aten.operand], aten.sym = ["1"]} : (i64) -> i64 loc("trunc")
          return %3 : i64
        }"#,
    );
    assert_eq!(
        &lines[1..],
        [
            "mul: \"Sym(2*s0)\" = 2 * n;  n = None",
            "neg: \"Sym(-2*s0)\" = -mul;  mul = None",
            "sym_max: \"Sym(Max(1, -2*s0))\" = torch.sym_max(neg, 1);  neg = None",
            "trunc: \"Sym(1)\" = math_trunc(sym_max);  sym_max = None",
            "return (trunc,)",
        ]
    );
}

#[test]
fn inputs_with_the_names_of_builtins_are_renamed() {
    let lines = body(
        r#"func.func @main(%x: tensor<f32> {aten.input = {kind = "user_input", name = "input"}}) -> tensor<f32> {
          %0 = "aten.abs.default"(%x) : (tensor<f32>) -> tensor<f32> loc("abs")
          return %0 : tensor<f32>
        }"#,
    );
    assert_eq!(
        lines,
        ["input_1 = input"],
        "an empty line follows before the first comment"
    );
}

const BRANCHES: &str = r#"
  func.func private @yes(%x: tensor<2x3xf32> {aten.input = {kind = "user_input", name = "x"}}) -> tensor<2x3xf32> attributes {aten.single} {
    %0 = "aten.sin.default"(%x) : (tensor<2x3xf32>) -> tensor<2x3xf32>
    return %0 : tensor<2x3xf32>
  }
  func.func private @no(%x: tensor<2x3xf32> {aten.input = {kind = "user_input", name = "x"}}) {
    return
  }
"#;

#[test]
fn graphs_are_classes_inside_their_class() {
    let text = print(&format!(
        r#"{BRANCHES}
        func.func @main(%x: {X}) -> tensor<2x3xf32> {{
          %0 = "hop.cond"(%x) {{args = [true, @yes, @no, [#aten.operand]], aten.names = ["getitem"]}}
            : (tensor<2x3xf32>) -> tensor<2x3xf32> loc("cond")
          %1 = "hop.map_impl"(%0) {{args = [@yes, [#aten.operand], []], aten.single}} : (tensor<2x3xf32>) -> tensor<2x3xf32> loc("map_impl")
          return %1 : tensor<2x3xf32>
        }}"#
    ))
    .unwrap();
    let code: Vec<&str> = text.lines().skip(3).take(20).collect();
    assert_eq!(
        code,
        [
            "            # No stacktrace found for following nodes",
            "            yes = self.yes",
            "            no = self.no",
            "            cond = torch.ops.higher_order.cond(True, yes, no, (x,));  yes = no = x = None",
            "            getitem: \"f32[2, 3]\" = cond[0];  cond = None",
            "            yes_1 = self.yes",
            "            map_impl: \"f32[2, 3]\" = torch.ops.higher_order.map_impl(yes_1, [getitem], []);  yes_1 = getitem = None",
            "            return (map_impl,)",
            "    ",
            "        class yes(torch.nn.Module):",
            "            def forward(self, x: \"f32[2, 3]\"):",
            "                # No stacktrace found for following nodes",
            "                sin: \"f32[2, 3]\" = torch.ops.aten.sin.default(x);  x = None",
            "                return sin",
            "    ",
            "        class no(torch.nn.Module):",
            "            def forward(self, x: \"f32[2, 3]\"):",
            "                return ()",
            "    ",
            "Graph signature: ",
        ]
    );
}

#[test]
fn a_block_names_its_graph_by_the_next_free_part() {
    let lines = body(&format!(
        r#"func.func private @submod_1(%x: {X}) -> tensor<2x3xf32> {{
          return %x : tensor<2x3xf32>
        }}
        func.func @main(%x: {X}) -> tensor<2x3xf32> {{
          %0 = "hop.wrap_with_set_grad_enabled"(%x) {{args = [false, @submod_1, #aten.operand], aten.names = ["getitem"]}}
            : (tensor<2x3xf32>) -> tensor<2x3xf32> loc("wrap")
          return %0 : tensor<2x3xf32>
        }}"#
    ));
    assert_eq!(lines[1], "submod_3 = self.submod_1");
}

#[test]
fn ops_without_a_schema_are_printed() {
    let lines = body(&format!(
        r#"func.func @main(%x: {X}) -> tensor<2x3xf32> {{
          %0:3 = "my.op.default"(%x, %x) {{args = [#aten.operand, "it's", [1 : i64, 0.5 : f64]], kwargs = {{a = #aten.operand, b = #aten.device<"cuda:0">}},
              aten.by_keyword = ["b", "a"], resultSegmentSizes = array<i32: 1, 2>}}
            : (tensor<2x3xf32>, tensor<2x3xf32>) -> (tensor<2x3xf32>, tensor<2x3xf32>, tensor<2x3xf32>) loc("op")
          return %0#2 : tensor<2x3xf32>
        }}"#
    ));
    assert_eq!(
        &lines[1..],
        [
            "op = torch.ops.my.op.default(x, \"it's\", [1, 0.5], b = device(type='cuda', index=0), a = x);  x = None",
            "getitem = op[1];  op = None",
            "getitem_1: \"f32[2, 3]\" = getitem[1];  getitem = None",
            "return (getitem_1,)",
        ]
    );
}

#[test]
fn graphs_without_inputs_and_outputs_are_printed() {
    let text = print("func.func @main() { return }").unwrap();
    assert_eq!(
        text,
        "ExportedProgram:\n    class GraphModule(torch.nn.Module):\n        def forward(self):\n            return ()\n    \n\
         Graph signature: \n    # inputs\n    \n    \n    # outputs\n    \n    \nRange constraints: {}\n"
    );
}

#[test]
fn faults_are_told_and_end() {
    let calls = |graph: &str, inner: &str| {
        format!(
            r#"func.func private @loop(%x: {X}) -> tensor<2x3xf32> {{
              %0 = "hop.wrap"(%x) {{args = [@{inner}, #aten.operand], aten.single}} : (tensor<2x3xf32>) -> tensor<2x3xf32>
              return %0 : tensor<2x3xf32>
            }}
            func.func @main(%x: {X}) -> tensor<2x3xf32> {{
              %0 = "hop.wrap"(%x) {{args = [@{graph}, #aten.operand], aten.single}} : (tensor<2x3xf32>) -> tensor<2x3xf32>
              return %0 : tensor<2x3xf32>
            }}"#
        )
    };
    assert_eq!(
        print(&calls("absent", "loop")),
        Err(
            "E0240: `hop.wrap` names the graph `@absent`, which the module does not have"
                .to_owned()
        )
    );
    assert_eq!(
        print(&calls("loop", "loop")),
        Err(
            "E0243: graphs are nested deeper than 64, or there are more than 65536 to print"
                .to_owned()
        )
    );
}

/// What a fixture prints, and what its PyTorch printed, in the style of 2.11.
fn printed_fixtures(versions: &[&str], to_style: impl Fn(&str) -> String) -> usize {
    let context = context();
    let cases = expc_fixtures::cases();
    let chosen = cases
        .iter()
        .filter(|case| versions.contains(&case.torch.as_str()));
    let mut n_cases = 0;
    for case in chosen {
        let expected = std::fs::read_to_string(case.dir.join("text.txt")).unwrap();
        let loaded = load_file(&context, &case.model())
            .unwrap_or_else(|found| panic!("{}: {}", case.label(), found[0]));
        let text = program_text(&loaded.program()).unwrap();
        assert!(text == to_style(&expected), "{}\n{text}", case.label());
        n_cases += 1;
    }
    n_cases
}

#[test]
fn programs_of_2_11_print_as_in_pytorch() {
    assert_eq!(printed_fixtures(&["2.11.0"], str::to_owned), 13);
}

#[test]
fn programs_of_later_versions_print_in_the_style_of_2_11() {
    let to_style = |text: &str| text.replace("Graph signature:\n", "Graph signature: \n");
    let n_cases = printed_fixtures(&["2.12.1", "2.13.0", "2.14.1", "2.15.0"], to_style);
    assert!(n_cases >= 48, "{n_cases} cases");
}

/// Up to 2.10 empty lines are indented like the code around them. The archive does not have the names of
/// nodes with several results; they are found again.
#[test]
fn programs_of_2_10_print_in_the_style_of_2_11() {
    let to_style = |text: &str| {
        let lines = text
            .lines()
            .map(|line| if line.trim().is_empty() { "    " } else { line });
        lines.map(|line| line.to_owned() + "\n").collect::<String>()
    };
    assert_eq!(printed_fixtures(&["2.10.0"], to_style), 13);
}
