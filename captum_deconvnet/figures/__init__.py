"""Pictures of projections: one file a figure, drawn without pyplot's global state."""
