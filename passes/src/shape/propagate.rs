//! Inference over a whole module.
