"""The page of a report: one file that needs no server, no network and no mouse."""
