//! Random functional programs of ops that the clean-up passes know.

use std::fmt::Write;

use super::Random;

/// A value of the program.
#[derive(Clone)]
struct Tensor {
    name: String,
    dtype: &'static str,
    sizes: Vec<i64>,
}

impl Tensor {
    fn ty(&self) -> String {
        let sizes: String = self.sizes.iter().map(|size| format!("{size}x")).collect();
        format!("tensor<{sizes}{}>", self.dtype)
    }

    fn is_float(&self) -> bool {
        self.dtype.contains('f')
    }

    fn rank(&self) -> usize {
        self.sizes.len()
    }
}

/// Dtypes of inputs.
pub const DTYPES: [&str; 6] = ["f32", "f64", "i64", "i8", "i1", "bf16"];

/// A program and the types of its inputs.
pub struct Program {
    pub text: String,
    /// Dtype and sizes.
    pub inputs: Vec<(&'static str, Vec<i64>)>,
}

/// A program of up to 24 ops; strides of intermediate values are those of row-major tensors, inference mends them.
pub fn program(random: &mut Random) -> Program {
    let mut maker = Maker {
        random,
        values: Vec::new(),
        body: String::new(),
    };
    let inputs: Vec<Tensor> = (0..1 + maker.random.below(3))
        .map(|index| Tensor {
            name: format!("%in{index}"),
            dtype: maker.random.one_of(&DTYPES),
            sizes: (0..maker.random.below(4))
                .map(|_| maker.random.one_of(&[1, 1, 2, 3, 4]))
                .collect(),
        })
        .collect();
    maker.values.extend(inputs.iter().cloned());
    for _ in 0..2 + maker.random.below(22) {
        maker.op();
    }
    let count = maker.values.len();
    let outputs: Vec<Tensor> = (0..1 + maker.random.below(4))
        .map(|_| maker.values[count - 1 - maker.random.below(count.min(8))].clone())
        .collect();
    let list = |tensors: &[Tensor], with: &dyn Fn(&Tensor) -> String| {
        tensors.iter().map(with).collect::<Vec<_>>().join(", ")
    };
    let text = format!(
        "func.func @main({}) -> ({}) {{\n{}  return {} : {}\n}}\n",
        list(&inputs, &|tensor| format!(
            "{}: {}",
            tensor.name,
            tensor.ty()
        )),
        list(&outputs, &Tensor::ty),
        maker.body,
        list(&outputs, &|tensor| tensor.name.clone()),
        list(&outputs, &Tensor::ty),
    );
    Program {
        text,
        inputs: inputs
            .into_iter()
            .map(|tensor| (tensor.dtype, tensor.sizes))
            .collect(),
    }
}

struct Maker<'r> {
    random: &'r mut Random,
    values: Vec<Tensor>,
    body: String,
}

type Make = fn(&mut Maker<'_>, &Tensor);

impl Maker<'_> {
    fn op(&mut self) {
        const KINDS: &[Make] = &[
            |maker, x| maker.arithmetic(x),
            |maker, x| maker.arithmetic(x),
            |maker, x| maker.unary(x),
            |maker, x| maker.unary(x),
            |maker, x| maker.same(x),
            |maker, x| maker.fill(x),
            |maker, x| maker.cast(x),
            |maker, x| maker.clone(x),
            |maker, x| maker.view(x),
            |maker, x| maker.view(x),
            |maker, x| maker.order(x),
            |maker, x| maker.order(x),
            |maker, x| maker.unsqueeze(x),
            |maker, x| maker.squeeze(x),
            |maker, x| maker.expand(x),
            |maker, x| maker.slice(x),
            |maker, x| maker.slice(x),
            |maker, x| maker.select(x),
            |maker, x| maker.scatter(x),
            |maker, x| maker.join(x),
            |maker, x| maker.split(x),
        ];
        // Values at the end are likelier, so that chains of ops come about.
        let back = self.random.below(self.values.len().min(5));
        let x = match self.random.below(3) {
            0 => self.random.below(self.values.len()),
            _ => self.values.len() - 1 - back,
        };
        let x = self.values[x].clone();
        let kind = self.random.one_of(KINDS);
        kind(self, &x);
        if self.random.below(4) == 0 {
            self.repeat();
        }
    }

    /// The last op once more.
    fn repeat(&mut self) {
        let (Some(last), Some(value)) = (self.body.lines().last(), self.values.last().cloned())
        else {
            return;
        };
        let Some((_, op)) = last.split_once(" = ") else {
            return;
        };
        if last.contains(":2 =") {
            return;
        }
        let (op, name) = (op.to_owned(), format!("%v{}", self.values.len()));
        let _ = writeln!(self.body, "  {name} = {op}");
        self.values.push(Tensor { name, ..value });
    }

    fn push(
        &mut self,
        op: &str,
        operands: &[&Tensor],
        attributes: &str,
        dtype: &'static str,
        sizes: Vec<i64>,
    ) {
        let result = Tensor {
            name: format!("%v{}", self.values.len()),
            dtype,
            sizes,
        };
        let names: Vec<&str> = operands.iter().map(|tensor| tensor.name.as_str()).collect();
        let types: Vec<String> = operands.iter().map(|tensor| tensor.ty()).collect();
        let _ = writeln!(
            self.body,
            "  {} = \"aten.{op}\"({}) {{{attributes}}} : ({}) -> {}",
            result.name,
            names.join(", "),
            types.join(", "),
            result.ty()
        );
        self.values.push(result);
    }

    /// Another value of this dtype and these sizes.
    fn alike(&mut self, x: &Tensor) -> Tensor {
        let found: Vec<&Tensor> = self
            .values
            .iter()
            .filter(|other| other.dtype == x.dtype && other.sizes == x.sizes)
            .collect();
        found[self.random.below(found.len())].clone()
    }

    fn arithmetic(&mut self, x: &Tensor) {
        if x.dtype == "i1" {
            return self.unary(x);
        }
        let op = self.random.one_of(&["add", "sub", "mul"]);
        if self.random.below(3) == 0 {
            let y = self.alike(x);
            return self.push(
                &format!("{op}.Tensor"),
                &[x, &y],
                "",
                x.dtype,
                x.sizes.clone(),
            );
        }
        let number = match x.is_float() {
            true => self.random.one_of(&[
                "0 : i64",
                "1 : i64",
                "0.0 : f64",
                "-0.0 : f64",
                "1.0 : f64",
                "2.5 : f64",
                "0.1 : f64",
            ]),
            false => self
                .random
                .one_of(&["0 : i64", "1 : i64", "2 : i64", "-3 : i64"]),
        };
        let op = match x.is_float() && self.random.below(4) == 0 {
            true => "div",
            false => op,
        };
        let attributes = format!("operandSegmentSizes = array<i32: 1>, other = {number}");
        self.push(
            &format!("{op}.Tensor"),
            &[x],
            &attributes,
            x.dtype,
            x.sizes.clone(),
        );
    }

    fn unary(&mut self, x: &Tensor) {
        let op = match x.dtype {
            "i1" => self.random.one_of(&["logical_not", "bitwise_not"]),
            dtype if dtype.starts_with('i') => {
                self.random
                    .one_of(&["neg", "abs", "bitwise_not", "relu", "sign"])
            }
            _ => self.random.one_of(&[
                "neg", "abs", "relu", "ceil", "floor", "trunc", "round", "sign",
            ]),
        };
        let times = 1 + self.random.below(2);
        for _ in 0..times {
            let x = match self.values.last() {
                Some(last) if last.dtype == x.dtype && last.sizes == x.sizes => last.clone(),
                _ => x.clone(),
            };
            self.push(
                &format!("{op}.default"),
                &[&x],
                "",
                x.dtype,
                x.sizes.clone(),
            );
        }
    }

    /// Ops of a value and itself, or of one that is alike.
    fn same(&mut self, x: &Tensor) {
        let y = match self.random.below(2) {
            0 => x.clone(),
            _ => self.alike(x),
        };
        let sizes = x.sizes.clone();
        match self.random.below(3) {
            0 => self.push("maximum.default", &[x, &y], "", x.dtype, sizes),
            1 => self.push("eq.Tensor", &[x, &y], "", "i1", sizes),
            _ => self.push("copy.default", &[x, &y], "", x.dtype, sizes),
        }
    }

    fn fill(&mut self, x: &Tensor) {
        let value = match x.dtype {
            "i1" => "true",
            _ if x.is_float() => {
                self.random
                    .one_of(&["1.0 : f64", "0.0 : f64", "0.5 : f64", "-0.0 : f64"])
            }
            _ => self.random.one_of(&["0 : i64", "1 : i64", "3 : i64"]),
        };
        let attributes = format!(
            "size = {}, fill_value = {value}, dtype = {}",
            array(&x.sizes),
            x.dtype
        );
        self.push("full.default", &[], &attributes, x.dtype, x.sizes.clone());
    }

    fn cast(&mut self, x: &Tensor) {
        // What a float out of range becomes, the platform decides.
        let dtype = match x.is_float() {
            true => self.random.one_of(&["f32", "f64", "bf16"]),
            false => self.random.one_of(&["f32", "f64", "i64", "i32"]),
        };
        self.push(
            "_to_copy.default",
            &[x],
            &format!("dtype = {dtype}"),
            dtype,
            x.sizes.clone(),
        );
    }

    fn clone(&mut self, x: &Tensor) {
        let attributes = self.random.one_of(&[
            "",
            "memory_format = #aten.memory_format<\"contiguous_format\">",
        ]);
        self.push("clone.default", &[x], attributes, x.dtype, x.sizes.clone());
    }

    fn view(&mut self, x: &Tensor) {
        let count: i64 = x.sizes.iter().product();
        let mut sizes = match self.random.below(4) {
            0 => x.sizes.clone(),
            1 => vec![count],
            2 if count % 2 == 0 => vec![2, count / 2],
            _ => x.sizes.iter().rev().copied().collect(),
        };
        if self.random.below(4) == 0 {
            sizes.insert(0, 1);
        }
        self.push(
            "reshape.default",
            &[x],
            &format!("shape = {}", array(&sizes)),
            x.dtype,
            sizes.clone(),
        );
    }

    fn order(&mut self, x: &Tensor) {
        let rank = x.rank();
        let mut dims: Vec<usize> = (0..rank).collect();
        for index in (1..rank).rev() {
            dims.swap(index, self.random.below(index + 1));
        }
        let sizes = dims.iter().map(|dim| x.sizes[*dim]).collect();
        let dims: Vec<i64> = dims.iter().map(|dim| *dim as i64).collect();
        self.push(
            "permute.default",
            &[x],
            &format!("dims = {}", array(&dims)),
            x.dtype,
            sizes,
        );
    }

    fn unsqueeze(&mut self, x: &Tensor) {
        if x.rank() > 4 {
            return;
        }
        let dim = self.random.below(x.rank() + 1);
        let mut sizes = x.sizes.clone();
        sizes.insert(dim, 1);
        self.push(
            "unsqueeze.default",
            &[x],
            &format!("dim = {dim} : i64"),
            x.dtype,
            sizes,
        );
    }

    fn squeeze(&mut self, x: &Tensor) {
        let Some(dim) = x.sizes.iter().position(|size| *size == 1) else {
            return self.unsqueeze(x);
        };
        let mut sizes = x.sizes.clone();
        sizes.remove(dim);
        self.push(
            "squeeze.dims",
            &[x],
            &format!("dim = array<i64: {dim}>"),
            x.dtype,
            sizes,
        );
    }

    fn expand(&mut self, x: &Tensor) {
        let times = self.random.one_of(&[1, 2, 3]);
        let mut sizes: Vec<i64> = x
            .sizes
            .iter()
            .map(|size| if *size == 1 { times } else { *size })
            .collect();
        if sizes.len() < 4 && self.random.below(2) == 0 {
            sizes.insert(0, 2);
        }
        if sizes.iter().product::<i64>() > 256 {
            return;
        }
        self.push(
            "expand.default",
            &[x],
            &format!("size = {}", array(&sizes)),
            x.dtype,
            sizes.clone(),
        );
    }

    /// A slice: dimension, arguments, size of what is left.
    fn some_slice(&mut self, x: &Tensor) -> Option<(usize, String, i64)> {
        let dim = (x.rank() > 0).then(|| self.random.below(x.rank()))?;
        let size = x.sizes[dim];
        let start = self.random.below(usize::try_from(size).ok()?) as i64;
        let end = self.random.one_of(&[size, i64::MAX, start + 1]);
        let step = self.random.one_of(&[1, 1, 2]);
        let left = (end.min(size) - start + step - 1) / step;
        let attributes = format!(
            "dim = {dim} : i64, start = {start} : i64, end = {end} : i64, step = {step} : i64"
        );
        Some((dim, attributes, left))
    }

    fn slice(&mut self, x: &Tensor) {
        if let Some((dim, attributes, left)) = self.some_slice(x) {
            let mut sizes = x.sizes.clone();
            sizes[dim] = left;
            self.push("slice.Tensor", &[x], &attributes, x.dtype, sizes);
        }
    }

    fn select(&mut self, x: &Tensor) {
        if x.rank() == 0 {
            return;
        }
        let dim = self.random.below(x.rank());
        let index = self.random.below(x.sizes[dim] as usize);
        let mut sizes = x.sizes.clone();
        sizes.remove(dim);
        self.push(
            "select.int",
            &[x],
            &format!("dim = {dim} : i64, index = {index} : i64"),
            x.dtype,
            sizes,
        );
    }

    /// Reads a slice, changes it or not, writes it back, and reads it again.
    fn scatter(&mut self, x: &Tensor) {
        let Some((dim, attributes, left)) = self.some_slice(x) else {
            return;
        };
        let mut sizes = x.sizes.clone();
        sizes[dim] = left;
        self.push("slice.Tensor", &[x], &attributes, x.dtype, sizes.clone());
        let mut part = self.values[self.values.len() - 1].clone();
        if self.random.below(2) == 0 {
            self.unary(&part);
            part = self.values[self.values.len() - 1].clone();
        }
        self.push(
            "slice_scatter.default",
            &[x, &part],
            &attributes,
            x.dtype,
            x.sizes.clone(),
        );
        if self.random.below(2) == 0 {
            let written = self.values[self.values.len() - 1].clone();
            self.push("slice.Tensor", &[&written], &attributes, x.dtype, sizes);
        }
    }

    fn join(&mut self, x: &Tensor) {
        if x.rank() == 0 {
            return;
        }
        let parts: Vec<Tensor> = (0..1 + self.random.below(2))
            .map(|_| self.alike(x))
            .collect();
        let dim = self.random.below(x.rank());
        let mut sizes = x.sizes.clone();
        sizes[dim] *= parts.len() as i64;
        if sizes.iter().product::<i64>() > 256 {
            return;
        }
        let attributes = format!(
            "operandSegmentSizes = array<i32: {}>, dim = {dim} : i64",
            parts.len()
        );
        let parts: Vec<&Tensor> = parts.iter().collect();
        self.push("cat.default", &parts, &attributes, x.dtype, sizes);
    }

    /// Splits in two and puts the parts together again.
    fn split(&mut self, x: &Tensor) {
        let Some(dim) = x.sizes.iter().position(|size| *size > 1) else {
            return;
        };
        let (first, second) = (1, x.sizes[dim] - 1);
        let mut parts = [x.clone(), x.clone()];
        parts[0].sizes[dim] = first;
        parts[1].sizes[dim] = second;
        let name = format!("%s{}", self.values.len());
        let _ = writeln!(
            self.body,
            "  {name}:2 = \"aten.split_with_sizes.default\"({}) {{split_sizes = array<i64: {first}, {second}>, dim = {dim} : i64}} : ({}) -> ({}, {})",
            x.name,
            x.ty(),
            parts[0].ty(),
            parts[1].ty()
        );
        parts[0].name = format!("{name}#0");
        parts[1].name = format!("{name}#1");
        let attributes = format!("operandSegmentSizes = array<i32: 2>, dim = {dim} : i64");
        self.push(
            "cat.default",
            &[&parts[0], &parts[1]],
            &attributes,
            x.dtype,
            x.sizes.clone(),
        );
    }
}

fn array(values: &[i64]) -> String {
    match values {
        [] => "[]".to_owned(),
        values => {
            let values: Vec<String> = values.iter().map(i64::to_string).collect();
            format!("array<i64: {}>", values.join(", "))
        }
    }
}
