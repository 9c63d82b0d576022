//! The command line as users meet it: text in, text and status out.

use std::{fs, path::Path};

use expc_dialects::ScalarType;

use super::*;
use crate::tensor_file::{self, HostTensor};

const SUM_AND_PRODUCT: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/src/driver/samples/add_mul.mlir"
);

/// `count += 1; return count + x`
const COUNTER: &str = r#"
func.func @main(%count: tensor<f32> {aten.input = {kind = "buffer", name = "b_count", target = "count", persistent = true}},
                %x: tensor<f32> {aten.input = {kind = "user_input", name = "x"}})
    -> (tensor<f32> {aten.output = {kind = "user_output"}}) {
  %next = "aten.add_.Scalar"(%count) {other = 1 : i64} : (tensor<f32>) -> tensor<f32>
  %sum = "aten.add.Tensor"(%count, %x) : (tensor<f32>, tensor<f32>) -> tensor<f32>
  return %sum : tensor<f32>
}
"#;

/// What a command answered.
struct Answer {
    status: u8,
    stdout: String,
    stderr: String,
}

fn expc_with_input(args: &[&str], mut stdin: &[u8]) -> Answer {
    let args: Vec<OsString> = std::iter::once("expc")
        .chain(args.iter().copied())
        .map(OsString::from)
        .collect();
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    let status = run(&args, &mut stdin, &mut stdout, &mut stderr);
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    Answer {
        status,
        stdout: text(stdout),
        stderr: text(stderr),
    }
}

fn expc(args: &[&str]) -> Answer {
    expc_with_input(args, b"")
}

/// A folder of one test, with the files that most need.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    fn path(&self, name: &str) -> String {
        self.0.path().join(name).display().to_string()
    }

    fn write(&self, name: &str, content: &str) -> String {
        let path = self.path(name);
        fs::write(&path, content).expect("written");
        path
    }

    fn write_tensors(&self, name: &str, tensors: &[(&str, HostTensor)]) -> String {
        let path = self.path(name);
        let tensors: Vec<_> = tensors
            .iter()
            .map(|(key, tensor)| ((*key).to_owned(), tensor.clone()))
            .collect();
        tensor_file::write(Path::new(&path), &tensors).expect("written");
        path
    }

    /// What the commands said, without the folder's name.
    fn anonymous(&self, text: &str) -> String {
        text.replace(&self.0.path().display().to_string(), "FOLDER")
    }
}

fn floats(values: &[f32]) -> HostTensor {
    let bytes: Vec<u8> = values
        .iter()
        .flat_map(|value| value.to_ne_bytes())
        .collect();
    HostTensor::new(ScalarType::Float32, vec![values.len()], bytes).expect("as many")
}

fn float(value: f32) -> HostTensor {
    HostTensor::new(ScalarType::Float32, vec![], value.to_ne_bytes().to_vec()).expect("one")
}

fn read(path: &str) -> Vec<(String, HostTensor)> {
    tensor_file::read(Path::new(path)).expect("read")
}

#[test]
fn help() {
    for command in [
        "", "run", "run-many", "print", "opt", "check", "ops", "bench",
    ] {
        let args: Vec<&str> = [command, "--help"]
            .into_iter()
            .filter(|arg| !arg.is_empty())
            .collect();
        let answer = expc(&args);
        assert_eq!((answer.status, answer.stderr.as_str()), (DONE, ""));
        let name = ["help", command]
            .into_iter()
            .filter(|word| !word.is_empty())
            .collect::<Vec<_>>()
            .join("_");
        insta::assert_snapshot!(name, answer.stdout);
    }
    assert!(expc(&["--version"]).stdout.starts_with("expc "));
}

#[test]
fn a_wrong_command_line_is_status_2() {
    for args in [
        &[][..],
        &["nonsense"],
        &["run"],
        &["run", "m.pt2", "--threads", "0"],
        &["run", "m.pt2", "--repeat", "0"],
        &["run", "m.pt2", "--device", "tpu"],
        &["run", "m.pt2", "--input", "no equals sign"],
        &["run", "m.pt2", "-o", "out.txt"],
        &["run", "m.pt2", "--rtol", "1"],
        &["opt", "m.pt2", "--emit", "onnx"],
    ] {
        let answer = expc(args);
        assert_eq!(answer.status, USAGE, "{args:?}: {}", answer.stderr);
        assert!(
            !answer.stderr.is_empty() && answer.stdout.is_empty(),
            "{args:?}"
        );
    }
}

#[test]
fn a_fault_of_the_program_is_status_1_and_one_line_begins_with_error() {
    let folder = Folder::new();
    let empty = folder.write("empty.pt2", "");
    let printed = folder.write(
        "printed.txt",
        "ExportedProgram:\n    class GraphModule(torch.nn.Module):\n",
    );
    let cut = folder.write("cut.pt2", "PK\u{3}\u{4}garbage");
    for args in [
        &["run", "no/such/model.pt2"][..],
        &["run", &empty],
        &["print", &printed],
        &["check", &cut],
        &["opt", "."],
        &["bench", &cut],
        &["run-many", "no/such/list"],
        &[
            "run",
            SUM_AND_PRODUCT,
            "--load-library",
            "no/such/library.so",
        ],
        &["run", SUM_AND_PRODUCT, "--input", "x=no/such/file.npy"],
        &["run", SUM_AND_PRODUCT],
        &["ops", "aten.ad.Tensor"],
        &["ops", "--namespace", "nowhere"],
    ] {
        let answer = expc(args);
        assert_eq!(answer.status, FAULT, "{args:?}: {}", answer.stderr);
        let first = answer.stderr.lines().next().unwrap_or_default();
        assert!(first.starts_with("error"), "{args:?}: {}", answer.stderr);
        assert!(
            !answer.stderr.contains("internal error"),
            "{args:?}: {}",
            answer.stderr
        );
    }
    assert!(
        expc(&["print", &printed])
            .stderr
            .contains("class `GraphModule` has no `def forward`")
    );
}

#[test]
fn a_summary_is_printed_without_an_output_file() {
    let folder = Folder::new();
    let inputs = folder.write_tensors(
        "in.npz",
        &[("0", floats(&[1.0, 2.0])), ("y", floats(&[10.0, 20.0]))],
    );
    let answer = expc(&["run", SUM_AND_PRODUCT, "--inputs", &inputs]);
    assert_eq!((answer.status, answer.stderr.as_str()), (DONE, ""));
    insta::assert_snapshot!(answer.stdout);
}

#[test]
fn outputs_are_written_and_compared() {
    let folder = Folder::new();
    let x = folder.write_tensors("x.npy", &[("", floats(&[1.0, 2.0]))]);
    let y = folder.write_tensors("y.npy", &[("", floats(&[10.0, 20.0]))]);
    let (x, y) = (format!("x={x}"), format!("y={y}"));
    for name in ["out.npz", "out.safetensors"] {
        let output = folder.path(name);
        let answer = expc(&[
            "run",
            SUM_AND_PRODUCT,
            "--input",
            &x,
            "--input",
            &y,
            "-o",
            &output,
        ]);
        assert_eq!(
            (
                answer.status,
                answer.stdout.as_str(),
                answer.stderr.as_str()
            ),
            (DONE, "", "")
        );
        let mut found = read(&output);
        found.sort_by(|(left, _), (right, _)| left.cmp(right));
        assert_eq!(
            found,
            [
                ("0".to_owned(), floats(&[11.0, 22.0])),
                ("1".to_owned(), floats(&[10.0, 40.0]))
            ]
        );
        let again = expc(&[
            "run",
            SUM_AND_PRODUCT,
            "--input",
            &x,
            "--input",
            &y,
            "--expected",
            &output,
        ]);
        assert_eq!(again.status, DONE, "{}", again.stdout);
    }
    let wrong = folder.write_tensors(
        "wrong.npz",
        &[("0", floats(&[11.0, 23.0])), ("1", floats(&[10.0, 40.0]))],
    );
    let answer = expc(&[
        "run",
        SUM_AND_PRODUCT,
        "--input",
        &x,
        "--input",
        &y,
        "--expected",
        &wrong,
    ]);
    assert_eq!(answer.status, FAULT);
    insta::assert_snapshot!(folder.anonymous(&format!("{}{}", answer.stdout, answer.stderr)));
    let loose = [
        "run",
        SUM_AND_PRODUCT,
        "--input",
        &x,
        "--input",
        &y,
        "--expected",
        &wrong,
        "--atol",
        "1",
    ];
    assert_eq!(expc(&loose).status, DONE);
}

#[test]
fn json_answers_are_json() {
    let folder = Folder::new();
    let inputs = folder.write_tensors("in.npz", &[("0", floats(&[1.0])), ("1", floats(&[2.0]))]);
    let answer = expc(&["run", SUM_AND_PRODUCT, "--inputs", &inputs, "--json"]);
    let json: serde_json::Value = serde_json::from_str(&answer.stdout).expect("JSON");
    assert_eq!(
        json["outputs"][1],
        serde_json::json!({"key": "1", "path": "output[1]", "dtype": "float32", "shape": [1]})
    );
    let bench = expc(&[
        "bench",
        SUM_AND_PRODUCT,
        "--repeat",
        "2",
        "--warmup",
        "0",
        "--json",
    ]);
    let json: serde_json::Value = serde_json::from_str(&bench.stdout).expect("JSON");
    assert_eq!(json["runs"], 2);
    assert!(
        json["latency_s"]["median"]
            .as_f64()
            .is_some_and(|seconds| seconds > 0.0)
    );
}

#[test]
fn a_failed_run_leaves_no_output() {
    let folder = Folder::new();
    let inputs = folder.write_tensors(
        "in.npz",
        &[("0", floats(&[1.0, 2.0])), ("1", floats(&[1.0, 2.0, 3.0]))],
    );
    let output = folder.path("out.npz");
    let answer = expc(&["run", SUM_AND_PRODUCT, "--inputs", &inputs, "-o", &output]);
    assert_eq!(answer.status, FAULT);
    assert!(
        answer.stderr.starts_with("error[E0504]: y.shape[0] is 3"),
        "{}",
        answer.stderr
    );
    assert!(!Path::new(&output).exists());
}

#[test]
fn what_the_calls_change_is_written_on_request() {
    let folder = Folder::new();
    let model = folder.write("counter.mlir", COUNTER);
    let weights = folder.write_tensors("weights.safetensors", &[("count", float(5.0))]);
    let output = folder.path("out.npz");
    let args = [
        "run",
        &model,
        "--weights",
        &weights,
        "--input",
        "x=100",
        "--state",
        "--repeat",
        "2",
        "-o",
        &output,
    ];
    let answer = expc(&args);
    assert_eq!((answer.status, answer.stderr.as_str()), (DONE, ""));
    assert_eq!(
        read(&output),
        [
            ("0".to_owned(), float(107.0)),
            ("buffer:count".to_owned(), float(7.0))
        ]
    );
}

#[test]
fn a_list_of_cases_goes_on_after_a_failure() {
    let folder = Folder::new();
    let counter = folder.write("counter.mlir", COUNTER);
    let weights = folder.write_tensors("weights.safetensors", &[("count", float(5.0))]);
    let good = folder.write_tensors("good.npz", &[("x", float(1.0))]);
    let bad = folder.write_tensors("bad.npz", &[("z", float(1.0))]);
    let outputs = ["a", "b", "c", "d"].map(|name| folder.path(&format!("{name}.npz")));
    let [a, b, c, d] = &outputs;
    // An old answer and an old fault, which are not this run's.
    fs::write(b, "old").expect("written");
    fs::write(format!("{a}.err"), "old").expect("written");
    let lines = [
        "# cases".to_owned(),
        format!("{counter}\t{good}\t{a}"),
        format!("{counter}\t{bad}\t{b}"),
        String::new(),
        format!("no/such/model.pt2\t{good}\t{c}"),
        format!("{counter}\t{good}\t{d}"),
    ];
    let list = folder.write("list.tsv", &lines.join("\n"));
    let answer = expc(&["run-many", &list, "--weights", &weights]);
    assert_eq!(answer.status, FAULT);
    insta::assert_snapshot!(folder.anonymous(&format!("{}{}", answer.stdout, answer.stderr)));
    // Each case begins with the state of the file.
    assert_eq!(read(a), [("0".to_owned(), float(7.0))]);
    assert_eq!(read(d), read(a));
    assert!(!Path::new(b).exists() && !Path::new(&format!("{a}.err")).exists());
    let fault = fs::read_to_string(format!("{b}.err")).expect("there");
    assert!(
        fault.starts_with("error[E0612]: the program has no input `z`"),
        "{fault}"
    );
    let answer = expc_with_input(
        &["run-many", "-", "--weights", &weights, "--json"],
        lines[1].as_bytes(),
    );
    assert_eq!(answer.status, DONE, "{}", answer.stderr);
    assert_eq!(answer.stdout.lines().count(), 2);
}

#[test]
fn a_fault_that_cannot_be_written_down_does_not_stop_the_list() {
    let folder = Folder::new();
    let inputs = folder.write_tensors("in.npz", &[("0", floats(&[1.0])), ("1", floats(&[2.0]))]);
    let good = folder.path("good.npz");
    let list = format!(
        "{SUM_AND_PRODUCT}\t{inputs}\t{}\n{SUM_AND_PRODUCT}\t{inputs}\t{good}\n",
        folder.path("no/such/folder/out.npz")
    );
    let answer = expc_with_input(&["run-many", "-"], list.as_bytes());
    assert_eq!(answer.status, FAULT);
    assert!(
        answer
            .stderr
            .starts_with("error[E0693]: cannot write the file"),
        "{}",
        answer.stderr
    );
    assert!(
        answer.stdout.ends_with("1 of 2 cases done, 1 failed\n"),
        "{}",
        answer.stdout
    );
    assert!(Path::new(&good).exists());
}

#[test]
fn a_damaged_list_is_refused_before_anything_runs() {
    let answer = expc_with_input(&["run-many", "-"], b"one\ttwo\nm\ti.npz\to.txt\n");
    insta::assert_snapshot!(answer.stderr);
    assert_eq!(answer.status, FAULT);
}

#[test]
fn modules_are_written_and_read_again() {
    let folder = Folder::new();
    let written = folder.path("written.mlir");
    assert_eq!(
        expc(&["opt", SUM_AND_PRODUCT, "--emit", "mlir", "-o", &written]).status,
        DONE
    );
    let text = fs::read_to_string(&written).expect("there");
    let again = expc_with_input(&["opt", "-", "--emit=mlir"], text.as_bytes());
    assert_eq!((again.status, again.stdout.as_str()), (DONE, text.as_str()));
    let named = expc(&["opt", SUM_AND_PRODUCT, "--locations"]).stdout;
    assert!(named.contains("loc("), "{named}");
}

#[test]
fn the_kind_of_a_model_is_in_its_content() {
    let folder = Folder::new();
    let lying = folder.path("lying.pt2");
    fs::copy(SUM_AND_PRODUCT, &lying).expect("copied");
    assert_eq!(expc(&["check", &lying]).status, DONE);
    let text = fs::read(SUM_AND_PRODUCT).expect("read");
    assert_eq!(expc_with_input(&["check", "-"], &text).status, DONE);
}

#[test]
fn checks_list_everything_that_they_find() {
    let folder = Folder::new();
    let counter = folder.write("counter.mlir", COUNTER);
    let answer = expc(&["check", &counter]);
    assert_eq!(answer.status, FAULT);
    assert!(answer.stderr.contains("`count`"), "{}", answer.stderr);
    let json = expc(&["check", &counter, "--json"]).stdout;
    let first: serde_json::Value =
        serde_json::from_str(json.lines().next().unwrap_or_default()).expect("JSON");
    assert_eq!(first["severity"], "error");
    let wrong = folder.write_tensors("weights.safetensors", &[("count", floats(&[1.0, 2.0]))]);
    let answer = expc(&["check", &counter, "--weights", &wrong]);
    assert!(
        answer.stderr.contains("expected sizes [], found [2]"),
        "{}",
        answer.stderr
    );
    let right = folder.write_tensors("right.safetensors", &[("count", float(1.0))]);
    let answer = expc(&["check", &counter, "--weights", &right]);
    assert_eq!((answer.status, answer.stderr.as_str()), (DONE, ""));
}

#[test]
fn operators_are_shown() {
    insta::assert_snapshot!("op_page", expc(&["ops", "aten.add_.Tensor"]).stdout);
    assert_eq!(
        expc(&["ops", "aten::add_.Tensor"]).stdout,
        expc(&["ops", "torch.ops.aten.add_.Tensor"]).stdout
    );
    let overloads = expc(&["ops", "aten.add"]).stdout;
    assert!(
        overloads.contains("aten.add.Tensor\n") && overloads.contains("aten.add.out\n"),
        "{overloads}"
    );
    insta::assert_snapshot!("op_unknown", expc(&["ops", "aten.ad.Tensor"]).stderr);
    let json = expc(&["ops", "aten.mm.default", "--json"]).stdout;
    let row: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(
        (row["name"].as_str(), row["kind"].as_str()),
        (Some("aten.mm.default"), Some("functional"))
    );
    let core = expc(&["ops", "--core", "--namespace", "aten"]).stdout;
    assert!(core.lines().count() > 150 && core.contains("aten.convolution.default"));
    let registered = expc(&["ops", "--registered", "aten::mm"]).stdout;
    assert!(
        registered.lines().any(|line| line.starts_with("aten::mm(")),
        "{registered}"
    );
}

/// A pipe whose reader has gone.
struct Closed;

impl Write for Closed {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::BrokenPipe.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_reader_that_has_enough_ends_the_command_quietly() {
    let args = ["expc", "ops"].map(OsString::from);
    let mut stderr = Vec::new();
    assert_eq!(run(&args, &mut io::empty(), &mut Closed, &mut stderr), DONE);
    assert!(stderr.is_empty());
}

#[test]
fn a_panic_is_an_internal_error() {
    let outcome = guarded::<()>(|| panic!("slot {} is empty", 3));
    let Err(Failure::Program(found)) = outcome else {
        panic!("expected a fault of the program")
    };
    assert_eq!(found.len(), 1);
    assert!(
        found[0]
            .message
            .starts_with("internal error: slot 3 is empty")
    );
}

/// The same names, and a product that differs.
const SUM_AND_DIFFERENCE: &str = r#"
func.func @main(%x: tensor<?xf32, {sizes = ["s0"]}> {aten.input = {kind = "user_input", name = "x"}},
                %y: tensor<?xf32, {sizes = ["s0"]}> {aten.input = {kind = "user_input", name = "y"}})
    -> (tensor<?xf32, {sizes = ["s0"]}> {aten.output = {kind = "user_output"}},
        tensor<?xf32, {sizes = ["s0"]}> {aten.output = {kind = "user_output"}}) {
  %sum = "aten.add.Tensor"(%x, %y) : (tensor<?xf32, {sizes = ["s0"]}>, tensor<?xf32, {sizes = ["s0"]}>) -> tensor<?xf32, {sizes = ["s0"]}> loc("sum")
  %product = "OP"(%x, %y) : (tensor<?xf32, {sizes = ["s0"]}>, tensor<?xf32, {sizes = ["s0"]}>) -> tensor<?xf32, {sizes = ["s0"]}> loc("product")
  return %sum, %product : tensor<?xf32, {sizes = ["s0"]}>, tensor<?xf32, {sizes = ["s0"]}>
}
"#;

#[test]
fn diff_names_the_first_value_that_differs() {
    let folder = Folder::new();
    let left = folder.write(
        "a.mlir",
        &SUM_AND_DIFFERENCE.replace("OP", "aten.mul.Tensor"),
    );
    let right = folder.write(
        "b.mlir",
        &SUM_AND_DIFFERENCE.replace("OP", "aten.sub.Tensor"),
    );

    let inputs = folder.write_tensors(
        "in.npz",
        &[("0", floats(&[1.0, 2.0])), ("1", floats(&[3.0, 5.0]))],
    );
    let answer = expc(&["diff", &left, &right, "--inputs", &inputs]);
    assert_eq!(answer.status, 1, "{}", answer.stderr);
    assert!(
        answer
            .stdout
            .contains("2 values and 2 outputs compared, 2 differ"),
        "{}",
        answer.stdout
    );
    assert!(
        answer.stderr.starts_with(
            "error[E0621]: `product` of `aten::mul.Tensor` and `aten::sub.Tensor` differs"
        ),
        "{}",
        answer.stderr
    );
    let answer = expc(&["diff", &left, "--inputs", &inputs]);
    assert_eq!((answer.status, answer.stderr.as_str()), (0, ""));
}

#[test]
fn profile_adds_up_steps() {
    let answer = expc(&["profile", SUM_AND_PRODUCT, "--repeat", "2", "--json"]);
    assert_eq!(answer.status, 0, "{}", answer.stderr);
    let found: serde_json::Value = serde_json::from_str(&answer.stdout).expect("JSON");
    let mut names: Vec<&str> = found["rows"]
        .as_array()
        .expect("rows")
        .iter()
        .map(|row| row["name"].as_str().expect("a name"))
        .collect();
    names.sort_unstable();
    assert_eq!(names, ["aten::add.Tensor", "aten::mul.Tensor"]);
}

#[test]
fn report_names_every_fault() {
    let answer = expc(&["report", SUM_AND_PRODUCT]);
    assert_eq!(
        (answer.status, answer.stderr.as_str()),
        (0, ""),
        "{}",
        answer.stdout
    );
    let folder = Folder::new();
    let twice = COUNTER.replace(
        "\"aten.add.Tensor\"(%count, %x)",
        "\"made_up.sum.default\"(%count, %x) {args = [#aten.operand, #aten.operand]}",
    );
    let model = folder.write("counter.mlir", &twice);
    let page = folder.path("page.html");
    let answer = expc(&["report", &model, "--json", "--html", &page]);
    assert_eq!(answer.status, 1);
    assert!(
        answer.stderr.starts_with("error[E0623]: "),
        "{}",
        answer.stderr
    );
    let found: serde_json::Value = serde_json::from_str(&answer.stdout).expect("JSON");
    let stages: Vec<String> = found["stages"]
        .as_array()
        .expect("stages")
        .iter()
        .map(|stage| stage.to_string())
        .collect();
    assert_eq!(stages[0], r#"["verify","ok"]"#);
    assert_eq!(stages[1], r#"["functionalize",{"failed":1}]"#);
    // An operator that nobody knows does not keep the next stage from telling what is in its way.
    assert_eq!(stages[2], r#"["decompose","ok"]"#);
    assert_eq!(stages[4], r#"["execute",{"failed":2}]"#);
    let page = fs::read_to_string(page).expect("written");
    assert!(page.contains("made_up.sum.default"));
}

#[test]
fn report_names_exactly_the_three_faults_among_two_hundred_modules() {
    const FAULTY: [usize; 3] = [17, 101, 180];
    let mut body = String::new();
    for number in 0..200 {
        let input = match number {
            0 => "%x".to_owned(),
            number => format!("%v{}", number - 1),
        };
        let op = match FAULTY.contains(&number) {
            true => format!("\"made_up.op_{number}.default\"({input}) {{args = [#aten.operand]}}"),
            false => format!("\"aten.relu.default\"({input})"),
        };
        let stack = format!("L__self__,,M;L__self___layers_{number},layers.{number},Layer");
        let metadata = format!("fused<{{nn_module_stack = \"{stack}\"}}>[\"m.py\":{number}:0]");
        body += &format!(
            "%v{number} = {op} : (tensor<2xf32>) -> tensor<2xf32> loc(\"op_{number}\"({metadata}))\n"
        );
    }
    let folder = Folder::new();
    let model = folder.write(
        "deep.mlir",
        &format!(
            "func.func @main(%x: tensor<2xf32> {{aten.input = {{kind = \"user_input\", name = \"x\"}}}}) \
             -> tensor<2xf32> {{\n{body}return %v199 : tensor<2xf32>\n}}"
        ),
    );
    let page = folder.path("page.html");
    let answer = expc(&["report", &model, "--json", "--html", &page]);
    let found: serde_json::Value = serde_json::from_str(&answer.stdout).expect("JSON");
    let modules = found["modules"].as_object().expect("modules");
    assert_eq!(modules.len(), 200);
    let mut faulty: Vec<&str> = modules
        .iter()
        .filter(|(_, module)| module["faults"] != serde_json::json!([]))
        .map(|(path, _)| path.as_str())
        .collect();
    faulty.sort_unstable();
    assert_eq!(faulty, ["layers.101", "layers.17", "layers.180"]);
    assert_eq!(
        modules["layers.17"]["stages"],
        serde_json::json!({
            "verify": "ok", "functionalize": "failed", "decompose": "ok",
            "infer_shapes": "failed", "execute": "failed"
        })
    );
    // What the missing operators give is made up: the modules behind them are tried as well.
    for path in ["layers.16", "layers.18", "layers.199"] {
        assert_eq!(modules[path]["stages"]["execute"], "ok");
    }
    let page = fs::read_to_string(page).expect("written");
    for tag in ["details", "summary", "div", "table", "pre", "span"] {
        let count = |text: String| page.matches(&text).count();
        let opened = count(format!("<{tag} ")) + count(format!("<{tag}>"));
        assert_eq!(opened, count(format!("</{tag}>")), "{tag}");
    }
    assert_eq!(page.matches("<details").count(), 202);
}

/// The words of a command, as a shell finds them.
fn words(command: &str) -> Vec<String> {
    let (mut words, mut word, mut is_quoted) = (Vec::new(), String::new(), false);
    let mut rest = command.chars();
    while let Some(character) = rest.next() {
        match character {
            '\'' => is_quoted = !is_quoted,
            '\\' if !is_quoted => word.extend(rest.next()),
            ' ' if !is_quoted => words.push(std::mem::take(&mut word)),
            other => word.push(other),
        }
    }
    words.push(word);
    words
}

#[test]
fn a_reproducer_repeats_the_failure_with_the_same_decompositions() {
    let folder = Folder::new();
    let program = folder.write(
        "program.mlir",
        r#"
func.func @main(%x: tensor<2xf32>) -> (tensor<2xf32>, tensor<2xf32>) {
  %0 = "aten.silu.default"(%x) : (tensor<2xf32>) -> tensor<2xf32>
  %1 = "aten.gelu.default"(%0) : (tensor<2xf32>) -> tensor<2xf32>
  return %0, %1 : tensor<2xf32>, tensor<2xf32>
}
"#,
    );
    // gelu(x) is no bool.
    let table = folder.write(
        "what's wrong.mlir",
        r#"
func.func @aten.gelu.default(%x: !aten.any, %approximate: !aten.any) -> !aten.any {
  %0 = "aten.isnan.default"(%x) : (!aten.any) -> !aten.any
  return %0 : !aten.any
}
"#,
    );
    let reproducer = folder.path("reproducer.mlir");
    let answer = expc(&[
        "opt",
        &program,
        "--decompositions",
        &table,
        "--preserve",
        "aten.silu.default",
        "--decompose",
        "aten.linear.default",
        "--crash-reproducer",
        &reproducer,
    ]);
    assert_eq!(answer.status, 1, "{}", answer.stderr);
    let text = fs::read_to_string(&reproducer).expect("written");
    let command = text.lines().next().expect("a command");
    let command = command.strip_prefix("// expc ").expect("a command");
    let args = words(command);
    for option in [
        "--preserve=aten.silu.default",
        "--decompose=aten.linear.default",
    ] {
        assert!(args.iter().any(|arg| arg == option), "{command}");
    }
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let again = expc(&args);
    assert_eq!(again.status, 1, "{command}: {}", again.stderr);
    let message = |answer: &Answer| {
        let line = answer.stderr.lines().find(|line| line.starts_with("error"));
        line.expect("an error").to_owned()
    };
    assert!(message(&answer).contains("E0402"), "{}", answer.stderr);
    assert_eq!(message(&again), message(&answer));
}
