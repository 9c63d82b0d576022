//! Which modules of a model of tch export, and what stands in the way of the others.

use std::fmt::{self, Display, Formatter};

use expc_dialects::Diagnostic;
use serde::Serialize;

use super::{
    capture::{self, Observed},
    dynamic,
    export::{IntoInputs, Job, Options},
    values::Traceable,
};
use crate::Diagnostics;

/// A module of a model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ModuleReport {
    /// `layers.0.attention`; empty for the root.
    pub path: String,
    /// What the module itself does that cannot be exported; what its submodules do is theirs.
    pub faults: Vec<Diagnostic>,
}

/// The modules of a model, those that were called first on top.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ExportReport {
    pub modules: Vec<ModuleReport>,
}

impl ExportReport {
    /// Whether the model can be exported.
    pub fn is_exportable(&self) -> bool {
        self.faulty().next().is_none()
    }

    /// The modules that stand in the way.
    pub fn faulty(&self) -> impl Iterator<Item = &ModuleReport> {
        self.modules
            .iter()
            .filter(|module| !module.faults.is_empty())
    }

    /// The module of that path, if it was called.
    pub fn module(&self, path: &str) -> Option<&ModuleReport> {
        self.modules.iter().find(|module| module.path == path)
    }

    fn add(&mut self, path: &str) {
        if self.module(path).is_none() {
            self.modules.push(ModuleReport {
                path: path.to_owned(),
                faults: Vec::new(),
            });
        }
    }

    /// Adds the modules that were called, and puts all into the order of their calls.
    fn order(&mut self, called: Vec<String>) {
        called.iter().for_each(|path| self.add(path));
        let position = |path: &str| called.iter().position(|known| known == path);
        // The root comes first, and modules that only failed runs called come last.
        self.modules
            .sort_by_key(|module| match module.path.as_str() {
                "" => (0, 0),
                path => position(path).map_or((2, 0), |position| (1, position)),
            });
    }

    fn fault(&mut self, fault: Diagnostic) {
        let path = fault.place.module.clone().unwrap_or_default();
        self.add(&path);
        let module = self.modules.iter_mut().find(|module| module.path == path);
        if let Some(module) = module
            && !module.faults.contains(&fault)
        {
            module.faults.push(fault);
        }
    }
}

impl Display for ExportReport {
    /// One line for each module, with the faults below it.
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        for module in &self.modules {
            let path = match module.path.as_str() {
                "" => "(root)",
                path => path,
            };
            match module.faults.as_slice() {
                [] => writeln!(formatter, "ok     {path}")?,
                faults => {
                    writeln!(formatter, "fault  {path}")?;
                    for line in faults.iter().flat_map(|fault| {
                        let text = fault.to_string();
                        text.lines().map(str::to_owned).collect::<Vec<_>>()
                    }) {
                        writeln!(formatter, "       {line}")?;
                    }
                }
            }
        }
        let n_faulty = self.faulty().count();
        let n_modules = self.modules.len();
        writeln!(formatter, "{n_faulty} of {n_modules} modules do not export")
    }
}

/// How often code is run again after it read elements that were refused.
const MAX_RUNS: usize = 64;

/// Says of each module of a model whether it exports, with all faults and not only the first.
///
/// Modules are those that the code enters ([`super::module`]) and those that weights are named after, each by its path:
/// no instance stands for another. The code goes on after a number was read from data, and is run again after elements
/// were. Faults that only other sizes show are found too, where sizes may change.
///
/// # Errors
/// The inputs do not fit the options, or the thread is being traced already. Code that fails is in the report.
pub fn report_exportability<By>(
    model: &(impl Traceable<By> + ?Sized),
    inputs: impl IntoInputs,
    options: &Options,
) -> Result<ExportReport, Diagnostics> {
    let job = Job::new(model, inputs, options)?;
    let request = job.request();
    let mut report = ExportReport::default();
    report.add("");
    let mut readers: Vec<String> = Vec::new();
    for _ in 0..MAX_RUNS {
        let Observed { outcome, reads, .. } = capture::observe(&request, &readers)?;
        reads.into_iter().for_each(|fault| report.fault(fault));
        let ending = match outcome {
            Ok(capture) => {
                report.order(capture.modules.called());
                let (traces, faults) = dynamic::try_others(capture, &request, &job.dynamic)?;
                let is_whole = faults.is_empty();
                faults.into_iter().for_each(|fault| report.fault(fault));
                let program = match is_whole {
                    true => job.program(traces),
                    // The ends of ranges are those of the code as it should be.
                    false => job.emit(&traces, &job.dynamic, false),
                };
                let faults = program.err().map(Diagnostics::into_vec);
                faults
                    .into_iter()
                    .flatten()
                    .for_each(|fault| report.fault(fault));
                break;
            }
            Err(ending) => ending,
        };
        let reader = ending.reader.filter(|reader| !readers.contains(reader));
        report.fault(ending.fault);
        match reader {
            Some(reader) => readers.push(reader),
            None => break,
        }
    }
    Ok(report)
}

#[cfg(test)]
mod tests {
    use tch::{Device, Kind, Tensor, nn, nn::Module as _};

    use super::{super::module, *};
    use crate::trace::{Dim, DynamicShapes};

    const FLOAT: (Kind, Device) = (Kind::Float, Device::Cpu);

    #[test]
    fn three_faults_in_two_hundred_modules() {
        let store = nn::VarStore::new(Device::Cpu);
        let root = store.root();
        let layers: Vec<nn::Linear> = (0..198)
            .map(|layer| nn::linear(&root / "layers" / layer, 2, 2, Default::default()))
            .collect();
        let code = |x: &Tensor| {
            let mut x = x.shallow_clone();
            for (position, layer) in layers.iter().enumerate() {
                x = module("layers", || {
                    module(&position.to_string(), || {
                        let y = layer.forward(&x);
                        match position {
                            17 => &y * y.double_value(&[0, 0]),
                            90 => &y * f64::from(Vec::<f32>::try_from(y.get(0)).unwrap()[0]),
                            150 => y.clamp(0.0, y.max().double_value(&[])),
                            _ => y,
                        }
                    })
                });
            }
            x
        };
        let x = Tensor::rand([1, 2], FLOAT);
        let options = Options::new().weights(&store).without_lines();
        let report = report_exportability(&code, &x, &options).expect("a report");
        // The root, `layers` and its 198 layers.
        assert_eq!(report.modules.len(), 200);
        let faulty: Vec<&str> = report.faulty().map(|module| module.path.as_str()).collect();
        assert_eq!(faulty, ["layers.17", "layers.90", "layers.150"]);
        let text = report.to_string();
        assert!(text.ends_with("3 of 200 modules do not export\n"), "{text}");
        assert!(
            text.contains("fault  layers.17\n       error[E0703]: `aten.item.default`"),
            "{text}"
        );
    }

    #[test]
    fn sizes_that_code_fixes_are_reported() {
        let code = |x: &Tensor| module("head", || x.relu().view([4]));
        let x = Tensor::rand([2, 2], FLOAT);
        let shapes = DynamicShapes::new().input("x", [(0, Dim::new("batch"))]);
        let options = Options::new().input_names(["x"]).dynamic_shapes(shapes);
        let report = report_exportability(&code, &x, &options).expect("a report");
        let faulty: Vec<&str> = report.faulty().map(|module| module.path.as_str()).collect();
        assert_eq!(faulty, ["head"]);
    }

    /// Every module that does not do the same at all sizes is named, though the first already fails at other sizes.
    #[test]
    fn all_modules_that_fix_sizes_are_named() {
        let step = |position: usize, x: &Tensor| match position {
            // A number of elements.
            3 => x.view([8]).view([-1, 2]),
            // A loop over the rows.
            5 => (0..x.size()[0]).fold(x.relu(), |sum, row| sum + x.get(row)),
            // A tensor of the size that was seen.
            8 => x + Tensor::ones([4, 1], FLOAT),
            // A branch on the size.
            11 => match x.size()[0] {
                4 => x.sin(),
                _ => x.cos(),
            },
            _ => x.relu(),
        };
        let code = |x: &Tensor| {
            let layers = 0..20;
            layers.fold(x.shallow_clone(), |x, position| {
                module(&format!("layer{position}"), || step(position, &x))
            })
        };
        let x = Tensor::rand([4, 2], FLOAT);
        for without_data in [false, true] {
            let shapes = DynamicShapes::new().input("x", [(0, Dim::new("rows"))]);
            let options = Options::new().input_names(["x"]).dynamic_shapes(shapes);
            let options = match without_data {
                true => options.without_data(),
                false => options,
            };
            let report = report_exportability(&code, &x, &options).expect("a report");
            let faulty: Vec<&str> = report.faulty().map(|module| module.path.as_str()).collect();
            assert_eq!(
                faulty,
                ["layer3", "layer5", "layer8", "layer11"],
                "{report}"
            );
            assert!(
                report.faulty().all(|module| module.faults.len() == 1),
                "{report}"
            );
        }
    }

    #[test]
    fn a_model_without_faults_is_exportable() {
        let x = Tensor::rand([2, 2], FLOAT);
        let report = report_exportability(&|x: &Tensor| x.relu(), &x, &Options::new());
        assert!(report.expect("a report").is_exportable());
    }
}
