"""Pages of the dashboard: each one function, one view, one template; its JSON and CSV twins are the same view."""
