//! expc-tests
