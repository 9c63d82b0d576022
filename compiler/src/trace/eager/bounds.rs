//! How far sizes may go: at the ends of their ranges code may fail, or do other things than the program does.
//!
//! The code is run without data at the least size and at growing ones. Where it takes another way, the range ends before:
//! of a size without a name that is what the program says, of a named one it is a fault.

use expc_dialects::Diagnostic;

use super::{
    capture::Request,
    code,
    dynamic::{self, DynamicSizes, LEAST, SizeSymbol, Traces},
    quiet::quietly,
};
use crate::{
    Diagnostics,
    trace::{graph::Recorded, violation::suggested_bounds},
};

/// Up to which size, and up to how many elements of all inputs, code is run.
const MOST: i64 = 4096;
const MOST_ELEMENTS: i64 = 1 << 20;

/// By how much a size grows from one run to the next.
const GROWTH: i64 = 4;

/// Makes a program of recordings, or says why there is none.
pub(super) type Emit<'a> = dyn Fn(&Traces) -> Result<Recorded, Diagnostics> + 'a;

/// Narrows the ranges of the symbols to the sizes for which the code does what the recordings do. Gives the sizes that
/// show what those of the recordings do not, as the rows of a picture that a stride passes over.
///
/// # Errors
/// A named size may not be all that its bounds allow.
pub(super) fn narrow(
    request: &Request<'_>,
    dynamic: &mut DynamicSizes,
    emit: &Emit<'_>,
) -> Result<Vec<Vec<i64>>, Diagnostics> {
    let request = Request {
        is_abstract: true,
        ..*request
    };
    // Code that cannot run without data keeps the bounds that it was given.
    let Ok(traces) = quietly(|| dynamic::traces(&request, dynamic)) else {
        return Ok(Vec::new());
    };
    // A run without data says little where elements decide sizes.
    if traces.decided_by_data() {
        return Ok(Vec::new());
    }
    let Ok(before) = emit(&traces) else {
        return Ok(Vec::new());
    };
    let n_before = traces.captures.len();
    let mut search = Search {
        request: &request,
        dynamic,
        emit,
        traces,
    };
    let mut faults = Vec::new();
    let mut found = Vec::new();
    for (position, symbol) in search.dynamic.symbols.iter().enumerate() {
        let ends = Ends {
            min: search.least(position, symbol),
            max: search.greatest(position, symbol),
        };
        match ends.violation(symbol, dynamic) {
            Some(fault) => faults.push(fault),
            None => found.push(ends),
        }
    }
    if !faults.is_empty() {
        return Err(Diagnostics::new(faults));
    }
    let traces = search.traces;
    let shows_more = traces.captures.len() > n_before && emit(&traces)?.text()? != before.text()?;
    let more = traces.assignments.into_iter().skip(n_before);
    let more = more.filter(|_| shows_more).collect();
    for (symbol, ends) in dynamic.symbols.iter_mut().zip(found) {
        if let Some(end) = ends.min {
            symbol.min = Some(end.size);
        }
        if let Some(end) = ends.max {
            symbol.max = Some(end.size);
        }
    }
    Ok(more)
}

/// The last size at which the code does what it does for the given inputs, where the next was tried.
#[derive(Debug)]
struct End {
    size: i64,
    /// What happens one further.
    beyond: Diagnostic,
}

/// Where a range ends before its bounds.
#[derive(Debug)]
struct Ends {
    min: Option<End>,
    max: Option<End>,
}

impl Ends {
    /// The fault of a named size that may be less than it says.
    fn violation(&self, symbol: &SizeSymbol, dynamic: &DynamicSizes) -> Option<Diagnostic> {
        let ends = [(&self.min, -1), (&self.max, 1)];
        let mut ends = ends
            .into_iter()
            .filter_map(|(end, step)| Some((end.as_ref()?, step)));
        let (first, step) = ends.next().filter(|_| symbol.is_named)?;
        let (label, sources) = (&symbol.label, dynamic.sources(symbol));
        let what = |end: &End, step: i64| {
            let size = end.size.saturating_add(step);
            format!("with `{label}` = {size}: {}", end.beyond.message)
        };
        let mut fault = first.beyond.clone();
        fault.code = code::CONSTRAINT;
        fault.message = format!(
            "constraint violation: not all sizes that `{label}` allows satisfy what the code assumes of {sources}"
        );
        fault = fault.note(what(first, step));
        if let Some((end, step)) = ends.next() {
            fault = fault.note(what(end, step));
        }
        let min = self.min.as_ref().map(|end| end.size).or(symbol.min);
        let max = self.max.as_ref().map(|end| end.size).or(symbol.max);
        fault.help = Some(suggested_bounds(label, min, max));
        Some(fault)
    }
}

/// Runs at other sizes than the given ones.
struct Search<'a> {
    request: &'a Request<'a>,
    dynamic: &'a DynamicSizes,
    emit: &'a Emit<'a>,
    /// Those that fit, so that what is found later fits them, too.
    traces: Traces,
}

impl Search<'_> {
    fn least(&mut self, position: usize, symbol: &SizeSymbol) -> Option<End> {
        let least = symbol.min.unwrap_or(LEAST).max(LEAST);
        let beyond = self.beyond(position, least)?;
        Some(self.end(position, symbol.hint, least, beyond))
    }

    fn greatest(&mut self, position: usize, symbol: &SizeSymbol) -> Option<End> {
        let limit = symbol.max.unwrap_or(i64::MAX).min(MOST);
        let mut good = symbol.hint;
        while good < limit {
            let next = good.saturating_mul(GROWTH).min(limit);
            if !self.is_small_enough(position, next) {
                return None;
            }
            if let Some(beyond) = self.beyond(position, next) {
                return Some(self.end(position, good, next, beyond));
            }
            good = next;
        }
        None
    }

    /// Where the way ends between a size that fits and one that does not.
    fn end(&mut self, position: usize, mut good: i64, mut bad: i64, mut beyond: Diagnostic) -> End {
        while good.abs_diff(bad) > 1 {
            let middle = good.midpoint(bad);
            match self.beyond(position, middle) {
                Some(fault) => (bad, beyond) = (middle, fault),
                None => good = middle,
            }
        }
        End { size: good, beyond }
    }

    /// What keeps the program from being right for this size; none if nothing does.
    fn beyond(&mut self, position: usize, size: i64) -> Option<Diagnostic> {
        let assignment = self.assignment(position, size);
        let capture = match dynamic::capture_at(self.request, self.dynamic, &assignment) {
            Ok(capture) => capture,
            Err(faults) => return faults.into_vec().into_iter().next(),
        };
        self.traces.captures.push(capture);
        self.traces.assignments.push(assignment);
        let faults = (self.emit)(&self.traces).err()?;
        self.traces.captures.pop();
        self.traces.assignments.pop();
        faults.into_vec().into_iter().next()
    }

    /// The given sizes but for one symbol.
    fn assignment(&self, position: usize, size: i64) -> Vec<i64> {
        let symbols = self.dynamic.symbols.iter().enumerate();
        symbols
            .map(|(other, symbol)| match other == position {
                true => size,
                false => symbol.hint,
            })
            .collect()
    }

    fn is_small_enough(&self, position: usize, size: i64) -> bool {
        let assignment = self.assignment(position, size);
        dynamic::elements(self.request.inputs, self.dynamic, &assignment)
            .is_some_and(|elements| elements <= MOST_ELEMENTS)
    }
}
