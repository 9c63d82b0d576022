//! The command line of expc; `expc::driver` is all of it.

fn main() {
    expc::driver::main()
}
