"""Functions behind ``import zifsim``: names, paths or values in, results that show themselves out."""
