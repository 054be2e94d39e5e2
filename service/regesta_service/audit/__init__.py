"""The log as a Merkle tree: proofs, the publisher of checkpoints, and what it has published."""
