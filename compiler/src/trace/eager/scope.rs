//! Paths of modules: which part of a model a call belongs to.
//!
//! Traced code says where it is with [`module`]. Where it says nothing, the names of the weights that calls use tell
//! (`emit.rs`).

use std::cell::RefCell;

use expc_runtime::torch::record;

/// A module that code entered. One that is entered again has an entry of its own.
#[derive(Clone, Debug, Default)]
pub(super) struct ScopeEntry {
    pub path: String,
    /// The number of the scope around it.
    pub parent: usize,
}

/// The modules that a thread has been in since its recording began.
#[derive(Debug, Default)]
struct Scopes {
    /// By number; the first is the root, which is also what code outside of any module has.
    entries: Vec<ScopeEntry>,
    current: usize,
    /// Paths of modules that may read elements.
    permitted: Vec<String>,
    /// The innermost module that a panic left.
    panicked_in: Option<String>,
}

thread_local! {
    static SCOPES: RefCell<Option<Scopes>> = const { RefCell::new(None) };
}

/// Runs `body` as the submodule `name` of the module that the caller is in; paths are joined with dots.
///
/// Outside of a trace this is `body()`.
///
/// ```
/// use expc::{trace, tch::{Device, Kind, Tensor}};
///
/// let x = Tensor::zeros([2], (Kind::Float, Device::Cpu));
/// let y = trace::module("encoder", || trace::module("activation", || x.relu()));
/// assert_eq!(y.size(), [2]);
/// ```
pub fn module<T>(name: &str, body: impl FnOnce() -> T) -> T {
    let _scope = enter(name);
    body()
}

/// Leaves the module when it is dropped; modules are left in the reverse order of being entered.
#[derive(Debug)]
#[must_use = "the module is left when this is dropped"]
pub struct ModuleScope {
    /// None outside of a trace.
    outer: Option<usize>,
}

/// Enters the submodule `name` of the module that the caller is in.
pub fn enter(name: &str) -> ModuleScope {
    let outer = SCOPES.with_borrow_mut(|scopes| {
        let scopes = scopes.as_mut()?;
        let outer = scopes.current;
        let path = match scopes.path(outer) {
            "" => name.to_owned(),
            parent => format!("{parent}.{name}"),
        };
        scopes.entries.push(ScopeEntry {
            path,
            parent: outer,
        });
        scopes.set(scopes.entries.len() - 1);
        Some(outer)
    });
    ModuleScope { outer }
}

impl Drop for ModuleScope {
    fn drop(&mut self) {
        if let Some(outer) = self.outer {
            SCOPES.with_borrow_mut(|scopes| {
                if let Some(scopes) = scopes {
                    if std::thread::panicking() && scopes.panicked_in.is_none() {
                        scopes.panicked_in = Some(scopes.path(scopes.current).to_owned());
                    }
                    scopes.set(outer);
                }
            });
        }
    }
}

impl Scopes {
    fn path(&self, number: usize) -> &str {
        self.entries.get(number).map_or("", |entry| &entry.path)
    }

    fn set(&mut self, number: usize) {
        self.current = number;
        // Calls beyond that many scopes belong to the root.
        record::set_scope(u32::try_from(number).unwrap_or(0));
        if !self.permitted.is_empty() {
            let path = self.path(number);
            record::set_protection(!self.permitted.iter().any(|permitted| permitted == path));
        }
    }
}

/// The path of a scope of the run that is going on; empty if there is none.
pub(super) fn path_of(scope: u32) -> String {
    let scope = usize::try_from(scope).unwrap_or(usize::MAX);
    SCOPES.with_borrow(|scopes| {
        let path = scopes.as_ref().map(|scopes| scopes.path(scope));
        path.unwrap_or_default().to_owned()
    })
}

/// Where a run was.
#[derive(Debug, Default)]
pub(super) struct Visited {
    /// By number.
    pub scopes: Vec<ScopeEntry>,
    /// The innermost module that a panic left; none if it was outside of any.
    pub panicked_in: Option<String>,
}

/// Runs `body` with fresh paths; the modules in `permitted` may read elements.
pub(super) fn with_paths<T>(permitted: &[String], body: impl FnOnce() -> T) -> (T, Visited) {
    /// Puts back what was there, also after a panic.
    struct Restore(Option<Scopes>);
    impl Drop for Restore {
        fn drop(&mut self) {
            SCOPES.set(self.0.take());
        }
    }
    let fresh = Scopes {
        entries: vec![ScopeEntry::default()],
        current: 0,
        permitted: permitted.to_vec(),
        panicked_in: None,
    };
    let _restore = Restore(SCOPES.replace(Some(fresh)));
    let result = body();
    let visited = SCOPES.with_borrow(|scopes| {
        let visited = scopes.as_ref().map(|scopes| Visited {
            scopes: scopes.entries.clone(),
            panicked_in: scopes.panicked_in.clone(),
        });
        visited.unwrap_or_default()
    });
    (result, visited)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn current() -> Option<String> {
        SCOPES.with_borrow(|scopes| {
            let scopes = scopes.as_ref()?;
            Some(scopes.path(scopes.current).to_owned())
        })
    }

    #[test]
    fn paths_nest_and_are_left_again() {
        let (seen, visited) = with_paths(&[], || {
            let inner = module("a", || module("b", current));
            (inner, current())
        });
        assert_eq!(seen, (Some("a.b".to_owned()), Some(String::new())));
        let entries = visited.scopes.iter();
        let entries: Vec<_> = entries
            .map(|entry| (entry.path.as_str(), entry.parent))
            .collect();
        assert_eq!(entries, [("", 0), ("a", 0), ("a.b", 1)]);
    }

    #[test]
    fn outside_of_a_trace_modules_mean_nothing() {
        assert_eq!(module("a", current), None);
    }
}
