//! The command `expc`: one file per subcommand.
//!
//! [`run`] is the whole driver as a function, for the binary and for tests alike.
//!
//! Exit statuses: 0 done, 1 the program or its inputs are at fault (a diagnostic on the error stream, one line of
//! which begins with `error`), 2 the command line is at fault. There are no others: a panic is caught and reported
//! as an internal error with status 1, and a standard output that nobody reads any more (`expc print MODEL | head`)
//! ends the command quietly with status 0.

mod bench;
mod check;
mod cli;
mod compare;
mod console;
mod diff;
mod exportdb;
mod inputs;
mod load;
mod ops;
mod opt;
mod outputs;
mod print;
mod profile;
mod random;
mod report;
mod run;
mod run_many;
mod session;
mod stand_in;
mod tensors;
mod weights;

use std::{
    cell::RefCell,
    ffi::OsString,
    io::{self, Read, Write},
    panic::{self, AssertUnwindSafe},
};

use clap::Parser;
use expc_dialects::Diagnostic;
use expc_runtime::torch;

use self::{
    cli::{Cli, Command},
    console::{Console, Failure, Outcome, Terminal},
};
use crate::diagnostics::internal_error;

/// The stack of the thread that does the work: readers bound their recursion, but MLIR's parser does not.
const STACK_BYTES: usize = 1 << 28;

const DONE: u8 = 0;
const FAULT: u8 = 1;
const USAGE: u8 = 2;

/// Runs the driver on the process's arguments and streams, and ends the process.
pub fn main() -> ! {
    torch::survive_file_size_limit();
    panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string);
        PANIC_PLACE.with_borrow_mut(|slot| *slot = place);
    }));
    let work = || {
        let args: Vec<OsString> = std::env::args_os().collect();
        let mut stdout = io::BufWriter::new(io::stdout());
        run_with(
            &args,
            Console {
                stdin: &mut io::stdin(),
                stdout: &mut stdout,
                stderr: &mut io::stderr(),
                terminal: Terminal::of_process(),
                is_busy: false,
            },
        )
    };
    let thread = std::thread::Builder::new()
        .name("expc".to_owned())
        .stack_size(STACK_BYTES)
        .spawn(work);
    let status = match thread {
        Ok(thread) => thread.join().unwrap_or(FAULT),
        Err(_) => work(),
    };
    // Neither stream can be told that the last of it did not get through.
    let _ = io::stdout().flush();
    let _ = io::stderr().flush();
    torch::exit_at_once(status)
}

/// Runs the driver; `args` begin with the name of the program. Gives the exit status.
pub fn run(
    args: &[OsString],
    stdin: &mut dyn Read,
    stdout: &mut dyn Write,
    stderr: &mut dyn Write,
) -> u8 {
    run_with(
        args,
        Console {
            stdin,
            stdout,
            stderr,
            terminal: Terminal::default(),
            is_busy: false,
        },
    )
}

thread_local! {
    /// Where the last panic of this thread was raised, for its report.
    static PANIC_PLACE: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Runs `work` and makes a diagnostic of a panic.
fn guarded<T>(work: impl FnOnce() -> Outcome<T>) -> Outcome<T> {
    panic::catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|payload| {
        let what = payload.downcast_ref::<String>().map(String::as_str);
        let what = what
            .or_else(|| payload.downcast_ref::<&str>().copied())
            .unwrap_or("a panic");
        let place = PANIC_PLACE.take();
        Err(internal_error(what, place.as_deref()).into())
    })
}

fn run_with(args: &[OsString], mut console: Console<'_>) -> u8 {
    let outcome = guarded(|| {
        dispatch(args, &mut console)?;
        Ok(console.stdout.flush()?)
    });
    match outcome {
        Ok(()) => DONE,
        Err(Failure::Program(diagnostics)) => {
            // What was answered so far comes first; if it cannot be written, the diagnostics matter more.
            let _ = console.stdout.flush();
            console.report(&diagnostics);
            FAULT
        }
        Err(Failure::Usage(error)) => {
            let text = error.render();
            // Where the error stream is gone, the status still says it.
            let _ = match console.colours_errors() {
                true => write!(console.stderr, "{}", text.ansi()),
                false => write!(console.stderr, "{text}"),
            };
            USAGE
        }
        Err(Failure::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => DONE,
        Err(Failure::Output(error)) => {
            console.report(&[Diagnostic::error(
                "E0690",
                format!("cannot write to the standard output: {error}"),
            )]);
            FAULT
        }
    }
}

fn dispatch(args: &[OsString], console: &mut Console<'_>) -> Outcome {
    let cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(error) if error.use_stderr() => return Err(Failure::Usage(Box::new(error))),
        Err(help) => {
            let colour = console.terminal.stdout && console.terminal.colour;
            let text = help.render();
            match colour {
                true => write!(console.stdout, "{}", text.ansi())?,
                false => write!(console.stdout, "{text}")?,
            }
            return Ok(());
        }
    };
    match cli.command {
        Command::Run(args) => run::run(&args, console),
        Command::RunMany(args) => run_many::run(&args, console),
        Command::Print(args) => print::run(&args, console),
        Command::Opt(args) => opt::run(&args, console),
        Command::Report(args) => report::run(&args, console),
        Command::Check(args) => check::run(&args, console),
        Command::Ops(args) => ops::run(&args, console),
        Command::Bench(args) => bench::run(&args, console),
        Command::Profile(args) => profile::run(&args, console),
        Command::Diff(args) => diff::run(&args, console),
        Command::Exportdb(args) => exportdb::run(&args, console),
    }
}

#[cfg(test)]
mod tests;
