"""The default against its peers, on all real tasks and BBOB: scores kept cell by cell, tables made from them."""
