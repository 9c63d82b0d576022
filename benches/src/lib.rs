//! expc-benches
