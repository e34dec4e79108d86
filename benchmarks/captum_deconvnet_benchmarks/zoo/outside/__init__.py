"""Nets of other libraries than torchvision and timm: what there is, and what is checked beside."""
