"""Pictures in: read and prepared for a model. Pictures out: style, colours, crops."""
