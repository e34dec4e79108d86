"""How features move when the picture does (Zeiler & Fergus 2014, Fig. 5): transforms and curves."""
