//! expc-schema
