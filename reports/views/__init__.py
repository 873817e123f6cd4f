"""The doctor's pages: the worklist, a visit's review, its report."""
