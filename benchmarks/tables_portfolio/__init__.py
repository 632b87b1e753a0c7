"""First trials learned from other tables: which sets, which candidates, their losses, the choice."""
