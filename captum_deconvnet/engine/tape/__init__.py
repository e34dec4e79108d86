"""The tape: the steps of one forward pass, and what each does to a signal on its way back."""
