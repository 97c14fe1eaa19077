"""REST interface of the core, under /api/v1/."""
