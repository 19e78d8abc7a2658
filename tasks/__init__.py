"""The steps, chains and operations: yours to edit. Each step of the tutorials is one module."""
