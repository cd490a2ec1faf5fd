"""The values that flow through the house: frozen dataclasses without I/O."""
