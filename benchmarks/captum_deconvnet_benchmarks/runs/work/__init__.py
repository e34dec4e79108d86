"""How a unit of work is done: images, subjects, explanations, scores."""
