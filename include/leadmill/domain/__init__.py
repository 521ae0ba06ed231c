"""Pure rules and types: the standard library and numpy only."""
