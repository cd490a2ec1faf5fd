"""Our numbers beside the experiment and the published simulation."""
