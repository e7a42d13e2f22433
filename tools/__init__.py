"""What is made from the tables of the program: catalog, manuals, completion and diagrams."""
