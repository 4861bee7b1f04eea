"""History that never happened: made up from a seed, written in bulk, and as sound as if the deeds had been done.

`script` makes it up as values, `book` keeps its money, `rows` puts both into rows, `tables` writes them. What is done
one by one elsewhere is done here for a million jobs, and the three checks prove that it comes to the same.
"""
