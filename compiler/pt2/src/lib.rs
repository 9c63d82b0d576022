//! expc-pt2
