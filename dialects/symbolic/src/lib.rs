//! expc-symbolic
