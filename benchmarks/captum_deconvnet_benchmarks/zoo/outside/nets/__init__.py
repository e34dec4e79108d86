"""One file a kind of net, one function a library: its nets by name, as data."""
