"""DeconvNet and its kin: attribution classes with Captum's conventions."""
