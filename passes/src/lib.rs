//! expc-passes
