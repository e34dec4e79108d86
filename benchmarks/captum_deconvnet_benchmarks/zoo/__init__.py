"""The zoo sweep: every torchvision and timm conv net, projected and compared, one row each."""
