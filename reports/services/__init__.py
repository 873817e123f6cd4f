"""Everything that writes in reports: claim, assess, compose, sign, render, amend."""
