"""What an auditor needs: signed checkpoints, proofs, tiles, policies and witnesses.

Nothing here talks to a registry or a database. Trees, tiles and texts need only the standard
library; keys and signatures need the extra `regesta[audit]`.

The formats are those of C2SP (https://c2sp.org), so that others' programs read them too:

- `notes`: signed notes, verifier keys, the `Signer` protocol;
- `keys`: private keys in PEM files;
- `checkpoints`: what a log signs, its size and root;
- `cosignatures`: what a witness signs;
- `policies`: whose signatures are wanted;
- `proofs`: `.tlog-proof` files;
- `tiles`: the tree as files, and proofs out of them;
- `witness`, `witness_client`: the witness protocol, both sides.
"""
