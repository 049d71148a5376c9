//! The protocol by which a guard and a chain let go of a node, under loom.
