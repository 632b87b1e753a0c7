"""Labels for what has none: which items people should label, and what their labels are worth."""
