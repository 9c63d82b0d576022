//! The command line of expc; `expc::driver` is all of it.

fn main() -> std::process::ExitCode {
    expc::driver::main()
}
