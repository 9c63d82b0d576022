//! expc-runtime
