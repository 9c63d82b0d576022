//! expc
