"""Other people's metrics: as an optional extra, and beside ours on the same tensors."""
