//! expc-dialects
