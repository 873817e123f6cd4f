"""Two records of one person become one, and two again if that was wrong.

The rows of the one record move to the other; the emptied record is closed, and stays. The moving
itself is the database's (`sql.py`): rows that are written once change their patient there and
nothing else, and nowhere else. What was before is kept in a `Merge`, which is written once.
"""
